# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before maintenance: no new servers, and a list of who is still on."""

from __future__ import annotations

import urllib.error

import pytest
from hub_user import HubUser
from installation import Installation, uninterrupted


def test_while_draining_nobody_starts_a_server_and_who_works_goes_on(hub: Installation, alice: HubUser) -> None:
    """The reason is on every page and in the refusal; the next run of site.yml ends it."""
    bob = hub.user("bob")
    bob.stop_server()
    with uninterrupted(alice):
        hub.differs = True
        play = hub.play("drain", drain_message="Back at <noon>.")
    play.must_say("1 servers run", "alice, last active")
    assert "Back at &lt;noon&gt;." in bob.home(), "expected the message, and no HTML of it"
    with pytest.raises(urllib.error.HTTPError) as refused:
        bob.start_server()
    assert refused.value.code == 403
    assert "Back at <noon>." in refused.value.read().decode(), "expected the reason in the refusal"
    hub.play()
    bob.start_server()
    bob.stop_server()
