# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose a volume is, and where a backup of it goes."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hubwright.jupyterhub.plugins.filter.hub_user_volumes import FilterModule

hub_restore_targets = FilterModule().filters()["hub_restore_targets"]
hub_user_volumes = FilterModule().filters()["hub_user_volumes"]
OWN = {"home": "class-user-{username}"}


def server(user: str, *mounts: str, read_only: bool = False) -> dict[str, t.Any]:
    """A user server as hub_engine_info returns it, with what matters here."""
    return {"user": user, "mounts": [{"source": source, "read_only": read_only} for source in mounts]}


def whose(volumes: list[dict[str, str]]) -> dict[str, str]:
    """User of each volume that has one."""
    return {volume["volume"]: volume["user"] for volume in volumes if volume["kind"] == "user"}


@pytest.mark.parametrize(
    ("scheme", "volume", "user"),
    [
        ("today", "class-user-ann-2elee", "ann.lee"),
        ("legacy", "class-user-ann_2Elee", "ann.lee"),
        ("plain", "class-user-ann.lee", "ann.lee"),
        ("today", "class-user-j-c3-bcrgen", "jürgen"),
        # Two users whose names look alike when one is spelled: each has an own one.
        ("today", "class-user-ann-2d2elee", "ann-2elee"),
    ],
)
def test_a_user_has_the_volume_that_the_spawner_would_give(scheme: str, volume: str, user: str) -> None:
    there = [volume, "class-user-nobody", "other", "class-usermod"]
    found = hub_user_volumes(there, ["ann.lee", "ann-2elee", "jürgen"], OWN, scheme=scheme)
    assert whose(found) == {volume: user}
    assert [entry["volume"] for entry in found if entry["kind"] == "orphan"] == ["class-user-nobody"], (
        "expected that nobody's volume is told, and that those of others are left out"
    )


def test_what_the_spawner_did_counts_more_than_a_spelling() -> None:
    """A volume of an older name, in use; a shared one and a read-only one are nobody's, though in a container."""
    templates = {**OWN, "data": "class-data"}
    servers = [
        server("ann.lee", "class-user-ann_2Elee", "class-data"),
        server("bob", "class-user-carol", read_only=True),
    ]
    found = hub_user_volumes(
        ["class-user-ann_2Elee", "class-data", "class-user-carol"], ["ann.lee", "bob"], templates, servers
    )
    assert found == [
        {"volume": "class-data", "name": "data", "user": "hub shared", "kind": "shared"},
        {"volume": "class-user-ann_2Elee", "name": "home", "user": "ann.lee", "kind": "user"},
        {"volume": "class-user-carol", "name": "class-user-carol", "user": "hub orphans", "kind": "orphan"},
    ]


def test_a_user_may_have_several_volumes_and_directories() -> None:
    templates = {"home": "/srv/hub/users/{username}", "Big Data": "big-{username}"}
    found = hub_user_volumes(
        ["/srv/hub/users/ada", "big-ada", "/srv/hub/users/ada/x"], ["ada"], templates, scheme="plain"
    )
    assert [(entry["volume"], entry["name"]) for entry in found] == [
        ("/srv/hub/users/ada", "home"),
        ("big-ada", "big-data"),
    ]


def test_a_user_called_like_the_hub_itself_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="user called hub state"):
        hub_user_volumes([], ["hub state"], OWN)


@pytest.mark.parametrize(
    "call", [lambda: hub_user_volumes([], [], OWN, scheme="old"), lambda: hub_restore_targets([], OWN, scheme="old")]
)
def test_an_unknown_spelling_is_refused(call: t.Callable[[], t.Any]) -> None:
    with pytest.raises(AnsibleFilterError, match="scheme is 'old'; expected one of today, legacy, plain"):
        call()


# --- where a backup goes


def backup(user: str, name: str = "home", kind: str = "docker", last: str = "20261127T231500Z") -> dict[str, t.Any]:
    """A volume as volume_backup_info returns it, with what matters here."""
    return {"user": user, "name": name, "last": last, "source": {"kind": kind, "reference": "x"}}


