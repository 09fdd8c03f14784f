# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub as services of systemd."""

from __future__ import annotations

import pytest
from hub_user import HubUser
from installation import Installation, uninterrupted, wait_until


@pytest.mark.parametrize("service", ["hub", "proxy", "culler"])
def test_a_service_runs_now_and_after_a_reboot(hub: Installation, service: str) -> None:
    """Active and enabled."""
    unit = f"{hub.host}-{service}.service"
    states = hub.on_host("systemctl", "show", "--property=ActiveState,UnitFileState", "--value", unit).split()
    assert sorted(states) == ["active", "enabled"], f"expected {unit} active and enabled, it is {states}"


def test_stopping_the_hub_stops_no_server(hub: Installation, alice: HubUser) -> None:
    """Only its main process is stopped; servers and the proxy go on, and the hub finds them again."""
    with uninterrupted(alice):
        proxy = hub.pid("proxy")
        hub.on_host("systemctl", "restart", f"{hub.host}-hub.service")
        wait_until("the hub answers", hub.answers)
        assert hub.pid("proxy") == proxy, "expected that the proxy was left alone"


def test_all_services_come_up_in_whatever_order_they_are_started(hub: Installation) -> None:
    """As at a boot, where nobody waits for anybody."""
    units = [f"{hub.host}-{service}.service" for service in ("culler", "proxy", "hub")]
    hub.on_host("systemctl", "stop", *units)
    hub.on_host("systemctl", "start", "--no-block", *units)
    wait_until("the hub answers", hub.answers)
    bob = hub.user("bob")
    bob.start_server()
    assert bob.kernel().compute("6 * 7") == "42"
    bob.stop_server()
    assert hub.play().changes == 0, "expected that nothing is left to do"
