#!/usr/bin/python
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what a hub says of itself."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_info
short_description: Read version, health, users and user servers of a hub
version_added: 0.1.0
author:
  - Hubwright maintainers (@hubwright)
description:
  - Asks the REST API of a JupyterHub for what O(gather) names and returns it. Changes nothing.
  - Lists are read to their last page, however many users the hub has.
  - What the token may not see is V(null), never V(false) or an empty list.
extends_documentation_fragment:
  - hubwright.jupyterhub._hub_api
  - hubwright.jupyterhub._attributes
  - hubwright.jupyterhub._attributes.info_module
options:
  gather:
    description:
      - What to ask for. Each part needs its own scopes, the same in JupyterHub 5.5 and 6.1.
      - V(version) needs no token for the version itself, and V(read:hub) for Python, authenticator and spawner.
      - V(health) and V(proxy) need no token.
      - V(users) needs V(list:users) for names and administrators, and V(read:users:groups), V(read:users:activity) and
        V(read:servers) for groups, last activity and servers. V(read:users) covers all of these but servers.
      - V(servers) needs V(list:users) and V(read:servers).
      - V(groups) needs V(list:groups), and V(read:groups) for the members.
      - V(services) needs V(list:services), and V(read:services) for more than names and administrators.
      - V(routes) needs V(proxy), which also allows to move the hub to another proxy.
    type: list
    elements: str
    choices:
      - version
      - health
      - proxy
      - users
      - servers
      - groups
      - services
      - routes
    default:
      - version
      - health
      - proxy
      - servers
      - users
  user_names:
    description:
      - Only these users and their servers. Capitals make no difference, a name that the hub does not know is left out.
      - Up to 25 names are asked one by one, which does with V(read:users) instead of V(list:users), and with scopes
        for single users, as in V(read:users!user=ada).
    type: list
    elements: str
  server_state:
    description:
      - Return with each server what its spawner keeps of it, such as a process, container or pod.
      - Needs V(admin:server_state).
    type: bool
    default: false
  fail_when_down:
    description:
      - Fail when no hub answers.
      - With V(false) the module returns RV(running) as V(false) and why as RV(reason). A hub that answers and refuses
        something is still a failure.
    type: bool
    default: true
seealso:
  - module: hubwright.jupyterhub.hub_server
  - module: hubwright.jupyterhub.hub_user
"""

EXAMPLES = r"""
- name: Read what a hub runs and who works on it
  hubwright.jupyterhub.hub_info:
    url: https://hub.example.org/
    token_file: /etc/hub/operator_token
  register: hub

- name: Show how many servers run
  ansible.builtin.debug:
    msg: "JupyterHub {{ hub.version }}: {{ hub.servers_running }} servers of {{ hub.users_count }} users"

- name: Look whether the hub is up, without a token, and go on in any case
  hubwright.jupyterhub.hub_info:
    url: http://127.0.0.1:8000/
    gather:
      - health
      - proxy
    timeout: 5
    fail_when_down: false
  register: hub

- name: Find the containers of two users
  hubwright.jupyterhub.hub_info:
    url: https://example.org/base/
    token: "{{ operator_token }}"
    gather:
      - servers
    user_names:
      - ada
      - grace
    server_state: true
"""

RETURN = r"""
url:
  description: Public address of the hub with its base URL and C(/) at the end.
  returned: success
  type: str
  sample: https://hub.example.org/
running:
  description: Whether the hub answered.
  returned: success
  type: bool
  sample: true
reason:
  description: Why RV(running) is V(false); empty when the hub runs.
  returned: success
  type: str
  sample: "Nothing answers at http://127.0.0.1:8000/hub/health: connection refused."
version:
  description: Version of JupyterHub.
  returned: when V(version) is gathered and the hub runs
  type: str
  sample: 6.1.1
python:
  description: Version of the hub's Python, V(null) without the scope V(read:hub).
  returned: when V(version) is gathered and the hub runs
  type: str
  sample: 3.12.4
authenticator:
  description: Authenticator in use, V(null) without the scope V(read:hub).
  returned: when V(version) is gathered and the hub runs
  type: dict
  contains:
    class:
      description: Python class.
      type: str
      sample: jupyterhub.auth.PAMAuthenticator
    version:
      description: Version of the package of the class.
      type: str
      sample: 6.1.1
spawner:
  description: Spawner in use, V(null) without the scope V(read:hub).
  returned: when V(version) is gathered and the hub runs
  type: dict
  contains:
    class:
      description: Python class.
      type: str
      sample: dockerspawner.dockerspawner.DockerSpawner
    version:
      description: Version of the package of the class.
      type: str
      sample: 14.0.0
health:
  description: V(ok) when the hub says that it is healthy, else V(down).
  returned: when V(health) is gathered
  type: str
  sample: ok
proxy:
  description:
    - V(ok) when configurable-http-proxy says that it is healthy, V(down) when nothing listens at the address.
    - V(unknown) when the address does not show the proxy's own check, as behind an Ingress or with another proxy.
  returned: when V(proxy) is gathered
  type: str
  sample: ok
