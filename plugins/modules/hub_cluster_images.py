#!/usr/bin/python
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: hub_cluster_images
short_description: Have the nodes of a Kubernetes cluster pull images
version_added: 0.2.0
description:
  - Makes DaemonSets that are there only to have images pulled, waits until every node has them, removes them, and says of each node how
    that ended.
  - What their containers run does not matter. An image is there as soon as its container could be started, or could not be for another
    reason than its image.
  - Needs no right outside of the namespace. A node is known by its pod.
  - A node that takes no pod, because it is full, or that does not answer, is left out after 15 seconds, as nobody's server could start
    there either. A pull has failed when it failed twice, or when the registry says that it has no such image for them.
extends_documentation_fragment:
  - hubwright.jupyterhub._attributes
  - hubwright.jupyterhub._cluster
options:
  daemon_sets:
    description:
      - The DaemonSets, as Kubernetes has them. Each container of theirs is one image. Those of the same names that are there are removed
        first.
    type: list
    elements: dict
    required: true
  timeout:
    description: Seconds after which the pull ends, above 0, whatever the nodes say then.
    type: int
    default: 600
  wait:
    description:
      - Seconds that this call waits. V(0) means until the end. A call that returns earlier leaves the DaemonSets in place, and another one
        with O(since) goes on.
    type: int
    default: 0
  since:
    description: The RV(since) of the call that this one goes on with. V(0) starts.
    type: float
    default: 0
attributes:
  check_mode:
    support: full
    details:
      - Says that images would be pulled, and nothing of nodes.
  diff_mode:
    support: none
  idempotent:
    support: none
    details:
      - Each run asks the nodes, which pull what they lack.
author:
  - Hubwright maintainers (@hubwright)
seealso:
  - module: hubwright.jupyterhub.hub_cluster_info
  - plugin: hubwright.jupyterhub.hub_user_images
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Have all nodes pull the image of a course
  hubwright.jupyterhub.hub_cluster_images:
    namespace: course
    timeout: 900
    daemon_sets:
      - apiVersion: apps/v1
        kind: DaemonSet
        metadata:
          name: pull
        spec:
          selector:
            matchLabels: {app: pull}
          template:
            metadata:
              labels: {app: pull}
            spec:
              automountServiceAccountToken: false
              containers:
                - name: image-1
                  image: registry.example.org/course:2026-11
                  command: [sleep, "86400"]
  register: course_pulled
  failed_when: course_pulled is failed or not course_pulled.ready
"""

RETURN = r"""
ended:
  description: Nothing more is to be expected, or the time is over. The DaemonSets are removed.
  returned: success
  type: bool
ready:
  description: It ended, and every node that takes pods has every image.
  returned: success
  type: bool
since:
  description: When it began, in seconds since 1970, for O(since).
  returned: success
  type: float
nodes:
  description: What is known of each node.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the node.
      type: str
    state:
      description: V(ready), V(pulling), V(failed), or V(skipped) for one that takes no pod or does not answer.
      type: str
    images:
      description: Each image with V(ready), V(pulling), or why it can not be pulled in the cluster's own words.
      type: dict
    reason:
      description: Why it was left out.
      type: str
problems:
  description: What hinders the cluster from making the pods, in its own words, for example a quota.
  returned: success
  type: list
  elements: str
lines:
  description: The same for people, a line for each problem and each node.
  returned: success
  type: list
  elements: str
  sample: ["one: ready, 2 images", "two: still pulling registry.example.org/course:2026-11"]
"""

import dataclasses
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _cluster, _cluster_images
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._module import run

ARGUMENTS: dict[str, t.Any] = {
    **_cluster.ARGUMENTS,
    "daemon_sets": {"type": "list", "elements": "dict", "required": True},
    "timeout": {"type": "int", "default": 600},
    "wait": {"type": "int", "default": 0},
    "since": {"type": "float", "default": 0},
}


def work(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    wanted = [_daemon_set(number, each) for number, each in enumerate(params["daemon_sets"])]
    if params["timeout"] <= 0:
        raise HubError(f"timeout is {params['timeout']}; expected a number of seconds above 0.")
    cluster, namespace = _cluster.connect(params), params["namespace"]
    since = params["since"] or time.time()
    if module.check_mode:
        return _result(_cluster_images.Pulled(True, [], []), since)
    if not params["since"]:
        _cluster_images.start(cluster, namespace, wanted)
    left = max(0.0, since + params["timeout"] - time.time())
    seconds = min(left, params["wait"] or left)
    goes_on = False
    try:
        pulled = _cluster_images.watch(cluster, namespace, wanted, seconds)
        pulled.ended = pulled.ended or seconds >= left
        goes_on = not pulled.ended
    finally:
        # Whatever happened: nobody else would remove them.
        if not goes_on:
            _cluster_images.remove(cluster, namespace, wanted)
    return _result(pulled, since)


def _daemon_set(number: int, given: t.Any) -> dict[str, t.Any]:
    try:
        complete = bool(given["metadata"]["name"] and given["spec"]["selector"]["matchLabels"])
        complete = complete and all(each["image"] for each in given["spec"]["template"]["spec"]["containers"])
    except (KeyError, TypeError):
        complete = False
    if not complete or given.get("kind") != "DaemonSet":
        raise HubError(
            f"daemon_sets[{number}] is no DaemonSet with a name, labels that select its pods, and containers that have images."
        )
    return t.cast("dict[str, t.Any]", given)


def _result(pulled: _cluster_images.Pulled, since: float) -> dict[str, t.Any]:
    lines = [*pulled.problems, *(node.line for node in pulled.nodes)]
    return {
        "changed": True,
        "ended": pulled.ended,
        "ready": pulled.ready,
        "since": since,
        "nodes": [dataclasses.asdict(node) for node in pulled.nodes],
        "problems": pulled.problems,
        "lines": lines,
        "msg": "; ".join(lines),
    }


def main() -> None:
    run(AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True), work)


if __name__ == "__main__":
    main()
