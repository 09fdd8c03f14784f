# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that waits for a hub, against what a hub answers; real ones are in the scenarios."""

from __future__ import annotations

import http.server
import pathlib
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "roles" / "hub" / "files" / "wait_for_hub.py"
NOBODY = "http://127.0.0.1:9/hub/health"
# Prints another text each time: a hub that ends at once, again and again.
ENDING = ["sh", "-c", 'echo x >>"$0"; wc -l <"$0"']


class Answer(http.server.BaseHTTPRequestHandler):
    """What a hub says without being asked who one is."""

    def do_GET(self) -> None:
        """Health and release."""
        body = {"/base/hub/health": b"", "/base/hub/api": b'{"version": "6.1.1"}'}.get(self.path)
        self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def health() -> Iterator[str]:
    """Address at which a hub tells that it is well."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/base/hub/health"
        server.shutdown()


def wait(url: str, seconds: int, version: str = "", command: list[str] | None = None) -> tuple[int, str]:
    """Its status and what it says."""
    done = subprocess.run(
        [sys.executable, "-", url, str(seconds), version, *(command or [])],
        input=SCRIPT.read_text(encoding="utf-8"),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr.strip()


@pytest.mark.parametrize("version", ["", "6.1.1"])
def test_it_ends_when_the_hub_that_is_expected_answers(health: str, tmp_path: pathlib.Path, version: str) -> None:
    assert wait(health, 60, version, [*ENDING, str(tmp_path / "asked")]) == (0, "")
    assert not (tmp_path / "asked").exists(), "expected that nobody asks when a hub that answers was started"


def test_another_hub_is_named(health: str) -> None:
    assert wait(health, 60, "5.5.4") == (1, "The hub is JupyterHub 6.1.1; expected 5.5.4, which is hub_version.")


def test_a_hub_that_ends_again_and_again_is_not_waited_for(tmp_path: pathlib.Path) -> None:
    status, said = wait(NOBODY, 100, command=[*ENDING, str(tmp_path / "asked")])
    assert status == 1
    assert "the hub ended twice while it was waited for" in said


@pytest.mark.parametrize(
    "command", [[], ["echo", "the same"], ["false"], ["/no/such/program"]], ids=["none", "same", "fails", "missing"]
)
def test_a_hub_that_only_takes_long_is_waited_for(command: list[str]) -> None:
    status, said = wait(NOBODY, 2, "6.1.1", command)
    assert status == 1
    assert said.startswith(f"{NOBODY} did not answer within 2 s") and "refused" in said
