#!/usr/bin/python
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promotes and rolls back a notebook image."""

from __future__ import annotations

DOCUMENTATION = r"""
module: notebook_image
short_description: Promote a notebook image after a test, or roll it back
version_added: 0.2.0
author:
  - Hubwright maintainers (@hubwright)
description:
  - Makes an image the one that the hub starts for everybody, or goes back to one that was.
  - Before the switch the candidate really starts as a user server and computes. A candidate that does not, changes nothing.
  - The switch moves one name, at once. Servers that run keep their image, and nobody's start fails meanwhile.
  - User volumes are never touched.
  - A run that is killed leaves the old image live, or the new one. The next run completes what is missing.
extends_documentation_fragment:
  - hubwright.jupyterhub._image_store
  - hubwright.jupyterhub._attributes
attributes:
  check_mode:
    support: full
    details:
      - The candidate is not started in check mode, so that its test can still fail.
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - With O(state=rolled_back) and O(steps) every run goes back further. With O(to) the second run changes nothing.
options:
  state:
    description:
      - V(promoted) makes O(candidate) live. The image that was live becomes the release one step back.
      - V(present) does the same when O(name) does not exist yet, and leaves what is live alone when it does.
      - V(rolled_back) makes an earlier release live. Those that were live after it are held, which means that they are not
        promoted again without O(force).
      - V(pruned) removes the tags of old releases, and with that the images that nothing else names. Never by force.
    type: str
    choices: [promoted, present, rolled_back, pruned]
    default: promoted
  candidate:
    description:
      - Image that shall be live, as a reference or an id. It has to be on the engine or, with other stores, in the
        repository or the image stream of O(name). Pull or build it first.
      - Needed with O(state=promoted) and O(state=present).
    type: str
  force:
    description: Promote a release although it is held.
    type: bool
    default: false
  steps:
    description:
      - How many releases to go back with O(state=rolled_back), V(1) when neither this nor O(to) is given.
      - Mutually exclusive with O(to).
    type: int
  to:
    description:
      - Release to go back to with O(state=rolled_back), as its name in RV(releases), or as the id of its image or the first 12
        digits of that.
      - Mutually exclusive with O(steps).
    type: str
  keep:
    description:
      - How many releases O(state=pruned) keeps, the live one and those before it, at least 1.
      - A release that a container of the engine or a pod of the namespace uses, running or stopped, is kept as well.
    type: int
    default: 5
  remove_stopped:
    description:
      - With O(state=pruned), remove stopped containers of O(hub)'s users that have an older release than the live one. A spawner
        that keeps containers would start them again, with their old image.
      - What users have outside of their volumes goes with the container.
    type: bool
    default: false
  smoke_test:
    description:
      - How the candidate is tried out before it becomes live. It is started as the spawner does, in a network of its own
        that holds nothing but a stand-in for the hub, and has to answer as a single-user server that asks for a token.
      - Needed with O(state=promoted), and with O(state=present) when O(name) does not exist yet. With O(cluster) a pod of it
        starts there; else, with O(store=registry), the engine of the host that runs the module pulls the image for it.
      - A roll-back makes an image live that was live before, and is not delayed by a test.
    type: dict
    default: {}
    suboptions:
      enabled:
        description: V(false) promotes an image that nobody has tried.
        type: bool
        default: true
      jupyterhub_version:
        description:
          - Version of the hub. Another major version in the image is an error, another minor version a warning.
          - Needed unless O(smoke_test.enabled=false).
        type: str
      timeout:
        description:
          - Seconds that the whole test may take, above 0. An image that crashes is refused at once, whatever the limit.
        type: float
        default: 300
      user:
        description:
          - Account in the container, as name or number, with C(:) and a group if wanted. The image's own when left out.
          - With O(cluster), O(cluster.uid) is used instead.
        type: str
      command:
        description: Command of the container. The image's own when left out.
        type: list
        elements: str
      environment:
        description: Environment variables beside those that a hub sets. The values are never shown.
        type: dict
        default: {}
      memory:
        description: Limit of memory, such as V(1G). None when left out.
        type: str
      drop_capabilities:
        description: Take all capabilities away, and the ways to gain any, as the role hub_docker does for users.
        type: bool
        default: true
      kernel:
        description: Start the default kernel and let it compute.
        type: bool
        default: true
      home:
        description:
          - Where a cluster mounts users' files, such as C(/home/jovyan); there the candidate finds an empty directory that it
            can write to. Only with O(cluster).
        type: path
seealso:
  - module: hubwright.jupyterhub.notebook_image_info
  - module: hubwright.jupyterhub.hub_server
  - module: community.docker.docker_image_pull
  - module: community.docker.docker_image_build
"""

EXAMPLES = r"""
- name: Promote what was built
  hubwright.jupyterhub.notebook_image:
    name: notebook:latest
    candidate: notebook_new:latest
    history_tags: [notebook_old:latest]
    smoke_test:
      jupyterhub_version: 6.1.1
      memory: 1G
  register: promoted

- name: Go one release back
  hubwright.jupyterhub.notebook_image:
    name: notebook:latest
    state: rolled_back

- name: Go back to a release
  hubwright.jupyterhub.notebook_image:
    name: notebook:latest
    state: rolled_back
    to: latest-20261125T101500Z-0d4c1f2a9b3c

- name: Keep three releases, and let those who are not at work have the live one next time
  hubwright.jupyterhub.notebook_image:
    name: notebook:latest
    state: pruned
    keep: 3
    hub: jupyterhub
    remove_stopped: true

- name: Promote in a registry, without pulling
  hubwright.jupyterhub.notebook_image:
    name: registry.example.org/team/notebook:live
    store: registry
    candidate: registry.example.org/team/notebook:build-417
    username: promoter
    password: "{{ registry_password }}"
    smoke_test:
      enabled: false

