# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that the cluster builds, by an account of one project: from a directory, from a repository, upon each other."""

from __future__ import annotations

import json
import pathlib
import subprocess
import typing as t

import pytest
from installation import PROJECT, wait_until
from kubernetes_installation import Object
from openshift_installation import OpenShiftInstallation

FILES = PROJECT / "roles" / "hub_openshift" / "files"
PYTHON = "127.0.0.1:5000/ubi9/python-312:9.8"
PINS = (PROJECT / "requirements-hub-6.1.txt").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def project(openshift_hub: OpenShiftInstallation) -> t.Iterator[OpenShiftInstallation]:
    """The project of the hub, in which the images of a test are called built or upon, and go afterwards."""
    yield openshift_hub
    for name in ("built", "upon"):
        built(openshift_hub, name=name, state="absent")


def built(hub: OpenShiftInstallation, fails: bool = False, **options: t.Any) -> Object:
    """What the module says, run as the account of the scenario."""
    place = {"kubeconfig": str(hub.scratch / "deployer.kubeconfig"), "namespace": hub.namespace, "name": "built:1"}
    return hub.module("hub_image_build", {**place, **options}, fails)


def builds(hub: OpenShiftInstallation, name: str = "built") -> int:
    """How many builds there were."""
    return len(hub.objects("builds", f"buildconfig={name}"))


def sources(tmp_path: pathlib.Path, **files: str) -> pathlib.Path:
    """A directory with these files."""
    top = tmp_path / "sources"
    top.mkdir(exist_ok=True)
    for name, text in files.items():
        (top / name).write_text(text, encoding="utf-8")
    return top


def pinned(*names: str) -> str:
    """requirements.txt with packages as the project pins them."""
    return "".join(f"{line}\n" for line in PINS if line.partition("==")[0] in names)


def notebook(requirements: str) -> Object:
    """Sources of the collection's own image of a notebook server."""
    assemble = (FILES / "assemble").read_text(encoding="utf-8")
    files = {".s2i/bin/assemble": assemble, "requirements.txt": requirements}
    return {"directory": str(FILES / "notebook"), "files": files, "base": PYTHON}


