# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a build gets from this host: what they are, and as one archive. Private to the collection."""

from __future__ import annotations

import dataclasses
import fnmatch
import gzip
import hashlib
import io
import json
import os
import stat
import tarfile
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

EXCLUDE = (".git", "__pycache__")
# Some programs, zip for one, know no earlier day.
_TIME = 315619200
_FILE, _PROGRAM, _LINK, _DIRECTORY = "file", "program", "link", "directory"


@dataclasses.dataclass(frozen=True)
class _Entry:
    path: str
    kind: str
    content: str  #: SHA-256 of a file's content, or the target of a link
    text: bytes | None = None  #: content of a file that is in no directory


@dataclasses.dataclass(frozen=True)
class Files:
    """What a build gets; times and owners of files do not count, and of modes only whether it is a program."""

    directory: str
    entries: tuple[_Entry, ...]

    @property
    def digest(self) -> str:
        """The same for the same names, modes and contents, wherever they are."""
        lines = [json.dumps([entry.path, entry.kind, entry.content]) for entry in self.entries]
        return f"sha256:{hashlib.sha256(chr(10).join(lines).encode('utf-8', 'surrogateescape')).hexdigest()}"

    @property
    def names(self) -> list[str]:
        """Paths of all of them."""
        return [entry.path for entry in self.entries]

    def archive(self) -> bytes:
        """All of them, as a compressed tar archive.

        :raises HubError: a file is not any more what it was.
        """
        output = io.BytesIO()
        with (
            gzip.GzipFile(fileobj=output, mode="wb", compresslevel=6, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for entry in self.entries:
                self._add(archive, entry)
        return output.getvalue()

    def _add(self, archive: tarfile.TarFile, entry: _Entry) -> None:
        member = tarfile.TarInfo(entry.path)
        member.mtime = _TIME
        member.mode = 0o644 if entry.kind == _FILE else 0o755
        if entry.kind == _DIRECTORY:
            member.type = tarfile.DIRTYPE
            archive.addfile(member)
        elif entry.kind == _LINK:
            member.type, member.linkname = tarfile.SYMTYPE, entry.content
            archive.addfile(member)
        else:
            data = entry.text if entry.text is not None else _read(os.path.join(self.directory, entry.path))
            if hashlib.sha256(data).hexdigest() != entry.content:
                raise HubError(
                    f"{os.path.join(self.directory, entry.path)} changed while it was read.",
                    "Run it again when nobody writes there.",
                )
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def look(directory: str, files: t.Mapping[str, str], exclude: t.Sequence[str]) -> Files:
    """The files of a directory, and further ones by their path and text, which win.

    :param exclude: patterns of names, or of paths below the directory, that are left out with all that is in them.
    :raises HubError: there is no such directory, something in it is no file, or can not be read.
    """
    entries: dict[str, _Entry] = {}
    if directory:
        if not os.path.isdir(directory):
            raise HubError(
                f"directory is {directory}, which is no directory on the host of this task.",
                "Give the path of the directory with the sources of the image.",
            )
        entries = {entry.path: entry for entry in _walk(directory, "", exclude)}
    for path, text in files.items():
        if not path or os.path.isabs(path) or ".." in path.split("/"):
            raise HubError(f"files has the path {path!r}, expected one below the top of the sources.")
        data = str(text).encode()
        kind = _PROGRAM if data.startswith(b"#!") else _FILE
        entries[path] = _Entry(path, kind, hashlib.sha256(data).hexdigest(), data)
    return Files(directory, tuple(entries[path] for path in sorted(entries)))


def _walk(top: str, below: str, exclude: t.Sequence[str]) -> t.Iterator[_Entry]:
    try:
        with os.scandir(os.path.join(top, below)) as found:
            listed = sorted(found, key=lambda each: each.name)
        for each in listed:
            path = f"{below}/{each.name}" if below else each.name
            if any(fnmatch.fnmatch(each.name, pattern) or fnmatch.fnmatch(path, pattern) for pattern in exclude):
                continue
            mode = each.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                yield _Entry(path, _DIRECTORY, "")
                yield from _walk(top, path, exclude)
            elif stat.S_ISLNK(mode):
                yield _Entry(path, _LINK, os.readlink(each.path))
            elif stat.S_ISREG(mode):
                kind = _PROGRAM if mode & stat.S_IXUSR else _FILE
                yield _Entry(path, kind, hashlib.sha256(_read(each.path)).hexdigest())
            else:
                raise HubError(
                    f"{each.path} is neither a file nor a directory nor a link, which no build can get.",
                    "Remove it, or leave it out with exclude.",
                )
    except OSError as error:
        raise HubError(f"{error.filename or top} can not be read: {error.strerror}.") from error


def _read(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()
