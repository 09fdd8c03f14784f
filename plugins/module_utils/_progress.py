# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines that are shown while a module runs. Private to the collection.

A module can only speak when it ends, so it writes them to a file that its action plugin reads meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import typing as t


@contextlib.contextmanager
def lines(path: str | None) -> t.Iterator[t.Callable[[str], None]]:
    """Something to call with each line; after the last one comes an empty one.

    :param path: a file that is made; without one nobody looks.
    """
    if not path:
        yield lambda _line: None
        return
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8", errors="backslashreplace", buffering=1) as stream:
        try:
            yield lambda line: stream.writelines([f"{line}\n"])
        finally:
            stream.write("\n")
