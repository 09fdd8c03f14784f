# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers of tar archives as GNU tar reads them: ustar with pax records. Private to the collection.

Python's tarfile takes several times as long for a header, and knows neither nanoseconds, extended attributes nor sparse
files.
"""

from __future__ import annotations

import dataclasses
import functools
import struct
import typing as t
import zlib

SIZE = 512
END = bytes(2 * SIZE)
FILE, LINK, SYMLINK, DIRECTORY, FIFO = b"0", b"1", b"2", b"5", b"6"
SPARSE = b"S"  # in this program only; in the archive it is a FILE with records of its own
_PAX = b"x"
# Magic, empty names of owner and group (which differ between hosts), device numbers, no prefix.
_TAIL = b"ustar\x0000".ljust(72, b"\0") + b"0000000\x000000000\0" + bytes(167)
_NAME, _SMALL_ID, _SMALL = 100, 8**7 - 1, 8**11 - 1
_MASK = 0o7777


class Malformed(Exception):
    """What is read is no header that this program writes."""


@dataclasses.dataclass
class Member:
    """What an archive says of one file."""

    path: bytes  #: relative to the volume, without ``./`` and a slash at the end; empty for its top directory
    type: bytes
    mode: int
    uid: int
    gid: int
    mtime: int  #: nanoseconds
    size: int = 0  #: bytes that follow in the archive
    link: bytes = b""
    attributes: dict[bytes, bytes] = dataclasses.field(default_factory=dict)
    real_size: int = 0  #: of a sparse file


def header(member: Member) -> bytes:
    """All that comes before the content of a member; a sparse file's map is part of the content."""
    name = b"./" + member.path
    if member.type == DIRECTORY and member.path:
        name += b"/"
    link = b"./" + member.link if member.type == LINK else member.link
    seconds, fraction = divmod(member.mtime, 1_000_000_000)
    records = []
    if fraction or not 0 <= seconds <= _SMALL:
        records.append((b"mtime", _time(member.mtime)))
        seconds = min(max(seconds, 0), _SMALL)
    kind = member.type
    if kind == SPARSE:
        kind = FILE
        records += [
            (b"GNU.sparse.major", b"1"),
            (b"GNU.sparse.minor", b"0"),
            (b"GNU.sparse.name", name),
            (b"GNU.sparse.realsize", b"%d" % member.real_size),
        ]
        name = b"./GNUSparseFile.0"
    if len(name) > _NAME:
        records.append((b"path", name))
    if len(link) > _NAME:
        records.append((b"linkpath", link))
    size, uid, gid = member.size, member.uid, member.gid
    if size > _SMALL:
        records.append((b"size", b"%d" % size))
        size = 0
    if uid > _SMALL_ID:
        records.append((b"uid", b"%d" % uid))
        uid = 0
    if gid > _SMALL_ID:
        records.append((b"gid", b"%d" % gid))
        gid = 0
    if member.attributes:
        records += [(_key(key), value) for key, value in member.attributes.items()]
    block = _block(name[:_NAME], member.mode & _MASK, uid, gid, size, seconds, kind, link[:_NAME])
    if not records:
        return block
    text = b"".join(_record(key, value) for key, value in records)
    return b"".join((_pax_header(len(text)), text, bytes(-len(text) % SIZE), block))


def _block(name: bytes, mode: int, uid: int, gid: int, size: int, seconds: int, kind: bytes, link: bytes) -> bytes:
    head = b"%s%07o\0%07o\0%07o\0%011o\0%011o\0" % (name.ljust(_NAME, b"\0"), mode, uid, gid, size, seconds)
    tail = kind + link.ljust(_NAME, b"\0") + _TAIL
    return b"%s%06o\0 %s" % (head, _sum(head) + _sum(tail) + 8 * 32, tail)


def _sum(data: bytes) -> int:
    # One half of Adler-32 is 1 plus the sum of all bytes modulo 65521, and these are too few to reach that.
    return (zlib.adler32(data) & 0xFFFF) - 1


@functools.lru_cache(1024)
def _pax_header(size: int) -> bytes:
    return _block(b"./PaxHeaders/x", 0o600, 0, 0, size, 0, _PAX, b"")


@functools.lru_cache(1024)
def _key(attribute: bytes) -> bytes:
    if attribute.startswith(b"SCHILY."):
        return attribute
    return b"SCHILY.xattr." + attribute.replace(b"%", b"%25").replace(b"=", b"%3D")


def _record(key: bytes, value: bytes) -> bytes:
    length = len(key) + len(value) + 3
    total = length + len(b"%d" % length)
    if len(b"%d" % total) != len(b"%d" % length):  # its own length made it longer
        total += 1
    return b"%d %s=%s\n" % (total, key, value)


def _time(nanoseconds: int) -> bytes:
    seconds, fraction = divmod(abs(nanoseconds), 1_000_000_000)
    return b"%s%d.%09d" % (b"-" if nanoseconds < 0 else b"", seconds, fraction)


# --- Reading

_LONGEST = 4 * 1024 * 1024  # of all records of one file; Linux has 64 kB for one attribute


def read(take: t.Callable[[int], bytes]) -> Member | None:
    """The next member; None at the end of the archive.

    :param take: gives exactly so many bytes of the archive.
    :raises Malformed: this is none of our headers.
    """
    records: dict[bytes, bytes] = {}
    block = take(SIZE)
    if block[156:157] == _PAX:
        _check(block)
        length = _number(block[124:136])
        if length > _LONGEST:
            raise Malformed(f"records of {length} bytes before one file")
        records = _records(take(length + -length % SIZE)[:length])
        block = take(SIZE)
    if not block.strip(b"\0"):
        if records or take(SIZE).strip(b"\0"):
            raise Malformed("an end in the middle")
        return None
    _check(block)
    return _member(block, records)


