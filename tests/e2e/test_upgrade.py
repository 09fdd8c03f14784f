# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new JupyterHub under people who are at work."""

from __future__ import annotations

from installation import Installation, uninterrupted


def test_a_new_version_keeps_sessions_servers_and_files(installation: Installation) -> None:
    """An upgrade that fails goes back, database and all; one that succeeds interrupts nobody and keeps a copy to go back to."""
    hub = installation
    alice = hub.user("alice")
    alice.start_server()
    alice.write("before.txt", hub.version)
    with uninterrupted(alice):
        play = hub.play(fails=True, hub_version="6.1.1", hub_extra_config=hub.failing_at_start())
        play.must_say("the licence server is away", "The previous configuration is back and the hub answers")
    hub.play("status").must_say(hub.version)
    assert not hub.refuses("bob"), f"expected that people can sign in to {hub.version} again"

    with uninterrupted(alice):
        hub.play(hub_version="6.1.1")
    hub.play("status", hub_version="6.1.1").must_say("6.1.1")
    assert hub.on_host("ls", f"{hub.directory}/state/jupyterhub.sqlite.before-6.1.1"), (
        "expected a copy of the database of before"
    )
    assert alice.read("before.txt") == hub.version
    alice.stop_server()
    alice.start_server()
    assert alice.read("before.txt") == hub.version
    assert alice.kernel().compute("import jupyterhub; jupyterhub.__version__") == "'6.1.1'", (
        "expected a server of the new version"
    )
    again = hub.play(hub_version="6.1.1")
    assert again.changes == 0, f"expected no change at the second run, got {again.changed}"
    hub.differs = False  # there is no way back to the version of before
