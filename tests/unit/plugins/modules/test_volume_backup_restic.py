"""Backups by a real restic."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from volumes import Site, odd, state


@pytest.fixture
def site(tmp_path: pathlib.Path, backup_programs: None) -> Site:
    found = Site(tmp_path)
    password = tmp_path / "password"
    password.write_text("secret word")
    password.chmod(0o600)
    restic = {
        "repository": str(tmp_path / "restic"),
        "password_file": str(password),
        "environment": {"RESTIC_CACHE_DIR": str(tmp_path / "cache")},
    }
    found.options = {"hub": "hub", "engine": "restic", "restic": restic}
    return found


def content(tree: dict[str, t.Any]) -> dict[str, t.Any]:
    """All but what restic of Debian 12 loses, which is nothing but holes."""
    return {path: value[:-1] for path, value in tree.items()}


def test_one_snapshot_for_all_volumes_there_and_back(site: Site) -> None:
    odd(site.homes / "ada")
    grace = site.home("grace", a="1")
    before = state(site.homes / "ada")
    check = site.back_up("ada", "grace", check=True)
    assert check["changed"] and not (site.directory / "restic").exists()
    result = site.back_up("ada", "grace")
    assert "failed" not in result, result["msg"]
    assert {volume["archive"] for volume in result["volumes"]} == {result["volumes"][0]["archive"]}
    assert result["totals"]["new"] == 2 and result["totals"]["files"] > 30
    assert content(state(site.restored("ada"))) == content(before)
    assert state(site.restored("grace")) == state(grace)
    found = site.info(verify=True)
    assert found["problems"] == [] and [each["user"] for each in found["volumes"]] == ["ada", "grace"]
    assert found["volumes"][1]["source"] == {"kind": "directory", "reference": str(grace)}


def test_unchanged_changed_and_one_more_user(site: Site) -> None:
    home = site.home("ada", a="1")
    first = site.back_up("ada")["volumes"][0]
    second = site.back_up("ada")
    assert second["changed"] is False and second["volumes"][0]["archive"] == first["archive"]
    (home / "a").write_text("22")
    site.home("grace", b="1")
    result = site.back_up("ada", "grace", "nobody")
    assert [volume["outcome"] for volume in result["volumes"]] == ["new", "new", "failed"]
    found = site.info()["volumes"]
    assert [len(each["backups"]) for each in found] == [2, 1]
    assert (site.restored("ada", time=first["time"]) / "a").read_text() == "1"
    assert (site.restored("ada") / "a").read_text() == "22"
    assert "There is no backup of grace (home)" in site.restore("grace", time=first["time"][:8] + "T000000Z")["msg"]


def test_snapshots_go_when_no_volume_needs_them(site: Site) -> None:
    home = site.home("ada", a="1")
    site.home("grace", a="1")
    site.back_up("ada", "grace")
    for number in range(3):
        (home / "a").write_text("x" * number)
        result = site.back_up("ada", keep={"last": 1})
    assert len(result["volumes"][0]["removed"]) == 1
    found = site.info()["volumes"]
    assert [(each["user"], len(each["backups"])) for each in found] == [("ada", 2), ("grace", 1)]
    assert (site.restored("grace") / "a").read_text() == "1"


def test_a_part_and_another_owner(site: Site) -> None:
    home = site.home("ada", a="1")
    (home / "d[1]*").mkdir()
    (home / "d[1]*" / "f").write_text("2")
    (home / "d1x").mkdir()
    for path in (home, home / "a", home / "d[1]*", home / "d[1]*" / "f"):
        os.chown(path, 1234, 100)
    (home / "a").chmod(0o4755)
    site.back_up("ada")
    (home / "d[1]*" / "f").unlink()
    result = site.restore("ada", paths=["d[1]*/f"])
    assert "failed" not in result, result["msg"]
    assert (home / "d[1]*" / "f").read_text() == "2"
    assert "mode is empty" in site.restore("ada")["msg"]
    result = site.restore("ada", mode="swap", owner=1000, group=2000)
    assert os.stat(home / "a").st_uid == os.stat(home / "d[1]*" / "f").st_uid == 1000
    assert os.stat(home / "d1x").st_uid == 0 and os.stat(home / "a").st_mode & 0o7777 == 0o4755
    assert site.restore("ada", state="cleaned")["removed"] == [result["kept"]]
    assert "which is not in the backup" in site.restore("ada", paths=["nowhere"], mode="swap")["msg"]
    assert "and max_size is 1." in site.restore("ada", max_size="1", mode="swap")["msg"]
    assert sorted(os.listdir(site.homes)) == ["ada"]


def test_damage_is_found(site: Site) -> None:
    home = site.home("ada")
    (home / "a").write_bytes(os.urandom(500_000))
    site.back_up("ada")
    pack = max((site.directory / "restic" / "data").rglob("*"), key=lambda path: path.is_file() and path.stat().st_size)
    damaged = bytearray(pack.read_bytes())
    damaged[1000] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(damaged)
    assert site.info(verify=True)["problems"]
    before = state(home)
    assert site.restore("ada", mode="swap").get("failed")
    assert state(home) == before and os.listdir(site.homes) == ["ada"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repository": "/srv/x"}, "repository is given, and engine is restic"),
        ({"restic": None}, "engine is restic, and restic is not given."),
        ({"engine": "archive", "repository": "/srv/x"}, "restic is given, and engine is archive."),
        ({"engine": "archive", "restic": None, "repository": None}, "engine is archive, and repository is not given."),
        ({"jobs": 2}, "jobs is given, and engine is restic, which has no such thing."),
        ({"verify": False}, "verify is given, and engine is restic"),
        ({"encryption": {"program": "age", "recipients": ["x"]}}, "encryption"),
    ],
)
def test_wrong_arguments(site: Site, options: dict[str, t.Any], message: str) -> None:
    site.home("ada", a="1")
    result = site.back_up("ada", **options)
    assert result["failed"] and message in result["msg"]
    assert not (site.directory / "restic").exists()


def test_a_password_that_is_wrong_open_or_missing(site: Site) -> None:
    site.home("ada", a="1")
    site.back_up("ada")
    password = pathlib.Path(site.options["restic"]["password_file"])
    password.write_text("wrong")
    result = site.back_up("ada")
    assert "`restic cat` failed: Fatal: wrong password or no key found" in result["msg"]
    password.chmod(0o644)
    assert "which others may read. Give it mode 0600." in site.back_up("ada")["msg"]
    password.unlink()
    assert "which can not be read" in site.info()["msg"]


def test_without_the_program(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    site.home("ada", a="1")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert site.back_up("ada")["msg"] == "There is no program restic on this host. Install the package restic."


def test_no_repository(site: Site) -> None:
    assert "There is no repository of restic" in site.info()["msg"]
