# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that a run makes for itself, and that the next one removes when it was killed. Private to the collection."""

from __future__ import annotations

import contextlib
import os

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._engine_api import EngineApi, EngineRefused


def remove_left(engine: EngineApi, label: str) -> None:
    """Remove the containers with this label that nobody waits for any more."""
    for container in engine.containers(label=[label]):
        if not alive(container["Labels"][label]):
            remove(engine, container["Id"])


def me() -> str:
    """This process, in a way that no other ever has: what the label of such a container says."""
    with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
        started = file.read().rpartition(")")[2].split()[19]
    return f"{os.readlink('/proc/self/ns/pid')} {os.getpid()} {started}"


def alive(process: str) -> bool:
    """Does the process that made a container still run? Of one that can not be seen from here that is assumed."""
    space, _space, rest = process.partition(" ")
    number, _space, started = rest.partition(" ")
    if space != os.readlink("/proc/self/ns/pid"):
        return True
    try:
        with open(f"/proc/{int(number)}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19] == started
    except (OSError, ValueError):
        return False


def remove(engine: EngineApi, container: str) -> None:
    """Remove a container, whether it runs or not."""
    with contextlib.suppress(EngineRefused):  # somebody was faster
        # Only nameless volumes go with it, which it made itself.
        engine.delete(f"/containers/{container}", "remove a container", force="true", v="true")
