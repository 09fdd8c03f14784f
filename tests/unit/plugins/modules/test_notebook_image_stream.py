# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases in an image stream of OpenShift, and candidates that are tried out in a pod."""

from __future__ import annotations

import json
import pathlib
import typing as t

import clusters
import module_runs
import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _smoke_pod
from ansible_collections.hubwright.jupyterhub.plugins.modules import notebook_image, notebook_image_info

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
REGISTRY = "image-registry.openshift-image-registry.svc:5000/course/notebook"
BASE = "/apis/image.openshift.io/v1/namespaces/course"
STREAM, TAGS = f"{BASE}/imagestreams/notebook", f"{BASE}/imagestreamtags/notebook:"
PODS = "/api/v1/namespaces/course/pods"
NO_TEST = {"enabled": False}
TEST = {"jupyterhub_version": "6.1.1", "home": "/home/jovyan"}


class Project:
    """A project with an image stream, in a cluster that serves its tags as OpenShift does."""

    def __init__(self, cluster: clusters.Cluster) -> None:
        self.cluster = cluster
        self.tags: dict[str, list[str]] = {"build-1": [A], "build-2": [B], "build-3": [C]}
        cluster.others = self.answer

    def answer(self, method: str, path: str, body: t.Any) -> tuple[int, t.Any] | None:
        if path == STREAM:
            tags = [
                {
                    "tag": tag,
                    "items": [{"image": image, "dockerImageReference": f"{REGISTRY}@{image}"} for image in images],
                }
                for tag, images in self.tags.items()
            ]
            failed = {"type": "ImportSuccess", "status": "False", "message": "example.org/none:1 not found"}
            return 200, {"status": {"tags": [*tags, {"tag": "broken", "items": None, "conditions": [failed]}]}}
        if not path.startswith(TAGS):
            return None
        tag = path.removeprefix(TAGS)
        if method == "PUT":
            assert body["metadata"]["name"] == f"notebook:{tag}" and body["tag"]["name"] == tag
            image = body["tag"]["from"]["name"].removeprefix("notebook@")
            self.tags[tag] = [image, *self.tags.get(tag, [])]
        elif tag not in self.tags:
            return 404, {"message": "not found"}
        elif method == "DELETE":
            del self.tags[tag]
        return 200, {}

    @property
    def live(self) -> str:
        return self.tags.get("live", [""])[0]

    def call(self, module: t.Any = notebook_image, **options: t.Any) -> dict[str, t.Any]:
        place = {"kubeconfig": self.cluster.kubeconfig, "namespace": "course", **options.pop("cluster", {})}
        return module_runs.call(
            module, **{"name": "notebook:live", "store": "image_stream", "cluster": place, **options}
        )

    def promote(self, number: int, **options: t.Any) -> dict[str, t.Any]:
        return self.call(**{"candidate": f"notebook:build-{number}", "smoke_test": NO_TEST, **options})


@pytest.fixture
def project(tmp_path: pathlib.Path) -> t.Iterator[Project]:
    with clusters.running(tmp_path) as cluster:
        yield Project(cluster)


def test_there_and_back(project: Project) -> None:
    for number, image in enumerate((A, B, C), 1):
        assert project.promote(number)["changed"] and project.live == image
    again = project.promote(3)
    assert not again["changed"] and [each["id"] for each in again["releases"]] == [C, B, A]
    back = project.call(state="rolled_back")
    assert back["live"] == B == project.live and back["previous"] == A
    held = project.promote(3)
    assert held["failed"] and "is held" in held["msg"] and project.live == B
    assert project.promote(3, force=True)["changed"] and project.live == C
    assert project.call(state="rolled_back", to=A[:19])["live"] == A == project.live


def test_check_mode_moves_nothing(project: Project) -> None:
    planned = project.promote(1, check=True)
    assert planned["changed"] and planned["diff"]["after"].startswith(f"notebook:live {A}\n")
    assert project.cluster.written == [] and not project.live


