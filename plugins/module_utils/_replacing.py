# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are replaced durably and in one step. Private to the collection.

A run that is killed leaves the old file or the new one, and at most a temporary file that the next run removes.
"""

from __future__ import annotations

import contextlib
import os
import re

_TEMPORARY = re.compile(r"\.hubwright-([0-9]+)\.new")


def replace(path: str, content: bytes, mode: int, uid: int | None = None, gid: int | None = None) -> None:
    """Put a file at ``path``, durably and in one step; a symbolic link there is replaced, not followed.

    :param uid: owner; None: the account that runs this.
    :param gid: group; None: what the directory gives.
    :raises OSError: the file is then as it was.
    """
    parent = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        staged = stage(parent, content, mode, uid, gid)
        try:
            os.rename(staged, os.path.basename(path), src_dir_fd=parent, dst_dir_fd=parent)
        except OSError:
            os.unlink(staged, dir_fd=parent)
            raise
        os.fsync(parent)
    finally:
        os.close(parent)


def stage(parent: int, content: bytes, mode: int = 0o600, uid: int | None = None, gid: int | None = None) -> str:
    """Write a file that is still to be renamed, in the directory with the descriptor ``parent``; return its name.

    :raises OSError: nothing is left in the directory then.
    """
    _clean(parent)
    name = f".hubwright-{os.getpid()}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o600, dir_fd=parent)
    try:
        with open(descriptor, "wb") as stream:
            give(descriptor, uid, gid)
            stream.write(content)
            stream.flush()
            os.fchmod(descriptor, mode)  # before the file has its name, so that nobody sees it with another
            os.fsync(descriptor)
    except BaseException:
        os.unlink(name, dir_fd=parent)
        raise
    return name


def _clean(parent: int) -> None:
    """Remove what killed runs left in a directory; the file of a run that is alive stays."""
    for name in os.listdir(parent):
        if found := _TEMPORARY.fullmatch(name):
            if int(found[1]) != os.getpid() and os.path.exists(f"/proc/{found[1]}"):
                continue
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=parent)


def give(descriptor: int, uid: int | None, gid: int | None) -> None:
    """Give an open file to this owner and group; None leaves what is there."""
    found = os.fstat(descriptor)
    uid, gid = found.st_uid if uid is None else uid, found.st_gid if gid is None else gid
    if (uid, gid) != (found.st_uid, found.st_gid):
        os.fchown(descriptor, uid, gid)
