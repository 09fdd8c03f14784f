# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many volumes in one run, several side by side. Private to the collection."""

from __future__ import annotations

import concurrent.futures
import contextlib
import ctypes
import multiprocessing
import os
import signal
import time
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._backup import Outcome

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_COUNTED = ("files", "bytes", "written")


class Task(t.NamedTuple):
    """The backup of one volume."""

    user: str
    name: str
    run: t.Callable[[], Outcome]


def all_of(tasks: t.Sequence[Task], jobs: int, report: t.Callable[[Outcome, int], None]) -> list[Outcome]:
    """The outcomes of all tasks, in their order; each is reported with the number of those that are done as soon as it is.

    :param jobs: processes at most. A process and not a thread each: half of the time is Python's own.
    """
    if jobs < 2 or len(tasks) < 2:
        outcomes = []
        for task in tasks:
            outcomes.append(task.run())
            report(outcomes[-1], len(outcomes))
        return outcomes
    done: dict[int, Outcome] = {}
    with concurrent.futures.ProcessPoolExecutor(
        min(jobs, len(tasks)), multiprocessing.get_context("fork"), _remember, (tasks,)
    ) as pool:
        futures = {pool.submit(_one, number): number for number in range(len(tasks))}
        for future in concurrent.futures.as_completed(futures):
            number = futures[future]
            try:
                done[number] = future.result()
            except concurrent.futures.process.BrokenProcessPool:
                # Somebody has killed a process: of those that were not done none has lost anything.
                done[number] = _killed(tasks[number])
            report(done[number], len(done))
    return [done[number] for number in range(len(tasks))]


def _killed(task: Task) -> Outcome:
    return Outcome(task.user, task.name, error="Its process was killed. Earlier backups are as they were; run again.")


_tasks: t.Sequence[Task] = ()


def _remember(tasks: t.Sequence[Task]) -> None:
    global _tasks
    _tasks = tasks
    # Nobody would tell it to end when the run itself is killed.
    parent = os.getppid()
    with contextlib.suppress(AttributeError):  # another C library
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _one(number: int) -> Outcome:
    return _tasks[number].run()


def processors() -> int:
    """How many there are for this process."""
    return len(os.sched_getaffinity(0))


def totals(outcomes: t.Sequence[Outcome], begin: float) -> dict[str, t.Any]:
    """Sums over all volumes.

    :param begin: when it began, by the monotonic clock.
    """
    seconds = max(time.monotonic() - begin, 0.001)
    kinds = [each.outcome for each in outcomes]
    read = sum(each.bytes for each in outcomes if each.outcome == "new")
    return {
        **{kind: kinds.count(kind) for kind in ("new", "unchanged", "failed")},
        **{field: sum(getattr(each, field) for each in outcomes) for field in _COUNTED},
        "removed": sum(len(each.removed) for each in outcomes),
        "seconds": round(seconds, 3),
        "rate": int(read / seconds),
    }


def line(outcome: Outcome, number: int, count: int) -> str:
    """What is shown of a volume that is done."""
    what = f"{outcome.user} ({outcome.name})" if outcome.name != "home" else outcome.user
    said = {
        "new": f"{outcome.kind} of {outcome.files} files, {outcome.bytes} bytes, {outcome.written} written",
        "unchanged": f"unchanged since {outcome.time}",
        "failed": f"FAILED: {outcome.error}",
    }[outcome.outcome]
    text = f"{number}/{count} {what}: {said}, {outcome.seconds:.1f} s"
    return " ".join((f"{text}. {outcome.warning}" if outcome.warning else text).split())
