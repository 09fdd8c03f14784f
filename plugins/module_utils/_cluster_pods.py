# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pods and deployments say about why they do not run. Private to the collection."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Cluster, Object

# Of these, waiting alone never makes a running container. A pull is tried again, but a name that is wrong stays wrong.
_HOPELESS = {
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
    "RegistryUnavailable",
    "RunContainerError",
}
ENDED_TWICE = 2
_HASH = "pod-template-hash"
LINES = 40


@dataclasses.dataclass
class Waited:
    """How waiting for deployments ended."""

    ready: bool
    """All of them run as they are described."""
    reasons: list[str] = dataclasses.field(default_factory=list)
    """Why not, in the cluster's own words."""
    logs: dict[str, str] = dataclasses.field(default_factory=dict)
    """Last lines of each deployment that is not ready."""
    pods: dict[str, str] = dataclasses.field(default_factory=dict)
    """Name of the pod of each deployment that is."""


def containers(pod: Object) -> list[Object]:
    """The states of a pod's containers, those that run before the others first."""
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def trouble(pod: Object, restarts: t.Mapping[str, int] | None = None) -> str:
    """Why a pod can not come up however long one waits; empty while it still may.

    :param restarts: how often each container had ended when somebody began to wait. One that ended before gets another
        try: what it lacked then, such as a database that was slow, may be there by now.
    """
    name = pod["metadata"]["name"]
    before = restarts or {}
    for container in containers(pod):
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _HOPELESS:
            said = waiting.get("message") or waiting["reason"]
            return f"container {container['name']} of pod {name} does not start: {waiting['reason']}: {said}"
        ended = (container.get("lastState") or {}).get("terminated") or {}
        count = container.get("restartCount", 0)
        again = count > before.get(container["name"], 0)
        if count >= ENDED_TWICE and again and not container.get("ready") and ended:
            return f"container {container['name']} of pod {name} ended {count} times, {_ending(ended)}"
    return ""


def unscheduled(pod: Object) -> str:
    """Why no node takes a pod, empty when one has; a new node may still come."""
    for condition in (pod.get("status") or {}).get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"pod {pod['metadata']['name']} is on no node: {condition.get('message') or condition.get('reason')}"
    return ""


def _ending(ended: Object) -> str:
    return f"the last time with exit code {ended.get('exitCode')} ({ended.get('reason') or 'no reason'})"


def rolled_out(deployment: Object) -> bool:
    """Does a deployment run as it is described, and nothing else of it?"""
    status, wanted = deployment.get("status") or {}, (deployment.get("spec") or {}).get("replicas", 1)
    seen = bool(status.get("observedGeneration", 0) >= deployment["metadata"]["generation"])
    return seen and all(status.get(key, 0) == wanted for key in ("updatedReplicas", "replicas", "availableReplicas"))


def refused(deployment: Object) -> str:
    """Why the cluster makes no pod of a deployment, for example a quota; empty when it does."""
    for condition in (deployment.get("status") or {}).get("conditions") or []:
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return f"the cluster makes no pod of {deployment['metadata']['name']}: {condition.get('message')}"
    return ""


def wait(
    cluster: Cluster,
    namespace: str,
    names: t.Sequence[str],
    seconds: float,
    clock: t.Callable[[], float] = time.monotonic,
    sleep: t.Callable[[float], None] = time.sleep,
) -> Waited:
    """Wait until deployments run as they are described, until one of them can not, or until the time is over."""
    deadline = clock() + seconds
    restarts: dict[str, dict[str, int]] | None = None
    while True:
        late = clock() > deadline
        missing = [name for name in names if not rolled_out(_deployment(cluster, namespace, name))]
        if not missing:
            return Waited(True, pods={name: _newest(_pods(cluster, namespace, name)) for name in names})
        pods = {name: _pods(cluster, namespace, name) for name in missing}
        if restarts is None:
            restarts = {pod["metadata"]["name"]: _restarts(pod) for each in pods.values() for pod in each}
        reasons = [why for name in missing for why in _hopeless(cluster, namespace, name, pods[name], restarts)]
        if reasons or late:
            reasons = reasons or [_late(name, pods[name], seconds) for name in missing]
            words = [word for name in missing for word in _events(cluster, namespace, name, pods[name])]
            logs = {name: _last_words(cluster, namespace, pods[name]) for name in missing}
            said = [word for word in dict.fromkeys(words) if not any(word in reason for reason in reasons)]
            return Waited(False, reasons + said, {name: text for name, text in logs.items() if text})
        sleep(0.5)


