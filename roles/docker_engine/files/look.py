# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print as JSON what there is of a Docker engine on this host. Changes nothing.

Usage: look.py [SECONDS]    wait as long for an engine that does not answer yet; without it ask once.
"""

from __future__ import annotations

import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time
import typing as t

SETTINGS = pathlib.Path("/etc/docker/daemon.json")
PROCESS_ID = pathlib.Path("/run/docker.pid")
# Of an engine that neither systemd nor an init script started, and where Debian's init script writes.
LOG = pathlib.Path("/var/log/docker.log")
# The engine of this host is looked at, not one that somebody's environment names.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}


def said_by(*command: str) -> str:
    """What a command prints, empty when it fails, hangs or is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, env=ENVIRONMENT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def text_of(path: pathlib.Path) -> str:
    """The text of a file, empty when it can not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def settings() -> dict[str, t.Any]:
    """The engine's settings file: what is in it, or what is wrong with it."""
    mode = f"{SETTINGS.stat().st_mode & 0o777:04o}" if SETTINGS.exists() else "0644"
    text = text_of(SETTINGS)
    try:
        values = json.loads(text) if text.strip() else {}
    except ValueError as error:
        return {"values": {}, "mode": mode, "problem": f"{SETTINGS} is no JSON: {error}"}
    if not isinstance(values, dict):
        return {"values": {}, "mode": mode, "problem": f"{SETTINGS} holds no mapping"}
    return {"values": values, "mode": mode, "problem": ""}


def process() -> dict[str, t.Any]:
    """The process of the engine: its id, its options, and whether the settings file is newer than it."""
    number = text_of(PROCESS_ID).strip()
    arguments = text_of(pathlib.Path("/proc", number or "none", "cmdline")).rstrip("\0").split("\0")
    if pathlib.PurePath(arguments[0]).name != "dockerd":
        return {"id": 0, "options": [], "settings_are_newer": False}
    options = [argument[2:].partition("=")[0] for argument in arguments[1:] if argument.startswith("--")]
    newer = SETTINGS.exists() and SETTINGS.stat().st_mtime > PROCESS_ID.stat().st_mtime
    return {"id": int(number), "options": options, "settings_are_newer": newer}


def not_taken_over(values: dict[str, t.Any], running: dict[str, t.Any]) -> list[str]:
    """Settings of the file that a running engine would take over if it were told to, and did not."""
    registries = running.get("RegistryConfig") or {}
    known = {*(registries.get("IndexConfigs") or {}), *(registries.get("InsecureRegistryCIDRs") or [])}
    mirrors = {url.rstrip("/") for url in registries.get("Mirrors") or []}
    taken = {
        "live-restore": running.get("LiveRestoreEnabled") == values.get("live-restore"),
        "registry-mirrors": {url.rstrip("/") for url in values.get("registry-mirrors", [])} <= mirrors,
        "insecure-registries": {*values.get("insecure-registries", [])} <= known,
    }
    return [name for name, done in taken.items() if name in values and not done]


def service_manager() -> str:
    """What starts services here: systemd, init scripts, or nothing that knows of Docker."""
    if pathlib.Path("/run/systemd/system").is_dir():
        return "systemd"
    return "sysv" if os.access("/etc/init.d/docker", os.X_OK) and shutil.which("service") else "none"


def last_words(manager: str) -> str:
    """The end of the engine's log, without what it says when all is well."""
    journal = ("journalctl", "--unit=docker", "--lines=100", "--no-pager", "--output=cat")
    log = said_by(*journal) if manager == "systemd" else text_of(LOG)
    return "\n".join([line for line in log.splitlines()[-100:] if " level=info " not in line][-10:])


def engine(seconds: float) -> dict[str, t.Any]:
    """What the engine says of itself; empty when it does not answer in time."""
    end = time.monotonic() + seconds
    while True:
        answer = said_by("docker", "info", "--format", "{{json .}}")
        found = json.loads(answer) if answer.startswith("{") else {}
        if found.get("ServerVersion") or time.monotonic() > end:
            return found if found.get("ServerVersion") else {}
        time.sleep(0.5)


def look(seconds: float = 0) -> dict[str, t.Any]:
    """All that the role has to know."""
    system = platform.freedesktop_os_release() if hasattr(platform, "freedesktop_os_release") else {}
    running = engine(seconds)
    manager = service_manager()
    file = settings()
    return {
        "user": os.geteuid(),
        "system": system.get("ID", ""),
        "like": system.get("ID_LIKE", "").split(),
        "codename": system.get("VERSION_CODENAME", ""),
        "release": system.get("VERSION_ID", ""),
        "name": system.get("PRETTY_NAME", platform.platform()),
        "machine": platform.machine(),
        "client": said_by("docker", "--version"),
        "installed": bool(shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")),
        "compose": said_by("docker", "compose", "version", "--short").removeprefix("v"),
        "version": running.get("ServerVersion", ""),
        "not_taken_over": not_taken_over(file["values"], running) if running else [],
        "swarm": running.get("Swarm", {}).get("LocalNodeState", "inactive") != "inactive",
        "process": process(),
        "settings": file,
        "manager": manager,
        "last_words": last_words(manager),
    }


if __name__ == "__main__":
    json.dump(look(float(sys.argv[1]) if len(sys.argv) > 1 else 0), sys.stdout)
