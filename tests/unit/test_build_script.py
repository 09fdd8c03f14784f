# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that runs a long build and tells how it is."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import typing as t

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "roles" / "notebook_image" / "files" / "build.py"


def start(directory: pathlib.Path, *command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, SCRIPT, "run", directory, *command])


def wait(directory: pathlib.Path, seconds: str) -> dict[str, t.Any]:
    done = subprocess.run(
        [sys.executable, SCRIPT, "wait", directory, seconds], capture_output=True, text=True, check=True
    )
    found: dict[str, t.Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("command", "status", "log"),
    [
        (["printf", r"one\n\033[31mtwo\033[0m\n\n"], 0, ["one", "two"]),
        (["sh", "-c", "echo broken >&2; exit 3"], 3, ["broken"]),
        (["/no/such/program"], 127, ["/no/such/program: No such file or directory"]),
    ],
)
def test_an_end_is_told_with_its_status_and_last_lines(
    tmp_path: pathlib.Path, command: list[str], status: int, log: list[str]
) -> None:
    with start(tmp_path, *command):
        found = wait(tmp_path, "60")
    assert (found["ended"], found["status"], found["log"]) == (True, status, log)


def test_meanwhile_the_last_line_is_shown_and_an_end_from_outside_is_noticed(tmp_path: pathlib.Path) -> None:
    with start(tmp_path, "sh", "-c", f"echo {'Step 2/3 ' * 20}; touch {tmp_path}/said; exec sleep 600") as process:
        try:
            while not (tmp_path / "said").exists():
                assert process.poll() is None
            found = wait(tmp_path, "0")
            assert not found["ended"] and found["log"] == []
            assert found["line"].partition(": ")[2] == ("Step 2/3 " * 20)[:100]
        finally:
            child = subprocess.run(["pgrep", "--parent", str(process.pid)], capture_output=True, text=True, check=False)
            process.kill()
            subprocess.run(["kill", *child.stdout.split()], check=False)
    found = wait(tmp_path, "60")
    assert found["ended"] and found["status"] is None


def test_one_that_was_never_started_has_ended(tmp_path: pathlib.Path) -> None:
    assert wait(tmp_path, "0") == {"ended": True, "status": None, "line": "0 s: ended", "log": []}
