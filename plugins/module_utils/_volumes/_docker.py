# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker volumes: where the engine keeps them on this host, or in a container. Private to the collection."""

from __future__ import annotations

import contextlib
import os
import re
import typing as t
import urllib.parse

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _volumes
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._engine_api import EngineApi, EngineRefused
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volumes import _mounted

if t.TYPE_CHECKING:
    from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _helper_session

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
Found = dict[str, t.Any]


class Engine:
    """An engine with its volumes, which it is asked for once.

    :param socket: its path; empty for what the environment says, which may be an engine elsewhere.
    :param helper: ``auto``, ``always`` or ``never`` in a container.
    :param image: for that container.
    """

    def __init__(self, socket: str, helper: str, image: str) -> None:
        self.api = EngineApi(socket, anywhere=True)
        self.image = image
        self._helper = helper
        self._volumes: dict[str, Found] | None = None

    def listed(self, name: str) -> Found | None:
        """What was there when the engine was asked."""
        if self._volumes is None:
            found = self.api.get("/volumes", "list its volumes")
            self.api.close()  # processes that work side by side must not share it
            self._volumes = {each["Name"]: each for each in found["Volumes"] or []}
        return self._volumes.get(name)

    def find(self, name: str) -> Found | None:
        """What is there now."""
        try:
            found: Found = self.api.get(f"/volumes/{urllib.parse.quote(name)}", f"show the volume {name}")
        except EngineRefused as error:
            if error.status == 404:
                return None
            raise
        return found

    def create(self, name: str) -> Found:
        """A volume that may be there already."""
        self.api.post("/volumes/create", f"create the volume {name}", {"Name": name})
        return t.cast("Found", self.find(name))

    def volume(self, name: str) -> _volumes.Volume:
        """A volume, the way that it can be had.

        :raises HubError: the name is none.
        """
        if not _NAME.fullmatch(name):
            raise HubError(f"volume is {name!r}, expected the name of a Docker volume: letters, digits, '_', '.', '-'.")
        return HeldVolume(self, name) if self._held(name) else DockerVolume(self, name)

    def _held(self, name: str) -> bool:
        if self._helper != "auto":
            return self._helper == "always"
        # Whoever is not root would read some of the files only, and may not give files to others.
        if self.api.away or os.geteuid():
            return True
        try:
            found = self.listed(name)
            if found:
                return bool(_elsewhere(found))
            return not os.path.isdir(self.api.get("/info", "say what it is")["DockerRootDir"])
        except HubError:  # said for each volume, when it is its turn
            return False


def _elsewhere(found: Found) -> str:
    """Why this host has not the files of a volume; empty when it has."""
    if found["Driver"] != "local" or found.get("Options"):
        return f"has driver {found['Driver']} with options {found.get('Options') or {}}"
    if not os.path.isdir(found["Mountpoint"]):
        return f"is at {found['Mountpoint']}, which this process can not see"
    return ""


class DockerVolume:
    """A volume that the engine keeps on the disk of this host."""

    kind = "docker"

    def __init__(self, engine: Engine, name: str) -> None:
        self.reference = name
        self._engine = engine

    def opened(self) -> contextlib.AbstractContextManager[int]:
        """A descriptor of what a container sees in it."""
        found = self._engine.listed(self.reference)
        if found is None:
            raise HubError(f"There is no Docker volume {self.reference}.")
        return _volumes.opened(self._mount_point(found), f"The Docker volume {self.reference}")

    def place(self, create: bool) -> str:
        """The path that the engine mounts into containers."""
        found = self._engine.find(self.reference) or (self._engine.create(self.reference) if create else None)
        return self._mount_point(found) if found else ""

    def _mount_point(self, found: Found) -> str:
        why = _elsewhere(found)
        if why:
            raise HubError(f"The Docker volume {self.reference} {why}.", "Take helper: auto, and name a helper_image.")
        path: str = found["Mountpoint"]
        return path


class HeldVolume(_mounted.Mounted):
    """A volume that a container holds."""

    kind = "docker"
    keeps_owners = True

    def __init__(self, engine: Engine, name: str) -> None:
        super().__init__(name, f"The Docker volume {name}")
        self.engine = engine
        #: Container that has it mounted.
        self.container = ""

    @contextlib.contextmanager
    def connection(self) -> t.Iterator[_helper_session.Connection]:
        """A program in the container."""
        from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _volume_containers

        found = _volume_containers.ExecConnection(self.engine.api, self.container)
        try:
            yield found
        finally:
            found.close()

    def missing(self) -> bool:
        """Has the engine none of that name?"""
        return self.engine.find(self.reference) is None

    @contextlib.contextmanager
    def mounted(self) -> t.Iterator[None]:
        """In a container that may write, unless another one that runs has it."""
        from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _volume_containers

        self.engine.create(self.reference)
        user = _volume_containers.in_use(self.engine.api, self.reference)
        if user:
            raise HubError(
                f"The container {user} has the volume {self.reference} mounted. Nothing was touched.",
                "Stop the user's server first.",
            )
        with _hold(self.engine, [self], read_only=False):
            yield

    @classmethod
    def together(cls, volumes: t.Sequence[HeldVolume]) -> t.Iterator[list[HeldVolume]]:
        """As many in one container as an engine mounts in a few seconds."""
        from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _volume_containers

        engine = volumes[0].engine
        there: list[HeldVolume] = []
        for volume in volumes:
            # A container would make it.
            if engine.listed(volume.reference) is None:
                volume.problem = f"There is no Docker volume {volume.reference}."
                yield [volume]
            else:
                there.append(volume)
        at_once = _volume_containers.AT_ONCE
        groups = [there[start : start + at_once] for start in range(0, len(there), at_once)]
        yield from _mounted.in_turn(groups, lambda several: _hold(engine, several, read_only=True))


@contextlib.contextmanager
def _hold(engine: Engine, volumes: t.Sequence[HeldVolume], read_only: bool) -> t.Iterator[None]:
    from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _passing_containers, _volume_containers

    if not engine.image:
        raise HubError(
            f"This host can not read the Docker volume {volumes[0].reference}, and helper_image is not given.",
            "Name an image with python3 that the engine has, such as the notebook image.",
        )
    _passing_containers.remove_left(engine.api, _volume_containers.LABEL)
    names = [volume.reference for volume in volumes]
    with _volume_containers.helper(engine.api, engine.image, names, read_only) as (container, at):
        for volume, path in zip(volumes, at, strict=True):
            volume.container, volume.at = container, path
        yield
