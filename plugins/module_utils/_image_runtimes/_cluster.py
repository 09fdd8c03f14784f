# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notebook images that a Kubernetes cluster runs. Private to the collection."""

from __future__ import annotations

import re

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _smoke_pod, _smoke_test, _user_pods
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._checking_pod import Place
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Cluster, Object
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_runtimes import Container

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ENDED = ("Succeeded", "Failed")


class ClusterRuntime:
    """A ``Runtime``: pods of one namespace. An image is known there by its digest.

    :param hub: whose user servers are meant; empty: of none.
    """

    def __init__(self, cluster: Cluster, place: Place, hub: str) -> None:
        self._cluster = cluster
        self._place = place
        self._hub = hub
        self._pods: dict[str, Object] = {}

    def containers(self) -> list[Container]:
        """The pods, by one question to the cluster."""
        pods = self._cluster.get(f"/api/v1/namespaces/{self._place.namespace}/pods")["items"]
        self._pods = {pod["metadata"]["name"]: pod for pod in pods}
        found = (self._container(name, pod) for name, pod in sorted(self._pods.items()))
        return [container for container in found if container.image]

    def _container(self, name: str, pod: Object) -> Container:
        labels, phase = pod["metadata"].get("labels") or {}, (pod.get("status") or {}).get("phase", "Pending")
        of_hub = bool(self._hub) and all(
            labels.get(label) == value
            for label, _equals, value in (part.partition("=") for part in _user_pods.selector(self._hub).split(","))
        )
        return Container(name, name, _image(pod), str(phase).lower(), phase in _ENDED, of_hub)

    def owner(self, container: Container) -> tuple[str, str]:
        """By the pod's annotations."""
        recorded = self._pods[container.id]["metadata"].get("annotations") or {}
        return recorded.get(_user_pods.USER, ""), recorded.get(_user_pods.SERVER, "")

    def remove(self, container: Container) -> bool:
        """A pod that has ended never runs again."""
        self._cluster.delete(f"/api/v1/namespaces/{self._place.namespace}/pods/{container.id}")
        return True

    def try_out(self, image: str, name: str, trial: _smoke_test.Trial | None) -> _smoke_test.Passed | None:
        """In a pod with two containers, by an account that may make pods here and nothing else."""
        if not trial:
            return None
        return _smoke_test.run(_smoke_pod.PodBench(self._cluster, self._place, image, trial), name, trial)


def _image(pod: Object) -> str:
    """Digest of the image of a user server's container or, in other pods, of the first one."""
    states = (pod.get("status") or {}).get("containerStatuses") or []
    servers = [state for state in states if state["name"] == _user_pods.CONTAINER] or states[:1]
    found = [_DIGEST.search(state.get("imageID") or "") for state in servers]
    return found[0][0] if found and found[0] else ""