users:
  description: Users of the hub, by name.
  returned: when V(users) is gathered and the hub runs
  type: list
  elements: dict
  contains:
    name:
      description: Name.
      type: str
      sample: ada
    admin:
      description: Whether the user is an administrator.
      type: bool
      sample: false
    groups:
      description: Names of the groups, V(null) if the token may not see them.
      type: list
      elements: str
      sample: [course-1]
    last_activity:
      description: Time of the last activity in UTC, V(null) if there was none or the token may not see it.
      type: str
      sample: "2026-11-21T04:00:45.238451Z"
    servers:
      description:
        - Names of the servers that run, start or stop, the default server as an empty string.
        - V(null) if the token may not see them.
      type: list
      elements: str
      sample: [""]
users_count:
  description: Number of RV(users).
  returned: when V(users) is gathered and the hub runs
  type: int
  sample: 80
admins_count:
  description: Number of administrators among RV(users).
  returned: when V(users) is gathered and the hub runs
  type: int
  sample: 2
servers:
  description: User servers that run, start or stop, by user and name.
  returned: when V(servers) is gathered and the hub runs
  type: list
  elements: dict
  contains:
    user:
      description: Owner.
      type: str
      sample: ada
    name:
      description: Name of the server, empty for the default server.
      type: str
      sample: ""
    ready:
      description: Whether it can be used.
      type: bool
      sample: true
    pending:
      description: What the hub is doing with it, such as V(spawn) or V(stop); V(null) for nothing.
      type: str
      sample: null
    started:
      description: Time of the start in UTC.
      type: str
      sample: "2026-11-21T04:00:45.238451Z"
    last_activity:
      description: Time of the last activity in UTC.
      type: str
      sample: "2026-11-21T04:10:12.000000Z"
    url:
      description: Path of the server at the hub's address, or a whole address where the hub uses subdomains.
      type: str
      sample: /base/user/ada/
    state:
      description: What the spawner keeps of it, V(null) if the token may not see it.
      returned: when O(server_state=true)
      type: dict
      sample: {"pid": 4711}
servers_running:
  description: Number of servers that are ready.
  returned: when V(servers) is gathered and the hub runs
  type: int
  sample: 12
servers_pending:
  description: Number of servers that start or stop.
  returned: when V(servers) is gathered and the hub runs
  type: int
  sample: 0
groups:
  description: Groups, by name.
  returned: when V(groups) is gathered and the hub runs
  type: list
  elements: dict
  contains:
    name:
      description: Name.
      type: str
      sample: course-1
    users:
      description: Names of the members, V(null) if the token may not see them.
      type: list
      elements: str
      sample: [ada, grace]
services:
  description: Services, by name.
  returned: when V(services) is gathered and the hub runs
  type: list
  elements: dict
  contains:
    name:
      description: Name.
      type: str
      sample: idle-culler
    admin:
      description: Whether it was defined with C(admin), V(null) if the token may not see it.
      type: bool
      sample: false
    url:
      description: Address at which the service listens, empty if it does not; V(null) if the token may not see it.
      type: str
      sample: ""
routes:
  description: Routes of the proxy, by path.
  returned: when V(routes) is gathered and the hub runs
  type: list
  elements: dict
  contains:
    path:
      description: Path or host and path.
      type: str
      sample: /user/ada/
    target:
      description: Where requests go.
      type: str
      sample: http://127.0.0.1:41235
    user:
      description: Owner of the server that is the target, V(null) for the hub itself and services.
      type: str
      sample: ada
    server_name:
      description: Name of the server that is the target, V(null) for the hub itself and services.
      type: str
      sample: ""
    last_activity:
      description: Time of the last activity that the proxy saw, in UTC.
      type: str
      sample: "2026-11-21T04:10:12.000000Z"
error_kind:
  description:
    - What went wrong with a request.
    - V(unreachable), V(timeout), V(tls), V(not_a_hub) or V(unavailable) when no hub answered.
    - V(forbidden), V(missing), V(refused), V(busy) or V(failed) when it answered with an error.
  returned: failure of a request
  type: str
  sample: forbidden
http_status:
  description: HTTP status of the answer, V(null) when there was none.
  returned: failure of a request
  type: int
  sample: 403
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._hub_connection import (
    ARGUMENTS,
    MUTUALLY_EXCLUSIVE,
    connect,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._hub_facts import PARTS, collect
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._hub_users import checked_names
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._module import run


def _work(module: AnsibleModule) -> dict[str, t.Any]:
    names = module.params["user_names"]
    if names is not None:
        names = checked_names(names, "user_names")
    facts = collect(
        connect(module),
        module.params["gather"],
        user_names=names,
        server_state=module.params["server_state"],
        fail_when_down=module.params["fail_when_down"],
    )
    return {"changed": False, **facts}


def main() -> None:
    """Entry point of the module."""
    arguments = {
        "gather": {
            "type": "list",
            "elements": "str",
            "choices": list(PARTS),
            "default": ["version", "health", "proxy", "servers", "users"],
        },
        "user_names": {"type": "list", "elements": "str"},
        "server_state": {"type": "bool", "default": False},
        "fail_when_down": {"type": "bool", "default": True},
    }
    run(
        AnsibleModule({**ARGUMENTS, **arguments}, mutually_exclusive=MUTUALLY_EXCLUSIVE, supports_check_mode=True),
        _work,
    )


if __name__ == "__main__":
    main()
