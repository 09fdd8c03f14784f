# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has the nodes of a cluster pull images, by DaemonSets that are removed afterwards, and says of each node how far it is.

It works with the rights of one namespace, where nodes can not be listed: what is known of a node is what its pod says.
Private to the collection.
"""

from __future__ import annotations

import dataclasses
import re
import time
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _cluster_pods
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Cluster, Object, Refused
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

READY, PULLING, FAILED, SKIPPED = "ready", "pulling", "failed", "skipped"
PATIENCE = 15
"""Seconds after which a node that takes no pod is left out, and a pull that keeps failing has failed."""
# These come after the pull, so the image is there, even one that has no such program or no such user.
_AFTER_PULL = {
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "PostStartHookError",
    "PreCreateHookError",
    "PreStartHookError",
    "RunContainerError",
}
# A pull that failed is tried again; these are never.
_AT_ONCE = {"ErrImageNeverPull", "InvalidImageName"}
_MAY_MEND = {
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "RegistryUnavailable",
    "SignatureValidationFailed",
}
_TRIES = 2
# What a registry answers for an image that is not there, or not for these nodes: asking again is no use.
_REGISTRY_SAYS_NO = re.compile(r"manifest unknown|not found\b|\bdenied\b|\bunauthorized\b")


@dataclasses.dataclass
class Node:
    """What is known of one node."""

    name: str
    state: str
    """ready, pulling, failed or skipped."""
    images: dict[str, str] = dataclasses.field(default_factory=dict)
    """Image to ready, pulling or the cluster's own reason."""
    reason: str = ""
    """Why it was left out."""

    @property
    def line(self) -> str:
        """One line for people."""
        if self.state == READY:
            return f"{self.name}: ready, {len(self.images)} {'image' if len(self.images) == 1 else 'images'}"
        if self.state == SKIPPED:
            return f"{self.name}: left out, {self.reason}"
        lacking = {image: said for image, said in self.images.items() if said != READY}
        failed = [f"{image}: {said}" for image, said in lacking.items() if said != PULLING]
        slow = [image for image, said in lacking.items() if said == PULLING]
        words = ([f"failed, {'; '.join(failed)}"] if failed else []) + (
            [f"still pulling {', '.join(slow)}"] if slow else []
        )
        return f"{self.name}: {'; '.join(words)}"


@dataclasses.dataclass
class Pulled:
    """How far the nodes are."""

    ended: bool
    """Nothing more is to be expected, or the time is over; the DaemonSets are gone then."""
    nodes: list[Node]
    problems: list[str]
    """What hinders the cluster from making pods, in its own words."""
    complete: bool = True
    """All pods are there: each node that takes one is known."""

    @property
    def ready(self) -> bool:
        """Every node that takes pods has all images."""
        return (
            self.ended
            and self.complete
            and not self.problems
            and all(node.state in (READY, SKIPPED) for node in self.nodes)
        )


def start(cluster: Cluster, namespace: str, wanted: t.Sequence[Object]) -> None:
    """Make DaemonSets; what an interrupted run has left is removed before."""
    base = _path(namespace)
    try:
        for each in wanted:
            cluster.delete(f"{base}/{each['metadata']['name']}")
            cluster.create(base, each)
    except Refused as error:
        remove(cluster, namespace, wanted)
        raise HubError(
            f"The cluster makes no DaemonSet in the namespace {namespace} to pull images with: {error.reason}.",
            "The account of the kubeconfig needs the right to get, create and delete daemonsets there.",
        ) from error


def remove(cluster: Cluster, namespace: str, wanted: t.Sequence[Object]) -> None:
    """Remove DaemonSets with their pods."""
    for each in wanted:
        cluster.delete(f"{_path(namespace)}/{each['metadata']['name']}")


def watch(
    cluster: Cluster,
    namespace: str,
    wanted: t.Sequence[Object],
    seconds: float,
    clock: t.Callable[[], float] = time.monotonic,
    sleep: t.Callable[[float], None] = time.sleep,
) -> Pulled:
    """Wait until nothing more is to be expected, at most so long; the DaemonSets stay."""
    started, seen = clock(), _Seen(clock)
    while True:
        late = clock() - started >= seconds
        found = [_look(cluster, namespace, each, seen) for each in wanted]
        nodes = _together([node for nodes, _problems, _complete in found for node in nodes])
        problems = [problem for _nodes, problems, _complete in found for problem in problems]
        complete = all(each for _nodes, _problems, each in found)
        failed = problems or any(node.state == FAILED for node in nodes)
        # While one node has failed for good, the others only waste time; a moment more lets them say the same.
        settled = all(node.state != PULLING for node in nodes)
        if (complete and settled) or (failed and seen.for_long("failed")):
            return Pulled(True, nodes, problems, complete)
        if late:
            return Pulled(False, nodes, problems or _absent(wanted, found), complete)
        sleep(0.5)


def _absent(wanted: t.Sequence[Object], found: t.Sequence[tuple[list[Node], list[str], bool]]) -> list[str]:
    """What to say of pods that never came, which nothing explains."""
    return [
        f"the cluster has not made all pods of the DaemonSet {each['metadata']['name']}"
        for each, (_nodes, _problems, complete) in zip(wanted, found)
        if not complete
    ]


class _Seen:
    """Since when something has been so, in this process's own time: a cluster has another clock."""

    def __init__(self, clock: t.Callable[[], float]) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}

    def for_long(self, what: str, seconds: float = PATIENCE) -> bool:
        """Has it been so for some seconds, as often as it was asked?"""
        return self._clock() - self._since.setdefault(what, self._clock()) >= seconds


