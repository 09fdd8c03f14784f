# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The near end of the program that reads and writes volumes in a pod or container. Private to the collection.

The program needs nothing but Python: its files are sent first, packed into an archive that Python imports from.
"""

from __future__ import annotations

import abc
import importlib.util
import io
import json
import typing as t
import zipfile

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import (
    _archive_writer,
    _helper_frames,
    _helper_server,
    _restore,
    _tree,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._compression import Compressor, Damaged
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._helper_frames import (
    ARCHIVE,
    ERROR,
    HEAD,
    LISTING,
    REQUEST,
    RESULT,
    Broken,
)

_PACKAGE = "ansible_collections.hubwright.jupyterhub.plugins.module_utils"
# Imported by the program, so that Ansible sends them to the host too.
_FILES = (
    "_archive_reader",
    "_archive_writer",
    "_helper_exchange",
    "_helper_frames",
    "_helper_server",
    "_compression",
    "_encryption",
    "_errors",
    "_repository",
    "_restore",
    "_retention",
    "_tar_headers",
    "_tree",
    "_volumes",
)
# Reads the archive, imports from it and lets the rest of the input be the program's.
BOOT = f"""
import os, sys, tempfile
take = sys.stdin.buffer.read
with tempfile.NamedTemporaryFile(suffix=".zip", delete=False) as packed:
    packed.write(take(int(take(8))))
sys.path.insert(0, packed.name)
sys.dont_write_bytecode = True
from {_helper_server.__name__} import main
os.unlink(packed.name)
main()
"""
COMMAND = ["python3", "-c", BOOT]
# What the pod or container itself runs, meanwhile and not for much longer.
WAITS = f"""
import pathlib, time
alive = pathlib.Path({_helper_server.ALIVE!r})
alive.touch()
while time.time() - alive.stat().st_mtime < 60:
    time.sleep(2)
"""


class Connection(t.Protocol):
    """The standard input and output of a program that runs elsewhere."""

    def send(self, data: bytes) -> None:
        """Write to its input.

        :raises Broken: it has ended.
        """

    def take(self, size: int) -> bytes:
        """Exactly so many bytes of its output.

        :raises Broken: it has ended before, with its last words.
        """


class Outputs(abc.ABC):
    """The reading half of a ``Connection``: keeps what came of both outputs until it is taken."""

    def __init__(self) -> None:
        self._read = bytearray()
        self._said = b""

    def take(self, size: int) -> bytes:
        """See ``Connection``."""
        while len(self._read) < size:
            self._more()
        found = bytes(memoryview(self._read)[:size])
        del self._read[:size]
        return found

    @abc.abstractmethod
    def _more(self) -> None:
        """Wait for more, and keep it.

        :raises Broken: there will be none.
        """

    def _keep_words(self, piece: bytes | bytearray) -> None:
        """Remember the last of what is said of errors."""
        self._said = (self._said + piece)[-1000:]

    def _ended(self) -> Broken:
        """With the program's last words."""
        lines = self._said.decode(errors="replace").strip().splitlines()
        return Broken(lines[-1] if lines else "it ended")