def test_what_the_stream_remembers_is_the_way_back_until_something_is_promoted(project: Project) -> None:
    project.tags["live"] = [C, B, B, A]  # builds that pushed into the live tag
    found = project.call(notebook_image_info)
    assert [each["id"] for each in found["releases"]] == [C, B, A]
    assert project.call(state="rolled_back", steps=2)["live"] == A == project.live
    # What a stream remembers of its tag is not asked any more: it does not know that this was a roll-back.
    assert [(each["id"], each["held"]) for each in project.call(notebook_image_info)["releases"]] == [
        (A, False),
        (C, True),
        (B, True),
    ]


def test_tags_of_old_releases_go_and_pods_keep_theirs(project: Project) -> None:
    for number in (1, 2, 3):
        project.promote(number)
    user_pod(project, "jupyter-dora", A, "Running")
    user_pod(project, "jupyter-ada", A, "Running")
    pruned = project.call(state="pruned", keep=1, hub="course")
    assert [name[-12:] for name in pruned["removed"]["releases"]] == ["b" * 12]
    assert list(pruned["kept"].values()) == ["used by the container jupyter-ada"]
    assert not [tag for tag in project.tags if tag.endswith("b" * 12)] and project.tags["build-2"] == [B]
    project.cluster.refusals["DELETE", f"{TAGS}{next(tag for tag in project.tags if tag.endswith('a' * 12))}"] = (
        403,
        "you may not",
    )
    for name in ("ada", "dora"):
        del project.cluster.objects[f"{PODS}/jupyter-{name}"]
    assert list(project.call(state="pruned", keep=1)["kept"].values()) == ["you may not"]


def user_pod(project: Project, name: str, image: str, phase: str) -> None:
    labels = {"app": "course", "component": "singleuser-server"}
    annotations = {"hub.jupyter.org/username": name.removeprefix("jupyter-"), "hub.jupyter.org/servername": "second"}
    status = {
        "phase": phase,
        "containerStatuses": [{"name": "notebook", "imageID": f"docker-pullable://{REGISTRY}@{image}"}],
    }
    project.cluster.put(f"{PODS}/{name}", metadata={"labels": labels, "annotations": annotations}, status=status)


def test_pods_are_told_by_the_image_that_they_really_have(project: Project) -> None:
    project.promote(1)
    project.promote(2)
    user_pod(project, "jupyter-ada", A, "Running")
    user_pod(project, "jupyter-bob", B, "Running")
    user_pod(project, "jupyter-cy", A, "Failed")
    project.cluster.put(f"{PODS}/other", status={"phase": "Pending"})
    found = project.call(notebook_image_info, hub="course")
    assert [
        (each["user"], each["server"], each["container"], each["live"], each["state"]) for each in found["servers"]
    ] == [
        ("ada", "second", "jupyter-ada", False, "running"),
        ("", "", "jupyter-bob", True, "running"),
        ("cy", "second", "jupyter-cy", False, "failed"),
    ]
    assert [(each["running"], each["stopped"]) for each in found["releases"]] == [(1, 0), (1, 1)]
    pruned = project.call(state="pruned", keep=1, hub="course", remove_stopped=True)
    assert pruned["removed"]["containers"] == ["jupyter-cy"] and f"{PODS}/jupyter-cy" not in project.cluster.objects
    assert list(pruned["kept"].values()) == ["used by the container jupyter-ada"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"candidate": "notebook:none"},
            "the image stream notebook has no such image. It has build-1, build-2, build-3.",
        ),
        ({"candidate": "notebook:broken"}, "no such image: example.org/none:1 not found. It has"),
        ({"candidate": f"sha256:{'d' * 64}"}, "has no such image"),
        ({"candidate": "other:1"}, "Put a tag of this stream on it first: oc tag other:1 notebook:candidate."),
        ({"name": "example.org/notebook:live"}, "Give it as the project has it, such as notebook:live."),
        ({"history_tags": ["other:1"]}, "expected a tag of notebook"),
        ({"name": "none:live", "candidate": "none:1"}, "There is no image stream none in the project course"),
        ({"store": "docker"}, "cluster is given with store docker, expected registry or image_stream"),
        ({"cluster": None}, "store is image_stream, but cluster is missing"),
    ],
)
def test_what_can_not_be_meant_is_refused(project: Project, options: dict[str, t.Any], said: str) -> None:
    given = {
        "name": "notebook:live",
        "store": "image_stream",
        "candidate": "notebook:build-1",
        "smoke_test": NO_TEST,
        "cluster": {"kubeconfig": project.cluster.kubeconfig, "namespace": "course"},
    }
    found = module_runs.call(notebook_image, **{**given, **options})
    assert found["failed"] and said in found["msg"]
    assert project.cluster.written == []


