# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that the modules for backups share, and what they mean. Private to the collection."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _repository, _restic
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import POD_ARGUMENTS
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volumes import Volume
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volumes._directory import DirectoryVolume

if t.TYPE_CHECKING:
    from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volumes._docker import Engine

RESTIC: dict[str, t.Any] = {
    "repository": {"type": "str", "required": True},
    "password_file": {"type": "path", "required": True},
    "environment": {"type": "dict", "default": {}, "no_log": True},
}
CLUSTER: dict[str, t.Any] = {
    **POD_ARGUMENTS,
    "image": {"type": "str", "required": True},
    "uid": {"type": "int", "default": 1000},
    "group": {"type": "int", "default": 100},
    "timeout": {"type": "int", "default": 300},
}
ARGUMENTS: dict[str, t.Any] = {
    "repository": {"type": "path"},
    "hub": {"type": "str", "required": True},
    "engine": {"type": "str", "choices": ["archive", "restic"], "default": "archive"},
    "restic": {"type": "dict", "options": RESTIC},
    "socket": {"type": "path"},
    "helper": {"type": "str", "choices": ["auto", "always", "never"], "default": "auto"},
    "helper_image": {"type": "str"},
    "cluster": {"type": "dict", "options": CLUSTER},
}


REQUIRED_IF = [("engine", "archive", ["repository"]), ("engine", "restic", ["restic"])]


def restic(params: t.Mapping[str, t.Any]) -> _restic.Restic | None:
    """The repository of restic; None with the engine archive.

    :raises HubError: options of one engine are given for the other.
    """
    needed = "repository" if params["engine"] == "archive" else "restic"
    if not params[needed]:  # given, and null
        raise HubError(f"engine is {params['engine']}, and {needed} is not given.")
    if params["engine"] == "archive":
        if params["restic"]:
            raise HubError("restic is given, and engine is archive.", "Take engine: restic, or leave it out.")
        return None
    if params["repository"]:
        raise HubError("repository is given, and engine is restic, whose repository is restic.repository.")
    return _restic.Restic(**params["restic"])


def check_names(hub: str, user: str, name: str) -> None:
    """Refuse names that are none.

    :raises HubError: which one.
    """
    for option, value in (("hub", hub), ("user", user)):
        if not value or "\0" in value:
            raise HubError(f"{option} is {value!r}, expected a name.")
    if not _repository.NAME.fullmatch(name):
        raise HubError(
            f"name is {name!r}, expected up to 63 lower-case letters, digits, '.', '_' or '-', the first a letter or digit."
        )


class Sources:
    """The volumes that a module's options name.

    What each kind of them needs is only loaded for one: a client of HTTP or of a cluster takes a tenth of the time of a run that finds
    nothing to do.
    """

    def __init__(self, params: t.Mapping[str, t.Any]) -> None:
        self._params = params

    def volume(self, named: t.Mapping[str, t.Any]) -> Volume:
        """The one that volume, path or claim in ``named`` names."""
        if named["path"]:
            return DirectoryVolume(named["path"])
        if named["claim"]:
            return self._claim(named["claim"])
        return self._engine.volume(named["volume"])

    @functools.cached_property
    def _engine(self) -> Engine:
        from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volumes import _docker

        params = self._params
        return _docker.Engine(params["socket"] or "", params["helper"], params["helper_image"] or "")

    def _claim(self, name: str) -> Volume:
        from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _claim_pods
        from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volumes._claim import ClaimVolume

        if not self._params["cluster"]:
            raise HubError(
                "claim is given, and cluster is not.", "Say where the claims are, and which image reads them."
            )
        given = {option: value for option, value in self._params["cluster"].items() if value is not None}
        if given["timeout"] < 1:
            raise HubError(f"cluster.timeout is {given['timeout']}, expected at least 1 second.")
        return ClaimVolume(_claim_pods.Place(hub=self._params["hub"], **given), name)


def place(params: t.Mapping[str, t.Any], user: str, name: str) -> _repository.Place:
    """The backups of a user's volume.

    :raises HubError: a name is none.
    """
    check_names(params["hub"], user, name)
    return _repository.Place(params["repository"], params["hub"], user, name)
