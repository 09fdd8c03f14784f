"""Restores: where they go, what they keep aside, and archives that are damaged or made to do harm."""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import io
import json
import os
import pathlib
import tarfile
import typing as t

import pytest
from module_runs import call
from volumes import ROOT, Site, odd, state

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import (
    _compression,
    _repository,
    _restore,
    _tar_headers,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._tar_headers import Member
from ansible_collections.hubwright.jupyterhub.plugins.modules import volume_restore


@pytest.fixture
def site(tmp_path: pathlib.Path, backup_programs: None) -> Site:
    return Site(tmp_path)


def beside(site: Site) -> list[str]:
    """What is beside the users' directories and hidden."""
    return sorted(name for name in os.listdir(site.homes) if name.startswith("."))


# --- Where it goes


def test_a_directory_that_is_gone_comes_back_where_it_was(site: Site) -> None:
    odd(site.homes / "ada")
    before = state(site.homes / "ada")
    time = site.backed_up("ada")["time"]
    (site.homes / "ada").rename(site.homes / "lost")
    result = site.restore("ada")
    assert state(site.homes / "ada") == before
    assert result["changed"] and result["target"] == str(site.homes / "ada")
    assert (result["time"], result["kept"], result["files"]) == (time, "", len(before))
    assert beside(site) == []


def test_an_empty_directory_is_filled(site: Site) -> None:
    home = site.home("ada", a="1")
    site.backed_up("ada")
    before = state(home)
    (home / "a").unlink()
    assert "failed" not in site.restore("ada")
    assert state(home) == before


def test_what_is_there_is_not_touched_without_a_word(site: Site) -> None:
    home = site.home("ada", a="1")
    site.backed_up("ada")
    (home / "a").write_text("new")
    for check in (False, True):
        result = site.restore("ada", check=check)
        assert "has 'a' in it, and mode is empty. Nothing was touched." in result["msg"]
    assert (home / "a").read_text() == "new"
    assert beside(site) == []


def test_a_swap_keeps_what_was_there_until_told(site: Site) -> None:
    home = site.home("ada", a="1", b="2")
    site.backed_up("ada")
    before = state(home)
    (home / "a").write_text("new")
    after = state(home)
    assert site.restore("ada", mode="swap", check=True)["changed"]
    assert state(home) == after
    result = site.restore("ada", mode="swap")
    assert state(home) == before
    assert state(result["kept"]) == after
    again = site.restore("ada", mode="swap")
    assert state(result["kept"]) == after and again["kept"] != result["kept"]
    kept = sorted([result["kept"], again["kept"]])
    assert site.restore("ada", state="cleaned", check=True)["removed"] == kept
    cleaned = site.restore("ada", state="cleaned")
    assert cleaned["changed"] and cleaned["removed"] == kept and cleaned["diff"]["before"] == {"kept": kept}
    assert beside(site) == []
    assert site.restore("ada", state="cleaned")["changed"] is False
    assert state(home) == before


def test_a_file_system_that_can_not_exchange_swaps_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    home = site.home("ada", a="1")
    site.backed_up("ada")
    (home / "a").write_text("new")
    monkeypatch.setattr(_restore.ctypes, "CDLL", lambda *_arguments, **_options: object())
    result = site.restore("ada", mode="swap")
    assert (home / "a").read_text() == "1"
    assert (pathlib.Path(result["kept"]) / "a").read_text() == "new"
    assert len(beside(site)) == 1


def test_an_earlier_time(site: Site) -> None:
    home = site.home("ada", a="1")
    first = site.backed_up("ada")["time"]
    (home / "a").write_text("2")
    second = site.backed_up("ada")["time"]
    assert (site.restored("ada", time=first) / "a").read_text() == "1"
    assert (site.restored("ada", time=second) / "a").read_text() == "2"
    assert (site.restored("ada", time="29991231T235959Z") / "a").read_text() == "2"
    result = site.restore("ada", time="20000101T000000Z", path=str(site.directory / "x"))
    assert result["msg"].endswith(f"the first is of {first}.")


@pytest.mark.skipif(not ROOT, reason="only root gives files away")
def test_another_account_gets_what_was_the_owners(site: Site) -> None:
    home = site.home("ada", own="1", other="2")
    for path in (home, home / "own"):
        os.chown(path, 1234, 100)
    os.chown(home / "other", 77, 78)
    os.setxattr(
        home / "own",
        "system.posix_acl_access",
        _tar_headers.acl_value(
            b"user::rw-\nuser:1234:rw-\nuser:5:r--\ngroup::r--\nmask::rw-\nother::---\n", lambda _kind, number: number
        ),
    )
    site.backed_up("ada")
    target = site.restored("ada", owner=1000, group=2000)
    assert [os.stat(target / name).st_uid for name in ("", "own", "other")] == [1000, 1000, 77]
    assert [os.stat(target / name).st_gid for name in ("", "own", "other")] == [2000, 2000, 78]
    text = _tar_headers.acl_text(os.getxattr(target / "own", "system.posix_acl_access")).decode()
    assert "user:1000:rw-" in text and "user:5:r--" in text


def test_an_attribute_that_the_file_system_can_not_have_is_said(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    home = site.home("ada", a="1")
    os.setxattr(home / "a", "user.note", b"1")
    site.backed_up("ada")

    def refuse(*_arguments: t.Any, **_options: t.Any) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(_restore._archive_reader.os, "setxattr", refuse)
    result = site.restore("ada", path=str(site.directory / "x"))
    assert "failed" not in result
    assert (site.directory / "x" / "a").read_text() == "1"
    assert os.listxattr(site.directory / "x" / "a") == []


# --- Parts


def parts(site: Site) -> pathlib.Path:
    home = site.home("ada", a="1", b="2")
    (home / "d" / "e").mkdir(parents=True)
    (home / "d" / "e" / "f").write_text("3")
    os.link(home / "a", home / "d" / "linked")
    (home / "d").chmod(0o750)
    site.backed_up("ada")
    return home


@pytest.mark.parametrize("path", ["a", "d", "d/e/f", "./d/e/", "d/linked"])
def test_one_file_or_directory(site: Site, path: str) -> None:
    home = parts(site)
    whole = state(home)
    name = os.path.normpath(path)
    target = home / name
    (home / "b").write_text("changed since")
    os.system(f"rm -r '{target}'")
    result = site.restore("ada", paths=[path])
    assert "failed" not in result, result["msg"]
    now = state(home)
    for key in whole:
        if key == name or key.startswith(name + "/"):
            assert now[key][:4] == whole[key][:4]
            if name != "d/linked":
                assert now[key][4][:1] == whole[key][4][:1] if whole[key][4] else True
    assert (home / "b").read_text() == "changed since"
    assert beside(site) == []


def test_a_part_with_the_directories_above_it(site: Site) -> None:
    home = parts(site)
    os.system(f"rm -r {home}/d")
    site.restore("ada", paths=["d/e/f", "d/linked"])
    assert (home / "d" / "e" / "f").read_text() == "3"
    assert (home / "d" / "linked").read_text() == "1"
    assert (home / "d").stat().st_mode & 0o777 == 0o750
    target = site.restored("ada", paths=["d/e"])
    assert sorted(str(path.relative_to(target)) for path in target.rglob("*")) == ["d", "d/e", "d/e/f"]


def test_a_part_that_is_there(site: Site) -> None:
    home = parts(site)
    (home / "a").write_text("new")
    assert "has 'a' in it" in site.restore("ada", paths=["a"])["msg"]
    result = site.restore("ada", paths=["a", "d/e"], mode="swap")
    assert (home / "a").read_text() == "1"
    kept = pathlib.Path(result["kept"])
    assert (kept / "a").read_text() == "new" and (kept / "d" / "e" / "f").read_text() == "3"
    assert site.restore("ada", state="cleaned")["removed"] == [str(kept)]


def test_a_part_below_what_is_a_file_or_a_link_now(site: Site, tmp_path: pathlib.Path) -> None:
    home = parts(site)
    os.system(f"rm -r {home}/d")
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "e").mkdir(parents=True)
    (home / "d").symlink_to(elsewhere)
    assert "has 'd/e/f' in it" in site.restore("ada", paths=["d/e/f"])["msg"]
    result = site.restore("ada", paths=["d/e/f"], mode="swap")
    assert "failed" not in result, result["msg"]
    assert (home / "d").is_dir() and not (home / "d").is_symlink()
    assert (home / "d" / "e" / "f").read_text() == "3"
    assert list(elsewhere.rglob("*")) == [elsewhere / "e"]
    assert os.readlink(pathlib.Path(result["kept"]) / "d") == str(elsewhere)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"paths": ["/etc"]}, "paths has '/etc', expected a path relative to the volume"),
        ({"paths": ["a/../b"]}, "paths has 'a/../b', expected a path relative to the volume"),
        ({"paths": ["."]}, "paths has '.', expected a path relative to the volume"),
        ({"paths": ["nowhere"]}, "paths has 'nowhere', which is not in the backup of"),
        ({"time": "yesterday"}, "time is 'yesterday', expected latest or a UTC time"),
        ({"time": "20261399T000000Z"}, "time is '20261399T000000Z', expected latest or a UTC time"),
        ({"user": "grace"}, "There is no backup of grace (home) of latest: there is nothing in"),
        ({"name": "UPPER"}, "name is 'UPPER', expected up to 63 lower-case letters"),
        ({"max_size": "1"}, "and max_size is 1."),
        ({"max_size": "much"}, "max_size is 'much'; expected a number of bytes"),
        ({"owner": -1}, "owner is -1, expected the number of an account or group."),
        ({"group": 2**32}, "group is 4294967296, expected the number of an account or group."),
        ({"path": "/nowhere/at/all"}, "and /nowhere/at is no directory. Make it first."),
        ({"path": "relative"}, "expected an absolute path"),
        ({"path": "/a", "volume": "a"}, "parameters are mutually exclusive: volume|path"),
        ({"mode": "overwrite"}, "value of mode must be one of: empty, swap, got: overwrite"),
    ],
)
def test_wrong_arguments(
    site: Site, options: dict[str, t.Any], message: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = site.home("ada", a="1", b="22")
    site.backed_up("ada")
    before = state(home)
    result = site.restore(**{"user": "ada", **options})
    assert result["failed"] and message in result["msg"]
    assert state(home) == before and beside(site) == []


def test_a_target_that_is_no_directory(site: Site) -> None:
    home = site.home("ada", a="1")
    site.backed_up("ada")
    target = site.directory / "target"
    target.symlink_to(home)
    assert "is there and no directory" in site.restore("ada", path=str(target), mode="swap")["msg"]


def test_two_restores_at_once(site: Site) -> None:
    site.home("ada", a="1")
    site.backed_up("ada")
    (site.repository / "hub" / ".restore.lock").touch()
    with (site.repository / "hub" / ".restore.lock").open() as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        manifest = _restore.choose(place := _repository.Place(str(site.repository), "hub", "ada"), "latest")
        with pytest.raises(_restore.HubError, match="Another run has been at work with a restore"):
            _restore.Restore(place, manifest, _restore.Wish(lock_timeout=0)).run(
                str(site.directory / "x"), str(site.repository / "hub" / ".restore.lock")
            )


# --- Damage


def test_a_bit_that_flips_anywhere_is_found_and_nothing_is_touched(site: Site) -> None:
    home = site.home("ada", a="1" * 3000, b=os.urandom(2000).hex())
    site.backed_up("ada")
    (home / "a").unlink()
    site.backed_up("ada")
    before = state(home)
    for name in site.files("ada"):
        path = site.repository / "hub" / "ada" / name
        good = path.read_bytes()
        for position in sorted({0, 1, len(good) // 3, len(good) // 2, len(good) - 1}):
            damaged = bytearray(good)
            damaged[position] ^= 0x04
            path.write_bytes(damaged)
            assert site.info(verify=True)["problems"], f"{name} at {position}"
            latest = name[:16] == site.files("ada")[-1][:16]
            time = "latest" if latest else name[:16]
            result = site.restore("ada", time=time, mode="swap")
            assert result.get("failed"), f"{name} at {position}"
            assert state(home) == before and beside(site) == []
        path.write_bytes(good[: len(good) // 2])
        assert site.info(verify=True)["problems"], f"half of {name}"
        assert site.restore("ada", time=name[:16], mode="swap").get("failed")
        path.write_bytes(good)
    assert site.info(verify=True)["problems"] == []


def test_after_damage_the_next_backup_begins_anew(site: Site) -> None:
    home = site.home("ada", a="1")
    archive = pathlib.Path(site.backed_up("ada")["archive"])
    archive.write_bytes(archive.read_bytes()[:-5])
    volume = site.backed_up("ada")
    assert (volume["outcome"], volume["kind"]) == ("new", "full")
    manifest = pathlib.Path(volume["archive"].replace(".tar.zst", ".json"))
    manifest.write_text("{}")
    (home / "b").write_text("2")
    volume = site.backed_up("ada", keep={"last": 1})
    assert volume["kind"] == "full" and "can not be used: it has no format 1" in volume["warning"]
    assert volume["removed"] == []
    assert state(site.restored("ada")) == state(home)
    found = site.info()
    assert len(found["problems"]) == 2 and found["volumes"][0]["last"] == volume["time"]


# --- Harm


def forge(site: Site, content: bytes, listed: list[tuple[str, str, str, str]], **fields: t.Any) -> None:
    """Put an archive in the place of the latest, with a manifest and list that agree with it: somebody had root's rights on the repository."""
    place = _repository.Place(str(site.repository), "hub", "ada")
    manifest = place.manifest(place.times()[-1])
    digests = []
    for name, data in (
        (manifest.archive, content),
        (manifest.listing, "".join(json.dumps(line) + "\n" for line in listed).encode()),
    ):
        with open(place.join(name), "w+b") as stream:
            compressor = _compression.compressor("zstd", stream.fileno())
            compressor.write(bytearray(data), len(data))
            compressor.finish()
            compressor.close()
            stream.seek(0)
            digests.append(hashlib.sha256(stream.read()).hexdigest())
    changed = dataclasses.replace(
        manifest,
        archive_bytes=os.stat(place.join(manifest.archive)).st_size,
        archive_sha256=digests[0],
        listing_sha256=digests[1],
        members=len(listed),
        **fields,
    )
    pathlib.Path(place.join(f"{manifest.time}.json")).write_bytes(changed.to_json())


def foreign(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", content: bytes = b"") -> bytes:
    """A member as Python's tarfile writes it."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(content)
    info.devmajor, info.devminor = 1, 3
    header = info.tobuf(tarfile.USTAR_FORMAT)
    return header + content + bytes(-len(content) % 512)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


TOP = ("", "d", "", "")
TOP_MEMBER = foreign("./", tarfile.DIRTYPE)
EVIL = b"evil"
CASES: dict[str, tuple[bytes, list[tuple[str, str, str, str]]]] = {
    "absolute": (foreign("/tmp/evil", content=EVIL), [("/tmp/evil", "f", "", digest(EVIL))]),
    "climbing": (foreign("./../evil", content=EVIL), [("../evil", "f", "", digest(EVIL))]),
    "climbing inside": (foreign("./a/../../evil", content=EVIL), [("a/../../evil", "f", "", digest(EVIL))]),
    "through a link": (
        foreign("./out", tarfile.SYMTYPE, "OUTSIDE") + foreign("./out/evil", content=EVIL),
        [("out", "s", "", ""), ("out/evil", "f", "", digest(EVIL))],
    ),
    "over a link": (
        foreign("./out", tarfile.SYMTYPE, "OUTSIDE/evil") + foreign("./out", content=EVIL),
        [("out", "s", "", ""), ("out", "f", "", digest(EVIL))],
    ),
    "hard link out": (foreign("./shadow", tarfile.LNKTYPE, "/etc/passwd"), [("shadow", "f", "", "=/etc/passwd")]),
    "hard link through a link": (
        foreign("./out", tarfile.SYMTYPE, "/etc") + foreign("./x", tarfile.LNKTYPE, "./out/passwd"),
        [("out", "s", "", ""), ("x", "f", "", "=out/passwd")],
    ),
    "device": (foreign("./sda", tarfile.BLKTYPE), [("sda", "f", "", "")]),
    "character device": (foreign("./null", tarfile.CHRTYPE), [("null", "p", "", "")]),
    "other content": (foreign("./a", content=EVIL), [("a", "f", "", digest(b"good"))]),
    "other kind": (foreign("./a", tarfile.SYMTYPE, "/etc"), [("a", "f", "", "")]),
    "missing": (b"", [("a", "f", "", digest(EVIL))]),
    "unfinished": (foreign("./a", content=EVIL)[:-100], [("a", "f", "", digest(EVIL))]),
    "more after the end": (bytes(1024) + b"x" * 512, [("a", "f", "", digest(EVIL))]),
    "broken header": (foreign("./a", content=EVIL).replace(b"ustar", b"USTAR"), [("a", "f", "", digest(EVIL))]),
    "broken record": (foreign("./PaxHeaders/x", b"x", content=b"99 path=./a\n") + foreign("./a"), [("a", "f", "", "")]),
    "many records": (foreign("./PaxHeaders/x", b"x", content=bytes(5 * 1024 * 1024)), [("a", "f", "", "")]),
    "bomb": (foreign("./a", content=bytes(5_000_000)), [("a", "f", "", digest(bytes(5_000_000)))]),
    "bomb of a sparse file": (
        _tar_headers.header(Member(b"a", _tar_headers.SPARSE, 0o600, 0, 0, 0, size=512, real_size=10))
        + b"2\n0\n5\n".ljust(512, b"\0"),
        [("a", "f", "", digest(b"2\n0\n5\n".ljust(512, b"\0")))],
    ),
    "sparse beyond its end": (
        _tar_headers.header(Member(b"a", _tar_headers.SPARSE, 0o600, 0, 0, 0, size=1024, real_size=10))
        + b"1\n500\n512\n".ljust(512, b"\0")
        + bytes(512),
        [("a", "f", "", "")],
    ),
    "the top is a file": (foreign(".", content=EVIL), [("", "f", "", digest(EVIL))]),
}


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_archive_is_refused_and_nothing_is_touched(site: Site, case: str, tmp_path: pathlib.Path) -> None:
    home = site.home("ada", a="1")
    site.backed_up("ada")
    outside = tmp_path / "outside"
    outside.mkdir()
    body, listed = CASES[case]
    body = (
        body.replace(b"OUTSIDE", str(outside).encode()[:90]) if b"OUTSIDE" not in body else replaced(body, str(outside))
    )
    forge(site, TOP_MEMBER + body + (b"" if case in ("unfinished",) else bytes(1024)), [TOP, *listed])
    before, elsewhere = state(home), state(outside)
    result = site.restore("ada", mode="swap")
    assert result.get("failed"), case
    assert (
        "Traceback" not in result["msg"] and "is not what its list says" in result["msg"] or "longer" in result["msg"]
    )
    assert state(home) == before and state(outside) == elsewhere and beside(site) == []
    assert sorted(os.listdir(site.homes)) == ["ada"]
    assert site.info(verify=True)["problems"] or case.startswith(("bomb", "through", "over", "hard link through"))


def replaced(body: bytes, outside: str) -> bytes:
    """Members whose links lead to a real directory."""
    found = b""
    with tarfile.open(fileobj=io.BytesIO(body + bytes(1024))) as members:
        for member in members:
            content = members.extractfile(member).read() if member.isreg() else b""  # type: ignore[union-attr]
            found += foreign(
                "./" + member.name.removeprefix("./"), member.type, member.linkname.replace("OUTSIDE", outside), content
            )
    return found


@pytest.mark.parametrize(
    "line", [("a", "f", "", "=nowhere"), ("a", "f", "", 5), ("a", "f", ""), ["a"] * 5, {"a": 1}, [["a"], "f", "", ""]]
)
def test_a_list_that_is_forged_is_refused(site: Site, line: t.Any) -> None:
    home = site.home("ada", a="1")
    site.backed_up("ada")
    forge(site, TOP_MEMBER + foreign("./a", content=EVIL) + bytes(1024), [TOP, line])
    result = site.restore("ada", path=str(site.directory / "x"), paths=["a"])
    assert "can not be used" in result["msg"] or "which it lacks" in result["msg"]
    assert not (site.directory / "x").exists() and home.exists()


def test_a_manifest_that_names_other_files_is_refused(site: Site) -> None:
    site.home("ada", a="1")
    site.backed_up("ada")
    place = _repository.Place(str(site.repository), "hub", "ada")
    manifest = place.manifest(place.times()[-1])
    path = pathlib.Path(place.join(f"{manifest.time}.json"))
    for fields in (
        {"archive": "../x"},
        {"listing": "/etc/passwd"},
        {"user": "grace"},
        {"previous": manifest.time},
        {"files": "many"},
    ):
        path.write_bytes(dataclasses.replace(manifest, **fields).to_json())  # type: ignore[arg-type]
        result = site.restore("ada", path=str(site.directory / "x"))
        assert result.get("failed"), fields
        assert not (site.directory / "x").exists()


# --- Several in one run


def test_several_volumes_each_on_its_own(site: Site) -> None:
    """What is wrong with one keeps no other from being restored."""
    for user in ("ada", "grace", "joan"):
        site.home(user, a=user)
    site.back_up("ada", "grace", "joan")
    where = {user: site.directory / f"new-{user}" for user in ("ada", "grace", "joan")}
    wanted = [{"user": user, "path": str(path)} for user, path in where.items()]
    where["grace"].mkdir()
    (where["grace"] / "own").write_text("kept")
    checked = call(volume_restore, True, **site.options, volumes=wanted[:1])
    assert checked["changed"] and not where["ada"].exists()
    result = call(volume_restore, False, **site.options, volumes=wanted)
    assert result["failed"] and result["changed"]
    assert "1 of 3 volumes could not be restored, the first is grace (home): " in result["msg"]
    assert [(each["user"], bool(each["error"])) for each in result["volumes"]] == [
        ("ada", False),
        ("grace", True),
        ("joan", False),
    ]
    assert [(where[user] / "a").read_text() for user in ("ada", "joan")] == ["ada", "joan"]
    assert os.listdir(where["grace"]) == ["own"]
    swapped = call(volume_restore, False, **site.options, volumes=wanted[1:2], mode="swap")
    kept = pathlib.Path(swapped["volumes"][0]["kept"])
    assert (kept / "own").read_text() == "kept"
    cleaned = call(volume_restore, False, **site.options, volumes=wanted, state="cleaned")
    assert [each["removed"] for each in cleaned["volumes"]] == [[], [str(kept)], []]
    assert not call(volume_restore, False, **site.options, volumes=wanted, state="cleaned")["changed"]


def test_the_same_volume_twice_is_refused_before_anything_is_touched(site: Site) -> None:
    site.home("ada", a="1")
    site.back_up("ada")
    target = site.directory / "new"
    result = call(volume_restore, False, **site.options, volumes=[{"user": "ada", "path": str(target)}] * 2)
    assert "volumes has 'ada' with the name 'home' twice" in result["msg"]
    assert not target.exists()
