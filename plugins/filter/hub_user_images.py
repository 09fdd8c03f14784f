# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter hub_user_images; documented in hub_user_images.yml."""

from __future__ import annotations

import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _user_images


def hub_user_images(
    layers: t.Sequence[t.Mapping[str, t.Any]],
    profiles: t.Mapping[str, t.Any],
    before: t.Sequence[t.Mapping[str, t.Any]] = (),
) -> list[dict[str, t.Any]]:
    """Images of user servers, by the nodes that have to have them, but for what was brought there before."""
    return _user_images.new(_user_images.pools(profiles, layers), before)


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Name and function."""
        return {"hub_user_images": hub_user_images}
