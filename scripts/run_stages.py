# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run make targets one after the other, stop at the first that fails, and say what passed and how long it took.

Targets joined by ``+`` run side by side: the output of the last of them is shown as it comes, that of another when it ended.

A stage tells its count in a line ``STAGE: N passed, M failed``; one that ends well without such a line has failed.
What failed is said once more at the end, since only the end of a long output may be shown: a stage tells it by lines
``FAILED  NAME: ...``, and what follows belongs to it as far as a line ``passed  ...`` or the count.

Usage: run_stages.py TARGET[+TARGET...] ...
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import functools
import os
import pathlib
import re
import subprocess
import sys
import time

SUMMARY = pathlib.Path("tests/output/summary.txt")
COUNT = re.compile(r"^[\w-]+: (\d+) passed, (\d+) failed$")
FAILED = "FAILED  "
PASSED = "passed  "
LINES_OF_FAILURES = 60
LINES_OF_TAIL = 30


@dataclasses.dataclass
class Stage:
    """One make target that was run."""

    name: str
    passed: int = 0
    failed: int = 0
    seconds: float = 0.0
    failures: list[list[str]] = dataclasses.field(default_factory=list)  #: the lines of each
    tail: collections.deque[str] = dataclasses.field(default_factory=lambda: collections.deque(maxlen=LINES_OF_TAIL))

    def what_failed(self) -> list[str]:
        """Every failure in short, at most ``LINES_OF_FAILURES`` lines; the end of the output when it names none."""
        if not self.failures:
            return list(self.tail)
        shown = self.failures[: LINES_OF_FAILURES - 1]
        each = max(1, (LINES_OF_FAILURES - 1) // len(shown))
        lines = [line for failure in shown for line in failure[:each]]
        more = len(self.failures) - len(shown)
        return lines + [f"and {more} more"] * bool(more)


def run(name: str, live: bool = True) -> Stage:
    """Run one target, showing its output as it comes or, with ``live=False``, when it ended."""
    stage = Stage(name)
    counted = within = False
    begin = time.monotonic()
    output = [f"=== {name}\n"]
    make = os.environ.get("MAKE", "make")
    with subprocess.Popen(
        [make, name], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            if live:
                print(*output, line, sep="", end="", flush=True)
                output.clear()
            else:
                output.append(line)
            text = line.rstrip("\n")
            stage.tail.append(text)
            if found := COUNT.match(line):
                counted, within = True, False
                stage.passed, stage.failed = int(found[1]), int(found[2])
            elif line.startswith((FAILED, PASSED)):
                within = line.startswith(FAILED)
                if within:
                    stage.failures.append([])
            if within:
                stage.failures[-1].append(text)
    print(*output, sep="", end="", flush=True)
    stage.seconds = time.monotonic() - begin
    if (process.returncode or not counted) and not stage.failed:
        stage.failed = 1
    return stage


def main(names: list[str]) -> int:
    """Run the targets and print the summary; 0 when every one of them passed."""
    stages: list[Stage] = []
    left = [name.split("+") for name in names]
    while left and not any(stage.failed for stage in stages):
        *others, last = left.pop(0)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            ended = pool.map(functools.partial(run, live=False), others)
            shown = run(last)
            stages += [*ended, shown]
    failed = sum(stage.failed for stage in stages)
    for stage in stages:
        if stage.failed:
            print(f"=== what failed in {stage.name}", *stage.what_failed(), sep="\n")
    lines = [
        f"{stage.name:12} {'FAILED' if stage.failed else 'passed'} {stage.seconds:6.0f} s"
        f"  {stage.passed} passed, {stage.failed} failed"
        for stage in stages
    ]
    lines += [f"{name:12} not run" for step in left for name in step]
    lines.append(f"{sum(stage.passed for stage in stages)} passed, {failed} failed")
    SUMMARY.parent.mkdir(parents=True, exist_ok=True)
    SUMMARY.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("=== summary", *lines, sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
