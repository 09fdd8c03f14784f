#!/usr/bin/python
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: hub_files
short_description: Keep the directories, files and secrets of a hub on a host
version_added: 0.1.0
description:
  - Brings many directories, files and generated secrets of a host into one desired state, in one call.
  - Everything that was asked for is checked first and all mistakes are reported together; nothing is touched then.
  - The order is directories (parents first), secrets, files, and what is to be absent last.
  - Every file is replaced in one step, with its owner and mode already set. A run that is killed or finds the disk
    full leaves each file as it was or as it is wanted, and running again does the rest.
  - Symbolic links are never followed at a path that is written. The directories above may be reached through links.
extends_documentation_fragment:
  - hubwright.jupyterhub._attributes
options:
  directories:
    description:
      - Directories that have to be there.
      - Missing directories above them are made too, with mode V(0755) and the account that runs the module.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path.
        type: str
        required: true
      mode:
        description: Octal number in quotes.
        type: raw
        default: "0755"
      owner:
        description: Name or number of the owner; O(owner) when left out.
        type: str
      group:
        description: Name or number of the group; O(group) when left out.
        type: str
  files:
    description:
      - Files that have to be there, each with exactly one of O(files[].content) and O(files[].secret_content).
      - The directory of each has to be there or among O(directories).
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path.
        type: str
        required: true
      content:
        description: The text of the file, exactly as it is to be, line ends included.
        type: str
      secret_content:
        description: The same for text that must not be shown anywhere.
        type: str
      mode:
        description: Octal number in quotes.
        type: raw
        default: "0640"
      owner:
        description: Name or number of the owner; O(owner) when left out.
        type: str
      group:
        description: Name or number of the group; O(group) when left out.
        type: str
      sensitive:
        description: Leave the content out of the diff. Always so for O(files[].secret_content).
        type: bool
        default: false
      keep:
        description: Write the content only when the file is missing; its owner and mode are kept as wanted.
        type: bool
        default: false
  secrets:
    description:
      - Files with one secret each. A secret that is missing is generated, and never changed by a later run.
      - A secret that is there but empty, too short or damaged stops the run, unless O(secrets[].value) is given.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path.
        type: str
        required: true
      value:
        description:
          - The secret itself, which replaces what is there. Written with a line end after it.
          - Empty means to generate it when the file is missing, and to keep what is there.
        type: str
        default: ""
      length:
        description: Strength of a generated secret, in bytes, from 16 to 1024.
        type: int
        default: 32
      encoding:
        description:
          - How a generated secret is written. V(hex) has two characters for each byte.
          - V(alnum) has letters and digits, as many as carry O(secrets[].length) bytes, 43 for 32 bytes.
        type: str
        choices: [hex, alnum]
        default: hex
      mode:
        description: Octal number in quotes.
        type: raw
        default: "0600"
      owner:
        description: Name or number of the owner; O(owner) when left out.
        type: str
      group:
        description: Name or number of the group; O(group) when left out.
        type: str
  absent:
    description:
      - Absolute paths of files, links and whole directory trees that must not be there.
      - Links are removed, not followed.
      - Refused are directories of the system, what is or holds the home directory of a person or of root, and what is
        or holds a mount point.
    type: list
    elements: str
    default: []
  owner:
    description:
      - Name or number of the owner of every entry that does not say its own.
      - When left out, new entries belong to the account that runs the module and others keep their owner.
    type: str
  group:
    description: The same for the group.
    type: str
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - In check mode an owner, a group or a directory that an earlier task would have made is a warning, not an error.
author:
  - Hubwright maintainers (@hubwright)
seealso:
  - module: hubwright.jupyterhub.hub_config
