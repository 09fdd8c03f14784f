# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a notebook image has to do before it becomes live, on a real engine."""

from __future__ import annotations

import json
import os
import signal
import time
import typing as t
import uuid
from collections.abc import Iterator

import module_processes
import notebook_images
import pytest
from notebook_images import build, docker, image_id, tags

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _passing_containers, _smoke_engine
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._engine_api import EngineApi

KERNELS = "/opt/venv/share/jupyter/kernels/python3/kernel.json"
CONFIGURATION = "/opt/venv/etc/jupyter/jupyter_server_config.d/test.json"

OPEN_TO_ALL = """
import http.server
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header('X-JupyterHub-Version', '6.1.1')
        self.end_headers()
http.server.HTTPServer(('', 8888), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def name() -> Iterator[str]:
    """A live reference with an image that nobody may replace by one that does not work."""
    name = f"smoke-{uuid.uuid4().hex[:8]}"
    docker("tag", notebook_images.singleuser("6.1.1"), name)
    yield name
    notebook_images.forget(name)


def promote(name: str, candidate: str, **test: t.Any) -> dict[str, t.Any]:
    smoke_test = {"jupyterhub_version": "6.1.1", "timeout": 300} | test
    return module_processes.run("notebook_image", name=name, candidate=candidate, smoke_test=smoke_test)


def left(image: str) -> list[str]:
    """Containers of tests of an image."""
    return docker(
        "ps", "--all", "--quiet", f"--filter=label={_smoke_engine.LABEL}", f"--filter=ancestor={image}"
    ).split()


def file(path: str, content: str) -> str:
    return f"RUN echo {json.dumps(content)} >{path}"


def kernel(command: list[str]) -> str:
    text = json.dumps({"argv": command, "display_name": "Python", "language": "python"}).replace('"', '\\"')
    return f'RUN echo "{text}" >{KERNELS}'


def test_a_candidate_that_computes_becomes_live() -> None:
    name = f"smoke-{uuid.uuid4().hex[:8]}"
    try:
        # What a container gets is what the spawner would give it.
        candidate = build(
            'ENTRYPOINT ["sh", "-c", "test \\"$SITE\\" = here && test $(id -u) = 4242 && test $MEM_LIMIT = 1073741824 '
            '&& ! ls -d /sys/class/net/e* 2>/dev/null && grep -q CapEff:.0000000000000000 /proc/self/status && exec $0"]',
            'CMD ["jupyterhub-singleuser"]',
            "ENV HOME=/tmp",
        )
        found = promote(
            name, candidate, jupyterhub_version="6.0.2", user="4242:100", memory="1G", environment={"SITE": "here"}
        )
        assert found["changed"], found
        assert found["smoke"]["version"] == "6.1.1"
        assert found["smoke"]["warnings"] == [f"The image {candidate} has JupyterHub 6.1.1, the hub is 6.0.2."]
        assert "the hub is 6.0.2" in str(found["warnings"])
        assert found["live"] == image_id(name) == candidate
        # Once live, it is not tried out again.
        again = promote(name, candidate)
        assert (again["changed"], again["smoke"]) == (False, None)
        assert not left(candidate)
    finally:
        notebook_images.forget(name)


REFUSED: dict[str, tuple[list[str], dict[str, t.Any], str]] = {
    "no single-user server": (
        ["USER root", "RUN rm /opt/venv/bin/jupyterhub-singleuser", "USER jovyan"],
        {},
        "has no program jupyterhub-singleuser, and ended with code 127 before it answered",
    ),
    "another kind of image": (
        ['ENV PATH="/nowhere"'],
        {},
        "can not run python3, so that it is no notebook image",
    ),
    "crash": (
        ['CMD ["sh", "-c", "echo No license today. && exit 3"]'],
        {},
        "ended with code 3 before it answered. It was not promoted.\nIts log:\n  No license today.",
    ),
    "start": (['ENTRYPOINT ["/no/such"]'], {}, "can not be started: "),
    "silence": (
        ['CMD ["sleep", "600"]'],
        {"timeout": 3},
        "did not become ready in 3 s (limit smoke_test.timeout, of the role notebook_image_smoke_timeout). It did not end",
    ),
    "memory": (
        ['CMD ["python3", "-c", "len(bytes(10**9)) and bytearray(10**9)"]'],
        {"memory": "64M"},
        "was killed before it answered, since it needed more memory than 64M",
    ),
    "another server": (
        ['CMD ["python3", "-m", "http.server", "8888"]'],
        {},
        "answered, but not as a single-user server of JupyterHub",
    ),
    "no sign-in": (
        [f"CMD {json.dumps(['python3', '-c', OPEN_TO_ALL])}"],
        {},
        "let a stranger in: it answered without asking for a token",
    ),
    "dead kernel": (
        [
            kernel(["false"]),
            f'RUN echo \'{{"KernelRestarter":{{"restart_limit":0,"time_to_dead":0.1}}}}\' >{CONFIGURATION}',
        ],
        {},
        "started a kernel that died",
    ),
}


@pytest.mark.parametrize(("lines", "options", "message"), REFUSED.values(), ids=REFUSED)
def test_a_candidate_that_does_not_work_changes_nothing(
    name: str, lines: list[str], options: dict[str, t.Any], message: str
) -> None:
    before, known = image_id(name), tags(name)
    candidate = build(*lines)
    found = promote(name, candidate, **options)
    assert found.get("failed"), found
    assert f"The image {candidate} {message}" in found["msg"]
    assert (image_id(name), tags(name)) == (before, known)
    assert not left(candidate)


def test_the_environment_is_not_shown(name: str) -> None:
    candidate = build('CMD ["sh", "-c", "echo The key is $KEY of $SHORT && exit 1"]')
    found = promote(name, candidate, environment={"KEY": "open-sesame", "SHORT": "1"})
    assert "ended with code 1 before it answered" in found["msg"]
    assert "The key is ********" in found["log"][0] and found["log"][0].endswith(" of 1")
    assert "open-sesame" not in str(found)


def test_another_major_version_of_jupyterhub_is_refused(name: str) -> None:
    before, candidate = image_id(name), build(base=notebook_images.singleuser("5.5.4"))
    found = promote(name, candidate)
    assert "has JupyterHub 5.5.4, but the hub is 6.1.1" in found["msg"]
    assert "Install the hub's version in the image" in found["msg"]
    assert image_id(name) == before
    assert not left(candidate)


def test_another_architecture_is_refused(name: str) -> None:
    before = image_id(name)
    other = "arm64" if docker("version", "--format", "{{.Server.Arch}}") != "arm64" else "amd64"
    candidate = notebook_images.empty(f"{name}:{other}", other)
    found = promote(name, candidate)
    assert f"is made for linux/{other}, expected linux/" in found["msg"]
    assert "--platform" in found["msg"]
    assert image_id(name) == before


def test_a_run_that_is_stopped_leaves_nothing_and_one_that_is_killed_leaves_it_to_the_next(name: str) -> None:
    candidate = build('CMD ["sleep", "600"]')
    before = image_id(name)
    arguments = {"name": name, "candidate": candidate, "smoke_test": {"jupyterhub_version": "6.1.1", "timeout": 60}}
    for number, remain in ((signal.SIGTERM, 0), (signal.SIGKILL, 2)):
        with module_processes.start("notebook_image", arguments) as process:
            end = time.monotonic() + 60
            while len(left(candidate)) < 2:
                assert process.poll() is None and time.monotonic() < end, process.communicate()
            os.kill(process.pid, number)
        assert len(left(candidate)) == remain
    _passing_containers.remove_left(EngineApi(), _smoke_engine.LABEL)
    assert not left(candidate)
    assert image_id(name) == before


def test_a_test_that_is_under_way_is_left_alone() -> None:
    image = build()
    container = docker("create", f"--label={_smoke_engine.LABEL}={_passing_containers.me()}", image)
    try:
        _passing_containers.remove_left(EngineApi(), _smoke_engine.LABEL)
        assert left(image) == [container[:12]]
    finally:
        docker("rm", container)


@pytest.mark.parametrize(
    ("smoke_test", "message"),
    [
        ({}, "smoke_test.jupyterhub_version is missing"),
        ({"jupyterhub_version": "six"}, "smoke_test.jupyterhub_version is 'six', expected the version of the hub"),
        (
            {"jupyterhub_version": "6.1.1", "timeout": 0},
            "smoke_test.timeout is 0, expected a number of seconds above 0",
        ),
        ({"jupyterhub_version": "6.1.1", "memory": "lots"}, "smoke_test.memory is 'lots'"),
    ],
)
def test_wrong_options_are_said_before_anything_starts(name: str, smoke_test: dict[str, t.Any], message: str) -> None:
    candidate = notebook_images.singleuser("5.5.4")
    found = module_processes.run("notebook_image", name=name, candidate=candidate, smoke_test=smoke_test)
    assert message in found["msg"]
