# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes pull images: what each of them says is told, waiting ends, and nothing is left behind."""

from __future__ import annotations

import itertools
import pathlib
import typing as t

import clusters
import module_runs
import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _cluster, _cluster_images
from ansible_collections.hubwright.jupyterhub.plugins.modules import hub_cluster_images

CORE = "/api/v1/namespaces/course"
SETS = "/apis/apps/v1/namespaces/course/daemonsets"
LABELS = {"component": "hook-image-puller", "hubwright/nodes": "1"}
Object = dict[str, t.Any]
RUNS = {"running": {}}
BACK_OFF = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}


def daemon_set(*images: str, name: str = "pull", labels: dict[str, str] | None = None) -> Object:
    """A DaemonSet with a container for each image."""
    containers = [{"name": f"image-{number}", "image": image} for number, image in enumerate(images, 1)]
    labels = labels or LABELS
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    }


class Nodes:
    """What a cluster's controller and its nodes make of a DaemonSet, in the stand-in."""

    def __init__(self, cluster: clusters.Cluster) -> None:
        self.cluster = cluster
        self.states: dict[str, list[Object]] = {"one": [RUNS]}
        """Node to the states of its containers."""
        self.bare: dict[str, Object] = {}
        """Node to the status of a pod that it has not started."""
        self.expected = 0
        self.seen = True
        cluster.after = self.made

    def made(self, path: str, body: Object) -> None:
        """Called with each object that was made."""
        if not path.startswith(SETS):
            return
        expected = self.expected or len(self.states) + len(self.bare)
        body["metadata"]["generation"] = 1
        body["status"] = {"observedGeneration": 1, "desiredNumberScheduled": expected} if self.seen else {}
        for node in [*self.states, *self.bare]:
            self.pod(body, node)

    def pod(self, body: Object, node: str, name: str = "") -> None:
        """The pod of a DaemonSet on a node."""
        spec = {**body["spec"]["template"]["spec"]}
        terms = [{"matchFields": [{"key": "metadata.name", "values": [node]}]}]
        needed = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        status = self.bare.get(node)
        if status is None or not status.get("conditions"):
            spec["nodeName"] = node
        else:
            spec["affinity"] = {"nodeAffinity": needed}
        if status is None:
            pairs = itertools.zip_longest(spec["containers"], self.states[node])
            said = [{"name": each["name"], "state": state} for each, state in pairs if state is not None]
            status = {"startTime": "2026-01-01T00:00:00Z", "containerStatuses": said}
        self.cluster.put(
            f"{CORE}/pods/{name or body['metadata']['name'] + '-' + node}",
            metadata={
                "labels": body["spec"]["selector"]["matchLabels"],
                "ownerReferences": [{"uid": body["metadata"]["uid"]}],
            },
            spec=spec,
            status=status,
        )

    def event(self, about: str, reason: str, message: str, container: str = "", count: int = 1, uid: str = "") -> None:
        """A warning."""
        about_what = {"name": about, **({"fieldPath": f"spec.containers{{{container}}}"} if container else {})}
        about_what |= {"uid": uid} if uid else {}
        self.cluster.put(
            f"{CORE}/events/{about}{len(self.cluster.objects)}",
            involvedObject=about_what,
            reason=reason,
            message=message,
            count=count,
            type="Warning",
        )


@pytest.fixture
def nodes(tmp_path: pathlib.Path) -> t.Iterator[Nodes]:
    with clusters.running(tmp_path) as running:
        yield Nodes(running)


def pull(nodes: Nodes, *wanted: Object, **options: t.Any) -> dict[str, t.Any]:
    options = {"kubeconfig": nodes.cluster.kubeconfig, "namespace": "course", **options}
    return module_runs.call(hub_cluster_images, daemon_sets=[*wanted] or [daemon_set("a:1")], **options)


def sets(nodes: Nodes) -> list[str]:
    """What is left."""
    return [path for path in nodes.cluster.objects if path.startswith(SETS)]


def watch(nodes: Nodes, *wanted: Object, seconds: float = 100, step: float = 1) -> _cluster_images.Pulled:
    """Wait with a clock that a test need not wait for."""
    ticks = itertools.count(0, step)
    cluster = _cluster.Cluster(nodes.cluster.kubeconfig)
    several = list(wanted) or [daemon_set("a:1")]
    _cluster_images.start(cluster, "course", several)
    return _cluster_images.watch(cluster, "course", several, seconds, lambda: float(next(ticks)), lambda _s: None)


