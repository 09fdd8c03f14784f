#!/usr/bin/python
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: hub_host_info
short_description: What a hub needs to know of a host
version_added: 0.1.0
description:
  - Looks at a host once and returns what has to be known before a hub is put there, without gathering facts.
  - Nothing is changed.
extends_documentation_fragment:
  - hubwright.jupyterhub._attributes
  - hubwright.jupyterhub._attributes.info_module
options:
  interpreter:
    description:
      - Python interpreter to describe, as a path or a name to be looked for in E(PATH).
      - The one that runs the module when left out.
    type: str
  directory:
    description:
      - Directory of the hub, which need not exist yet. Absolute, or below the home directory as V(~/...).
      - A process whose program or one of whose arguments lies below it counts as the hub's own.
      - Needed for RV(free_bytes).
    type: str
  directory_of_root:
    description: The same for a module that runs as root; O(directory) when left out.
    type: str
  find:
    description: Shell patterns of what to look for below O(directory).
    type: list
    elements: str
    default: []
  ports:
    description: Addresses and ports that the hub wants to listen on.
    type: list
    elements: dict
    default: []
    suboptions:
      address:
        description: IP address; empty, V(*), V(0.0.0.0) and V(::) mean all; V(localhost) means V(127.0.0.1).
        type: str
        default: ""
      port:
        description: TCP port, 1 to 65535.
        type: int
        required: true
  paths:
    description: Paths to tell whether they exist. A link that points nowhere exists.
    type: list
    elements: str
    default: []
  read:
    description: JSON files of at most 1 MiB to read. A relative path is below O(directory).
    type: list
    elements: str
    default: []
  certificates:
    description: Files with certificates in PEM form. The first certificate of each is described.
    type: list
    elements: str
    default: []
author:
  - Hubwright maintainers (@hubwright)
seealso:
  - module: hubwright.jupyterhub.hub_files
"""

EXAMPLES = r"""
- name: Look at the host
  hubwright.jupyterhub.hub_host_info:
    interpreter: /usr/bin/python3
    directory: ~/.local/share/jupyterhub
    directory_of_root: /srv/jupyterhub
    find: [env/*/complete]
    ports:
      - address: 0.0.0.0
        port: 8000
      - address: 127.0.0.1
        port: 8081
    certificates:
      - /etc/jupyterhub/tls/hub.pem
  register: host

- name: Stop when somebody else has the port
  ansible.builtin.assert:
    that: host.ports['0.0.0.0:8000'].free or host.ports['0.0.0.0:8000'].own
    fail_msg: "Port 8000 is held by {{ host.ports['0.0.0.0:8000'].command | default('another account', true) }}"
"""

RETURN = r"""
directory:
  description: The absolute directory that was looked at; empty when none was asked for.
  returned: success
  type: str
  sample: /srv/jupyterhub
found:
  description: What matches O(find), relative to RV(directory), sorted.
  returned: success
  type: list
  elements: str
  sample: [env/0a1b2c/complete]
in_use:
  description: Those of RV(found) from whose own directory a process runs.
  returned: success
  type: list
  elements: str
  sample: [env/0a1b2c/complete]
uid:
  description: Number of the account that runs the module.
  returned: success
  type: int
  sample: 0
gid:
  description: Number of its group.
  returned: success
  type: int
  sample: 0
user:
  description: Its name; the number as text when it has none.
  returned: success
  type: str
  sample: root
home:
  description: Its home directory.
  returned: success
  type: str
  sample: /root
hostname:
  description: Name of the host.
  returned: success
  type: str
  sample: hub1
service_manager:
  description: V(systemd) when it manages the host, else V(none).
  returned: success
  type: str
  sample: systemd
python:
  description: The interpreter.
  returned: success
  type: dict
  contains:
    path:
      description: Absolute path.
      type: str
      sample: /usr/bin/python3
    version:
      description: Version.
      type: str
      sample: 3.11.2
    has_venv:
      description: Whether it can make virtual environments with pip in them; Debian has that in a package of its own.
      type: bool
ports:
  description: For each asked V(address:port) who holds it. Of other accounts' processes only root learns the holder.
  returned: success
  type: dict
  sample:
    "127.0.0.1:8081":
      free: false
      pid: 4711
      command: /opt/jupyterhub/bin/python -m jupyterhub
      own: true
exists:
  description: For each of O(paths) whether it exists.
  returned: success
  type: dict
  sample:
    /etc/jupyterhub: true
read:
  description: For each of O(read) its content; null when it is missing, or damaged, which is a warning too.
  returned: success
  type: dict
free_bytes:
  description: What may still be written to the file system of O(directory); null without it.
  returned: success
  type: int
  sample: 84213432320
certificates:
  description: For each of O(certificates) what it says.
  returned: success
  type: dict
  sample:
    /etc/jupyterhub/tls/hub.pem:
      not_after: "2027-02-19T03:34:00Z"
      days_left: 89
      names: [hub.example.org]
      error: null
"""

import datetime
import os
import sys
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _host
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._module import run

ARGUMENTS: dict[str, t.Any] = {
    "interpreter": {"type": "str"},
    "directory": {"type": "str"},
    "directory_of_root": {"type": "str"},
    "find": {"type": "list", "elements": "str", "default": []},
    "ports": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"address": {"type": "str", "default": ""}, "port": {"type": "int", "required": True}},
    },
    "paths": {"type": "list", "elements": "str", "default": []},
    "read": {"type": "list", "elements": "str", "default": []},
    "certificates": {"type": "list", "elements": "str", "default": []},
}


def work(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    account = _host.account()
    directory = (params["directory_of_root"] if account["uid"] == 0 else "") or params["directory"] or ""
    directory = os.path.join(account["home"], directory[2:]) if directory.startswith("~/") else directory
    places = {path: os.path.join(directory, path) for path in params["read"]}
    for path in [directory] * bool(directory) + params["paths"] + [*places.values()] + params["certificates"]:
        if not path.startswith("/"):
            raise HubError(f"The path {path!r} is not absolute, expected one that begins with a slash.")
    read = {path: _host.read_json(place) for path, place in places.items()}
    for _content, warning in read.values():
        if warning:
            module.warn(warning)
    now = datetime.datetime.now(datetime.timezone.utc)
    found = _host.find(directory, params["find"]) if directory else []
    return account | {
        "changed": False,
        "directory": directory,
        "found": found,
        "in_use": _host.in_use(directory, found),
        "service_manager": _host.service_manager(),
        "python": _host.python(params["interpreter"] or sys.executable),
        "ports": _host.ports(params["ports"], directory),
        "exists": {path: os.path.lexists(path) for path in params["paths"]},
        "read": {path: content for path, (content, _warning) in read.items()},
        "free_bytes": _host.free_bytes(directory) if directory else None,
        "certificates": {path: _host.certificate(path, now) for path in params["certificates"]},
    }


def main() -> None:
    run(AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True), work)


if __name__ == "__main__":
    main()
