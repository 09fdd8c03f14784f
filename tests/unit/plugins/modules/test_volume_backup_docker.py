"""Backups and restores of volumes of a real Docker engine."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t
import uuid

import module_processes
import pytest
from module_runs import call
from notebook_images import docker
from volumes import Site, odd, state

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._engine_api import EngineApi
from ansible_collections.hubwright.jupyterhub.plugins.modules import volume_backup, volume_restore


@pytest.fixture
def site(tmp_path: pathlib.Path, backup_programs: None) -> Site:
    return Site(tmp_path)


@pytest.fixture
def volume() -> t.Iterator[str]:
    name = f"hubwright-test-{uuid.uuid4().hex[:8]}"
    docker("volume", "create", name)
    yield name
    docker("volume", "rm", "--force", name)


def content(volume: str) -> pathlib.Path:
    """Where the engine keeps it."""
    return pathlib.Path(json.loads(docker("volume", "inspect", volume))[0]["Mountpoint"])


def back_up(site: Site, volume: str, **options: t.Any) -> dict[str, t.Any]:
    return call(volume_backup, **site.options, volumes=[{"user": "ada", "volume": volume}], **options)


def test_a_docker_volume_there_and_back(site: Site, volume: str) -> None:
    top = content(volume)
    top.rmdir()
    odd(top)
    before = state(top)
    result = back_up(site, volume)
    assert "failed" not in result, result["msg"]
    assert back_up(site, volume)["changed"] is False
    assert site.info()["volumes"][0]["source"] == {"kind": "docker", "reference": volume}
    (top / "plain").write_text("spoilt")
    assert "mode is empty" in site.restore("ada")["msg"]
    result = site.restore("ada", mode="swap")
    assert state(top) == before and result["target"] == str(top)
    assert (pathlib.Path(result["kept"]) / "plain").read_text() == "spoilt"
    assert site.restore("ada", state="cleaned")["removed"] == [result["kept"]]
    assert os.listdir(top.parent) == ["_data"]


def test_a_volume_that_is_gone_is_made_again(site: Site, volume: str) -> None:
    (content(volume) / "a").write_text("1")
    back_up(site, volume)
    docker("volume", "rm", volume)
    result = back_up(site, volume)
    assert f"There is no Docker volume {volume}." in result["msg"]
    assert site.restore("ada", check=True)["changed"]
    assert site.restore("ada", state="cleaned")["changed"] is False
    assert docker("volume", "ls", "--quiet", "--filter", f"name={volume}") == ""
    assert "failed" not in site.restore("ada")
    assert (content(volume) / "a").read_text() == "1"


def test_from_a_directory_into_a_docker_volume(site: Site, volume: str) -> None:
    home = site.home("ada", a="1")
    os.chown(home, 4321, 4321)
    os.chown(home / "a", 4321, 4321)
    site.backed_up("ada")
    result = call(volume_restore, **site.options, user="ada", volume=volume, owner=1000, group=100)
    assert "failed" not in result, result["msg"]
    status = os.stat(content(volume) / "a")
    assert (status.st_uid, status.st_gid) == (1000, 100)


def test_a_volume_that_is_elsewhere_is_refused(site: Site) -> None:
    name = f"hubwright-test-{uuid.uuid4().hex[:8]}"
    options = ["--opt", "type=tmpfs", "--opt", "device=tmpfs"]
    docker("volume", "create", *options, name)
    try:
        result = back_up(site, name)
        assert (
            "This host can not read the Docker volume" in result["msg"] and "helper_image is not given" in result["msg"]
        )
    finally:
        docker("volume", "rm", name)


def test_many_volumes_take_few_connections(site: Site) -> None:
    """The engine is asked once for all of them."""
    engine = EngineApi()
    names = [f"hubwright-test-{uuid.uuid4().hex[:8]}" for _number in range(100)]
    for name in names:
        engine.post("/volumes/create", "create a volume", {"Name": name})
    try:
        wanted = [{"user": name, "volume": name} for name in names]
        options = {**site.options, "volumes": wanted, "jobs": 2}
        result = module_processes.run("volume_backup", before=["prlimit", "--nofile=40"], **options)
        assert result["totals"]["new"] == 100, result.get("msg")
    finally:
        for name in names:
            engine.delete(f"/volumes/{name}", "remove a volume")


def test_an_engine_that_does_not_answer(site: Site) -> None:
    result = back_up(site, "some-volume", socket="/nowhere/docker.sock")
    assert result["volumes"][0]["outcome"] == "failed"
    assert "/nowhere/docker.sock" in result["msg"]
