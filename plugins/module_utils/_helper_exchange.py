# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores a volume in a pod or container, where it is mounted and so can not be exchanged as a whole. Private to the collection.

The files are written into a directory of the volume itself. What was there moves into another one, and then the new files
take its place, each step a rename. The name of the first directory says how far that is, so that the next run goes on where a
killed one was: ``.restoring-*`` is incomplete and is removed, with ``.replacing-*`` what is there still moves out, with ``.restored-*``
the new files move in.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import time
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _archive_reader
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._restore import Exchange, Result, Wish

RESTORING, REPLACING, RESTORED, KEPT = ".restoring-", ".replacing-", ".restored-", ".kept-"
_OURS = re.compile(r"\.(restoring|replacing|restored|kept)-\d{8}T\d{6}Z(-\d+)?")
# What a file system puts into its top directory.
_OF_THE_DISK = "lost+found"
_OF_USERS = ("user.", "system.posix_acl_")


class PlatformOwners(_archive_reader.Owners):
    """Files belong to the account that writes them: it may not give them to another one, and is the one that user servers have."""

    def user(self, number: int) -> int:
        """No change."""
        return -1

    def group(self, number: int) -> int:
        """No change."""
        return -1

    def of(self, kind: str, number: int) -> int:
        """An entry of an access control list, whose numbers are somebody's."""
        return super().user(number) if kind == "user" else super().group(number)


class MountedExchange(Exchange):
    """Lets new files take the place of those in a mounted volume.

    :param write: writes what is wanted into the directory of a descriptor.
    """

    def __init__(self, wish: Wish, write: t.Callable[[int], Result]) -> None:
        super().__init__(wish)
        self._write = write

    def run(self, target: str, lock: str = "") -> Result:
        """Restore; ``lock`` is held by who asked.

        :raises HubError: it is not restored, and what was there is as it was.
        """
        finish(target)
        self.free(target)
        staging = _new(target, RESTORING)
        os.mkdir(staging, 0o700)
        try:
            top = os.open(staging, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                result = self._write(top)
                _sync(top)
            finally:
                os.close(top)
            if self.paths:
                result.kept = self._merge(staging, target)
            else:
                result.kept = self._exchange(staging, target)
        except OSError as error:
            raise HubError(f"{error.strerror or error} ({error.filename or 'in the volume'}).") from None
        finally:
            if os.path.isdir(staging):
                remove(staging)
        return result

    def free(self, target: str) -> None:
        """Refuse to restore where something would be lost."""
        if self._wish.swap:
            return
        if self.paths:
            there = [path for path in self.paths if os.path.lexists(os.path.join(target, path))]
        else:
            there = _content(target)
        if there:
            raise HubError(
                f"The volume has {there[0]!r} in it, and mode is empty. Nothing was touched.",
                "Take mode: swap, which keeps what is there aside, or restore elsewhere.",
            )

    def beside(self, target: str, what: str) -> str:
        """A directory on the file system of the volume, which is in it."""
        return _new(target, f".{what}-")

    def _exchange(self, staging: str, target: str) -> str:
        if not self._wish.swap and _content(target):
            raise HubError("The volume has got content meanwhile. It is as it was.", "Stop the user's server first.")
        stamp = os.path.basename(staging).removeprefix(RESTORING)
        os.rename(staging, os.path.join(target, REPLACING + stamp))
        finish(target)
        kept = os.path.join(target, KEPT + stamp)
        return kept if os.path.isdir(kept) else ""


def finish(target: str) -> None:
    """Remove what is incomplete, and go on with what is not."""
    for name in _ours(target, RESTORING):
        remove(os.path.join(target, name))
    for name in _ours(target, REPLACING):
        stamp = name.removeprefix(REPLACING)
        there = _content(target)
        if there:
            kept = os.path.join(target, KEPT + stamp)
            with contextlib.suppress(FileExistsError):
                os.mkdir(kept, 0o700)
            for each in there:
                _move(os.path.join(target, each), os.path.join(kept, each))
        os.rename(os.path.join(target, name), os.path.join(target, RESTORED + stamp))
    for name in _ours(target, RESTORED):
        source = os.path.join(target, name)
        status = os.stat(source)
        for each in os.listdir(source):
            _move(os.path.join(source, each), os.path.join(target, each))
        # The top directory of a mounted volume may belong to the cluster, and then stays as it made it.
        with contextlib.suppress(PermissionError):
            if not os.geteuid():
                os.chown(target, status.st_uid, status.st_gid)
            os.chmod(target, stat.S_IMODE(status.st_mode))
            _copy_attributes(source, target)
            os.utime(target, ns=(status.st_mtime_ns, status.st_mtime_ns))
        os.rmdir(source)


def _copy_attributes(source: str, target: str) -> None:
    """What a user may set on a directory."""
    new, old = ({name for name in os.listxattr(path) if name.startswith(_OF_USERS)} for path in (source, target))
    for name in old - new:
        os.removexattr(target, name)
    for name in new:
        os.setxattr(target, name, os.getxattr(source, name))


def clean(target: str, check: bool) -> list[str]:
    """Delete what was kept aside; returns the names."""
    found = _ours(target, KEPT)
    if not check:
        for name in found:
            remove(os.path.join(target, name))
    return found


def remove(path: str) -> None:
    """Delete a directory, also one whose user has taken the right to write away from parts of it."""
    for top, folders, _files in os.walk(path):
        for folder in (top, *(os.path.join(top, each) for each in folders)):
            if not os.path.islink(folder):
                with contextlib.suppress(PermissionError):  # somebody else's: rmtree says so
                    os.chmod(folder, 0o700)
    shutil.rmtree(path)


def _move(source: str, target: str) -> None:
    """A directory that may not be written can not be moved into another one."""
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM) or not os.path.isdir(source) or os.path.islink(source):
            raise
        mode = stat.S_IMODE(os.stat(source).st_mode)
        os.chmod(source, mode | stat.S_IRWXU)
        os.rename(source, target)
        os.chmod(target, mode)


def _content(target: str) -> list[str]:
    return [name for name in sorted(os.listdir(target)) if name != _OF_THE_DISK and not _OURS.fullmatch(name)]


def _ours(target: str, kind: str) -> list[str]:
    """Directories that an exchange made; a link of that name is somebody's trap."""
    found = (name for name in os.listdir(target) if name.startswith(kind) and _OURS.fullmatch(name))
    return sorted(name for name in found if stat.S_ISDIR(os.lstat(os.path.join(target, name)).st_mode))


def _new(target: str, kind: str) -> str:
    wanted = path = os.path.join(target, f"{kind}{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    number = 1
    while os.path.lexists(path):
        path, number = f"{wanted}-{number}", number + 1
    return path


def _sync(top: int) -> None:
    """Everything on the file system is on its disk."""
    os.sync() if not hasattr(os, "syncfs") else os.syncfs(top)
