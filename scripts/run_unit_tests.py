# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the unit tests and count them: a skipped test is a failure, and so is a run without tests.

Usage: run_unit_tests.py [pytest options]        without any: all tests on all cores, with branch coverage
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ET

OUTPUT = pathlib.Path("tests/output")
REPORT = OUTPUT / "unit.xml"
# Tests that share a hub are neighbours, and each process takes one stretch of them: few hubs are started twice.
# One more than there are cores: half of the time a test waits for a hub, a container or a program.
PROCESSES = min(4, len(os.sched_getaffinity(0)) + 1)
ALL_TESTS = [f"--numprocesses={PROCESSES}", "--dist=worksteal", "--durations=15"]
ALL_TESTS += ["--cov", "--cov-report=term-missing:skip-covered", "tests/unit"]
# What tests/hub_coverage.py finds beside the interpreter of a hub environment.
HUB_SETTINGS = """[run]
branch = true
parallel = true
patch = _exit
source = {root}/plugins
data_file = {root}/tests/output/coverage
"""


def count(report: pathlib.Path) -> bool:
    """Print ``test-unit: N passed, M failed`` for a JUnit report; True when something ran and nothing failed."""
    cases = list(ET.parse(report).getroot().iter("testcase")) if report.exists() else []
    skipped = [case for case in cases if case.find("skipped") is not None]
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    for case in skipped:
        print(f"FAILED  {case.get('classname')}::{case.get('name')} was skipped, which counts as failed")
    for case in failed:
        print(f"FAILED  {case.get('classname')}::{case.get('name')}")
        for reason in [*case.iter("failure"), *case.iter("error")]:
            print(*(f"    {line}" for line in (reason.get("message") or "").splitlines()[:8]), sep="\n")
    bad = len(skipped) + len(failed)
    print(f"test-unit: {len(cases) - bad} passed, {bad} failed")
    return bool(cases) and not bad


def main(options: list[str]) -> int:
    """Run pytest; 0 when every test passed and, without ``options``, enough of the code was run."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    REPORT.unlink(missing_ok=True)
    hubs = [pathlib.Path(os.environ[name]) for name in ("HUBWRIGHT_HUB_61", "HUBWRIGHT_HUB_55")]
    settings = [hub / "coveragerc" for hub in hubs if not options]
    command = [sys.executable, "-m", "pytest", f"--junit-xml={REPORT}", *(options or ALL_TESTS)]
    try:
        for path in settings:
            path.write_text(HUB_SETTINGS.format(root=pathlib.Path.cwd()), encoding="utf-8")
        status = subprocess.run(command, check=False).returncode
    finally:
        for path in settings:
            path.unlink(missing_ok=True)
    return 0 if count(REPORT) and not status else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