def _path(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/daemonsets"


def _look(cluster: Cluster, namespace: str, wanted: Object, seen: _Seen) -> tuple[list[Node], list[str], bool]:
    """The nodes of one DaemonSet, what hinders it, and whether all of its pods are there."""
    name = wanted["metadata"]["name"]
    found = cluster.find(f"{_path(namespace)}/{name}")
    if found is None:
        raise HubError(f"The DaemonSet {name} of the namespace {namespace}, which pulls images, was removed meanwhile.")
    uid, status = found["metadata"]["uid"], found.get("status") or {}
    selector = ",".join(f"{key}={value}" for key, value in sorted(wanted["spec"]["selector"]["matchLabels"].items()))
    pods = [
        pod
        for pod in cluster.items(f"/api/v1/namespaces/{namespace}/pods", selector)
        if any(owner["uid"] == uid for owner in pod["metadata"].get("ownerReferences") or [])
        and not pod["metadata"].get("deletionTimestamp")
    ]
    known = status.get("observedGeneration", 0) >= found["metadata"].get("generation", 1)
    missing = status.get("desiredNumberScheduled", 0) - len(pods) if known else 1
    events = _Events(cluster, namespace)
    nodes = [_node(pod, events, seen) for pod in pods]
    problems = []
    # A quota, for example: the cluster tries again and again, and says so in events alone, not even that it has seen the DaemonSet.
    if missing > 0 and seen.for_long(f"{name} has no pods", 2):
        problems = events.of(name, uid, "FailedCreate")[-1:]
    return nodes, problems, missing <= 0


def _node(pod: Object, events: _Events, seen: _Seen) -> Node:
    name, spec, status = pod["metadata"]["name"], pod["spec"], pod.get("status") or {}
    node = spec.get("nodeName") or _meant_for(pod)
    images = dict.fromkeys((each["image"] for each in spec["containers"]), PULLING)
    if not spec.get("nodeName"):
        why = _cluster_pods.unscheduled(pod)
        if why and seen.for_long(f"{name} is on no node"):
            return Node(node, SKIPPED, images, f"it takes no pod now ({why.partition(': ')[2]})")
        return Node(node, PULLING, images)
    if not status.get("startTime"):
        if seen.for_long(f"{name} is not started"):
            return Node(node, SKIPPED, images, "it does not answer")
        return Node(node, PULLING, images)
    final = False
    by_name = {each["name"]: each for each in status.get("containerStatuses") or []}
    for container in spec["containers"]:
        said, hopeless = _image(pod, container, by_name.get(container["name"], {}), events, seen)
        images[container["image"]] = said
        final = final or hopeless
    if final:
        return Node(node, FAILED, images)
    # A pull that failed once may be tried again with success: it is not over.
    return Node(node, READY if set(images.values()) == {READY} else PULLING, images)


def _image(pod: Object, container: Object, status: Object, events: _Events, seen: _Seen) -> tuple[str, bool]:
    """How far one image is on one node, and whether that is how it stays."""
    state = status.get("state") or {}
    waiting = state.get("waiting") or {}
    reason = waiting.get("reason", "")
    ran = "running" in state or "terminated" in state or bool((status.get("lastState") or {}).get("terminated"))
    if ran or reason in _AFTER_PULL:
        return READY, False
    if reason in _AT_ONCE:
        return f"{reason}: {waiting.get('message') or reason}", True
    if reason not in _MAY_MEND:
        return PULLING, False
    name = pod["metadata"]["name"]
    failures = events.failed_pulls(name, container["name"])
    words = [message for message, _count in failures] or [f"{reason}: {waiting.get('message') or reason}"]
    tried = sum(count for _message, count in failures) >= _TRIES or bool(_REGISTRY_SAYS_NO.search(words[-1]))
    return words[-1], tried or seen.for_long(f"{name} {container['name']} fails")


def _meant_for(pod: Object) -> str:
    """The node for which the cluster made a pod that is not there yet."""
    affinity = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    for term in affinity.get("nodeSelectorTerms") or []:
        for field in term.get("matchFields") or []:
            if field["key"] == "metadata.name":
                return str(field["values"][0])
    return "some node"


def _together(nodes: t.Sequence[Node]) -> list[Node]:
    """A node that several DaemonSets meet is one node: the worst counts."""
    order = (READY, SKIPPED, PULLING, FAILED)
    found: dict[str, Node] = {}
    for node in nodes:
        one = found.setdefault(node.name, Node(node.name, node.state))
        one.images.update(node.images)
        one.state = max(one.state, node.state, key=order.index)
        one.reason = one.reason or node.reason
    return [found[name] for name in sorted(found)]


class _Events:
    """What the cluster warned about, asked for when it is needed and once."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self._namespace = cluster, namespace
        self._found: list[Object] | None = None

    def _warnings(self, name: str, reason: str) -> list[Object]:
        if self._found is None:
            self._found = self._cluster.items(f"/api/v1/namespaces/{self._namespace}/events")
            self._found.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
        return [
            event
            for event in self._found
            if event.get("reason") == reason and event["involvedObject"].get("name") == name
        ]

    def of(self, name: str, uid: str, reason: str) -> list[str]:
        """Messages about an object, and not about one that had its name before."""
        return [
            str(event.get("message")).removeprefix("(combined from similar events): ")
            for event in self._warnings(name, reason)
            if event["involvedObject"].get("uid", uid) == uid
        ]

    def failed_pulls(self, pod: str, container: str) -> list[tuple[str, int]]:
        """What came of the pulls of a container's image, and how often. The state of a pod soon only says that it waits."""
        return [
            (str(event["message"]), int(event.get("count") or 1))
            for event in self._warnings(pod, "Failed")
            if event["involvedObject"].get("fieldPath", "").endswith(f"{{{container}}}")
            and str(event.get("message")).startswith("Failed to pull image")
        ]
