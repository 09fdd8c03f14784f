#!/usr/bin/python
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores a user's volume."""

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_restore
short_description: Restore users' volumes, or a part of one
version_added: 0.2.0
author:
  - Hubwright maintainers (@hubwright)
description:
  - Brings the content of a volume, or of many in one run, back from a repository that M(hubwright.jupyterhub.volume_backup) wrote.
  - Everything is checked and written beside the volume first, each file is compared with its checksum, and then takes the place of
    what is there in one step. What is damaged, or no work of that module, changes nothing. A kill leaves the old content,
    and the next run begins anew.
  - The user's server has to be stopped. The module can not know whether it is.
extends_documentation_fragment:
  - hubwright.jupyterhub._backup_repository
  - hubwright.jupyterhub._attributes
attributes:
  check_mode:
    support: full
    details:
      - The checksums of the archives are checked, nothing is written.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - With O(mode=empty) a second run is refused, since there is something to lose by then. With O(mode=swap) each run
        restores. With O(state=cleaned) the second run changes nothing.
options:
  state:
    description:
      - V(restored) restores.
      - V(cleaned) deletes what O(mode=swap) has kept aside of this volume.
    type: str
    choices: [restored, cleaned]
    default: restored
  user:
    description:
      - Name of the user whose backup it is.
      - Required unless O(volumes) is given, and mutually exclusive with it.
    type: str
  name:
    description: Name of the volume among those of O(user).
    type: str
    default: home
  volumes:
    description:
      - Several volumes, each on its own; one that can not be restored keeps no other from it, and the module fails at the end.
      - Mutually exclusive with O(user), O(volume), O(path), O(claim), O(owner) and O(group).
    type: list
    elements: dict
    suboptions:
      user:
        description: Name of the user whose backup it is.
        type: str
        required: true
      name:
        description: Name of the volume among those of the user.
        type: str
        default: home
      volume:
        description: As O(volume).
        type: str
      path:
        description: As O(path).
        type: path
      claim:
        description: As O(claim).
        type: str
      owner:
        description: As O(owner).
        type: int
      group:
        description: As O(group).
        type: int
  time:
    description: Time of the backup as C(YYYYMMDDTHHMMSSZ), or V(latest). A time between two backups means the one before it.
    type: str
    default: latest
  volume:
    description:
      - Docker volume to restore into, where it is not the one that the backup was made of. It is made when it is missing.
      - Where this host can not write it, a container does, see O(helper). No other container that runs may have it mounted then, and
        the exchange is as with O(claim), but for owners, which are kept.
      - Mutually exclusive with O(path) and O(claim).
    type: str
  claim:
    description:
      - Persistent volume claim of O(cluster) to restore into, with C(/) and a directory in it when only that is meant, where it is not the one
        that the backup was made of. It has to be there, and no pod may have it mounted.
      - Owners become the account of user servers. What O(mode=swap) keeps aside is a hidden directory of the volume. The exchange is
        one rename for each entry of the top directory; the next run finishes one that was killed.
    type: str
    version_added: 0.2.0
  path:
    description: Directory to restore into, absolute, where it is not the one that the backup was made of. It is made when it is missing.
    type: path
  paths:
    description: Files and directories to restore, relative to the volume; all when left out.
    type: list
    elements: str
    default: []
  mode:
    description:
      - V(empty) only restores where there is nothing, be it the volume or, with O(paths), what they name.
      - V(swap) keeps what is there aside, see RV(kept), until O(state=cleaned).
    type: str
    choices: [empty, swap]
    default: empty
  owner:
    description:
      - Number of the account that gets what belonged to the owner of the volume's top directory. Unchanged when left out.
      - For another user, hub or platform where people have other numbers.
    type: int
  group:
    description: The same for the group.
    type: int
  max_size:
    description: Largest size of all files, such as V(50G), beyond which nothing is restored. No limit when left out.
    type: str
  identity_file:
    description: File with the private key for archives that C(age) encrypted. C(gpg) uses the keyring of the account.
    type: path
seealso:
  - module: hubwright.jupyterhub.volume_backup
  - module: hubwright.jupyterhub.volume_backup_info
"""

EXAMPLES = r"""
- name: Restore yesterday's content, and keep what is there aside
  hubwright.jupyterhub.volume_restore:
    repository: /var/backups/jupyterhub
    hub: jupyterhub
    user: ada
    time: 20261126T235959Z
    mode: swap

- name: Delete what was kept aside
  hubwright.jupyterhub.volume_restore:
    repository: /var/backups/jupyterhub
    hub: jupyterhub
    user: ada
    state: cleaned

- name: Bring one notebook back
  hubwright.jupyterhub.volume_restore:
    repository: /var/backups/jupyterhub
    hub: jupyterhub
    user: ada
    paths: [thesis/chapter3.ipynb]

