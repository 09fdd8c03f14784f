# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters about volumes of users and their backups; documented in the files of their names."""

from __future__ import annotations

import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _backup_report, _user_volumes
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.plugin_utils._filters import checked


def hub_user_volumes(
    names: t.Sequence[str],
    users: t.Sequence[str],
    templates: t.Mapping[str, str],
    servers: t.Sequence[t.Mapping[str, t.Any]] = (),
    scheme: str = "today",
) -> list[dict[str, str]]:
    """Whose each volume is."""
    _known(scheme)
    return _user_volumes.user_volumes(names, users, templates, servers, scheme)


def hub_restore_targets(
    backups: t.Sequence[t.Mapping[str, t.Any]],
    templates: t.Mapping[str, str],
    users: t.Sequence[str] = (),
    to: str = "",
    name: str = "",
    scheme: str = "today",
) -> list[dict[str, str]]:
    """Where each backup goes in the hub as it is described now."""
    _known(scheme)
    return _user_volumes.restore_targets(backups, templates, users, to, name, scheme)


def hub_backup_report(hubs: t.Mapping[str, t.Any]) -> list[str]:
    """What is known of the backups of hubs as the lines of one table, and what somebody should look at."""
    return _backup_report.report(hubs)


def _known(scheme: str) -> None:
    if scheme not in _user_volumes.SCHEMES:
        raise HubError(f"scheme is {scheme!r}; expected one of {', '.join(_user_volumes.SCHEMES)}.")


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Name and function."""
        return {
            "hub_backup_report": checked(hub_backup_report),
            "hub_restore_targets": checked(hub_restore_targets),
            "hub_user_volumes": checked(hub_user_volumes),
        }
