# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a backup repository. Private to the collection.

``REPOSITORY/HUB/USER/TIME.json`` is the manifest of a backup: it appears last and goes first, so a backup without it does
not exist. Beside it are ``TIME.tar.zst``, ``TIME.files.zst`` (a line for each member) and, for an increment,
``TIME.removed`` (names that end with NUL).
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import errno
import fcntl
import hashlib
import json
import os
import re
import stat
import time
import typing as t
import urllib.parse

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _compression, _retention
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._archive_writer import Known
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

FORMAT = 1
DEFAULT_NAME = "home"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_MANIFEST = re.compile(r"(\d{8}T\d{6}Z)\.json")
_OURS = re.compile(r"\d{8}T\d{6}Z\..*|\.new-.*")
_LONGEST_MANIFEST = 1024 * 1024
_MANY = 300  # directories; to sync each of more than that takes longer than the whole file system
_LONGEST_LINE = 4 * 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What is known of one backup; its JSON is for people too."""

    format: int
    hub: str
    user: str
    name: str
    source: dict[str, str]
    time: str  #: that of its name
    started: str  #: by the clock
    seconds: float
    kind: str
    base: str  #: time of the full archive
    previous: str  #: time of the backup that an increment needs, else empty
    files: int
    size: int  #: of all files of the volume
    owner: int
    group: int
    members: int
    content: int  #: bytes of files in the archive
    archive: str
    archive_bytes: int
    archive_sha256: str
    compression: str
    encryption: str
    listing: str
    listing_sha256: str
    removed: int
    removed_sha256: str
    fingerprint: str
    changed_while_read: list[str]
    skipped: list[str]

    def to_json(self) -> bytes:
        """Its file, with a checksum of its own."""
        fields = vars(self)
        return (json.dumps({**fields, "sha256": _digest(fields)}, indent=1) + "\n").encode()


def _digest(fields: t.Mapping[str, t.Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


_TYPES: dict[str, t.Any] = {key: t.get_origin(kind) or kind for key, kind in t.get_type_hints(Manifest).items()}


def parse(content: bytes) -> Manifest:
    """The manifest in a file.

    :raises ValueError: it is none, or was damaged.
    """
    fields = json.loads(content)
    if not (isinstance(fields, dict) and fields.get("format") == FORMAT):
        raise ValueError(f"it has no format {FORMAT}")
    if _digest({key: value for key, value in fields.items() if key != "sha256"}) != fields.pop("sha256", ""):
        raise ValueError("it does not match its checksum")
    if fields.keys() != _TYPES.keys():
        raise ValueError("it lacks fields, or has foreign ones")
    wrong = [key for key, kind in _TYPES.items() if not _is(fields[key], kind)]
    if wrong:
        raise ValueError(f"{wrong[0]} is {fields[wrong[0]]!r}")
    for key in ("archive", "listing"):
        if "/" in fields[key] or fields[key].startswith("."):
            raise ValueError(f"{key} is {fields[key]!r}, no name of a file beside it")
    return Manifest(**fields)


def _is(value: object, kind: type) -> bool:
    return isinstance(value, (int, float) if kind is float else kind)


def quoted(name: str) -> str:
    """A name as that of a directory: one level, not hidden, and told from every other name."""
    text = urllib.parse.quote(name, safe="@", errors="surrogateescape").replace("~", "%7E")
    return "%2E" + text[1:] if text.startswith(".") else text


def unquoted(directory: str) -> str:
    """The name that a directory was made for."""
    return urllib.parse.unquote(directory, errors="surrogateescape")


class Place:
    """The backups of one volume.

    :param name: of the volume among those of the user.
    """

    def __init__(self, repository: str, hub: str, user: str, name: str = DEFAULT_NAME) -> None:
        self.hub, self.user, self.name = hub, user, name
        self.repository = repository
        parts = [quoted(hub), quoted(user), *([name] if name != DEFAULT_NAME else [])]
        self.path = os.path.join(repository, *parts)
        self._read: dict[str, Manifest] = {}

    def join(self, name: str) -> str:
        """A file of it."""
        return os.path.join(self.path, name)

    def create(self) -> None:
        """Make the directories, for root's eyes only."""
        check(self.repository)
        if os.path.isdir(self.path):
            return
        os.makedirs(self.repository, 0o700, exist_ok=True)
        made = self.repository
        for part in os.path.relpath(self.path, self.repository).split("/"):
            made = os.path.join(made, part)
            with contextlib.suppress(FileExistsError):
                os.mkdir(made, 0o700)

    def times(self) -> list[str]:
        """Times of its backups, the oldest first."""
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            return []
        return sorted(found[1] for found in map(_MANIFEST.fullmatch, names) if found)

    def manifest(self, time: str) -> Manifest:
        """One of them; what was read once is not read again, since nothing ever changes it.

        :raises HubError: it can not be read or is damaged.
        """
        if time in self._read:
            return self._read[time]
        path = self.join(f"{time}.json")
        try:
            with open(path, "rb") as stream:
                found = parse(stream.read(_LONGEST_MANIFEST))
        except (OSError, ValueError, RecursionError) as error:
            raise HubError(f"The manifest {path} can not be used: {_reason(error)}.") from None
        if (found.hub, found.user, found.name, found.time) != (self.hub, self.user, self.name, time):
            raise HubError(f"The manifest {path} is that of another backup, of {found.user} of hub {found.hub}.")
        self._read[time] = found
        return found

    def forget(self) -> None:
        """Hold nothing in memory of what was read: a run may have ten thousand such places."""
        self._read.clear()

    def manifests(self) -> tuple[list[Manifest], list[str]]:
        """All that can be used, the oldest first, and what is wrong with the others."""
        good, bad = [], []
        for moment in self.times():
            try:
                good.append(self.manifest(moment))
            except HubError as error:
                bad.append(error.message)
        return good, bad

    def latest(self) -> Manifest | None:
        """The latest that can be used."""
        for moment in reversed(self.times()):
            with contextlib.suppress(HubError):  # an older one is better than none
                return self.manifest(moment)
        return None

    def chain(self, manifest: Manifest) -> list[Manifest]:
        """What it takes to restore a backup, the full archive first.

        :raises HubError: a part is missing, or not what it was when it was written as far as its size tells.
        """
        found = [manifest]
        while found[-1].previous:
            if found[-1].previous >= found[-1].time:
                raise HubError(f"The manifest {self.join(found[-1].time)}.json needs one that is later than itself.")
            found.append(self.manifest(found[-1].previous))
        for part in found:
            path = self.join(part.archive)
            try:
                size = os.stat(path).st_size
            except OSError as error:
                raise HubError(f"The archive {path} can not be used: {error.strerror}.") from None
            if size != part.archive_bytes:
                raise HubError(f"The archive {path} has {size} bytes, expected {part.archive_bytes}: it is damaged.")
        return found[::-1]

    def known(self, chain: t.Iterable[Manifest]) -> tuple[dict[str, Known], dict[str, int]]:
        """What the volume looked like at the end of a chain: what is known of each path, and which archive has it.

        :raises HubError: a list is damaged.
        """
        state: dict[str, Known] = {}
        where: dict[str, int] = {}
        for number, manifest in enumerate(chain):
            for path in self.removed(manifest):
                state.pop(path, None)
                where.pop(path, None)
            for path, known in self.listed(manifest):
                state[path] = known
                where[path] = number
        return state, where

    def removed(self, manifest: Manifest) -> list[str]:
        """Paths that an increment takes away.

        :raises HubError: the list is damaged.
        """
        if not manifest.removed:
            return []
        path = self.join(f"{manifest.time}.removed")
        try:
            with open(path, "rb") as stream:
                content = stream.read()
        except OSError as error:
            raise HubError(f"The list {path} can not be used: {error.strerror}.") from None
        if hashlib.sha256(content).hexdigest() != manifest.removed_sha256:
            raise HubError(f"The list {path} does not match its checksum: it is damaged.")
        return [os.fsdecode(name.removeprefix(b"./")) for name in content.split(b"\0")[:-1]]

    def listed(self, manifest: Manifest) -> t.Iterator[tuple[str, Known]]:
        """The members of an archive: path and what is known of it.

        :raises HubError: the list is damaged; what came before is of no use then.
        """
        path = self.join(manifest.listing)
        digest = hashlib.sha256()
        try:
            with open(path, "rb") as stream:
                pieces = _compression.decompressed(manifest.compression, _hashed(stream, digest))
                for number, line in enumerate(_lines(pieces)):
                    if number == manifest.members:
                        raise ValueError("it is longer than the archive")
                    name, kind, sign, value = fields = json.loads(line.decode("ascii"))
                    if not all(isinstance(field, str) for field in fields):
                        raise ValueError(f"its line {number + 1} is none of ours")
                    yield name, Known(kind, sign, value)
        except (OSError, ValueError, TypeError, RecursionError, _compression.Damaged) as error:
            raise HubError(f"The list {path} can not be used: {_reason(error)}.") from None
        if digest.hexdigest() != manifest.listing_sha256:
            raise HubError(f"The list {path} does not match its checksum: it is damaged.")

    def next_time(self, now: float) -> str:
        """The time of a new backup: later than those that are there, whatever the clock says."""
        wanted = time.strftime(_retention.TIME, time.gmtime(now))
        there = self.times()
        if there and there[-1] >= wanted:
            after = _retention.moment(there[-1]).timestamp() + 1
            return time.strftime(_retention.TIME, time.gmtime(after))
        return wanted

    def clean(self) -> None:
        """Remove what killed runs left; only with the lock."""
        names = os.listdir(self.path)
        complete = {found[1] for found in map(_MANIFEST.fullmatch, names) if found}
        for name in names:
            if _OURS.fullmatch(name) and name[:16] not in complete:
                os.unlink(self.join(name))

    def remove(self, moment: str) -> None:
        """Remove a backup; its manifest goes first, so that it is there completely or not at all."""
        os.unlink(self.join(f"{moment}.json"))
        for name in os.listdir(self.path):
            if name.startswith(f"{moment}."):
                os.unlink(self.join(name))

    @contextlib.contextmanager
    def locked(self, seconds: float) -> t.Iterator[None]:
        """Alone with the backups of this volume; the system frees the lock of a process that is killed.

        :raises HubError: another run has it for longer than ``seconds``.
        """
        with lock(self.join(".lock"), seconds, f"the backups of {self.user}"):
            yield


