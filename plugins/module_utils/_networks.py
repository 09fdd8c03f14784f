# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses in the network of user containers. Private to the collection."""

from __future__ import annotations

import ipaddress

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

# Gateway, hub and proxy in the lower half, and something left for users in the upper one.
_LONGEST_PREFIX = 28


def addresses(subnet: str) -> dict[str, str]:
    """Who has which address: ``gateway``, ``hub``, ``proxy``, and ``users``, the range that the engine gives out.

    The hub's address is its own for good, since rules for packets name it and running user servers keep using it.

    :param subnet: IPv4 network, for example ``172.29.0.0/20``.
    :raises HubError: when it is no IPv4 network or too small.
    """
    try:
        network = ipaddress.IPv4Network(subnet)
    except ValueError as error:
        raise HubError(
            f"The subnet is {subnet!r}; expected an IPv4 network such as 172.29.0.0/20 ({error}).",
            "Set hub_docker_subnet to a private network that nothing else on the host uses.",
        ) from error
    if network.prefixlen > _LONGEST_PREFIX:
        raise HubError(
            f"The subnet {subnet} has {network.num_addresses} addresses; expected at least 16, a /{_LONGEST_PREFIX}.",
            "Set hub_docker_subnet to a larger one: each running user server needs an address in its upper half.",
        )
    return {
        "subnet": str(network),
        "gateway": str(network[1]),
        "hub": str(network[2]),
        "proxy": str(network[3]),
        "users": str(list(network.subnets(prefixlen_diff=1))[1]),
    }
