# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notebook images that a Docker engine runs. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _smoke_engine, _smoke_test, _user_containers
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._engine_api import EngineApi, EngineRefused
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_runtimes import Container

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

    def try_out(self, image: str, name: str, trial: _smoke_test.Trial | None) -> _smoke_test.Passed | None:
        """In two containers with a network of their own."""
        _smoke_engine.check_platform(self._engine, image, name)
        if not trial:
            return None
        return _smoke_test.run(_smoke_engine.EngineBench(self._engine, image, name, trial), name, trial)
