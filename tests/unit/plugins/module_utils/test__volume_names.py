# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes whose names an older spawner spelled in another way."""

from __future__ import annotations

import json
import pathlib
import subprocess
import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hubwright.jupyterhub.plugins.filter.hub_old_volumes import hub_old_volumes
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volume_names import old_volumes, spelled

TEMPLATE = "jupyterhub-user-{username}"
NAMES = ["alice", "ann.lee", "ann-lee", "ann_lee", "ann@example.org", "bob42", "jürgen", "x~"]


@pytest.mark.parametrize(
    ("volume", "users", "expected"),
    [
        ("ann_2Elee", ["ann.lee"], ("ann.lee", True, "ann-2elee")),
        ("ann-lee", ["ann-lee"], ("ann-lee", True, "ann-2dlee")),
        ("ann-lee", [], ("ann-lee", False, "ann-2dlee")),
        ("ann_40example_2Eorg", [], ("ann@example.org", False, "ann-40example-2eorg")),
        ("a-b_2EC", [], ("", False, "")),
        ("Projects.2017", [], ("", False, "")),
        # Legacy of a name that happens to be today's of another one: the one on the list decides.
        ("x-7e", ["x-7e"], ("x-7e", True, "x-2d7e")),
    ],
)
def test_a_volume_of_an_older_spawner_is_told_with_its_user(
    volume: str, users: list[str], expected: tuple[str, bool, str]
) -> None:
    (found,) = old_volumes([f"jupyterhub-user-{volume}"], TEMPLATE, users)
    assert found["volume"] == f"jupyterhub-user-{volume}"
    assert (found["user"], found["known"], found["current"].removeprefix("jupyterhub-user-")) == expected
    assert not found["exists"]


@pytest.mark.parametrize("volume", ["alice", "ann-2elee", "j-c3-bcrgen", "x-7e"])
def test_a_volume_that_somebody_would_get_is_nobodys_concern(volume: str) -> None:
    """Also of people who are on no list: they may have left."""
    assert old_volumes([f"jupyterhub-user-{volume}"], TEMPLATE, ["bob"]) == []


def test_volumes_of_others_are_left_out() -> None:
    assert old_volumes(["database", "jupyterhub-user-", "other-user-ann_2Elee"], TEMPLATE, ["ann.lee"]) == []
    assert old_volumes(["jupyterhub-user-ann_2Elee"], "shared", ["ann.lee"]) == []


def test_it_says_when_there_is_a_new_one_already() -> None:
    (found,) = old_volumes(["jupyterhub-user-ann_2Elee", "jupyterhub-user-ann-2elee"], TEMPLATE, ["ann.lee"])
    assert found["exists"]


def test_a_hub_that_keeps_the_old_spelling_looks_for_the_new_one() -> None:
    volumes = ["jupyterhub-user-ann_2Elee", "jupyterhub-user-bob-2elee"]
    (found,) = old_volumes(volumes, TEMPLATE, ["ann.lee", "bob.lee"], "legacy")
    assert (found["user"], found["current"]) == ("bob.lee", "jupyterhub-user-bob_2Elee")


@given(
    st.lists(st.text(min_size=1, max_size=12).filter(lambda name: "/" not in name).map(str.lower), unique=True),
    st.sampled_from(["today", "legacy"]),
)
def test_nobody_is_told_about_volumes_of_the_hubs_own_spawner(users: list[str], scheme: str) -> None:
    volumes = [f"jupyterhub-user-{spelled(user, scheme)}" for user in users]
    assert old_volumes(volumes, TEMPLATE, users, scheme) == []


def test_names_are_spelled_as_the_real_spawner_does(newest_hub_environment: pathlib.Path) -> None:
    python = newest_hub_environment / "bin" / "python"
    script = (
        "import json, sys; from dockerspawner import DockerSpawner as D; names = json.load(sys.stdin);"
        "print(json.dumps([[D._escape(name), D._legacy_escape(name)] for name in names]))"
    )
    done = subprocess.run([python, "-c", script], input=json.dumps(NAMES), capture_output=True, text=True, check=True)
    real: t.Any = json.loads(done.stdout)
    assert [[spelled(name), spelled(name, "legacy")] for name in NAMES] == real


def test_the_filter_says_which_schemes_there_are() -> None:
    assert hub_old_volumes(["jupyterhub-user-a_2Eb"], TEMPLATE, [])[0]["user"] == "a.b"
    with pytest.raises(AnsibleFilterError, match="today, legacy"):
        hub_old_volumes([], TEMPLATE, [], "future")
