# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a tree of files as a tar archive. Private to the collection.

The time of a large volume goes into calls per file, so there are few: files are opened by their directory's descriptor a
few dozen ahead, so that the disk can work in parallel, and their content is read into the buffer from which it is
compressed.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import stat
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _tar_headers as tar
from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _tree
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._compression import BLOCK, Compressor

_AHEAD = 32
_LISTING = 64 * 1024
_quoted = json.encoder.encode_basestring_ascii
_SEGMENTS = 200_000
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NONE = errno.ENOTSUP, errno.ENODATA, *_tree.GONE


class Known(t.NamedTuple):
    """What an earlier backup says of a path."""

    kind: str
    signature: str
    digest: str


@dataclasses.dataclass
class Written:
    """What went into an archive."""

    fingerprint: str
    files: int  #: in the volume
    size: int  #: of all files of the volume
    members: int  #: in the archive
    content: int  #: bytes of file content in the archive
    removed: list[str]  #: paths that an earlier backup has and the volume has not
    notes: _tree.Notes


class Writer:
    """Writes one archive.

    :param output: gets the archive.
    :param listing: gets one line of JSON for each member: path, kind, signature, and for a
        file the SHA-256 of what the archive has of it, or ``=`` and the path of which it is a hard link.
    :param known: what is written already, by path; what has not changed since is left out. It is used up.
    """

    def __init__(self, output: Compressor, listing: Compressor, known: dict[str, Known]) -> None:
        self._output = Packer(output, BLOCK)
        self._listing = Packer(listing, _LISTING)
        self._known = known
        self._all = not known
        self._notes = _tree.Notes()
        self._links: dict[int, str] = {}
        self._members = self._content = 0
        self._gone: set[str] = set()

    def write(self, top: int) -> Written:
        """Write the tree whose top directory has the descriptor ``top``.

        :raises OSError: something can not be read or written.
        """
        seen = _tree.Fingerprint()
        for directory in _tree.walk(top, self._notes):
            seen.add(directory)
            self._directory(directory)
        if os.fstat(top).st_nlink == 0:
            raise OSError(errno.ENOENT, "The volume was removed while it was read")
        self._output.put(tar.END)
        self._output.finish()
        self._listing.finish()
        certain = seen.value() if not self._notes.has_changed else ""
        removed = sorted(self._gone.union(self._known))
        return Written(certain, seen.files, seen.size, self._members, self._content, removed, self._notes)

    def _directory(self, directory: _tree.Directory) -> None:
        changed = [(name, status) for name, status in directory.entries if self._is_new(directory.join(name), status)]
        # Writing into a directory sets its time, so it follows whatever is restored in it.
        if self._is_new(directory.path, directory.status) or changed:
            attributes = _attributes(directory.descriptor)
            self._member(directory.path, tar.DIRECTORY, directory.status, attributes)
            sign = "" if _tree.fresh(directory.status) else _tree.signature(directory.status)
            self._line(directory.path, "d", sign, "")
        for start in range(0, len(changed), _AHEAD):
            ahead = [
                (name, status, self._open(directory, name, status)) for name, status in changed[start : start + _AHEAD]
            ]
            try:
                while ahead:
                    name, status, descriptor = ahead.pop(0)
                    self._entry(directory, name, status, descriptor)
            finally:
                for _name, _status, descriptor in ahead:
                    if descriptor is not None:
                        os.close(descriptor)

    def _is_new(self, path: str, status: os.stat_result) -> bool:
        if self._all:
            return True
        known = self._known.pop(path, None)
        if known and known.kind != _kind(status.st_mode):
            self._gone.add(path)  # tar does not put a file in the place of a directory, or the reverse
        return known is None or not known.signature or known.signature != _tree.signature(status)

    def _lost(self, path: str) -> None:
        """A file is not there any more, and so not in this archive."""
        self._notes.change(path)
        self._gone.add(path)

    def _open(self, directory: _tree.Directory, name: str, status: os.stat_result) -> int | None:
        if not stat.S_ISREG(status.st_mode):
            return None
        try:
            descriptor = os.open(name, _OPEN, dir_fd=directory.descriptor)
        except OSError as error:
            if error.errno in _tree.GONE:
                self._lost(directory.join(name))
                return None
            raise OSError(error.errno, error.strerror, directory.join(name)) from None
        if status.st_size:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_WILLNEED)
        return descriptor

    def _entry(self, directory: _tree.Directory, name: str, status: os.stat_result, descriptor: int | None) -> None:
        path = directory.join(name)
        if descriptor is not None:
            try:
                self._file(path, descriptor, status)
            except OSError as error:
                raise OSError(error.errno, error.strerror, error.filename or path) from None
            finally:
                os.close(descriptor)
        elif stat.S_ISLNK(status.st_mode):
            try:
                target = os.readlink(name, dir_fd=directory.descriptor)
            except OSError as error:  # also EINVAL: it is no link any more
                if error.errno not in (*_tree.GONE, errno.EINVAL):
                    raise OSError(error.errno, error.strerror, path) from None
                self._lost(path)
                return
            attributes = _attributes(f"/proc/self/fd/{directory.descriptor}/{name}")
            self._member(path, tar.SYMLINK, status, attributes, link=os.fsencode(target))
            self._line(path, "s", _tree.signature(status), "")
        elif stat.S_ISFIFO(status.st_mode):
            self._member(path, tar.FIFO, status, _attributes(f"/proc/self/fd/{directory.descriptor}/{name}"))
            self._line(path, "p", _tree.signature(status), "")
        elif not stat.S_ISREG(status.st_mode):
            self._notes.skip(path)

    def _file(self, path: str, descriptor: int, seen: os.stat_result) -> None:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):  # replaced by a pipe or a device
            self._lost(path)
            return
        if before.st_ino != seen.st_ino:
            self._notes.change(path)
        if before.st_nlink > 1:
            first = self._links.setdefault(before.st_ino, path)
            if first != path:
                self._member(path, tar.LINK, before, {}, link=os.fsencode(first))
                self._line(path, "f", _tree.signature(before), f"={first}")
                return
        attributes = _attributes(descriptor)
        segments = _segments(descriptor, before.st_size) if before.st_blocks * 512 < before.st_size else None
        digest = hashlib.sha256()
        if segments is None:
            self._member(path, tar.FILE, before, attributes, size=before.st_size)
            complete = self._output.copy(descriptor, before.st_size, digest)
        else:
            numbers = [len(segments), *(number for segment in segments for number in segment)]
            text = b"".join(b"%d\n" % number for number in numbers)
            text += bytes(-len(text) % tar.SIZE)
            size = len(text) + sum(length for _start, length in segments)
            self._member(path, tar.SPARSE, before, attributes, size=size, real_size=before.st_size)
            digest.update(text)
            self._output.put(text)
            complete = True
            for start, length in segments:
                os.lseek(descriptor, start, os.SEEK_SET)
                complete = self._output.copy(descriptor, length, digest) and complete
        self._output.pad()
        after = os.fstat(descriptor)
        sign = _tree.signature(after)
        if not complete or sign != _tree.signature(before):
            self._notes.change(path)
            sign = ""
        elif _tree.fresh(after):
            sign = ""
        self._content += before.st_size
        self._line(path, "f", sign, digest.hexdigest())

    def _member(
        self,
        path: str,
        kind: bytes,
        status: os.stat_result,
        attributes: dict[bytes, bytes],
        link: bytes = b"",
        size: int = 0,
        real_size: int = 0,
    ) -> None:
        self._members += 1
        member = tar.Member(
            os.fsencode(path),
            kind,
            status.st_mode,
            status.st_uid,
            status.st_gid,
            status.st_mtime_ns,
            size,
            link,
            attributes,
            real_size,
        )
        self._output.put(tar.header(member))

    def _line(self, path: str, kind: str, sign: str, digest: str) -> None:
        # What json.dumps says of four strings, in a tenth of the time.
        self._listing.put(f'[{_quoted(path)}, "{kind}", "{sign}", {_quoted(digest)}]\n'.encode())


