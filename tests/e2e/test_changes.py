# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing a hub that people use: they notice nothing, and only what has to restart does."""

from __future__ import annotations

import typing as t

import pytest
from hub_user import HubUser
from installation import Installation, uninterrupted, wait_until


def pids(hub: Installation) -> dict[str, int]:
    """Process id of each service."""
    return {service: hub.pid(service) for service in hub.services}


def restarted(before: dict[str, int], after: dict[str, int]) -> set[str]:
    """Services that are other processes than before."""
    assert all(after.values()), f"expected that all services run, these do: {after}"
    return {service for service, pid in before.items() if after[service] != pid}


@pytest.mark.parametrize(
    "change", [{"hub_announcement": "Closed on Friday"}, {"hub_cull_timeout": 7200}], ids=", ".join
)
def test_check_mode_tells_what_would_restart_and_touches_nothing(hub: Installation, change: dict[str, t.Any]) -> None:
    """Foretold before it happens, with the reason."""
    expected = hub.culler if "hub_cull_timeout" in change else "hub"
    files, processes = hub.files(), pids(hub)
    play = hub.play("site", "--check", "--diff", **change)
    for service in hub.services:
        said = f"{service} restarts (" in play.text
        assert said == (service == expected), (
            f"expected that only {expected} would restart; the play said:\n{play.text}"
        )
    assert play.changes, "expected that check mode counts the change"
    assert hub.files() == files, "expected that check mode leaves every file as it is"
    assert pids(hub) == processes, "expected that check mode restarts nothing"


def test_a_changed_setting_restarts_the_hub_only(hub: Installation, alice: HubUser) -> None:
    """The new page is there and nobody was interrupted; the same again changes nothing."""
    before = pids(hub)
    with uninterrupted(alice):
        hub.play(hub_announcement="Closed on Friday")
    assert "Closed on Friday" in alice.home(), "expected the announcement on the home page"
    assert restarted(before, pids(hub)) == {"hub"}
    again = hub.play(hub_announcement="Closed on Friday")
    assert again.changes == 0, f"expected no change at the second run, got {again.changed}"


def test_a_changed_time_of_culling_restarts_the_culler_only(hub: Installation, alice: HubUser) -> None:
    """On one machine the hub does not even notice; where the hub runs the culler, nobody else does."""
    before = pids(hub)
    with uninterrupted(alice):
        hub.play(hub_cull_timeout=7200)
    assert restarted(before, pids(hub)) == {hub.culler}
    wait_until("the culler runs with the new time", lambda: "--timeout=7200" in hub.culling())


def test_restarting_the_hub_interrupts_nobody(hub: Installation, alice: HubUser) -> None:
    """The playbook restarts the hub, and the hub only."""
    before = pids(hub)
    with uninterrupted(alice):
        hub.play("restart_hub")
    assert restarted(before, pids(hub)) == {"hub"}
