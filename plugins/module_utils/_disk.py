# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How files come to be on the disk for good, without waiting longer than has to be. Private to the collection."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import typing as t

_BEGIN_TO_WRITE = 2  # SYNC_FILE_RANGE_WRITE


@functools.cache
def _sync_file_range() -> t.Any:
    """None with another C library: then everything is a little slower."""
    return getattr(ctypes.CDLL(None), "sync_file_range", None)


def begin_to_write(descriptor: int, start: int = 0) -> None:
    """Send what is behind ``start`` of a file on its way to the disk, and do not wait for it."""
    call = _sync_file_range()
    if call:
        call(descriptor, ctypes.c_int64(start), ctypes.c_int64(0), _BEGIN_TO_WRITE)


def sync(paths: t.Iterable[str]) -> None:
    """Make files durable. When all are on their way before one is waited for, the file system writes its journal once for all."""
    with contextlib.ExitStack() as stack:
        descriptors = []
        for path in paths:
            descriptors.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
            stack.callback(os.close, descriptors[-1])
        for descriptor in descriptors:
            begin_to_write(descriptor)
        for descriptor in descriptors:
            os.fsync(descriptor)