def _kind(mode: int) -> str:
    return {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "s", stat.S_IFIFO: "p"}.get(stat.S_IFMT(mode), "")


def _attributes(where: int | str) -> dict[bytes, bytes]:
    """Extended attributes, access control lists as text."""
    try:
        names = os.listxattr(where) if isinstance(where, int) else os.listxattr(where, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NONE:
            raise
        return {}
    found = {}
    for name in names:
        try:
            value = (
                os.getxattr(where, name) if isinstance(where, int) else os.getxattr(where, name, follow_symlinks=False)
            )
        except OSError as error:  # removed since
            if error.errno not in _NONE:
                raise
            continue
        key = os.fsencode(name)
        if key in tar.ACL:
            found[tar.ACL[key]] = tar.acl_text(value)
        else:
            found[key] = value
    return found


def _segments(descriptor: int, size: int) -> list[tuple[int, int]] | None:
    """Where a file with holes has data, in whole blocks of an archive; None when there are no holes after all."""
    found: list[tuple[int, int]] = []
    end = 0
    try:
        while end < size:
            try:
                start = os.lseek(descriptor, end, os.SEEK_DATA)
                hole = os.lseek(descriptor, start, os.SEEK_HOLE)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                break  # nothing but a hole up to the end
            start, hole = start - start % tar.SIZE, min(size, hole + -hole % tar.SIZE)
            if len(found) == _SEGMENTS - 1:
                hole = size
            if hole > start:
                found.append((start, hole - start))
            end = max(hole, end + 1)
    finally:
        os.lseek(descriptor, 0, os.SEEK_SET)
    if found == [(0, size)]:
        return None
    if not found or sum(found[-1]) < size:
        found.append((size, 0))
    return found


class Packer:
    """Collects small pieces into blocks that are worth compressing."""

    _idle: t.ClassVar[
        dict[int, bytearray]
    ] = {}  #: by size, for the next archive: new memory costs as much as a small one

    def __init__(self, output: Compressor, size: int) -> None:
        self._output, self._size = output, size
        self._buffer = self._idle.pop(size, bytearray()) or bytearray(size)
        self._view = memoryview(self._buffer)
        self._used = 0
        self._total = 0

    def put(self, data: bytes) -> None:
        """Add a piece."""
        end = self._used + len(data)
        if end <= self._size:
            self._buffer[self._used : end] = data
            self._used = end
            return
        view = memoryview(data)
        while view:
            room = min(self._size - self._used, len(view))
            self._view[self._used : self._used + room] = view[:room]
            self._used += room
            view = view[room:]
            if self._used == self._size:
                self._flush()

    def copy(self, descriptor: int, size: int, digest: hashlib._Hash) -> bool:
        """Add so many bytes of a file, and zeros where it is shorter by now; False then."""
        left = size
        while left:
            if self._used == self._size:
                self._flush()
            part = self._view[self._used : self._used + min(left, self._size - self._used)]
            got = os.readv(descriptor, (part,))
            if not got:
                break
            digest.update(part[:got] if got < len(part) else part)
            self._used += got
            left -= got
        complete = not left
        while left:
            zeros = bytes(min(left, BLOCK))
            digest.update(zeros)
            self.put(zeros)
            left -= len(zeros)
        return complete

    def pad(self) -> None:
        """Go on at a whole block of the archive."""
        missing = -(self._total + self._used) % tar.SIZE
        if missing:
            self.put(bytes(missing))

    def _flush(self) -> None:
        self._output.write(self._buffer, self._used)
        self._total += self._used
        self._used = 0

    def finish(self) -> None:
        """Write the rest."""
        self._output.finish(self._buffer, self._used)
        self._total += self._used
        self._used = 0
        self._idle[self._size] = self._buffer  # there is nothing after this
