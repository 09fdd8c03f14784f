#!/usr/bin/python
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: hub_image_stream
short_description: Import images of registries into image streams of OpenShift
version_added: 0.2.0
description:
  - Makes image streams whose tags pods of the project can name in place of an image, which OpenShift calls local lookup.
  - Imports an image into each of the given tags, once. It is imported again when another reference is given for the tag.
  - Tags that are not given stay as they are, and so does a tag that was made another image since, for example by M(hubwright.jupyterhub.notebook_image).
extends_documentation_fragment:
  - hubwright.jupyterhub._attributes
  - hubwright.jupyterhub._cluster
options:
  streams:
    description: Name of each stream to a mapping of its tags to references of images, with their registry.
    type: dict
    required: true
  labels:
    description: Labels that the streams have to have.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
author:
  - Hubwright maintainers (@hubwright)
seealso:
  - module: hubwright.jupyterhub.notebook_image
  - module: hubwright.jupyterhub.hub_cluster_info
"""

EXAMPLES = r"""
- name: Have a notebook image in the project
  hubwright.jupyterhub.hub_image_stream:
    namespace: course
    streams:
      notebook:
        "2026-11-01": quay.io/jupyter/minimal-notebook:2026-11-01
"""

RETURN = r"""
imported:
  description: Tags that an image was imported into, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: ["notebook:2026-11-01"]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _cluster, _image_streams
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._module import run

ARGUMENTS: dict[str, t.Any] = {
    **_cluster.ARGUMENTS,
    "streams": {"type": "dict", "required": True},
    "labels": {"type": "dict", "default": {}},
}


def wanted(params: t.Mapping[str, t.Any]) -> list[_image_streams.Wanted]:
    """The streams that the options describe.

    :raises HubError: for what can not be one.
    """
    found = []
    for name, tags in sorted(params["streams"].items()):
        if not isinstance(tags, dict):
            raise HubError(f"streams.{name} is {tags!r}; expected a mapping of tags to references of images.")
        for tag, reference in tags.items():
            if not _image_streams.is_short(f"{name}:{tag}"):
                raise HubError(
                    f"streams has {name}:{tag}; expected a name of lower-case letters, digits and hyphens, and a tag of "
                    "letters, digits, '.', '-' and '_'."
                )
            if "/" not in str(reference):
                raise HubError(f"streams.{name}.{tag} is {reference!r}; expected an image with its registry.")
        texts = {str(tag): str(reference) for tag, reference in sorted(tags.items())}
        found.append(_image_streams.Wanted(name, texts, params["labels"]))
    return found


def work(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    asked = wanted(params)
    cluster = _cluster.connect(params)
    states = [_image_streams.state(cluster, params["namespace"], each) for each in asked]
    for each, (before, after) in zip(asked, states):
        if before != after and not module.check_mode:
            _image_streams.bring(cluster, params["namespace"], each, before)
    imported = [
        f"{each.name}:{tag}"
        for each, (before, _after) in zip(asked, states)
        for tag, reference in each.tags.items()
        if (before.get("imported") or {}).get(tag) != reference
    ]
    diff = {
        "before": {each.name: before for each, (before, _after) in zip(asked, states)},
        "after": {each.name: after for each, (_before, after) in zip(asked, states)},
    }
    return {"changed": diff["before"] != diff["after"], "imported": imported, "diff": diff}


def main() -> None:
    run(AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True), work)


if __name__ == "__main__":
    main()