def repository(tmp_path: pathlib.Path, **files: str) -> Object:
    """A repository with these files in a directory of it, and its only commit."""
    top = tmp_path / "repository"
    (top / "image").mkdir(parents=True)
    for name, text in files.items():
        (top / "image" / name.replace("_", ".")).write_text(text, encoding="utf-8")
    git = ["git", "-C", str(top), "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=Files"]):
        subprocess.run([*git, *command], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    return {"uri": f"file://{top}", "ref": commit, "context_dir": "image"}


def in_image(image: str, *command: str) -> str:
    """What a program says in an image, as a user that the image does not know, with the group 0."""
    argv = ["docker", "run", "--rm", "--network=none", "--user=1000650000:0", image, *command]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def test_a_directory_is_built_once_and_again_when_it_differs(
    project: OpenShiftInstallation, tmp_path: pathlib.Path
) -> None:
    """Upon a base of a registry, which is imported first; nothing is built when nothing differs."""
    top = sources(tmp_path, Dockerfile="FROM scratch\nARG WORD\nENV WORD=$WORD\nCOPY page /\n", page="one ")
    options = {"directory": str(top), "base": PYTHON, "build_args": {"WORD": "hello"}}
    first = built(project, **options)
    assert first["changed"] and first["reasons"] == ["the tag has no image"] and builds(project) == 1
    assert in_image(first["image"], "sh", "-c", "cat /page; echo $WORD") == "one hello"
    again = built(project, **options)
    assert not again["changed"] and again["image"] == first["image"] and builds(project) == 1
    sources(tmp_path, page="two")
    second = built(project, **options)
    assert second["reasons"] == ["the source differs"] and in_image(second["image"], "cat", "/page") == "two"
    assert project.image_of("built", "1") == second["image"] and builds(project) == 2


def test_a_build_that_fails_says_why_and_leaves_the_tag_alone(project: OpenShiftInstallation) -> None:
    """And what can not be built is refused before there is anything."""
    good = built(project, dockerfile="FROM scratch", base=PYTHON)
    failed = built(project, dockerfile="FROM scratch\nRUN echo no room left; exit 3", base=PYTHON, fails=True)
    assert "Dockerfile build strategy has failed" in failed["msg"] and "no room left" in failed["log"]
    assert "built:1 is what it was" in failed["msg"] and project.image_of("built", "1") == good["image"]
    for options, said in (
        ({"base": "127.0.0.1:5000/none:1"}, "can not import 127.0.0.1:5000/none:1"),
        ({"base": "built:none"}, "the image stream built of the project"),
        ({"namespace": "default"}, "cannot get resource"),
    ):
        refused = built(project, fails=True, **{"name": "upon:1", "dockerfile": "FROM scratch", **options})
        assert said in refused["msg"] and builds(project, "upon") == 0


def test_an_image_follows_its_base(project: OpenShiftInstallation) -> None:
    """By a trigger of the cluster, which a run waits for in place of a second build."""
    built(project, dockerfile="FROM scratch\nENV RELEASE=1", base=PYTHON)
    options = {
        "name": "upon:1",
        "dockerfile": "FROM scratch\nENV UPON=yes",
        "base": "built:1",
        "triggers": ["ConfigChange", "ImageChange"],
    }
    first = built(project, **options)
    assert builds(project, "upon") == 1 and not built(project, **options)["changed"]
    built(project, dockerfile="FROM scratch\nENV RELEASE=2", base=PYTHON)
    wait_until("the image is built upon the new base", lambda: project.image_of("upon", "1") != first["image"])
    after = built(project, **options)
    assert in_image(after["image"], "sh", "-c", "echo $UPON $RELEASE") == "yes 2" and builds(project, "upon") == 2


def test_a_repository_is_built_by_s2i_upon_the_collections_image(
    project: OpenShiftInstallation, tmp_path: pathlib.Path
) -> None:
    """Its packages are there, and none of them takes the place of what the collection pins."""
    built(project, **notebook(pinned("tornado")))
    git = repository(tmp_path, requirements_txt="cowsay==6.1\n", lesson_py="print('Hello')\n")
    upon = {"name": "upon:1", "git": git, "strategy": "source", "base": "built:1"}
    image = built(project, **upon)["image"]
    tests = "import cowsay, tornado, os; print(cowsay.__name__, os.access(cowsay.__file__, os.W_OK))"
    assert in_image(image, "python3", "-c", tests) == "cowsay True"
    assert in_image(image, "sh", "-c", "ls; touch $HOME/made && python3 lesson.py").split() == [
        "lesson.py",
        "requirements.txt",
        "Hello",
    ]
    assert not built(project, **upon)["changed"]
    (tmp_path / "other").mkdir()
    clash = repository(tmp_path / "other", requirements_txt="tornado==6.1\n")
    failed = built(project, fails=True, **{**upon, "git": clash})
    assert "conflict" in failed["msg"].lower() and "upon:1 is what it was" in failed["msg"]


def test_the_hubs_image_runs_as_anybody_and_ends_when_it_is_told(openshift_hub: OpenShiftInstallation) -> None:
    """With its proxy; process 1 passes TERM on, reaps what is left behind, and says that all is well."""
    image = openshift_hub.image_of("hub", "current")
    hub = "c.JupyterHub.authenticator_class = 'dummy'\nc.JupyterHub.spawner_class = 'simple'\n"
    script = f"cat >$HOME/jupyterhub_config.py <<'END'\n{hub}END\nexec /opt/app-root/builder/run"
    argv = ["docker", "run", "--detach", "--user=1000650000:0", image, "sh", "-c", script]
    name = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
    try:
        ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/hub/health').status)"

        def inside(*command: str) -> str:
            done = subprocess.run(["docker", "exec", name, *command], capture_output=True, text=True, check=False)
            return done.stdout.strip()

        wait_until("the hub answers through its proxy", lambda: inside("python3", "-c", ask) == "200")
        # An orphan becomes a child of process 1.
        inside("sh", "-c", "(sleep 0.2 &)")
        states = "cat /proc/[0-9]*/stat 2>/dev/null | cut -d' ' -f2,3"
        wait_until("the orphan is gone", lambda: "sleep" not in inside("sh", "-c", states))
        subprocess.run(["docker", "stop", "--time=60", name], check=True, capture_output=True)
        state = subprocess.run(
            ["docker", "inspect", "--format={{json .State}}", name], check=True, capture_output=True, text=True
        )
        assert json.loads(state.stdout)["ExitCode"] == 0
    finally:
        subprocess.run(["docker", "rm", "--force", name], check=True, capture_output=True)


def test_nothing_is_left_of_an_image(openshift_hub: OpenShiftInstallation) -> None:
    """Neither streams nor builds, and a second time there is nothing to do."""
    built(openshift_hub, dockerfile="FROM scratch", base=PYTHON)
    assert built(openshift_hub, state="absent")["changed"]
    assert builds(openshift_hub) == 0
    left = openshift_hub.kubectl("get", "imagestreams,buildconfigs", "--output=name").splitlines()
    assert not [name for name in left if "built" in name or "upon" in name]
    assert not built(openshift_hub, state="absent")["changed"]
