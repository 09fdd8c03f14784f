# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People come and go, idle servers stop."""

from __future__ import annotations

import pathlib
import urllib.error

import pytest
from hub_user import HubUser
from installation import Installation, uninterrupted, wait_until


def test_who_leaves_the_list_is_out_at_once(hub: Installation, alice: HubUser) -> None:
    """The open session of bob ends and bob can not come back; bob's files stay, and nobody else notices."""
    bob = hub.user("bob")
    bob.start_server()
    bob.write("mine.txt", "still here")
    password = hub.password("bob")
    with uninterrupted(alice):
        hub.play(hub_users=["alice"])
        assert not bob.home(), "expected that bob's open session has ended"
        assert hub.refuses("bob", password), "expected that bob can not sign in again"
        with pytest.raises(urllib.error.HTTPError, match="403|404"):
            bob.request("GET", "/hub/api/users/bob")
    assert hub.users_file("bob", "mine.txt") == "still here"
    assert not hub.runs_server_of("bob"), "expected that bob's server was stopped"
    # Back on the list: the same directory.
    hub.play()
    bob = hub.user("bob")
    bob.start_server()
    assert bob.read("mine.txt") == "still here"
    bob.stop_server()


def test_who_is_no_admin_any_more_loses_the_right_at_once(hub: Installation) -> None:
    """A token that was made before does not help; the person stays a user."""
    admin = hub.user("admin")
    assert admin.request("GET", "/hub/api/users"), "expected that an admin may list people"
    hub.play(hub_users=["alice", "bob", "admin"], hub_admins=["chief"])
    with pytest.raises(urllib.error.HTTPError, match="403"):
        admin.request("GET", "/hub/api/users")
    assert "/hub/admin" not in admin.home(), "expected no link to the admin panel"
    assert not hub.refuses("admin", hub.secret("shared_password")), "expected that the person is a user now"


def test_people_come_from_a_file_too(changed_hub: Installation, tmp_path: pathlib.Path) -> None:
    """One name a line, `admin` after it; comments, blank lines and Windows line ends do no harm."""
    hub = changed_hub
    userlist = tmp_path / "userlist"
    userlist.write_bytes(b"# our class\n\ncarol\n  dave   admin  \r\n\n# erin\n")
    hub.play(hub_userlist=str(userlist))
    assert "/hub/admin" not in hub.user("carol", hub.secret("shared_password")).home()
    assert "/hub/admin" in hub.user("dave", hub.secret("shared_admin_password")).home()
    assert hub.refuses("erin", hub.secret("shared_password")), "expected that a name in a comment is nobody"
    assert not hub.refuses("alice"), "expected that the people of hub_users are still there"


def test_idle_servers_stop_until_culling_is_switched_off(hub: Installation) -> None:
    """A server that nobody uses is stopped; without hub_cull there is no culler."""
    alice = hub.user("alice")
    alice.start_server()
    hub.play(hub_cull_timeout=3, hub_cull_every=1)
    wait_until("the idle server of alice stops", lambda: not alice.server())
    hub.play(hub_cull=False)
    assert not hub.culling(), "expected that no culler runs with hub_cull: false"