- name: Restore the directories of two users
  hubwright.jupyterhub.volume_restore:
    repository: /var/backups/jupyterhub
    hub: jupyterhub
    volumes:
      - {user: ada}
      - {user: grace}

- name: Give the files of a local account to a user of a Docker hub
  hubwright.jupyterhub.volume_restore:
    repository: /var/backups/jupyterhub
    hub: jupyterhub
    user: grace
    volume: jupyterhub-user-grace
    owner: 1000
    group: 100
"""

RETURN = r"""
volumes:
  description: With O(volumes) what is described below, for each of them.
  returned: volumes is given
  type: list
  elements: dict
  contains:
    user:
      description: Name of the user.
      type: str
    name:
      description: Name of the volume.
      type: str
    error:
      description: Why it was not restored; empty when it was.
      type: str
time:
  description: Time of the backup that was restored, UTC.
  returned: state is restored
  type: str
  sample: 20261127T231500Z
target:
  description: Directory that has the content now.
  returned: success
  type: str
source:
  description: Where the backup came from, C(kind) (V(docker) or V(directory)) and C(reference) (name or path).
  returned: state is restored
  type: dict
files:
  description: Number of files, directories and links that were restored, or would be.
  returned: state is restored
  type: int
bytes:
  description: Size of the files.
  returned: state is restored
  type: int
kept:
  description: Directory with what was there before; empty when nothing was.
  returned: state is restored
  type: str
removed:
  description: Directories that were deleted, or would be.
  returned: state is cleaned
  type: list
  elements: str
seconds:
  description: How long it took.
  returned: success
  type: float
