# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that is lost comes back, whatever the platform."""

from __future__ import annotations

from hub_user import HubUser
from installation import Installation


def test_a_file_that_is_lost_comes_back(hub: Installation, alice: HubUser) -> None:
    """One file, while all others stay as they are; nobody is disturbed who was not said to be."""
    alice.write("thesis.txt", "chapter one")
    alice.write("notes.txt", "before")
    started = alice.start_server()["started"]
    play = hub.play("backup")
    play.must_say("hub state", "alice")
    assert alice.start_server()["started"] == started, "expected that a backup leaves servers alone"

    alice.request("DELETE", "/user/alice/api/contents/thesis.txt")
    alice.write("notes.txt", "after")
    lost = {"hub_backup_restore_users": ["alice"], "hub_backup_restore_paths": ["thesis.txt"]}
    hub.play("restore", fails=True, **lost).must_say("the server of alice runs", "hub_backup_restore_stop=true")
    assert alice.start_server()["started"] == started, "expected that a restore that is refused touches nothing"

    hub.play("restore", hub_backup_restore_stop=True, **lost).must_say(
        "alice: ", "files of 20", f"are in {hub.users_directory('alice')}"
    )
    assert alice.server(), "expected that the server was started again"
    assert alice.read("thesis.txt") == "chapter one"
    assert alice.read("notes.txt") == "after", "expected that nothing else is touched"
    assert hub.owner(f"{hub.users_directory('alice')}/thesis.txt") == hub.users_account