class Node:
    """What becomes of the pod of a test: how its containers are, and what they say."""

    def __init__(self, project: Project, *said: dict[str, t.Any], **status: t.Any) -> None:
        self.project, self.said, self.status = project, said, status
        self.pod: clusters.Object = {}
        self.policy: clusters.Object = {}
        project.cluster.after = self.made

    def made(self, path: str, body: clusters.Object) -> None:
        name = body["metadata"]["name"]
        if not path.startswith(PODS):
            self.policy = body
            return
        self.pod = body
        self.project.cluster.logs[f"{name}/stand-in"] = "".join(f"{json.dumps(facts)}\n" for facts in self.said)
        self.project.cluster.logs[f"{name}/candidate"] = "a last word\n"
        body["status"] = {"phase": "Running", **self.status}

    def gone(self) -> bool:
        return f"{PODS}/{self.pod['metadata']['name']}" not in self.project.cluster.objects


BEGINS = {"program": "/opt/bin/jupyterhub-singleuser", "installed": "6.1.1"}


def containers(**states: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    return [{"name": name.replace("_", "-"), "state": state} for name, state in states.items()]


def test_a_candidate_starts_as_users_pods_do(project: Project) -> None:
    node = Node(project, BEGINS, {"version": "6.0.2"}, {"passed": True})
    place = {"labels": {"app": "course"}, "pull_secrets": ["pull"], "node_selector": {"pool": "users"}}
    done = project.promote(1, smoke_test={**TEST, "memory": "1G", "environment": {"GRANT_SUDO": "no"}}, cluster=place)
    assert done["smoke"]["version"] == "6.0.2" and project.live == A
    assert done["smoke"]["warnings"] == ["The image notebook:build-1 has JupyterHub 6.0.2, the hub is 6.1.1."]
    spec = node.pod["spec"]
    candidate = next(each for each in spec["containers"] if each["name"] == "candidate")
    environment = {each["name"]: each["value"] for each in candidate["env"]}
    assert {each["image"] for each in spec["containers"]} == {f"{REGISTRY}@{A}"}
    assert environment["GRANT_SUDO"] == "no" and environment["MEM_LIMIT"] == str(2**30)
    assert candidate["resources"]["limits"] == {"memory": str(2**30)} and "args" not in candidate
    assert candidate["volumeMounts"] == [{"name": "home", "mountPath": "/home/jovyan"}]
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert candidate["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert spec["automountServiceAccountToken"] is False and spec["activeDeadlineSeconds"] == 360
    assert spec["nodeSelector"] == {"pool": "users"} and spec["imagePullSecrets"] == [{"name": "pull"}]
    assert node.pod["metadata"]["labels"]["app"] == "course"
    # Nobody talks to it, and it talks to nobody; the cluster removes the policy with the pod.
    assert node.policy["spec"]["podSelector"]["matchLabels"].items() <= node.pod["metadata"]["labels"].items()
    assert node.policy["spec"]["policyTypes"] == ["Ingress", "Egress"] and "ingress" not in node.policy["spec"]
    assert node.policy["metadata"]["ownerReferences"][0]["uid"] == node.pod["metadata"]["uid"]
    assert node.gone()


def test_the_cluster_chooses_account_and_profile_where_it_does(project: Project) -> None:
    node = Node(project, BEGINS, {"version": "6.1.1"}, {"passed": True})
    project.promote(1, smoke_test={**TEST, "command": ["start.sh"]}, cluster={"seccomp": False})
    assert node.pod["spec"]["securityContext"] == {"runAsNonRoot": True}
    assert node.pod["spec"]["containers"][1]["args"] == ["start.sh"]
    project.promote(2, smoke_test=TEST, cluster={"uid": 1000})
    assert node.pod["spec"]["securityContext"]["fsGroup"] == 1000


@pytest.mark.parametrize(
    ("said", "status", "why"),
    [
        ([BEGINS, {"failed": "let a stranger in"}], {}, "notebook:build-1 let a stranger in. It was not promoted."),
        ([{**BEGINS, "installed": "5.5.4"}], {}, "has JupyterHub 5.5.4, but the hub is 6.1.1"),
        (
            [BEGINS],
            {"containerStatuses": containers(candidate={"terminated": {"exitCode": 1}}, stand_in={"running": {}})},
            "ended with code 1 before it answered. It was not promoted.\nIts log:\n  a last word",
        ),
        (
            [BEGINS],
            {"containerStatuses": containers(candidate={"terminated": {"exitCode": 137, "reason": "OOMKilled"}})},
            "was killed before it answered, since it needed more memory than",
        ),
        (
            [],
            {"containerStatuses": containers(stand_in={"terminated": {"exitCode": 127}})},
            "can not run python3, so that it is no notebook image",
        ),
        (
            [],
            {"containerStatuses": containers(stand_in={"terminated": {"exitCode": 1}})},
            "has a Python that can not run the test",
        ),
        (
            [],
            {"containerStatuses": containers(candidate={"waiting": {"reason": "ErrImagePull", "message": "denied"}})},
            "does not start: ErrImagePull: denied",
        ),
        (
            [],
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}]},
            "was not started in 1 s: pod hubwright-smoke-test-",
        ),
        (
            [],
            {"containerStatuses": containers(candidate={"waiting": {"reason": "ContainerCreating"}})},
            "was not started in 1 s: its container is waiting (ContainerCreating)",
        ),
        ([BEGINS], {"containerStatuses": containers(candidate={"running": {}})}, "did not become ready in 1 s"),
    ],
)
def test_a_candidate_that_does_not_work_stays_out(
    project: Project, said: list[dict[str, t.Any]], status: dict[str, t.Any], why: str
) -> None:
    project.tags["live"] = [B]
    node = Node(project, *said, **status)
    found = project.promote(1, smoke_test={**TEST, "timeout": 1, "memory": "1G"})
    assert found["failed"] and why in found["msg"]
    assert project.live == B and node.gone()


