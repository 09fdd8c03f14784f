# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People of a hub."""

from __future__ import annotations

import descriptions
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._people import (
    People,
    normalised,
    parse_userlist,
    people,
    revoked,
)


@pytest.mark.parametrize(
    ("text", "users", "admins"),
    [
        ("", [], []),
        ("ada\n", ["ada"], []),
        ("ada", ["ada"], []),
        ("ada admin\nbob\n", ["ada", "bob"], ["ada"]),
        ("\n  \n# staff\nada admin  # since May\n\tbob\t\n#bob admin\n", ["ada", "bob"], ["ada"]),
        ("ada\r\nbob admin\r\n", ["ada", "bob"], ["bob"]),
    ],
)
def test_a_userlist_holds_a_name_a_line(text: str, users: list[str], admins: list[str]) -> None:
    assert parse_userlist(text) == (users, admins)


def test_every_wrong_line_of_a_userlist_is_named() -> None:
    with pytest.raises(HubError) as caught:
        parse_userlist("ada\nbob boss\neve admin now\n", "people.txt")
    assert str(caught.value).splitlines() == [
        "people.txt line 2 is 'bob boss'; expected 'name' or 'name admin'.",
        "people.txt line 3 is 'eve admin now'; expected 'name' or 'name admin'.",
    ]


def test_lists_and_userlist_are_one_and_admins_may_sign_in() -> None:
    everybody = people(
        descriptions.description(
            users=["Zoe", "ada"], admins=["Grace"], userlist="people.txt", userlist_text="ADA admin\neve\n"
        )
    )
    assert everybody == People(users=("ada", "eve", "grace", "zoe"), admins=("ada", "grace"))


@pytest.mark.parametrize(
    ("name", "stored"), [("Ada", "ada"), (" ada ", "ada"), ("ADA.L@Example.org", "ada.l@example.org")]
)
def test_names_are_spelled_as_the_hub_stores_them(name: str, stored: str) -> None:
    assert normalised(name) == stored


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (None, {"users": [], "admins": [], "groups": {}}),
        ({}, {"users": [], "admins": [], "groups": {}}),
        ({"users": ["ada", "grace"], "admins": ["grace"]}, {"users": [], "admins": [], "groups": {}}),
        ({"users": ["ada", "bob"], "admins": ["bob"]}, {"users": ["bob"], "admins": [], "groups": {}}),
        ({"users": ["ada"], "admins": ["ada"]}, {"users": [], "admins": ["ada"], "groups": {}}),
        (
            {
                "users": ["ada", "bob", "grace"],
                "groups": {"lab": ["ada", "bob", "grace"], "old": ["ada"], "same": ["ada"]},
            },
            {"users": ["bob"], "admins": [], "groups": {"lab": ["ada"], "old": ["ada"]}},
        ),
    ],
    ids=["first run", "empty record", "nobody", "a user", "an admin who stays", "groups"],
)
def test_who_lost_what(before: dict[str, object] | None, expected: dict[str, object]) -> None:
    now = People(users=("ada", "grace"), admins=("grace",))
    assert revoked(before, now, {"lab": ["grace"], "same": ["ada"], "new": ["ada"]}) == expected


names = st.lists(st.text("abc", min_size=1, max_size=3), max_size=6)


@given(names, names)
def test_everybody_who_is_gone_is_revoked_and_nobody_else(before: list[str], now: list[str]) -> None:
    lost = revoked({"users": before}, People(tuple(sorted(set(now))), ()))["users"]
    assert set(lost) == set(before) - set(now)
    assert lost == sorted(lost)
