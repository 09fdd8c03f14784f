"""Backups and restores of real files; what is expected to come back is compared attribute by attribute."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import time
import typing as t

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from volumes import Site, odd, state, used

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _backup, _compression


@pytest.fixture
def site(tmp_path: pathlib.Path, backup_programs: None) -> Site:
    return Site(tmp_path)


def extract(archive: str, target: pathlib.Path) -> None:
    """What a person does who has only tar."""
    program = "--zstd" if archive.endswith(".zst") else "--gzip"
    command = [
        "tar",
        program,
        "-x",
        "-p",
        "--warning=no-timestamp",
        "--xattrs",
        "--xattrs-include=*",
        "--acls",
        "-f",
        archive,
        "-C",
        str(target),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# --- Fidelity


def test_an_odd_tree_loses_only_its_socket(site: Site) -> None:
    odd(site.homes / "ada")
    before = state(site.homes / "ada")
    volume = site.backed_up("ada")
    assert volume["skipped"] == ["socket"]
    assert volume["kind"] == "full"
    assert volume["written"] < 100_000
    target = site.restored("ada")
    assert state(target) == before
    assert used(target) < 1_000_000
    assert not (target / "socket").exists()


def test_gnu_tar_extracts_the_same(site: Site, tmp_path: pathlib.Path) -> None:
    odd(site.homes / "ada")
    archive = site.backed_up("ada")["archive"]
    by_hand = tmp_path / "by hand"
    by_hand.mkdir()
    extract(archive, by_hand)
    assert state(by_hand) == state(site.restored("ada")) == state(site.homes / "ada")
    assert used(by_hand) < 1_000_000


@pytest.mark.parametrize("way", ["program", "gzip"])
def test_without_libzstd_the_same_comes_back(site: Site, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    odd(site.homes / "ada")
    monkeypatch.setattr(_compression, "library", lambda: None)
    if way == "gzip":
        monkeypatch.setattr(_compression.shutil, "which", lambda _name: None)
    archive = site.backed_up("ada")["archive"]
    assert archive.endswith(".tar.gz" if way == "gzip" else ".tar.zst")
    if way == "gzip":
        with tarfile.open(fileobj=gzip.open(archive)) as members:
            assert "./plain" in members.getnames()
    assert state(site.restored("ada")) == state(site.homes / "ada")
    assert site.info(verify=True)["problems"] == []


names = (
    st.binary(min_size=1, max_size=12)
    .map(lambda raw: raw.replace(b"/", b"_").replace(b"\0", b"0"))
    .filter(lambda name: name not in (b".", b".."))
)
contents = st.one_of(st.binary(max_size=2000), st.integers(0, 3_000_000).map(lambda size: b"z" * size))
trees: t.Any = st.recursive(
    contents,
    lambda below: st.dictionaries(names, below, max_size=5),
    max_leaves=20,
).filter(lambda tree: isinstance(tree, dict))


def grow(top: bytes, tree: dict[bytes, t.Any]) -> None:
    for name, value in tree.items():
        path = os.path.join(top, name)
        if isinstance(value, dict):
            if not os.path.isdir(path):
                if os.path.lexists(path):
                    os.unlink(path)
                os.mkdir(path)
            grow(path, value)
        else:
            if os.path.isdir(path):
                shutil.rmtree(path)
            with open(path, "wb") as stream:
                stream.write(value)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=trees, second=trees, drop=st.booleans())
def test_any_tree_and_any_change_of_it_comes_back(
    tmp_path_factory: pytest.TempPathFactory, first: dict[bytes, t.Any], second: dict[bytes, t.Any], drop: bool
) -> None:
    site = Site(tmp_path_factory.mktemp("tree"))
    home = site.home("ada")
    grow(os.fsencode(home), first)
    site.backed_up("ada")
    before = state(home)
    if drop and first:
        path = os.path.join(os.fsencode(home), min(first))
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    grow(os.fsencode(home), second)
    site.backed_up("ada", full_percent=1_000_000)
    assert state(site.restored("ada")) == state(home)
    first_time = site.info()["volumes"][0]["backups"][0]["time"]
    assert state(site.restored("ada", time=first_time)) == before
    by_hand = site.directory / "by hand"
    by_hand.mkdir()
    restore_by_hand(site, by_hand)
    assert state(by_hand) == state(home)
    assert site.info(verify=True)["problems"] == []


def restore_by_hand(site: Site, target: pathlib.Path) -> None:
    """A chain in its order: remove what is listed, then extract."""
    for backup in site.info()["volumes"][0]["backups"]:
        removed = pathlib.Path(backup["archive"].replace(".tar.zst", ".removed"))
        if removed.exists():
            with removed.open("rb") as names:
                subprocess.run(["xargs", "-0", "rm", "-rf", "--"], stdin=names, cwd=target, check=True)
        extract(backup["archive"], target)


# --- What it costs


def test_an_unchanged_volume_writes_nothing(site: Site) -> None:
    site.home("ada", a="1", b="2")
    first = site.backed_up("ada")
    files = site.files("ada")
    second = site.backed_up("ada")
    assert (second["outcome"], second["written"], second["time"]) == ("unchanged", 0, first["time"])
    assert site.files("ada") == files


@pytest.mark.parametrize("change", ["content", "mode", "attribute", "touch", "rename", "removed", "link"])
def test_every_change_is_seen(site: Site, change: str) -> None:
    home = site.home("ada", a="1", b="2")
    site.backed_up("ada")
    before = os.stat(home / "a")
    match change:
        case "content":  # of the same size, and with its old time
            (home / "a").write_text("9")
            os.utime(home / "a", ns=(before.st_mtime_ns, before.st_mtime_ns))
        case "mode":
            (home / "a").chmod(0o600)
        case "attribute":
            os.setxattr(home / "a", "user.x", b"1")
        case "touch":
            (home / "a").touch()
        case "rename":
            (home / "a").rename(home / "c")
        case "removed":
            (home / "a").unlink()
        case "link":
            os.link(home / "a", home / "c")
    volume = site.backed_up("ada")
    assert (volume["outcome"], volume["kind"]) == ("new", "increment")
    assert state(site.restored("ada")) == state(home)


def test_only_what_changed_is_written(site: Site) -> None:
    home = site.home("ada", small="1")
    (home / "large").write_bytes(os.urandom(2_000_000))
    assert site.backed_up("ada")["written"] > 2_000_000
    (home / "small").write_text("2")
    assert site.backed_up("ada")["written"] < 5_000
    (home / "large").write_bytes(os.urandom(2_000_000))
    assert site.backed_up("ada")["kind"] == "increment"
    (home / "small").write_text("3")
    assert site.backed_up("ada")["kind"] == "full"  # the increments are larger than 30 % of it


def test_a_chain_of_increments_is_bounded(site: Site) -> None:
    home = site.home("ada")
    (home / "large").write_bytes(os.urandom(100_000))
    kinds = []
    for number in range(5):
        (home / "a").write_text(str(number))
        kinds.append(site.backed_up("ada", full_after=2)["kind"])
    assert kinds == ["full", "increment", "increment", "full", "increment"]
    (home / "a").write_text("x")
    assert site.backed_up("ada", full_after=0)["kind"] == "full"


def test_a_chain_restores_by_hand_in_its_order(site: Site, tmp_path: pathlib.Path) -> None:
    home = site.home("ada", stays="1", changes="1", goes="1", turns="1")
    (home / "tree").mkdir()
    (home / "tree" / "leaf").write_text("leaf")
    (home / "large").write_bytes(os.urandom(100_000))
    site.backed_up("ada")
    (home / "changes").write_text("22")
    (home / "goes").unlink()
    (home / "turns").unlink()
    (home / "turns").mkdir()
    site.backed_up("ada")
    shutil.rmtree(home / "tree")
    (home / "tree").write_text("a file now")
    (home / "turns" / "new\nline").write_text("3")
    site.backed_up("ada")
    by_hand = tmp_path / "by hand"
    by_hand.mkdir()
    restore_by_hand(site, by_hand)
    assert state(by_hand) == state(home) == state(site.restored("ada"))


def test_another_source_begins_anew(site: Site, tmp_path: pathlib.Path) -> None:
    site.home("ada", a="1")
    site.backed_up("ada")
    shutil.copytree(site.homes / "ada", tmp_path / "moved")
    volume = site.backed_up("ada", volumes=[{"user": "ada", "path": str(tmp_path / "moved")}])
    assert (volume["outcome"], volume["kind"]) == ("new", "full")


# --- Many volumes


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_volume_that_fails_does_not_stop_the_others(site: Site, jobs: int) -> None:
    users = ["ada", "grace", "joan"]
    for user in users:
        site.home(user, a=user)
    result = site.back_up("ada", "nobody", "grace", "joan", jobs=jobs)
    assert result["failed"] and result["changed"]
    assert "1 of 4 volumes could not be backed up, the first is nobody (home): The directory" in result["msg"]
    assert [volume["outcome"] for volume in result["volumes"]] == ["new", "failed", "new", "new"]
    assert [volume["user"] for volume in result["volumes"]] == ["ada", "nobody", "grace", "joan"]
    assert result["totals"] | {"seconds": 0, "rate": 0, "written": 0} == {
        "new": 3,
        "unchanged": 0,
        "failed": 1,
        "files": 6,
        "bytes": 12,
        "written": 0,
        "removed": 0,
        "seconds": 0,
        "rate": 0,
    }
    assert result["diff"]["before"]["ada/home"] == ""
    assert result["diff"]["after"]["ada/home"] == result["volumes"][0]["time"]
    for user in users:
        assert (site.restored(user) / "a").read_text() == user


@pytest.mark.parametrize("user", ["ada@example.org", "a/../../b", ".hidden", "..", "new\nline", "空", "a%2Fb", "~x"])
def test_odd_names_of_users(site: Site, user: str) -> None:
    home = site.home("home", a="1")
    volumes = [{"user": user, "path": str(home)}, {"user": user, "name": "data", "path": str(home)}]
    result = site.back_up(volumes=volumes)
    assert "failed" not in result, result["msg"]
    found = site.info()["volumes"]
    assert [(volume["user"], volume["name"]) for volume in found] == [(user, "home"), (user, "data")]
    assert [path.parent for path in site.directory.rglob("hub")] == [site.repository]
    target = site.directory / "target"
    assert site.restore(user, name="data", path=str(target))["files"] == 2
    assert site.info(users=[user])["problems"] == []


def test_files_of_a_repository_are_roots_alone(site: Site) -> None:
    site.home("ada", a="1")
    site.backed_up("ada")
    for path in [site.repository, *site.repository.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0


def test_check_mode_writes_nothing(site: Site) -> None:
    home = site.home("ada", a="1")
    result = site.back_up("ada", check=True)
    assert result["changed"] and result["volumes"][0]["outcome"] == "new"
    assert not site.repository.exists()
    site.backed_up("ada")
    files = site.files("ada")
    assert site.back_up("ada", check=True)["changed"] is False
    (home / "a").write_text("22")
    result = site.back_up("ada", check=True)
    assert result["changed"] and result["diff"]["after"]["ada/home"] == "a new backup"
    assert site.files("ada") == files


# --- Time and retention


def at(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    seconds = time.mktime(time.strptime(moment + " UTC", "%Y-%m-%d %H:%M %Z")) - time.timezone
    monkeypatch.setattr(_backup.time, "time", lambda: seconds)


def backups_of_days(site: Site, monkeypatch: pytest.MonkeyPatch, **options: t.Any) -> list[str]:
    home = site.home("ada")
    for day in range(1, 11):
        (home / "a").write_text(str(day))
        at(monkeypatch, f"2026-03-{day:02} 02:00")
        site.backed_up("ada", **options)
    return [backup["time"] for backup in site.info()["volumes"][0]["backups"]]


def test_retention_keeps_what_the_rules_say(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = {"last": 1, "daily": 3, "weekly": 3}
    kept = backups_of_days(site, monkeypatch, full_after=0, keep=keep)
    assert kept == ["20260301T020000Z", "20260308T020000Z", "20260309T020000Z", "20260310T020000Z"]
    assert len(site.files("ada")) == 3 * len(kept)


def test_retention_keeps_what_an_increment_needs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = backups_of_days(site, monkeypatch, full_after=3, full_percent=1_000_000, keep={"last": 1})
    assert kept == ["20260309T020000Z", "20260310T020000Z"]
    assert (site.restored("ada") / "a").read_text() == "10"


def test_without_rules_nothing_is_removed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(backups_of_days(site, monkeypatch, full_after=0)) == 10


def test_an_unchanged_volume_is_thinned_out_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    backups_of_days(site, monkeypatch, full_after=0)
    volume = site.backed_up("ada", keep={"last": 2})
    assert volume["outcome"] == "unchanged" and len(volume["removed"]) == 8


def test_a_clock_that_went_back_loses_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    home = site.home("ada")
    for moment in ("2026-03-02 02:00", "2025-01-01 02:00", "2025-01-01 02:00"):
        at(monkeypatch, moment)
        (home / "a").write_text(moment)
        (home / "b").write_text(str(len(site.info()["volumes"][0]["backups"])) if site.repository.exists() else "")
        site.backed_up("ada")
    times = [backup["time"] for backup in site.info()["volumes"][0]["backups"]]
    assert times == ["20260302T020000Z", "20260302T020001Z", "20260302T020002Z"]
    assert (site.restored("ada") / "b").read_text() == "2"


def test_nothing_is_removed_after_a_suspicious_drop(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    home = site.home("ada", small="1")
    (home / "large").write_bytes(os.urandom(100_000))
    site.backed_up("ada")
    (home / "large").unlink()
    for number in range(3):  # not only at once
        (home / "small").write_text(str(number))
        volume = site.backed_up("ada", full_after=0, keep={"last": 1})
        assert "The content shrank from 100001 bytes" in volume["warning"]
    assert len(site.info()["volumes"][0]["backups"]) == 2
    assert (site.restored("ada", time=site.info()["volumes"][0]["backups"][0]["time"]) / "large").exists()
    volume = site.backed_up("ada", keep={"last": 1}, size_drop=100)
    assert volume["warning"] == "" and len(volume["removed"]) == 1


# --- Two runs, and what a killed one leaves


def test_a_run_waits_for_another_and_then_says_so(site: Site) -> None:
    site.home("ada", a="1")
    site.backed_up("ada")
    with (site.repository / "hub" / "ada" / ".lock").open() as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        result = site.back_up("ada", lock_timeout=0)
    assert "Another run has been at work with the backups of ada for 0 seconds" in result["msg"]
    assert site.backed_up("ada", lock_timeout=0)["outcome"] == "unchanged"


def test_what_a_killed_run_left_is_removed(site: Site) -> None:
    home = site.home("ada", a="1")
    site.backed_up("ada")
    files = site.files("ada")
    for name in (".new-20260101T000000Z.tar.zst", "20260101T000000Z.tar.zst", "20260101T000000Z.files.zst"):
        (site.repository / "hub" / "ada" / name).touch()
    assert len(site.info()["volumes"][0]["backups"]) == 1
    assert site.backed_up("ada")["outcome"] == "unchanged"
    assert site.files("ada") == files
    assert home.exists()


# --- Encryption


@pytest.fixture
def key(tmp_path: pathlib.Path) -> tuple[str, str]:
    path = tmp_path / "key"
    subprocess.run(["age-keygen", "-o", str(path)], check=True, capture_output=True)
    return str(path), path.read_text().split("public key: ")[1].split()[0]


def test_encrypted_with_age(site: Site, key: tuple[str, str], tmp_path: pathlib.Path) -> None:
    identity, recipient = key
    home = site.home("ada", a="a secret text")
    encryption = {"program": "age", "recipients": [recipient]}
    archive = site.backed_up("ada", encryption=encryption)["archive"]
    assert archive.endswith(".tar.zst.age")
    (home / "b").write_text("2")
    site.backed_up("ada", encryption=encryption)
    assert state(site.restored("ada", identity_file=identity)) == state(home)
    plain = subprocess.run(["age", "--decrypt", "-i", identity, archive], check=True, capture_output=True).stdout
    (tmp_path / "plain.tar.zst").write_bytes(plain)
    by_hand = tmp_path / "by hand"
    by_hand.mkdir()
    extract(str(tmp_path / "plain.tar.zst"), by_hand)
    assert (by_hand / "a").read_text() == "a secret text"
    result = site.restore("ada", path=str(tmp_path / "none"))
    assert result["msg"].endswith("Give the file with the private key as identity_file.")
    assert site.info(verify=True)["problems"] == []
    (home / "a").write_text("3")
    assert site.backed_up("ada")["kind"] == "full"  # no longer encrypted


def test_encrypted_with_gpg(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    keyring = tmp_path / "g"
    keyring.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(keyring))
    command = [
        "gpg",
        "--batch",
        "--passphrase",
        "",
        "--quick-generate-key",
        "backup@example.org",
        "default",
        "default",
        "never",
    ]
    subprocess.run(command, check=True, capture_output=True)
    try:
        home = site.home("ada", a="a secret text")
        volume = site.backed_up("ada", encryption={"program": "gpg", "recipients": ["backup@example.org"]})
        assert volume["archive"].endswith(".tar.zst.gpg")
        assert state(site.restored("ada")) == state(home)
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], check=True)


def test_a_wrong_key_and_a_program_that_is_missing(
    site: Site, key: tuple[str, str], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.home("ada", a="a secret text")
    encryption = {"program": "age", "recipients": [key[1]]}
    site.backed_up("ada", encryption=encryption)
    other = tmp_path / "other"
    subprocess.run(["age-keygen", "-o", str(other)], check=True, capture_output=True)
    target = tmp_path / "target"
    result = site.restore("ada", path=str(target), identity_file=str(other))
    assert "The backup can not be decrypted: age says: age: error: no identity matched" in result["msg"]
    assert not target.exists()
    monkeypatch.setenv("PATH", str(tmp_path))
    result = site.back_up("ada", encryption=encryption)
    assert result["msg"] == "There is no program age on this host. Install the package age."


def test_a_key_that_is_none_is_refused_before_anything_is_read(site: Site) -> None:
    site.home("ada", a="1")
    result = site.back_up("ada", encryption={"program": "age", "recipients": ["age1nonsense"]})
    assert "encryption: age refuses the recipients age1nonsense" in result["msg"]
    assert not site.repository.exists()


# --- Wrong arguments


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repository": "relative"}, "repository is "),
        ({"hub": ""}, "hub is '', expected a name."),
        ({"jobs": -1}, "jobs is -1, expected 0 or more."),
        ({"full_after": -1}, "full_after is -1, expected 0 or more."),
        ({"full_percent": -1}, "full_percent is -1, expected 0 or more."),
        ({"lock_timeout": -1}, "lock_timeout is -1, expected 0 or more."),
        ({"keep": {"daily": -2}}, "keep.daily is -2, expected 0 or more."),
        ({"size_drop": 101}, "size_drop is 101, expected a percentage from 0 to 100."),
        ({"on_changed": "ignore"}, "value of on_changed must be one of: warn, retry, fail, got: ignore"),
        ({"compression": "xz"}, "value of compression must be one of: auto, zstd, gzip, got: xz"),
        ({"encryption": {"program": "age", "recipients": []}}, "encryption.recipients is empty"),
        (
            {"encryption": {"program": "age", "recipients": ["-i"]}},
            "encryption.recipients has '-i', which is no public key",
        ),
        ({"volumes": [{"user": "ada"}]}, "one of the following is required: volume, path, claim found in volumes"),
        (
            {"volumes": [{"user": "ada", "path": "/a", "volume": "a"}]},
            "mutually exclusive: volume|path|claim found in volumes",
        ),
        ({"volumes": [{"user": "ada", "path": "/"}]}, "path is /, expected the directory of one user."),
        ({"volumes": [{"user": "", "path": "/a"}]}, "user is '', expected a name."),
        ({"volumes": [{"user": "ada", "volume": "-a"}]}, "volume is '-a', expected the name of a Docker volume"),
        (
            {"volumes": [{"user": "ada", "name": "../x", "path": "/a"}]},
            "name is '../x', expected up to 63 lower-case letters",
        ),
        (
            {"volumes": [{"user": "ada", "path": "/a"}, {"user": "ada", "path": "/b"}]},
            "volumes has 'ada' with the name 'home' twice",
        ),
    ],
)
def test_wrong_arguments(site: Site, options: dict[str, t.Any], message: str) -> None:
    site.home("ada", a="1")
    result = site.back_up("ada", **options)
    assert result["failed"] and message in result["msg"]
    assert not site.repository.exists()


def test_a_repository_that_others_may_write_into_is_refused(site: Site) -> None:
    site.home("ada", a="1")
    site.repository.mkdir()
    site.repository.chmod(0o777)
    assert "other accounts may change what is in it (mode 0777" in site.back_up("ada")["msg"]
    site.repository.rmdir()
    site.repository.write_text("a file")
    assert site.back_up("ada")["msg"].endswith("which is no directory.")


def test_zstd_that_is_not_there(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.home("ada", a="1")
    monkeypatch.setattr(_compression, "library", lambda: None)
    monkeypatch.setattr(_compression.shutil, "which", lambda _name: None)
    assert "this host has neither libzstd nor the program zstd" in site.back_up("ada", compression="zstd")["msg"]


def test_the_manifest_is_for_people_too(site: Site) -> None:
    home = site.home("ada", a="1")
    archive = site.backed_up("ada")["archive"]
    manifest = json.loads(pathlib.Path(archive.replace(".tar.zst", ".json")).read_text())
    assert manifest["source"] == {"kind": "directory", "reference": str(home)}
    assert (manifest["user"], manifest["kind"], manifest["files"], manifest["size"]) == ("ada", "full", 2, 1)
    listing = subprocess.run(
        ["zstd", "-dc", archive.replace(".tar.zst", ".files.zst")], check=True, capture_output=True
    )
    lines = [json.loads(line) for line in listing.stdout.splitlines()]
    assert [line[0] for line in lines] == ["", "a"]
    assert (
        lines[1][3] == subprocess.run(["sha256sum", home / "a"], check=True, capture_output=True, text=True).stdout[:64]
    )