def test_a_refusal_of_the_cluster_is_told_in_its_words(project: Project) -> None:
    project.cluster.refusals["POST", PODS] = (403, "exceeded quota: memory")
    found = project.promote(1, smoke_test=TEST)
    assert found["failed"] and "makes no pod in the namespace course" in found["msg"]
    assert "exceeded quota: memory" in found["msg"] and not project.live


def test_who_may_not_make_policies_can_promote(project: Project) -> None:
    node = Node(project, BEGINS, {"version": "6.1.1"}, {"passed": True})
    path = "/apis/networking.k8s.io/v1/namespaces/course/networkpolicies"
    project.cluster.refusals["POST", path] = (403, "no right")
    assert project.promote(1, smoke_test=TEST)["changed"] and node.gone()
    project.cluster.refusals["POST", path] = (500, "broken")
    found = project.promote(2, smoke_test=TEST)
    assert found["failed"] and "broken" in found["msg"] and node.gone() and project.live == A


def test_what_a_killed_run_left_goes_when_it_has_ended(project: Project) -> None:
    Node(project, BEGINS, {"version": "6.1.1"}, {"passed": True})
    for name, phase in (("left", "Failed"), ("another-run", "Running")):
        project.cluster.put(f"{PODS}/{name}", metadata={"labels": {_smoke_pod.LABEL: name}}, status={"phase": phase})
    project.promote(1, smoke_test=TEST)
    assert [path for path in project.cluster.objects if path.startswith(PODS)] == [f"{PODS}/another-run"]


def test_without_a_test_nothing_is_made(project: Project) -> None:
    project.promote(1, check=True, smoke_test=TEST)
    project.promote(1)
    assert not [line for line in project.cluster.written if "/pods" in line]
