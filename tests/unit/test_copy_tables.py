# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that takes a hub's state to another database, between two files; PostgreSQL is in the scenario upgrade."""

from __future__ import annotations

import pathlib
import sqlite3
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "roles" / "hub_docker" / "files" / "copy_tables.py"
FILL = """
import sys
from jupyterhub import orm
db = orm.new_session_factory(sys.argv[1])()
ada, bob = orm.User(name="ada"), orm.User(name="bob", admin=True)
group = orm.Group(name="class", properties={"room": [1, "ä"]})
group.users.append(ada)
db.add_all([ada, bob, group])
db.commit()
db.add(orm.OAuthClient(identifier="jupyterhub"))
db.commit()
ada.new_api_token(note="hers")
db.add(orm.Spawner(user=ada, name="", state={"object_id": "0d4c"}))
db.commit()
"""


def run(hub: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([hub / "bin" / "python", *arguments], capture_output=True, text=True, check=False)


def rows(path: pathlib.Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""
    with sqlite3.connect(path) as database:
        tables = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        ).fetchall()
        return {
            name: database.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()
            for (name,) in tables
            if name != "alembic_version"
        }


@pytest.fixture
def source(hub_environment: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """A hub's database, with a table that an authenticator keeps there."""
    path = tmp_path / "from.sqlite"
    filled = run(hub_environment, "-c", FILL, f"sqlite:///{path}")
    assert filled.returncode == 0, filled.stderr
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TABLE users_info (id INTEGER NOT NULL PRIMARY KEY, username VARCHAR, password BLOB, is_authorized BOOLEAN)"
        )
        database.execute("INSERT INTO users_info VALUES (7, 'ada', x'00ff', 1)")
    return path


def test_every_row_is_there_afterwards(
    hub_environment: pathlib.Path, source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    target = tmp_path / "to.sqlite"
    before = source.read_bytes()
    done = run(hub_environment, str(SCRIPT), f"sqlite:///{source}", f"sqlite:///{target}")
    assert done.returncode == 0, done.stderr
    assert {"users: 2 rows", "groups: 1 rows", "users_info: 1 rows", "alembic_version: 1 rows"} <= set(
        done.stdout.splitlines()
    )
    assert rows(target) == rows(source)
    assert source.read_bytes() == before
    upgraded = run(
        hub_environment,
        "-c",
        "import sys; from jupyterhub import orm; orm.new_session_factory(sys.argv[1])",
        f"sqlite:///{target}",
    )
    assert upgraded.returncode == 0, f"expected that the hub takes it: {upgraded.stderr}"


def test_a_hubs_state_is_replaced_only_when_told(
    hub_environment: pathlib.Path, source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    target = tmp_path / "to.sqlite"
    copy = [str(SCRIPT), f"sqlite:///{source}", f"sqlite:///{target}"]
    assert run(hub_environment, *copy).returncode == 0
    with sqlite3.connect(source) as database:
        database.execute("DELETE FROM users_info")
    again = run(hub_environment, *copy)
    assert again.returncode == 1
    assert "has a hub's state already" in again.stderr
    assert "users 2" in again.stderr
    assert rows(target)["users_info"], "expected that nothing was touched"
    assert run(hub_environment, *copy, "overwrite").returncode == 0
    assert rows(target) == rows(source)


def test_tables_of_another_release_are_refused(newest_hub_environment: pathlib.Path, tmp_path: pathlib.Path) -> None:
    source, target = tmp_path / "from.sqlite", tmp_path / "to.sqlite"
    assert run(newest_hub_environment, "-c", FILL, f"sqlite:///{source}").returncode == 0
    with sqlite3.connect(source) as database:
        database.execute("UPDATE alembic_version SET version_num = '4621fec11365'")
    done = run(newest_hub_environment, str(SCRIPT), f"sqlite:///{source}", f"sqlite:///{target}")
    assert done.returncode == 1
    assert "which is as it was: Found database schema version 4621fec11365" in done.stderr
