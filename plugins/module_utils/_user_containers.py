# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers of an engine are user servers of a hub, and whose. Private to the collection.

Pure functions of what the engine's API answers.
"""

from __future__ import annotations

import dataclasses
import typing as t

HUB_LABEL = "hubwright.hub"
# The only two names that are ever looked at in a container's environment, which holds the server's token too.
USER, SERVER = "JUPYTERHUB_USER", "JUPYTERHUB_SERVER_NAME"

Json = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class UserContainer:
    """A container that runs a user server."""

    kind: t.ClassVar[str] = "Containers"

    hub: str
    user: str
    #: Empty for the default server.
    server: str
    name: str
    container_id: str
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
            "server_container": self.name,
            "server_container_id": self.container_id,
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


def candidates(hub: str, listed: t.Iterable[Json]) -> list[str]:
    """Ids of the running containers, of the engine's list, that may be user servers of ``hub``."""
    return [row["Id"] for row in listed if row["State"] == "running" and _belongs(hub, row)]


def _belongs(hub: str, row: Json) -> bool:
    label = (row.get("Labels") or {}).get(HUB_LABEL)
    if label is not None:
        return bool(label == hub)
    # Without a label: the network too, since names of the hub `lab-2` begin like those of the hub `lab`.
    networks = (row.get("NetworkSettings") or {}).get("Networks") or {}
    return hub in networks and any(name.startswith(f"/{hub}-") for name in row.get("Names") or [])


def user_container(hub: str, inspected: Json) -> UserContainer | None:
    """The user server that the engine describes, None for a container that no spawner made, such as the hub's own."""
    config = inspected["Config"]
    entries = (entry.partition("=") for entry in config.get("Env") or [])
    known = {name: value for name, _equals, value in entries if name in (USER, SERVER)}
    if not known.get(USER):
        return None
    return UserContainer(
        hub=hub,
        user=known[USER],
        server=known.get(SERVER, ""),
        name=inspected["Name"].removeprefix("/"),
        container_id=inspected["Id"],
        image=config["Image"],
        image_id=inspected["Image"],
        started_at=inspected["State"]["StartedAt"],
    )


class Running(t.Protocol):
    """What runs a user server: a container of an engine, a pod of a cluster."""

    kind: t.ClassVar[str]

    @property
    def name(self) -> str: ...

    @property
    def started_at(self) -> str: ...

    @property
    def host(self) -> str: ...

    @property
    def variables(self) -> dict[str, str]: ...


_Server = t.TypeVar("_Server", bound=Running)


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
