# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image streams: what imports images into them, and which image a name is."""

from __future__ import annotations

import pathlib
import typing as t

import clusters
import module_runs
import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _image_streams
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Cluster
from ansible_collections.hubwright.jupyterhub.plugins.modules import hub_image_stream

BASE = "/apis/image.openshift.io/v1/namespaces/course"
INSIDE = "image-registry.openshift-image-registry.svc:5000/course"
LABELS = {"app": "jupyterhub"}
NOTEBOOK = {"notebook": {"1": "quay.io/jupyter/minimal-notebook:1"}}


class Project:
    """A project whose cluster imports images as OpenShift does; those of example.org it does not find."""

    def __init__(self, cluster: clusters.Cluster) -> None:
        self.cluster = cluster
        self.imports: list[str] = []
        cluster.others = self.answer

    def answer(self, method: str, path: str, body: t.Any) -> tuple[int, t.Any] | None:
        if path == f"{BASE}/imagestreamimports":
            return 201, {"status": {"images": [{"status": self._import(body)}]}}
        found = self.cluster.objects.get(path)
        if method == "PATCH" and found is not None:
            found["metadata"].setdefault("annotations", {}).update(body["metadata"].get("annotations", {}))
            found["metadata"].setdefault("labels", {}).update(body["metadata"].get("labels", {}))
            found["spec"].update(body.get("spec", {}))
            return 200, found
        return None

    def _import(self, body: t.Any) -> dict[str, t.Any]:
        (image,) = body["spec"]["images"]
        name, tag, reference = body["metadata"]["name"], image["to"]["name"], image["from"]["name"]
        assert body["spec"]["import"] and image["referencePolicy"] == {"type": "Local"}
        if reference.startswith("example.org/"):
            return {"status": "Failure", "message": f'dockerimage "{reference}" not found'}
        self.imports.append(f"{name}:{tag} {reference}")
        self.tag(name, tag, reference)
        return {"status": "Success"}

    def tag(self, name: str, tag: str, reference: str) -> None:
        """A tag becomes another image."""
        stream = self.stream(name)
        tags = stream.setdefault("status", {}).setdefault("tags", [])
        item = {"image": reference, "dockerImageReference": f"{INSIDE}/{name}@{reference.rpartition(':')[2]}"}
        for each in tags:
            if each["tag"] == tag:
                each["items"].insert(0, item)
                return
        tags.append({"tag": tag, "items": [item]})

    def stream(self, name: str) -> clusters.Object:
        return self.cluster.objects[f"{BASE}/imagestreams/{name}"]

    def bring(self, streams: t.Any, **options: t.Any) -> dict[str, t.Any]:
        place = {"kubeconfig": self.cluster.kubeconfig, "namespace": "course"}
        return module_runs.call(hub_image_stream, **place, **{"streams": streams, "labels": LABELS, **options})

    def resolve(self, *names: str) -> _image_streams.Resolved:
        return _image_streams.resolve(Cluster(self.cluster.kubeconfig), "course", names)


@pytest.fixture
def project(tmp_path: pathlib.Path) -> t.Iterator[Project]:
    with clusters.running(tmp_path) as cluster:
        yield Project(cluster)


def test_a_stream_is_made_and_filled_once(project: Project) -> None:
    foreseen = project.bring(NOTEBOOK, check=True)
    assert foreseen["changed"] and foreseen["imported"] == ["notebook:1"] and not project.cluster.written
    made = project.bring(NOTEBOOK)
    assert made["changed"] and made["diff"] == foreseen["diff"]
    assert project.imports == ["notebook:1 quay.io/jupyter/minimal-notebook:1"]
    stream = project.stream("notebook")
    assert stream["spec"]["lookupPolicy"] == {"local": True} and stream["metadata"]["labels"] == LABELS
    again = project.bring(NOTEBOOK)
    assert not again["changed"] and again["imported"] == [] and len(project.imports) == 1


def test_a_tag_that_was_promoted_since_is_left_alone(project: Project) -> None:
    """Until another reference is asked for; tags that nobody names here stay."""
    project.bring(NOTEBOOK)
    project.tag("notebook", "1", "promoted")
    project.tag("notebook", "own", "somebody's")
    assert not project.bring(NOTEBOOK)["changed"]
    other = project.bring({"notebook": {"1": "quay.io/jupyter/minimal-notebook:2"}})
    assert other["imported"] == ["notebook:1"] and project.imports[-1].endswith("minimal-notebook:2")
    assert {each["tag"] for each in project.stream("notebook")["status"]["tags"]} == {"1", "own"}


def test_what_differs_is_mended(project: Project) -> None:
    project.bring(NOTEBOOK)
    project.stream("notebook")["spec"]["lookupPolicy"] = {"local": False}
    project.stream("notebook")["metadata"]["labels"] = {"mine": "too"}
    mended = project.bring(NOTEBOOK)
    assert mended["changed"] and mended["imported"] == [] and len(project.imports) == 1
    assert project.stream("notebook")["metadata"]["labels"] == {"mine": "too", **LABELS}
    assert not project.bring(NOTEBOOK)["changed"]


def test_an_image_that_is_not_there_is_named(project: Project) -> None:
    failed = project.bring({"notebook": {"1": "example.org/none:1"}})
    assert failed["failed"] and "OpenShift can not import example.org/none:1 into notebook:1" in failed["msg"]
    assert 'dockerimage "example.org/none:1" not found' in failed["msg"]
    # A run that mends the name begins where this one ended.
    assert project.bring(NOTEBOOK)["changed"] and not project.bring(NOTEBOOK)["changed"]


@pytest.mark.parametrize(
    ("streams", "said"),
    [
        ({"Note": {"1": "quay.io/a:1"}}, "streams has Note:1"),
        ({"note": {"a/b": "quay.io/a:1"}}, "streams has note:a/b"),
        ({"note": {"1": "a:1"}}, "streams.note.1 is 'a:1'; expected an image with its registry"),
        ({"note": "quay.io/a:1"}, "expected a mapping of tags"),
    ],
)
def test_what_can_not_be_a_stream_is_refused(project: Project, streams: t.Any, said: str) -> None:
    failed = project.bring(streams)
    assert failed["failed"] and said in failed["msg"] and not project.cluster.written


def test_names_become_references(project: Project) -> None:
    """A name with a registry is none of a stream; one without a tag means latest."""
    project.bring({"notebook": {"1": "quay.io/n:1", "latest": "quay.io/n:2"}})
    found = project.resolve("notebook:1", "notebook", "quay.io/n:1")
    assert found.images == {"notebook:1": f"{INSIDE}/notebook@1", "notebook": f"{INSIDE}/notebook@2"}
    assert not found.problems and not found.without_lookup


def test_why_a_name_is_no_image(project: Project) -> None:
    project.bring({"notebook": {"1": "quay.io/n:1"}})
    condition = {"type": "ImportSuccess", "status": "False", "message": "the registry is away"}
    project.stream("notebook")["status"]["tags"].append({"tag": "2", "items": None, "conditions": [condition]})
    project.stream("notebook")["spec"]["lookupPolicy"] = {}
    found = project.resolve("notebook:1", "notebook:2", "notebook:3", "hub:1")
    assert found.without_lookup == ["notebook:1"]
    assert found.problems["notebook:2"].endswith("has no image with the tag 2 (the registry is away); it has 1.")
    assert found.problems["notebook:3"].endswith("has no image with the tag 3; it has 1.")
    assert "there is no image stream hub in the project course" in found.problems["hub:1"]
    assert "it has notebook" in found.problems["hub:1"]
