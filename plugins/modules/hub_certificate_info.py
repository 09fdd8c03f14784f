#!/usr/bin/python
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: hub_certificate_info
short_description: Whether a certificate and its key can serve a hub
version_added: 0.2.0
description:
  - Looks at a certificate and its private key on a host, and says everything that keeps them from serving a hub.
  - The certificate has to be valid now, to cover the names that people use, to belong to the key, and to be followed by the authorities that signed it.
  - Reads certificates with Python's cryptography, or with the program C(openssl) where that is missing. The key is never returned.
  - Nothing is changed.
extends_documentation_fragment:
  - hubwright.jupyterhub._attributes
  - hubwright.jupyterhub._attributes.info_module
options:
  certificate:
    description: Absolute path of the certificate with its chain, PEM.
    type: path
    required: true
  key:
    description: Absolute path of the private key, PEM.
    type: path
    required: true
  names:
    description: Host names and addresses that the certificate has to cover.
    type: list
    elements: str
    default: []
  served_certificate:
    description: Absolute path of the copy of O(certificate) that a service reads.
    type: path
  served_key:
    description: Absolute path of the copy of O(key) that a service reads.
    type: path
author:
  - Hubwright maintainers (@hubwright)
seealso:
  - module: hubwright.jupyterhub.hub_host_info
  - module: community.crypto.x509_certificate_info
"""

EXAMPLES = r"""
- name: Look at the hub's certificate
  hubwright.jupyterhub.hub_certificate_info:
    certificate: /etc/ssl/hub/fullchain.pem
    key: /etc/ssl/hub/privkey.pem
    names: [hub.example.org]
  register: certificate

- name: Stop when it can not serve
  ansible.builtin.assert:
    that: certificate.problems | length == 0
    fail_msg: "{{ certificate.problems | join('\n') }}"
"""

RETURN = r"""
problems:
  description: What keeps the two from serving, one sentence each with what was found and expected; empty when nothing does.
  returned: success
  type: list
  elements: str
  sample:
    - The certificate /etc/ssl/hub/fullchain.pem ended on 2026-11-20 12:00 UTC; expected one that is valid now. Renew it.
not_after:
  description: The end of the certificate; null when it can not be read.
  returned: success
  type: str
  sample: "2027-02-19T03:34:00Z"
days_left:
  description: Whole days until then, negative when it is over; null when the certificate can not be read.
  returned: success
  type: int
  sample: 89
names:
  description: The names and addresses that the certificate is for.
  returned: success
  type: list
  elements: str
  sample: [hub.example.org]
self_signed:
  description: Whether the certificate was signed with its own key, so that no authority vouches for it.
  returned: success
  type: bool
  sample: false
served:
  description: Whether O(served_certificate) and O(served_key) are there with the content of O(certificate) and O(key).
  returned: success
  type: bool
  sample: true
"""

import datetime
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _certificates
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._module import run

ARGUMENTS: dict[str, t.Any] = {
    "certificate": {"type": "path", "required": True},
    "key": {"type": "path", "required": True, "no_log": False},
    "names": {"type": "list", "elements": "str", "default": []},
    "served_certificate": {"type": "path"},
    "served_key": {"type": "path", "no_log": False},
}


def work(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    pairs = [(params["certificate"], params["served_certificate"]), (params["key"], params["served_key"])]
    for path in filter(None, [path for pair in pairs for path in pair]):
        if not path.startswith("/"):
            raise HubError(f"The path {path!r} is not absolute, expected one that begins with a slash.")
    now = datetime.datetime.now(datetime.timezone.utc)
    found = _certificates.look(params["certificate"], params["key"], params["names"], now)
    for warning in found.pop("warnings"):
        module.warn(warning)
    served = all(copy and _certificates.same(original, copy) for original, copy in pairs)
    return {"changed": False, "served": served, **found}


def main() -> None:
    run(AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True), work)


if __name__ == "__main__":
    main()
