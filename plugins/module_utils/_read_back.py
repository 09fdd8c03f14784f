# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new archive is read back, a large one while it is still being written. Private to the collection."""

from __future__ import annotations

import os
import threading

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _archive_reader, _disk
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._compression import Compressor, Damaged

_AT_ONCE = 16 * 1024 * 1024  # bytes


class ReadBack:
    """A compressor whose output is read from its file, by a thread that follows as soon as there is more than one block.

    A small archive is not worth a thread, and is read when it is complete. A large one goes to the disk meanwhile, so
    that nobody waits for all of it at the end.

    :param path: of the file that the compressor writes.
    """

    def __init__(self, output: Compressor, path: str, compression: str) -> None:
        self._output, self._path, self._compression = output, path, compression
        self._complete = threading.Event()
        self._thread: threading.Thread | None = None
        self._found: tuple[int, str] = (0, "")
        self._error: Damaged | OSError | None = None
        self._descriptor = -1
        self._sent = 0

    def write(self, buffer: bytearray, size: int) -> None:
        """Compress the first ``size`` bytes."""
        if self._thread is None:
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            self._thread = threading.Thread(target=self._read)
            self._thread.start()
        self._output.write(buffer, size)
        written = os.fstat(self._descriptor).st_size
        if written - self._sent >= _AT_ONCE:
            _disk.begin_to_write(self._descriptor, self._sent)
            self._sent = written

    def finish(self, buffer: bytearray | None = None, size: int = 0) -> None:
        """Compress the first ``size`` bytes too, and write what is left."""
        self._output.finish(buffer, size)

    def close(self) -> None:
        """Free what it holds, whatever happened."""
        self._output.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._complete.set()
        if self._thread:
            self._thread.join()

    def result(self) -> tuple[int, str]:
        """Size and checksum of the archive, after ``close``.

        :raises Damaged: it does not decompress to what was compressed.
        """
        if self._thread is None:
            self._read()
        if self._error:
            raise self._error
        return self._found

    def _read(self) -> None:
        try:
            self._found = _archive_reader.decompresses(self._path, self._compression, self._complete)
        except (Damaged, OSError) as error:
            self._error = error
