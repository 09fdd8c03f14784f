# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of this host as volumes. Private to the collection."""

from __future__ import annotations

import contextlib
import os

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _volumes
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError


class DirectoryVolume:
    """A directory.

    :raises HubError: the path is none that could be meant.
    """

    kind = "directory"

    def __init__(self, path: str) -> None:
        if not os.path.isabs(path):
            raise HubError(f"path is {path!r}, expected an absolute path.")
        self.reference = os.path.normpath(path)
        if self.reference.strip("/") == "":
            raise HubError("path is /, expected the directory of one user.")

    def opened(self) -> contextlib.AbstractContextManager[int]:
        """A descriptor of the directory."""
        return _volumes.opened(self.reference, f"The directory {self.reference}")

    def place(self, create: bool) -> str:
        """Its path; the directory above it has to be there."""
        parent = os.path.dirname(self.reference)
        if not os.path.isdir(parent):
            raise HubError(f"path is {self.reference}, and {parent} is no directory.", "Make it first.")
        return self.reference