def test_every_node_is_ready_and_nothing_is_left(nodes: Nodes) -> None:
    nodes.states = {"two": [RUNS, RUNS], "one": [RUNS, {"terminated": {"exitCode": 1}}]}
    result = pull(nodes, daemon_set("a:1", "b:1"))
    assert (result["ready"], result["ended"], result["changed"]) == (True, True, True)
    assert result["lines"] == ["one: ready, 2 images", "two: ready, 2 images"]
    assert result["nodes"][0]["images"] == {"a:1": "ready", "b:1": "ready"}
    assert sets(nodes) == []


@pytest.mark.parametrize(
    "reason", ["CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff"]
)
def test_an_image_that_runs_nothing_was_pulled_nevertheless(nodes: Nodes, reason: str) -> None:
    nodes.states = {"one": [{"waiting": {"reason": reason, "message": "no such file: sh"}}]}
    assert pull(nodes)["ready"]


def test_a_container_between_two_attempts_was_pulled(nodes: Nodes) -> None:
    nodes.states = {"one": [{"waiting": {"reason": "ContainerCreating"}}]}

    def ran(path: str, body: Object) -> None:
        nodes.made(path, body)
        status = nodes.cluster.objects[f"{CORE}/pods/pull-one"]["status"]
        status["containerStatuses"][0]["lastState"] = {"terminated": {"exitCode": 128}}

    nodes.cluster.after = ran
    assert pull(nodes)["ready"]


def test_a_name_that_is_none_fails_at_once_with_the_clusters_words(nodes: Nodes) -> None:
    nodes.states = {"one": [{"waiting": {"reason": "InvalidImageName", "message": "could not parse A"}}]}
    result = pull(nodes, daemon_set("A"))
    assert (result["ready"], result["ended"]) == (False, True)
    assert result["lines"] == ["one: failed, A: InvalidImageName: could not parse A"]
    assert sets(nodes) == []


def test_a_pull_that_failed_twice_has_failed_with_its_first_reason(nodes: Nodes) -> None:
    """The state of the pod only says that it waits by then."""
    nodes.states = {"one": [BACK_OFF, RUNS], "two": [RUNS, RUNS]}
    nodes.event("pull-one", "Failed", 'Failed to pull image "a:1": no such host', "image-1", count=2)
    nodes.event("pull-one", "Failed", "Error: ErrImagePull", "image-1")
    result = pull(nodes, daemon_set("a:1", "b:1"))
    assert [node["state"] for node in result["nodes"]] == ["failed", "ready"]
    assert result["lines"][0] == 'one: failed, a:1: Failed to pull image "a:1": no such host'
    assert not result["ready"]


@pytest.mark.parametrize(
    "said",
    [
        "Error response from daemon: manifest for a:1 not found: manifest unknown: manifest unknown",
        'failed to resolve reference "a:1": a:1: not found',
        "pull access denied, repository does not exist or may require authorization",
        "reading manifest 1 in a: unauthorized: access to the requested resource is not authorized",
    ],
)
def test_what_the_registry_does_not_have_is_not_tried_again(nodes: Nodes, said: str) -> None:
    nodes.states = {"one": [{"waiting": {"reason": "ErrImagePull", "message": said}}]}
    result = pull(nodes)
    assert result["lines"] == [f"one: failed, a:1: ErrImagePull: {said}"]


def test_a_pull_that_failed_once_may_still_succeed(nodes: Nodes) -> None:
    nodes.states = {"one": [BACK_OFF]}
    nodes.event("pull-one", "Failed", 'Failed to pull image "a:1": reset by peer', "image-1")
    result = pull(nodes, wait=1)
    assert (result["ready"], result["ended"], result["nodes"][0]["state"]) == (False, False, "pulling")
    assert sets(nodes) == [f"{SETS}/pull"]
    nodes.cluster.objects[f"{CORE}/pods/pull-one"]["status"]["containerStatuses"][0]["state"] = RUNS
    again = pull(nodes, wait=1, since=result["since"])
    assert (again["ready"], again["since"]) == (True, result["since"])
    assert sets(nodes) == [] and sum(line.startswith("POST") for line in nodes.cluster.written) == 1


def test_without_events_a_pull_that_keeps_failing_has_failed(nodes: Nodes) -> None:
    nodes.states = {"one": [BACK_OFF]}
    nodes.cluster.refusals["GET", f"{CORE}/events"] = (403, "no")
    found = watch(nodes)
    assert [node.state for node in found.nodes] == ["failed"]
    assert found.nodes[0].line == "one: failed, a:1: ImagePullBackOff: Back-off pulling image"


