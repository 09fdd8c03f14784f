#!/usr/bin/python
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backs up users' volumes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_backup
short_description: Back up many users' volumes in one run
version_added: 0.2.0
author:
  - Hubwright maintainers (@hubwright)
description:
  - Writes Docker volumes, directories and persistent volume claims into a backup repository, all in one run and several side by side.
  - A volume that has not changed since its last backup costs a look at its files' attributes, and nothing is written. Of one that
    has changed, only the changed files are written, until a new full archive is due.
  - Owners, modes, times to the nanosecond, hard links, sparse files, extended attributes, access control lists and capabilities are
    kept. Sockets and device nodes are not.
  - A backup appears in the repository when it is complete, durable, and was read back. A kill, a full disk or a file that
    changes or vanishes meanwhile costs no earlier backup.
  - While it runs as a task, a line is shown for each volume that is done.
  - O(jobs), O(verify), O(on_changed), O(compression), O(full_after), O(full_percent), O(size_drop), O(encryption), O(lock_timeout) and
    O(progress_file) are for O(engine=archive), and refused with another value than their default for O(engine=restic).
extends_documentation_fragment:
  - hubwright.jupyterhub._backup_repository
  - hubwright.jupyterhub._attributes
attributes:
  check_mode:
    support: full
    details:
      - Says which volumes would be new. Their files are looked at but not read.
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - With O(engine=restic) a snapshot in which nothing is new is removed again.
options:
  volumes:
    description: What to back up.
    type: list
    elements: dict
    required: true
    suboptions:
      user:
        description: Name of the user, as the hub knows it.
        type: str
        required: true
      name:
        description: Name of the volume among those of the user, of lower-case letters, digits, C(.), C(_) and C(-).
        type: str
        default: home
      volume:
        description:
          - Docker volume. Root reads it where the engine keeps it. Where that is not possible, a container does, see O(helper).
          - Mutually exclusive with O(volumes[].path) and O(volumes[].claim), one of them is needed.
        type: str
      path:
        description: Directory, absolute.
        type: path
      claim:
        description:
          - Persistent volume claim of O(cluster), with C(/) and a directory in it when only that is meant. Only for O(engine=archive).
          - What the account of user servers may not read is left out, and there is a warning.
        type: str
        version_added: 0.2.0
  jobs:
    description: How many volumes are worked at side by side; V(0) is one for each processor.
    type: int
    default: 0
  verify:
    description: Read each archive back and check it before it counts. Encrypted ones are compared by checksum only.
    type: bool
    default: true
  on_changed:
    description:
      - What to do about files that change while they are read. They are listed in RV(volumes[].changed) in any case.
      - V(warn) keeps the backup. V(retry) reads the volume up to twice more and then keeps the backup. V(fail) does the same and
        then keeps no backup of this volume.
    type: str
    choices: [warn, retry, fail]
    default: warn
  compression:
    description: V(auto) is V(zstd) where the system has it, else V(gzip).
    type: str
    choices: [auto, zstd, gzip]
    default: auto
  full_after:
    description: How many increments may follow a full archive; V(0) writes full archives only.
    type: int
    default: 13
  full_percent:
    description: A full archive is due when the increments since the last one have this share of its size, in percent.
    type: int
    default: 30
  keep:
    description:
      - Which backups to keep of each volume, after a new or unchanged one. Without any of these nothing is removed.
      - With O(engine=restic) a snapshot goes when none of its volumes needs it.
      - The latest backup always stays, and so does all that an increment needs.
    type: dict
    default: {}
    suboptions:
      last:
        description: The latest so many.
        type: int
        default: 0
      daily:
        description: The latest of each of so many days that have one, by UTC.
        type: int
        default: 0
      weekly:
        description: The same for weeks.
        type: int
        default: 0
      monthly:
        description: The same for months.
        type: int
        default: 0
  size_drop:
    description:
      - Percentage by which the content may shrink from one backup to the next. When it shrinks more, the backup is kept, there is a
        warning, and no older backup of that volume is removed until a run without O(keep) or with a greater value.
      - V(100) never warns.
    type: int
    default: 50
  encryption:
    description: Encrypt archives with public keys. The list of files, with names and checksums, stays readable for root.
    type: dict
    suboptions:
      program:
        description: Program that encrypts.
        type: str
        choices: [age, gpg]
        required: true
      recipients:
        description: Public keys, as the program names them. Keys for C(gpg) have to be in the keyring of the account.
        type: list
        elements: str
        required: true
  lock_timeout:
    description: Seconds to wait for another run that works at the same volume.
    type: int
    default: 600
  progress_file:
    description:
      - File to make, which gets a line for each volume as soon as it is done and an empty one at the end. In tasks it need not be given to
        see the lines.
    type: path
