# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where users' files are, behind one small interface. Private to the collection."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Volume(t.Protocol):
    """A directory on this host, a Docker volume, or what else can be read and written as a tree of files."""

    #: ``directory``, ``docker`` ...
    kind: str
    #: its path or name
    reference: str

    def opened(self) -> contextlib.AbstractContextManager[int]:
        """A descriptor of its top directory, to read from.

        :raises HubError: it is not there, or can not be read from this host.
        """

    def place(self, create: bool) -> str:
        """The path of its top directory, to write beside and to rename.

        :param create: make the volume (not its content) when it is missing.
        :raises HubError: it can not be written from this host.
        """


@contextlib.contextmanager
def opened(path: str, what: str) -> t.Iterator[int]:
    """A descriptor of a directory.

    :raises HubError: naming ``what`` it is.
    """
    try:
        descriptor = os.open(path, OPEN)
    except OSError as error:
        raise HubError(f"{what} can not be read: {error.strerror} ({path}).") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)
