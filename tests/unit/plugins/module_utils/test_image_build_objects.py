# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image depends on, the objects that describe it, and what is patched in them."""

from __future__ import annotations

import copy
import dataclasses
import typing as t

import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _image_build_objects as objects
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Object
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_build_files import look

GIT = objects.Git("https://git.example.org/course.git", "v1")
DOCKER = objects.Description("notebook", "1", "notebook", git=GIT, base="python:3.12")
SOURCE = dataclasses.replace(DOCKER, strategy="source")
FILES = dataclasses.replace(DOCKER, git=None, files=look("", {"Dockerfile": "FROM base"}, ()))


def of(description: objects.Description = DOCKER, base_id: str = "sha256:b1", **changed: t.Any) -> dict[str, str]:
    return objects.made_of(dataclasses.replace(description, **changed), base_id)


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"git": objects.Git(GIT.uri, "v2")}, "source"),
        ({"git": objects.Git(GIT.uri, "v1", "image")}, "source"),
        ({"files": FILES.files}, "source"),
        ({"git": None, "dockerfile": "FROM base"}, "source"),
        ({"dockerfile": "FROM base"}, "recipe"),
        ({"environment": {"A": "1"}}, "recipe"),
        ({"build_args": {"A": "1"}}, "recipe"),
        ({"dockerfile_path": "Containerfile"}, "recipe"),
        ({"strategy": "source"}, "recipe"),
        ({"base": "python:3.13"}, "recipe"),
        ({"base_id": "sha256:b2"}, "base"),
    ],
)
def test_what_makes_another_image(changed: dict[str, t.Any], part: str) -> None:
    now = of(**changed)
    assert now[part] != of()[part]


@pytest.mark.parametrize(
    "changed",
    [
        {"resources": {"limits": {"memory": "1Gi"}}},
        {"timeout": 60},
        {"labels": {"app": "course"}},
        {"local_lookup": False},
        {"git": objects.Git(GIT.uri, "v1", secret="git")},
        {"pull_secret": "registry"},
        {"tag": "2"},
    ],
)
def test_what_does_not(changed: dict[str, t.Any]) -> None:
    assert of(**changed) == of()


def test_a_base_that_the_cluster_follows_is_no_reason() -> None:
    triggers = [objects.CONFIG_CHANGE, objects.IMAGE_CHANGE]
    assert of(triggers=triggers, base_id="sha256:b2") == of(triggers=triggers)
    assert of(triggers=triggers)["base"] == ""


def spec(description: objects.Description, **changed: t.Any) -> Object:
    described = dataclasses.replace(description, **changed)
    found: Object = objects.build_config(described, of(described))["spec"]
    return found


def test_a_build_from_git_by_s2i() -> None:
    found = spec(
        SOURCE,
        git=objects.Git(GIT.uri, "v1", "image", "git"),
        base_namespace="openshift",
        environment={"B": "2", "A": "1"},
        resources={"limits": {"memory": "1Gi"}},
        pull_secret="registry",
        triggers=[objects.CONFIG_CHANGE, objects.IMAGE_CHANGE],
        timeout=60,
    )
    labels = found["output"].pop("imageLabels")
    assert [each["name"] for each in labels] == ["hubwright.build.source", "hubwright.build.recipe"]
    assert labels[0]["value"] == f"{GIT.uri}#v1:image"
    assert found == {
        "source": {
            "type": "Git",
            "git": {"uri": GIT.uri, "ref": "v1"},
            "contextDir": "image",
            "sourceSecret": {"name": "git"},
        },
        "strategy": {
            "type": "Source",
            "sourceStrategy": {
                "from": {"kind": "ImageStreamTag", "name": "python:3.12", "namespace": "openshift"},
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                "pullSecret": {"name": "registry"},
            },
        },
        "output": {"to": {"kind": "ImageStreamTag", "name": "notebook:1"}},
        "triggers": [{"type": "ConfigChange"}, {"type": "ImageChange", "imageChange": {}}],
        "completionDeadlineSeconds": 60,
        "resources": {"limits": {"memory": "1Gi"}},
    }


def test_a_build_from_files_and_one_from_a_dockerfile() -> None:
    found = spec(FILES, build_args={"A": "1"}, dockerfile_path="image/Dockerfile", base="quay.io/team/python:3.12")
    assert found["source"] == {"type": "Binary", "binary": {}}
    assert found["strategy"]["dockerStrategy"] == {
        "from": {"kind": "ImageStreamTag", "name": "notebook-base:3.12"},
        "buildArgs": [{"name": "A", "value": "1"}],
        "dockerfilePath": "image/Dockerfile",
    }
    found = spec(DOCKER, git=None, dockerfile="FROM python", base="")
    assert found["source"] == {"type": "Dockerfile", "dockerfile": "FROM python"}
    assert found["strategy"] == {"type": "Docker", "dockerStrategy": {}}
    assert spec(DOCKER, base="python")["strategy"]["dockerStrategy"]["from"]["name"] == "python:latest"