def test_others_are_not_waited_for_when_one_has_failed(nodes: Nodes) -> None:
    nodes.states = {"one": [{"waiting": {"reason": "ErrImageNeverPull"}}], "two": [{"waiting": {}}]}
    found = watch(nodes, seconds=1000)
    assert found.ended and [node.line for node in found.nodes] == [
        "one: failed, a:1: ErrImageNeverPull: ErrImageNeverPull",
        "two: still pulling a:1",
    ]


def test_the_time_is_over(nodes: Nodes) -> None:
    nodes.states = {"one": [{"waiting": {"reason": "ContainerCreating"}}], "two": [RUNS]}
    result = pull(nodes, timeout=1)
    assert (result["ready"], result["ended"]) == (False, True)
    assert result["lines"] == ["one: still pulling a:1", "two: ready, 1 image"]
    assert sets(nodes) == []


def test_nodes_that_take_no_pod_or_do_not_answer_are_left_out(nodes: Nodes) -> None:
    full = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available: Too many pods"}
    nodes.bare = {"full": {"conditions": [full]}, "dead": {}}
    found = watch(nodes)
    assert found.ready
    assert [node.line for node in found.nodes] == [
        "dead: left out, it does not answer",
        "full: left out, it takes no pod now (0/3 nodes are available: Too many pods)",
        "one: ready, 1 image",
    ]


@pytest.mark.parametrize("seen", [True, False])
def test_a_quota_is_told_in_the_clusters_words(nodes: Nodes, seen: bool) -> None:
    """A controller that could not make the first pod does not say that it has seen the DaemonSet."""
    nodes.states, nodes.expected, nodes.seen = {}, 2, seen
    nodes.event("pull", "FailedCreate", "(combined from similar events): pods is forbidden: exceeded quota: full")
    nodes.event("pull", "FailedCreate", "of an earlier one", uid="0")
    found = watch(nodes)
    assert (found.ready, found.ended, found.problems) == (False, True, ["pods is forbidden: exceeded quota: full"])


def test_no_node_at_all_is_no_failure(nodes: Nodes) -> None:
    """As with an autoscaler that has taken all of them away."""
    nodes.states = {}
    result = pull(nodes)
    assert result["ready"] and result["nodes"] == result["lines"] == []


def test_a_controller_that_has_not_looked_yet_is_waited_for(nodes: Nodes) -> None:
    nodes.states, nodes.seen = {}, False
    result = pull(nodes, timeout=1)
    assert not result["ready"]
    assert result["lines"] == ["the cluster has not made all pods of the DaemonSet pull"]


def test_one_node_of_two_daemon_sets_is_one_node(nodes: Nodes) -> None:
    other = daemon_set("g:1", name="gpu", labels={**LABELS, "hubwright/nodes": "2"})
    result = pull(nodes, daemon_set("a:1"), other)
    assert result["lines"] == ["one: ready, 2 images"]
    assert sets(nodes) == []


def test_what_an_interrupted_run_left_is_replaced(nodes: Nodes) -> None:
    old = nodes.cluster.put(f"{SETS}/pull", **daemon_set("old:1"), status={})
    nodes.pod(old, "one", "old-pod")
    assert pull(nodes)["nodes"][0]["images"] == {"a:1": "ready"}
    assert sets(nodes) == []


def test_one_that_somebody_removes_meanwhile_is_missed(nodes: Nodes) -> None:
    result = pull(nodes, since=1e12)
    assert "was removed meanwhile" in result["msg"]


def test_missing_rights_are_told(nodes: Nodes) -> None:
    nodes.cluster.refusals["POST", SETS] = (403, "daemonsets is forbidden")
    result = pull(nodes)
    assert "daemonsets is forbidden" in result["msg"] and "create" in result["msg"]


def test_check_mode_asks_nobody(nodes: Nodes) -> None:
    result = pull(nodes, check=True)
    assert result["changed"] and nodes.cluster.written == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "Pod"}, "daemon_sets[0] is no DaemonSet"),
        ({**daemon_set("a:1"), "kind": "Deployment"}, "daemon_sets[0] is no DaemonSet"),
        ({**daemon_set("a:1"), "metadata": {"name": ""}}, "daemon_sets[0] is no DaemonSet"),
    ],
)
def test_what_is_no_daemon_set_is_refused(nodes: Nodes, given: Object, said: str) -> None:
    assert said in pull(nodes, given)["msg"]
    assert nodes.cluster.written == []


def test_a_time_of_nothing_is_refused(nodes: Nodes) -> None:
    assert "timeout is 0; expected a number of seconds above 0" in pull(nodes, timeout=0)["msg"]
