"""What goes wrong while a backup or a restore runs: kills, a full disk, files that change, users that swap directories for links."""

from __future__ import annotations

import functools
import json
import multiprocessing
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import typing as t

import module_processes
import pytest
from volumes import ROOT, Site, odd, state

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _archive_writer, _backup, _compression

# Minutes instead of seconds where somebody wants to be surer.
RUNS = int(os.environ.get("HUBWRIGHT_RACE_RUNS", "500"))
KILLS = int(os.environ.get("HUBWRIGHT_KILLS", "50"))


@pytest.fixture
def site(tmp_path: pathlib.Path, backup_programs: None) -> Site:
    return Site(tmp_path)


def archived(directory: pathlib.Path) -> bytes:
    """The archive of a directory, not compressed."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    pieces: list[bytes] = []

    class Sink:
        def write(self, buffer: bytearray, size: int) -> None:
            pieces.append(bytes(buffer[:size]))

        def finish(self, buffer: bytearray | None = None, size: int = 0) -> None:
            self.write(buffer or bytearray(), size)

        def close(self) -> None:
            pass

    class Nowhere(Sink):
        def write(self, buffer: bytearray, size: int) -> None:
            pass

    try:
        _archive_writer.Writer(Sink(), Nowhere(), {}).write(descriptor)
    finally:
        os.close(descriptor)
    return b"".join(pieces)


# --- Users who race


def swap(volume: str, outside: str, stop: t.Any) -> None:
    """What a user does who wants root's files in his backup: a directory and a file are links half of the time."""
    os.chdir(volume)
    while not stop.is_set():
        for name, target in (("directory", outside), ("file", f"{outside}/secret")):
            os.rename(name, f"{name}-real")
            os.symlink(target, name)
            os.unlink(name)
            os.rename(f"{name}-real", name)


def test_no_foreign_byte_in_an_archive_whatever_a_user_swaps(tmp_path: pathlib.Path) -> None:
    outside, volume = tmp_path / "outside", tmp_path / "volume"
    for directory in (outside, volume / "directory"):
        directory.mkdir(parents=True)
    (outside / "secret").write_text("TOP SECRET")
    (volume / "directory" / "secret").write_text("harmless")
    (volume / "file").write_text("harmless")
    context = multiprocessing.get_context("fork")
    stop = context.Event()
    user = context.Process(target=swap, args=(str(volume), str(outside), stop))
    user.start()
    met = 0
    try:
        for _run in range(RUNS):
            content = archived(volume)
            assert b"TOP SECRET" not in content
            met += b"harmless" not in content or str(outside).encode() in content or b"-real" in content
    finally:
        stop.set()
        user.join()
    assert met > RUNS / 50, "the race was never met, so this showed nothing"


# --- Files that change


def test_files_that_grow_shrink_vanish_and_are_replaced(site: Site) -> None:
    home = site.home("ada", calm="1")
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            for name in range(20):
                path = home / f"f{name}"
                match (number + name) % 4:
                    case 0:
                        with path.open("ab") as stream:
                            stream.write(b"x" * 10_000)
                    case 1:
                        path.write_bytes(b"y" * 100)
                    case 2:
                        path.unlink(missing_ok=True)
                    case 3:
                        path.unlink(missing_ok=True)
                        path.symlink_to("/etc/passwd")
                        path.unlink()
                        path.mkdir()
                        path.rmdir()

    thread = threading.Thread(target=change)
    thread.start()
    seen: set[str] = set()
    try:
        for _run in range(30):
            seen.update(site.backed_up("ada")["changed"])
    finally:
        stop.set()
        thread.join()
    assert seen and all(name.startswith("f") or name == "calm" for name in seen)
    assert "calm" not in seen
    assert site.info(verify=True)["problems"] == []
    site.backed_up("ada")  # what changed is read again, whatever its times say
    assert state(site.restored("ada")) == state(home)


def changing(monkeypatch: pytest.MonkeyPatch, path: pathlib.Path, times: int) -> None:
    """Let a file grow after it was opened, the first so many times."""
    original = _archive_writer._attributes
    left = [times]

    def grow(where: int | str) -> dict[bytes, bytes]:
        if isinstance(where, int) and left[0] and os.fstat(where).st_ino == path.stat().st_ino:
            left[0] -= 1
            with path.open("ab") as stream:
                stream.write(b"more")
        return original(where)

    monkeypatch.setattr(_archive_writer, "_attributes", grow)


