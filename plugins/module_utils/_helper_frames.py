# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What two programs say to each other over a pair of streams: frames of a kind and a length. Private to the collection.

One of them runs in a pod or container, where nothing of Ansible is: this file and those that it needs are sent there.
"""

from __future__ import annotations

import json
import struct
import typing as t
import zlib

_HEAD = struct.Struct(">cI")
HEAD = _HEAD.size
# What one message of the connection to a cluster carries.
_MOST = 16 * 1024 * 1024

REQUEST, RESULT, ERROR = b"Q", b"R", b"E"
ARCHIVE, LISTING, KNOWN = b"A", b"L", b"K"

Entries = t.Mapping[str, t.Sequence[str]]


class Broken(Exception):
    """The other side said something else than was expected, or ended."""


def frame(kind: bytes, size: int) -> bytes:
    """What comes before the content."""
    return _HEAD.pack(kind, size)


def whole(kind: bytes, content: t.Any) -> bytes:
    """A frame with JSON in it; names that are no UTF-8 survive."""
    text = json.dumps(content).encode("ascii")
    return frame(kind, len(text)) + text


def head(data: bytes) -> tuple[bytes, int]:
    """Kind and length."""
    kind, size = _HEAD.unpack(data)
    if size > _MOST:
        raise Broken(f"a message of {size} bytes")
    return kind, size


def read(take: t.Callable[[int], bytes], *kinds: bytes) -> tuple[bytes, bytes]:
    """The next frame, which has to be of one of these kinds.

    :param take: returns exactly so many bytes.
    """
    kind, size = head(take(HEAD))
    if kind not in kinds:
        raise Broken(f"a message of kind {kind!r}")
    return kind, take(size)


def entries(found: Entries) -> t.Iterator[bytes]:
    """Frames with what is known of paths; an empty one ends them."""
    lines = zlib.compressobj(1)
    for path, known in found.items():
        piece = lines.compress(json.dumps([path, *known]).encode("ascii") + b"\n")
        if piece:
            yield frame(KNOWN, len(piece)) + piece
    piece = lines.flush()
    yield frame(KNOWN, len(piece)) + piece
    yield frame(KNOWN, 0)


def read_entries(take: t.Callable[[int], bytes]) -> dict[str, tuple[str, ...]]:
    """What ``entries`` has sent."""
    lines, found, rest = zlib.decompressobj(), {}, b""
    while piece := read(take, KNOWN)[1]:
        *complete, rest = (rest + lines.decompress(piece)).split(b"\n")
        for line in complete:
            path, *known = json.loads(line)
            found[path] = tuple(known)
    return found
