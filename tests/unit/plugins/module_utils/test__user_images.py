# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images the nodes of user servers need, from all places where an image can be named."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.hubwright.jupyterhub.plugins.filter.hub_user_images import FilterModule
from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _user_images

GPU = {"node_selector": {"gpu": "yes"}, "tolerations": [{"key": "gpu", "operator": "Exists"}]}
Traits = dict[str, t.Any]


def layers(*settings: Traits) -> list[dict[str, t.Any]]:
    """A layer for each mapping of KubeSpawner's traits."""
    return [{"name": str(number), "settings": {"KubeSpawner": each}} for number, each in enumerate(settings)]


def images(*settings: Traits, **profiles: Traits) -> list[list[str]]:
    """The images of each choice of nodes."""
    return [pool["images"] for pool in _user_images.pools(profiles, layers(*settings))]


@pytest.mark.parametrize(
    ("traits", "expected"),
    [
        ({"image": "a:1"}, ["a:1"]),
        ({"image": "a:1", "init_containers": [{"name": "i", "image": "i:1"}]}, ["a:1", "i:1"]),
        ({"image": "a:1", "init_containers": {"01": {"image": "i:1"}}}, ["a:1", "i:1"]),
        ({"image": "a:1", "extra_containers": [{"image": "a:1"}, {"image": "s:1"}, {"name": "none"}]}, ["a:1", "s:1"]),
        ({"image": "a:1", "extra_containers": [{"image": "{username}:1"}]}, ["a:1"]),
        ({"image": "a:1", "profile_list": {"env": "NAME"}}, ["a:1"]),
    ],
)
def test_images_of_everybody(traits: Traits, expected: list[str]) -> None:
    assert images(traits) == [expected]


def test_the_last_layer_wins_and_other_classes_do_not_matter() -> None:
    given = [*layers({"image": "a:1"}, {"image": "b:1"}), {"name": "x", "settings": {"JupyterHub": {"port": 1}}}]
    assert [pool["images"] for pool in _user_images.pools({}, given)] == [["b:1"]]


def test_a_profile_has_its_own_image_and_containers() -> None:
    found = images(
        {"image": "a:1", "extra_containers": [{"image": "s:1"}]},
        big={"image": "b:1", "settings": {"image": "ignored:1", "extra_containers": [{"image": "t:1"}]}},
        same={"display_name": "Same"},
    )
    assert found == [["a:1", "s:1", "b:1", "t:1"]]


def test_nodes_of_a_profile_get_only_what_starts_there() -> None:
    pools = _user_images.pools({"gpu": {"image": "g:1", "settings": GPU}}, layers({"image": "a:1"}))
    assert [(pool["images"], pool["node_selector"], pool["tolerations"]) for pool in pools] == [
        (["a:1"], {}, []),
        (["g:1"], GPU["node_selector"], GPU["tolerations"]),
    ]
    assert pools[0]["key"] != pools[1]["key"]


def test_profiles_of_the_spawner_are_followed_into_their_options() -> None:
    choices = {"b": {"kubespawner_override": {"image": "b:1"}}, "c": {"display_name": "C"}}
    listed: list[Traits] = [
        {"display_name": "Plain"},
        {"kubespawner_override": {"image": "p:1"}, "profile_options": {"image": {"choices": choices}}},
        {"kubespawner_override": {"node_selector": {"gpu": "yes"}}},
    ]
    pools = _user_images.pools({}, layers({"image": "a:1", "node_selector": {"pool": "users"}, "profile_list": listed}))
    # As KubeSpawner does it, a selector of a profile is added to that of everybody.
    assert [(pool["node_selector"], pool["images"]) for pool in pools] == [
        ({"pool": "users"}, ["a:1", "p:1", "b:1"]),
        ({"pool": "users", "gpu": "yes"}, ["a:1"]),
    ]


def test_only_what_is_new_to_the_same_nodes_is_left() -> None:
    before = _user_images.pools({}, layers({"image": "a:1"}))
    both = _user_images.pools({"x": {"image": "b:1"}}, layers({"image": "a:1"}))
    elsewhere = _user_images.pools({}, layers({"image": "a:1", **GPU}))
    assert _user_images.new(before, before) == []
    assert _user_images.new(before, both) == []
    assert [pool["images"] for pool in _user_images.new(both, before)] == [["b:1"]]
    assert _user_images.new(elsewhere, before) == elsewhere


def test_the_filter() -> None:
    call = FilterModule().filters()["hub_user_images"]
    given = layers({"image": "a:1"})
    assert call(given, {}) == _user_images.pools({}, given)
    assert call(given, {}, call(given, {})) == []
