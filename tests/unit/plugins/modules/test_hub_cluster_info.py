# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role learns of a cluster, and why a hub does not come up."""

from __future__ import annotations

import pathlib
import typing as t

import clusters
import module_runs
import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _cluster_pods
from ansible_collections.hubwright.jupyterhub.plugins.modules import hub_cluster_info

CORE = "/api/v1/namespaces/course"
APPS = "/apis/apps/v1/namespaces/course"
MINE = {"app.kubernetes.io/managed-by": "hubwright", "app.kubernetes.io/instance": "jupyterhub"}
POD = {"app": "jupyterhub", "release": "jupyterhub", "component": "hub"}


@pytest.fixture
def cluster(tmp_path: pathlib.Path) -> t.Iterator[clusters.Cluster]:
    with clusters.running(tmp_path) as running:
        yield running


def ask(cluster: clusters.Cluster, **options: t.Any) -> dict[str, t.Any]:
    options = {"kubeconfig": cluster.kubeconfig, "namespace": "course", "release": "jupyterhub", **options}
    return module_runs.call(hub_cluster_info, **options)


def deployment(cluster: clusters.Cluster, ready: bool = True, **status: t.Any) -> None:
    """A deployment hub, its only version and that one's pod."""
    template = {
        "metadata": {"labels": POD},
        "spec": {
            "containers": [{"name": "hub", "image": "example.org/hub:1"}],
            "volumes": [
                {"name": "config", "configMap": {"name": "hub-config-1"}},
                {"name": "state", "persistentVolumeClaim": {"claimName": "hub-db-dir"}},
            ],
        },
    }
    numbers = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), 1) if ready else {"replicas": 1}
    cluster.put(
        f"{APPS}/deployments/hub",
        metadata={"labels": MINE, "generation": 2},
        spec={"replicas": 1, "selector": {"matchLabels": POD}, "template": template},
        status={"observedGeneration": 2, **numbers, **status},
    )
    labels = {**POD, "pod-template-hash": "77"}
    old = {**template, "spec": {**template["spec"], "containers": [{"name": "hub", "image": "example.org/hub:0"}]}}
    for name, number, made_from in (("hub-66", "66", old), ("hub-77", "77", template)):
        marked = {**made_from, "metadata": {"labels": {**POD, "pod-template-hash": number}}}
        cluster.put(
            f"{APPS}/replicasets/{name}",
            metadata={"labels": {**POD, "pod-template-hash": number}},
            spec={"template": marked},
        )
    cluster.put(f"{CORE}/configmaps/hub-config-1", metadata={"labels": MINE}, data={"jupyterhub_config.py": "c = 1"})
    pod(cluster, "hub-77-a", labels)


