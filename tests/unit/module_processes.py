# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module as Ansible does: a process of its own with its arguments on standard input."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import typing as t

MODULES = "ansible_collections.hubwright.jupyterhub.plugins.modules"
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


def start(module: str, arguments: dict[str, t.Any], before: t.Sequence[str] = ()) -> subprocess.Popen[str]:
    """A running module that has its arguments; ``before`` are words to put before the command."""
    process = subprocess.Popen(
        [*before, sys.executable, "-m", f"{MODULES}.{module}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    assert process.stdin
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
    process.stdin.close()
    process.stdin = None
    return process


def run(module: str, check: bool = False, before: t.Sequence[str] = (), **arguments: t.Any) -> dict[str, t.Any]:
    """The result of a module in diff mode; ``failed`` is there when it failed."""
    with start(module, {"_ansible_check_mode": check, "_ansible_diff": True} | arguments, before) as process:
        out, error = process.communicate()
    assert out, error
    return dict(json.loads(out))


@contextlib.contextmanager
def little_room(directory: pathlib.Path) -> t.Iterator[list[str]]:
    """A really full disk: a file system of 64 kB, or where none may be mounted a limit on the size of files.

    Yields the words to put before a command that shall meet it.
    """
    mounted = not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(directory)], capture_output=True, check=False
    ).returncode
    try:
        yield [] if mounted else ["prlimit", "--fsize=65536"]
    finally:
        if mounted:
            subprocess.run(["umount", str(directory)], check=True)
