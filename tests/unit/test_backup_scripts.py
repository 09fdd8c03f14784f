# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts of role hub_backup: a hub's own state copied and placed, servers that stand still."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import time
import typing as t
from collections.abc import Iterator

import pytest

FILES = pathlib.Path(__file__).resolve().parents[2] / "roles" / "hub_backup" / "files"
API_URL = "http://127.0.0.1:18399/hub/api"
SCHEMA = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE servers (id INTEGER PRIMARY KEY, port INTEGER);
CREATE TABLE services (id INTEGER PRIMARY KEY, _server_id INTEGER);
CREATE TABLE spawners (id INTEGER PRIMARY KEY, user_id INTEGER, server_id INTEGER, name TEXT, state TEXT, started TEXT);
INSERT INTO users VALUES (1, 'ada'), (2, 'grace');
INSERT INTO servers VALUES (1, 8001), (2, 8002);
INSERT INTO services VALUES (1, 1);
INSERT INTO spawners VALUES (1, 1, 2, '', '{"pid": 1}', '2026-11-27'), (2, 2, NULL, '', NULL, NULL);
"""


def script(name: str, *arguments: str, fails: str = "", **asked: t.Any) -> t.Any:
    """What a script answers; with ``fails``, see that it ends with these words."""
    done = subprocess.run(
        [sys.executable, str(FILES / f"{name}.py"), *arguments],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    if fails:
        assert done.returncode
        assert fails in done.stderr
        return None
    assert not done.returncode, done.stderr
    return json.loads(done.stdout) if done.stdout else None


# --- the hub's own state


def test_state_of_a_cluster_is_made_ready_for_another(tmp_path: pathlib.Path) -> None:
    """Its secrets are told, and a dump goes where the database is restored from."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "cookie_secret").write_text("c00c1e\n")
    (tmp_path / "database.dump").write_text("dump")
    assert script("cluster_restore", str(tmp_path)) == {"cookie_secret": "c00c1e"}
    assert (tmp_path / "state" / "jupyterhub.restored.dump").read_text() == "dump"
    assert not (tmp_path / "database.dump").exists()


def test_a_list_of_people_is_written_when_it_differs(tmp_path: pathlib.Path) -> None:
    """Nobody but its owner reads it, the newest is found by a link, and those of before stay."""
    place = tmp_path / "class" / ".people"
    asked: dict[str, t.Any] = {"directory": str(place), "lines": ["ada admin", "grace"]}
    latest = str(place / "latest")
    assert script("people", **asked, check=True) == {"changed": True, "path": latest} and not place.exists()
    assert script("people", **asked, check=False) == {"changed": True, "path": latest}
    first = (place / "latest").resolve()
    assert first.read_text() == "ada admin\ngrace\n" and first.parent == place
    assert first.stat().st_mode & 0o077 == 0 and place.stat().st_mode & 0o077 == 0
    assert not script("people", **asked, check=False)["changed"] and (place / "latest").resolve() == first
    assert script("people", **{**asked, "lines": ["grace"]}, check=False)["changed"]
    assert (place / "latest").read_text() == "grace\n" and first.read_text() == "ada admin\ngrace\n"
    assert len(list(place.iterdir())) == 3


def ask(hub: pathlib.Path, **other: t.Any) -> dict[str, t.Any]:
    """What hub_state.py is asked for this hub."""
    nothing = {"query": [], "dump": [], "homes": "", "users_directory": str(hub / "users"), "files": []}
    asked = {"directory": str(hub), "staging": str(hub / "cache" / "hub-state"), "hub": "class", "platform": "local"}
    return {**asked, "database": "sqlite", **nothing, **other}


@pytest.fixture
def hub(tmp_path: pathlib.Path) -> pathlib.Path:
    """The directory of a hub with a database, a secret and a user's directory."""
    for name in ("state", "secrets", "etc", "users/ada"):
        (tmp_path / name).mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / "jupyterhub.sqlite")) as database:
        database.executescript(SCHEMA)
    (tmp_path / "state" / "jupyterhub.sqlite.before-6.1.1").write_text("old")
    (tmp_path / "state" / "kept").write_text("kept")
    (tmp_path / "secrets" / "cookie_secret").write_text("c00c1e")
    (tmp_path / "etc" / "finished.json").write_text('{"version": "6.1.1"}')
    return tmp_path


def rows(database: pathlib.Path, query: str) -> list[tuple[t.Any, ...]]:
    """What a query finds."""
    with contextlib.closing(sqlite3.connect(database)) as there:
        return there.execute(query).fetchall()


def test_users_and_servers_come_from_the_database(hub: pathlib.Path) -> None:
    found = script("hub_state", "look", **ask(hub))
    assert (found["users"], found["servers"]) == (["ada", "grace"], [{"user": "ada", "name": ""}])
    assert found["directories"] == [str(hub / "users" / "ada")]
    assert not (hub / "cache").exists(), "expected that a look makes nothing"


def test_what_somebody_writes_meanwhile_is_not_half_in_the_copy(hub: pathlib.Path) -> None:
    with contextlib.closing(sqlite3.connect(hub / "state" / "jupyterhub.sqlite")) as writer:
        writer.execute("INSERT INTO users VALUES (3, 'half')")
        script("hub_state", "copy", **ask(hub))
    copy = hub / "cache" / "hub-state"
    assert rows(copy / "state" / "jupyterhub.sqlite", "SELECT name FROM users") == [("ada",), ("grace",)]
    assert sorted(os.listdir(copy / "state")) == ["jupyterhub.sqlite", "kept"]
    assert (copy / "secrets" / "cookie_secret").read_text() == "c00c1e"
    assert copy.stat().st_mode & 0o077 == 0


