# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of a hub by its scale. Private to the collection."""

from __future__ import annotations

import typing as t

# The hub is one process that uses one CPU: about two starts or sign-ins a second. A small hub throttles early so that
# a class that signs in at once is served in turn; a large one spends less on bookkeeping (activity, routes, retries).
PRESETS: dict[str, dict[str, int]] = {
    "small": {
        "concurrent_spawn_limit": 10,
        "active_server_limit": 0,
        "consecutive_failure_limit": 0,
        "last_activity_interval": 60,
        "activity_resolution": 30,
        "init_spawners_timeout": 10,
        "server_activity_interval": 300,
    },
    "medium": {
        "concurrent_spawn_limit": 64,
        "active_server_limit": 0,
        "consecutive_failure_limit": 5,
        "last_activity_interval": 60,
        "activity_resolution": 60,
        "init_spawners_timeout": 10,
        "server_activity_interval": 300,
    },
    # Nodes that are scaling up fail many starts in a row: a failure limit would restart the hub in a loop.
    "large": {
        "concurrent_spawn_limit": 200,
        "active_server_limit": 0,
        "consecutive_failure_limit": 0,
        "last_activity_interval": 300,
        "activity_resolution": 600,
        "init_spawners_timeout": 1,
        "server_activity_interval": 3600,
    },
}


def limits(description: t.Mapping[str, t.Any]) -> dict[str, int]:
    """The preset of ``hub_scale``, with every limit that the description sets itself."""
    preset = PRESETS[description["scale"]]
    return {name: value if description.get(name) is None else description[name] for name, value in preset.items()}
