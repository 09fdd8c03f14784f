"""Which backups stay, for any history."""

from __future__ import annotations

import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._retention import TIME, Backup, dropped, removable

FIRST = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


@st.composite
def histories(draw: st.DrawFn) -> list[Backup]:
    hours = sorted(draw(st.sets(st.integers(0, 24 * 400), max_size=40)))
    found: list[Backup] = []
    for hour in hours:
        time = (FIRST + datetime.timedelta(hours=hour)).strftime(TIME)
        previous = found[-1].time if found and draw(st.booleans()) else ""
        found.append(Backup(time, previous, draw(st.integers(0, 1000))))
    return found


rules = st.fixed_dictionaries({rule: st.integers(0, 5) for rule in ("last", "daily", "weekly", "monthly")})


@settings(deadline=None)
@given(histories(), rules, st.integers(0, 100))
def test_what_is_kept_can_be_restored(backups: list[Backup], keep: dict[str, int], size_drop: int) -> None:
    gone = removable(backups, keep, size_drop)
    kept = [backup for backup in backups if backup.time not in gone]
    assert not backups or kept[-1] == backups[-1]
    assert all(not backup.previous or backup.previous not in gone for backup in kept)
    assert gone == sorted(gone, reverse=True)  # none goes before what needs it
    assert {backup.time for backup in backups[-keep["last"] :] if keep["last"]}.isdisjoint(gone)
    if not any(keep.values()):
        assert gone == []
    days = sorted({backup.time[:8] for backup in backups})
    assert not keep["daily"] or {backup.time[:8] for backup in kept} >= set(days[-keep["daily"] :])
    drop = dropped(backups, size_drop)
    assert drop is None or all(backup.time not in gone for backup in backups if backup.time <= drop[0].time)


@settings(deadline=None)
@given(histories(), rules)
def test_a_second_time_removes_nothing(backups: list[Backup], keep: dict[str, int]) -> None:
    gone = removable(backups, keep, 100)
    assert removable([backup for backup in backups if backup.time not in gone], keep, 100) == []
