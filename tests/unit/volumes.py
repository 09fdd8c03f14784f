# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees of files for tests of backups: an odd one, and a way to compare two."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import socket
import stat
import struct
import subprocess
import typing as t

from module_runs import call

from ansible_collections.hubwright.jupyterhub.plugins.modules import volume_backup, volume_backup_info, volume_restore

ROOT = os.geteuid() == 0
_ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry)
    for entry in (
        (1, 7, 0xFFFFFFFF),
        (2, 6, 4242),
        (4, 5, 0xFFFFFFFF),
        (8, 4, 4343),
        (16, 7, 0xFFFFFFFF),
        (32, 0, 0xFFFFFFFF),
    )
)
_CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)


def odd(top: pathlib.Path) -> None:
    """Everything that backups lose: owners, set-id bits, attributes, lists, capabilities, links, holes, names, times."""
    top.mkdir()
    for name in (
        "plain",
        "setuid",
        "nothing",
        "attribute",
        "list",
        "capable",
        "old",
        "late",
        "first",
        "-leading",
        "空の名",
    ):
        (top / name).write_text(f"content of {name}")
    (top / "new\nline").write_text("newline")
    (top / os.fsdecode(b"not-\xff-utf8")).write_text("bytes")
    (top / "empty").touch()
    deep = top.joinpath(*(f"{number:02}".ljust(40, "d") for number in range(12)))
    deep.mkdir(parents=True)
    (deep / ("f" * 120)).write_text("deep")
    (top / "sticky").mkdir(mode=0o700)
    (top / "sticky").chmod(0o1777)
    os.link(top / "first", top / "second")
    os.link(top / "first", deep / "third")
    (top / "dangling").symlink_to("nowhere")
    (top / "absolute").symlink_to("/etc/passwd")
    (top / "long").symlink_to("x/" * 150)
    os.mkfifo(top / "fifo", 0o640)
    with socket.socket(socket.AF_UNIX) as server, contextlib.chdir(top):
        server.bind("socket")
    with (top / "sparse").open("wb") as stream:
        for position in (0, 100_000_000, 199_999_999):
            stream.seek(position)
            stream.write(b"x")
    with (top / "hole at its end").open("wb") as stream:
        stream.write(b"x" * 5000)
        stream.truncate(50_000_000)
    with (top / "nothing but a hole").open("wb") as stream:
        stream.truncate(30_000_000)
    os.setxattr(top / "attribute", "user.note=%", b"binary \0 value\n")
    os.setxattr(top / "sticky", "user.directory", b"")
    os.setxattr(top / "list", "system.posix_acl_access", _ACL)
    os.setxattr(deep, "system.posix_acl_default", _ACL)
    if ROOT:
        for name, owner, group in (("plain", 1234, 100), ("setuid", 4321, 8765), ("sticky", 3_000_000, 3_000_001)):
            os.chown(top / name, owner, group)
        os.chown(top / "dangling", 1234, 100, follow_symlinks=False)
        os.setxattr(top / "capable", "security.capability", _CAPABILITY)
    (top / "setuid").chmod(0o6755)
    (top / "nothing").chmod(0)
    os.utime(top / "old", ns=(-86_400_000_000_001, -86_400_000_000_001))
    os.utime(top / "late", ns=(8_600_000_000_123_456_789, 8_600_000_000_123_456_789))
    os.utime(top / "dangling", ns=(1_111_111_111, 1_111_111_111), follow_symlinks=False)
    top.chmod(0o2775)
    os.utime(top, ns=(1_600_000_000_987_654_321, 1_600_000_000_987_654_321))


def state(top: pathlib.Path | str) -> dict[str, t.Any]:
    """All that can be told of a tree, sockets left out."""
    found: dict[str, t.Any] = {}
    links: dict[int, str] = {}
    for directory, directories, files in os.walk(top):
        directories.sort()
        for name in ["", *directories, *sorted(files)] if directory == str(top) else [*directories, *sorted(files)]:
            path = os.path.join(directory, name) if name else str(top)
            status = os.lstat(path)
            kind = stat.S_IFMT(status.st_mode)
            if kind == stat.S_IFSOCK:
                continue
            content: t.Any = None
            if kind == stat.S_IFREG:
                with open(path, "rb") as stream:
                    content = (hashlib.file_digest(stream, "sha256").hexdigest(), status.st_size, status.st_nlink)
            elif kind == stat.S_IFLNK:
                content = os.readlink(path)
            relative = os.path.relpath(path, top)
            attributes = {
                key: os.getxattr(path, key, follow_symlinks=False) for key in os.listxattr(path, follow_symlinks=False)
            }
            first = links.setdefault(status.st_ino, relative)
            found[relative] = (
                status.st_mode,
                status.st_uid,
                status.st_gid,
                status.st_mtime_ns,
                content,
                attributes,
                first,
            )
    return found


def used(top: pathlib.Path | str) -> int:
    """Bytes that a tree takes on the disk."""
    return int(subprocess.run(["du", "-s", "-B1", str(top)], check=True, capture_output=True).stdout.split()[0])


class Site:
    """A repository, and directories of users that are backed up into it."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.repository = directory / "repository"
        self.homes = directory / "homes"
        self.homes.mkdir()
        self.options: dict[str, t.Any] = {"repository": str(self.repository), "hub": "hub"}

    def home(self, user: str, **files: str) -> pathlib.Path:
        """A user's directory with these files."""
        home = self.homes / user
        home.mkdir(exist_ok=True)
        for name, content in files.items():
            (home / name).write_text(content)
        return home

    def back_up(self, *users: str, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """The result of volume_backup."""
        volumes = [{"user": user, "path": str(self.homes / user)} for user in users]
        return call(volume_backup, check, **{**self.options, "volumes": volumes, **options})

    def backed_up(self, user: str, **options: t.Any) -> dict[str, t.Any]:
        """The only volume of a result that is no failure."""
        result = self.back_up(user, **options)
        assert "failed" not in result, result["msg"]
        volume: dict[str, t.Any] = result["volumes"][0]
        assert result["changed"] == (volume["outcome"] == "new" or bool(volume["removed"]))
        return volume

    def restore(self, user: str, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """The result of volume_restore."""
        return call(volume_restore, check, **{**self.options, "user": user, **options})

    def restored(self, user: str, **options: t.Any) -> pathlib.Path:
        """A new directory with what was restored."""
        target = self.directory / "restored" / f"{user}-{len(list(self.directory.glob('restored/*')))}"
        target.parent.mkdir(exist_ok=True)
        result = self.restore(user, path=str(target), **options)
        assert "failed" not in result, result["msg"]
        return target

    def info(self, **options: t.Any) -> dict[str, t.Any]:
        """The result of volume_backup_info."""
        return call(volume_backup_info, **self.options, **options)

    def files(self, user: str) -> list[str]:
        """Names of the files of a user's backups."""
        return sorted(name for name in os.listdir(self.repository / "hub" / user) if name != ".lock")
