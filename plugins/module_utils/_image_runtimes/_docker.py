# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notebook images that a Docker engine runs. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _user_containers
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._engine_api import EngineApi, EngineRefused
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_runtimes import Container

if t.TYPE_CHECKING:
    from ansible_collections.hubwright.jupyterhub.plugins.module_utils._smoke_test import Passed, Trial

Json = dict[str, t.Any]

# A container that was made and not started yet is one that somebody is starting.
_STOPPED = ("exited", "dead")


class DockerRuntime:
    """A ``Runtime``.

    :param hub: whose user servers are meant; empty: of none.
    :param prefix: what the names of user containers begin with, without the dash after it.
    """

    def __init__(self, engine: EngineApi, hub: str, prefix: str) -> None:
        self._engine = engine
        self._hub = hub
        self._prefix = prefix

    def containers(self) -> list[Container]:
        """By one question to the engine."""
        found = [self._container(row) for row in self._engine.containers()]
        return sorted(found, key=lambda container: container.name)

    def _container(self, row: Json) -> Container:
        name = str((row.get("Names") or [row["Id"][:12]])[0]).removeprefix("/")
        # By the label of the hub or, without one, by network and name.
        label = (row.get("Labels") or {}).get(_user_containers.HUB_LABEL)
        networks = (row.get("NetworkSettings") or {}).get("Networks") or {}
        return Container(
            id=row["Id"],
            name=name,
            image=row["ImageID"],
            state=row["State"],
            stopped=row["State"] in _STOPPED,
            of_hub=bool(self._hub)
            and name.startswith(f"{self._prefix}-")
            and (label == self._hub if label else self._hub in networks),
        )

    def owner(self, container: Container) -> tuple[str, str]:
        """By the container's environment."""
        try:
            inspected = self._engine.get(f"/containers/{container.id}/json", "show a container")
        except EngineRefused as error:
            if error.status == 404:
                return "", ""
            raise
        found = _user_containers.user_container(self._hub, inspected)
        return (found.user, found.server) if found else ("", "")

    def remove(self, container: Container) -> bool:
        """Without force, and with its nameless volumes kept."""
        try:
            self._engine.delete(f"/containers/{container.id}", "remove a stopped container", force="false", v="false")
        except EngineRefused as error:
            if error.status == 404:
                return True
            if error.status == 409:
                return False
            raise
        return True

    def try_out(self, image: str, name: str, trial: Trial | None) -> Passed | None:
        """In two containers with a network of their own."""
        _check_platform(self._engine, image, name)
        if not trial:
            return None
        # Most calls test nothing, and need not load what does.
        from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _smoke_engine, _smoke_test

        return _smoke_test.run(_smoke_engine.EngineBench(self._engine, image, name, trial), name, trial)


def _check_platform(engine: EngineApi, image: str, name: str) -> None:
    """An image of another architecture may run in emulation, slowly, or not at all.

    :raises HubError: it is for another kind of machine.
    """
    own = engine.get("/version", "say its version")
    found = engine.image(image) or {}
    wanted, has = (f"{each.get('Os')}/{each.get('Arch') or each.get('Architecture')}" for each in (own, found))
    if wanted != has:
        raise HubError(
            f"The image {name} is made for {has}, expected {wanted}, which the engine runs on.",
            f"Build or pull it for this machine, for example with --platform {wanted}.",
        )
