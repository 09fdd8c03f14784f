# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of backups, and what somebody should look at."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hubwright.jupyterhub.plugins.filter.hub_user_volumes import FilterModule
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._backup_report import size

hub_backup_report = FilterModule().filters()["hub_backup_report"]


def backup(user: str, **other: t.Any) -> dict[str, t.Any]:
    """A volume as volume_backup_info returns it."""
    entry = {"time": "20261127T231500Z", "problem": ""}
    found = {"user": user, "name": "home", "last": "20261127T231500Z", "age": 7200, "bytes": 12_345_678, "stored": 900}
    return {**found, "backups": [entry], **other}


def volume(user: str, kind: str = "user", name: str = "home") -> dict[str, str]:
    """A volume as hub_user_volumes returns it."""
    return {"user": user, "kind": kind, "name": name, "volume": f"class-user-{name}"}


def hub(*backups: dict[str, t.Any], **other: t.Any) -> dict[str, t.Any]:
    """What is known of one hub."""
    return {"backups": list(backups), "volumes": [], "failed": [], "max_age": 48, **other}


def notes(**hubs: dict[str, t.Any]) -> list[str]:
    """What stands below the table."""
    lines = hub_backup_report(hubs)
    return lines[lines.index("") + 1 :] if "" in lines else []


def test_one_line_for_each_volume_the_hub_itself_first() -> None:
    lines = hub_backup_report(
        {
            "class": hub(
                backup("ada"), backup("ada", name="data"), backup("hub state", age=400_000, bytes=0), max_age=200
            )
        }
    )
    assert [line.split("  ")[0] for line in lines] == ["hub", "-----", "class", "class", "class"]
    assert lines[2].split() == ["class", "hub", "state", "2026-11-27", "23:15", "4", "d", "1", "0", "B", "900", "B"]
    assert lines[4].split() == ["class", "ada", "2026-11-27", "23:15", "2", "h", "1", "12", "MB", "900", "B"]
    assert lines[3].startswith("class  ada/data   2026-11-27 23:15")


def test_nothing_is_said_when_all_is_well() -> None:
    assert not notes(hub=hub(backup("hub state"), backup("ada"), volumes=[volume("ada")]))


def test_no_backup_at_all_is_told() -> None:
    assert hub_backup_report({}) == ["There is no backup."]
    assert notes(hub=hub()) == [
        "hub: no good backup of the hub's own state, without which everybody has to sign in again"
    ]


@pytest.mark.parametrize(
    ("found", "note"),
    [
        ({"failed": ["ada was not backed up: no"]}, "hub: ada was not backed up: no"),
        ({"volumes": [volume("bob"), volume("bob", name="data")]}, "hub: no good backup of bob, bob/data"),
        (
            {"volumes": [volume(f"u{number}") for number in range(12)]},
            "hub: no good backup of " + ", ".join(f"u{number}" for number in range(10)) + " and 2 more",
        ),
        (
            {"volumes": [volume("hub orphans", "orphan", "gone")]},
            "hub: no user of the hub has class-user-gone; hub_backup_orphans decides whether that is backed up",
        ),
    ],
)
def test_what_somebody_should_look_at_is_told(found: dict[str, t.Any], note: str) -> None:
    assert notes(hub=hub(backup("hub state"), **found)) == [note]


def test_a_damaged_backup_is_told() -> None:
    damaged = backup("ada", backups=[{"time": "20261126T020000Z", "problem": "checksum differs"}])
    assert notes(hub=hub(backup("hub state"), damaged)) == ["hub: ada: 20261126T020000Z is damaged: checksum differs"]


def test_who_is_gone_is_not_late() -> None:
    """The last backup of a user who left the hub gets old, and that is as it should be."""
    state, ada, gone = backup("hub state"), backup("ada", age=200_000), backup("gone", age=200_000)
    assert notes(hub=hub(state, ada, gone, volumes=[volume("ada")])) == ["hub: no backup in the last 48 hours of ada"]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 kB"),
        (12_345_678, "12 MB"),
        (2_000_000_000, "2.0 GB"),
        (3 * 10**12, "3.0 TB"),
    ],
)
def test_sizes_are_for_people(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize("given", [[], {"hub": []}, {"hub": {"backups": []}}])
def test_something_else_is_refused(given: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="expected|got something else"):
        hub_backup_report(given)
