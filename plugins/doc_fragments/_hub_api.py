# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of modules that use a hub's REST API. Private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors ARGUMENTS of module_utils/_hub_connection.py."""

    DOCUMENTATION = r"""
options:
  url:
    description:
      - Public address of the hub with its base URL, such as V(https://hub.example.org/) or V(https://example.org/base/).
      - A C(/), C(/hub) or C(/hub/api) at the end makes no difference.
      - Redirects are not followed, so that the token goes to no other address. Give the address that they lead to.
    type: str
    required: true
  token:
    description:
      - API token. Which scopes it needs is said at each module.
      - Without this and O(token_file), the environment variables E(HUBWRIGHT_TOKEN) and E(JUPYTERHUB_API_TOKEN)
        are looked at, in this order, on the host that runs the module.
      - Mutually exclusive with O(token_file).
    type: str
  token_file:
    description:
      - File with the API token as its only line, on the host that runs the module.
      - Mode C(0600) is expected. A warning is given when every account of that host can use the file.
      - Mutually exclusive with O(token).
    type: path
  timeout:
    description:
      - Seconds that one request may take, above 0.
      - A request that only reads is repeated for as long when the connection is refused or dropped, or when a
        proxy answers 502, 503 or 504, as it does while a hub restarts.
    type: float
    default: 30
  validate_certs:
    description:
      - Check the certificate of an C(https) address.
      - Without the check, whoever controls the network can read the token. Use O(ca_path) for an authority of your own.
    type: bool
    default: true
  ca_path:
    description:
      - PEM file with the authorities to trust, on the host that runs the module. By default those of the system.
    type: path
notes:
  - Works with every JupyterHub of version 5 or newer, whoever installed it. Tested with 5.5 and 6.1.
  - A token belongs to a service, which gets scopes by a role in C(JupyterHub.load_roles), or to a user, who makes one
    on the page C(/hub/token).
"""
