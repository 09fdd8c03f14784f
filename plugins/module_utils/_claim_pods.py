# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods that have users' claims mounted for as long as these are backed up or restored. Private to the collection.

Such a pod runs Python and nothing else: as the account that user servers have, without a token, under the cluster's strictest rules.
It ends by itself a minute after the last that was heard of whoever made it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import time
import typing as t
import uuid

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _cluster_pods, _helper_session, _pods
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Cluster, Object, Refused
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._helper_frames import Broken

CONTAINER = "volumes"
LABELS = {"app.kubernetes.io/managed-by": "hubwright", "app.kubernetes.io/component": "volume-helper"}
RUN = "hubwright.jupyterhub/run"
MOUNTS = "/volumes"
# More volumes at once than this some clouds do not attach to a node.
AT_ONCE = 10
_PIECE = 256 * 1024
_SILENCE = 30


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place(_pods.Place):
    """Where such pods run; the number of the user is that of user servers."""

    image: str
    hub: str
    group: int = 0
    """Number of the group that the cluster gives the volumes to; 0 for none."""
    timeout: int = 300
    """Seconds for a pod to come up."""


@dataclasses.dataclass(frozen=True)
class Group:
    """Claims that one pod can have."""

    node: str
    references: tuple[str, ...]


def groups(cluster: Cluster, place: Place, references: t.Sequence[str]) -> list[Group]:
    """Which claims go together: those that are in use on one node, and those that are not, some at a time."""
    nodes = {claim: pod["spec"].get("nodeName", "") for claim, pod in _users(cluster, place).items()}
    by_node: dict[str, list[str]] = {}
    for reference in references:
        by_node.setdefault(nodes.get(claim_of(reference), ""), []).append(reference)
    return [
        Group(node, tuple(several[start : start + AT_ONCE]))
        for node, several in sorted(by_node.items())
        for start in range(0, len(several), AT_ONCE)
    ]


def user_of(cluster: Cluster, place: Place, reference: str) -> str:
    """Name of a pod that has a claim mounted; empty when none has."""
    pod = _users(cluster, place).get(claim_of(reference))
    return pod["metadata"]["name"] if pod else ""


def claim_of(reference: str) -> str:
    """The claim's name in ``CLAIM/directory/in/it``."""
    return reference.partition("/")[0]


def _users(cluster: Cluster, place: Place) -> dict[str, Object]:
    """Claim to a pod that has it mounted."""
    found = {}
    for pod in cluster.get(place.pods)["items"]:
        helper = LABELS.items() <= (pod["metadata"].get("labels") or {}).items()
        if helper or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            continue
        for volume in pod["spec"].get("volumes") or []:
            if "persistentVolumeClaim" in volume:
                found[volume["persistentVolumeClaim"]["claimName"]] = pod
    return found


def remove_left(cluster: Cluster, place: Place) -> None:
    """Remove pods of runs that were killed: of this host at once, of others when they have ended by themselves."""
    selector = ",".join(f"{key}={value}" for key, value in {**LABELS, "app.kubernetes.io/instance": place.hub}.items())
    for pod in cluster.items(place.pods, selector):
        run = (pod["metadata"].get("annotations") or {}).get(RUN, "")
        host, _at, process = run.rpartition("@")
        ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if ended or (host == socket.gethostname() and process not in _processes()):
            cluster.delete(f"{place.pods}/{pod['metadata']['name']}?gracePeriodSeconds=0")


def _processes() -> set[str]:
    return {name for number in os.listdir("/proc") if number.isdigit() and (name := _process(number))}


def _process(number: str) -> str:
    """Number of a process and when it began, which no later one has."""
    try:
        with open(f"/proc/{number}/stat", encoding="utf-8", errors="replace") as stream:
            return f"{number}.{stream.read().rpartition(')')[2].split()[19]}"
    except OSError:  # it has ended
        return ""


@contextlib.contextmanager
def helper(cluster: Cluster, place: Place, group: Group, read_only: bool) -> t.Iterator[tuple[str, dict[str, str]]]:
    """A pod that has claims mounted: its name, and where each claim is in it.

    :raises HubError: the cluster makes no such pod, or it does not come up.
    """
    for reference in group.references:
        claim = claim_of(reference)
        if cluster.find(f"/api/v1/namespaces/{place.namespace}/persistentvolumeclaims/{claim}") is None:
            raise HubError(f"There is no claim {claim} in the namespace {place.namespace}.")
    name = f"hub-volumes-{uuid.uuid4().hex[:10]}"
    at = {reference: f"{MOUNTS}/{number}" for number, reference in enumerate(group.references)}
    try:
        cluster.create(place.pods, _pod(place, name, group, at, read_only))
    except Refused as error:
        raise HubError(
            f"The cluster makes no pod in the namespace {place.namespace} to read volumes in: {error.reason}.",
            "Mend that; user servers would meet the same.",
        ) from error
    try:
        _wait(cluster, place, name)
        yield name, at
    finally:
        cluster.delete(f"{place.pods}/{name}?gracePeriodSeconds=0")


