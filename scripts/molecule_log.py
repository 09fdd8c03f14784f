# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what molecule prints, without colours: which actions passed, what there is to complain about, which task failed.

Molecule ends well when no host matched a play, for example because the inventory was not found: that is caught here.
"""

from __future__ import annotations

import re

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
ACTION = re.compile(r"^INFO +(\S+) ➜ (\w+): Executing")
FAILED_ACTION = re.compile(r"^ERROR +(\S+) ➜ (\w+): Executed: Failed")
FRAME = re.compile(r"^ *│ ?")
HOST = re.compile(r"^ *│ \S+ +: ok=\d+ ")
RECAP = re.compile(r"^(\S+) +: actions=(\d+) +successful=(\d+) ")
TASK = re.compile(r"^(?:TASK|RUNNING HANDLER) \[(.*)\] \*+$")
FAILED_TASK = re.compile(r"^(?:fatal|failed): \[([^]]+)\]")
FAILED_TEST = re.compile(r"\b((?:FAILED|ERROR) tests/\S+::.*)")
RESULT_KEY = re.compile(r"^ {4}(\w+):")
MESSAGE_LINES = 15


def judge(lines: list[str], wanted: set[str]) -> tuple[int, list[str]]:
    """What molecule's output tells.

    :param lines: its output without colours, with the final report.
    :param wanted: names of the scenarios that should have run.
    :returns: the number of actions that passed, and every complaint.
    """
    hosts: dict[str, int] = {}
    passed = 0
    complaints: list[str] = []
    scenario = action = ""
    recapped: set[str] = set()
    # Plays for other platforms match no host; an action all of whose plays do so has done nothing.
    without_host = 0
    acted = False
    for line in [*lines, "INFO     end ➜ end: Executing"]:
        if found := ACTION.match(line):
            if without_host and not acted:
                complaints.append(f"{scenario} ➜ {action}: no play matched a host")
            without_host, acted = 0, False
            scenario, action = found[1], found[2]
            if scenario != "end":  # the line after the last
                hosts.setdefault(scenario, 0)
        elif HOST.match(line):
            hosts[scenario] = hosts.get(scenario, 0) + 1
            acted = True
        elif "skipping: no hosts matched" in line:
            without_host += 1
        elif found := RECAP.match(line):
            recapped.add(found[1])
            passed += int(found[3])
            if found[2] != found[3]:
                complaints.append(f"{found[1]}: only {found[3]} of {found[2]} actions ended well")
    complaints += [f"{name}: has not run" for name in sorted(wanted - recapped)]
    complaints += [f"{name}: has run on no host" for name in sorted(recapped) if not hosts.get(name)]
    return passed, complaints


def failure(lines: list[str]) -> list[str]:
    """The first action that failed with its last task that did, that task's message and the names of failed tests."""
    task = ""
    failed: list[str] = []
    tests: list[str] = []
    for number, line in enumerate(lines):
        if found := FAILED_ACTION.match(line):
            return [f"{found[1]} ➜ {found[2]}", *failed, *tests]
        if ACTION.match(line):
            failed, tests = [], []
        text = FRAME.sub("", line)
        if found := TASK.match(text):
            task = found[1]
        elif found := FAILED_TASK.match(text):
            failed = [f"TASK [{task}] on {found[1]}", *_message(lines[number + 1 :])]
        elif text.startswith("...ignoring"):
            failed = []
        elif found := FAILED_TEST.search(text):
            # Ansible wraps long lines of a list; the next item begins with a dash.
            rest = FRAME.sub("", lines[number + 1]).strip() if number + 1 < len(lines) else ""
            tests.append(f"{found[1]} {rest}" if rest and not rest.startswith(("- ", "'")) else found[1])
    return []


def _message(lines: list[str]) -> list[str]:
    """What the task says: ``msg`` of the result that these lines begin with."""
    message: list[str] = []
    inside = False
    for line in lines:
        text = FRAME.sub("", line)
        # What begins at the margin goes on with a long line, up to the next task, which an empty line precedes.
        if not text or ACTION.match(line) or FAILED_ACTION.match(line) or text.startswith("...ignoring"):
            break
        if key := RESULT_KEY.match(text):
            inside = key[1] == "msg"
        if inside:
            message.append(text)
    return message[:MESSAGE_LINES]