@pytest.mark.parametrize(
    ("on_changed", "times", "outcome", "changed"),
    [
        ("warn", 1, "new", ["a"]),
        ("retry", 2, "new", []),
        ("retry", 3, "new", ["a"]),
        ("fail", 2, "new", []),
        ("fail", 3, "failed", ["a"]),
    ],
)
def test_on_changed(
    site: Site, monkeypatch: pytest.MonkeyPatch, on_changed: str, times: int, outcome: str, changed: list[str]
) -> None:
    home = site.home("ada", a="1", b="2")
    changing(monkeypatch, home / "a", times)
    result = site.back_up("ada", on_changed=on_changed)
    volume = result["volumes"][0]
    assert (volume["outcome"], volume["changed"]) == (outcome, changed)
    if outcome == "failed":
        assert "Files changed each of 3 times while they were read: a." in volume["error"]
        assert site.files("ada") == []
    else:
        assert ("changed while they were read, such as a" in volume["warning"]) == bool(changed)
    assert site.backed_up("ada")["outcome"] == ("new" if changed else "unchanged")
    assert state(site.restored("ada")) == state(home)


def test_a_file_that_shrinks_is_filled_with_zeros(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    home = site.home("ada")
    (home / "a").write_bytes(b"x" * 3_000_000)
    original = _archive_writer._attributes

    def shrink(where: int | str) -> dict[bytes, bytes]:
        if isinstance(where, int) and not os.path.isdir(f"/proc/self/fd/{where}"):
            os.truncate(where_it_is, 10)
        return original(where)

    where_it_is = home / "a"
    monkeypatch.setattr(_archive_writer, "_attributes", shrink)
    assert site.backed_up("ada")["changed"] == ["a"]
    content = (site.restored("ada") / "a").read_bytes()
    assert content == b"x" * 10 + bytes(3_000_000 - 10)


def test_a_volume_that_vanishes_is_a_failure(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    home = site.home("ada", a="1")
    site.backed_up("ada")
    (home / "a").write_text("22")
    original = _archive_writer._attributes

    def remove(where: int | str) -> dict[bytes, bytes]:
        found = original(where)
        shutil.rmtree(home, ignore_errors=True)
        return found

    monkeypatch.setattr(_archive_writer, "_attributes", remove)
    result = site.back_up("ada")
    assert "The volume was removed while it was read" in result["msg"]
    assert "Earlier backups are as they were" in result["msg"]
    assert (site.restored("ada") / "a").read_text() == "1"


@pytest.mark.skipif(not ROOT, reason="gives root's rights up")
def test_a_file_that_can_not_be_read_is_a_failure_that_names_it() -> None:
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o777)
        site = Site(pathlib.Path(name))
        home = site.home("ada", fine="1", closed="2")
        (home / "closed").chmod(0)
        with multiprocessing.get_context("fork").Pool(1, os.setuid, (65534,)) as pool:
            site.options["repository"] = f"{name}/theirs"
            result = pool.apply(site.back_up, ("ada",))
        assert "Permission denied ('closed'). Earlier backups are as they were." in result["msg"]
        assert result["volumes"][0]["outcome"] == "failed"


# --- Kills and full disks


def volumes_of(site: Site, users: t.Iterable[str]) -> list[dict[str, str]]:
    return [{"user": user, "path": str(site.homes / user)} for user in users]


def killed_at_random(work: t.Callable[[], object], seconds: float) -> bool:
    """Run ``work`` in a process that is killed; False when it was done before."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    time.sleep(random.uniform(0, seconds))
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def seconds_of(work: t.Callable[[], object]) -> float:
    begin = time.monotonic()
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    return time.monotonic() - begin


def test_a_kill_at_any_moment_leaves_only_whole_backups(site: Site) -> None:
    home = site.home("ada")
    for number in range(40):
        (home / f"f{number}").write_bytes(os.urandom(20_000))
    site.backed_up("ada")
    (home / "f0").write_text("first")
    seconds = seconds_of(lambda: site.back_up("ada", full_after=0))
    killed = 0
    for number in range(KILLS):
        (home / f"f{number % 40}").write_bytes(os.urandom(20_000))
        before = len(site.info()["volumes"][0]["backups"])
        options = {"full_after": random.choice((0, 20)), "keep": {"last": 3}}
        hit = killed_at_random(functools.partial(site.back_up, "ada", **options), 1.2 * seconds)
        killed += hit
        # A busy machine was slower, or is.
        seconds *= 1.1 if hit else 0.8
        found = site.info(verify=True)
        assert found["problems"] == []
        assert len(found["volumes"][0]["backups"]) >= min(before, 3)
    assert killed > KILLS / 10
    site.backed_up("ada", keep={"last": 3})
    assert not [name for name in site.files("ada") if name.startswith(".")]
    assert state(site.restored("ada")) == state(home)


@pytest.mark.parametrize("mode", ["swap", "paths"])
def test_a_killed_restore_leaves_the_old_content_or_the_new(site: Site, mode: str) -> None:
    home = site.home("ada")
    (home / "d").mkdir()
    for number in range(40):
        (home / "d" / f"f{number}").write_bytes(os.urandom(20_000))
    site.backed_up("ada")
    good = state(home)
    (home / "d" / "f0").write_text("spoilt")
    (home / "d" / "mine").write_text("never in a backup")
    spoilt = state(home)
    options: dict[str, t.Any] = {"mode": "swap", "paths": ["d"] if mode == "paths" else []}
    seconds = seconds_of(lambda: site.restore("ada", path=str(site.directory / "elsewhere")))
    killed = 0
    for _number in range(20):
        killed += killed_at_random(lambda: site.restore("ada", **options), 1.2 * seconds)
        mine = list(site.homes.glob("**/mine")) + list(site.homes.glob(".*/**/mine"))
        assert mine, "what the user had is lost"
        if mode == "swap":
            assert state(home) in (good, spoilt)
    assert killed > 1
    result = site.restore("ada", **options)
    assert "failed" not in result, result["msg"]
    now = state(home)
    assert now.pop(".")[:3] == good.pop(".")[:3]  # its time tells of the exchange in it
    assert now == good
    assert not list(site.homes.glob(".*restoring*"))
    site.restore("ada", state="cleaned")
    assert os.listdir(site.homes) == ["ada"]


def test_a_full_disk_costs_no_earlier_backup(site: Site) -> None:
    home = site.home("ada", a="1")
    site.repository.mkdir(mode=0o700)
    with module_processes.little_room(site.repository) as before:
        os.chmod(site.repository, 0o700)
        site.backed_up("ada")
        files = site.files("ada")
        (home / "large").write_bytes(os.urandom(300_000))
        result = module_processes.run("volume_backup", before=before, **site.options, volumes=volumes_of(site, ["ada"]))
        assert result["failed"]
        assert "No space left" in result["msg"] or "too large" in result["msg"].lower()
        assert "Earlier backups are as they were." in result["msg"]
        assert site.files("ada") == files
        assert site.info(verify=True)["problems"] == []
        (home / "large").unlink()
        assert site.backed_up("ada")["outcome"] in ("new", "unchanged")
        assert state(site.restored("ada")) == state(home)


def test_a_full_disk_at_a_restore_leaves_the_old_content(site: Site, tmp_path: pathlib.Path) -> None:
    home = site.home("ada")
    (home / "large").write_bytes(os.urandom(300_000))
    site.backed_up("ada")
    small = tmp_path / "small"
    small.mkdir()
    with module_processes.little_room(small) as before:
        target = small / "ada"
        target.mkdir()
        (target / "old").write_text("old")
        result = module_processes.run(
            "volume_restore", before=before, **site.options, user="ada", path=str(target), mode="swap"
        )
        assert result["failed"] and "It is as it was." in result["msg"]
        assert os.listdir(small) == ["ada"] and os.listdir(target) == ["old"]


def test_a_process_that_is_killed_fails_its_volumes_only(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for user in ("ada", "grace", "joan"):
        site.home(user, a="1")
    original = _backup.back_up

    def kill(place: t.Any, *arguments: t.Any) -> t.Any:
        if place.user == "grace":
            os.kill(os.getpid(), signal.SIGKILL)
        return original(place, *arguments)

    monkeypatch.setattr(_backup, "back_up", kill)
    result = site.back_up("ada", "grace", "joan", jobs=2)
    assert result["failed"]
    killed = [volume["user"] for volume in result["volumes"] if "Its process was killed" in volume["error"]]
    assert killed == ["grace"]
    monkeypatch.undo()
    assert {volume["outcome"] for volume in site.back_up("ada", "grace", "joan")["volumes"]} <= {"new", "unchanged"}


def test_a_mistake_of_the_program_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(*_arguments: t.Any) -> t.Any:
        raise ZeroDivisionError("by mistake")

    monkeypatch.setattr(_backup, "back_up", mistaken)
    for user in ("ada", "grace"):
        site.home(user)
    with pytest.raises(ZeroDivisionError, match="by mistake"):
        site.back_up("ada", "grace", jobs=2)


def test_no_process_outlives_a_run_that_is_killed(site: Site) -> None:
    for user in ("ada", "grace"):
        os.mkfifo(site.home(user) / "fifo")
        (site.homes / user / "large").write_bytes(os.urandom(30_000_000))
    arguments = {**site.options, "volumes": volumes_of(site, ["ada", "grace"]), "jobs": 2}
    run = module_processes.start("volume_backup", arguments)
    children: list[int] = []
    while run.poll() is None and len(children) < 2:
        children = [int(pid) for pid in pathlib.Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()]
    assert len(children) == 2, "it was done before it had processes"
    # They have to be in a task: before that they can not know that they shall end.
    end = time.monotonic() + 90
    while not list(site.repository.rglob(".new-*")) and time.monotonic() < end and run.poll() is None:
        time.sleep(0.001)
    run.kill()
    run.communicate()
    while any(_runs(pid) for pid in children):
        assert time.monotonic() < end, "they run on"
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        status = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_an_archive_that_can_not_be_read_back_is_not_published(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.home("ada", a="1")

    def damaged(_path: str, _kind: str, _complete: object) -> tuple[int, str]:
        raise _compression.Damaged("its end is missing")

    monkeypatch.setattr(_backup._archive_reader, "decompresses", damaged)
    assert "The new archive could not be read back: its end is missing." in site.back_up("ada")["msg"]
    assert site.files("ada") == []
    assert site.backed_up("ada", verify=False)["outcome"] == "new"


@pytest.mark.parametrize("size", [1000, 5_000_000], ids=["small", "large"])
def test_a_disk_that_keeps_something_else_is_found_out(site: Site, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Of a large archive by who reads it while it is being written."""
    (site.home("ada") / "data").write_bytes(os.urandom(size))
    original = _compression.write_all

    def wrong(target: int, data: bytes | memoryview) -> None:
        changed = bytearray(data)
        if len(changed) > 500:
            changed[len(changed) // 2] ^= 1
        original(target, changed)

    monkeypatch.setattr(_compression, "write_all", wrong)
    assert "The new archive could not be read back" in site.back_up("ada")["msg"]
    assert site.files("ada") == []


def test_two_runs_at_once(site: Site) -> None:
    users = [f"user{number}" for number in range(10)]
    for user in users:
        site.home(user, a=user)
    arguments = {**site.options, "volumes": volumes_of(site, users)}
    runs = [module_processes.start("volume_backup", arguments) for _number in range(2)]
    results = []
    for run in runs:
        out, error = run.communicate()
        assert out, error
        results.append(json.loads(out))
    assert not any(result.get("failed") for result in results)
    assert sum(result["totals"]["new"] for result in results) == len(users)
    assert site.info(verify=True)["problems"] == []


# --- Large and small


def test_memory_does_not_grow_with_the_volume(site: Site) -> None:
    home = site.home("ada")
    for number in range(3):
        (home / f"large{number}").write_bytes(os.urandom(50_000_000))
    (home / "zeros").write_bytes(bytes(100_000_000))
    options = {**site.options, "volumes": volumes_of(site, ["ada"])}
    before = ["/usr/bin/env", "python3", "-c", _PEAK, str(site.directory / "peak")]
    assert module_processes.run("volume_backup", before=before, **options)["changed"]
    peak = int((site.directory / "peak").read_text())
    assert peak < 64 * 1024, f"{peak} kB"
    target = str(site.directory / "x")
    assert module_processes.run("volume_restore", before=before, **site.options, user="ada", path=target)["changed"]
    peak = int((site.directory / "peak").read_text())
    assert peak < 64 * 1024, f"{peak} kB"


_PEAK = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[2:])
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(done.returncode)
"""


def test_hundreds_of_volumes(site: Site) -> None:
    users = [f"user{number:03}" for number in range(300)]
    for user in users:
        site.home(user, a=user)
    result = site.back_up(*users)
    assert result["totals"]["new"] == 300 and "failed" not in result
    (site.homes / "user150" / "a").write_text("changed")
    totals = site.back_up(*users)["totals"]
    assert (totals["new"], totals["unchanged"]) == (1, 299)
    assert len(site.info()["volumes"]) == 300


def test_ten_thousand_volumes(tmp_path: pathlib.Path) -> None:
    """With few descriptors, and little memory for each; what is left of 64 descriptors is Python's own and for one file."""
    memory = pathlib.Path("/dev/shm")  # where a disk need not be waited for
    top = pathlib.Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else tmp_path))
    try:
        homes = [top / "homes" / f"user{number}" for number in range(10_000)]
        for home in homes:
            home.mkdir(parents=True)
        wanted = [{"user": home.name, "path": str(home)} for home in homes]
        options = {"repository": str(top / "repository"), "hub": "hub", "volumes": wanted, "jobs": 2}
        before = ["prlimit", "--nofile=64", sys.executable, "-c", _PEAK, str(tmp_path / "peak")]
        result = module_processes.run("volume_backup", before=before, **options)
        assert (result["totals"]["new"], result["totals"]["files"]) == (10_000, 10_000), result.get("msg")
        (homes[7000] / "a").touch()
        totals = module_processes.run("volume_backup", before=before, **options)["totals"]
        assert (totals["new"], totals["unchanged"], totals["failed"]) == (1, 9_999, 0)
        peak = int((tmp_path / "peak").read_text())
        assert peak < 80 * 1024, f"{peak} kB"
    finally:
        shutil.rmtree(top)


