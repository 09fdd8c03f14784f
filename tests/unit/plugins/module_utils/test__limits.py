# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits by the scale of a hub."""

from __future__ import annotations

import descriptions
import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._limits import PRESETS, limits


@pytest.mark.parametrize("scale", sorted(PRESETS))
def test_a_scale_decides_every_limit(scale: str) -> None:
    assert limits(descriptions.description(scale=scale)) == PRESETS[scale]


@pytest.mark.parametrize("name", sorted(PRESETS["small"]))
def test_a_limit_of_its_own_wins_over_the_scale(name: str) -> None:
    expected = {**PRESETS["large"], name: 7}
    assert limits(descriptions.description(scale="large", **{name: 7})) == expected


def test_zero_is_a_limit_of_its_own() -> None:
    """0 means "no limit" and must not be mistaken for "left out"."""
    assert limits(descriptions.description(scale="medium", concurrent_spawn_limit=0))["concurrent_spawn_limit"] == 0


def test_the_presets_are_those_that_the_documentation_names() -> None:
    """Each limit's description says "Default by hub_scale - small, medium, large"."""
    options = descriptions.OPTIONS
    for name in PRESETS["small"]:
        values = ", ".join(str(PRESETS[scale][name]) for scale in ("small", "medium", "large"))
        assert f"Default by O(hub_scale) - {values}." in str(options[f"hub_{name}"]["description"])
