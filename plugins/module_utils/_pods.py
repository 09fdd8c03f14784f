# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all pods have in common that modules run for a while. Private to the collection."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Cluster, Object


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """Where a pod runs, and as what; the fields are ``_cluster.POD_ARGUMENTS``."""

    namespace: str
    kubeconfig: str = ""
    context: str = ""
    labels: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    uid: int = 0
    """Number of the user; 0 leaves it to the image, or to the cluster."""
    seccomp: bool = True
    """Ask for the profile RuntimeDefault."""
    pull_policy: str = "IfNotPresent"
    pull_secrets: t.Sequence[str] = ()
    node_selector: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    tolerations: t.Sequence[Object] = ()

    def cluster(self) -> Cluster:
        """A connection of one's own."""
        return Cluster(self.kubeconfig, self.context)

    @property
    def pods(self) -> str:
        """Where pods are."""
        return f"/api/v1/namespaces/{self.namespace}/pods"


def spec(place: Place, seconds: int = 0, **numbers: t.Any) -> Object:
    """The part of a pod's specification that makes it "restricted", and keeps a token from it.

    :param seconds: after which the cluster ends it; 0 for never.
    :param numbers: what its security context has beside the number of the user.
    """
    user = {"runAsUser": place.uid} if place.uid else {}
    profile = {"seccompProfile": {"type": "RuntimeDefault"}} if place.seccomp else {}
    return {
        "restartPolicy": "Never",
        **({"activeDeadlineSeconds": seconds} if seconds else {}),
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "imagePullSecrets": [{"name": secret} for secret in place.pull_secrets],
        "nodeSelector": dict(place.node_selector),
        "tolerations": list(place.tolerations),
        "securityContext": {"runAsNonRoot": True, **profile, **user, **numbers},
    }
