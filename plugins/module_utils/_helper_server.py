# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program in a pod or container that reads and writes the volumes that are mounted there. Private to the collection.

It gets its work on standard input and answers on standard output; see ``_helper_frames``. It needs neither Ansible nor a network, and
runs in a pod as the account that user servers have: what that may not read is left out, and is told.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import threading
import time
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import (
    _archive_reader,
    _archive_writer,
    _helper_exchange,
    _tree,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _helper_frames as frames
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._compression import Damaged, write_all
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._restore import Result, Wish

ALIVE = "/tmp/alive"
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_BEAT = 5


class _Sink:
    """A compressor that does not: what it gets becomes frames."""

    def __init__(self, kind: bytes, output: int) -> None:
        self._kind, self._output = kind, output

    def write(self, buffer: bytearray, size: int) -> None:
        """Send the first ``size`` bytes."""
        if size:
            write_all(self._output, frames.frame(self._kind, size))
            write_all(self._output, memoryview(buffer)[:size])

    def finish(self, buffer: bytearray | None = None, size: int = 0) -> None:
        """Send the last ``size`` bytes."""
        if buffer is not None:
            self.write(buffer, size)

    def close(self) -> None:
        """Nothing is held."""


class _Writer(_archive_writer.Writer):
    """Leaves out what it may not read."""

    def __init__(self, *arguments: t.Any) -> None:
        super().__init__(*arguments)
        self._notes = _tree.Notes(tolerant=True)

    def _open(self, directory: _tree.Directory, name: str, status: os.stat_result) -> int | None:
        try:
            return super()._open(directory, name, status)
        except PermissionError:
            path = directory.join(name)
            self._notes.forbid(path)
            self._gone.add(path)
            return None


class Server:
    """Does what it is asked, until nobody asks any more."""

    def __init__(self, source: t.BinaryIO, output: int) -> None:
        self._source, self._output = source, output

    def _take(self, size: int) -> bytes:
        data = self._source.read(size)
        if len(data) < size:
            raise frames.Broken("the end")
        return data

    def serve(self) -> None:
        """Answer each request with a result, or an error, which is the end: what follows on the input belongs to it."""
        going = True
        while going and (start := self._source.read(frames.HEAD)):
            _kind, size = frames.head(start)
            asked = json.loads(self._take(size))
            answer: bytes
            try:
                answer = frames.whole(frames.RESULT, getattr(self, f"_{asked.pop('do')}")(**asked))
            except HubError as error:
                answer, going = frames.whole(frames.ERROR, {"message": error.message, "hint": error.hint}), False
            except Damaged as error:
                answer, going = frames.whole(frames.ERROR, {"damaged": str(error)}), False
            except OSError as error:
                said = {"errno": error.errno, "strerror": error.strerror or str(error), "filename": error.filename}
                answer, going = frames.whole(frames.ERROR, said), False
            write_all(self._output, answer)

    def _look(self, at: str) -> dict[str, t.Any]:
        top = os.open(at, _OPEN)
        try:
            notes = _tree.Notes(tolerant=True)
            found = _tree.fingerprint(top, notes)
            return {
                "fingerprint": found.value(),
                "files": found.files,
                "size": found.size,
                "unreadable": notes.forbidden,
                **_owner(top),
            }
        finally:
            os.close(top)

    def _write(self, at: str) -> dict[str, t.Any]:
        known = {path: _archive_writer.Known(*found) for path, found in frames.read_entries(self._take).items()}
        top = os.open(at, _OPEN)
        try:
            sinks = _Sink(frames.ARCHIVE, self._output), _Sink(frames.LISTING, self._output)
            written = _Writer(*sinks, known).write(top)
            notes = vars(written.notes)
            return {**vars(written), "notes": notes, **_owner(top)}
        finally:
            os.close(top)

    def _free(self, at: str, wish: dict[str, t.Any]) -> None:
        _helper_exchange.MountedExchange(Wish(**wish), _nothing).free(at)

    def _clean(self, at: str, check: bool) -> list[str]:
        return _helper_exchange.clean(at, check)

    def _restore(
        self, at: str, wish: dict[str, t.Any], owners: list[t.Any], limit: int, parts: int
    ) -> dict[str, t.Any]:
        def write(top: int) -> Result:
            mapped = (
                _archive_reader.Owners(*owners)
                if len(owners) == 4
                else _helper_exchange.PlatformOwners(owners[0], owners[1], os.geteuid(), os.getegid())
            )
            extraction = _archive_reader.Extraction(top, mapped, limit)
            try:
                for _part in range(parts):
                    wanted = {
                        path: _archive_writer.Known(*found) for path, found in frames.read_entries(self._take).items()
                    }
                    extraction.extract(_archive_reader.Stream(self._pieces()), wanted)
                extraction.finish()
            finally:
                extraction.close()
            return Result(extraction.files, extraction.bytes, lost=extraction.lost)

        found = _helper_exchange.MountedExchange(Wish(**wish), write).run(at)
        return {**vars(found), "kept": os.path.basename(found.kept)}

    def _pieces(self) -> t.Iterator[memoryview]:
        while piece := frames.read(self._take, frames.ARCHIVE)[1]:
            yield memoryview(piece)


def _owner(top: int) -> dict[str, int]:
    """Whose the files are: those of a claim belong to the account of this program, whoever made the directory above them."""
    status = os.fstat(top)
    return {"owner": os.geteuid() or status.st_uid, "group": status.st_gid}


def _nothing(_top: int) -> Result:
    raise OSError(errno.ENOSYS, "nothing is written")


def _beat() -> None:
    """The pod or container ends by itself when nobody is there any more."""
    while True:
        with open(ALIVE, "w", encoding="ascii"):
            pass
        os.utime(ALIVE)
        time.sleep(_BEAT)


def main() -> None:
    """What runs there."""
    os.umask(0o022)
    if os.path.exists(ALIVE):
        threading.Thread(target=_beat, daemon=True).start()
    Server(t.cast("t.BinaryIO", sys.stdin.buffer), sys.stdout.fileno()).serve()
