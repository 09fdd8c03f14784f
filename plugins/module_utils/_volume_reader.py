# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a volume is read that is backed up, wherever its files are. Private to the collection."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _archive_writer, _tree
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._compression import Compressor
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volumes import Volume


class State(t.Protocol):
    """The state of a whole tree: how much there is, and a checksum, empty when it is too new to tell a further change."""

    files: int
    size: int

    def value(self) -> str:
        """The checksum."""


class Reader(t.Protocol):
    """Reads one volume."""

    owner: int  #: number of the account that has its top directory
    group: int
    unreadable: list[str]  #: what it may not read and leaves out

    def fingerprint(self) -> State:
        """Look at all files without reading them."""

    def write(
        self, output: Compressor, listing: Compressor, known: dict[str, _archive_writer.Known]
    ) -> _archive_writer.Written:
        """Write an archive and the list of what is in it; see ``_archive_writer.Writer``."""


class LocalReader:
    """Reads a tree of this host."""

    def __init__(self, top: int) -> None:
        self._top = top
        status = os.fstat(top)
        self.owner, self.group = status.st_uid, status.st_gid
        self.unreadable: list[str] = []

    def fingerprint(self) -> State:
        """Look at all files without reading them."""
        return _tree.fingerprint(self._top)

    def write(
        self, output: Compressor, listing: Compressor, known: dict[str, _archive_writer.Known]
    ) -> _archive_writer.Written:
        """Write an archive and the list of what is in it."""
        return _archive_writer.Writer(output, listing, known).write(self._top)


@contextlib.contextmanager
def reader(volume: Volume) -> t.Iterator[Reader]:
    """What reads a volume, as long as it is needed."""
    remote = getattr(volume, "reader", None)
    if remote:
        with remote() as there:
            yield there
        return
    with volume.opened() as top:
        yield LocalReader(top)