- name: Promote what a build has put into an image stream of OpenShift
  hubwright.jupyterhub.notebook_image:
    name: notebook:live
    store: image_stream
    candidate: notebook:build
    cluster:
      namespace: course
      seccomp: false
    smoke_test:
      jupyterhub_version: 6.1.1
      memory: 1G
      home: /home/jovyan
"""

RETURN = r"""
live:
  description: Id of the image that O(name) is now, or would be; empty when there is none. In a registry a digest.
  returned: success
  type: str
  sample: sha256:0d4c1f2a9b3c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6
previous:
  description: Id of the image one step back; empty when there is none.
  returned: success
  type: str
  sample: sha256:77b1e2d3c4a5968778695a4b3c2d1e0f77b1e2d3c4a5968778695a4b3c2d1e0f
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
      description: Whether a roll-back left it, so that it is not promoted again without O(force).
      type: bool
smoke:
  description: What the test found, null when there was none.
  returned: success
  type: dict
  contains:
    version:
      description: Version of JupyterHub in the image.
      type: str
      sample: 6.1.1
    seconds:
      description: Seconds from the start of the container until the test was passed.
      type: float
      sample: 3.4
    warnings:
      description: What is not as it should be but no reason to refuse; also given as warnings of the module.
      type: list
      elements: str
removed:
  description: With O(state=pruned), C(releases) (names) and C(containers) (names) that are gone, or would be.
  returned: state is pruned
  type: dict
kept:
  description: With O(state=pruned), names of old releases that stay because a container uses them or the store refused, with the reason.
  returned: state is pruned
  type: dict
  sample: {"latest-20261002T081500Z-77b1e2d3c4a5": "used by the container jupyterhub-user-ada"}
log:
  description: The last lines that the candidate wrote.
  returned: failure of the test
  type: list
  elements: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _image_options, _notebook_image, _sizes
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._module import run

if t.TYPE_CHECKING:
    from ansible_collections.hubwright.jupyterhub.plugins.module_utils._smoke_test import Trial

SMOKE_TEST: dict[str, t.Any] = {
    "enabled": {"type": "bool", "default": True},
    "jupyterhub_version": {"type": "str"},
    "timeout": {"type": "float", "default": 300},
    "user": {"type": "str"},
    "command": {"type": "list", "elements": "str"},
    "environment": {"type": "dict", "default": {}, "no_log": True},
    "memory": {"type": "str"},
    "drop_capabilities": {"type": "bool", "default": True},
    "kernel": {"type": "bool", "default": True},
    "home": {"type": "path"},
}
ARGUMENTS: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["promoted", "present", "rolled_back", "pruned"], "default": "promoted"},
    "candidate": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "steps": {"type": "int"},
    "to": {"type": "str"},
    "keep": {"type": "int", "default": 5},
    "remove_stopped": {"type": "bool", "default": False},
    "smoke_test": {"type": "dict", "default": {}, "options": SMOKE_TEST, "apply_defaults": True},
}


def work(module: AnsibleModule) -> dict[str, t.Any]:
    """What the module does."""
    params = module.params
    keeper = _image_options.open_store(module)
    if params["state"] == "pruned":
        return _notebook_image.prune(keeper, params["keep"], params["remove_stopped"], module.check_mode)
    if params["state"] == "rolled_back":
        return _notebook_image.roll_back(keeper, params["steps"], params["to"], module.check_mode)
    result = _notebook_image.promote(
        keeper,
        params["candidate"],
        _trial(module),
        force=params["force"],
        only_first=params["state"] == "present",
        check=module.check_mode,
    )
    for warning in (result["smoke"] or {}).get("warnings", []):
        module.warn(warning)
    return result


def _trial(module: AnsibleModule) -> Trial | None:
    """How the candidate is tried out; None when it is not."""
    options = module.params["smoke_test"]
    if not options["enabled"]:
        return None
    if options["timeout"] <= 0:
        raise HubError(f"smoke_test.timeout is {options['timeout']:g}, expected a number of seconds above 0.")
    version = options["jupyterhub_version"] or ""
    if version and not version[0].isdigit():
        raise HubError(f"smoke_test.jupyterhub_version is {version!r}, expected the version of the hub, such as 6.1.1.")
    # Most calls test nothing, and need not load what does.
    from ansible_collections.hubwright.jupyterhub.plugins.module_utils._smoke_test import Trial

    environment = {str(name): str(value) for name, value in options["environment"].items()}
    _hide(module, environment)
    return Trial(
        jupyterhub_version=version,
        timeout=options["timeout"],
        user=options["user"] or "",
        command=options["command"],
        environment=environment,
        memory=_sizes.to_bytes(options["memory"], "smoke_test.memory") if options["memory"] else 0,
        drop_capabilities=options["drop_capabilities"],
        kernel=options["kernel"],
        home=options["home"] or "",
    )


def _hide(module: AnsibleModule, environment: dict[str, str]) -> None:
    """Keep values out of what is reported; one that is part of a name is no secret, and would spoil the name."""
    params = module.params
    params["smoke_test"]["environment"] = dict.fromkeys(environment, "********")
    shown = [params["name"], params["candidate"], *params["history_tags"]]
    secret = {value for value in environment.values() if len(value) >= 4 and not any(value in text for text in shown)}
    module.no_log_values = secret | ({params["password"]} if params["password"] else set())


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        {**_image_options.ARGUMENTS, **ARGUMENTS},
        required_if=[("state", "promoted", ["candidate"]), ("state", "present", ["candidate"])],
        mutually_exclusive=[("steps", "to")],
        supports_check_mode=True,
    )
    run(module, work)


if __name__ == "__main__":
    main()
