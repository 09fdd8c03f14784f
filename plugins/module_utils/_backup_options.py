# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that the modules for backups share, and what they mean. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _repository
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._engine_api import EngineApi
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volumes import Volume
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volumes._directory import DirectoryVolume
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volumes._docker import DockerVolume

ARGUMENTS: dict[str, t.Any] = {
    "repository": {"type": "path", "required": True},
    "hub": {"type": "str", "required": True},
    "socket": {"type": "path"},
}


def volume(volume: str | None, path: str | None, socket: str | None) -> Volume:
    """The volume that two options name, of which one is given."""
    if path:
        return DirectoryVolume(path)
    assert volume is not None
    return DockerVolume(EngineApi(socket or ""), volume)


def place(params: t.Mapping[str, t.Any], user: str, name: str) -> _repository.Place:
    """The backups of a user's volume.

    :raises HubError: a name is none.
    """
    for option, value in (("hub", params["hub"]), ("user", user)):
        if not value or "\0" in value:
            raise HubError(f"{option} is {value!r}, expected a name.")
    if not _repository.NAME.fullmatch(name):
        raise HubError(
            f"name is {name!r}, expected up to 63 lower-case letters, digits, '.', '_' or '-', the first a letter or digit."
        )
    return _repository.Place(params["repository"], params["hub"], user, name)
