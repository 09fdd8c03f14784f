# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses in the network of user containers."""

from __future__ import annotations

import ipaddress

import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._networks import addresses


def test_everybody_has_an_address() -> None:
    assert addresses("172.29.16.0/20") == {
        "subnet": "172.29.16.0/20",
        "gateway": "172.29.16.1",
        "hub": "172.29.16.2",
        "proxy": "172.29.16.3",
        "users": "172.29.24.0/21",
    }


@pytest.mark.parametrize("subnet", ["10.0.0.0/8", "192.168.7.0/24", "192.168.7.16/28"])
def test_no_user_container_gets_the_address_of_the_hub(subnet: str) -> None:
    found = addresses(subnet)
    fixed = [ipaddress.ip_address(found[name]) for name in ("gateway", "hub", "proxy")]
    assert len(set(fixed)) == 3
    assert all(address in ipaddress.ip_network(subnet) for address in fixed)
    assert not any(address in ipaddress.ip_network(found["users"]) for address in fixed)


@pytest.mark.parametrize(
    ("subnet", "said"),
    [
        ("172.29.0.1/20", "expected an IPv4 network"),
        ("everywhere", "expected an IPv4 network"),
        ("fd00::/64", "expected an IPv4 network"),
        ("172.29.0.0/29", "has 8 addresses; expected at least 16"),
    ],
)
def test_what_is_no_usable_network_is_refused(subnet: str, said: str) -> None:
    with pytest.raises(HubError, match=said) as refused:
        addresses(subnet)
    assert "hub_docker_subnet" in str(refused.value)
