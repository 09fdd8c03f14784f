# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the content of a volume back. Private to the collection.

The files are written beside the volume and take its place at the end, in one step: until then nothing of the user's has
been touched, and afterwards what was there is aside. What a killed run leaves beside the volume the next one removes.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import errno
import os
import re
import shutil
import stat
import time
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _archive_reader, _repository, _retention
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._archive_writer import Known
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._compression import Damaged
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._repository import Manifest, Place
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volumes import OPEN

_EXCHANGE = 2
_TIME = re.compile(r"\d{8}T\d{6}Z")


@dataclasses.dataclass(frozen=True)
class Wish:
    """What to restore and how; see the options of volume_restore."""

    paths: t.Sequence[str] = ()
    swap: bool = False
    owner: int | None = None
    group: int | None = None
    max_size: int | None = None
    identity: str = ""
    lock_timeout: float = 600


@dataclasses.dataclass
class Result:
    """What was restored."""

    files: int = 0
    bytes: int = 0
    kept: str = ""
    lost: list[str] = dataclasses.field(default_factory=list)


def check_time(wanted: str) -> None:
    """Refuse what is no time of a backup."""
    try:
        if wanted != "latest":
            if not _TIME.fullmatch(wanted):
                raise ValueError
            _retention.moment(wanted)
    except ValueError:
        raise HubError(f"time is {wanted!r}, expected latest or a UTC time such as 20261127T231500Z.") from None


def choose(place: Place, wanted: str) -> Manifest:
    """The backup of a time, or the last one before it.

    :raises HubError: there is none.
    """
    check_time(wanted)
    times = place.times()
    fitting = [moment for moment in times if wanted == "latest" or moment <= wanted]
    if not fitting:
        there = f"the first is of {times[0]}" if times else f"there is nothing in {place.path}"
        raise HubError(f"There is no backup of {place.user} ({place.name}) of {wanted}: {there}.")
    return place.manifest(fitting[-1])


class Exchange:
    """Lets what is written beside a volume take the place of the volume, or of a part of it."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        self.paths = [_normal(path) for path in wish.paths]

    def extract(self, staging: str) -> Result:
        """Write all that is wanted into an empty directory.

        :raises HubError: it can not be had.
        """
        raise NotImplementedError

    def run(self, target: str, lock: str) -> Result:
        """Restore to a directory, which may be missing.

        :param lock: file that keeps other restores waiting meanwhile.
        :raises HubError: it is not restored, and what was there is as it was.
        """
        with _repository.lock(lock, self._wish.lock_timeout, "a restore"):
            _clean(target)
            self.free(target)
            staging = _beside(target, "restoring")
            os.mkdir(staging, 0o700)
            try:
                result = self.extract(staging)
                _repository.sync(staging)
                result.kept = self._merge(staging, target) if self.paths else self._replace(staging, target)
                _repository.sync(os.path.dirname(target))
            except OSError as error:
                raise HubError(f"{target} could not be restored: {error.strerror or error}. It is as it was.") from None
            finally:
                remove(staging, ignore_errors=True)  # the next run tries again
        return result

    def free(self, target: str) -> None:
        """Refuse to restore where something would be lost."""
        try:
            kind = os.lstat(target).st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(kind):
            raise HubError(f"{target} is there and no directory. Nothing was touched.")
        if os.path.ismount(target) and not self.paths:
            raise HubError(
                f"{target} is a mount point, whose content can not be exchanged in one step. Nothing was touched.",
                "Restore into a directory on that file system, and move the files.",
            )
        if self._wish.swap:
            return
        there = [path for path in self.paths if _there(target, path)] if self.paths else os.listdir(target)[:1]
        if there:
            raise HubError(
                f"{target} has {there[0]!r} in it, and mode is empty. Nothing was touched.",
                "Take mode: swap, which keeps what is there aside, or restore elsewhere.",
            )

    def beside(self, target: str, what: str) -> str:
        """A directory that is not there yet, on the file system of the target."""
        return _beside(target, what)

    def _replace(self, staging: str, target: str) -> str:
        """Let the new directory take the old one's place; returns where that is."""
        try:
            os.rename(staging, target)  # also where an empty directory is
            return ""
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        if not self._wish.swap:
            raise HubError(f"{target} has got content meanwhile. It is as it was.", "Stop the user's server first.")
        kept = _beside(target, "kept")
        # With this name nothing of it is ever removed unasked: from the next step on it is what the user had.
        os.rename(staging, kept)
        _exchange(kept, target)
        return kept

    def _merge(self, staging: str, target: str) -> str:
        """Move what is wanted into a directory that its user may be changing; returns where is what was there."""
        if not os.path.lexists(target):
            os.rename(staging, target)
            return ""
        kept = _Kept(self.beside(target, "kept"))
        for path in self.paths:
            with contextlib.ExitStack() as stack:
                source, into = _open(staging, None, stack), _open(target, None, stack)
                *parents, last = path.split("/")
                for part in parents:
                    try:
                        into = _open(part, into, stack)
                    except OSError as error:
                        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                            raise
                        last = part
                        break
                    source = _open(part, source, stack)
                if not _exists(last, source):
                    continue  # it went with a directory above it
                if _exists(last, into):
                    if not self._wish.swap:
                        raise HubError(f"{target} has got {path!r} meanwhile.", "Stop the user's server first.")
                    kept.take(into, last, path)
                os.rename(last, last, src_dir_fd=source, dst_dir_fd=into)
        return kept.path if kept.used else ""


