# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What user servers have in common, wherever they run: names in an inventory, and what it tells. Private to the collection."""

from __future__ import annotations

import dataclasses
import typing as t


@dataclasses.dataclass(frozen=True)
class UserServer:
    """A user server that runs: in a container of an engine, in a pod of a cluster."""

    kind: t.ClassVar[str]

    hub: str
    user: str
    #: Empty for the default server.
    server: str
    name: str  #: of the container or pod
    image: str
    image_id: str
    started_at: str

    @property
    def host(self) -> str:
        """Name of the server in an inventory."""
        return host_name(self.user, self.server, self.hub)

    @property
    def variables(self) -> dict[str, str]:
        """What an inventory tells of it."""
        return {
            "hub_name": self.hub,
            "hub_user": self.user,
            "hub_server": self.server,
            "server_image": self.image,
            "server_image_id": self.image_id,
            "server_started_at": self.started_at,
        }


def host_name(user: str, server: str, hub: str) -> str:
    """``USER@HUB`` or ``USER+SERVER@HUB``.

    Never a name that somebody else's host has: people choose their names themselves, and a server of a user
    ``localhost`` must not get what is meant for that host.
    """
    parts = [user, server] if server else [user]
    return "+".join(map(_harmless, parts)) + f"@{hub}"


def _harmless(text: str) -> str:
    """The text without what host patterns, shells and file names give a meaning: ``%`` and two digits instead."""
    return "".join(
        char if char.isalnum() or char in "._-@" else "".join(f"%{byte:02X}" for byte in char.encode()) for char in text
    )


_Server = t.TypeVar("_Server", bound=UserServer)


def by_host(servers: t.Iterable[_Server]) -> tuple[dict[str, _Server], list[str]]:
    """One of them for each host name, the one that started last, and a sentence for each one that is left out."""
    hosts: dict[str, _Server] = {}
    left_out = []
    for container in sorted(servers, key=lambda found: (found.started_at, found.name)):
        older = hosts.get(container.host)
        if older:
            left_out.append(
                f"{container.kind} {older.name} and {container.name} both run the server {container.host}; {older.name} "
                f"started earlier and is left out. The hub knows only one: look at both, and remove the other."
            )
        hosts[container.host] = container
    return dict(sorted(hosts.items())), left_out