def test_directories_deeper_than_descriptors(site: Site) -> None:
    home = site.home("ada")
    descriptor = os.open(home, os.O_RDONLY)
    for _level in range(1100):
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    with open(os.open("leaf", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor), "w", encoding="ascii") as stream:
        stream.write("deep")
    os.close(descriptor)
    volume = site.backed_up("ada")
    assert volume["files"] == 1102
    target = site.restored("ada")
    found = subprocess.run(
        ["find", str(target), "-name", "leaf", "-size", "4c", "-printf", "%d"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "1101"
    subprocess.run(["rm", "-rf", str(home), str(target)], check=True)


@pytest.mark.skipif(not ROOT, reason="mounts")
def test_a_mounted_file_system_is_left_out(site: Site) -> None:
    home = site.home("ada", a="1")
    (home / "mounted").mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "none", str(home / "mounted")], check=False, capture_output=True)
    if done.returncode:
        return  # not in this container
    try:
        (home / "mounted" / "b").write_text("2")
        assert site.backed_up("ada")["skipped"] == ["mounted"]
        result = site.restore("ada", path=str(home / "mounted"), mode="swap")
        assert "is a mount point" in result["msg"]
    finally:
        subprocess.run(["umount", str(home / "mounted")], check=True)


def test_odd_trees_change_without_loss(site: Site) -> None:
    odd(site.homes / "ada")
    site.backed_up("ada")
    home = site.homes / "ada"
    os.rename(home / "plain", home / "renamed")
    os.link(home / "renamed", home / "one more")
    (home / "sparse").unlink()
    (home / "fifo").unlink()
    (home / "fifo").write_text("no pipe any more")
    (home / "long").unlink()
    os.mkfifo(home / "long")
    assert site.backed_up("ada", full_percent=1_000_000)["kind"] == "increment"
    assert state(site.restored("ada")) == state(home)
