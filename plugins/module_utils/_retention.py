# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups to keep. Private to the collection."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import typing as t

TIME = "%Y%m%dT%H%M%SZ"


@dataclasses.dataclass(frozen=True)
class Backup:
    """What has to be known of a backup to decide."""

    time: str
    previous: str  #: the backup that an increment needs; empty for a full one
    size: int  #: of the content


def moment(time: str) -> datetime.datetime:
    """The time that the name of a backup says."""
    return datetime.datetime.strptime(time, TIME).replace(tzinfo=datetime.timezone.utc)


def removable(backups: t.Sequence[Backup], keep: t.Mapping[str, int], size_drop: int) -> list[str]:
    """Times of the backups to remove, those that need others before those.

    :param backups: the oldest first.
    :param keep: ``last``, ``daily``, ``weekly``, ``monthly``; without any of them nothing is removed.
    :param size_drop: where the content shrank by more percent than this, all before that stays.
    """
    if not any(keep.values()):
        return []
    wanted = {backups[-1].time} if backups else set()
    wanted.update(backup.time for backup in (backups[-keep["last"] :] if keep["last"] else ()))
    for rule, period in (("daily", "%Y-%m-%d"), ("weekly", "%G-%V"), ("monthly", "%Y-%m")):
        latest = {moment(backup.time).strftime(period): backup.time for backup in backups}
        wanted.update(sorted(latest.values())[-keep[rule] :] if keep[rule] else ())
    drop = dropped(backups, size_drop)
    wanted.update(backup.time for backup in backups if drop and backup.time < drop[1].time)
    for backup in reversed(backups):
        if backup.time in wanted and backup.previous:
            wanted.add(backup.previous)
    return [backup.time for backup in reversed(backups) if backup.time not in wanted]


def dropped(backups: t.Sequence[Backup], size_drop: int) -> tuple[Backup, Backup] | None:
    """The latest two backups in a row between which the content shrank by more percent than ``size_drop``."""
    for before, after in reversed(list(itertools.pairwise(backups))):
        if after.size * 100 < before.size * (100 - size_drop):
            return before, after
    return None
