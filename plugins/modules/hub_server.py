#!/usr/bin/python
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and stops a user server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_server
short_description: Start, stop, restart or remove a user server
version_added: 0.1.0
author:
  - Hubwright maintainers (@hubwright)
description:
  - Starts or stops one server of one user through the REST API of a JupyterHub, and waits for it.
  - Users' files are never touched.
  - The scope V(servers) is enough for everything. The least that does is V(read:servers) to find that nothing is to be
    done, V(delete:servers) beside it to stop or remove, and V(start:servers) beside it to start in JupyterHub 6.1.
    JupyterHub 5.5 has no such scope and needs V(servers) for a start. A restart needs what a stop and a start need.
  - Scopes may be limited to one user, as in V(servers!user=ada).
extends_documentation_fragment:
  - hubwright.jupyterhub._hub_api
  - hubwright.jupyterhub._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - With O(state=restarted) a server that runs is restarted every time.
options:
  user:
    description:
      - Owner of the server. Capitals make no difference. The user must exist.
    type: str
    required: true
  server_name:
    description:
      - Name of the server. The default server has no name.
      - A named server that does not exist is created by its start. JupyterHub 6 takes 1 to 30 lower-case letters,
        digits and hyphens.
    type: str
    default: ""
  state:
    description:
      - V(started) starts a server that does not run. One that is starting is only waited for.
      - V(stopped) stops a server that runs or starts. A named server that does not exist is left so.
      - V(restarted) stops a server that runs or starts, then starts it. This drops its kernels and connections.
      - V(absent) stops a named server and removes the hub's record of it. The default server cannot be removed.
    type: str
    choices:
      - started
      - stopped
      - restarted
      - absent
    default: started
  user_options:
    description:
      - Choices for the start, as the form of the spawner would give them, for example a profile.
      - Only used by a start. A server that runs already is not compared with them.
    type: dict
  wait:
    description:
      - Wait until the server is ready, stopped or removed.
      - With V(false) the module returns as soon as the hub accepted the request, and does not notice a start that
        fails later. A restart is still waited for until the stop is complete.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds that a start or a stop may take.
    type: float
    default: 120
  hub:
    description:
      - Name of the hub, when its user servers are containers of the Docker engine on the host that runs the module; it is the
        name of their network too.
      - A start that fails comes with what its container wrote last, and one whose container has ended is not waited for any longer.
    type: str
  socket:
    description:
      - With O(hub), path of the engine's socket. When left out, what E(DOCKER_HOST) says, or C(/var/run/docker.sock).
    type: path
seealso:
  - module: hubwright.jupyterhub.hub_info
  - module: hubwright.jupyterhub.hub_user
"""

EXAMPLES = r"""
- name: Stop the server of a user
  hubwright.jupyterhub.hub_server:
    url: https://hub.example.org/
    token_file: /etc/hub/operator_token
    user: ada
    state: stopped

- name: Start a named server with a profile
  hubwright.jupyterhub.hub_server:
    url: https://hub.example.org/
    token: "{{ operator_token }}"
    user: ada
    server_name: gpu
    user_options:
      profile: large
    wait_timeout: 600

- name: Start a server in a container of this host, to be told by its log why it can not
  hubwright.jupyterhub.hub_server:
    url: https://hub.example.org/
    token_file: /etc/hub/operator_token
    user: ada
    hub: jupyterhub

- name: Let the servers that run take up a new image
  hubwright.jupyterhub.hub_server:
    url: https://hub.example.org/
    token: "{{ operator_token }}"
    user: "{{ item.user }}"
    server_name: "{{ item.name }}"
    state: restarted
  loop: "{{ hub.servers }}"
"""

RETURN = r"""
user:
  description: Owner as the hub spells the name.
  returned: success
  type: str
  sample: ada
server_name:
  description: Name of the server, empty for the default server.
  returned: success
  type: str
  sample: ""
state:
  description:
    - State of the server at the end, in check mode before it.
    - V(started), V(stopped) or V(absent), with O(wait=false) also V(starting) or V(stopping).
  returned: success
  type: str
  sample: started
url:
  description: Path of the server at the hub's address, V(null) when the hub has no record of the server.
  returned: success
  type: str
  sample: /user/ada/
started:
  description: Time of the start in UTC, V(null) when it does not run.
  returned: success
  type: str
  sample: "2026-11-21T04:00:45.238451Z"
last_activity:
  description: Time of the last activity in UTC, V(null) if there was none.
  returned: success
  type: str
  sample: "2026-11-21T04:10:12.000000Z"
start_failure:
  description:
    - V(timeout) when the start took longer than O(wait_timeout), or than the hub gives it; the server may only be slow.
    - V(ended) when its container has ended, which is only seen with O(hub).
    - V(failed) when the hub could not start it.
  returned: failure of a start
  type: str
  sample: timeout
log:
  description: With O(hub), what the container wrote last.
  returned: failure of a start
  type: list
  elements: str
progress:
  description: What the hub told last about a start that failed or took too long.
  returned: failure of a start
  type: list
  elements: str
  sample: ["Spawn failed: no seat is free"]
error_kind:
  description:
    - What went wrong with a request.
    - V(unreachable), V(timeout), V(tls), V(not_a_hub) or V(unavailable) when no hub answered.
    - V(forbidden), V(missing), V(refused), V(busy) or V(failed) when it answered with an error.
  returned: failure of a request
  type: str
  sample: failed
http_status:
  description: HTTP status of the answer, V(null) when there was none.
  returned: failure of a request
  type: int
  sample: 500
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._engine_api import EngineApi
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._hub_connection import (
    ARGUMENTS,
    MUTUALLY_EXCLUSIVE,
    connect,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._hub_servers import STATES, UserServer, plan
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._hub_users import checked_names
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._module import run
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._server_container import ServerContainer


def _work(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    checked_names([params["user"]], "user")
    if params["state"] == "absent" and not params["server_name"]:
        raise HubError(
            "state is absent without a server_name, but the default server cannot be removed.",
            "Use state stopped, or name the server.",
        )
    if params["wait_timeout"] <= 0:
        raise HubError(f"wait_timeout is {params['wait_timeout']}, expected a number of seconds above 0.")
    server = UserServer(connect(module), params["user"], params["server_name"], wait_timeout=params["wait_timeout"])
    state = server.observe()
    change = plan(state, params["state"])
    if params["hub"] and change.after == "started":
        server.container = ServerContainer(EngineApi(params["socket"] or ""), params["hub"], server.user, server.name)
    if not module.check_mode:
        state = server.apply(change, params["user_options"], wait=params["wait"])
    model = server.model or {}
    return {
        "changed": change.changed,
        "diff": change.diff,
        "user": server.user,
        "server_name": server.name,
        "state": state,
        "url": model.get("url"),
        "started": model.get("started"),
        "last_activity": model.get("last_activity"),
    }


def main() -> None:
    """Entry point of the module."""
    arguments = {
        "user": {"type": "str", "required": True},
        "server_name": {"type": "str", "default": ""},
        "state": {"type": "str", "choices": list(STATES), "default": "started"},
        "user_options": {"type": "dict"},
        "wait": {"type": "bool", "default": True},
        "wait_timeout": {"type": "float", "default": 120},
        "hub": {"type": "str"},
        "socket": {"type": "path"},
    }
    run(
        AnsibleModule({**ARGUMENTS, **arguments}, mutually_exclusive=MUTUALLY_EXCLUSIVE, supports_check_mode=True),
        _work,
    )


if __name__ == "__main__":
    main()