def _wait(cluster: Cluster, place: Place, name: str) -> None:
    deadline = time.monotonic() + place.timeout
    while True:
        late = time.monotonic() > deadline
        pod = cluster.get(f"{place.pods}/{name}")
        if any("running" in (each.get("state") or {}) for each in _cluster_pods.containers(pod)):
            return
        why = _cluster_pods.trouble(pod)
        phase = (pod.get("status") or {}).get("phase")
        if not why and phase in ("Succeeded", "Failed"):
            why = f"it is {phase}"
        if why or late:
            said = why or _cluster_pods.unscheduled(pod) or f"it is {phase}"
            warned = [text for text in _cluster_pods.warned(cluster, place.namespace, pod) if text not in said]
            raise HubError(
                f"The pod {name}, which has the volumes mounted, did not come up within {place.timeout} s: "
                f"{'; '.join([said, *warned])}.",
                "Mend that, or allow more time.",
            )
        time.sleep(0.3)


def _breaks() -> tuple[type[Exception], ...]:
    """What the library for web sockets raises."""
    import websocket

    return OSError, websocket.WebSocketException


class ExecConnection(_helper_session.Outputs):
    """The program in a pod; see ``_helper_session.Connection``."""

    def __init__(self, place: Place, pod: str) -> None:
        super().__init__()
        self._cluster, self._place, self._pod = place.cluster(), place, pod
        self._stream = self._cluster.execute(place.namespace, pod, CONTAINER, _helper_session.COMMAND)

    def send(self, data: bytes) -> None:
        """Write to its input, in pieces that each part of the way takes."""
        view = memoryview(data)
        try:
            for start in range(0, len(view), _PIECE):
                self._stream.write_stdin(bytes(view[start : start + _PIECE]))
        except _breaks() as error:
            raise Broken(str(error)) from None

    def _more(self) -> None:
        try:
            self._stream.update(timeout=_SILENCE)
        except _breaks() as error:
            raise Broken(str(error)) from None
        # To read one channel fetches what there is for all, so the one that is waited for is read last.
        self._keep_words(self._stream.read_channel(2))
        got = self._stream.read_channel(1)
        self._read += got
        if not got and not self._stream.is_open():
            raise self._ended()
        if not got:
            found = self._cluster.find(f"{self._place.pods}/{self._pod}")
            phase = ((found or {}).get("status") or {}).get("phase", "gone")
            if phase != "Running":
                raise Broken(f"the pod {self._pod} is {phase}")

    def close(self) -> None:
        """Let the program end."""
        with contextlib.suppress(*_breaks()):  # it is closed, one way or another
            self._stream.close()


def _pod(place: Place, name: str, group: Group, at: t.Mapping[str, str], read_only: bool) -> Object:
    volumes: list[Object] = [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}]
    mounts: list[Object] = [{"name": "tmp", "mountPath": "/tmp"}]
    known: dict[str, str] = {}
    for reference, path in at.items():
        claim, _slash, below = reference.partition("/")
        if claim not in known:
            known[claim] = f"claim-{len(known)}"
            volumes.append({"name": known[claim], "persistentVolumeClaim": {"claimName": claim}})
        mount: Object = {"name": known[claim], "mountPath": path, "readOnly": read_only}
        mounts.append({**mount, "subPath": below} if below else mount)
    # The groups of a large volume are as a server has left them; to set them again takes minutes.
    groups: Object = {"fsGroup": place.group, "fsGroupChangePolicy": "OnRootMismatch"} if place.group else {}
    spec = _pods.spec(place, **groups)
    if group.node:
        field = {"key": "metadata.name", "operator": "In", "values": [group.node]}
        terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
        affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
        spec = {**spec, "nodeSelector": {}, "affinity": affinity}
    return {
        "metadata": {
            "name": name,
            "labels": {**place.labels, **LABELS, "app.kubernetes.io/instance": place.hub},
            "annotations": {RUN: f"{socket.gethostname()}@{_process(str(os.getpid()))}"},
        },
        "spec": {
            **spec,
            "volumes": volumes,
            "containers": [
                {
                    "name": CONTAINER,
                    "image": place.image,
                    "imagePullPolicy": place.pull_policy,
                    "command": ["python3", "-I", "-c", _helper_session.WAITS],
                    "env": [{"name": "HOME", "value": "/tmp"}],
                    "resources": {
                        "requests": {"cpu": "100m", "memory": "128Mi"},
                        "limits": {"cpu": "2", "memory": "1Gi"},
                    },
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                        "readOnlyRootFilesystem": True,
                    },
                    "volumeMounts": mounts,
                }
            ],
        },
    }