"""

import os
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import (
    _backup_options,
    _repository,
    _restic,
    _restore,
    _sizes,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._module import run
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volumes import Volume
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volumes._mounted import Mounted

ONE: dict[str, t.Any] = {
    "user": {"type": "str"},
    "name": {"type": "str", "default": _repository.DEFAULT_NAME},
    "volume": {"type": "str"},
    "path": {"type": "path"},
    "claim": {"type": "str"},
    "owner": {"type": "int"},
    "group": {"type": "int"},
}
MANY: dict[str, t.Any] = {
    "type": "list",
    "elements": "dict",
    "options": {**ONE, "user": {"type": "str", "required": True}},
    "mutually_exclusive": [("volume", "path", "claim")],
}
ARGUMENTS: dict[str, t.Any] = {
    **ONE,
    "state": {"type": "str", "choices": ["restored", "cleaned"], "default": "restored"},
    "volumes": MANY,
    "time": {"type": "str", "default": "latest"},
    "paths": {"type": "list", "elements": "str", "default": []},
    "mode": {"type": "str", "choices": ["empty", "swap"], "default": "empty"},
    "max_size": {"type": "str"},
    "identity_file": {"type": "path"},
}


def work(module: AnsibleModule) -> dict[str, t.Any]:
    """What the module does."""
    params = module.params
    begin = time.monotonic()
    restic = _backup_options.restic(params)
    if not restic:
        _repository.check(params["repository"])
    result = _one(module, params, restic) if params["volumes"] is None else _many(module, restic)
    return {**result, "seconds": round(time.monotonic() - begin, 3)}


def _many(module: AnsibleModule, restic: _restic.Restic | None) -> dict[str, t.Any]:
    volumes: list[dict[str, t.Any]] = []
    seen = set()
    for wanted in module.params["volumes"]:
        key = tuple(wanted[option] for option in ("user", "name", *_SOURCES))
        if key in seen:
            raise HubError(f"volumes has {wanted['user']!r} with the name {wanted['name']!r} twice.")
        seen.add(key)
    for wanted in module.params["volumes"]:
        named = {"user": wanted["user"], "name": wanted["name"]}
        try:
            volumes.append({**named, "error": "", **_one(module, {**module.params, **wanted}, restic)})
        except HubError as error:
            volumes.append({**named, "error": str(error), "changed": False, "diff": {"before": {}, "after": {}}})
    diffs = {f"{volume['user']}/{volume['name']}": volume.pop("diff") for volume in volumes}
    changed = [volume.pop("changed") for volume in volumes]
    result = {
        "changed": any(changed),
        "volumes": volumes,
        "diff": {side: {key: diff[side] for key, diff in diffs.items()} for side in ("before", "after")},
    }
    failed = [volume for volume in volumes if volume["error"]]
    if failed:
        raise HubError(
            f"{len(failed)} of {len(volumes)} volumes could not be restored, the first is {failed[0]['user']} "
            f"({failed[0]['name']}): {failed[0]['error']}",
            "The others are. See volumes for each.",
            **result,
        )
    return result


def _one(module: AnsibleModule, params: dict[str, t.Any], restic: _restic.Restic | None) -> dict[str, t.Any]:
    for option in ("owner", "group"):
        if params[option] is not None and not 0 <= params[option] < 2**32 - 1:
            raise HubError(f"{option} is {params[option]}, expected the number of an account or group.")
    _backup_options.check_names(params["hub"], params["user"], params["name"])
    found = _from_restic(params, restic) if restic else _from_archives(params)
    volume = _volume(params, found.source)
    if params["state"] == "cleaned":
        target, removed = _cleaned(module, volume)
        result: dict[str, t.Any] = {"changed": bool(removed), "target": target, "removed": removed}
        result["diff"] = {"before": {"kept": removed}, "after": {"kept": []}}
    else:
        result = _restored(module, params, found, volume)
    return result


_SOURCES = {"volume": "docker", "path": "directory", "claim": "claim"}


class Found(t.NamedTuple):
    """A backup, wherever it is."""

    time: str
    source: dict[str, str]
    lock: str  #: file that keeps other restores waiting
    prepare: t.Callable[[_restore.Wish], tuple[_restore.Exchange, int, int]]  #: what restores it, files and bytes


def _from_archives(params: dict[str, t.Any]) -> Found:
    place = _backup_options.place(params, params["user"], params["name"])
    manifest = _restore.choose(place, params["time"])

    def prepare(wish: _restore.Wish) -> tuple[_restore.Exchange, int, int]:
        restore = _restore.Restore(place, manifest, wish)
        restore.check()
        return restore, restore.files, manifest.size

    lock = os.path.join(params["repository"], _repository.quoted(params["hub"]), ".restore.lock")
    return Found(manifest.time, manifest.source, lock, prepare)


def _from_restic(params: dict[str, t.Any], restic: _restic.Restic) -> Found:
    key = params["user"], params["name"]
    snapshot = _restic.choose(restic, params["hub"], key, params["time"])

    def prepare(wish: _restore.Wish) -> tuple[_restore.Exchange, int, int]:
        restore = _restic.Restore(restic, snapshot, key, wish)
        return restore, restore.files, restore.size

    source = {field: snapshot.volumes[key][field] for field in ("kind", "reference")}
    return Found(snapshot.time, source, f"{params['restic']['password_file']}.lock", prepare)


def _volume(params: dict[str, t.Any], source: dict[str, str]) -> Volume:
    named = {option: params[option] for option in _SOURCES}
    if not any(named.values()):
        named = {option: source["reference"] if source["kind"] == kind else None for option, kind in _SOURCES.items()}
    return _backup_options.Sources(params).volume(named)


def _restored(module: AnsibleModule, params: dict[str, t.Any], found: Found, volume: Volume) -> dict[str, t.Any]:
    wish = _restore.Wish(
        paths=params["paths"],
        swap=params["mode"] == "swap",
        owner=params["owner"],
        group=params["group"],
        max_size=_sizes.to_bytes(params["max_size"], "max_size") if params["max_size"] else None,
        identity=params["identity_file"] or "",
    )
    restore, files, size = found.prepare(wish)
    if isinstance(volume, Mounted):
        target, result = volume.reference, _elsewhere(module, found, volume, restore)
    elif module.check_mode:
        target = volume.place(create=False)
        if target:
            restore.free(target)
        result = _restore.Result()
    else:
        target = volume.place(create=True)
        result = restore.run(target, found.lock)
    if module.check_mode:
        result = _restore.Result(files, size)
    if result.lost:
        module.warn(f"The file system of {target} can not have these attributes: {', '.join(result.lost[:10])}.")
    return {
        "changed": True,
        "time": found.time,
        "target": target,
        "source": found.source,
        "files": result.files,
        "bytes": result.bytes,
        "kept": result.kept,
        "diff": {
            "before": {"content": "as it is"},
            "after": {"content": f"{', '.join(restore.paths) or 'all'} of {found.time}"},
        },
    }


def _cleaned(module: AnsibleModule, volume: Volume) -> tuple[str, list[str]]:
    """Where what was kept aside is deleted, and what that is."""
    if isinstance(volume, Mounted):
        return volume.reference, volume.clean(module.check_mode)
    target = volume.place(create=False)
    return target, _restore.clean(target, module.check_mode) if target else []


def _elsewhere(module: AnsibleModule, found: Found, volume: Mounted, restore: _restore.Exchange) -> _restore.Result:
    if not isinstance(restore, _restore.Restore):
        raise HubError(
            f"engine is restic, which can only restore into a directory of this host, not into {volume.kind} {volume.reference}.",
            "Take engine: archive.",
        )
    with _repository.lock(found.lock, 600, "a restore"):
        return volume.restore(restore, module.check_mode)


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        {**_backup_options.ARGUMENTS, **ARGUMENTS},
        mutually_exclusive=[
            ("volume", "path", "claim"),
            *(("volumes", option) for option in ("user", "volume", "path", "claim", "owner", "group")),
        ],
        required_one_of=[("user", "volumes")],
        required_if=_backup_options.REQUIRED_IF,
        supports_check_mode=True,
    )
    run(module, work)


if __name__ == "__main__":
    main()