def test_a_dump_that_fails_ends_it_with_its_words(hub: pathlib.Path) -> None:
    asked = ask(hub, database="postgresql", dump=["sh", "-c", "echo no such role >&2; exit 1"])
    script("hub_state", "copy", fails="no such role", **asked)


def test_a_damaged_database_is_no_backup(hub: pathlib.Path) -> None:
    file = hub / "state" / "jupyterhub.sqlite"
    file.write_bytes(file.read_bytes()[:4096] + b"\xff" * 8192)
    script("hub_state", "copy", fails="jupyterhub.sqlite can not be read", **ask(hub))


def test_a_directory_without_a_hub_is_told(tmp_path: pathlib.Path) -> None:
    script("hub_state", "look", fails="There is no hub in", **ask(tmp_path))


def test_a_copy_becomes_a_hub_whose_servers_are_forgotten(
    hub: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A service keeps its address. A second restore puts the first one aside."""
    new = tmp_path_factory.mktemp("new")
    certificate = tmp_path_factory.mktemp("tls") / "hub.pem"
    certificate.write_text("certificate")
    for _time in range(2):
        script("hub_state", "copy", **ask(hub, files=[str(certificate)]))
        (hub / "cache" / "hub-state").rename(new / "restored")
        certificate.unlink()
        said = script("place_state", source=str(new / "restored"), directory=str(new), account="")
    assert certificate.read_text() == "certificate"
    assert (new / "secrets" / "cookie_secret").read_text() == "c00c1e"
    assert json.loads((new / "etc" / "finished.json").read_text()) == {"version": "6.1.1"}
    database = new / "state" / "jupyterhub.sqlite"
    assert rows(database, "SELECT server_id, state, started FROM spawners") == [(None, None, None)] * 2
    assert rows(database, "SELECT id FROM servers") == [(1,)]
    assert not (new / "restored").exists()
    aside = pathlib.Path(said["aside"])
    assert sorted(os.listdir(aside)) == ["finished.json", "secrets", "state"]
    assert aside.stat().st_mode & 0o077 == 0


def test_a_dump_of_a_cluster_is_placed_for_a_host(tmp_path: pathlib.Path) -> None:
    """Where there was no state directory; it belongs to the account of the hub here, like all that is placed."""
    source = tmp_path / "restored"
    (source / "etc").mkdir(parents=True)
    (source / "etc" / "finished.json").write_text('{"version": "6.1.1"}')
    record = {"hub": "jupyterhub", "files": [], "account": {"uid": 1000, "gid": 1000, "name": ""}}
    (source / "hub_state.json").write_text(json.dumps(record))
    (source / "database.dump").write_text("dump")
    script("place_state", source=str(source), directory=str(tmp_path), account="", owner=str(os.getuid()))
    dump = tmp_path / "state" / "jupyterhub.restored.dump"
    assert dump.read_text() == "dump" and dump.stat().st_uid == os.getuid()
    assert dump.parent.stat().st_mode & 0o077 == 0


# --- servers that stand still


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[dict[str, t.Any]]:
    """A process as a user's server is one, with a child; and one of the same user at another hub."""
    environment = {"PATH": os.environ["PATH"], "JUPYTERHUB_USER": "ada"}
    command = ["sh", "-c", "sleep 600 & echo $!; wait"]
    mine = {**environment, "JUPYTERHUB_API_URL": API_URL}
    other = {**environment, "JUPYTERHUB_API_URL": "http://127.0.0.1:18398/hub/api"}
    with (
        subprocess.Popen(command, env=mine, stdout=subprocess.PIPE, text=True, start_new_session=True) as server,
        subprocess.Popen(["sleep", "600"], env=other) as foreign,
    ):
        assert server.stdout
        child = int(server.stdout.readline())
        yield {
            "pids": (server.pid, child),
            "foreign": foreign.pid,
            "asked": {
                "mark": str(tmp_path / "cache" / "frozen.json"),
                "docker": ["true"],
                "containers": [],
                "api_url": API_URL,
            },
        }
        os.killpg(server.pid, 9)
        foreign.kill()


def stands_still(pid: int) -> bool:
    """Whether a process is stopped."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def wait_until(condition: t.Callable[[], bool], what: str) -> None:
    """Return as soon as the condition is true."""
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline, f"expected within 90 s: {what}"
        time.sleep(0.05)


def test_a_server_and_its_children_stand_still_until_they_are_let_go(server: dict[str, t.Any]) -> None:
    asked = {**server["asked"], "users": ["ada"], "limit": 600}
    assert script("freeze", "freeze", **asked) == {"containers": [], "processes": 2}
    assert all(map(stands_still, server["pids"]))
    assert not stands_still(server["foreign"]), "expected that servers of another hub go on"
    script("freeze", "thaw", **asked)
    wait_until(lambda: not any(map(stands_still, server["pids"])), "that the server goes on")
    script("freeze", "thaw", **asked)


def test_they_go_on_by_themselves_when_nobody_lets_them(server: dict[str, t.Any]) -> None:
    script("freeze", "freeze", **server["asked"], users=["ada"], limit=1)
    wait_until(lambda: not any(map(stands_still, server["pids"])), "that the watch lets the server go on")


def test_a_run_that_was_killed_is_made_up_for_by_the_next_one(server: dict[str, t.Any]) -> None:
    script("freeze", "freeze", **server["asked"], users=["ada"], limit=600)
    script("freeze", "freeze", **server["asked"], users=["grace"], limit=600)
    wait_until(lambda: not any(map(stands_still, server["pids"])), "that the server goes on")
    script("freeze", "thaw", **server["asked"], users=["grace"], limit=600)
