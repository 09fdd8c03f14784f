# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs before the hub in its pod, with the databases of two real JupyterHubs."""

from __future__ import annotations

import os
import pathlib
import sqlite3
import subprocess

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
