# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of the backups of hubs. Pure. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._tables import table
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._user_volumes import ORPHANS, RESERVED, STATE

COLUMNS = ("hub", "user", "last good", "age", "backups", "content", "stored")
RIGHT = {"age", "backups", "content", "stored"}
NAMES_SHOWN = 10
_KEYS = {"backups", "volumes", "failed", "max_age"}


def report(hubs: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[str]:
    """Lines of one table of backups, and below it one line for each thing that somebody should look at.

    :param hubs: by the hub's host name: ``backups`` (``volumes`` of ``volume_backup_info``), ``volumes`` (of ``hub_user_volumes``),
        ``failed`` (a sentence for each volume that could not be backed up), ``max_age`` (hours after which a backup is too old).
    :raises HubError: it is no such mapping.
    """
    if not isinstance(hubs, t.Mapping) or not all(
        isinstance(hub, t.Mapping) and set(hub) >= _KEYS for hub in hubs.values()
    ):
        raise HubError(
            f"hub_backup_report got something else than a mapping of hubs to mappings with {', '.join(sorted(_KEYS))}."
        )
    rows, notes = [], []
    for hub, found in sorted(hubs.items()):
        # The hub itself first, then people.
        order = sorted(
            found["backups"], key=lambda backup: (backup["user"] not in RESERVED, backup["user"], backup["name"])
        )
        rows += [_row(hub, backup) for backup in order]
        notes += [f"{hub}: {note}" for note in problems(found)]
    lines = table(COLUMNS, rows, RIGHT) if rows else ["There is no backup."]
    return lines + ([""] + notes if notes else [])


def problems(found: t.Mapping[str, t.Any]) -> list[str]:
    """What somebody should look at, one sentence each."""
    backups = found["backups"]
    good = {(backup["user"], backup["name"]) for backup in backups if backup["last"]}
    old = [backup for backup in backups if backup["last"] and backup["age"] > float(found["max_age"]) * 3600]
    present = {(volume["user"], volume["name"]) for volume in found["volumes"]}
    said = [*found["failed"]]
    said += [
        f"{_title(backup)}: {entry['time']} is damaged: {entry['problem']}"
        for backup in backups
        for entry in backup["backups"]
        if entry["problem"]
    ]
    without = [
        volume
        for volume in found["volumes"]
        if volume["kind"] != "orphan" and (volume["user"], volume["name"]) not in good
    ]
    if without:
        said.append(f"no good backup of {_some(map(_title, without))}")
    # Whoever is gone is not backed up any more.
    late = [
        backup
        for backup in old
        if backup["user"] == STATE or ((backup["user"], backup["name"]) in present and backup["user"] != ORPHANS)
    ]
    if late:
        said.append(f"no backup in the last {found['max_age']} hours of {_some(map(_title, late))}")
    if not any(backup["user"] == STATE and backup["last"] for backup in backups):
        said.append("no good backup of the hub's own state, without which everybody has to sign in again")
    orphans = [volume["volume"] for volume in found["volumes"] if volume["kind"] == "orphan"]
    if orphans:
        said.append(f"no user of the hub has {_some(orphans)}; hub_backup_orphans decides whether that is backed up")
    return said


def size(count: float) -> str:
    """A number of bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _row(hub: str, backup: t.Mapping[str, t.Any]) -> list[t.Any]:
    last = backup["last"]
    when = f"{last[:4]}-{last[4:6]}-{last[6:8]} {last[9:11]}:{last[11:13]}" if last else "none"
    numbers = [len(backup["backups"]), size(backup["bytes"]), size(backup["stored"])]
    return [hub, _title(backup), when, _age(backup["age"]), *numbers]


def _age(seconds: float) -> str:
    hours = int(seconds // 3600)
    return f"{hours} h" if hours < 72 else f"{hours // 24} d"


def _title(volume: t.Mapping[str, t.Any]) -> str:
    return volume["user"] if volume["name"] == "home" else f"{volume['user']}/{volume['name']}"


def _some(names: t.Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - NAMES_SHOWN} more" if len(every) > NAMES_SHOWN else ""
    return ", ".join(every[:NAMES_SHOWN]) + more
