# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of a run that failed: the reason is in the last lines, and nothing that did not run counts as passed."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import threading

import molecule_log
import pytest
import run_molecule
import run_stages
import run_unit_tests

SCRIPTS = pathlib.Path(run_stages.__file__).parent
GOOD = [
    "INFO     local ➜ converge: Executing",
    "  │ PLAY RECAP ****",
    "  │ molecule-local             : ok=22   changed=6    unreachable=0    failed=0    skipped=9",
    "INFO     local ➜ converge: Executed: Successful",
    "local                     : actions=1  successful=1  disabled=0  skipped=0  missing=0  failed=0",
]
BAD = """\
INFO     local ➜ converge: Executing
  │ TASK [hub : Look at the host] ****
  │ fatal: [molecule-local]: FAILED! =>\x20
  │     changed: false
  │     msg: This is ignored.
  │ ...ignoring
  │\x20
  │ TASK [hub : Place [it] there] ****
  │ ok: [molecule-local]
  │     - FAILED tests/e2e/test_people.py::test_idle - AssertionError:
  │         expected within 90 s: idle
  │     - 1 failed
  │ fatal: [molecule-local]: FAILED! =>\x20
  │     changed: false
  │     msg: |-
  │         Found this.
  │           Expected that, on a line that is longer
  │ than the terminal.
  │     rc: 1
  │\x20
  │ molecule-local             : ok=22   changed=6    unreachable=0    failed=1    skipped=9
ERROR    local ➜ converge: Executed: Failed
INFO     local ➜ destroy: Executing
  │ TASK [Remove it] ****
  │ fatal: [molecule-local]: FAILED! =>\x20
  │     msg: Another one.
ERROR    local ➜ destroy: Executed: Failed
local                     : actions=2  successful=0  disabled=0  skipped=0  missing=0  failed=2
""".splitlines()


def test_a_scenario_that_ran_has_nothing_to_complain_about() -> None:
    assert molecule_log.judge(GOOD, {"local"}) == (1, [])
    assert molecule_log.failure(GOOD) == []


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (GOOD[:-1], "local: has not run"),
        (GOOD[:1] + GOOD[3:], "local: has run on no host"),
        (["  │ skipping: no hosts matched", *GOOD], " ➜ : no play matched a host"),
        ([*GOOD[:-1], GOOD[-1].replace("actions=1", "actions=2")], "local: only 1 of 2 actions ended well"),
    ],
)
def test_what_did_not_run_is_a_failure(lines: list[str], complaint: str) -> None:
    assert molecule_log.judge(lines, {"local"})[1] == [complaint]


def test_the_first_action_that_failed_is_told_with_its_task_message_and_tests() -> None:
    assert molecule_log.failure(BAD) == [
        "local ➜ converge",
        "TASK [hub : Place [it] there] on molecule-local",
        "    msg: |-",
        "        Found this.",
        "          Expected that, on a line that is longer",
        "than the terminal.",
        "FAILED tests/e2e/test_people.py::test_idle - AssertionError: expected within 90 s: idle",
    ]


def test_scenarios_run_side_by_side_and_none_needs_the_engine_while_another_restarts_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ["docker_tls", "docker_engine", "local", "local_systemd", "upgrade"]
    running: set[str] = set()
    together: set[frozenset[str]] = set()
    both = threading.Barrier(2)

    def run(name: str, live: bool, path: str) -> run_molecule.Run:
        running.add(name)
        if name in ("docker_engine", "local"):
            both.wait(60)  # passes only when both of them run
        together.add(frozenset(running))
        running.remove(name)
        return run_molecule.Run(name, 0, [], 0.0)

    monkeypatch.setattr(run_molecule, "run", run)
    assert {ended.name for ended in run_molecule.run_side_by_side(names)} == set(names)
    assert all(len(at_once) <= run_molecule.AT_ONCE for at_once in together)
    assert not [at_once for at_once in together if "docker_engine" in at_once and at_once & {"docker_tls", "upgrade"}]


