#!/usr/bin/python
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks into a backup repository."""

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_backup_info
short_description: What a backup repository holds, and whether it is sound
version_added: 0.2.0
author:
  - Hubwright maintainers (@hubwright)
description:
  - Lists the backups of each volume, and reads them back when asked. Changes nothing.
extends_documentation_fragment:
  - hubwright.jupyterhub._backup_repository
  - hubwright.jupyterhub._attributes.info_module
options:
  users:
    description: Users to look at; all that have backups when left out.
    type: list
    elements: str
    default: []
  verify:
    description:
      - Read every archive and compare it with its checksum, decompress it and compare each file with its checksum.
      - Encrypted archives are compared with the checksum of the archive only.
      - With O(engine=restic) this is C(restic check --read-data).
    type: bool
    default: false
seealso:
  - module: hubwright.jupyterhub.volume_backup
  - module: hubwright.jupyterhub.volume_restore
"""

EXAMPLES = r"""
- name: Read all backups back
  hubwright.jupyterhub.volume_backup_info:
    repository: /var/backups/jupyterhub
    hub: jupyterhub
    verify: true
  register: backups

- name: Say whose last backup is older than two days
  ansible.builtin.debug:
    msg: "{{ backups.volumes | selectattr('age', 'gt', 172800) | map(attribute='user') }}"
"""

RETURN = r"""
volumes:
  description: One for each volume that has a backup, by user and name.
  returned: success
  type: list
  elements: dict
  contains:
    user:
      description: Name of the user.
      type: str
    name:
      description: Name of the volume among those of the user.
      type: str
    source:
      description: Where the latest backup came from, C(kind) (V(docker) or V(directory)) and C(reference) (name or path).
      type: dict
    last:
      description: Time of the latest good backup, UTC; empty when none is good.
      type: str
      sample: 20261127T231500Z
    checked:
      description: When the volume was last found to be as in its latest backup, or backed up, UTC.
      type: str
      sample: 20261128T021500Z
    age:
      description: Seconds since RV(volumes[].checked).
      type: int
    bytes:
      description: Size of the volume's files in the latest backup.
      type: int
    stored:
      description: Size of all its archives.
      type: int
    backups:
      description: All backups, the oldest first.
      type: list
      elements: dict
      contains:
        time:
          description: Time of the backup, UTC.
          type: str
        kind:
          description: C(full), C(increment), or C(snapshot) with restic.
          type: str
        archive:
          description: Path of the archive, or id of the snapshot.
          type: str
        base:
          description: Time of the full archive that an increment needs; its own time for a full one.
          type: str
        files:
          description: Number of files, directories and links in the volume.
          type: int
        bytes:
          description: Size of the volume's files.
          type: int
        stored:
          description: Size of the archive.
          type: int
        encrypted:
          description: Whether it is encrypted.
          type: bool
        problem:
          description: What is wrong with it, else empty.
          type: str
problems:
  description: What is wrong with the repository, one sentence each.
  returned: success
  type: list
  elements: str
report:
  description: The same for people, as the lines of a table.
  returned: success
  type: list
  elements: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _backup_info, _backup_options, _restic
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._module import run

ARGUMENTS: dict[str, t.Any] = {
    "users": {"type": "list", "elements": "str", "default": []},
    "verify": {"type": "bool", "default": False},
}


def work(module: AnsibleModule) -> dict[str, t.Any]:
    """What the module finds."""
    params = module.params
    restic = _backup_options.restic(params)
    if restic:
        return _restic.look(restic, params["hub"], params["users"], params["verify"])
    return _backup_info.look(params["repository"], params["hub"], params["users"], params["verify"])


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        {**_backup_options.ARGUMENTS, **ARGUMENTS}, required_if=_backup_options.REQUIRED_IF, supports_check_mode=True
    )
    run(module, work)


if __name__ == "__main__":
    main()
