# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads archives: checks them, and writes their files into an empty directory. Private to the collection.

An archive may be damaged or made by somebody to do harm. Nothing in it is believed before it is checked: names stay in
the directory, which nobody else can enter, no link is followed, and there are no more bytes than the lists say.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import os
import threading
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _compression, _encryption
from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _tar_headers as tar
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._archive_writer import Known
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._compression import BLOCK, Damaged

_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_SEGMENTS = 1_000_000
_LOOK = 0.05  # seconds after which a file may have grown


def checksum(path: str) -> tuple[int, str]:
    """Size and SHA-256 of a file."""
    digest = hashlib.sha256()
    size = 0
    for chunk in chunks(path):
        digest.update(chunk)
        size += len(chunk)
    return size, digest.hexdigest()


def decompresses(path: str, compression: str, complete: threading.Event) -> tuple[int, str]:
    """The same of a compressed file whose content matches the checksum that the compressor has put into it.

    :param complete: is set when nothing more is written to it.
    :raises Damaged: it does not.
    """
    digest = hashlib.sha256()
    size = 0

    def hashed() -> t.Iterator[bytes]:
        nonlocal size
        for chunk in _growing(path, complete):
            digest.update(chunk)
            size += len(chunk)
            yield chunk

    for _piece in _compression.decompressed(compression, hashed()):
        pass
    return size, digest.hexdigest()


def chunks(path: str) -> t.Iterator[bytes]:
    """The content of a file."""
    with open(path, "rb", buffering=0) as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        while chunk := stream.read(BLOCK):
            yield chunk


def _growing(path: str, complete: threading.Event) -> t.Iterator[bytes]:
    """The content of a file that is being written."""
    with open(path, "rb", buffering=0) as stream:
        ended = False
        while not ended:
            ended = complete.wait(_LOOK)
            while chunk := stream.read(BLOCK):
                yield chunk


class Stream:
    """Takes pieces of any size from pieces of another."""

    def __init__(self, pieces: t.Iterator[memoryview]) -> None:
        self._pieces = pieces
        self._view = memoryview(b"")

    def take(self, size: int) -> bytes:
        """Exactly so many bytes.

        :raises Damaged: there are fewer.
        """
        if size <= len(self._view):
            found = bytes(self._view[:size])
            self._view = self._view[size:]
            return found
        return b"".join(bytes(part) for part in self.parts(size))

    def parts(self, size: int) -> t.Iterator[memoryview]:
        """So many bytes, each part valid until the next."""
        while size:
            if not self._view:
                self._view = next(self._pieces, memoryview(b""))
                if not self._view:
                    raise Damaged("its end is missing")
            part, self._view = self._view[:size], self._view[size:]
            size -= len(part)
            yield part

    def skip(self, size: int) -> None:
        """Leave so many bytes out."""
        for _part in self.parts(size):
            pass

    def rest(self) -> None:
        """Read to the end, so that the checks of all of it are made.

        :raises Damaged: there is more.
        """
        if self._view or any(self._pieces):
            raise Damaged("there is something after its end")


@contextlib.contextmanager
def opened(path: str, compression: str, encryption: str, identity: str) -> t.Iterator[Stream]:
    """The content of an archive, to take from."""
    with content(path, compression, encryption, identity) as pieces:
        yield Stream(pieces)


@contextlib.contextmanager
def content(path: str, compression: str, encryption: str, identity: str) -> t.Iterator[t.Iterator[memoryview]]:
    """The content of an archive."""
    with contextlib.ExitStack() as stack:
        source: t.Iterable[bytes] = chunks(path)
        if encryption:
            source = stack.enter_context(_encryption.decrypted(encryption, identity, source))
        pieces = _compression.decompressed(compression, source)
        stack.callback(pieces.close)
        yield pieces


def verify(stream: Stream, listed: t.Mapping[str, Known]) -> None:
    """Compare every member with the list of its archive.

    :raises Damaged: with the first difference.
    """
    seen = set()
    for member in members(stream):
        path = os.fsdecode(member.path)
        digest = hashlib.sha256()
        for part in stream.parts(member.size):
            digest.update(part)
        stream.skip(-member.size % tar.SIZE)
        known = listed.get(path)
        if known is None or path in seen:
            raise Damaged(f"{path!r} is not in its list, or twice in it")
        seen.add(path)
        _compare(path, member, known, digest.hexdigest())
    missing = listed.keys() - seen
    if missing:
        raise Damaged(f"{min(missing)!r} is missing")


def members(stream: Stream) -> t.Iterator[tar.Member]:
    """The headers of an archive; whoever asks takes the content."""
    try:
        while member := tar.read(stream.take):
            yield member
    except tar.Malformed as error:
        raise Damaged(str(error)) from None
    stream.rest()


