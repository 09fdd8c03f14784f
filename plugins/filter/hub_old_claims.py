# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter hub_old_claims; documented in hub_old_claims.yml."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _claim_names


def hub_old_claims(
    claims: t.Sequence[str | t.Mapping[str, t.Any]], template: str, users: t.Sequence[str], scheme: str = "safe"
) -> list[dict[str, t.Any]]:
    """Claims of users that no user would get."""
    if scheme not in _claim_names.SCHEMES:
        raise AnsibleFilterError(f"scheme is {scheme!r}; expected one of {', '.join(_claim_names.SCHEMES)}.")
    return _claim_names.old_claims(claims, template, users, scheme)


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Name and function."""
        return {"hub_old_claims": hub_old_claims}
