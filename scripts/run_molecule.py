# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run molecule scenarios and count their actions; a skipped action is a failure, and so is one without a host.

One scenario shows its output as it comes. Several run side by side: the terminal tells which action begins, and at the
end the last lines of those that failed. All of the output is in tests/output/molecule-SCENARIO.log.

Usage: run_molecule.py [SCENARIO]        all scenarios without an argument
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t

import molecule_log

SCENARIOS = pathlib.Path("extensions/molecule")
OUTPUT = pathlib.Path("tests/output")
CLUSTER_SCRIPT = "tests/testbed/cluster.sh"
LINES_OF_FAILED = 150
AT_ONCE = 3
# The first to begin, so that no long one is left over at the end. What is not named here follows.
FIRST = (
    "docker_engine",
    "kubernetes",
    "move",
    "openshift",
    "openshift_local_spawner",
    "docker",
    "local",
    "backup",
    "image",
)
# The Docker engine is there only once, and one of them restarts it. A scenario that is not known to do without it counts as
# one that needs it.
RESTARTS_ENGINE = "docker_engine"
WITHOUT_ENGINE = {"local", "local_systemd", "local_unprivileged"}
# There is room for one cluster. To bring it up takes a minute: those of one set use it one after the other.
CLUSTERS = ({"kubernetes", "move"}, {"openshift", "openshift_local_spawner"})
ON_A_CLUSTER = set().union(*CLUSTERS)
# What is installed by apt-get may be installed by two scenarios: each waits until the other is ready.
APT_GET = """#!/bin/sh
exec flock --close {lock} {program} -o DPkg::Lock::Timeout=600 "$@"
"""


@dataclasses.dataclass
class Run:
    """One scenario that has run."""

    name: str
    status: int
    lines: list[str]  #: what molecule printed, without colours
    seconds: float

    def judged(self) -> tuple[int, list[str]]:
        """The number of actions that passed, and every complaint."""
        passed, complaints = molecule_log.judge(self.lines, {self.name})
        if self.status and not complaints:
            complaints.append(f"{self.name}: molecule ended with {self.status}")
        return passed, complaints


def run(name: str, live: bool, path: str = "") -> Run:
    """Run one scenario.

    :param live: show all of its output as it comes, otherwise only the names of its actions.
    :param path: a directory whose programs it finds first.
    """
    # Molecule keeps its state and a copy of the collection in Ansible's home. A copy of before would hide the checkout.
    home = pathlib.Path(os.environ["ANSIBLE_HOME"]) / "molecule" / name
    shutil.rmtree(home / "collections", ignore_errors=True)
    environment = {"COLUMNS": "160", **os.environ, "ANSIBLE_HOME": str(home)}
    if not live:
        # Whose turn is next takes it as it is; see run_side_by_side().
        environment["HUBWRIGHT_CLUSTER_STAYS"] = "1"
    environment["PATH"] = os.pathsep.join(filter(None, [path, os.environ["PATH"]]))
    # Those that need a cluster are the longest row, so whatever runs beside them stands back.
    stands_back = not live and name not in ON_A_CLUSTER
    lines: list[str] = []
    begin = time.monotonic()
    with (
        (OUTPUT / f"molecule-{name}.log").open("w", encoding="utf-8") as log,
        subprocess.Popen(
            [*(["nice", "-n5"] if stands_back else []), "molecule", "test", "--report", "--scenario-name", name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
        ) as process,
    ):
        for line in process.stdout or ():
            plain = molecule_log.COLOUR.sub("", line).rstrip("\n")
            lines.append(plain)
            log.write(plain + "\n")
            log.flush()
            if live:
                print(line, end="", flush=True)
            elif found := molecule_log.ACTION.match(plain):
                print(f"{time.strftime('%H:%M:%S')}  {name} ➜ {found[2]}", flush=True)
    return Run(name, process.returncode, lines, time.monotonic() - begin)


def disturb(one: str, other: str) -> bool:
    """Whether two scenarios must not run at the same time."""
    if RESTARTS_ENGINE in (one, other):
        return not WITHOUT_ENGINE.intersection((one, other))
    return {one, other} <= ON_A_CLUSTER


def take_down() -> None:
    """Take the cluster down that scenarios had together."""
    if status := subprocess.run([CLUSTER_SCRIPT, "down"], check=False, stdin=subprocess.DEVNULL).returncode:
        # What has run is judged all the same; what needs another cluster says what it finds.
        print(f"{CLUSTER_SCRIPT} down ended with {status}", flush=True)


def run_side_by_side(names: list[str]) -> t.Iterator[Run]:
    """Run scenarios, at most ``AT_ONCE`` at a time and none beside one that disturbs it; yields each when it ended."""
    waiting = sorted(names, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    running: dict[concurrent.futures.Future[Run], str] = {}
    with (
        tempfile.TemporaryDirectory(prefix="hubwright-molecule-") as path,
        concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        if program := shutil.which("apt-get"):
            waits = pathlib.Path(path, "apt-get")
            waits.write_text(APT_GET.format(lock=f"{path}/lock", program=program), encoding="utf-8")
            waits.chmod(0o755)
            # A scenario with an account of its own finds it too.
            os.chmod(path, 0o755)
        while waiting or running:
            for name in list(waiting):
                if len(running) < AT_ONCE and not any(disturb(name, other) for other in running.values()):
                    waiting.remove(name)
                    running[pool.submit(run, name, False, path)] = name
            ended, _others = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in ended:
                name = running.pop(future)
                if any(name in together and not together.intersection(waiting) for together in CLUSTERS):
                    take_down()
                yield future.result()


def main(names: list[str]) -> int:
    """Run the named scenario or all; 0 when every action passed on a host."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    wanted = names or [path.parent.name for path in SCENARIOS.glob("*/molecule.yml")]
    failed: list[Run] = []
    passed = 0
    complaints = [] if wanted else [f"there is no scenario in {SCENARIOS}"]
    for ended in [run(wanted[0], live=True)] if names else run_side_by_side(wanted):
        actions, wrong = ended.judged()
        passed += actions
        told = [
            f"{time.strftime('%H:%M:%S')}  {ended.name} {'FAILED' if wrong else 'passed'} after {ended.seconds:.0f} s"
        ]
        if wrong:
            failed.append(ended)
            reason = molecule_log.failure(ended.lines)
            complaints += wrong[:-1] + ["\n    ".join([wrong[-1], *reason])]
            # At once: of a long output only some of the lines may be kept.
            told += [f"    {line}" for line in wrong + reason]
        print(*told, sep="\n", flush=True)
    if not names:
        for ended in failed:
            print(f"--- the last lines of {OUTPUT}/molecule-{ended.name}.log")
            print(*ended.lines[-LINES_OF_FAILED:], sep="\n")
    for complaint in complaints:
        print(f"FAILED  {complaint}")
    print(f"molecule: {passed} passed, {len(complaints)} failed")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main([name for name in sys.argv[1:] if name]))
