# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at a tree of files that its owner may be changing. Private to the collection.

Everything goes through descriptors of directories, and no symbolic link is ever followed: whoever may write in the tree
can swap a directory for a link at any moment, and must not get root to read what the link names.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import os
import resource
import stat
import time
import typing as t

# Times of files advance in steps of up to 10 ms: what changed a moment ago can change again and keep its time.
_TICK = 20_000_000
LISTED = 100
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
# What is left of a file that another process removed or replaced since its directory was read.
GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ESTALE)


@dataclasses.dataclass
class Notes:
    """What a person should know of a tree; paths, and no more than the first hundred."""

    changed: list[str] = dataclasses.field(default_factory=list)
    skipped: list[str] = dataclasses.field(default_factory=list)
    has_changed: bool = False
    tolerant: bool = False  #: what may not be read is left out
    forbidden: list[str] = dataclasses.field(default_factory=list)

    def change(self, path: str) -> None:
        """A file changed or vanished while it was looked at."""
        self.has_changed = True
        if len(self.changed) < LISTED and path not in self.changed:
            self.changed.append(path)

    def forbid(self, path: str) -> None:
        """Something that may not be read."""
        if len(self.forbidden) < LISTED:
            self.forbidden.append(path)

    def skip(self, path: str) -> None:
        """Something that no archive holds."""
        if len(self.skipped) < LISTED:
            self.skipped.append(path)


@dataclasses.dataclass(slots=True)
class Directory:
    """A directory while its descriptor is open."""

    path: str  #: relative to the top, empty for it
    descriptor: int
    status: os.stat_result
    entries: list[tuple[str, os.stat_result]]  #: all but directories, in the order of inodes
    below: list[tuple[str, os.stat_result]]  #: directories, in the same order
    fresh: bool  #: did something in it change so recently that its times say nothing?

    def join(self, name: str) -> str:
        """A name in it, relative to the top."""
        return f"{self.path}/{name}" if self.path else name


def walk(top: int, notes: Notes) -> t.Iterator[Directory]:
    """All directories of a tree, each before those below it; a file system that is mounted in it is left out.

    :param top: descriptor of its top directory, which stays open.
    :raises OSError: something can not be read, with its path.
    """
    _allow_depth()
    device = os.fstat(top).st_dev
    found = _look("", top, notes)
    yield found
    stack = [(found, iter(found.below))]
    try:
        while stack:
            parent, names = stack[-1]
            name, _status = next(names, ("", None))
            if not name:
                stack.pop()
                if stack:
                    os.close(parent.descriptor)
                continue
            path = parent.join(name)
            descriptor = _enter(parent.descriptor, name, path, notes)
            if descriptor is None:
                continue
            if os.fstat(descriptor).st_dev != device:
                notes.skip(path)
                os.close(descriptor)
                continue
            try:
                found = _look(path, descriptor, notes)
            except BaseException:
                os.close(descriptor)
                raise
            stack.append((found, iter(found.below)))
            yield found
    finally:
        for directory, _names in stack[1:]:
            os.close(directory.descriptor)


def _allow_depth() -> None:
    """One descriptor is open for each level of directories, and 1024 would be few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # an odd limit; then this many levels are all there is
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard > 0 else 65536, hard))


def _enter(parent: int, name: str, path: str, notes: Notes) -> int | None:
    try:
        return os.open(name, _OPEN_DIRECTORY, dir_fd=parent)
    except OSError as error:
        if error.errno in GONE:
            notes.change(path)
            return None
        if error.errno == errno.EACCES and notes.tolerant:
            notes.forbid(path)
            return None
        raise OSError(error.errno, error.strerror, path) from None


def _look(path: str, descriptor: int, notes: Notes) -> Directory:
    found = _once(path, descriptor, notes)
    if found.fresh:
        time.sleep(_TICK / 1e9)
        found = _once(path, descriptor, notes)
    return found


def _once(path: str, descriptor: int, notes: Notes) -> Directory:
    status = os.fstat(descriptor)
    directory = Directory(path, descriptor, status, [], [], fresh(status))
    recent = time.time_ns() - _TICK
    try:
        with os.scandir(descriptor) as listed:
            for entry in sorted(listed, key=_inode):
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    notes.change(directory.join(entry.name))
                    continue
                if stat.S_ISDIR(status.st_mode):
                    directory.below.append((entry.name, status))
                    continue
                directory.entries.append((entry.name, status))
                if status.st_ctime_ns > recent and fresh(status):
                    directory.fresh = True
    except OSError as error:
        if error.errno != errno.EACCES or not notes.tolerant:
            raise OSError(error.errno, error.strerror, path or ".") from None
        notes.forbid(path)
    return directory


def _inode(entry: os.DirEntry[str]) -> int:
    return entry.inode()


def fresh(status: os.stat_result) -> bool:
    """Did it change so recently that its times say nothing?"""
    return 0 <= time.time_ns() - status.st_ctime_ns < _TICK


def signature(status: os.stat_result) -> str:
    """Differs whenever anything about a file has changed: any change of content, attributes or links sets its ctime."""
    return (
        f"{status.st_mode:o}.{status.st_uid}.{status.st_gid}.{status.st_size}"
        f".{status.st_mtime_ns}.{status.st_ctime_ns}.{status.st_ino}"
    )


@dataclasses.dataclass
class Fingerprint:
    """One checksum for the state of a whole tree, and how much there is of it."""

    files: int = 0
    size: int = 0

    def __post_init__(self) -> None:
        self._hash = hashlib.sha256()
        self._certain = True

    def add(self, directory: Directory) -> None:
        """Take another directory in, in the order of ``walk``."""
        lines = [f"{directory.path}/\0{signature(directory.status)}"]
        self._certain = self._certain and not directory.fresh
        for name, status in directory.entries:
            lines.append(f"{name}\0{signature(status)}")
            if stat.S_ISREG(status.st_mode):
                self.size += status.st_size
        self.files += len(lines)
        self._hash.update("\n".join(lines).encode("utf-8", "surrogateescape"))

    def value(self) -> str:
        """Empty when something changed so recently that this would not tell a further change."""
        return self._hash.hexdigest() if self._certain else ""


def fingerprint(top: int, notes: Notes | None = None) -> Fingerprint:
    """The state of a tree at a cost of one call per file."""
    found = Fingerprint()
    for directory in walk(top, notes or Notes()):
        found.add(directory)
    return found
