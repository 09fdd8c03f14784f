#!/usr/bin/python
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: hub_cluster_secret
short_description: Keep a hub's secrets in a Secret of a Kubernetes cluster
version_added: 0.2.0
description:
  - Makes a Secret with generated values and keeps them, and places values that are given.
  - No value is ever returned. Digests say whether a part of it changed.
extends_documentation_fragment:
  - hubwright.jupyterhub._attributes
  - hubwright.jupyterhub._cluster
options:
  name:
    description: Name of the Secret.
    type: str
    required: true
  labels:
    description: Labels that it has to have.
    type: dict
    default: {}
  values:
    description:
      - Keys of the Secret, each with C(value) (empty means generated once and kept), and C(length) and C(encoding) (V(hex)
        or V(alnum)) of a generated one. A hexadecimal value has twice as many characters.
      - Other keys that are there stay.
    type: dict
    required: true
  existing:
    description:
      - Name of another Secret of the namespace, from which the values of the same keys are taken. It is not changed.
    type: str
    default: ""
  digests:
    description: Names for groups of keys, of which a digest is wanted.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Shows keys, never values.
  idempotent:
    support: full
author:
  - Hubwright maintainers (@hubwright)
seealso:
  - module: hubwright.jupyterhub.hub_cluster_info
  - module: hubwright.jupyterhub.hub_files
"""

EXAMPLES = r"""
- name: Make the secrets of a hub
  hubwright.jupyterhub.hub_cluster_secret:
    namespace: course
    name: hub
    values:
      cookie_secret:
        value: ""
        length: 32
        encoding: hex
      oauth_client_secret:
        value: "{{ vault_oauth_client_secret }}"
    digests:
      hub: [cookie_secret, oauth_client_secret]
  register: hub_secret
"""

RETURN = r"""
generated:
  description: Keys that are new.
  returned: success
  type: list
  elements: str
replaced:
  description: Keys whose value was replaced by a given one.
  returned: success
  type: list
  elements: str
digests:
  description: Of each group in O(digests), a text that is another one when one of its values is.
  returned: success
  type: dict
  sample: {"hub": "0f5a7c1b2d3e4f56"}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _cluster, _cluster_secret
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._module import run

ARGUMENTS: dict[str, t.Any] = {
    **_cluster.ARGUMENTS,
    "name": {"type": "str", "required": True},
    "labels": {"type": "dict", "default": {}},
    "values": {"type": "dict", "required": True, "no_log": True},
    "existing": {"type": "str", "default": ""},
    "digests": {"type": "dict", "default": {}, "no_log": False},
}


def work(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    wanted = {name: _wish(name, wish) for name, wish in params["values"].items()}
    # Lengths and encodings are no secrets, and would be masked wherever they occur.
    module.no_log_values = {wish["value"] for wish in wanted.values() if wish["value"]}
    plan = _cluster_secret.ensure(
        _cluster.connect(params),
        params["namespace"],
        params["name"],
        params["labels"],
        wanted,
        params["existing"],
        module.check_mode,
    )
    changed = bool(plan.made or plan.changed)
    after = [*(f"{name}: made\n" for name in plan.made), *(f"{name}: replaced\n" for name in plan.changed)]
    header = f"Secret {params['namespace']}/{params['name']}"
    diff = {"before_header": header, "after_header": header, "before": "", "after": "".join(after)}
    return {
        "changed": changed,
        "generated": plan.made,
        "replaced": plan.changed,
        "digests": {group: plan.digest(names) for group, names in params["digests"].items()},
        "diff": diff if module._diff and changed else [],
    }


def _wish(name: str, wish: t.Any) -> dict[str, t.Any]:
    if not isinstance(wish, dict) or not (wish.get("value") or {"length", "encoding"} <= set(wish)):
        raise HubError(f"values.{name} has neither a value nor length and encoding; expected one of both.")
    encoding = wish.get("encoding", "hex")
    if encoding not in ("hex", "alnum"):
        raise HubError(f"values.{name}.encoding is {encoding!r}; expected hex or alnum.")
    return {"value": str(wish.get("value") or ""), "length": int(wish.get("length", 32)), "encoding": encoding}


def main() -> None:
    run(AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True), work)


if __name__ == "__main__":
    main()