class Part(t.NamedTuple):
    """One archive, and what is wanted of it."""

    path: str
    compression: str
    encryption: str
    identity: str
    wanted: dict[str, Known]

    def opened(self) -> contextlib.AbstractContextManager[t.Iterator[memoryview]]:
        """What is in it, decrypted and decompressed."""
        return _archive_reader.content(self.path, self.compression, self.encryption, self.identity)


class Restore(Exchange):
    """One backup, and the files of it that are wanted.

    :raises HubError: the lists are damaged, or a wanted file is not in it.
    """

    def __init__(self, place: Place, manifest: Manifest, wish: Wish) -> None:
        super().__init__(wish)
        self._place, self._manifest = place, manifest
        self._chain = place.chain(manifest)
        self._state, self._where = place.known(self._chain)
        if self.paths:
            self._select()
        if wish.max_size is not None and manifest.size > wish.max_size:
            raise HubError(
                f"The backup of {manifest.time} holds {manifest.size} bytes, and max_size is {wish.max_size}.",
                "Give a greater max_size if that is right.",
            )

    @property
    def files(self) -> int:
        """How many files, directories and links are wanted."""
        return len(self._state)

    def _select(self) -> None:
        chosen: dict[str, Known] = {}
        for path in self.paths:
            below = {name: known for name, known in self._state.items() if name == path or name.startswith(path + "/")}
            if not below:
                raise HubError(f"paths has {path!r}, which is not in the backup of {self._manifest.time}.")
            chosen.update(below)
        for known in list(chosen.values()):  # a hard link needs what it is a link to
            if known.kind == "f" and known.digest.startswith("="):
                first = known.digest[1:]
                if first not in self._state:
                    raise HubError(f"The backup of {self._manifest.time} has a hard link to {first!r}, which it lacks.")
                chosen[first] = self._state[first]
        for path in list(chosen):
            while path:
                path = path.rpartition("/")[0]
                if path in self._state:
                    chosen[path] = self._state[path]
        self._state = chosen

    def check(self) -> None:
        """Compare all archives with their checksums.

        :raises HubError: one is damaged.
        """
        for manifest in self._chain:
            path = self._place.join(manifest.archive)
            if _archive_reader.checksum(path)[1] != manifest.archive_sha256:
                raise HubError(
                    f"The archive {path} does not match its checksum: it is damaged. Nothing was touched.",
                    "Take an earlier backup, or a copy of this one from elsewhere.",
                )

    def extract(self, staging: str) -> Result:
        """Write those members of the archives that are wanted."""
        manifest, wish = self._manifest, self._wish
        owners = _archive_reader.Owners(manifest.owner, manifest.group, wish.owner, wish.group)
        top = os.open(staging, OPEN)
        try:
            extraction = _archive_reader.Extraction(top, owners, self.limit)
            with contextlib.closing(extraction):
                for number, part in enumerate(self._chain):
                    wanted = {path: known for path, known in self._state.items() if self._where[path] == number}
                    self._one(extraction, part, wanted)
                extraction.finish()
            return Result(extraction.files, extraction.bytes, lost=extraction.lost)
        finally:
            os.close(top)

    @property
    def wish(self) -> Wish:
        """What was wished for."""
        return self._wish

    @property
    def owner(self) -> int:
        """Number of the account that had the volume."""
        return self._manifest.owner

    @property
    def group(self) -> int:
        """The same for its group."""
        return self._manifest.group

    @property
    def limit(self) -> int:
        """Bytes that may be written."""
        return sum(part.content for part in self._chain)

    def parts(self) -> list[Part]:
        """The archives of which something is wanted, for whoever writes the files elsewhere."""
        found = []
        for number, manifest in enumerate(self._chain):
            wanted = {path: known for path, known in self._state.items() if self._where[path] == number}
            if wanted:
                path = self._place.join(manifest.archive)
                found.append(Part(path, manifest.compression, manifest.encryption, self._wish.identity, wanted))
        return found

    def _one(self, extraction: _archive_reader.Extraction, part: Manifest, wanted: dict[str, Known]) -> None:
        if not wanted:
            return
        path = self._place.join(part.archive)
        try:
            with _archive_reader.opened(path, part.compression, part.encryption, self._wish.identity) as stream:
                extraction.extract(stream, wanted)
        except Damaged as error:
            raise HubError(f"The archive {path} is not what its list says: {error}. Nothing was touched.") from None


