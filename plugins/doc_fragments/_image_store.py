# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of modules that look at a notebook image where it is kept. Private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors ARGUMENTS of module_utils/_image_options.py."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - The live reference, which is the name that the spawner starts, such as V(notebook:latest) or
        V(registry.example.org/team/notebook:live).
      - Without a tag V(latest) is meant. A digest is refused, since it can not become another image.
      - Every name has a history of its own.
    type: str
    required: true
  store:
    description:
      - V(docker) is the Docker engine of the host that runs the module.
      - V(registry) is a registry that O(name) begins with; nothing is pulled.
    type: str
    choices: [docker, registry]
    default: docker
  history_tags:
    description:
      - References that are kept on earlier releases as well, the first on the release one step back, the second on that
        two steps back. V(notebook_old) is what people know from two C(docker tag) commands.
      - Where nothing else tells of earlier releases yet, these references do.
      - In a registry they have to be in the repository of O(name).
    type: list
    elements: str
    default: []
  hub:
    description:
      - Name of the hub whose user servers are meant, which is the name of their network too.
    type: str
  prefix:
    description:
      - What the names of user containers begin with, without the dash after it.
      - O(hub) followed by C(-user) when left out, as the role hub_docker has it.
    type: str
  socket:
    description:
      - Path of the engine's socket. When left out, what E(DOCKER_HOST) says, or C(/var/run/docker.sock).
    type: path
  username:
    description: Name for the registry.
    type: str
  password:
    description: Password or token for the registry.
    type: str
  ca_path:
    description:
      - PEM file with the authorities to trust for the registry, on the host that runs the module. By default those of the
        system.
    type: path
  validate_certs:
    description:
      - Check the registry's certificate. Without the check, whoever controls the network can read the password and serve
        another image.
    type: bool
    default: true
  plain_http:
    description:
      - Talk to the registry without TLS. Only for a registry on the host itself.
    type: bool
    default: false
  timeout:
    description: Seconds that one request to the engine or the registry may take, above 0.
    type: float
    default: 60
notes:
  - The engine is asked through its socket. Neither the program C(docker) nor a Python package is needed on the host.
  - A release is an image that has been live. It is kept by a tag beside the live one, made of its name, the time and the
    beginning of the image's id, such as C(notebook:latest-20261125T101500Z-0d4c1f2a9b3c). Roll-backs are tags too, with
    C(-rollback) after it. So the history is in the store itself, and any controller can go on with it.
"""
