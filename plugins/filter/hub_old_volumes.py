# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter hub_old_volumes; documented in hub_old_volumes.yml."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _volume_names


def hub_old_volumes(
    volumes: t.Sequence[str], template: str, users: t.Sequence[str], scheme: str = "today"
) -> list[dict[str, t.Any]]:
    """Volumes that look like users' but that no user would get."""
    if scheme not in _volume_names.SCHEMES:
        raise AnsibleFilterError(f"scheme is {scheme!r}; expected one of {', '.join(_volume_names.SCHEMES)}.")
    return _volume_names.old_volumes(volumes, template, users, scheme)


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Name and function."""
        return {"hub_old_volumes": hub_old_volumes}