_KINDS = {tar.DIRECTORY: "d", tar.SYMLINK: "s", tar.FIFO: "p"}


def _compare(path: str, member: tar.Member, known: Known, digest: str) -> None:
    if known.kind != _KINDS.get(member.type, "f"):
        raise Damaged(f"{path!r} is of another kind than its list says")
    if member.type in (tar.FILE, tar.SPARSE):
        if digest != known.digest:
            raise Damaged(f"{path!r} does not match its checksum")
    elif member.type == tar.LINK and known.digest != f"={os.fsdecode(member.link)}":
        raise Damaged(f"{path!r} is a link to another file than its list says")


def _parts(path: str) -> list[str]:
    return path.split("/") if path else []


@dataclasses.dataclass
class Owners:
    """Who gets what belonged to the owner of the volume."""

    old_uid: int = -1
    old_gid: int = -1
    uid: int | None = None
    gid: int | None = None

    def user(self, number: int) -> int:
        """The new number of an account."""
        return self.uid if self.uid is not None and number == self.old_uid else number

    def group(self, number: int) -> int:
        """The new number of a group."""
        return self.gid if self.gid is not None and number == self.old_gid else number

    def of(self, kind: str, number: int) -> int:
        """The same for an entry of an access control list."""
        return self.user(number) if kind == "user" else self.group(number)


