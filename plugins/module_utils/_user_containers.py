# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers of an engine are user servers of a hub, and whose. Private to the collection.

Pure functions of what the engine's API answers.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._user_servers import UserServer

HUB_LABEL = "hubwright.hub"
# The only two names that are ever looked at in a container's environment, which holds the server's token too.
USER, SERVER = "JUPYTERHUB_USER", "JUPYTERHUB_SERVER_NAME"

Json = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class UserContainer(UserServer):
    """A container that runs a user server."""

    kind: t.ClassVar[str] = "Containers"

    container_id: str

    @property
    def variables(self) -> dict[str, str]:
        """What an inventory tells of it."""
        return {
            **super().variables,
            "server_container": self.name,
            "server_container_id": self.container_id,
        }


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
