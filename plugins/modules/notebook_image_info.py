#!/usr/bin/python
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the releases of a notebook image."""

from __future__ import annotations

DOCUMENTATION = r"""
module: notebook_image_info
short_description: Releases of a notebook image, and who runs which
version_added: 0.2.0
author:
  - Hubwright maintainers (@hubwright)
description:
  - Says which image is live, which were, and which user servers have which of them. Changes nothing.
  - User servers are compared with releases by the id of their image, since the name that a container was made with may be
    another image by now.
extends_documentation_fragment:
  - hubwright.jupyterhub._image_store
  - hubwright.jupyterhub._attributes.info_module
seealso:
  - module: hubwright.jupyterhub.notebook_image
  - module: hubwright.jupyterhub.hub_engine_info
"""

EXAMPLES = r"""
- name: Look at the notebook image
  hubwright.jupyterhub.notebook_image_info:
    name: notebook:latest
    hub: jupyterhub
  register: image

- name: Say who is still on an older release
  ansible.builtin.debug:
    msg: "{{ item.user }} has {{ item.release }} ({{ item.state }})"
  loop: "{{ image.servers | rejectattr('live') }}"
  loop_control:
    label: "{{ item.container }}"
"""

RETURN = r"""
live:
  description: Id of the image that O(name) is; empty when there is none. In a registry a digest.
  returned: success
  type: str
  sample: sha256:0d4c1f2a9b3c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6
previous:
  description: Id of the image one step back; empty when there is none.
  returned: success
  type: str
releases:
  description: The images that are or were live, the live one first, then one step back, two steps back and so on, then held ones.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the release, which is its tag beside that of O(name). Empty for an image that has none yet.
      type: str
      sample: latest-20261125T101500Z-0d4c1f2a9b3c
    id:
      description: Id of the image, or in a registry its digest.
      type: str
    time:
      description: When it became live last, UTC. Empty where that is not known.
      type: str
      sample: "2026-11-25T10:15:00Z"
    live:
      description: Whether it is live.
      type: bool
    held:
      description: Whether a roll-back left it.
      type: bool
    running:
      description: How many user servers run it. Null without O(hub).
      type: int
    stopped:
      description: How many stopped containers of user servers have it. Null without O(hub).
      type: int
servers:
  description: User servers of O(hub), also stopped ones, sorted by container. Empty without O(hub).
  returned: success
  type: list
  elements: dict
  contains:
    user:
      description:
        - Name of the user, as the spawner wrote it down. Read for those only that are behind; empty for the others.
      type: str
    server:
      description: Name of a named server, empty for the user's own.
      type: str
    container:
      description: Name of the container.
      type: str
    image_id:
      description: Id of the image that it really has.
      type: str
    release:
      description: Name of the release that this is; empty when it is none that is known.
      type: str
    live:
      description: Whether its image is the live one.
      type: bool
    state:
      description: C(running), C(exited) ...
      type: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _image_options, _notebook_image
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._module import run


def work(module: AnsibleModule) -> dict[str, t.Any]:
    """What the module finds."""
    return _notebook_image.report(_image_options.open_store(module))


def main() -> None:
    """Entry point of the module."""
    run(AnsibleModule(_image_options.ARGUMENTS, supports_check_mode=True), work)


if __name__ == "__main__":
    main()