def _check(block: bytes) -> None:
    # Both sums are below 65521, see _sum: each part has 256 bytes at most.
    found = _sum(block[:148]) + 8 * 32 + sum(block[156:])
    if block[257:263] != b"ustar\0" or _number(block[148:156]) != found:
        raise Malformed("no header where one should be")


def _number(field: bytes) -> int:
    try:
        return int(field.rstrip(b"\0 ") or b"0", 8)
    except ValueError:
        raise Malformed(f"{field!r} is no number") from None


def _records(data: bytes) -> dict[bytes, bytes]:
    found = {}
    position = 0
    while position < len(data):
        digits, blank, _rest = data[position : position + 20].partition(b" ")
        if not (blank and digits.isdigit() and len(digits) < int(digits) <= len(data) - position):
            raise Malformed("a broken record")
        end = position + int(digits)
        key, equals, value = data[position + len(digits) + 1 : end].partition(b"=")
        if not equals or value[-1:] != b"\n":
            raise Malformed("a broken record")
        found[key] = value[:-1]
        position = end
    return found


def _member(block: bytes, records: dict[bytes, bytes]) -> Member:
    def number(key: bytes, start: int, end: int) -> int:
        if key not in records:
            return _number(block[start:end])
        if not records[key].isdigit():
            raise Malformed(f"{key.decode()} is {records[key]!r}")
        return int(records[key])

    kind = block[156:157]
    name = records.get(b"path", block[:_NAME].rstrip(b"\0"))
    link = records.get(b"linkpath", block[157:257].rstrip(b"\0"))
    real_size = 0
    if b"GNU.sparse.name" in records:
        name, kind = records[b"GNU.sparse.name"], SPARSE
        real_size = number(b"GNU.sparse.realsize", 0, 0)
    if kind not in (FILE, LINK, SYMLINK, DIRECTORY, FIFO, SPARSE):
        raise Malformed(f"{name!r} has type {kind!r}, which is never written: a device, or a foreign archive")
    attributes = {}
    for key, value in records.items():
        if key.startswith(b"SCHILY.xattr."):
            attributes[key.removeprefix(b"SCHILY.xattr.").replace(b"%3D", b"=").replace(b"%25", b"%")] = value
        elif key.startswith(b"SCHILY.acl."):
            attributes[key] = value
    return Member(
        path=safe(name.removesuffix(b"/") if kind == DIRECTORY else name),
        type=kind,
        mode=number(b"mode", 100, 108) & _MASK,
        uid=number(b"uid", 108, 116),
        gid=number(b"gid", 116, 124),
        mtime=_nanoseconds(records[b"mtime"]) if b"mtime" in records else _number(block[136:148]) * 1_000_000_000,
        size=number(b"size", 124, 136) if kind in (FILE, SPARSE) else 0,
        link=safe(link) if kind == LINK else link,
        attributes=attributes,
        real_size=real_size,
    )


def safe(name: bytes) -> bytes:
    """A path relative to the volume, as this program writes it.

    :raises Malformed: it begins elsewhere, climbs, or is written in a way that could mean another file.
    """
    if name in (b".", b"./"):
        return b""
    parts = name.split(b"/")
    if parts[0] != b"." or len(parts) < 2 or any(part in (b"", b".", b"..") or b"\0" in part for part in parts[1:]):
        raise Malformed(f"the name {name!r} leads out of the volume or is foreign")
    return name[2:]


def _nanoseconds(text: bytes) -> int:
    whole, _dot, fraction = text.partition(b".")
    digits = whole.removeprefix(b"-")
    if not digits.isdigit() or (fraction and not fraction.isdigit()):
        raise Malformed(f"the time {text!r} is none")
    value = int(digits) * 1_000_000_000 + int((fraction + b"000000000")[:9])
    return -value if whole.startswith(b"-") else value


# --- Access control lists: the kernel's form and that of archives

_ACL_VERSION = struct.pack("<I", 2)
_TAGS = {0x01: "user", 0x02: "user", 0x04: "group", 0x08: "group", 0x10: "mask", 0x20: "other"}
_NAMED = {0x02, 0x08}
ACL = {b"system.posix_acl_access": b"SCHILY.acl.access", b"system.posix_acl_default": b"SCHILY.acl.default"}


def acl_text(value: bytes) -> bytes:
    """The kernel's form of an access control list as text with numbers."""
    lines = []
    for tag, rights, number in struct.iter_unpack("<HHI", value[4:]):
        shown = "".join(letter if rights & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))
        lines.append(f"{_TAGS[tag]}:{number if tag in _NAMED else ''}:{shown}")
    return "\n".join(lines).encode() + b"\n"


def acl_value(text: bytes, number_of: t.Callable[[str, int], int]) -> bytes:
    """The way back; ``number_of`` maps (``user`` or ``group``, number) to the number to use.

    :raises Malformed: it is no such text.
    """
    entries = []
    for line in text.decode(errors="replace").split():
        try:
            kind, name, rights = line.split(":")
            tag = {"user": 0x01, "group": 0x04, "mask": 0x10, "other": 0x20}[kind] << (1 if name else 0)
            bits = sum(bit for letter, bit in zip(rights, (4, 2, 1), strict=True) if letter != "-")
            number = number_of(kind, int(name)) if name else 0xFFFFFFFF
            entries.append((tag, number, struct.pack("<HHI", tag, bits, number)))
        except (ValueError, KeyError, struct.error):
            raise Malformed(f"{line!r} is no entry of an access control list") from None
    return _ACL_VERSION + b"".join(packed for _tag, _number, packed in sorted(entries))
