#!/usr/bin/python
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: hub_cluster_info
short_description: Look at what a Kubernetes cluster has of a hub
version_added: 0.2.0
description:
  - Says in one call what a hub would meet in a namespace of a cluster, rights, APIs, classes and quotas, and what is there of it.
  - Can wait until the hub's deployments run as they are described, and says why they do not.
  - Needs no right outside of the namespace. What the account may not see is left out.
extends_documentation_fragment:
  - hubwright.jupyterhub._attributes.info_module
  - hubwright.jupyterhub._cluster
options:
  release:
    description: Name of the hub, which is the label C(app.kubernetes.io/instance) of all its objects and C(release) of its pods.
    type: str
    required: true
  manages:
    description: Kinds that the account must be able to get, create, patch and delete.
    type: list
    elements: str
    choices:
      [Route, HTTPRoute, Ingress, DaemonSet, StatefulSet, Deployment, Service, NetworkPolicy,
       RoleBinding, Role, ServiceAccount, ConfigMap, PersistentVolumeClaim, Secret, BuildConfig, Build, ImageStream]
    default: []
  secrets:
    description: Names of Secrets that the hub needs.
    type: list
    elements: str
    default: []
  claims:
    description: Names of claims that the hub needs.
    type: list
    elements: str
    default: []
  image_tags:
    description:
      - Names of images. Those without a registry, such as V(notebook:1), are looked up in the image streams of the project, on OpenShift.
      - A name without a tag means the tag C(latest).
    type: list
    elements: str
    default: []
  wait_for:
    description: Names of deployments to wait for. Then only how waiting ended is returned.
    type: list
    elements: str
    default: []
  wait_for_routes:
    description: Names of Routes that a router has to serve, too, once the deployments of O(wait_for) run.
    type: list
    elements: str
    default: []
  wait_timeout:
    description:
      - Seconds to wait. It ends earlier when a pod can not come up, for example because its image can not be pulled, a
        container ended twice, or a quota is exceeded. What had ended when it began to wait is given another try.
    type: int
    default: 300
author:
  - Hubwright maintainers (@hubwright)
seealso:
  - module: kubernetes.core.k8s_info
"""

EXAMPLES = r"""
- name: Look at a hub
  hubwright.jupyterhub.hub_cluster_info:
    namespace: course
    release: jupyterhub
  register: hub_cluster

- name: Wait until it runs
  hubwright.jupyterhub.hub_cluster_info:
    namespace: course
    release: jupyterhub
    wait_for: [hub, proxy]
  register: hub_waited
  failed_when: not hub_waited.ready
"""

RETURN = r"""
version:
  description: Version of the cluster.
  returned: without O(wait_for)
  type: str
  sample: 1.33.2
apis:
  description: APIs that the cluster serves.
  returned: without O(wait_for)
  type: list
  elements: str
  sample: [apps/v1, networking.k8s.io/v1, v1]
namespace_exists:
  description: Is the namespace there? True too when the account may not look.
  returned: without O(wait_for)
  type: bool
denied:
  description: What of O(manages) the account may not do.
  returned: without O(wait_for)
  type: list
  elements: str
  sample: ["create, patch roles"]
storage_classes:
  description: C(name), C(default) and C(expands) of each storage class; null when the account may not see them.
  returned: without O(wait_for)
  type: list
  elements: dict
objects:
  description: C(kind), C(api_version) and C(name) of everything in the namespace that was made for this hub, in an order for removing it.
  returned: without O(wait_for)
  type: list
  elements: dict
deployments:
  description: Name of each of its deployments to C(ready), and C(images), C(annotations), C(config_maps) (volume to ConfigMap) and C(template) of its pods.
  returned: without O(wait_for)
  type: dict
configurations:
  description: Name of each of its deployments to the files of its configuration, from the ConfigMap that is its volume C(config).
  returned: without O(wait_for)
  type: dict