class Extraction:
    """Writes the files of one or more archives into an empty directory that nobody else can enter.

    :param top: its descriptor; its owner is this process until the end.
    :param limit: bytes that may be written.
    """

    def __init__(self, top: int, owners: Owners, limit: int) -> None:
        self._owners = owners
        self._left = limit
        self._directories: dict[str, tar.Member] = {}
        self._path = ""
        self._descriptor = os.dup(top)
        self.files = 0
        self.bytes = 0
        self.lost: list[str] = []  #: attributes that the file system here can not have

    def close(self) -> None:
        """Free the descriptor it holds."""
        os.close(self._descriptor)

    def extract(self, stream: Stream, wanted: t.Mapping[str, Known]) -> None:
        """Write those members of an archive that are wanted.

        :raises Damaged: the archive is not what the lists say; what is written so far is of no use.
        """
        left = dict(wanted)
        for member in members(stream):
            path = os.fsdecode(member.path)
            known = left.pop(path, None)
            if known is None:
                stream.skip(member.size + -member.size % tar.SIZE)
                continue
            try:
                self._member(path, member, known, stream)
            except tar.Malformed as error:
                raise Damaged(f"{path!r}: {error}") from None
            except FileExistsError:
                raise Damaged(f"{path!r} is twice in it, or below something that is no directory") from None
        if left:
            raise Damaged(f"{min(left)!r} is missing")

    def finish(self) -> None:
        """Give directories their attributes and times, which their files would have changed."""
        for path in sorted(self._directories, key=lambda path: path.count("/") + bool(path), reverse=True):
            self._apply(self._enter(path), self._directories[path])

    def _member(self, path: str, member: tar.Member, known: Known, stream: Stream) -> None:
        self.files += 1
        if member.type == tar.DIRECTORY:
            _compare(path, member, known, "")
            self._enter(path)
            self._directories[path] = member
            return
        parent, _slash, name = path.rpartition("/")
        if not name:
            raise Damaged("its top is no directory")
        directory = self._enter(parent)
        if member.type in (tar.FILE, tar.SPARSE):
            descriptor = os.open(name, _CREATE, 0o600, dir_fd=directory)
            try:
                digest = self._content(descriptor, member, stream)
                _compare(path, member, known, digest)
                self._apply(descriptor, member)
            finally:
                os.close(descriptor)
            return
        _compare(path, member, known, "")
        if member.type == tar.LINK:
            self._link(member, directory, name)
        elif member.type == tar.SYMLINK:
            os.symlink(member.link, name, dir_fd=directory)
            self._apply_name(directory, name, member)
        else:
            os.mkfifo(name, 0o600, dir_fd=directory)
            self._apply_name(directory, name, member)

    def _link(self, member: tar.Member, directory: int, name: str) -> None:
        parent, _slash, target = os.fsdecode(member.link).rpartition("/")
        keep = os.dup(directory)
        try:
            os.link(target, name, src_dir_fd=self._enter(parent), dst_dir_fd=keep, follow_symlinks=False)
        except FileNotFoundError:
            raise Damaged(f"{name!r} is a link to {target!r}, which is not before it") from None
        finally:
            os.close(keep)

    def _enter(self, path: str) -> int:
        """The descriptor of a directory, which is made when it is not there yet."""
        if path == self._path:
            return self._descriptor
        here, parts = _parts(self._path), _parts(path)
        shared = len(os.path.commonprefix([here, parts]))
        # Nobody else can enter the top directory yet, so that what is above is what it was.
        parts = [".."] * (len(here) - shared) + parts[shared:]
        descriptor = os.dup(self._descriptor)
        try:
            for part in parts:
                if part != "..":
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o700, dir_fd=descriptor)
                below = os.open(part, _OPEN_DIRECTORY, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
        except OSError as error:
            os.close(descriptor)
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise Damaged(f"{path!r} is below something that is no directory") from None
            raise
        os.close(self._descriptor)
        self._descriptor, self._path = descriptor, path
        return descriptor

    def _content(self, descriptor: int, member: tar.Member, stream: Stream) -> str:
        digest = hashlib.sha256()
        if member.type == tar.FILE:
            self._spend(member.size)
            for part in stream.parts(member.size):
                digest.update(part)
                _compression.write_all(descriptor, part)
            self.bytes += member.size
        else:
            self._sparse(descriptor, member, stream, digest)
            self.bytes += member.real_size
        stream.skip(-member.size % tar.SIZE)
        return digest.hexdigest()

    def _sparse(self, descriptor: int, member: tar.Member, stream: Stream, digest: hashlib._Hash) -> None:
        numbers = self._map(stream, digest)
        end = 0
        for start, length in zip(map(int, numbers[1::2]), map(int, numbers[2::2]), strict=True):
            if start < end or start + length > member.real_size:
                raise tar.Malformed("a broken map of a sparse file")
            end = start + length
            self._spend(length)
            os.lseek(descriptor, start, os.SEEK_SET)
            for part in stream.parts(length):
                digest.update(part)
                _compression.write_all(descriptor, part)
        os.ftruncate(descriptor, member.real_size)

    @staticmethod
    def _map(stream: Stream, digest: hashlib._Hash) -> list[bytes]:
        """Number of segments, then start and length of each, as text in whole blocks."""
        text = bytearray()
        wanted, lines = 1, 0
        while lines < wanted:
            block = stream.take(tar.SIZE)
            digest.update(block)
            text += block
            lines += block.count(b"\n")
            if len(text) == len(block):
                head = block.partition(b"\n")[0]
                if not head.isdigit() or int(head) > _MOST_SEGMENTS:
                    raise tar.Malformed("a broken map of a sparse file")
                wanted = 1 + 2 * int(head)
        numbers = bytes(text).rstrip(b"\0").split(b"\n")[:-1]
        if len(numbers) != wanted or not all(number.isdigit() for number in numbers):
            raise tar.Malformed("a broken map of a sparse file")
        return numbers

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise Damaged("there are more bytes in it than its manifest says")

    # The order matters: a change of owner takes set-id bits and capabilities away, and nothing may come after the time.

    def _apply(self, descriptor: int, member: tar.Member) -> None:
        os.fchown(descriptor, self._owners.user(member.uid), self._owners.group(member.gid))
        os.fchmod(descriptor, member.mode)
        for name, value in self._attributes(member):
            try:
                os.setxattr(descriptor, name, value)
            except OSError as error:
                self._not_kept(error, member, name)
        os.utime(descriptor, ns=(member.mtime, member.mtime))

    def _apply_name(self, directory: int, name: str, member: tar.Member) -> None:
        owner, group = self._owners.user(member.uid), self._owners.group(member.gid)
        os.chown(name, owner, group, dir_fd=directory, follow_symlinks=False)
        if member.type == tar.FIFO:
            os.chmod(name, member.mode, dir_fd=directory)
        for attribute, value in self._attributes(member):
            try:
                os.setxattr(f"/proc/self/fd/{directory}/{name}", attribute, value, follow_symlinks=False)
            except OSError as error:
                self._not_kept(error, member, attribute)
        os.utime(name, ns=(member.mtime, member.mtime), dir_fd=directory, follow_symlinks=False)

    def _attributes(self, member: tar.Member) -> t.Iterator[tuple[bytes, bytes]]:
        kernel_names = {ours: theirs for theirs, ours in tar.ACL.items()}
        for key, value in member.attributes.items():
            if key in kernel_names:
                yield kernel_names[key], tar.acl_value(value, self._owners.of)
            else:
                yield key, value

    def _not_kept(self, error: OSError, member: tar.Member, name: bytes) -> None:
        if error.errno not in (errno.ENOTSUP, errno.EPERM, errno.EINVAL, errno.ENOSPC, errno.E2BIG, errno.ERANGE):
            raise error
        self.lost.append(f"{os.fsdecode(member.path)}: {os.fsdecode(name)}")
