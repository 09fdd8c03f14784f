# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the check of a configuration in a pod of the hub's image, which is removed afterwards. Private to the collection."""

from __future__ import annotations

import dataclasses
import subprocess
import time
import typing as t
import uuid

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _cluster_pods
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Cluster, Object, Refused
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the pod runs, and what it sees."""

    namespace: str
    kubeconfig: str = ""
    context: str = ""
    labels: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    uid: int = 0
    """Number of the user and the group; 0 leaves both to the image, or to the cluster."""
    seccomp: bool = True
    """Ask for the profile RuntimeDefault."""
    secret: str = ""
    """Secret that is mounted when it is there, so that references to files are found."""
    secret_path: str = "/etc/jupyterhub/secrets"
    environment: t.Sequence[Object] = ()
    """Variables as Kubernetes has them, also from Secrets."""
    pull_policy: str = "IfNotPresent"
    pull_secrets: t.Sequence[str] = ()
    node_selector: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    tolerations: t.Sequence[Object] = ()


def place(cluster: t.Mapping[str, t.Any] | None) -> Place | None:
    """What a module's option ``cluster`` says."""
    return Place(**{option: value for option, value in cluster.items() if value is not None}) if cluster else None


def spec(place: Place, seconds: int) -> Object:
    """What pods there have in common: "restricted", without a token, and ended by the cluster after some seconds."""
    numbers = {"runAsUser": place.uid, "runAsGroup": place.uid, "fsGroup": place.uid} if place.uid else {}
    profile = {"seccompProfile": {"type": "RuntimeDefault"}} if place.seccomp else {}
    return {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": seconds,
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "imagePullSecrets": [{"name": secret} for secret in place.pull_secrets],
        "nodeSelector": dict(place.node_selector),
        "tolerations": list(place.tolerations),
        "securityContext": {"runAsNonRoot": True, **profile, **numbers},
    }


def run(place: Place, image: str, program: str, payload: str, timeout: int) -> subprocess.CompletedProcess[str]:
    """Run a Python program in a pod, with the payload on its standard input.

    :raises HubError: when the cluster makes no such pod, or it takes too long.
    """
    cluster = Cluster(place.kubeconfig, place.context)
    name = f"hub-check-{uuid.uuid4().hex[:10]}"
    base = f"/api/v1/namespaces/{place.namespace}"
    try:
        made = cluster.create(f"{base}/pods", _pod(place, name, image, program, timeout))
    except Refused as error:
        raise HubError(
            f"The cluster makes no pod in the namespace {place.namespace} to check the configuration in: {error.reason}.",
            "Mend that; the hub's own pods would meet the same.",
        ) from error
    try:
        owner = {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": made["metadata"]["uid"]}
        metadata = {"name": name, "labels": dict(place.labels), "ownerReferences": [owner]}
        cluster.create(f"{base}/configmaps", {"metadata": metadata, "data": {"request.json": payload}})
        state = _ended(cluster, f"{base}/pods/{name}", image, timeout)
        text = cluster.log(place.namespace, name, "check")
    finally:
        # The cluster removes what the pod owns. What is left of it has nothing to say.
        cluster.delete(f"{base}/pods/{name}?gracePeriodSeconds=0")
    return subprocess.CompletedProcess([image], state.get("exitCode", 1), text, text)


def _ended(cluster: Cluster, path: str, image: str, timeout: int) -> Object:
    deadline = time.monotonic() + timeout
    while True:
        late = time.monotonic() > deadline
        pod = cluster.get(path)
        for container in _cluster_pods.containers(pod):
            ended = (container.get("state") or {}).get("terminated")
            if ended:
                return t.cast(Object, ended)
        why = _cluster_pods.trouble(pod)
        if why:
            raise HubError(
                f"The check of the configuration could not be run in the image {image}: {why}.",
                "Check the name of the image, and that the cluster's nodes may pull it.",
            )
        if late:
            why = _cluster_pods.unscheduled(pod) or f"the pod is {pod['status'].get('phase')}"
            raise HubError(
                f"The check of the configuration in a pod did not end within {timeout} seconds: {why}.",
                "Mend that, or allow more time; the first pull of an image may take minutes.",
            )
        time.sleep(0.3)


def _pod(place: Place, name: str, image: str, program: str, timeout: int) -> Object:
    volumes: list[Object] = [{"name": "request", "configMap": {"name": name}}]
    mounts: list[Object] = [{"name": "request", "mountPath": "/check", "readOnly": True}]
    if place.secret:
        volumes.append(
            {"name": "secrets", "secret": {"secretName": place.secret, "optional": True, "defaultMode": 0o440}}
        )
        mounts.append({"name": "secrets", "mountPath": place.secret_path, "readOnly": True})
    amounts = {"cpu": "1", "memory": "1Gi"}
    return {
        "metadata": {"name": name, "labels": dict(place.labels)},
        "spec": {
            **spec(place, timeout + 60),
            "volumes": volumes,
            "containers": [
                {
                    "name": "check",
                    "image": image,
                    "imagePullPolicy": place.pull_policy,
                    "command": ["sh", "-c", 'exec python3 -B -c "$0" </check/request.json', program],
                    "env": [{"name": "HOME", "value": "/tmp"}, *place.environment],
                    "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": amounts},
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    "volumeMounts": mounts,
                }
            ],
        },
    }
