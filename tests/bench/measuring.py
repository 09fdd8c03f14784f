# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs commands and keeps the operating system's account of them; medians and the table of results."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import signal
import statistics
import subprocess
import tempfile
import time
import typing as t


class Broken(Exception):
    """A measurement could not be made; the text says why."""


@dataclasses.dataclass(frozen=True)
class Run:
    """One finished command."""

    wall: float
    """Seconds from start to end."""
    cpu: float
    """CPU seconds, user and system, of the command and of every process that it waited for."""
    output: str
    """What it wrote to standard output."""
    peak: int = 0
    """Most bytes of memory that one of these processes had, or what this one had when it started them, if that is more."""


def run(command: t.Sequence[str], text: str = "", environment: t.Mapping[str, str] | None = None) -> Run:
    """Run ``command`` to its end, ``text`` on its standard input.

    :raises Broken: when it does not end with 0.
    """
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as written, tempfile.TemporaryFile() as errors:
        given.write(text.encode())
        given.seek(0)
        # What this process once had would count as theirs.
        pathlib.Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdin=given, stdout=written, stderr=errors, env=environment)
        # wait4 accounts for this child alone, whatever else this process has run.
        try:
            _pid, status, usage = os.wait4(process.pid, 0)
        except KeyboardInterrupt:
            # What comes next is to find it ended.
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        written.seek(0)
        output = written.read().decode(errors="replace")
        if process.returncode:
            errors.seek(0)
            said = (output + errors.read().decode(errors="replace"))[-3000:]
            raise Broken(f"{' '.join(command)} ended with {process.returncode}:\n{said}")
    return Run(wall, usage.ru_utime + usage.ru_stime, output, usage.ru_maxrss * 1024)


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    measured: str
    goal: str = ""
    met: bool | None = None
    """None where there is no goal, only a figure to compare with."""

    @property
    def verdict(self) -> str:
        return {True: "met", False: "missed", None: ""}[self.met]


def at_most(what: str, value: float, limit: float, unit: str, note: str = "") -> Row:
    """A row whose goal is an upper limit."""
    measured = f"{number(value)} {unit}".strip()
    return Row(what, f"{measured}{f' ({note})' if note else ''}", f"at most {limit:g} {unit}".strip(), value <= limit)


def number(value: float) -> str:
    """A figure with as many digits as it is worth."""
    if value == int(value):
        return f"{value:.0f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def median(values: t.Iterable[float]) -> float:
    """The middle one; of an even number the mean of both in the middle."""
    return statistics.median(values)


def spread(values: t.Sequence[float]) -> str:
    """Least and most of several values, to tell a quiet machine from a busy one."""
    return f"{min(values):.2f} to {max(values):.2f}"


def table(rows: t.Sequence[Row]) -> str:
    """The rows as aligned plain text."""
    head = ("what", "measured", "goal", "")
    cells = [head, *((row.what, row.measured, row.goal, row.verdict) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in cells]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths).rstrip(), *lines[1:]])
