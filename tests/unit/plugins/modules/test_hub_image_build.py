# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an image is built, joined, imported or left alone, in a project whose builds end as a test says. The scenario
`openshift` has real builds."""

from __future__ import annotations

import hashlib
import io
import json
import pathlib
import tarfile
import typing as t

import clusters
import module_runs
import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _image_build, _image_build_run
from ansible_collections.hubwright.jupyterhub.plugins.modules import hub_image_build

IMAGES = "/apis/image.openshift.io/v1/namespaces/course"
BUILDS = "/apis/build.openshift.io/v1/namespaces/course"
CONFIG, STREAM = f"{BUILDS}/buildconfigs/notebook", f"{IMAGES}/imagestreams/notebook"
REGISTRY = "image-registry.openshift-image-registry.svc:5000/course"
BASE = "registry.example.org/python:3.12"


def merged(now: t.Any, patch: t.Any) -> t.Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(now) if isinstance(now, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


class Project:
    """A project of OpenShift: what is pushed into its streams, and builds."""

    def __init__(self, cluster: clusters.Cluster, sources: pathlib.Path) -> None:
        self.cluster, self.sources = cluster, sources
        self.labels: dict[str, dict[str, str]] = {}
        """Image -> its labels."""
        self.registry = {BASE: "sha256:base-1"}
        self.phases = ["New", "Running", "Complete"]
        """How each build is, from one look to the next."""
        self.log = ""
        self.uploads: list[list[str]] = []
        self.status: clusters.Object = {}
        """What else the status of builds says."""
        self.before_a_build: t.Callable[[], None] = lambda: None
        cluster.others = self.write
        cluster.before = self.read

    def write(self, method: str, path: str, body: t.Any) -> tuple[int, t.Any] | None:
        objects = self.cluster.objects
        if path.endswith("/imagestreamimports"):
            return 201, self._import(body)
        if path.endswith(("/instantiate", "/instantiatebinary")):
            config = objects[path.rpartition("/")[0]]
            if isinstance(body, bytes):
                with tarfile.open(fileobj=io.BytesIO(body)) as archive:
                    self.uploads.append(archive.getnames())
            else:
                before, self.before_a_build = self.before_a_build, lambda: None
                before()
                last = config.setdefault("status", {}).get("lastVersion", 0)
                if body["lastVersion"] != last:
                    return 409, {"message": f"the LastVersion({last}) does not match"}
            return 201, self.build(config)
        if method == "PATCH" and path in objects:
            objects[path] = merged(objects[path], body)
            return 200, objects[path]
        return None

    def build(self, config: clusters.Object) -> clusters.Object:
        status = config.setdefault("status", {})
        number = status["lastVersion"] = status.get("lastVersion", 0) + 1
        name = config["metadata"]["name"]
        return self.cluster.put(
            f"{BUILDS}/builds/{name}-{number}",
            metadata={
                "name": f"{name}-{number}",
                "labels": {"buildconfig": name},
                "annotations": {"openshift.io/build.number": str(number)},
            },
            spec=json.loads(json.dumps(config["spec"])),
            looks=0,
        )

    def read(self, path: str) -> tuple[int, t.Any] | None:
        if path.startswith(f"{IMAGES}/imagestreamtags/"):
            name = path.rpartition("/")[2]
            stream, _colon, tag = name.partition(":")
            items = self.items(stream, tag)
            if not items:
                return 404, {"message": f'imagestreamtags.image.openshift.io "{name}" not found'}
            metadata = {"Config": {"Labels": self.labels.get(items[0]["image"])}}
            image = {
                "metadata": {"name": items[0]["image"]},
                "dockerImageReference": items[0]["dockerImageReference"],
                "dockerImageMetadata": metadata,
            }
            return 200, {"image": image}
        if path.startswith(f"{BUILDS}/builds/") and path.endswith("/log"):
            return 200, self.log
        if path.startswith(f"{BUILDS}/builds/") and path in self.cluster.objects:
            self._look(self.cluster.objects[path])
        return None

    def _look(self, build: clusters.Object) -> None:
        phase = self.phases[min(build["looks"], len(self.phases) - 1)]
        build["looks"] += 1
        build["status"] = {"phase": phase, **self.status}
        if phase == "Complete":
            text = json.dumps([build["spec"], build["metadata"]["name"]])
            image = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
            output = build["spec"]["output"]
            self.labels[image] = {each["name"]: each["value"] for each in output["imageLabels"]}
            stream, _colon, tag = output["to"]["name"].partition(":")
            self.push(stream, tag, image)
            build["status"]["output"] = {"to": {"imageDigest": image}}

    def items(self, stream: str, tag: str) -> list[clusters.Object]:
        found = self.cluster.objects.get(f"{IMAGES}/imagestreams/{stream}") or {}
        return [
            item
            for each in (found.get("status") or {}).get("tags", [])
            if each["tag"] == tag
            for item in each.get("items") or []
        ]

    def push(self, stream: str, tag: str, image: str) -> None:
        path = f"{IMAGES}/imagestreams/{stream}"
        found = self.cluster.objects.get(path) or self.cluster.put(path, spec={})
        tags = found.setdefault("status", {}).setdefault("tags", [])
        item = {"image": image, "dockerImageReference": f"{REGISTRY}/{stream}@{image}"}
        tags[:] = [{"tag": tag, "items": [item, *self.items(stream, tag)]}, *(e for e in tags if e["tag"] != tag)]

    def _import(self, body: clusters.Object) -> clusters.Object:
        wanted = body["spec"]["images"][0]
        name = wanted["from"]["name"]
        if name not in self.registry:
            status = {"status": "Failure", "message": f'dockerimage.image.openshift.io "{name}" not found.'}
            return {"status": {"images": [{"status": status}]}}
        image = self.registry[name]
        if body["spec"]["import"]:
            stream, tag = body["metadata"]["name"], wanted["to"]["name"]
            self.push(stream, tag, image)
            spec = self.cluster.objects[f"{IMAGES}/imagestreams/{stream}"]["spec"]
            spec["tags"] = [
                *(e for e in spec.get("tags", []) if e["name"] != tag),
                {"name": tag, "from": wanted["from"]},
            ]
        return {"status": {"images": [{"status": {"status": "Success"}, "image": {"metadata": {"name": image}}}]}}

    def call(self, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        source = {} if {"git", "dockerfile", "files", "state"} & set(options) else {"directory": str(self.sources)}
        return module_runs.call(
            hub_image_build,
            check,
            **{
                "kubeconfig": self.cluster.kubeconfig,
                "namespace": "course",
                "name": "notebook:1",
                **source,
                **options,
            },
        )

    @property
    def builds(self) -> list[str]:
        return [path.rpartition("/")[2] for path in self.cluster.objects if path.startswith(f"{BUILDS}/builds/")]


@pytest.fixture
def project(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Project]:
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "Dockerfile").write_text("FROM base\n")
    monkeypatch.setattr(_image_build_run, "_LOOK", 0.01)
    with clusters.running(tmp_path) as cluster:
        yield Project(cluster, sources)


def test_built_once_and_again_when_a_file_differs(project: Project) -> None:
    first = project.call()
    assert first["changed"] and first["build"] == "notebook-1" and first["reasons"] == ["the tag has no image"]
    assert first["image"] == f"{REGISTRY}/notebook@{first['id']}" and project.uploads == [["Dockerfile"]]
    project.cluster.written.clear()
    again = project.call()
    assert not again["changed"] and again["image"] == first["image"] and again["build"] == ""
    assert again["diff"]["before"] == again["diff"]["after"] and project.cluster.written == []
    (project.sources / "more").write_text("1")
    third = project.call()
    assert third["build"] == "notebook-2" and third["reasons"] == ["the source differs"]
    assert third["id"] != first["id"] and project.uploads[1] == ["Dockerfile", "more"]


def test_check_mode_says_what_would_be_built_and_touches_nothing(project: Project) -> None:
    planned = project.call(check=True, base=BASE)
    assert planned["changed"] and planned["reasons"] and planned["image"] == "" and project.builds == []
    assert '"id": "of a new build"' in planned["diff"]["after"] and planned["base"] == BASE
    assert project.cluster.written == [] and STREAM not in project.cluster.objects
    project.call(base=BASE)
    assert not project.call(check=True, base=BASE)["changed"]


def test_other_resources_are_applied_and_build_nothing(project: Project) -> None:
    project.call(labels={"app": "course"})
    changed = project.call(labels={"app": "course"}, resources={"limits": {"memory": "1Gi"}})
    assert changed["changed"] and changed["build"] == "" and "+" not in changed["diff"]["before"]
    config = project.cluster.objects[CONFIG]
    assert config["spec"]["resources"] == {"limits": {"memory": "1Gi"}}
    assert config["metadata"]["labels"] == {"app": "course"}
    assert project.call(local_lookup=False)["changed"]
    assert "resources" not in project.cluster.objects[CONFIG]["spec"]
    assert project.cluster.objects[STREAM]["spec"]["lookupPolicy"] == {"local": False} and len(project.builds) == 1


def test_a_base_is_imported_once_and_its_changes_are_a_reason(project: Project) -> None:
    first = project.call(base=BASE)
    assert first["base"] == f"{REGISTRY}/notebook-base@sha256:base-1"
    project.registry[BASE] = "sha256:base-2"
    assert not project.call(base=BASE)["changed"]
    other = project.call(base=BASE, force=True)
    assert other["changed"] and other["reasons"] == ["the base image differs"]
    assert project.call(base=BASE, force=True)["reasons"] == ["it was asked for"]
    project.push("python", "3.12", "sha256:base-3")
    assert project.call(base="python:3.12")["reasons"] == ["the way it is built differs", "the base image differs"]
    project.push("python", "3.12", "sha256:base-4")
    assert project.call(base="python:3.12")["reasons"] == ["the base image differs"]
    # The cluster builds by itself then.
    assert project.call(dockerfile="FROM x", base="python:3.12", triggers=["ImageChange"])["changed"]
    project.push("python", "3.12", "sha256:base-5")
    assert not project.call(dockerfile="FROM x", base="python:3.12", triggers=["ImageChange"])["changed"]


def test_a_tag_that_somebody_else_pushed_is_built(project: Project) -> None:
    project.push("notebook", "1", "sha256:theirs")
    assert project.call()["reasons"] == ["the tag's image was not built like this"]


def test_another_tag_leaves_the_previous_one(project: Project) -> None:
    first, second = project.call(), project.call(name="notebook:2")
    assert second["build"] == "notebook-2" and project.items("notebook", "1")[0]["image"] == first["id"]


def test_a_build_of_the_same_that_runs_is_joined(project: Project) -> None:
    project.call(git={"uri": "https://git.example.org/x", "ref": "v1"})
    project.phases = ["Running", "Complete"]
    config = project.cluster.objects[CONFIG]
    running = project.build(config)
    joined = project.call(git={"uri": "https://git.example.org/x", "ref": "v1"})
    assert joined["build"] == running["metadata"]["name"] and len(project.builds) == 2 and joined["changed"]
    forced = project.call(git={"uri": "https://git.example.org/x", "ref": "v1"}, force=True)
    assert forced["build"] == "notebook-3"


def test_a_trigger_that_is_faster_is_joined(project: Project) -> None:
    project.before_a_build = lambda: t.cast("None", project.build(project.cluster.objects[CONFIG]))
    found = project.call(git={"uri": "https://git.example.org/x", "ref": "v1"}, triggers=["ConfigChange"])
    assert found["build"] == "notebook-1" and project.builds == ["notebook-1"]


def test_a_trigger_that_has_counted_and_not_built_yet_is_waited_for(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"git": {"uri": "https://git.example.org/x", "ref": "v1"}, "triggers": ["ConfigChange"]}
    asked = project.read

    def counted(path: str, body: clusters.Object) -> None:
        if path == CONFIG:
            body["status"] = {"lastVersion": 1}

    def slow(path: str) -> tuple[int, t.Any] | None:
        config = project.cluster.objects.get(CONFIG)
        if path == f"{BUILDS}/builds/notebook-1" and config and path not in project.cluster.objects:
            config["status"]["lastVersion"] = 0
            project.build(config)
            return 404, {"message": "not found"}
        return asked(path)

    project.cluster.after, project.cluster.before = counted, slow
    assert project.call(**options)["build"] == "notebook-1" and project.builds == ["notebook-1"]
    # One that is removed does not hold it up.
    monkeypatch.setattr(_image_build_run, "_BETWEEN", 0.02)
    project.cluster.before = asked
    project.call(state="absent")
    assert project.call(**options)["build"] == "notebook-2"


def test_a_failure_is_told_with_the_builds_own_words_and_tried_again(project: Project) -> None:
    project.phases = ["Running", "Failed"]
    project.status = {"reason": "DockerBuildFailed", "message": "Dockerfile build strategy has failed."}
    project.log = "Step 1\n\n\x1b[91mnothing provides it\x1b[0m\r\n"
    failed = project.call()
    assert failed["failed"] and failed["log"] == ["Step 1", "nothing provides it"] and failed["build"] == "notebook-1"
    assert failed["msg"] == (
        "The build notebook-1 failed: DockerBuildFailed: Dockerfile build strategy has failed. The end of its log:\n"
        "Step 1\nnothing provides it\nnotebook:1 has no image."
    )
    project.phases, project.status = ["Complete"], {}
    assert project.call()["build"] == "notebook-2"
    project.phases, project.log = ["Cancelled"], ""
    (project.sources / "more").write_text("1")
    assert project.call()["msg"] == "The build notebook-3 was cancelled. It has no log.\nnotebook:1 is what it was."


def test_a_build_that_takes_too_long_is_cancelled(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_image_build, "_QUEUE", -0.9)
    project.phases = ["Pending"]
    project.cluster.put(
        "/api/v1/namespaces/course/pods/notebook-1-build",
        status={
            "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes: Insufficient memory."}]
        },
    )
    failed = project.call(timeout=1)
    assert "was Pending after" in failed["msg"] and "0/3 nodes: Insufficient memory" in failed["msg"]
    assert f"PATCH {BUILDS}/builds/notebook-1" in project.cluster.written


def test_a_build_that_the_cluster_makes_no_pod_for_is_not_waited_for(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_image_build_run, "_STUCK", 0.05)
    project.phases = ["New"]
    project.status = {
        "reason": "CannotCreateBuildPod",
        "message": "exceeded quota: pods, used: pods=9, limited: pods=9.",
    }
    failed = project.call()
    assert "was New after 0 s and is cancelled: CannotCreateBuildPod: exceeded quota: pods" in failed["msg"]


def test_lines_are_written_while_it_runs(project: Project, tmp_path: pathlib.Path) -> None:
    project.log = "Step 1\nStep 2\n"
    project.call(progress_file=str(tmp_path / "lines"))
    text = (tmp_path / "lines").read_text()
    assert text.endswith("complete after 0 s\n\n")
    assert "uploading 1 KiB" in text and "notebook-1: started, since the tag has no image" in text
    assert "notebook-1: 0 s: New" in text and "notebook-1: 0 s: Step 2" in text


def test_a_tag_is_not_imported_and_built(project: Project) -> None:
    project.push("notebook", "1", "sha256:theirs")
    origin = {"name": "1", "from": {"kind": "DockerImage", "name": BASE}}
    project.cluster.objects[STREAM]["spec"]["tags"] = [{"name": "2"}, origin]
    assert f"The tag notebook:1 is an import of {BASE}: a tag is either imported or built" in project.call()["msg"]
    assert project.cluster.written == []
    assert project.call(name="notebook:2")["changed"]


def test_absent_removes_all_of_it_once(project: Project) -> None:
    project.call(base=BASE)
    assert project.call(check=True, state="absent")["changed"] and CONFIG in project.cluster.objects
    assert project.call(state="absent")["changed"]
    assert not [path for path in project.cluster.objects if path.startswith(("/apis/image", "/apis/build"))]
    assert not project.call(state="absent")["changed"]


def test_what_somebody_else_made_is_left_alone(project: Project) -> None:
    project.cluster.put(CONFIG, spec={"source": {"type": "None"}})
    project.push("notebook", "live", "sha256:theirs")
    project.push("notebook-base", "live", "sha256:theirs")
    assert "has a BuildConfig notebook that somebody else made" in project.call()["msg"]
    refused = project.call(state="absent")["msg"]
    assert "Somebody else made BuildConfig notebook and ImageStream notebook" in refused
    assert project.call(build_config="mine")["build"] == "mine-1"
    assert project.call(adopt=True)["changed"]
    assert project.call(state="absent")["changed"]
    assert f"{IMAGES}/imagestreams/notebook-base" in project.cluster.objects


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "quay.io/team/notebook:1"}, "expected a tag of an image stream, such as notebook:2026-11"),
        ({"files": {"a": ""}, "git": {"uri": "https://x", "ref": "1"}}, "git is given with directory or files"),
        ({"files": {"a": "text"}}, "There is no Dockerfile in files"),
        (
            {"base": "none:1"},
            "there is no image stream none in the project course, of which none:1 would be a tag; it has python.",
        ),
        ({"base": "python:4"}, "has no image with the tag 4 (example.org/python:4 not found.); it has 3.12."),
        (
            {"base": "registry.example.org/none:1"},
            "OpenShift can not import registry.example.org/none:1 into notebook-base:1",
        ),
        ({"state": "absent", "name": "a/b"}, "expected a tag of an image stream"),
    ],
)
def test_what_can_not_be_meant_is_refused(project: Project, options: dict[str, t.Any], said: str) -> None:
    project.push("python", "3.12", "sha256:base-1")
    failed = {"type": "ImportSuccess", "status": "False", "message": "example.org/python:4 not found."}
    project.cluster.objects[f"{IMAGES}/imagestreams/python"]["status"]["tags"].append(
        {"tag": "4", "conditions": [failed]}
    )
    found = project.call(**options)
    assert found["failed"] and said in found["msg"] and project.builds == [] and CONFIG not in project.cluster.objects


def test_absent_removes_the_stream_of_a_base_that_could_not_be_imported(project: Project) -> None:
    assert project.call(base="registry.example.org/none:1")["failed"]
    left = f"{IMAGES}/imagestreams/notebook-base"
    assert left in project.cluster.objects
    assert project.call(state="absent")["changed"] and left not in project.cluster.objects


def test_a_cluster_that_is_no_openshift_and_one_that_refuses(project: Project) -> None:
    project.cluster.refusals["GET", f"{IMAGES}/imagestreams"] = (
        404,
        "the server could not find the requested resource",
    )
    assert "has no image streams: it is no OpenShift" in project.call()["msg"]
    project.cluster.refusals["GET", f"{IMAGES}/imagestreams"] = (403, "you may not")
    refused = project.call()["msg"]
    assert (
        "refuses this in the project course: you may not. The account of the kubeconfig needs the role edit" in refused
    )
    project.cluster.refusals.clear()
    project.cluster.refusals["POST", f"{BUILDS}/buildconfigs"] = (422, "spec.source: Invalid value")
    assert "spec.source: Invalid value" in project.call()["msg"]


def test_a_log_that_may_not_be_read_and_a_stream_that_shows_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_image_build, "_SETTLE", 0.01)
    project.cluster.refusals["GET", f"{BUILDS}/builds/notebook-1/log"] = (403, "you may not")
    monkeypatch.setattr(project, "push", lambda *_arguments: None)
    failed = project.call()
    assert "is complete, but the image stream notebook has no image under the tag 1" in failed["msg"]
