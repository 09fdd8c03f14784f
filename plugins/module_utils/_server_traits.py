# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person's server gets, by the description or by a profile. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _sizes


def environment(values: t.Mapping[str, t.Any], pods: bool) -> dict[str, str]:
    """Environment variables of user servers, as the spawner wants them.

    ``{username}`` is the user's name, no other brace means anything. KubeSpawner formats the values itself and means
    another spelling of the name by ``{username}``; for the other spawners the fragment of ``_profiles`` looks it up.
    """
    texts = {name: str(value) for name, value in sorted(values.items())}
    if not pods:
        return texts
    doubled = {name: value.replace("{", "{{").replace("}", "}}") for name, value in texts.items()}
    return {name: value.replace("{{username}}", "{unescaped_username}") for name, value in doubled.items()}


def resources(values: t.Mapping[str, t.Any], prefix: str) -> dict[str, t.Any]:
    """Memory and CPU of a server, of the description or of a profile. ``prefix`` names the variable in messages."""
    names = {
        "memory_limit": "mem_limit",
        "memory_guarantee": "mem_guarantee",
        "cpu_limit": "cpu_limit",
        "cpu_guarantee": "cpu_guarantee",
    }
    settings: dict[str, t.Any] = {}
    for name, trait in names.items():
        if values.get(name):
            memory = name.startswith("memory")
            settings[trait] = (
                _sizes.readable(_sizes.to_bytes(values[name], prefix + name)) if memory else float(values[name])
            )
    return settings
