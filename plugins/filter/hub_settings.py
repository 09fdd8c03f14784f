# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters over a hub description."""

from __future__ import annotations

import pathlib
import posixpath
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import (
    _description,
    _networks,
    _people,
    _platforms,
    _settings,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.plugin_utils._filters import checked


def _checked(function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    """The function with HubError, and what a description lacks, turned into what a filter raises."""
    inner = checked(function)

    def call(*args: t.Any, **kwargs: t.Any) -> t.Any:
        try:
            return inner(*args, **kwargs)
        except KeyError as error:
            raise AnsibleFilterError(
                f"The mapping lacks {error}, expected all that the role hubwright.jupyterhub.hub describes. "
                "Use its variable hub_description."
            ) from None

    return call


def hub_settings(
    description: t.Mapping[str, t.Any], platform: str, places: t.Mapping[str, t.Any] | None = None
) -> dict[str, t.Any]:
    """What JupyterHub must be told, and what a platform role has to place for it."""
    _platform(platform)
    return _settings.plan(_with_userlist(description), platform, places)


def hub_problems(description: t.Mapping[str, t.Any], platform: str) -> list[str]:
    """Everything that is wrong with a description."""
    _platform(platform)
    try:
        complete = _with_userlist(description)
    except HubError as error:
        return [str(error), *_description.problems(description, platform)]
    return _description.problems(complete, platform)


def hub_revoked(before: t.Mapping[str, t.Any] | None, now: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Who lost the right to sign in or to administer, or a group, since ``before``."""
    everybody = _people.People(tuple(now["users"]), tuple(now["admins"]))
    return _people.revoked(before, everybody, now.get("groups"))


def hub_paths(named: t.Mapping[str, t.Mapping[str, t.Any]], directory: str, **common: t.Any) -> list[dict[str, t.Any]]:
    """Named files or secrets as hub_files takes them: below ``directory`` unless the name is an absolute path."""
    shared = {option: value for option, value in common.items() if value}
    return [{"path": posixpath.join(directory, name), **dict(file), **shared} for name, file in named.items()]


def hub_addresses(subnet: str) -> dict[str, str]:
    """Who has which address in the network of user containers."""
    return _networks.addresses(subnet)


def _with_userlist(description: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The description with the text of its userlist, which is a file of the controller."""
    path = description.get("userlist")
    if not path:
        return dict(description)
    try:
        text = pathlib.Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HubError(f"hub_userlist is {path!r}; it can not be read: {error}.") from error
    return {**description, "userlist_text": text}


def _platform(platform: str) -> None:
    if platform not in _platforms.SPAWNERS:
        raise HubError(f"platform is {platform!r}; expected one of {', '.join(_platforms.SPAWNERS)}.")


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Name -> filter."""
        return {
            "hub_addresses": _checked(hub_addresses),
            "hub_paths": _checked(hub_paths),
            "hub_problems": _checked(hub_problems),
            "hub_revoked": _checked(hub_revoked),
            "hub_settings": _checked(hub_settings),
        }
