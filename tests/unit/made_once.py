# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes long to make is made once, although the processes that run tests side by side all need it."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import typing as t

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: t.Callable[[pathlib.Path], t.Any]) -> t.Any:
    """What ``make`` returned, as JSON has it; it gets an empty directory, and the other processes wait for it."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    folder.mkdir(exist_ok=True)
    kept = folder / "made.json"
    with (folder / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            work = folder / "work"
            work.mkdir(exist_ok=True)
            kept.write_text(json.dumps(make(work)), encoding="utf-8")
        return json.loads(kept.read_text(encoding="utf-8"))
