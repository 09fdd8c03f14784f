#!/usr/bin/python
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: hub_engine_info
short_description: What a Docker engine has of one hub
version_added: 0.2.0
description:
  - Looks, in one call, at the services of a hub's Compose project, at its user servers and their volumes, at images
    and at networks. Changes nothing.
  - Works with the program C(docker) of the host and needs no Python package there.
  - Of the environment of a user's container only the names of user and server are read; tokens are never returned.
extends_documentation_fragment:
  - hubwright.jupyterhub._attributes
options:
  project:
    description: Name of the Compose project, which is the name of the hub.
    type: str
    required: true
  prefix:
    description:
      - What the names of user containers and of user volumes begin with, without the dash after it.
      - O(project) followed by C(-user) when left out, as the role hub_docker has it.
    type: str
  images:
    description: Names of images whose ids are wanted, each with a tag or a digest.
    type: list
    elements: str
    default: []
  reads:
    description:
      - Service to a list of absolute paths of files and directories that it reads when it starts.
      - Files that changed since then are returned as RV(unread).
    type: dict
    default: {}
  subnet:
    description: IPv4 network that is compared with those of the engine's networks.
    type: str
    default: ""
  socket:
    description: Path of the engine's socket. What the environment says (E(DOCKER_HOST)) when left out.
    type: path
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
author:
  - Hubwright maintainers (@hubwright)
seealso:
  - module: hubwright.jupyterhub.hub_info
"""

EXAMPLES = r"""
- name: Look at the containers of a hub
  hubwright.jupyterhub.hub_engine_info:
    project: jupyterhub
  register: found

- name: Say who runs which image
  ansible.builtin.debug:
    msg: "{{ item.user }} runs {{ item.image }} since {{ item.started }}"
  loop: "{{ found.servers }}"
  loop_control:
    label: "{{ item.container }}"
"""

RETURN = r"""
socket_group:
  description: Number of the group that may use the engine's socket, null where it is not there.
  returned: success
  type: int
  sample: 998
engine:
  description: Version of the engine.
  returned: success
  type: str
  sample: 28.5.2
compose:
  description: Version of the Compose plugin, empty when there is none.
  returned: success
  type: str
  sample: 2.40.3
images:
  description: Name of each of O(images) that the engine has, to its id.
  returned: success
  type: dict
  sample: {"quay.io/jupyterhub/singleuser:6.1.1": "sha256:0d4c"}
networks:
  description: >-
    Name of each network of the engine to its C(subnets) (list), whether one of them C(overlaps) O(subnet), and the name of
    its C(bridge) on the host, where it has one of its own.
  returned: success
  type: dict
services:
  description:
    - Name of each service that has a container to C(id), C(image) (id), C(state) (C(running), C(exited) ...),
      C(health) (empty without a check), C(started) and C(ports) (list of address and port on the host).
  returned: success
  type: dict
unread:
  description: Service to the files that changed after it started.
  returned: success
  type: dict
  sample: {"hub": ["/srv/jupyterhub/etc/jupyterhub_config.py"]}
servers:
  description: User servers, also stopped ones, sorted by user.
  returned: success
  type: list
  elements: dict
  contains:
    user:
      description: Name of the user, as the spawner wrote it down.
      type: str
    server:
      description: Name of a named server, empty for the user's own.
      type: str
    container:
      description: Name of the container.
      type: str
    image:
      description: Name of the image as it was given.
      type: str
    image_id:
      description: Id of the image that it really runs.
      type: str
    state:
      description: C(running), C(exited) ...
      type: str
    started:
      description: When it started, UTC.
      type: str
    mounts:
      description: C(source) (name of a volume or path), C(destination) and C(read_only) of each mount.
      type: list
      elements: dict
volumes:
  description: Names of user volumes, which begin with O(prefix).
  returned: success
  type: list
  elements: str
other_volumes:
  description: Names of all other volumes of the engine, those of users among them where the hub calls them otherwise.
  returned: success
  type: list
  elements: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _engine
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._module import run

ARGUMENTS: dict[str, t.Any] = {
    "project": {"type": "str", "required": True},
    "prefix": {"type": "str"},
    "images": {"type": "list", "elements": "str", "default": []},
    "reads": {"type": "dict", "default": {}},
    "subnet": {"type": "str", "default": ""},
    "socket": {"type": "path"},
}


def work(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    engine = _engine.Engine(params["socket"] or "")
    prefix = params["prefix"] or f"{params['project']}-user"
    found = _engine.look(engine, params["project"], prefix, params["images"], params["reads"], params["subnet"])
    return {"changed": False} | found


def main() -> None:
    run(AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True), work)


if __name__ == "__main__":
    main()
