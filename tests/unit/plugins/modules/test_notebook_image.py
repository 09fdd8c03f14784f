# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases of a notebook image on a real engine."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import threading
import typing as t
import uuid
from collections.abc import Iterator

import module_processes
import module_runs
import notebook_images
import pytest
from notebook_images import build, docker, image_id, tags

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._engine_api import EngineApi
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.modules import notebook_image, notebook_image_info

NO_TEST = {"enabled": False}
# A module that is killed at the moment before its next tag but so many.
KILLED = """
import os
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_stores._docker import DockerStore
from ansible_collections.hubwright.jupyterhub.plugins.modules import notebook_image
put, left = DockerStore.tag, int(os.environ["STEPS"])
def tag(*arguments):
    global left
    if not left:
        os.kill(os.getpid(), 9)
    left -= 1
    put(*arguments)
DockerStore.tag = tag
notebook_image.main()
"""


@pytest.fixture(scope="module")
def images() -> Iterator[dict[str, str]]:
    """Four images, by letter."""
    made = {letter: build() for letter in "ABCD"}
    repository = f"images-{uuid.uuid4().hex[:8]}"
    for letter, image in made.items():
        docker("tag", image, f"{repository}:{letter}")
    yield made
    notebook_images.forget(repository)


@pytest.fixture
def name() -> Iterator[str]:
    """A live reference of its own, without an image."""
    name = f"registry.example.org/team/notebook-{uuid.uuid4().hex[:8]}"
    yield f"{name}:latest"
    notebook_images.forget(name, f"{name}_old", f"{name}_new")


def change(name: str, **options: t.Any) -> dict[str, t.Any]:
    return module_runs.call(notebook_image, name=name, **options)


def promote(name: str, candidate: str, **options: t.Any) -> dict[str, t.Any]:
    return change(name, candidate=candidate, smoke_test=NO_TEST, **options)


def line(found: dict[str, t.Any], images: dict[str, str]) -> str:
    """The releases as letters, held ones in small: ``BAc``."""
    letters = {image: letter for letter, image in images.items()}
    return "".join(letters[each["id"]].lower() if each["held"] else letters[each["id"]] for each in found["releases"])


def test_promotions_and_roll_backs(name: str, images: dict[str, str]) -> None:
    old = name.replace(":", "_old:")
    for letter in "ABC":
        found = promote(name, images[letter], history_tags=[old])
        assert found["changed"]
        assert found["live"] == image_id(name) == images[letter]
    assert line(found, images) == "CBA"
    assert image_id(old) == found["previous"] == images["B"]
    first = found["releases"][2]["name"]
    assert image_id(name.replace("latest", first)) == images["A"]

    known = tags(name.partition(":")[0])
    found = promote(name, images["C"], history_tags=[old])
    assert not found["changed"]
    assert (line(found, images), tags(name.partition(":")[0])) == ("CBA", known)

    found = change(name, state="rolled_back", history_tags=[old])
    assert found["changed"]
    assert (line(found, images), image_id(name), image_id(old)) == ("BAc", images["B"], images["A"])

    found = promote(name, images["C"])
    assert found["failed"]
    assert f"-{images['C'][7:19]} is held, since it was live and then rolled back" in found["msg"]
    assert image_id(name) == images["B"]

    found = change(name, state="rolled_back", to=first)
    assert (line(found, images), image_id(name)) == ("Acb", images["A"]) or line(found, images) == "Abc"
    assert not change(name, state="rolled_back", to=first)["changed"]

    assert line(promote(name, images["C"], force=True), images) == "CAb"


def test_the_names_of_two_tag_commands_work_as_they_are(name: str, images: dict[str, str]) -> None:
    """What somebody has who has moved notebook, notebook_old and notebook_new by hand."""
    old, new = (name.replace(":", f"_{which}:") for which in ("old", "new"))
    for letter, reference in (("A", old), ("B", name), ("C", new)):
        docker("tag", images[letter], reference)
    found = promote(
        name.removesuffix(":latest"), new.removesuffix(":latest"), history_tags=[old.removesuffix(":latest")]
    )
    assert line(found, images) == "CBA"
    assert [image_id(each) for each in (name, old, new)] == [images[letter] for letter in "CBC"]


def test_the_first_image_is_promoted_once_only(name: str, images: dict[str, str]) -> None:
    assert promote(name, images["A"], state="present")["changed"]
    # Another one is not, not even looked for: what is live is for promotions to say.
    found = promote(name, "no-such-image:1", state="present")
    assert (found["changed"], found["live"]) == (False, images["A"])


