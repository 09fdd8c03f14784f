# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new JupyterHub under people who are at work in containers, and the way back."""

from __future__ import annotations

import json
import typing as t
import urllib.request

from installation import PATIENCE, Installation, uninterrupted

NEW = "6.1.1"
# What no check can foresee: it fails in the hub's own container only, and after the tables were changed.
_FAILING = """\
import os, sys
from jupyterhub.app import JupyterHub

async def ask_for_a_licence(self):
    sys.exit("the licence server is away")

if "DOCKER_HOST" in os.environ:
    JupyterHub.init_users = ask_for_a_licence
"""
FAILING = {"licence": _FAILING}


def compose(hub: Installation, *arguments: str) -> str:
    """Run docker compose in the hub's project."""
    return hub.on_host("docker", "compose", "--project-directory", hub.directory, *arguments)


def version(hub: Installation) -> str:
    """What the hub says it is."""
    with urllib.request.urlopen(f"{hub.url}/hub/api/", timeout=PATIENCE) as answer:
        return str(json.load(answer)["version"])


def names_in(hub: Installation, database: str) -> list[str]:
    """Users in a SQLite database of the hub."""
    script = "import sqlite3, sys; print(*(row[0] for row in sqlite3.connect(sys.argv[1]).execute('SELECT name FROM users')))"
    return hub.on_host("python3", "-c", script, f"{hub.directory}/state/{database}").split()


def test_volumes_of_an_older_spawner_are_not_orphaned(installation: Installation) -> None:
    """Whoever would find an empty directory is named before anything is touched; so is the way to keep the old one."""
    hub = installation
    old = f"{hub.host}-user-ann_2Elee"
    hub.on_host("docker", "volume", "create", old)
    before = hub.files()
    people: t.Any = ["alice", "bob", "ann.lee"]
    hub.play(fails=True, hub_version=NEW, hub_users=people).must_say(
        f"{old} of ann.lee", "escape: legacy", "hub_docker_old_volumes_accepted"
    )
    assert hub.files() == before
    hub.play("site", "--check", hub_users=people, hub_docker_old_volumes_accepted=True).must_say(
        f"The volume {old} is nobody's", f"today it is {hub.host}-user-ann-2elee"
    )
    assert old in hub.on_host("docker", "volume", "ls", "--quiet").split()
    hub.on_host("docker", "volume", "rm", old)


def test_a_new_version_keeps_sessions_servers_and_files(installation: Installation) -> None:
    """An upgrade that fails goes back, database and all; one that succeeds interrupts nobody and can be taken back."""
    hub = installation
    alice = hub.user("alice")
    alice.start_server()
    alice.write("before.txt", hub.version)
    with uninterrupted(alice):
        play = hub.play(fails=True, hub_version=NEW, hub_extra_config=FAILING)
        play.must_say("the licence server is away", "The previous configuration is back and the hub answers")
    assert version(hub) == hub.version
    # The next run has to make a copy of its own.
    assert not hub.refuses("bob"), f"expected that people can sign in to {hub.version} again"

    with uninterrupted(alice):
        hub.play(hub_version=NEW)
    assert version(hub) == NEW
    assert "bob" in names_in(hub, f"jupyterhub.sqlite.before-{NEW}"), "expected a copy of what the hub knew last"
    assert alice.read("before.txt") == hub.version
    alice.stop_server()
    alice.start_server()
    assert alice.read("before.txt") == hub.version
    assert alice.kernel().compute("import jupyterhub; jupyterhub.__version__") == f"'{NEW}'", "expected the new image"
    again = hub.play(hub_version=NEW)
    assert again.changes == 0, f"expected no change at the second run, got {again.changed}"

    before = hub.files()
    hub.play(fails=True).must_say(f"the hub is {NEW}", "Nothing was touched", "hub_docker_downgrade_accepted")
    assert hub.files() == before

    # As docs/upgrade.md says it.
    alice.stop_server()
    compose(hub, "stop", "hub")
    state = f"{hub.directory}/state"
    hub.on_host("cp", "-p", f"{state}/jupyterhub.sqlite.before-{NEW}", f"{state}/jupyterhub.sqlite")
    hub.play(hub_docker_downgrade_accepted=True)
    assert version(hub) == hub.version
    assert alice.home(), "expected the session of before"
    hub.differs = False