class _Kept:
    """A directory for what was in the way, made when there is something."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.used = False

    def take(self, directory: int, name: str, path: str) -> None:
        """Move a file there, under the path it has in the volume."""
        self.used = True
        *parents, _last = path.split("/")
        where = os.path.join(self.path, *(parents[: parents.index(name)] if name in parents else parents))
        os.makedirs(where, 0o700, exist_ok=True)
        os.rename(name, os.path.join(where, name), src_dir_fd=directory)


def clean(target: str, check: bool) -> list[str]:
    """Delete what was kept aside of a volume; returns the directories."""
    found = [path for path in _left(target, "kept") if os.path.isdir(path)]
    if not check:
        for path in found:
            shutil.rmtree(path)
    return found


def remove(path: str, ignore_errors: bool = False) -> None:
    """Delete a directory that was written here."""
    shutil.rmtree(path, ignore_errors=ignore_errors)


def _clean(target: str) -> None:
    for path in _left(target, "restoring"):
        shutil.rmtree(path)


def _left(target: str, what: str) -> list[str]:
    parent, base = os.path.split(target)
    pattern = re.compile(rf"\.{re.escape(base)}\.{what}-\d{{8}}T\d{{6}}Z(-\d+)?")
    names = os.listdir(parent) if os.path.isdir(parent) else []
    return sorted(os.path.join(parent, name) for name in names if pattern.fullmatch(name))


def _beside(target: str, what: str) -> str:
    parent, base = os.path.split(target)
    name = wanted = f".{base}.{what}-{time.strftime(_retention.TIME, time.gmtime())}"
    number = 1
    while os.path.lexists(os.path.join(parent, name)):
        name, number = f"{wanted}-{number}", number + 1
    return os.path.join(parent, name)


def _normal(path: str) -> str:
    parts = [part for part in path.removeprefix("./").split("/") if part]
    if not parts or path.startswith("/") or any(part in (".", "..") for part in parts):
        raise HubError(f"paths has {path!r}, expected a path relative to the volume, without '.' and '..'.")
    return "/".join(parts)


def _open(name: str, parent: int | None, stack: contextlib.ExitStack) -> int:
    descriptor = os.open(name, OPEN, dir_fd=parent)
    stack.callback(os.close, descriptor)
    return descriptor


def _exists(name: str, directory: int) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _there(target: str, path: str) -> bool:
    with contextlib.ExitStack() as stack:
        directory = _open(target, None, stack)
        *parents, last = path.split("/")
        for part in parents:
            try:
                directory = _open(part, directory, stack)
            except FileNotFoundError:
                return False
            except OSError:  # a file where a directory has to be
                return True
        return _exists(last, directory)


def _exchange(one: str, other: str) -> None:
    """Two directories change places, in one step where the file system can."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename and rename(-100, os.fsencode(one), -100, os.fsencode(other), _EXCHANGE) == 0:
        return
    aside = _beside(other, "kept")
    os.rename(other, aside)
    os.rename(one, other)
    os.rename(aside, one)
