# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pod runs in which a configuration is checked."""

from __future__ import annotations

import pathlib
import subprocess
import typing as t

import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _checking_pod
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Cluster

PROGRAM = """
import os, sys
for piece in ("one ", "answer"):
    os.write(1, piece.encode())
    os.write(2, b"a warning\\n")
sys.exit(int(sys.stdin.read()))
"""


def test_an_answer_is_whole_whatever_is_said_of_errors_meanwhile(tmp_path: pathlib.Path) -> None:
    """The log of a pod holds both outputs, as they come."""
    request, errors = tmp_path / "request", tmp_path / "errors"
    request.write_text("3", encoding="utf-8")
    place = _checking_pod.Place(namespace="course")
    (container,) = _checking_pod._pod(place, "hub-check-1", "hub:1", PROGRAM, 60)["spec"]["containers"]
    shell, option, script, program = container["command"]
    script = script.replace("/check/request.json", str(request)).replace("/tmp/errors", str(errors))
    done = subprocess.run([shell, option, script, program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == (
        f"one answera warning\na warning\n\n{_checking_pod.END}\n",
        "",
        3,
    )


def test_a_log_that_is_still_written_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container has ended before its node has written all of it."""
    texts = iter(["", "{one ", f"{{one answer}}\n{_checking_pod.END}\n"])

    class Slow:
        def log(self, *_arguments: str) -> str:
            return next(texts)

    monkeypatch.setattr(_checking_pod.time, "sleep", lambda _seconds: None)
    assert _checking_pod._log(t.cast(Cluster, Slow()), "course", "hub-check-1") == "{one answer}\n"
