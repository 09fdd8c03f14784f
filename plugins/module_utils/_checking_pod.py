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

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _cluster_pods, _pods
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Cluster, Object, Refused
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

# A node may still be writing the log of a container that has ended.
END = "@@hubwright-end@@"
_LOG_SECONDS = 30
# The log of a pod has both outputs in pieces of 16 KB: what is said of errors would stand in the midst of the answer, also
# when it comes after it, since each output is read by itself. So there is one.
_COMMAND = """python3 -B -c "$0" </check/request.json 2>/tmp/errors
status=$?
cat /tmp/errors
echo
echo {END}
exit $status
""".replace("{END}", END)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place(_pods.Place):
    """Where the pod runs, and what it sees; the number of the user is that of the group too."""

    secret: str = ""
    """Secret that is mounted when it is there, so that references to files are found."""
    secret_path: str = "/etc/jupyterhub/secrets"
    environment: t.Sequence[Object] = ()
    """Variables as Kubernetes has them, also from Secrets."""


def place(cluster: t.Mapping[str, t.Any] | None) -> Place | None:
    """What a module's option ``cluster`` says."""
    return Place(**{option: value for option, value in cluster.items() if value is not None}) if cluster else None


def spec(place: Place, seconds: int) -> Object:
    """What pods there have in common, which the cluster ends after some seconds."""
    groups = {"runAsGroup": place.uid, "fsGroup": place.uid} if place.uid else {}
    return _pods.spec(place, seconds, **groups)


def run(place: Place, image: str, program: str, payload: str, timeout: int) -> subprocess.CompletedProcess[str]:
    """Run a Python program in a pod, with the payload on its standard input.

    :raises HubError: when the cluster makes no such pod, or it takes too long.
    """
    cluster = place.cluster()
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
        text = _log(cluster, place.namespace, name)
    finally:
        # The cluster removes what the pod owns. What is left of it has nothing to say.
        cluster.delete(f"{base}/pods/{name}?gracePeriodSeconds=0")
    return subprocess.CompletedProcess([image], state.get("exitCode", 1), text, text)


def _log(cluster: Cluster, namespace: str, name: str) -> str:
    """All that was written; what there is of it when the end does not come."""
    deadline = time.monotonic() + _LOG_SECONDS
    while True:
        text, end, _more = cluster.log(namespace, name, "check").partition(END)
        if end or time.monotonic() > deadline:
            return text
        time.sleep(0.3)


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
                    "command": ["sh", "-c", _COMMAND, program],
                    "env": [{"name": "HOME", "value": "/tmp"}, *place.environment],
                    "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": amounts},
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    "volumeMounts": mounts,
                }
            ],
        },
    }
