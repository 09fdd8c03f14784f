# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate authority that speaks ACME, and other programs of this machine, for as long as a test needs them."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import typing as t
from collections.abc import Iterator

from installation import PATIENCE, PROJECT, wait_until

PROGRAM = PROJECT / "tests" / "testbed" / "pebble.sh"


@contextlib.contextmanager
def authority(
    directory: pathlib.Path, port: int, challenge_port: int
) -> Iterator[tuple[dict[str, t.Any], pathlib.Path]]:
    """Variables with which a hub gets its certificate there, and where it writes what it does.

    :param challenge_port: where it looks for answers, instead of 80.
    """
    log = directory / "pebble.log"
    with process(str(PROGRAM), str(directory), str(port), str(challenge_port), log=log):
        wait_until("the authority listens", lambda: listens(port))
        yield (
            {
                "hub_certificate_source": "acme",
                "hub_certificate_acme_directory": f"https://localhost:{port}/dir",
                "hub_certificate_acme_ca": f"{directory}/ca.pem",
                "hub_certificate_acme_email": "admin@example.org",
                "hub_certificate_acme_terms_agreed": True,
            },
            log,
        )


@contextlib.contextmanager
def process(*command: str, log: pathlib.Path, **environment: str) -> Iterator[None]:
    """A program and what it starts, until the end of the context."""
    with log.open("a", encoding="utf-8") as stream:
        started = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGTERM)
        started.wait(timeout=PATIENCE)


def listens(port: int) -> bool:
    """Does something listen on this port of this machine?"""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
