# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pods of a namespace are user servers of a hub, and whose. Private to the collection.

Pure functions of what the cluster's API answers.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._user_servers import UserServer

# What KubeSpawner writes down of a server: the names as they are, not as they are spelled in names of objects.
USER, SERVER = "hub.jupyter.org/username", "hub.jupyter.org/servername"
# The container of the server in its pod, as KubeSpawner calls it.
CONTAINER = "notebook"

Json = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class UserPod(UserServer):
    """A pod that runs a user server."""

    kind: t.ClassVar[str] = "Pods"

    namespace: str
    node: str

    @property
    def variables(self) -> dict[str, str]:
        """What an inventory tells of it."""
        return {
            **super().variables,
            "server_pod": self.name,
            "server_namespace": self.namespace,
            "server_node": self.node,
            "server_container": CONTAINER,
        }


def selector(hub: str) -> str:
    """The labels of a hub's user pods, which the spawner gives them."""
    return f"app={hub},component=singleuser-server"


def user_pod(hub: str, pod: Json) -> UserPod | None:
    """The user server that the cluster describes; None for a pod whose server does not run or that names no user."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    recorded = metadata.get("annotations") or {}
    running = [
        container
        for container in status.get("containerStatuses") or []
        if container["name"] == CONTAINER and "running" in (container.get("state") or {})
    ]
    if not recorded.get(USER) or not running or metadata.get("deletionTimestamp"):
        return None
    return UserPod(
        hub=hub,
        user=recorded[USER],
        server=recorded.get(SERVER, ""),
        name=metadata["name"],
        namespace=metadata["namespace"],
        node=pod["spec"].get("nodeName", ""),
        image=running[0]["image"],
        image_id=running[0]["imageID"],
        started_at=running[0]["state"]["running"]["startedAt"],
    )