def packed() -> bytes:
    """The program, and what the boot code wants before it: the size."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as files:
        packages = _PACKAGE.split(".")
        for depth in range(1, len(packages) + 1):
            files.writestr("/".join([*packages[:depth], "__init__.py"]), "")
        for name in _FILES:
            specification = importlib.util.find_spec(f"{_PACKAGE}.{name}")
            source = t.cast("t.Any", specification).loader.get_source(f"{_PACKAGE}.{name}")
            files.writestr(f"{_PACKAGE.replace('.', '/')}/{name}.py", source)
    content = data.getvalue()
    return b"%8d" % len(content) + content


class Session:
    """Volumes that are mounted in one place, over one connection."""

    def __init__(self, connection: Connection, what: str) -> None:
        """:param what: what is said to be broken when it is."""
        self._connection, self._what = connection, what
        self._send(packed())

    def _send(self, data: bytes) -> None:
        self._connection.send(data)

    def _broken(self, error: Broken) -> HubError:
        return HubError(
            f"{self._what}: the connection to what has it mounted broke: {error}.",
            "Earlier backups and the files of the user are as they were; run again.",
        )

    def ask(self, do: str, **request: t.Any) -> t.Any:
        """The result of a request without content."""
        return self.converse(do, [], None, **request)

    def converse(
        self,
        do: str,
        content: t.Iterable[bytes],
        outputs: t.Mapping[bytes, Compressor] | None,
        **request: t.Any,
    ) -> t.Any:
        """Send a request with its content; what comes before the result goes to the outputs.

        :raises HubError: the request failed.
        """
        try:
            try:
                self._send(_helper_frames.whole(REQUEST, {"do": do, **request}))
                for piece in content:
                    self._send(piece)
            except Broken:
                pass  # it has ended, and said why
            while True:
                kind, size = _helper_frames.head(self._connection.take(HEAD))
                data = self._connection.take(size)
                if kind == RESULT:
                    return json.loads(data)
                if kind == ERROR:
                    raise self._error(json.loads(data))
                if not outputs or kind not in outputs:
                    raise Broken(f"a message of kind {kind!r}")
                outputs[kind].write(bytearray(data), size)
        except Broken as error:
            raise self._broken(error) from None

    def _error(self, said: dict[str, t.Any]) -> Exception:
        if "message" in said:
            return HubError(f"{self._what}: {said['message']}", said["hint"])
        if "damaged" in said:
            return HubError(
                f"{self._what}: the archive is not what its list says: {said['damaged']}. Nothing was touched."
            )
        return OSError(said["errno"], said["strerror"], *([said["filename"]] if said["filename"] else []))


class _State:
    def __init__(self, found: t.Mapping[str, t.Any]) -> None:
        self.files: int = found["files"]
        self.size: int = found["size"]
        self._value: str = found["fingerprint"]

    def value(self) -> str:
        """The checksum."""
        return self._value


class HelperReader:
    """Reads a volume that is mounted there; see ``_volume_reader.Reader``."""

    def __init__(self, session: Session, at: str) -> None:
        self._session, self._at = session, at
        self.owner = self.group = 0
        self.unreadable: list[str] = []

    def _learn(self, found: t.Mapping[str, t.Any], unreadable: list[str]) -> None:
        self.owner, self.group, self.unreadable = found["owner"], found["group"], unreadable

    def fingerprint(self) -> _State:
        """Look at all files without reading them."""
        found = self._session.ask("look", at=self._at)
        self._learn(found, found["unreadable"])
        return _State(found)

    def write(
        self, output: Compressor, listing: Compressor, known: dict[str, _archive_writer.Known]
    ) -> _archive_writer.Written:
        """Write an archive and the list of what is in it."""
        outputs = {ARCHIVE: output, LISTING: listing}
        found = self._session.converse("write", _helper_frames.entries(known), outputs, at=self._at)
        output.finish()
        listing.finish()
        self._learn(found, found["notes"]["forbidden"])
        notes = _tree.Notes(**found["notes"])
        fields = {name: found[name] for name in ("fingerprint", "files", "size", "members", "content", "removed")}
        return _archive_writer.Written(**fields, notes=notes)


def restore(session: Session, at: str, backup: _restore.Restore, keeps_owners: bool) -> _restore.Result:
    """Restore a backup into a volume that is mounted there.

    :raises HubError: it is not restored.
    """
    parts = backup.parts()
    owners = [backup.owner, backup.group, *([backup.wish.owner, backup.wish.group] if keeps_owners else [])]
    request = {"at": at, "wish": wish(backup), "owners": owners, "limit": backup.limit, "parts": len(parts)}
    found = session.converse("restore", _content(parts), None, **request)
    return _restore.Result(**found)


def wish(backup: _restore.Restore) -> dict[str, t.Any]:
    """What was wished for, for the program there; how to decrypt is not its business."""
    return {**vars(backup.wish), "paths": list(backup.paths), "identity": ""}


def _content(parts: t.Iterable[_restore.Part]) -> t.Iterator[bytes]:
    for part in parts:
        yield from _helper_frames.entries(part.wanted)
        try:
            with part.opened() as pieces:
                for piece in pieces:
                    yield _helper_frames.frame(ARCHIVE, len(piece)) + piece
        except Damaged as error:
            raise HubError(
                f"The archive {part.path} is not what its list says: {error}. Nothing was touched."
            ) from None
        yield _helper_frames.frame(ARCHIVE, 0)