def test_check_mode_changes_nothing_and_tells_the_same(name: str, images: dict[str, str]) -> None:
    promote(name, images["A"])
    known = tags(name.partition(":")[0])
    for options in ({"candidate": images["B"], "smoke_test": {"jupyterhub_version": "6.1.1"}}, {"state": "pruned"}):
        checked = change(name, check=True, **options)
        assert (tags(name.partition(":")[0]), image_id(name)) == (known, images["A"])
        assert checked["changed"] == (options.get("state") != "pruned")
    checked = change(name, check=True, candidate=images["B"], smoke_test=NO_TEST)
    done = promote(name, images["B"])
    assert checked["live"] == done["live"] == images["B"]
    assert f"{name} {images['A']}\n" in done["diff"]["before"]
    assert f"{name} {images['B']}\n" in done["diff"]["after"]
    assert change(name, check=True, state="rolled_back")["live"] == images["A"]
    assert image_id(name) == images["B"]


class Client:
    """Starts containers from the live reference, one after the other, as a spawner does."""

    def __init__(self, name: str) -> None:
        self.started: list[str] = []
        self.failures: list[str] = []
        self._name = name
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> t.Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        engine = EngineApi()
        body = {"Image": self._name, "Entrypoint": ["true"], "Cmd": [], "HostConfig": {"NetworkMode": "none"}}
        while not self._stop.is_set():
            try:
                container = json.loads(engine.post("/containers/create", "make a container", body))["Id"]
                self.started.append(engine.get(f"/containers/{container}/json", "show it")["Image"])
                engine.post(f"/containers/{container}/start", "start a container")
                engine.delete(f"/containers/{container}", "remove it", force="true")
            except HubError as error:
                self.failures.append(str(error))


def killed(steps: int, **arguments: t.Any) -> bool:
    """Run the module and kill it before a tag; False when it was done before."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        capture_output=True,
        text=True,
        check=False,
        env=module_processes.ENVIRONMENT | {"STEPS": str(steps)},
    )
    assert done.returncode in (0, -9), done.stderr
    return done.returncode == -9


def test_a_controller_that_is_lost_at_any_step_costs_nobody_anything(name: str, images: dict[str, str]) -> None:
    old = name.replace(":", "_old:")
    # By hand, so that the first promotion has most to do.
    docker("tag", images["A"], name)
    change_to = {"candidate": images["B"], "smoke_test": NO_TEST, "history_tags": [old]}
    with Client(name) as client:
        steps = 0
        while killed(steps, name=name, **change_to):
            assert image_id(name) in (images["A"], images["B"])
            steps += 1
        assert steps >= 2  # every run got further than the one before
        found = change(name, **change_to)
        assert (found["changed"], line(found, images), image_id(old)) == (False, "BA", images["A"])

        steps = 0
        while killed(steps, name=name, state="rolled_back", to=images["A"]):
            assert image_id(name) in (images["A"], images["B"])
            steps += 1
        assert steps >= 1
        assert line(module_runs.call(notebook_image_info, name=name), images) == "Ab"
    assert not client.failures
    assert {images["A"], images["B"]} <= set(client.started)


@pytest.fixture
def hub(images: dict[str, str], name: str) -> Iterator[str]:
    """A hub where ada runs A, ben has a stopped A, cyd a stopped B, dot runs D; and others' containers."""
    hub = f"release-{uuid.uuid4().hex[:8]}"
    docker("network", "create", "--internal", hub)
    for user, letter, runs in (("ada", "A", True), ("ben", "A", False), ("cyd", "B", False), ("dot", "D", True)):
        docker(
            *(["run", "--detach", "--stop-timeout=0"] if runs else ["create"]),
            f"--network={hub}",
            f"--name={hub}-user-{user}",
            f"--volume={hub}-user-{user}:/home/jovyan",
            f"--env=JUPYTERHUB_USER={user}@example.org",
            "--env=JUPYTERHUB_API_TOKEN=do-not-tell",
            "--entrypoint=sh",
            images[letter],
            "-c",
            "sleep 600" if runs else "echo mine >notes",
        )
        if not runs:
            docker("start", "--attach", f"{hub}-user-{user}")
    # Not of this hub: named like one of its users, and labelled as another's.
    docker("create", f"--name={hub}-user-eve", "--label=hubwright.hub=another", images["A"])
    docker("create", f"--name={hub}-other", f"--network={hub}", images["C"])
    for letter in "ABCD":
        promote(name, images[letter])
    yield hub
    docker("rm", "--force", *docker("ps", "--all", "--quiet", f"--filter=name=^{hub}-").split())
    docker("volume", "rm", *(f"{hub}-user-{user}" for user in ("ada", "ben", "cyd", "dot")))
    docker("network", "rm", hub)


