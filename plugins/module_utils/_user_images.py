# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images user servers start on Kubernetes, and on which nodes. Private to the collection."""

from __future__ import annotations

import hashlib
import json
import typing as t

Traits = dict[str, t.Any]
_SPAWNERS = ("Spawner", "KubeSpawner")
_CONTAINERS = ("init_containers", "extra_containers")


def pools(profiles: t.Mapping[str, t.Any], layers: t.Sequence[t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Images by the nodes that have to have them.

    :param profiles: ``hub_profiles``.
    :param layers: the settings that the description became, as ``hub_settings`` returns them.
    :returns: for each choice of nodes its ``key``, a short text that stays the same, ``node_selector``, ``tolerations``
        and ``images``. What the hub starts for everybody comes first.
    """
    base: Traits = {}
    for layer in layers:
        for name in _SPAWNERS:
            base.update(layer["settings"].get(name) or {})
    found: dict[str, dict[str, t.Any]] = {}
    for traits in [base, *_profiles(base, profiles), *_listed(base)]:
        selector, tolerations = traits.get("node_selector") or {}, traits.get("tolerations") or []
        key = hashlib.sha256(json.dumps([selector, tolerations], sort_keys=True).encode()).hexdigest()[:8]
        pool = found.setdefault(
            key, {"key": key, "node_selector": dict(selector), "tolerations": list(tolerations), "images": []}
        )
        pool["images"] = list(dict.fromkeys([*pool["images"], *_images(traits)]))
    return list(found.values())


def new(wanted: t.Sequence[t.Mapping[str, t.Any]], before: t.Sequence[t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Of some pools what others do not have: images that were never brought to these nodes."""
    known = {pool["key"]: pool["images"] for pool in before}
    left = [
        {**pool, "images": [image for image in pool["images"] if image not in known.get(pool["key"], [])]}
        for pool in wanted
    ]
    return [pool for pool in left if pool["images"]]


def _images(traits: Traits) -> list[str]:
    containers = [each for name in _CONTAINERS for each in _several(traits.get(name))]
    named = [traits.get("image"), *(each.get("image") for each in containers if isinstance(each, dict))]
    # What the spawner fills in for each person is no name yet.
    return [str(image) for image in named if image and "{" not in str(image)]


def _several(containers: t.Any) -> list[t.Any]:
    """KubeSpawner takes a mapping too, by names that say the order."""
    return list(containers.values()) if isinstance(containers, dict) else list(containers or [])


def _profiles(base: Traits, profiles: t.Mapping[str, t.Any]) -> t.Iterator[Traits]:
    """What servers of each of ``hub_profiles`` are made from."""
    for _key, profile in sorted(profiles.items()):
        image = {"image": profile["image"]} if profile.get("image") else {}
        yield {**base, **(profile.get("settings") or {}), **image}


def _listed(base: Traits) -> t.Iterator[Traits]:
    """The same of KubeSpawner's own profiles, with each of their options; a function can not be foreseen."""
    listed = base.get("profile_list")
    for profile in listed if isinstance(listed, list) else []:
        traits = _overridden(base, profile.get("kubespawner_override"))
        yield traits
        for option in (profile.get("profile_options") or {}).values():
            for choice in (option.get("choices") or {}).values():
                yield _overridden(traits, choice.get("kubespawner_override"))


def _overridden(traits: Traits, override: t.Any) -> Traits:
    """As KubeSpawner does it: mappings are merged, all else is replaced."""
    result = dict(traits)
    for name, value in (override or {}).items():
        before = result.get(name)
        result[name] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
    return result