def test_a_base_by_its_digest_gets_a_tag_that_can_be_one() -> None:
    described = dataclasses.replace(DOCKER, base=f"quay.io/team/python@sha256:{'a' * 64}")
    assert objects.base_stream(described) == ("notebook-base", f"sha256-{'a' * 64}")


def test_an_object_that_is_as_wanted_needs_no_patch_though_the_cluster_filled_in_more() -> None:
    wanted = objects.build_config(dataclasses.replace(SOURCE, triggers=[objects.IMAGE_CHANGE]), of())
    now = copy.deepcopy(wanted)
    now["metadata"] |= {"resourceVersion": "7", "labels": {"their": "own"}}
    now["spec"] |= {"runPolicy": "Serial", "nodeSelector": None}
    now["spec"]["triggers"][0]["imageChange"]["lastTriggeredImageID"] = "registry/python@sha256:1"
    assert objects.changes(now, wanted) == {}


def test_what_is_not_asked_for_any_more_goes_and_what_others_added_stays() -> None:
    before = objects.build_config(
        dataclasses.replace(DOCKER, environment={"A": "1"}, resources={"limits": {"memory": "1Gi"}}), of()
    )
    now = copy.deepcopy(before)
    now["spec"]["nodeSelector"] = {"their": "own"}
    wanted = objects.build_config(dataclasses.replace(DOCKER, labels={"app": "course"}, timeout=60), of())
    patch = objects.changes(now, wanted)
    assert patch["metadata"]["labels"] == {"app": "course"}
    assert patch["spec"] == {
        "strategy": {"dockerStrategy": {"env": None}},
        "resources": None,
        "completionDeadlineSeconds": 60,
    }


def test_of_what_somebody_else_made_no_other_source_is_left() -> None:
    now = {
        "metadata": {"name": "notebook"},
        "spec": {
            "source": {"type": "Binary", "binary": {}},
            "strategy": {"type": "Source", "sourceStrategy": {"from": {}}},
            "serviceAccount": "their-own",
        },
    }
    patch = objects.changes(now, objects.build_config(DOCKER, of()))
    assert patch["spec"]["source"]["binary"] is None and patch["spec"]["strategy"]["sourceStrategy"] is None
    assert "serviceAccount" not in patch["spec"] and not objects.is_ours(now)
    now["metadata"]["annotations"] = {objects.APPLIED: "no JSON"}
    assert objects.changes(now, objects.build_config(DOCKER, of()))["spec"] == patch["spec"]


@pytest.mark.parametrize(
    ("description", "changed", "said"),
    [
        (DOCKER, {"git": None}, "no source to build from"),
        (DOCKER, {"timeout": 0}, "timeout is 0, expected a number of seconds above 0"),
        (DOCKER, {"git": objects.Git("https://me:secret@git.example.org/x", "v1")}, "git.uri has a password in it"),
        (SOURCE, {"base": ""}, "strategy is source, but base is missing"),
        (SOURCE, {"dockerfile": "FROM x"}, "dockerfile_path and build_args are for strategy docker"),
        (SOURCE, {"build_args": {"A": "1"}}, "Give what the scripts of the builder image need by environment"),
        (FILES, {"dockerfile_path": "other"}, "There is no other in files"),
        (DOCKER, {"base": "Python:3"}, "base is 'Python:3'"),
        (FILES, {"triggers": ["ConfigChange"]}, "a build that the cluster starts has no files of this host"),
        (DOCKER, {"base": "", "triggers": ["ImageChange"]}, "triggers has ImageChange, but base is missing"),
    ],
)
def test_what_can_not_be_built(description: objects.Description, changed: dict[str, t.Any], said: str) -> None:
    with pytest.raises(HubError) as error:
        objects.check(dataclasses.replace(description, **changed))
    assert said in str(error.value) and "secret@" not in str(error.value)


def test_what_can_be_built() -> None:
    for description in (DOCKER, SOURCE, FILES):
        objects.check(description)
    objects.check(dataclasses.replace(FILES, dockerfile="FROM x", dockerfile_path="other"))
    objects.check(dataclasses.replace(FILES, strategy="source", files=look("", {"app.py": ""}, ())))


@pytest.mark.parametrize("name", ["a/b:1", "quay.io/a:1", "Notebook:1", "a@sha256:1", "a_b:1", ""])
def test_names_that_are_no_tag_of_a_stream(name: str) -> None:
    with pytest.raises(HubError, match="^name is"):
        objects.stream_tag(name, "name")
    assert objects.stream_tag("notebook", "name") == ("notebook", "latest")
