# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub's state in a PostgreSQL server, which may be away for a while."""

from __future__ import annotations

import subprocess
import typing as t
from collections.abc import Iterator

import pytest
from installation import Installation, uninterrupted

PORT = 18432
PASSWORD = "it's:a\\secret"


class Cluster:
    """A PostgreSQL server of its own, by Debian's commands."""

    def __init__(self, name: str) -> None:
        versions = subprocess.run(
            ["ls", "/usr/lib/postgresql"], capture_output=True, text=True, check=True
        ).stdout.split()
        self.which = (max(versions, key=int), name)

    def drop(self) -> None:
        """Remove it, if there is one."""
        subprocess.run(["pg_dropcluster", "--stop", *self.which], capture_output=True, check=False)

    def create(self) -> None:
        """Make and start it."""
        subprocess.run(["pg_createcluster", *self.which, f"--port={PORT}"], capture_output=True, check=True)
        self.control("start")

    def control(self, what: str) -> None:
        """start or stop."""
        subprocess.run(["pg_ctlcluster", *self.which, what, *(["--mode=fast"] if what == "stop" else [])], check=True)

    def sql(self, text: str, database: str = "postgres") -> str:
        """Run SQL as the superuser."""
        command = ["su", "postgres", "-c", f"psql --port={PORT} --no-align --tuples-only --dbname={database}"]
        done = subprocess.run(command, input=text, cwd="/", capture_output=True, text=True, check=True)
        return done.stdout.strip()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server with a role that may not do more than own one database."""
    cluster = Cluster("hubwright")
    cluster.drop()
    cluster.create()
    quoted = PASSWORD.replace("'", "''")
    cluster.sql(f"CREATE ROLE jupyterhub LOGIN PASSWORD '{quoted}';")
    cluster.sql("CREATE DATABASE jupyterhub OWNER jupyterhub;")
    yield cluster
    cluster.drop()


def test_the_hub_keeps_its_state_in_postgresql(hub: Installation, cluster: Cluster) -> None:
    """Also through a time without its database: the message says what to do, people keep working, the next run is well."""
    database: dict[str, t.Any] = {
        "hub_database": "postgresql",
        "hub_database_host": "127.0.0.1",
        "hub_database_port": PORT,
        "hub_database_password": PASSWORD,
        "hub_database_wait": 5,
    }
    play = hub.play(fails=True, **{**database, "hub_database_password": "wrong"})
    play.must_say(
        "did not let jupyterhub into jupyterhub within 5 s", "The previous configuration is back and the hub answers"
    )
    hub.play(**database)
    alice = hub.user("alice")
    alice.start_server()
    assert "alice" in cluster.sql("SELECT name FROM users;", "jupyterhub").split(), (
        "expected alice in the hub's database"
    )
    script = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'"
    assert PASSWORD not in hub.on_host("sh", "-c", script), (
        "expected the password in no process list and no environment"
    )
    assert PASSWORD not in hub.on_host("cat", f"{hub.directory}/etc/jupyterhub_config.py")
    hub.play("status", **database).must_say("postgresql at 127.0.0.1")
    again = hub.play(**database)
    assert again.changes == 0, f"expected no change at the second run, got {again.changed}"

    with uninterrupted(alice):
        cluster.control("stop")
        play = hub.play(fails=True, hub_announcement="Not yet", **database)
        play.must_say("did not let jupyterhub into jupyterhub within 5 s", "Start the PostgreSQL server")
        cluster.control("start")
        hub.play(hub_announcement="Now", **database)
    assert "Now" in alice.home(), "expected the same session, with the announcement"
    alice.stop_server()
    hub.play()  # its database goes now


def test_its_database_has_to_be_named(hub: Installation) -> None:
    """Refused before anything is touched, with the variables that are missing."""
    before = hub.files()
    hub.play(fails=True, hub_database="postgresql").must_say("hub_database_host", "hub_database_password")
    assert hub.files() == before