def pod(cluster: clusters.Cluster, name: str, labels: dict[str, str], **status: t.Any) -> None:
    cluster.put(
        f"{CORE}/pods/{name}",
        metadata={"labels": labels, "annotations": {}, "creationTimestamp": "2026-01-01T00:00:00Z"},
        spec={
            "containers": [{"name": "hub", "image": "example.org/hub:1"}],
            "nodeName": "one",
            "volumes": [{"name": "state", "persistentVolumeClaim": {"claimName": "hub-db-dir"}}],
        },
        status={"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], **status},
    )


def claim(cluster: clusters.Cluster, name: str, labels: dict[str, str], **notes: str) -> None:
    cluster.put(
        f"{CORE}/persistentvolumeclaims/{name}",
        metadata={"labels": labels, "annotations": {f"hub.jupyter.org/{key}": value for key, value in notes.items()}},
        spec={"resources": {"requests": {"storage": "10Gi"}}, "storageClassName": "standard"},
        status={"phase": "Bound"},
    )


def test_an_empty_namespace(cluster: clusters.Cluster) -> None:
    mark = "storageclass.kubernetes.io/is-default-class"
    cluster.put(
        "/apis/storage.k8s.io/v1/storageclasses/standard",
        metadata={"annotations": {mark: "true"}},
        allowVolumeExpansion=True,
    )
    found = ask(cluster, manages=["Role", "Secret"], secrets=["mine"], claims=["homes"])
    assert not found["changed"]
    assert found["version"] == "1.33.1" and {"v1", "apps/v1"} <= set(found["apis"])
    assert found["namespace_exists"] and found["denied"] == [] and found["objects"] == []
    assert found["storage_classes"] == [{"name": "standard", "default": True, "expands": True}]
    assert (found["missing_secrets"], found["missing_claims"]) == (["mine"], ["homes"])
    assert cluster.written == []


def test_a_namespace_that_is_not_there_and_one_that_may_not_be_seen(cluster: clusters.Cluster) -> None:
    del cluster.objects[CORE]
    assert ask(cluster)["namespace_exists"] is False
    cluster.refusals["GET", CORE] = (403, "no")
    assert ask(cluster)["namespace_exists"] is True


def test_rights_that_are_missing_are_named(cluster: clusters.Cluster) -> None:
    cluster.rules = [
        {"verbs": ["get", "create"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"]},
        {"verbs": ["*"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["one"]},
        {"verbs": ["*"], "apiGroups": [""], "resources": ["configmaps"]},
    ]
    denied = ask(cluster, manages=["Role", "Secret", "ConfigMap"])["denied"]
    assert denied == ["patch, delete roles", "get, create, patch, delete secrets"]
    cluster.incomplete = True
    assert ask(cluster, manages=["Role"])["denied"] == []


def test_what_may_not_be_seen_is_left_out(cluster: clusters.Cluster) -> None:
    cluster.refusals["GET", "/apis/storage.k8s.io/v1/storageclasses"] = (403, "no")
    cluster.refusals["GET", f"{CORE}/resourcequotas"] = (403, "no")
    found = ask(cluster)
    assert found["storage_classes"] is None and found["quotas"] == []


def test_everything_of_a_hub_and_nothing_of_others(cluster: clusters.Cluster) -> None:
    deployment(cluster)
    cluster.put(
        f"{CORE}/configmaps/hub-record",
        metadata={"labels": {**MINE, "component": "record"}},
        data={"people.json": "{}"},
    )
    claim(cluster, "hub-db-dir", MINE)
    users = {"component": "singleuser-storage", "release": "jupyterhub", "app": "jupyterhub"}
    claim(cluster, "claim-ada", users, username="Ada", servername="gpu")
    claim(cluster, "claim-bob", {**users, "release": "course"}, username="bob")
    cluster.put(f"{CORE}/resourcequotas/small", status={"hard": {"pods": "4"}, "used": {"pods": "3"}})
    found = ask(cluster, claims=["claim-bob"])
    assert [each["kind"] for each in found["objects"]] == [
        "Deployment",
        "ConfigMap",
        "ConfigMap",
        "PersistentVolumeClaim",
    ]
    hub = found["deployments"]["hub"]
    assert (
        hub["ready"]
        and hub["images"] == {"hub": "example.org/hub:1"}
        and hub["config_maps"] == {"config": "hub-config-1"}
    )
    assert found["configurations"] == {"hub": {"jupyterhub_config.py": "c = 1"}}
    assert found["record"] == {"people.json": "{}"}
    expected = {
        "name": "claim-ada",
        "user": "Ada",
        "server": "gpu",
        "size": "10Gi",
        "storage_class": "standard",
        "phase": "Bound",
    }
    assert found["claims"] == [expected] and len(found["all_claims"]) == 3
    assert list(found["state_claims"]) == ["hub-db-dir"] and found["missing_claims"] == []
    assert found["quotas"] == [{"name": "small", "resource": "pods", "hard": "4", "used": "3"}]
    (only,) = found["pods"]
    assert (only["name"], only["component"], only["ready"], only["problem"]) == ("hub-77-a", "hub", True, "")


def test_waiting_ends_with_the_pod_of_now(cluster: clusters.Cluster) -> None:
    deployment(cluster)
    pod(cluster, "hub-66-a", {**POD, "pod-template-hash": "66"})
    found = ask(cluster, wait_for=["hub"])
    assert found["ready"] and found["pods"] == {"hub": "hub-77-a"} and found["reasons"] == []


def waiting(reason: str, message: str = "") -> list[dict[str, t.Any]]:
    return [{"name": "hub", "restartCount": 0, "state": {"waiting": {"reason": reason, "message": message}}}]


def test_an_image_that_is_not_there_ends_waiting_at_once(cluster: clusters.Cluster) -> None:
    deployment(cluster, ready=False)
    labels = {**POD, "pod-template-hash": "77"}
    pod(cluster, "hub-77-a", labels, containerStatuses=waiting("ErrImagePull", "manifest unknown"))
    pod(
        cluster,
        "hub-66-a",
        {**POD, "pod-template-hash": "66"},
        containerStatuses=waiting("CreateContainerError", "of before"),
    )
    event = {
        "type": "Warning",
        "reason": "Failed",
        "involvedObject": {"kind": "Pod", "name": "hub-77-a"},
        "message": "Back-off pulling",
    }
    cluster.put(f"{CORE}/events/one", **event)
    cluster.put(f"{CORE}/events/two", **{**event, "involvedObject": {"kind": "Pod", "name": "other"}})
    cluster.put(f"{CORE}/events/three", **{**event, "type": "Normal"})
    cluster.put(f"{CORE}/events/four", **{**event, "reason": "Unhealthy"})
    cluster.logs["hub-77-a/hub"] = "unable to retrieve container logs for docker://1"
    found = ask(cluster, wait_for=["hub"], wait_timeout=600)
    assert not found["ready"]
    assert found["reasons"] == [
        "container hub of pod hub-77-a does not start: ErrImagePull: manifest unknown",
        "Pod hub-77-a: Failed: Back-off pulling",
    ]
    assert found["msg"] == "; ".join(found["reasons"]) and found["logs"] == {}


def ended(cluster: clusters.Cluster, times: int) -> None:
    """The hub's container has ended so often."""
    states = [
        {
            "name": "hub",
            "restartCount": times,
            "ready": False,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
        }
    ]
    deployment(cluster, ready=False)
    pod(cluster, "hub-77-a", {**POD, "pod-template-hash": "77"}, containerStatuses=states)


def test_a_hub_that_ends_is_not_waited_for_and_its_last_words_are_told(cluster: clusters.Cluster) -> None:
    ended(cluster, 0)
    cluster.logs["hub-77-a/hub"] = "ValueError: no\n"
    connected = hub_cluster_info._cluster.Cluster(cluster.kubeconfig)
    counts = iter((1, 2))
    found = _cluster_pods.wait(connected, "course", ["hub"], 600, sleep=lambda _seconds: ended(cluster, next(counts)))
    assert found.reasons == ["container hub of pod hub-77-a ended 2 times, the last time with exit code 1 (Error)"]
    assert found.logs == {"hub": "ValueError: no"}


def test_a_hub_that_ended_before_gets_another_try(cluster: clusters.Cluster) -> None:
    connected = hub_cluster_info._cluster.Cluster(cluster.kubeconfig)
    ended(cluster, 7)
    assert _cluster_pods.wait(connected, "course", ["hub"], 600, sleep=lambda _seconds: deployment(cluster)).ready
    ended(cluster, 7)
    found = _cluster_pods.wait(connected, "course", ["hub"], 600, sleep=lambda _seconds: ended(cluster, 8))
    assert found.reasons == ["container hub of pod hub-77-a ended 8 times, the last time with exit code 1 (Error)"]


def test_a_quota_is_told_at_once(cluster: clusters.Cluster) -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: small"}
    deployment(cluster, ready=False, replicas=0, conditions=[condition])
    del cluster.objects[f"{CORE}/pods/hub-77-a"]
    found = ask(cluster, wait_for=["hub"], wait_timeout=600)
    assert found["reasons"] == ["the cluster makes no pod of hub: exceeded quota: small"]


def test_when_the_time_is_over_the_node_that_is_missing_is_the_reason(cluster: clusters.Cluster) -> None:
    deployment(cluster, ready=False)
    condition = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}
    pod(cluster, "hub-77-a", {**POD, "pod-template-hash": "77"}, conditions=[condition])
    found = ask(cluster, wait_for=["hub"], wait_timeout=0)
    assert found["reasons"] == ["pod hub-77-a is on no node: 0/1 nodes are available"]
    pod(cluster, "hub-77-a", {**POD, "pod-template-hash": "77"}, containerStatuses=waiting("ContainerCreating"))
    assert ask(cluster, wait_for=["hub"], wait_timeout=0)["reasons"] == ["hub was not ready within 0 s"]


def test_waiting_goes_on_until_it_is_ready(cluster: clusters.Cluster) -> None:
    deployment(cluster, ready=False)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        deployment(cluster)

    connected = hub_cluster_info._cluster.Cluster(cluster.kubeconfig)
    assert _cluster_pods.wait(connected, "course", ["hub"], 60, sleep=sleep).ready
    assert len(slept) == 1


def test_a_cluster_that_does_not_answer(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "nowhere"
    clusters.write_kubeconfig(path, "http://127.0.0.1:9")
    found = module_runs.call(hub_cluster_info, kubeconfig=str(path), namespace="course", release="x")
    assert found["failed"] and found["msg"].startswith("The cluster does not answer at http://127.0.0.1:9: ")
    assert "refused" in found["msg"] and "token-of-a-person" not in found["msg"]


def test_credentials_that_are_not_accepted(cluster: clusters.Cluster) -> None:
    cluster.refusals["GET", "/version"] = (401, "Unauthorized")
    found = ask(cluster)
    assert found["failed"] and "does not accept the credentials of the kubeconfig (Unauthorized)" in found["msg"]


def test_a_kubeconfig_that_can_not_be_used(cluster: clusters.Cluster, tmp_path: pathlib.Path) -> None:
    found = ask(cluster, kubeconfig=str(tmp_path / "missing"))
    assert found["failed"] and str(tmp_path / "missing") in found["msg"]
    found = ask(cluster, context="there")
    assert found["failed"] and "there" in found["msg"] and "can not be used" in found["msg"]


def test_another_refusal_is_the_clusters_own_words(cluster: clusters.Cluster) -> None:
    cluster.refusals["GET", f"{CORE}/persistentvolumeclaims"] = (500, "etcd is full")
    assert "etcd is full" in ask(cluster)["msg"]


ROUTE = "/apis/route.openshift.io/v1/namespaces/course/routes/jupyterhub"


def route(cluster: clusters.Cluster, *conditions: tuple[str, str, str], host: str = "hub.example.org") -> None:
    """A Route for a host, and what routers said of one."""
    ingress = [
        {"host": host, "conditions": [{"type": "Admitted", "status": status, "reason": reason, "message": message}]}
        for status, reason, message in conditions
    ]
    cluster.put(ROUTE, metadata={"labels": MINE}, spec={"host": "hub.example.org"}, status={"ingress": ingress})


def wait_for_route(cluster: clusters.Cluster, seconds: int = 60) -> dict[str, t.Any]:
    return ask(cluster, wait_for=["hub"], wait_for_routes=["jupyterhub"], wait_timeout=seconds)


def test_one_router_that_serves_a_route_is_enough(cluster: clusters.Cluster) -> None:
    deployment(cluster)
    route(cluster, ("False", "HostAlreadyClaimed", "route taken already exposes it"), ("True", "", ""))
    waited = wait_for_route(cluster)
    assert waited["ready"] and waited["hosts"] == {"jupyterhub": "hub.example.org"}


def test_a_router_that_refuses_a_route_says_why(cluster: clusters.Cluster) -> None:
    deployment(cluster)
    route(cluster, ("False", "HostAlreadyClaimed", "route taken already exposes it"))
    waited = wait_for_route(cluster)
    assert not waited["ready"] and waited["hosts"] == {} and waited["pods"] == {"hub": "hub-77-a"}
    assert waited["reasons"] == [
        "the router refuses the Route jupyterhub for hub.example.org: HostAlreadyClaimed: route taken already exposes it"
    ]


def test_what_was_said_of_an_earlier_host_does_not_count(cluster: clusters.Cluster) -> None:
    deployment(cluster)
    route(cluster, ("True", "", ""), host="before.example.org")
    waited = wait_for_route(cluster, 1)
    assert waited["reasons"] == ["no router took the Route jupyterhub within 1 s"]


def test_objects_of_openshift_are_found_where_it_serves_them(
    cluster: clusters.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And names of images are looked up in its streams."""
    route(cluster)
    assert ask(cluster)["objects"] == []
    apis = ("route.openshift.io/v1", "image.openshift.io/v1", "build.openshift.io/v1")
    monkeypatch.setattr(clusters, "APIS", (*clusters.APIS, *apis))
    images = "/apis/image.openshift.io/v1/namespaces/course/imagestreams"
    items = [{"tag": "1", "items": [{"image": "sha256:1", "dockerImageReference": "inside/hub@sha256:1"}]}]
    cluster.put(f"{images}/hub", metadata={"labels": MINE}, spec={}, status={"tags": items})
    found = ask(cluster, image_tags=["hub:1", "quay.io/hub:1"])
    assert [each["kind"] for each in found["objects"]] == ["Route", "ImageStream"]
    assert found["routes"] == {"jupyterhub": "hub.example.org"}
    assert found["image_tags"] == {
        "images": {"hub:1": "inside/hub@sha256:1"},
        "problems": {},
        "without_lookup": ["hub:1"],
    }