def _deployment(cluster: Cluster, namespace: str, name: str) -> Object:
    return cluster.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")


def _pods(cluster: Cluster, namespace: str, name: str) -> list[Object]:
    """Pods of a deployment as it is described now. Older ones go on for a while, and newer ones may not be there yet."""
    found = _deployment(cluster, namespace, name)
    selector = ",".join(f"{key}={value}" for key, value in sorted(found["spec"]["selector"]["matchLabels"].items()))
    sets = cluster.items(f"/apis/apps/v1/namespaces/{namespace}/replicasets", selector)
    numbers = {each["metadata"]["labels"].get(_HASH) for each in sets if _template(each) == _template(found)}
    pods = cluster.items(f"/api/v1/namespaces/{namespace}/pods", selector)
    return [pod for pod in pods if pod["metadata"]["labels"].get(_HASH) in numbers]


def _template(found: Object) -> Object:
    """What the pods of a deployment or of one of its versions are made from."""
    template: Object = found["spec"]["template"]
    labels = {name: value for name, value in (template["metadata"].get("labels") or {}).items() if name != _HASH}
    return {**template, "metadata": {**template["metadata"], "labels": labels}}


def _newest(pods: t.Sequence[Object]) -> str:
    living = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    return (
        max((pod["metadata"]["creationTimestamp"], str(pod["metadata"]["name"])) for pod in living)[1] if living else ""
    )


def _restarts(pod: Object) -> dict[str, int]:
    return {container["name"]: container.get("restartCount", 0) for container in containers(pod)}


def _hopeless(
    cluster: Cluster,
    namespace: str,
    name: str,
    pods: t.Sequence[Object],
    restarts: t.Mapping[str, t.Mapping[str, int]],
) -> list[str]:
    said = [trouble(pod, restarts.get(pod["metadata"]["name"])) for pod in pods]
    if not pods:
        said.append(refused(_deployment(cluster, namespace, name)))
    return [why for why in said if why]


def _late(name: str, pods: t.Sequence[Object], seconds: float) -> str:
    said = [unscheduled(pod) for pod in pods]
    return next((why for why in said if why), f"{name} was not ready within {seconds:.0f} s")


def _events(cluster: Cluster, namespace: str, name: str, pods: t.Sequence[Object]) -> list[str]:
    """What the cluster warned about a deployment, its pods and its claim."""
    names = {name, *(pod["metadata"]["name"] for pod in pods)}
    names |= {
        volume["persistentVolumeClaim"]["claimName"]
        for pod in pods
        for volume in pod["spec"].get("volumes") or []
        if "persistentVolumeClaim" in volume
    }
    events = cluster.items(f"/api/v1/namespaces/{namespace}/events")
    # A probe that fails says nothing that is not known.
    warned = [
        event
        for event in events
        if event.get("type") == "Warning"
        and event.get("reason") != "Unhealthy"
        and event["involvedObject"].get("name") in names
    ]
    warned.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    texts = [
        f"{event['involvedObject']['kind']} {event['involvedObject']['name']}: {event.get('reason')}: {event.get('message')}"
        for event in warned
    ]
    return list(dict.fromkeys(texts))[-5:]


def warned(cluster: Cluster, namespace: str, pod: Object) -> list[str]:
    """What the cluster warned about a pod and its claims."""
    return _events(cluster, namespace, pod["metadata"]["name"], [pod])


def _last_words(cluster: Cluster, namespace: str, pods: t.Sequence[Object]) -> str:
    """The last lines of the containers that do not run as they should."""
    for pod in pods:
        # What ended says why; what was not ready yet may only have been slow.
        for container in sorted(containers(pod), key=lambda each: -int(each.get("restartCount", 0))):
            if container.get("ready") or ((container.get("state") or {}).get("terminated") or {}).get("exitCode") == 0:
                continue
            for previous in (False, True):
                text = cluster.log(namespace, pod["metadata"]["name"], container["name"], LINES, previous)
                if text.strip():
                    return text.rstrip()
    return ""