seealso:
  - module: hubwright.jupyterhub.volume_restore
  - module: hubwright.jupyterhub.volume_backup_info
"""

EXAMPLES = r"""
- name: Back up the volumes of two users
  hubwright.jupyterhub.volume_backup:
    repository: /var/backups/jupyterhub
    hub: jupyterhub
    volumes:
      - user: ada
        volume: jupyterhub-user-ada
      - user: grace
        path: /home/grace
    keep:
      daily: 7
      weekly: 4
  register: backup

- name: Back up all volumes that were found, encrypted for whoever has one of two keys
  hubwright.jupyterhub.volume_backup:
    repository: /var/backups/jupyterhub
    hub: jupyterhub
    volumes: "{{ my_volumes }}"
    encryption:
      program: age
      recipients:
        - age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p
        - age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg

# The account of the kubeconfig may edit the namespace, and nothing else.
- name: Back up the claim of a user of a Kubernetes hub
  hubwright.jupyterhub.volume_backup:
    repository: /var/backups/jupyterhub
    hub: jupyterhub
    cluster:
      namespace: course
      image: quay.io/jupyterhub/k8s-hub:4.3.1
    volumes:
      - user: ada
        claim: claim-ada
  delegate_to: localhost
"""

RETURN = r"""
volumes:
  description: One for each of O(volumes), in their order.
  returned: always, but for wrong arguments
  type: list
  elements: dict
  contains:
    user:
      description: Name of the user.
      type: str
    name:
      description: Name of the volume among those of the user.
      type: str
    outcome:
      description: C(new), C(unchanged) or C(failed).
      type: str
    error:
      description: Why it failed, else empty.
      type: str
    time:
      description: Time of the latest backup, UTC, which is what O(hubwright.jupyterhub.volume_restore#module:time) takes; empty when there is none.
      type: str
      sample: 20261127T231500Z
    archive:
      description: Path of the latest archive, or id of the snapshot of restic; empty when there is none.
      type: str
    kind:
      description: C(full), C(increment), or C(snapshot) with restic; empty when there is none.
      type: str
    files:
      description: Number of files, directories and links in the volume.
      type: int
    bytes:
      description: Size of the files.
      type: int
    written:
      description: Bytes written to the repository.
      type: int
    changed:
      description: Files that changed or vanished while they were read, the first 100.
      type: list
      elements: str
    skipped:
      description: Sockets and device nodes, which are not in the backup, the first 100.
      type: list
      elements: str
    removed:
      description: Times of backups that were removed by O(keep).
      type: list
      elements: str
    warning:
      description: What a person should look at, else empty.
      type: str
    seconds:
      description: How long it took.
      type: float
totals:
  description: Sums over all volumes.
  returned: always, but for wrong arguments
  type: dict
  contains:
    new:
      description: Number of volumes with a new backup.
      type: int
    unchanged:
      description: Number of volumes without a change.
      type: int
    failed:
      description: Number of volumes that failed.
      type: int
    files:
      description: Number of files, directories and links.
      type: int
    bytes:
      description: Size of the files.
      type: int
    written:
      description: Bytes written to the repository.
      type: int
    removed:
      description: Number of backups that were removed.
      type: int
    seconds:
      description: How long all of it took.
      type: float
    rate:
      description: Bytes of content per second, of volumes that had a change.
      type: int
"""

import functools
import os
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import (
    _backup,
    _backup_options,
    _backup_run,
    _compression,
    _encryption,
    _progress,
    _repository,
    _restic,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._module import run
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volumes import Volume
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volumes._mounted import Mounted, all_mounted

VOLUME: dict[str, t.Any] = {
    "user": {"type": "str", "required": True},
    "name": {"type": "str", "default": _repository.DEFAULT_NAME},
    "volume": {"type": "str"},
    "path": {"type": "path"},
    "claim": {"type": "str"},
}
KEEP: dict[str, t.Any] = {rule: {"type": "int", "default": 0} for rule in ("last", "daily", "weekly", "monthly")}
ENCRYPTION: dict[str, t.Any] = {
    "program": {"type": "str", "choices": ["age", "gpg"], "required": True},
    "recipients": {"type": "list", "elements": "str", "required": True},
}
ARGUMENTS: dict[str, t.Any] = {
    "volumes": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": VOLUME,
        "mutually_exclusive": [("volume", "path", "claim")],
        "required_one_of": [("volume", "path", "claim")],
    },
    "jobs": {"type": "int", "default": 0},
    "verify": {"type": "bool", "default": True},
    "on_changed": {"type": "str", "choices": ["warn", "retry", "fail"], "default": "warn"},
    "compression": {"type": "str", "choices": ["auto", "zstd", "gzip"], "default": "auto"},
    "full_after": {"type": "int", "default": 13},
    "full_percent": {"type": "int", "default": 30},
    "keep": {"type": "dict", "default": {}, "options": KEEP, "apply_defaults": True},
    "size_drop": {"type": "int", "default": 50},
    "encryption": {"type": "dict", "options": ENCRYPTION},
    "lock_timeout": {"type": "int", "default": 600},
    "progress_file": {"type": "path"},
}


ARCHIVES_ONLY = (
    "jobs",
    "verify",
    "on_changed",
    "compression",
    "full_after",
    "full_percent",
    "size_drop",
    "encryption",
    "lock_timeout",
    "progress_file",
)


def work(module: AnsibleModule) -> dict[str, t.Any]:
    """What the module does."""
    params = module.params
    begin = time.monotonic()
    _check(params)
    restic = _backup_options.restic(params)
    if restic:
        return _by_restic(module, restic, begin)
    _repository.check(params["repository"])
    jobs = min(params["jobs"] or _backup_run.processors(), len(params["volumes"]) or 1)
    rules = _rules(params, jobs)
    sources = _backup_options.Sources(params)
    tasks, volumes = [], []
    seen = set()
    for wanted in params["volumes"]:
        place = _backup_options.place(params, wanted["user"], wanted["name"])
        if place.path in seen:
            raise HubError(f"volumes has {wanted['user']!r} with the name {wanted['name']!r} twice.")
        seen.add(place.path)
        volume = sources.volume(wanted)
        volumes.append(volume)
        one = functools.partial(_backup.back_up, place, volume, rules, module.check_mode)
        tasks.append(_backup_run.Task(wanted["user"], wanted["name"], one))
    with _progress.lines(params["progress_file"]) as say:
        count = len(tasks)
        outcomes = _all_of(tasks, volumes, jobs, lambda each, number: say(_backup_run.line(each, number, count)))
    new = [os.path.dirname(outcome.archive) for outcome in outcomes if outcome.outcome == "new"]
    if new and not module.check_mode:
        _repository.sync_names(params["repository"], new)  # contents are durable already
    for outcome in outcomes:
        if outcome.warning:
            module.warn(f"{outcome.user} ({outcome.name}): {outcome.warning}")
    return _result(outcomes, begin)


def _all_of(
    tasks: list[_backup_run.Task],
    volumes: list[Volume],
    jobs: int,
    report: t.Callable[[_backup.Outcome, int], None],
) -> list[_backup.Outcome]:
    """The outcomes of all tasks, in their order: some while their volumes are mounted in a pod or a container."""
    done: dict[int, _backup.Outcome] = {}

    def some(numbers: list[int]) -> None:
        before = len(done)
        found = _backup_run.all_of(
            [tasks[number] for number in numbers], jobs, lambda outcome, count: report(outcome, before + count)
        )
        done.update(zip(numbers, found, strict=True))

    elsewhere = {volume: number for number, volume in enumerate(volumes) if isinstance(volume, Mounted)}
    there = set(range(len(tasks))).difference(elsewhere.values())
    some(sorted(there))
    for mounted in all_mounted(elsewhere):
        some([elsewhere[volume] for volume in mounted])
    return [done[number] for number in range(len(tasks))]


def _by_restic(module: AnsibleModule, restic: _restic.Restic, begin: float) -> dict[str, t.Any]:
    params = module.params
    volumes = {}
    sources = _backup_options.Sources(params)
    for wanted in params["volumes"]:
        key = wanted["user"], wanted["name"]
        _backup_options.check_names(params["hub"], *key)
        if key in volumes:
            raise HubError(f"volumes has {wanted['user']!r} with the name {wanted['name']!r} twice.")
        volumes[key] = sources.volume(wanted)
    outcomes, sums = _restic.back_up(restic, params["hub"], volumes, params["keep"], module.check_mode)
    for warning in sorted({outcome.warning for outcome in outcomes if outcome.warning}):
        module.warn(warning)
    return _result(outcomes, begin, sums)


def _check(params: dict[str, t.Any]) -> None:
    numbers = {name: params[name] for name in ("jobs", "full_after", "full_percent", "lock_timeout")}
    numbers |= {f"keep.{rule}": value for rule, value in params["keep"].items()}
    for name, value in numbers.items():
        if value < 0:
            raise HubError(f"{name} is {value}, expected 0 or more.")
    if not 0 <= params["size_drop"] <= 100:
        raise HubError(f"size_drop is {params['size_drop']}, expected a percentage from 0 to 100.")
    if params["encryption"]:
        _encryption.check(**params["encryption"])
    if params["engine"] == "restic":
        for name in ARCHIVES_ONLY:
            if params[name] != ARGUMENTS[name].get("default"):
                raise HubError(f"{name} is given, and engine is restic, which has no such thing.", "Leave it out.")


def _rules(params: dict[str, t.Any], jobs: int) -> _backup.Rules:
    encryption = params["encryption"] or {"program": "", "recipients": []}
    return _backup.Rules(
        verify=params["verify"],
        on_changed=params["on_changed"],
        compression=_compression.choose(params["compression"]),
        full_after=params["full_after"],
        full_percent=params["full_percent"],
        keep=params["keep"],
        size_drop=params["size_drop"],
        encryption=encryption["program"],
        recipients=encryption["recipients"],
        lock_timeout=params["lock_timeout"],
        workers=max(1, _backup_run.processors() // jobs),
    )


def _result(outcomes: list[_backup.Outcome], begin: float, sums: t.Mapping[str, int] | None = None) -> dict[str, t.Any]:
    volumes = [vars(outcome).copy() for outcome in outcomes]
    before = {f"{volume['user']}/{volume['name']}": volume.pop("previous") for volume in volumes}
    after = before | {
        f"{volume['user']}/{volume['name']}": volume["time"] or "a new backup"
        for volume in volumes
        if volume["outcome"] == "new"
    }
    changed = any(volume["outcome"] == "new" or volume["removed"] for volume in volumes)
    result = {
        "changed": changed,
        "volumes": volumes,
        "totals": _backup_run.totals(outcomes, begin) | dict(sums or {}),
        "diff": {"before": before, "after": after},
    }
    failed = [volume for volume in volumes if volume["outcome"] == "failed"]
    if failed:
        first = failed[0]
        raise HubError(
            f"{len(failed)} of {len(volumes)} volumes could not be backed up, the first is {first['user']} ({first['name']}): "
            f"{first['error']}",
            "The others are. See volumes for each.",
            **result,
        )
    return result


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        {**_backup_options.ARGUMENTS, **ARGUMENTS}, required_if=_backup_options.REQUIRED_IF, supports_check_mode=True
    )
    run(module, work)


if __name__ == "__main__":
    main()
