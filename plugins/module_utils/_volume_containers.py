# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that have Docker volumes mounted for as long as these are backed up or restored. Private to the collection.

Such a container runs Python as root and nothing else: without a network, with a file system that nobody can write, and with no more
capabilities than it takes to read every file, or to write files that belong to others. It ends by itself a minute after the last
that was heard of whoever made it.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _helper_session, _passing_containers
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._engine_api import EngineApi, EngineRefused
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._helper_frames import Broken

LABEL = "hubwright.volume_helper"
MOUNTS = "/volumes"
# What an engine mounts in a few seconds.
AT_ONCE = 1000
_READS = ["DAC_READ_SEARCH"]
# Files and set-id bits of anybody, into directories of anybody.
_WRITES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETFCAP"]
_PIECE = 1024 * 1024
_OUTPUT, _ERRORS = 1, 2


@contextlib.contextmanager
def helper(
    engine: EngineApi, image: str, volumes: t.Sequence[str], read_only: bool
) -> t.Iterator[tuple[str, list[str]]]:
    """A container that has volumes mounted: its id, and where they are in it.

    :raises HubError: the engine does not run it.
    """
    at = [f"{MOUNTS}/{number}" for number in range(len(volumes))]
    host = {
        "Mounts": [
            # What the image has there must not be copied into a volume that is empty.
            {"Type": "volume", "Source": name, "Target": path, "ReadOnly": read_only, "VolumeOptions": {"NoCopy": True}}
            for name, path in zip(volumes, at, strict=True)
        ],
        "NetworkMode": "none",
        "ReadonlyRootfs": True,
        "Tmpfs": {"/tmp": "rw,nosuid,nodev,size=64m"},
        "CapDrop": ["ALL"],
        "CapAdd": _READS if read_only else _WRITES,
        "SecurityOpt": ["no-new-privileges"],
        "AutoRemove": True,
    }
    body = {
        "Image": image,
        "User": "0:0",
        "WorkingDir": "/",
        "Entrypoint": ["python3", "-I", "-c", _helper_session.WAITS],
        "Cmd": [],
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": {LABEL: _passing_containers.me()},
        "HostConfig": host,
    }
    name = f"hubwright-volumes-{secrets.token_hex(5)}"
    with contextlib.ExitStack() as stack:
        try:
            made = engine.post("/containers/create", "make it", body, name=name)
            container = str(json.loads(made)["Id"])
            stack.callback(_passing_containers.remove, engine, container)
            engine.post(f"/containers/{container}/start", "start it")
        except EngineRefused as error:
            raise HubError(
                f"The engine runs no container of {image} that has the volumes mounted: {error.said.rstrip('.')}.",
                "Name an image with python3 that is there already (option helper_image); none is pulled.",
            ) from error
        engine.close()  # processes that work side by side must not share it
        yield container, at


def in_use(engine: EngineApi, volume: str) -> str:
    """Name of a container that runs and has a volume mounted; empty when none has."""
    for container in engine.containers(volume=[volume], status=["running", "paused", "restarting"]):
        if LABEL not in (container["Labels"] or {}):
            name: str = container["Names"][0]
            return name.lstrip("/")
    return ""


class ExecConnection(_helper_session.Outputs):
    """A program in a container; see ``_helper_session.Connection``."""

    def __init__(self, engine: EngineApi, container: str) -> None:
        super().__init__()
        self._stream = engine.execute(container, _helper_session.COMMAND)
        engine.close()
        self._came = bytearray()  # frames: which output, three zeros, length

    def send(self, data: bytes) -> None:
        """Write to its input."""
        try:
            self._stream.sendall(data)
        except OSError as error:
            raise Broken(error.strerror or str(error)) from None

    def _more(self) -> None:
        try:
            data = self._stream.recv(_PIECE)
        except OSError as error:
            raise Broken(error.strerror or str(error)) from None
        if not data:
            raise self._ended()
        self._came += data
        start = 0
        while len(self._came) - start >= 8:
            end = start + 8 + int.from_bytes(self._came[start + 4 : start + 8], "big")
            if end > len(self._came):
                break
            piece = self._came[start + 8 : end]
            if self._came[start] == _ERRORS:
                self._keep_words(piece)
            elif self._came[start] == _OUTPUT:
                self._read += piece
            start = end
        del self._came[:start]

    def close(self) -> None:
        """Let the program end."""
        with contextlib.suppress(OSError):  # it is gone
            self._stream.shutdown(socket.SHUT_WR)
        self._stream.close()
