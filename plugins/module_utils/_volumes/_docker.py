# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker volumes, where the engine keeps them on this host. Private to the collection."""

from __future__ import annotations

import contextlib
import os
import re
import typing as t
import urllib.parse

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _volumes
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._engine_api import EngineApi, EngineRefused
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")


class DockerVolume:
    """A volume of an engine.

    :raises HubError: the name is none.
    """

    kind = "docker"

    def __init__(self, engine: EngineApi, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise HubError(f"volume is {name!r}, expected the name of a Docker volume: letters, digits, '_', '.', '-'.")
        self.reference = name
        self._engine = engine

    def opened(self) -> contextlib.AbstractContextManager[int]:
        """A descriptor of what a container sees in it."""
        found = self._inspect()
        if found is None:
            raise HubError(f"There is no Docker volume {self.reference}.")
        return _volumes.opened(self._mount_point(found), f"The Docker volume {self.reference}")

    def place(self, create: bool) -> str:
        """The path that the engine mounts into containers."""
        found = self._inspect()
        if found is None:
            if not create:
                return ""
            self._engine.post("/volumes/create", f"create the volume {self.reference}", {"Name": self.reference})
            found = self._inspect()
        return self._mount_point(t.cast("dict[str, t.Any]", found))

    def _inspect(self) -> dict[str, t.Any] | None:
        try:
            found: dict[str, t.Any] = self._engine.get(
                f"/volumes/{urllib.parse.quote(self.reference)}", f"show the volume {self.reference}"
            )
        except EngineRefused as error:
            if error.status == 404:
                return None
            raise
        return found

    def _mount_point(self, found: t.Mapping[str, t.Any]) -> str:
        path: str = found["Mountpoint"]
        if found["Driver"] != "local" or found.get("Options"):
            raise HubError(
                f"The Docker volume {self.reference} has driver {found['Driver']} with options {found.get('Options') or {}}; "
                "only volumes that the engine keeps on its own disk can be backed up here.",
                "Back up what it mounts as a directory (option path).",
            )
        if not os.path.isdir(path):
            raise HubError(
                f"The Docker volume {self.reference} is at {path}, which this process can not see.",
                "Run this as root on the host of the engine.",
            )
        return path
