# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real engine has of a hub."""

from __future__ import annotations

import os
import pathlib
import subprocess
import typing as t
import uuid
from collections.abc import Iterator

import module_runs
import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _engine
from ansible_collections.hubwright.jupyterhub.plugins.modules import hub_engine_info


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def image() -> str:
    """Any image with a shell."""
    image = os.environ.get("HUBWRIGHT_HUB_IMAGE", "")
    if not image:
        pytest.fail("HUBWRIGHT_HUB_IMAGE names no image; run `make test-unit`")
    return image


@pytest.fixture(scope="module")
def hub(image: str) -> Iterator[str]:
    """A hub with one service, two user servers, a volume and a network; and what is not its own."""
    hub = f"look-{uuid.uuid4().hex[:8]}"
    labels = [f"--label=com.docker.compose.project={hub}", "--label=com.docker.compose.service=hub"]
    sleep = [image, "sleep", "600"]
    user = ["--env", "JUPYTERHUB_API_TOKEN=do-not-tell", "--env"]
    others = ["--detach", "--stop-timeout=0"]
    mine = [*others, f"--network={hub}"]
    docker("network", "create", "--subnet=192.168.231.0/28", hub)
    docker("volume", "create", f"{hub}-data")
    docker("run", *mine, f"--name={hub}-hub-1", *labels, *sleep)
    docker(
        "run",
        *mine,
        f"--name={hub}-user-alice",
        f"--volume={hub}-user-alice:/home",
        *user,
        "JUPYTERHUB_USER=alice@x",
        *sleep,
    )
    named = ["JUPYTERHUB_USER=bob", "--env", "JUPYTERHUB_SERVER_NAME=gpu"]
    docker("create", f"--network={hub}", f"--name={hub}-user-bob--gpu", *user, *named, *sleep)
    docker("run", *others, f"--name={hub}x-user-carol", *user, "JUPYTERHUB_USER=carol", *sleep)
    # Of a hub named like this one with -user after it.
    docker("run", *others, "--network=none", f"--name={hub}-user-user-dave", *user, "JUPYTERHUB_USER=dave", *sleep)
    yield hub
    docker(
        "rm",
        "--force",
        *(f"{hub}{end}" for end in ("-hub-1", "-user-alice", "-user-bob--gpu", "x-user-carol", "-user-user-dave")),
    )
    docker("volume", "rm", f"{hub}-user-alice", f"{hub}-data")
    docker("network", "rm", hub)


def test_it_finds_what_belongs_to_the_hub(hub: str, image: str) -> None:
    found = module_runs.call(hub_engine_info, project=hub, images=[image, "no.such/image:1"], subnet="192.168.231.0/24")
    assert not found["changed"]
    assert found["engine"][0].isdigit()
    assert set(found["images"]) == {image}
    assert list(found["services"]) == ["hub"]
    assert found["services"]["hub"]["state"] == "running"
    assert found["services"]["hub"]["image"] == found["images"][image]
    assert [(server["user"], server["server"], server["state"]) for server in found["servers"]] == [
        ("alice@x", "", "running"),
        ("bob", "gpu", "created"),
    ]
    assert found["servers"][0]["mounts"] == [
        {"source": f"{hub}-user-alice", "destination": "/home", "read_only": False}
    ]
    assert found["volumes"] == [f"{hub}-user-alice"]
    assert f"{hub}-data" in found["other_volumes"]
    assert f"{hub}-user-alice" not in found["other_volumes"]
    assert found["networks"][hub] == {"subnets": ["192.168.231.0/28"], "overlaps": True, "bridge": ""}
    assert not found["networks"]["bridge"]["overlaps"]
    assert "do-not-tell" not in str(found)


def test_it_tells_which_files_a_service_has_not_read(hub: str, tmp_path: pathlib.Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    os.utime(tmp_path / "old" / "file", (0, 0))
    reads = {"hub": [f"{tmp_path}/old", f"{tmp_path}/new", f"{tmp_path}/missing"], "proxy": [str(tmp_path)]}
    found = module_runs.call(hub_engine_info, project=hub, reads=reads)
    assert found["unread"] == {"hub": [f"{tmp_path}/new/file"]}


def test_an_engine_that_is_away_is_named(tmp_path: pathlib.Path) -> None:
    found = module_runs.call(hub_engine_info, project="hub", socket=f"{tmp_path}/docker.sock")
    assert found["failed"]
    assert f"{tmp_path}/docker.sock" in found["msg"]
    assert "systemctl start docker" in found["msg"]


def test_a_host_without_docker_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = module_runs.call(hub_engine_info, project="hub")
    assert "no program docker" in found["msg"]
    assert "docker_engine" in found["msg"]


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("quay.io/a/b:1", {"RepoTags": ["quay.io/a/b:1"]}, True),
        ("docker.io/library/haproxy:3.2", {"RepoTags": ["haproxy:3.2"]}, True),
        ("docker.io/a/b:1", {"RepoTags": ["a/b:1"]}, True),
        ("localhost:5000/a/b", {"RepoTags": ["localhost:5000/a/b:latest"]}, True),
        ("quay.io/a/b:2", {"RepoTags": ["quay.io/a/b:1"]}, False),
        ("quay.io/a/b:1@sha256:00", {"RepoDigests": ["quay.io/a/b@sha256:00"]}, True),
        ("quay.io/a/b@sha256:01", {"RepoDigests": ["quay.io/a/b@sha256:00"]}, False),
        ("quay.io/a/b:1", {"RepoTags": None}, False),
    ],
)
def test_the_engine_leaves_parts_of_names_out(name: str, image: dict[str, t.Any], expected: bool) -> None:
    assert _engine._named(image, name) == expected


def test_times_are_compared_to_the_nanosecond(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "file"
    file.touch()
    os.utime(file, ns=(0, 1_000_000_000_500_000_000))
    assert _engine.newer_than("2001-09-09T01:46:40.4Z", [str(file)]) == [str(file)]
    assert _engine.newer_than("2001-09-09T01:46:40.6Z", [str(file)]) == []