BACKUPS = [
    backup("ann.lee"),
    backup("bob"),
    backup("bob", "data"),
    backup("hub shared", "course"),
    backup("hub state"),
    backup("hub orphans", "v"),
]
TEMPLATES = {**OWN, "data": "data-{username}", "course": "course"}


def places(targets: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    """Whose, to whom, where."""
    return [(target["user"], target["to"], target["volume"]) for target in targets]


def test_everybody_gets_the_volume_that_the_hub_gives_today() -> None:
    assert places(hub_restore_targets(BACKUPS, TEMPLATES)) == [
        ("ann.lee", "ann.lee", "class-user-ann-2elee"),
        ("bob", "bob", "data-bob"),
        ("bob", "bob", "class-user-bob"),
        ("hub shared", "hub shared", "course"),
    ]


def test_one_user_one_volume_another_user() -> None:
    assert places(hub_restore_targets(BACKUPS, TEMPLATES, ["bob"], name="home")) == [("bob", "bob", "class-user-bob")]
    assert places(hub_restore_targets(BACKUPS, TEMPLATES, ["ann.lee"], to="c.d")) == [
        ("ann.lee", "c.d", "class-user-c-2ed")
    ]


def test_a_directory_can_become_a_volume() -> None:
    target = hub_restore_targets([backup("ada", kind="directory")], OWN)[0]
    assert (target["from"], target["volume"]) == ("directory", "class-user-ada")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"users": ["carol"]}, "no backup of carol, expected users among ann.lee, bob"),
        ({"users": ["ann.lee", "bob"], "to": "dora"}, "files of 2 users can not go to dora"),
        ({"users": ["bob"], "name": "dat"}, "nothing to restore"),
        ({"templates": OWN}, "no place for data of bob, course of hub shared, expected one of home"),
        # A volume that all share is not to become somebody's.
        ({"templates": {**TEMPLATES, "course": "course-{username}"}}, "no place for course of hub shared"),
        ({"backups": [backup("ada", last="")], "users": ["ada"]}, "no backup of ada, expected users among nobody"),
    ],
)
def test_what_has_no_backup_or_no_place_is_refused(arguments: dict[str, t.Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        hub_restore_targets(**{"backups": BACKUPS, "templates": TEMPLATES, **arguments})


def test_claims_have_the_names_of_the_spawner() -> None:
    """Those of named servers too; what it wrote down of a claim counts more than the name."""
    templates = {"home": "claim-{user_server}", "data": "data"}
    there = ["claim-bob", "claim-bob--gpu", "claim-ann-lee---2a39e9ce", "claim-of-old", "claim-nobody", "data"]
    written = [
        {"user": "bob", "claim_of": "gpu", "mounts": [{"source": "claim-bob--gpu"}]},
        {"user": "eve", "claim_of": "", "mounts": [{"source": "claim-of-old"}]},
    ]
    found = hub_user_volumes(there, ["ann.lee", "bob"], templates, written, "safe")
    assert {volume["volume"]: (volume["user"], volume["name"]) for volume in found} == {
        "claim-bob": ("bob", "home"),
        "claim-bob--gpu": ("bob", "home.gpu"),
        "claim-ann-lee---2a39e9ce": ("ann.lee", "home"),
        "claim-of-old": ("eve", "home"),
        "claim-nobody": ("hub orphans", "claim-nobody"),
        "data": ("hub shared", "data"),
    }
    backups = [
        {"user": "bob", "name": name, "last": "20261127T231500Z", "source": {"kind": "claim"}}
        for name in ("home", "home.gpu")
    ]
    targets = hub_restore_targets(backups, templates, ["bob"], "ann.lee", scheme="safe")
    assert targets[0]["volume"] == "claim-ann-lee---2a39e9ce"
    assert targets[1]["volume"].startswith("claim-ann-lee") and "gpu" in targets[1]["volume"]
