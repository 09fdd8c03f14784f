# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many volumes in one run, several side by side. Private to the collection."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._backup import Outcome

if t.TYPE_CHECKING:
    import multiprocessing.process

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
    with _Workers(tasks) as workers:
        for number in range(min(jobs, len(tasks))):
            workers.start(number)
        done: dict[int, Outcome] = {}
        for number, outcome in workers.outcomes():
            done[number] = outcome
            report(outcome, len(done))
    return [done[number] for number in range(len(tasks))]


@t.final
class _Workers:
    """Processes that each have one task at a time.

    Of an unchanged volume the outcome is there in less time than an executor of Python's takes to hand it over.
    """

    def __init__(self, tasks: t.Sequence[Task]) -> None:
        # Only here: who has one volume, or one processor, need not wait for it.
        import multiprocessing.connection

        self._tasks, self._next = tasks, 0
        self._context = multiprocessing.get_context("fork")
        self._wait: t.Callable[[list[t.Any]], list[t.Any]] = multiprocessing.connection.wait
        self._busy: dict[t.Any, tuple[multiprocessing.process.BaseProcess, int]] = {}

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *_error: object) -> None:
        for process, _number in self._busy.values():  # something is wrong, or somebody wants to end it
            process.kill()
            process.join()

    def start(self, number: int) -> None:
        """Let another process begin with a task."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self._tasks, os.getpid()), daemon=True)
        process.start()
        theirs.close()
        self._give(ours, process, number)

    def _give(self, pipe: t.Any, process: multiprocessing.process.BaseProcess, number: int) -> None:
        self._next = max(self._next, number + 1)
        self._busy[pipe] = process, number
        with contextlib.suppress(BrokenPipeError):  # it was killed, which is seen when its outcome is read
            pipe.send(number)

    def outcomes(self) -> t.Iterator[tuple[int, Outcome]]:
        """Numbers and outcomes of tasks, until there are no more."""
        while self._busy:
            for pipe in self._wait(list(self._busy)):
                process, number = self._busy.pop(pipe)
                try:
                    outcome = pipe.recv()
                except (EOFError, ConnectionError):
                    # Somebody has killed it: of its volume nothing is lost, and others are not concerned.
                    process.join()
                    outcome = _killed(self._tasks[number])
                more = self._next < len(self._tasks)
                if more and process.is_alive():
                    self._give(pipe, process, self._next)
                else:
                    with contextlib.suppress(BrokenPipeError):  # it was killed
                        pipe.send(None)  # others have this end of the pipe too, so that closing it says nothing
                    pipe.close()
                    process.join()
                    if more:
                        self.start(self._next)
                if isinstance(outcome, BaseException):
                    raise outcome
                yield number, outcome


def _killed(task: Task) -> Outcome:
    return Outcome(task.user, task.name, error="Its process was killed. Earlier backups are as they were; run again.")


def _serve(pipe: t.Any, tasks: t.Sequence[Task], parent: int) -> None:
    """What a process does until nobody gives it anything more."""
    # Nobody would tell it to end when the run itself is killed.
    with contextlib.suppress(AttributeError):  # another C library
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    while os.getppid() == parent and (number := pipe.recv()) is not None:
        try:
            pipe.send(tasks[number].run())
        except Exception as error:  # noqa: BLE001 - a mistake of this program, which the run raises again
            pipe.send(error)


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