@contextlib.contextmanager
def lock(path: str, seconds: float, what: str) -> t.Iterator[None]:
    """Hold a lock.

    :raises HubError: another process has it for longer than ``seconds``.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        end = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise HubError(
                        f"Another run has been at work with {what} for {seconds:g} seconds ({path} is locked).",
                        "Let it end and run this again.",
                    ) from None
                time.sleep(0.1)
        yield
    finally:
        os.close(descriptor)


def check(repository: str) -> None:
    """Refuse a repository that is none, or that others may write into.

    :raises HubError: what is wrong with it.
    """
    if not os.path.isabs(repository):
        raise HubError(f"repository is {repository!r}, expected the absolute path of a directory.")
    try:
        found = os.stat(repository)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode):
        raise HubError(f"repository is {repository}, which is no directory.")
    if found.st_mode & 0o022 or found.st_uid not in (0, os.geteuid()):
        raise HubError(
            f"repository is {repository}, and other accounts may change what is in it "
            f"(mode {found.st_mode & 0o777:04o}, owner {found.st_uid}).",
            "Make it root's, with mode 0700.",
        )


def sync(path: str) -> None:
    """Make everything durable that is on the file system of a directory."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        call = getattr(ctypes.CDLL(None), "syncfs", None)
        if not call or call(descriptor):
            os.sync()
    finally:
        os.close(descriptor)


def sync_names(repository: str, directories: t.Iterable[str]) -> None:
    """Make names durable in directories of a repository and in those above them."""
    wanted = {repository, os.path.dirname(repository)}
    for directory in directories:
        while directory not in wanted:
            wanted.add(directory)
            directory = os.path.dirname(directory)
    if len(wanted) > _MANY:
        sync(repository)
        return
    # All that others have written to the file system meanwhile need not be waited for.
    for directory in wanted:
        sync_directory(directory)


def sync_directory(path: str) -> None:
    """Make names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # network file systems that have no such thing
            raise
    finally:
        os.close(descriptor)


def _hashed(stream: t.BinaryIO, digest: hashlib._Hash) -> t.Iterator[bytes]:
    while chunk := stream.read(_compression.BLOCK):
        digest.update(chunk)
        yield chunk


def _lines(pieces: t.Iterable[memoryview]) -> t.Iterator[bytes]:
    rest = b""
    for piece in pieces:
        lines = (rest + piece).split(b"\n")
        rest = lines.pop()
        if len(rest) > _LONGEST_LINE:
            raise ValueError("a line has no end")
        yield from lines
    if rest:
        raise ValueError("its last line has no end")


def _reason(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