def test_who_runs_what_is_told_by_the_image_not_by_its_name(hub: str, name: str, images: dict[str, str]) -> None:
    found = module_runs.call(notebook_image_info, name=name, hub=hub)
    assert not found["changed"]
    releases = {each["id"]: each for each in found["releases"]}
    assert [
        (server["user"], server["container"].rpartition("-")[2], server["image_id"], server["live"], server["state"])
        for server in found["servers"]
    ] == [
        ("ada@example.org", "ada", images["A"], False, "running"),
        ("ben@example.org", "ben", images["A"], False, "exited"),
        ("cyd@example.org", "cyd", images["B"], False, "exited"),
        ("", "dot", images["D"], True, "running"),
    ]
    assert [server["release"] for server in found["servers"]] == [releases[images[letter]]["name"] for letter in "AABD"]
    assert [(releases[images[letter]]["running"], releases[images[letter]]["stopped"]) for letter in "ABCD"] == [
        (1, 1),
        (0, 1),
        (0, 0),
        (1, 0),
    ]
    assert "do-not-tell" not in str(found)


def test_pruning_leaves_what_is_used(hub: str, name: str, images: dict[str, str]) -> None:
    containers = docker("ps", "--all", "--quiet", f"--filter=name=^{hub}-").split()
    checked = change(name, check=True, state="pruned", keep=1, hub=hub, remove_stopped=True)
    assert docker("ps", "--all", "--quiet", f"--filter=name=^{hub}-").split() == containers

    found = change(name, state="pruned", keep=1)
    assert not found["changed"]
    assert line(found, images) == "DCBA"
    reasons = "\n".join(found["kept"].values())
    assert f"used by the container {hub}-user-cyd" in reasons and f"used by the container {hub}-other" in reasons

    # With an explicit word stopped ones go, which only B needed; A still runs, C is no user's.
    found = change(name, state="pruned", keep=1, hub=hub, remove_stopped=True)
    assert found["changed"]
    assert found["removed"]["containers"] == checked["removed"]["containers"] == [f"{hub}-user-ben", f"{hub}-user-cyd"]
    assert [each.rpartition("-")[2] for each in found["removed"]["releases"]] == [images["B"][7:19]]
    assert found["removed"]["releases"] == checked["removed"]["releases"]
    assert line(found, images) == "DCA"
    assert [tag for tag in tags(name.partition(":")[0]) if tag.endswith(images["B"][7:19])] == []
    left = docker("ps", "--all", "--format={{.Names}}", f"--filter=name=^{hub}-").split()
    assert sorted(left) == [f"{hub}-{which}" for which in ("other", "user-ada", "user-dot", "user-eve")]
    # Users' files are there.
    mounted = docker("run", "--rm", f"--volume={hub}-user-ben:/files", "--entrypoint=cat", images["D"], "/files/notes")
    assert mounted == "mine"
    assert not change(name, state="pruned", keep=1, hub=hub, remove_stopped=True)["changed"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"candidate": "no-such-image:1", "smoke_test": NO_TEST},
            "but the engine has no such image. Pull, load or build it",
        ),
        ({"candidate": "Not A Name", "smoke_test": NO_TEST}, "candidate is Not A Name, but"),
        ({"state": "rolled_back"}, "There is no image"),
        ({"state": "pruned", "keep": 0}, "keep is 0, expected 1 or more"),
        ({"state": "pruned", "remove_stopped": True}, "hub does not say whose containers are meant"),
        ({}, "state is promoted but all of the following are missing: candidate"),
        ({"state": "rolled_back", "steps": 1, "to": "x"}, "parameters are mutually exclusive: steps|to"),
        ({"state": "rolled_back", "timeout": 0}, "timeout is 0, expected a number of seconds above 0"),
        ({"state": "rolled_back", "history_tags": ["a", "B"]}, "history_tags is 'B', which is no name of an image"),
    ],
)
def test_what_can_not_be_done_is_said(name: str, options: dict[str, t.Any], message: str) -> None:
    found = change(name, **options)
    assert found["failed"]
    assert message in found["msg"]


def test_history_tags_have_to_be_names_of_their_own(name: str) -> None:
    for tag in (name, f"{name}-20261125T101500Z-0d4c1f2a9b3c"):
        found = change(name, state="rolled_back", history_tags=[tag])
        assert f"history_tags has {tag}, which can not be moved" in found["msg"]


def test_an_engine_that_is_away_is_named(name: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = change(name, state="rolled_back", socket=f"{tmp_path}/docker.sock")
    assert f"No Docker engine answers at {tmp_path}/docker.sock: No such file or directory." in found["msg"]
    assert "systemctl start docker" in found["msg"]
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere.example:2375")
    found = change(name, state="rolled_back")
    assert "DOCKER_HOST is tcp://elsewhere.example:2375, expected the socket of an engine on this host" in found["msg"]