def test_scenarios_use_a_cluster_one_after_the_other_and_then_it_is_taken_down(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    story = tmp_path / "story"
    script = tmp_path / "cluster.sh"
    script.write_text(f'#!/bin/sh\necho "$1" >>{story}\n')
    script.chmod(0o755)
    monkeypatch.setattr(run_molecule, "CLUSTER_SCRIPT", str(script))
    beside = threading.Barrier(2)

    def run(name: str, live: bool, path: str) -> run_molecule.Run:
        if name in ("kubernetes", "docker_tls"):
            beside.wait(60)  # passes only when both of them run
        if name != "docker_tls":
            with story.open("a", encoding="utf-8") as file:
                file.write(f"{name} begins\n{name} ends\n")
        return run_molecule.Run(name, 0, [], 0.0)

    monkeypatch.setattr(run_molecule, "run", run)
    names = ["openshift_local_spawner", "docker_tls", "move", "openshift", "kubernetes"]
    assert {ended.name for ended in run_molecule.run_side_by_side(names)} == set(names)
    order = ["kubernetes", "move", "down", "openshift", "openshift_local_spawner", "down"]
    told = [[name] if name == "down" else [f"{name} begins", f"{name} ends"] for name in order]
    assert story.read_text().splitlines() == [line for lines in told for line in lines]


def stages(directory: pathlib.Path, rules: str, *names: str) -> list[str]:
    """The output of the stage ``test`` of a Makefile, or of others, one of which fails."""
    (directory / "Makefile").write_text(rules.replace("    ", "\t"))
    command = [sys.executable, str(SCRIPTS / "run_stages.py"), *(names or ("test", "later"))]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stdout.splitlines()


def test_failures_are_told_once_more_at_the_end(tmp_path: pathlib.Path) -> None:
    said = [
        r"passed  first",
        r"FAILED  second: why",
        r"because",
        r"passed  third",
        r"noise",
        r"FAILED  fourth",
        r"test: 2 passed, 2 failed",
    ]
    output = stages(tmp_path, "test:\n" + "".join(f"    @echo '{line}'\n" for line in said) + "    @false\n")
    end = output[output.index("=== what failed in test") + 1 :]
    assert end[:3] == ["FAILED  second: why", "because", "FAILED  fourth"]
    assert end[3] == "=== summary"
    assert end[-1] == "2 passed, 2 failed"


def test_many_failures_are_cut(tmp_path: pathlib.Path) -> None:
    output = stages(tmp_path, 'test:\n    @for i in $$(seq 100); do echo "FAILED  test $$i"; echo why; done; false\n')
    end = output[output.index("=== what failed in test") + 1 : output.index("=== summary")]
    assert len(end) == run_stages.LINES_OF_FAILURES
    assert end[-1] == "and 41 more"


def test_a_stage_that_names_no_failure_is_told_by_its_last_lines(tmp_path: pathlib.Path) -> None:
    output = stages(tmp_path, "test:\n    @echo begin; echo no such program >&2; false\n")
    end = output[output.index("=== what failed in test") + 1 :]
    assert end[:2] == ["begin", "no such program"]
    assert end[-1] == "0 passed, 1 failed"


def test_stages_side_by_side_are_told_one_after_the_other_and_all_that_failed_is_named(tmp_path: pathlib.Path) -> None:
    # Each passes only when both run: a pipe opens when it has two ends.
    os.mkfifo(tmp_path / "pipe")
    rules = (
        "one:\n    @echo begin; echo 'FAILED  first'; echo > pipe; echo 'one: 1 passed, 1 failed'; false\n"
        "two:\n    @read _ < pipe; echo 'two: 3 passed, 0 failed'\n"
    )
    output = stages(tmp_path, rules, "one+two", "later")
    begin = output.index("=== one")
    assert output[begin + 1 : begin + 4] == ["begin", "FAILED  first", "one: 1 passed, 1 failed"]
    end = output[output.index("=== what failed in one") + 1 :]
    assert end[0] == "FAILED  first"
    assert [line.split()[:2] for line in end[2:5]] == [["one", "FAILED"], ["two", "passed"], ["later", "not"]]
    assert end[-1] == "4 passed, 1 failed"


def test_skipped_and_broken_tests_are_failures_with_their_reason(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "unit.xml"
    report.write_text(
        '<testsuite><testcase classname="a" name="good"/><testcase classname="a" name="left_out"><skipped/></testcase>'
        '<testcase classname="a" name="bad"><failure message="assert 1 == 2&#10;where"/></testcase></testsuite>'
    )
    assert not run_unit_tests.count(report)
    assert capsys.readouterr().out.splitlines() == [
        "FAILED  a::left_out was skipped, which counts as failed",
        "FAILED  a::bad",
        "    assert 1 == 2",
        "    where",
        "test-unit: 1 passed, 2 failed",
    ]
