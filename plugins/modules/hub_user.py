#!/usr/bin/python
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates and removes users of a hub."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_user
short_description: Create and remove users of a hub, and say who is an administrator
version_added: 0.1.0
author:
  - Hubwright maintainers (@hubwright)
description:
  - Makes users of a JupyterHub present or absent through its REST API, with administrators' rights and groups as asked.
  - Users' files are never touched, whatever is removed.
  - Removing a user first stops all of the user's servers and waits for that, then deletes the user in the hub. From
    then on the user's sessions, API tokens and servers are gone. A browser that was signed in is sent to the sign-in
    page, also when a user of the same name is created again.
  - Removing a user here does not forbid to sign in again. Who may sign in is up to the authenticator of the hub, and
    names in its configuration come back when the hub restarts.
  - Taking away administrators' rights works at once in the hub itself, for its pages and for API tokens.
  - A user server asks the hub only every C(HubOAuth.cache_max_age), by default 300 seconds, whether a browser or token
    may use it. So an administrator who lost the rights, or was removed, can go on using those servers of other people
    that were open before, up to that long. The module warns of it. Restarting those servers with
    M(hubwright.jupyterhub.hub_server) ends it at once, and C(--HubOAuth.cache_max_age=30) in C(Spawner.args) makes it
    shorter.
  - Needs the scope V(admin:users) to create users. In JupyterHub 5.5 and 6.1 the owner of the token must itself be an
    administrator to make somebody an administrator or no longer one. For a service that means the role V(admin).
  - O(groups) needs V(groups) too, and V(admin:groups) to create a group that does not exist.
  - O(state=absent) does with V(read:servers) and V(delete:servers) for servers, and V(delete:users). With these even
    administrators can be removed.
  - More than 25 names need V(list:users) too. It is part of V(admin:users).
extends_documentation_fragment:
  - hubwright.jupyterhub._hub_api
  - hubwright.jupyterhub._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  names:
    description:
      - Names of the users. Repetitions are ignored.
      - Capitals make no difference. New users get lower-case names, as JupyterHub itself does when somebody signs in.
      - C(Authenticator.username_map) is not applied when names are compared. Give the names that the hub uses.
    type: list
    elements: str
    required: true
  state:
    description:
      - Whether the users exist in the hub.
    type: str
    choices:
      - present
      - absent
    default: present
  admin:
    description:
      - Whether the users are administrators. Left alone if not given, new users then are none.
      - Names in C(Authenticator.admin_users) or in the role V(admin) of the hub's configuration become administrators
        again when the hub restarts.
      - Only with O(state=present).
    type: bool
  groups:
    description:
      - Groups that the users are in. Left alone if not given. Groups that do not exist are created, none is removed.
      - Only with O(state=present).
    type: list
    elements: str
  groups_append:
    description:
      - Keep the users in other groups too. With V(false) they are in exactly O(groups).
    type: bool
    default: false
  groups_remove:
    description:
      - Groups that the users are not in; other groups are left alone. Only with O(state=present).
    type: list
    elements: str
    default: []
  stop_servers:
    description:
      - With O(state=absent), stop the users' servers.
      - With V(false) the module fails before it removes anybody if one of the servers runs, starts or stops.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds that the stop of one server may take.
    type: float
    default: 120
seealso:
  - module: hubwright.jupyterhub.hub_info
  - module: hubwright.jupyterhub.hub_server
"""

EXAMPLES = r"""
- name: Create the users of a course before they sign in
  hubwright.jupyterhub.hub_user:
    url: https://hub.example.org/
    token_file: /etc/hub/operator_token
    names: "{{ participants }}"
    groups:
      - course-1
    groups_append: true

- name: Take away administrators' rights
  hubwright.jupyterhub.hub_user:
    url: https://hub.example.org/
    token: "{{ administrator_token }}"
    names:
      - ada
    admin: false

- name: End all sessions and servers of users who left; their files stay
  hubwright.jupyterhub.hub_user:
    url: https://hub.example.org/
    token: "{{ administrator_token }}"
    names:
      - grace
      - linus
    state: absent
"""

RETURN = r"""
users:
  description: The users, one entry each.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name as the hub spells it.
      type: str
      sample: ada
    state:
      description: V(present) or V(absent).
      type: str
      sample: present
    changed:
      description: Whether something was changed for this user.
      type: bool
      sample: true
    admin:
      description: Whether the user is an administrator, V(null) if the user is absent.
      type: bool
      sample: false
    groups:
      description: Groups of the user, V(null) if the user is absent or the token may not see them.
      type: list
      elements: str
      sample: [course-1]
    servers_stopped:
      description: Names of the servers that were stopped for the removal, the default server as an empty string.
      type: list
      elements: str
      sample: [""]
actions:
  description: What was done, in words and in order. Empty in check mode.
  returned: success, or failure after something was done
  type: list
  elements: str
  sample: ["created ada", "added ada to group course-1"]
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

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _hub_users as users
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._hub_connection import (
    ARGUMENTS,
    MUTUALLY_EXCLUSIVE,
    connect,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._hub_facts import find_users
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._module import run


def _work(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    names = users.checked_names(params["names"])
    wanted = users.desired(
        params["state"], params["admin"], params["groups"], params["groups_append"], params["groups_remove"]
    )
    if params["wait_timeout"] <= 0:
        raise HubError(f"wait_timeout is {params['wait_timeout']}, expected a number of seconds above 0.")
    api = connect(module)
    changes = users.plan(names, find_users(api, names), wanted)
    if not params["stop_servers"]:
        users.refuse_running(changes)
    actions = [] if module.check_mode else users.apply(api, changes, wait_timeout=params["wait_timeout"])
    users.warn_of_cached_rights(changes, module.warn)
    return {
        "changed": any(change.changed for change in changes),
        "diff": users.diff(changes),
        "users": [change.report for change in changes],
        "actions": actions,
    }


def main() -> None:
    """Entry point of the module."""
    arguments = {
        "names": {"type": "list", "elements": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "admin": {"type": "bool"},
        "groups": {"type": "list", "elements": "str"},
        "groups_append": {"type": "bool", "default": False},
        "groups_remove": {"type": "list", "elements": "str", "default": []},
        "stop_servers": {"type": "bool", "default": True},
        "wait_timeout": {"type": "float", "default": 120},
    }
    run(
        AnsibleModule({**ARGUMENTS, **arguments}, mutually_exclusive=MUTUALLY_EXCLUSIVE, supports_check_mode=True),
        _work,
    )


if __name__ == "__main__":
    main()
