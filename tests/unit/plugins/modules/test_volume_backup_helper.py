# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker volumes that the host does not read itself: containers of a real engine do."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import threading
import time
import typing as t
import uuid

import pytest
from module_runs import call
from notebook_images import docker, singleuser
from volumes import Site, odd, state

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _passing_containers, _volume_containers
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._engine_api import EngineApi
from ansible_collections.hubwright.jupyterhub.plugins.modules import volume_backup, volume_restore


class HelperSite(Site):
    """A repository, and volumes of an engine."""

    def __init__(self, directory: pathlib.Path) -> None:
        super().__init__(directory)
        self.options |= {"helper": "always", "helper_image": singleuser("6.1.1")}
        self.made: list[str] = []

    def volume(self, **files: str) -> str:
        """A new volume with these files."""
        name = f"hubwright-test-{uuid.uuid4().hex[:8]}"
        docker("volume", "create", name)
        self.made.append(name)
        for file, content in files.items():
            (top(name) / file).write_text(content)
        return name

    def left(self) -> str:
        """Containers that hold volumes of this test: others run beside it on the same engine."""
        holds = [f"--filter=volume={name}" for name in self.made]
        return docker("ps", "--all", "--quiet", f"--filter=label={_volume_containers.LABEL}", *holds) if holds else ""

    def back_up_volumes(self, *volumes: str, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """The result of volume_backup."""
        wanted = [{"user": volume, "volume": volume} for volume in volumes]
        return call(volume_backup, check, **{**self.options, "volumes": wanted, "jobs": 2, **options})


@pytest.fixture
def site(tmp_path: pathlib.Path) -> t.Iterator[HelperSite]:
    found = HelperSite(tmp_path)
    yield found
    assert found.left() == ""
    for name in found.made:
        docker("volume", "rm", "--force", name)


def top(volume: str) -> pathlib.Path:
    """Where the engine keeps a volume."""
    return pathlib.Path(json.loads(docker("volume", "inspect", volume))[0]["Mountpoint"])


def test_all_of_a_volume_there_and_back(site: HelperSite) -> None:
    """Owners, set-id bits, attributes, capabilities, links, holes, times; then what changed; then nothing."""
    name = site.volume()
    top(name).rmdir()
    odd(top(name))
    os.chown(top(name), 1000, 100)
    first = site.back_up_volumes(name)
    assert "failed" not in first, first["msg"]
    assert (first["volumes"][0]["kind"], first["volumes"][0]["warning"]) == ("full", "")
    assert site.back_up_volumes(name)["changed"] is False
    (top(name) / "plain").write_text("changed")
    assert site.back_up_volumes(name)["volumes"][0]["kind"] == "increment"
    before = state(top(name))
    other = site.volume(old="old")
    result = site.restore(name, volume=other, mode="swap")
    assert "failed" not in result, result["msg"]
    assert result["target"] == other
    kept = top(other) / result["kept"]
    assert (kept / "old").read_text() == "old"
    cleaned = site.restore(name, volume=other, state="cleaned")
    assert cleaned["removed"] == [result["kept"]] and not kept.exists()
    os.utime(top(other), ns=(top(name).stat().st_atime_ns, top(name).stat().st_mtime_ns))  # the removal changed it
    assert state(top(other)) == before


def test_a_backup_is_the_same_either_way(site: HelperSite) -> None:
    """So that a change of engine or image needs no new full archive."""
    name = site.volume(a="a")
    site.back_up_volumes(name)
    assert site.back_up_volumes(name, helper="never")["changed"] is False


def test_all_volumes_are_in_one_container(site: HelperSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can read everything, and do nothing else; a volume that is not there costs no other."""
    bodies: list[dict[str, t.Any]] = []
    post = EngineApi.post

    def posted(self: EngineApi, path: str, what: str, body: t.Any = None, **rest: t.Any) -> bytes:
        if path == "/containers/create":
            bodies.append(body)
        return post(self, path, what, body, **rest)

    monkeypatch.setattr(EngineApi, "post", posted)
    names = [site.volume(a="a") for _number in range(5)]
    os.chown(top(names[0]) / "a", 1234, 1234)
    (top(names[0]) / "a").chmod(0)
    result = site.back_up_volumes(*names, "not-there")
    assert [volume["outcome"] for volume in result["volumes"]] == ["new"] * 5 + ["failed"]
    assert "There is no Docker volume not-there." in result["msg"]
    [body] = bodies
    host = body["HostConfig"]
    assert host["NetworkMode"] == "none" and host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"]
    assert host["CapAdd"] == ["DAC_READ_SEARCH"] and all(mount["ReadOnly"] for mount in host["Mounts"])
    assert docker("volume", "ls", "--quiet", "--filter=name=not-there") == ""


def test_the_files_go_to_another_user(site: HelperSite) -> None:
    name = site.volume(a="a", b="b")
    for path, owner in ((top(name), 4321), (top(name) / "a", 4321), (top(name) / "b", 7)):
        os.chown(path, owner, owner)
    site.back_up_volumes(name)
    other = site.volume()
    result = site.restore(name, volume=other, owner=1000, group=100)
    assert "failed" not in result, result["msg"]
    owners = {path.name: path.stat().st_uid for path in top(other).iterdir()}
    assert owners == {"a": 1000, "b": 7} and top(other).stat().st_gid == 100


def test_a_volume_that_is_gone_is_made_again(site: HelperSite) -> None:
    name = site.volume(a="1")
    site.back_up_volumes(name)
    docker("volume", "rm", name)
    assert site.restore(name, check=True)["files"] == 2
    assert site.restore(name, state="cleaned")["changed"] is False
    assert docker("volume", "ls", "--quiet", f"--filter=name={name}") == ""
    assert "failed" not in site.restore(name)
    assert (top(name) / "a").read_text() == "1"


def test_one_file_comes_back(site: HelperSite) -> None:
    name = site.volume(a="first", b="b")
    site.back_up_volumes(name)
    (top(name) / "a").write_text("second")
    assert "mode is empty" in site.restore(name, paths=["a"], check=True)["msg"]
    result = site.restore(name, paths=["a"], mode="swap")
    assert (top(name) / "a").read_text() == "first"
    assert (top(name) / os.path.basename(result["kept"]) / "a").read_text() == "second"


def test_nothing_is_restored_under_a_server_that_runs(site: HelperSite) -> None:
    name = site.volume(a="a")
    site.back_up_volumes(name)
    container = docker(
        "run",
        "--detach",
        "--rm",
        f"--volume={name}:/elsewhere",
        "--entrypoint=sleep",
        site.options["helper_image"],
        "300",
    )
    try:
        assert f"has the volume {name} mounted. Nothing was touched." in site.restore(name, mode="swap")["msg"]
        assert os.listdir(top(name)) == ["a"]
    finally:
        docker("rm", "--force", container)


def test_a_damaged_archive_changes_nothing(site: HelperSite) -> None:
    name = site.volume(a="a" * 5000)
    archive = pathlib.Path(site.back_up_volumes(name)["volumes"][0]["archive"])
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    archive.write_bytes(data)
    assert "damaged" in site.restore(name, mode="swap")["msg"]
    assert os.listdir(top(name)) == ["a"]


def hostile(path: pathlib.Path, archive: pathlib.Path) -> None:
    """An archive whose link leads out, with a file below it."""
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        head = tarfile.TarInfo(".")
        head.type = tarfile.DIRTYPE
        tar.addfile(head)
        link = tarfile.TarInfo("./a")
        link.type, link.linkname = tarfile.SYMTYPE, "/tmp"
        tar.addfile(link)
        tar.addfile(tarfile.TarInfo("./a/evil"))
    archive.write_bytes(path.read_bytes())


def test_a_hostile_archive_is_contained(site: HelperSite, tmp_path: pathlib.Path) -> None:
    """With manifest and checksums that match it: what the list does not say is not written."""
    name = site.volume(a="a")
    site.back_up_volumes(name, compression="gzip")
    manifest = next(path for path in (site.repository / "hub" / name).glob("*.json"))
    fields = json.loads(manifest.read_text())
    archive = manifest.parent / fields["archive"]
    hostile(tmp_path / "hostile", archive)
    from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _archive_reader, _repository

    del fields["sha256"]
    fields["archive_bytes"], fields["archive_sha256"] = _archive_reader.checksum(str(archive))
    fields["sha256"] = _repository._digest(fields)
    manifest.write_text(json.dumps(fields))
    assert "is not what its list says" in site.restore(name, mode="swap")["msg"]
    assert os.listdir(top(name)) == ["a"] and (top(name) / "a").read_text() == "a"


def test_links_in_place_of_what_a_killed_run_left_are_not_followed(site: HelperSite, tmp_path: pathlib.Path) -> None:
    """A user could lay them before the next restore."""
    name = site.volume(a="a")
    site.back_up_volumes(name)
    for kind in ("restoring", "replacing", "restored", "kept"):
        (top(name) / f".{kind}-20261128T030000Z").symlink_to("/etc")
    result = site.restore(name, mode="swap")
    assert "failed" not in result, result["msg"]
    assert (top(name) / "a").read_text() == "a"


def test_a_helper_that_is_killed_costs_nothing(site: HelperSite) -> None:
    """In the middle of a volume: what was there is as it was, the next run does it."""
    name = site.volume()
    with (top(name) / "large").open("wb") as stream:
        for _number in range(150):
            stream.write(os.urandom(1_000_000))
    killed = threading.Event()

    def kill() -> None:
        end = time.monotonic() + 90
        while time.monotonic() < end and not killed.is_set():
            for container in site.left().split():
                # The program runs beside what waits.
                if docker("top", container, check=False).count("python3") > 1:
                    docker("kill", container, check=False)
                    killed.set()

    thread = threading.Thread(target=kill)
    thread.start()
    result = site.back_up_volumes(name)
    killed.set()
    thread.join()
    assert "the connection to what has it mounted broke" in result["msg"]
    assert site.info()["volumes"] == []
    assert site.back_up_volumes(name)["volumes"][0]["outcome"] == "new"


def test_what_a_killed_run_left_is_removed(site: HelperSite) -> None:
    name = site.volume(a="a")
    image = site.options["helper_image"]
    dead, mine = (
        docker("create", f"--label={_volume_containers.LABEL}={whose}", image)
        for whose in (f"{os.readlink('/proc/self/ns/pid')} 999999999 1", _passing_containers.me())
    )
    site.back_up_volumes(name)
    found = docker("ps", "--all", "--quiet", "--no-trunc", f"--filter=label={_volume_containers.LABEL}").split()
    docker("rm", "--force", mine)
    # Beside them there may be those of tests that run on the same engine.
    assert mine in found and dead not in found


def test_where_this_host_has_not_the_files_a_container_is_taken(site: HelperSite) -> None:
    """A volume with options is only mounted while a container has it."""
    directory = site.directory / "elsewhere"
    directory.mkdir()
    (directory / "a").write_text("a")
    name = f"hubwright-test-{uuid.uuid4().hex[:8]}"
    docker("volume", "create", "--opt=type=none", "--opt=o=bind", f"--opt=device={directory}", name)
    site.made.append(name)
    result = site.back_up_volumes(name, helper="auto")
    assert "failed" not in result, result["msg"]
    assert result["volumes"][0]["files"] == 2
    refused = site.back_up_volumes(name, helper="never")["msg"]
    assert "has driver local with options" in refused and "helper: auto" in refused
    assert "helper_image is not given" in site.back_up_volumes(name, helper="auto", helper_image=None)["msg"]


def test_an_image_that_is_not_there_is_not_pulled(site: HelperSite) -> None:
    name = site.volume(a="a")
    result = site.back_up_volumes(name, helper_image="not.there/at:all")
    assert "No such image: not.there/at:all" in result["msg"] and "none is pulled" in result["msg"]


def test_restic_needs_the_files(site: HelperSite, tmp_path: pathlib.Path) -> None:
    password = tmp_path / "password"
    password.write_text("secret")
    password.chmod(0o600)
    name = site.volume(a="a")
    options = {"engine": "restic", "repository": None, "jobs": 0}
    restic = {"repository": str(tmp_path / "restic"), "password_file": str(password)}
    result = site.back_up_volumes(name, **options, restic=restic)
    assert "is no directory of this host" in result["msg"]


_PORT = 18720


@contextlib.contextmanager
def by_tcp() -> t.Iterator[int]:
    """The engine's socket at a port, as an engine elsewhere has it."""
    command = [sys.executable, "-c", _FORWARD, EngineApi().path, str(_PORT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            assert process.stdout.readline() == "ready\n"
            yield _PORT
        finally:
            process.kill()


_FORWARD = """
import socket, sys, threading
listener = socket.create_server(("127.0.0.1", int(sys.argv[2])))
print("ready", flush=True)
def copy(source, target):
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)
while True:
    near, _address = listener.accept()
    far = socket.socket(socket.AF_UNIX)
    far.connect(sys.argv[1])
    for pair in ((near, far), (far, near)):
        threading.Thread(target=copy, args=pair, daemon=True).start()
"""


def test_an_engine_elsewhere_by_tcp(site: HelperSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its paths are of no use here, whatever they name."""
    name = site.volume(a="a")
    with by_tcp() as port:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{port}")
        site.options["helper"] = "auto"
        result = site.back_up_volumes(name)
        assert "failed" not in result, result["msg"]
        (top_by(name) / "a").write_text("b")
        assert "failed" not in site.restore(name, mode="swap")
    assert (top_by(name) / "a").read_text() == "a"


def top_by(volume: str) -> pathlib.Path:
    """As ``top``, whatever the environment says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DOCKER_HOST", raising=False)
        return top(volume)


def test_an_engine_elsewhere_by_ssh(site: HelperSite, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """By what the program docker is asked for as well; ssh is a stand-in that runs the command here."""
    name = site.volume(a="a")
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    log = tmp_path / "log"
    program.write_text(
        f'#!/bin/sh\necho "$@" >>{log}\nwhile [ "$1" != -- ]; do shift; done\nshift 2\nexec env -u DOCKER_HOST "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_HOST", "ssh://admin@engine.example:2222")
    result = site.back_up_volumes(name, helper="auto")
    monkeypatch.delenv("DOCKER_HOST")
    assert "failed" not in result, result["msg"]
    said = log.read_text().splitlines()[0]
    assert said == "-T -o BatchMode=yes -p 2222 -- admin@engine.example docker system dial-stdio"


def test_an_engine_elsewhere_that_does_not_answer(site: HelperSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{_PORT}")
    result = site.back_up_volumes("some-volume", helper="auto")
    monkeypatch.delenv("DOCKER_HOST")
    assert f"No Docker engine answers at tcp://127.0.0.1:{_PORT}" in result["msg"] and volume_restore
