# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a long command so that others can look at it.

build.py run DIRECTORY COMMAND...     run it; what it prints goes into DIRECTORY/log, its exit status into DIRECTORY/status
build.py wait DIRECTORY SECONDS       wait for its end, at most so long, and print how it is, as JSON

How it is: `ended`, `status` (null when it was ended from outside), `line` (time and last line) and, at the end, `log`, its last lines.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import time

LINES = 30
WIDTH = 100
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")

what, folder, *rest = sys.argv[1:]
directory = pathlib.Path(folder)


def run(command: list[str]) -> None:
    """Run it to its end."""
    (directory / "pid").write_text(str(os.getpid()), encoding="ascii")
    with (directory / "log").open("wb") as log:
        try:
            status = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=False
            ).returncode
        except OSError as error:
            log.write(f"{command[0]}: {error.strerror}\n".encode())
            status = 127
    (directory / "status.new").write_text(str(status), encoding="ascii")
    (directory / "status.new").rename(directory / "status")


def read(name: str) -> str:
    """The text of a file, empty when there is none."""
    path = directory / name
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def lives() -> bool:
    """Does the one that runs it live?"""
    pid = read("pid")
    return not pid or pathlib.Path("/proc", pid).exists()


def wait(seconds: float) -> None:
    """Wait for its end and say how it is."""
    deadline = time.monotonic() + seconds
    while lives() and not read("status") and time.monotonic() < deadline:
        time.sleep(0.2)
    status = read("status")
    ended = bool(status) or not lives() or not read("pid")
    lines = [line for line in (CONTROL.sub("", line).rstrip() for line in read("log").splitlines()) if line]
    begun = (directory / "pid").stat().st_mtime if read("pid") else time.time()
    said = "ended" if ended else lines[-1] if lines else "nothing said yet"
    print(
        json.dumps(
            {
                "ended": ended,
                "status": int(status) if status else None,
                "line": f"{time.time() - begun:.0f} s: {said[:WIDTH]}",
                "log": lines[-LINES:] if ended else [],
            }
        )
    )


if what == "run":
    run(rest)
else:
    wait(float(rest[0]))