"""

EXAMPLES = r"""
- name: Make the directories, the cookie secret and the user list of a hub
  hubwright.jupyterhub.hub_files:
    owner: jupyterhub
    group: jupyterhub
    directories:
      - path: /etc/jupyterhub
        owner: root
      - path: /var/lib/jupyterhub
        mode: "0750"
    secrets:
      - path: /var/lib/jupyterhub/cookie_secret
      - path: /var/lib/jupyterhub/database_password
        encoding: alnum
        value: "{{ vault_database_password | default('') }}"
    files:
      - path: /etc/jupyterhub/userlist
        content: |
          alice admin
          bob
      - path: /etc/jupyterhub/hub.env
        mode: "0600"
        secret_content: |
          OAUTH_CLIENT_SECRET={{ vault_oauth_client_secret }}
  register: placed

- name: Restart the hub when its environment changed
  ansible.builtin.service:
    name: jupyterhub
    state: restarted
  when: "'/etc/jupyterhub/hub.env' in placed.changed_paths"

- name: Remove everything again
  hubwright.jupyterhub.hub_files:
    absent:
      - /etc/jupyterhub
      - /var/lib/jupyterhub
"""

RETURN = r"""
changed_paths:
  description:
    - Paths that were changed, or would be in check mode, in the order in which it is done.
    - When the module fails half-way, those that were changed before.
  returned: always
  type: list
  elements: str
  sample: [/etc/jupyterhub, /var/lib/jupyterhub/cookie_secret]
generated:
  description: Paths of the secrets that were generated now, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [/var/lib/jupyterhub/cookie_secret]
problems:
  description: Every mistake in what was asked for, and everything on the host that stands in the way.
  returned: when nothing was touched because of them
  type: list
  elements: str
path:
  description: The path at which the module stopped half-way.
  returned: when a change failed
  type: str
"""

import copy
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._files import apply, observe, plan, wanted
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._module import run


def _entry(mode: str, **options: t.Any) -> dict[str, t.Any]:
    common = {
        "path": {"type": "str", "required": True},
        "mode": {"type": "raw", "default": mode},
        "owner": {"type": "str"},
        "group": {"type": "str"},
    }
    return {"type": "list", "elements": "dict", "default": [], "options": common | options}


ARGUMENTS: dict[str, t.Any] = {
    "directories": _entry("0755"),
    "files": _entry(
        "0640",
        content={"type": "str"},
        secret_content={"type": "str", "no_log": True},
        sensitive={"type": "bool", "default": False},
        keep={"type": "bool", "default": False},
    ),
    "secrets": _entry(
        "0600",
        value={"type": "str", "default": "", "no_log": True},
        length={"type": "int", "default": 32},
        encoding={"type": "str", "default": "hex", "choices": ["hex", "alnum"]},
    )
    | {"no_log": False},  # their values are hidden, their paths are what callers look for
    "absent": {"type": "list", "elements": "str", "default": []},
    "owner": {"type": "str"},
    "group": {"type": "str"},
}


def work(module: AnsibleModule) -> dict[str, t.Any]:
    params = copy.deepcopy(module.params)
    _hide(module)
    entries = wanted(
        params["directories"],
        params["files"],
        params["secrets"],
        params["absent"],
        params["owner"] or "",
        params["group"] or "",
    )
    to_do = plan(observe(entries), entries, module.check_mode)
    for warning in to_do.warnings:
        module.warn(warning)
    if not module.check_mode:
        apply(to_do)
    return {
        "changed": to_do.changed,
        "changed_paths": to_do.changed_paths,
        "generated": to_do.generated,
        "diff": to_do.diff if module._diff else [],
    }


def _hide(module: AnsibleModule) -> None:
    """Take secrets out of what is reported as the module's arguments.

    A secret that is part of a path is no longer searched for in the result: it would make the paths useless.
    """
    params = module.params
    for item in params["files"]:
        if item["sensitive"] or item["secret_content"] is not None:
            item["content"] = item["secret_content"] = None
    for item in params["secrets"]:
        item["value"] = ""
    lists = params["directories"] + params["files"] + params["secrets"]
    shown = [str(text) for item in lists for text in (item["path"], item["owner"], item["group"])] + params["absent"]
    module.no_log_values = {value for value in module.no_log_values if not any(value in text for text in shown)}


def main() -> None:
    # Contents of files do not belong into the system's log.
    run(AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True, no_log=True), work)


if __name__ == "__main__":
    main()