record:
  description: What is in its ConfigMap with the label C(component=record); empty without one.
  returned: without O(wait_for)
  type: dict
missing_secrets:
  description: Those of O(secrets) that are not there.
  returned: without O(wait_for)
  type: list
  elements: str
missing_claims:
  description: Those of O(claims) that are not there.
  returned: without O(wait_for)
  type: list
  elements: str
state_claims:
  description: Claims of the hub itself, by name, as in RV(claims).
  returned: without O(wait_for)
  type: dict
claims:
  description: Claims of its users, with C(name), C(user), C(server), C(size), C(storage_class) and C(phase).
  returned: without O(wait_for)
  type: list
  elements: dict
all_claims:
  description: All claims of the namespace, as RV(claims).
  returned: without O(wait_for)
  type: list
  elements: dict
pods:
  description:
    - With O(wait_for), name of each of these deployments to the name of its pod.
    - Otherwise its pods, with C(name), C(component), C(user), C(server), C(phase), C(ready), C(restarts), C(node), C(images),
      C(started) and C(problem), which is why it does not run.
  returned: success
  type: raw
quotas:
  description: C(name), C(resource), C(used) and C(hard) of each limit of the namespace.
  returned: without O(wait_for)
  type: list
  elements: dict
routes:
  description: Name of each of its Routes to its host.
  returned: without O(wait_for)
  type: dict
image_tags:
  description:
    - Of O(image_tags), C(images) (name to the reference by which nodes pull the image), C(problems) (name to why it is none), and
      C(without_lookup), which are names that pods can not use since their stream has no local lookup.
  returned: without O(wait_for)
  type: dict
  sample: {"images": {"hub:6.1.1": "image-registry.openshift-image-registry.svc:5000/course/hub@sha256:0f5a"}, "problems": {}, "without_lookup": []}
hosts:
  description: Name of each of O(wait_for_routes) that is served to its host.
  returned: with O(wait_for)
  type: dict
ready:
  description: All deployments run as they are described, and Routes are served.
  returned: with O(wait_for)
  type: bool
reasons:
  description: Why not, in the cluster's own words.
  returned: with O(wait_for)
  type: list
  elements: str
logs:
  description: Last lines of each deployment that is not ready.
  returned: with O(wait_for)
  type: dict
"""

import dataclasses
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import (
    _cluster,
    _cluster_facts,
    _cluster_pods,
    _cluster_routes,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._module import run

ARGUMENTS: dict[str, t.Any] = {
    **_cluster.ARGUMENTS,
    "release": {"type": "str", "required": True},
    "manages": {"type": "list", "elements": "str", "default": [], "choices": list(_cluster_facts.KINDS)},
    "secrets": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "claims": {"type": "list", "elements": "str", "default": []},
    "image_tags": {"type": "list", "elements": "str", "default": []},
    "wait_for": {"type": "list", "elements": "str", "default": []},
    "wait_for_routes": {"type": "list", "elements": "str", "default": []},
    "wait_timeout": {"type": "int", "default": 300},
}


def work(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    cluster = _cluster.connect(params)
    if params["wait_for"]:
        waited = _cluster_pods.wait(cluster, params["namespace"], params["wait_for"], params["wait_timeout"])
        hosts: dict[str, str] = {}
        if waited.ready and params["wait_for_routes"]:
            admitted = _cluster_routes.wait(
                cluster, params["namespace"], params["wait_for_routes"], params["wait_timeout"]
            )
            hosts, waited.reasons, waited.ready = admitted.hosts, admitted.reasons, not admitted.reasons
        return {"changed": False, "msg": "; ".join(waited.reasons), "hosts": hosts} | dataclasses.asdict(waited)
    found = _cluster_facts.look(
        cluster,
        params["namespace"],
        params["release"],
        params["manages"],
        params["secrets"],
        params["claims"],
        params["image_tags"],
    )
    return {"changed": False} | found


def main() -> None:
    run(AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True), work)


if __name__ == "__main__":
    main()
