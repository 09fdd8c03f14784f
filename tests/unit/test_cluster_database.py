# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs before the hub in its pod, with the databases of two real JupyterHubs."""

from __future__ import annotations

import glob
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import typing as t

import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / "roles" / "hub_kubernetes" / "files" / "database.py"
OLD, NEW = "HUBWRIGHT_HUB_55", "HUBWRIGHT_HUB_61"
# As a hub does when it starts, with --upgrade-db.
START = """
import logging
import sys
from jupyterhub import dbutil, orm
dbutil.upgrade_if_needed(sys.argv[1], backup=False, log=logging.getLogger())
session = orm.new_session_factory(sys.argv[1])()
if not session.query(orm.User).filter_by(name=sys.argv[2]).first():
    session.add(orm.User(name=sys.argv[2]))
    session.commit()
"""


def python(environment: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = pathlib.Path(os.environ.get(environment, "")) / "bin" / "python"
    if not program.exists():
        pytest.fail(f"{environment} names no environment of a hub; run `make test-unit`")
    # The upgrade calls a program of the same environment.
    variables = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    return subprocess.run([str(program), *arguments], capture_output=True, text=True, check=False, env=variables)


def start(environment: str, folder: pathlib.Path, user: str) -> None:
    done = python(environment, "-c", START, f"sqlite:///{folder}/jupyterhub.sqlite", user)
    assert done.returncode == 0, done.stderr


def step(environment: str, folder: pathlib.Path, what: str) -> subprocess.CompletedProcess[str]:
    return python(environment, str(SCRIPT), str(folder), f"sqlite:///{folder}/jupyterhub.sqlite", "5", what)


def users(path: pathlib.Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM users ORDER BY name")]


def names(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_without_a_database_there_is_nothing_to_do(tmp_path: pathlib.Path) -> None:
    for what in ("copy", "put-back"):
        assert step(NEW, tmp_path, what).returncode == 0
    assert names(tmp_path) == []


def test_no_upgrade_no_copy(tmp_path: pathlib.Path) -> None:
    start(NEW, tmp_path, "ada")
    for what in ("copy", "put-back"):
        assert step(NEW, tmp_path, what).returncode == 0
    assert names(tmp_path) == ["jupyterhub.sqlite"]


def test_a_copy_is_made_before_an_upgrade_and_put_back_for_the_old_hub(tmp_path: pathlib.Path) -> None:
    start(OLD, tmp_path, "ada")
    copied = step(NEW, tmp_path, "copy")
    assert copied.returncode == 0 and "copied first" in copied.stdout
    assert names(tmp_path) == ["jupyterhub.sqlite", "jupyterhub.sqlite.before-6.1.1"]
    start(NEW, tmp_path, "bob")
    # The old hub can not use it now, and a start that is no way back changes nothing.
    assert step(OLD, tmp_path, "copy").returncode == 0
    assert users(tmp_path / "jupyterhub.sqlite") == ["ada", "bob"]
    back = step(OLD, tmp_path, "put-back")
    assert back.returncode == 0, back.stdout + back.stderr
    assert users(tmp_path / "jupyterhub.sqlite") == ["ada"]
    (aside,) = tmp_path.glob("jupyterhub.sqlite.set-aside-*")
    assert users(aside) == ["ada", "bob"]
    start(OLD, tmp_path, "cyd")
    # Once more, as when the pod is started again: what happened since stays.
    assert step(OLD, tmp_path, "put-back").returncode == 0
    assert users(tmp_path / "jupyterhub.sqlite") == ["ada", "cyd"]


def test_a_newer_database_without_a_copy_is_left_as_it_is(tmp_path: pathlib.Path) -> None:
    start(NEW, tmp_path, "ada")
    done = step(OLD, tmp_path, "put-back")
    assert done.returncode != 0 and "There is no copy of the database from before." in done.stderr
    assert users(tmp_path / "jupyterhub.sqlite") == ["ada"]


def test_a_database_that_does_not_answer_is_waited_for_and_named(tmp_path: pathlib.Path) -> None:
    url = "postgresql+psycopg2://hub@127.0.0.1:9/hub"
    done = python(NEW, str(SCRIPT), str(tmp_path), url, "0", "copy")
    assert done.returncode != 0 and "The database did not answer within 0 s" in done.stderr


# --- what the programs of PostgreSQL do, with a database of their own


class Postgres:
    """PostgreSQL that only answers at a socket, and the directory that the hub's pod has."""

    def __init__(self, folder: pathlib.Path, programs: str) -> None:
        self._programs = programs
        self.folder = folder / "hub"
        self.folder.mkdir()
        self._data = folder / "data"
        shutil.chown(folder, "postgres")
        self._as_owner("initdb", "--auth=trust", "--username=postgres", "--no-sync", f"--pgdata={self._data}")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        self._as_owner("pg_ctl", f"--pgdata={self._data}", f"--options={options}", "--log=/dev/null", "--wait", "start")
        self.environment = {
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PGHOST": str(folder),
            "PGUSER": "hub",
            "PGDATABASE": "hub",
        }
        self.run("CREATE ROLE hub LOGIN", "CREATE DATABASE hub OWNER hub", user="postgres", database="postgres")

    def _as_owner(self, program: str, *arguments: str) -> None:
        command = ["runuser", "-u", "postgres", "--", f"{self._programs}/{program}", *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    def stop(self) -> None:
        """Let it end."""
        self._as_owner("pg_ctl", f"--pgdata={self._data}", "--mode=immediate", "stop")

    def run(self, *statements: str, user: str = "hub", database: str = "hub") -> list[str]:
        """What statements answer, a line each row."""
        words = [word for statement in statements for word in ("-c", statement)]
        command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", user, "-d", database, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=self.environment)
        return done.stdout.splitlines()

    def fill(self, *users: str) -> None:
        """A hub's tables, with these people; the server of the first runs."""
        self.run(
            "DROP TABLE IF EXISTS spawners, servers, users",
            "CREATE TABLE users (id serial PRIMARY KEY, name text)",
            "CREATE TABLE servers (id serial PRIMARY KEY, port int)",
            "CREATE TABLE spawners (id serial, server_id int REFERENCES servers ON DELETE SET NULL, state text, started text)",
            *(f"INSERT INTO users (name) VALUES ('{user}')" for user in users),
            "INSERT INTO servers (port) VALUES (8888), (8081)",
            "INSERT INTO spawners (server_id, state, started) VALUES (1, '{}', 'today')",
        )

    def dump(self, name: str) -> None:
        """A copy of the database in the pod's directory."""
        command = ["pg_dump", "--format=custom", f"--file={self.folder / name}"]
        subprocess.run(command, check=True, env=self.environment)

    def step(self) -> subprocess.CompletedProcess[str]:
        """What the pod does before the hub starts."""
        command = ["sh", str(SCRIPT.with_name("database_copy.sh")), str(self.folder)]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=self.environment)

    def users(self) -> list[str]:
        """Names in the database."""
        return self.run("SELECT name FROM users ORDER BY name")


@pytest.fixture
def postgres() -> t.Iterator[Postgres]:
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not programs or os.geteuid():
        pytest.fail("this takes root, and PostgreSQL below /usr/lib/postgresql")
    with tempfile.TemporaryDirectory(prefix="hubwright-") as folder:  # a socket's path must be short
        found = Postgres(pathlib.Path(folder), programs[-1])
        try:
            yield found
        finally:
            found.stop()


def test_nothing_is_done_unasked(postgres: Postgres) -> None:
    postgres.fill("ada")
    assert postgres.step().returncode == 0
    assert postgres.users() == ["ada"] and names(postgres.folder) == []


def test_a_copy_of_another_hub_takes_the_place_of_the_database(postgres: Postgres) -> None:
    """Servers of before are forgotten, the hub's own is not, and what was there is kept."""
    postgres.fill("ada", "bob")
    postgres.dump("jupyterhub.restored.dump")
    postgres.fill("new")
    done = postgres.step()
    assert done.returncode == 0, done.stderr
    assert postgres.users() == ["ada", "bob"]
    assert postgres.run("SELECT port FROM servers") == ["8081"]
    assert postgres.run("SELECT server_id, state, started FROM spawners") == ["||"]
    assert names(postgres.folder) == ["before-restore.dump"]
    postgres.run("INSERT INTO users (name) VALUES ('cyd')")
    assert postgres.step().returncode == 0
    assert "cyd" in postgres.users()


@pytest.mark.parametrize(("name", "mark"), [("jupyterhub.restored.dump", ""), ("before.dump", "put-back-wanted")])
def test_a_copy_that_can_not_be_read_changes_nothing(postgres: Postgres, name: str, mark: str) -> None:
    postgres.run("CREATE TABLE large AS SELECT md5(i::text) FROM generate_series(1, 20000) i")
    postgres.dump(name)
    copy = postgres.folder / name
    copy.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
    postgres.fill("ada")
    if mark:
        (postgres.folder / mark).touch()
    assert postgres.step().returncode != 0
    assert postgres.users() == ["ada"]
    assert {name, mark or name} <= set(names(postgres.folder)), "expected that the next start tries again"


def test_what_a_newer_hub_did_is_put_back(postgres: Postgres) -> None:
    postgres.fill("ada")
    (postgres.folder / "copy-wanted").touch()
    assert postgres.step().returncode == 0
    postgres.fill("bob")
    (postgres.folder / "put-back-wanted").touch()
    assert postgres.step().returncode == 0
    assert postgres.users() == ["ada"]
    assert names(postgres.folder) == ["before.dump"]
