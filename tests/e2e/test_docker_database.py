# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub's state in PostgreSQL beside the hub: moved there, restarted, killed, upgraded."""

from __future__ import annotations

import typing as t

from hub_user import HubUser
from installation import Installation, uninterrupted, wait_until
from test_docker_upgrade import FAILING, NEW, compose

DATABASE: dict[str, t.Any] = {"hub_database": "postgresql"}
MOVE = "move_to_postgresql"


def sql(hub: Installation, text: str) -> str:
    """Run SQL in the hub's database, as its superuser."""
    psql = ["psql", "--username=postgres", "--dbname=jupyterhub", "--no-align", "--tuples-only", f"--command={text}"]
    return compose(hub, "exec", "-T", "database", *psql)


def sqlite(hub: Installation, text: str) -> None:
    """Change the hub's SQLite database."""
    script = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1], timeout=30); d.execute(sys.argv[2]); d.commit()"
    hub.on_host("python3", "-c", script, f"{hub.directory}/state/jupyterhub.sqlite", text)


def works(hub: Installation, person: HubUser) -> bool:
    """Whether the hub answers this person out of its database, with the token of before."""
    try:
        return bool(person.request("GET", f"/hub/api/users/{person.name}")["name"] == person.name)
    except OSError:
        return False


def test_the_state_moves_and_nobody_notices(installation: Installation) -> None:
    """Users, sessions, tokens and running servers are in PostgreSQL afterwards; a move that fails leaves the hub on SQLite."""
    hub = installation
    alice = hub.user("alice")
    alice.start_server()
    hub.play(fails=True, **DATABASE).must_say("the hub keeps its state in sqlite", "move_to_postgresql.yml")
    file = f"{hub.directory}/state/jupyterhub.sqlite"
    with uninterrupted(alice):
        # SQLite takes it, PostgreSQL does not.
        sqlite(hub, f"INSERT OR REPLACE INTO groups (id, name, properties) VALUES (4711, '{'x' * 300}', '{{}}')")
        play = hub.play(MOVE, fails=True, **DATABASE)
        play.must_say("could not be copied", "value too long", "The previous configuration is back and the hub answers")
        sqlite(hub, "DELETE FROM groups WHERE id = 4711")
        assert works(hub, alice), "expected that the hub goes on with SQLite"

        hub.play(MOVE, **DATABASE).must_say("users: ")
    before = hub.on_host("sha256sum", file)
    assert works(hub, alice), "expected that the token is still valid"
    assert "alice" in sql(hub, "SELECT name FROM users").split()
    bob = hub.user("bob")
    assert "bob" in sql(hub, "SELECT name FROM users").split(), "expected that new users get a number of their own"
    assert works(hub, bob)
    again = hub.play(MOVE, **DATABASE)
    assert again.changes == 0, f"expected no change at the second run, got {again.changed}"
    assert hub.on_host("sha256sum", file) == before, "expected that the SQLite file is left as it is"

    # As docs/database.md says it, and forth again.
    hub.play(hub_docker_other_database_accepted=True)
    assert works(hub, alice), "expected the hub on SQLite as it was left"
    hub.play(MOVE, fails=True, **DATABASE).must_say("has a hub's state already", "hub_docker_overwrite_database")
    assert works(hub, alice), "expected that the hub goes on with SQLite"
    hub.play(MOVE, hub_docker_overwrite_database=True, **DATABASE)


def test_its_password_is_nowhere_to_be_seen(installation: Installation) -> None:
    hub = installation
    password = hub.secret("database_password")
    assert password
    assert hub.on_host("stat", "--format=%a", f"{hub.directory}/secrets/database_password") == "600"
    seen = hub.on_host("sh", "-c", 'docker inspect $(docker ps --quiet --filter "name=$0-")', hub.host)
    seen += hub.on_host("cat", f"{hub.directory}/compose.yaml", f"{hub.directory}/etc/jupyterhub_config.py")
    seen += hub.on_host("sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'")
    seen += compose(hub, "logs", "hub", "database")
    assert "database" in seen
    assert password not in seen
    assert sql(hub, "SELECT rolsuper FROM pg_roles WHERE rolname = 'jupyterhub'") == "f"


def test_a_database_that_goes_away_comes_back(installation: Installation) -> None:
    """Nobody at work notices, whether it is restarted or killed; the hub finds it again by itself."""
    hub = installation
    alice = hub.user("alice")
    alice.start_server()
    with uninterrupted(alice):
        compose(hub, "restart", "database")
        wait_until("the hub answers out of its database", lambda: works(hub, alice))
        container = compose(hub, "ps", "--quiet", "database")
        hub.kill(int(hub.on_host("docker", "inspect", "--format={{.State.Pid}}", container)))
        wait_until("the hub answers out of its database", lambda: works(hub, alice))
        assert not hub.refuses("bob"), "expected that people can sign in"


def test_another_major_version_is_refused(installation: Installation) -> None:
    """Before the database is touched, with the way out. The image only says that it is another one."""
    hub = installation
    image = f"{hub.host}-postgres:99"
    recipe = "FROM 127.0.0.1:5000/library/postgres:15\nRUN printf '#!/bin/sh\\necho postgres \\(PostgreSQL\\) 99.1\\n' >$(command -v postgres)\n"
    hub.on_host("sh", "-c", 'printf "%s" "$0" | docker build --quiet --tag "$1" -', recipe, image)
    before = hub.files()
    play = hub.play(fails=True, hub_docker_database_image=image, **DATABASE)
    play.must_say("are of PostgreSQL 15", "is PostgreSQL 99", "pg_dump")
    assert hub.files() == before
    hub.on_host("docker", "image", "rm", image)


def test_a_new_version_changes_the_tables_or_puts_them_back(installation: Installation) -> None:
    hub = installation
    alice = hub.user("alice")
    alice.start_server()
    with uninterrupted(alice):
        revision = sql(hub, "SELECT version_num FROM alembic_version")
        play = hub.play(fails=True, hub_version=NEW, hub_extra_config=FAILING, hub_docker_start_timeout=30, **DATABASE)
        play.must_say("the licence server is away", "The previous configuration is back and the hub answers")
        assert sql(hub, "SELECT version_num FROM alembic_version") == revision
        assert works(hub, alice)

        hub.play(hub_version=NEW, **DATABASE)
    assert sql(hub, "SELECT version_num FROM alembic_version") != revision
    assert hub.on_host("stat", "--format=%a", f"{hub.directory}/state/jupyterhub.before-{NEW}.dump") == "600"
    again = hub.play(hub_version=NEW, **DATABASE)
    assert again.changes == 0, f"expected no change at the second run, got {again.changed}"
    hub.differs = False  # the end of the scenario
