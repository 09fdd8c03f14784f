# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of modules that look at a notebook image where it is kept. Private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors ARGUMENTS of module_utils/_image_options.py."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - The live reference, which is the name that the spawner starts, such as V(notebook:latest) or
        V(registry.example.org/team/notebook:live).
      - Without a tag V(latest) is meant. A digest is refused, since it can not become another image.
      - Every name has a history of its own.
    type: str
    required: true
  store:
    description:
      - V(docker) is the Docker engine of the host that runs the module.
      - V(registry) is a registry that O(name) begins with; nothing is pulled.
      - V(image_stream) is an image stream of OpenShift in the namespace of O(cluster); O(name) is C(STREAM:TAG). What its
        tag was before counts as earlier releases until something is promoted.
    type: str
    choices: [docker, registry, image_stream]
    default: docker
  history_tags:
    description:
      - References that are kept on earlier releases as well, the first on the release one step back, the second on that
        two steps back. V(notebook_old) is what people know from two C(docker tag) commands.
      - Where nothing else tells of earlier releases yet, these references do.
      - In a registry or an image stream they have to be tags beside that of O(name).
    type: list
    elements: str
    default: []
  hub:
    description:
      - Name of the hub whose user servers are meant. On an engine it is the name of their network too.
    type: str
  prefix:
    description:
      - What the names of user containers begin with, without the dash after it. Only on an engine.
      - O(hub) followed by C(-user) when left out, as the role hub_docker has it.
    type: str
  socket:
    description:
      - Path of the engine's socket. When left out, what E(DOCKER_HOST) says, or C(/var/run/docker.sock).
    type: path
  cluster:
    description:
      - Cluster that runs the images, instead of a Docker engine. A candidate is tried out in a pod there, and the pods of
        the namespace are the user servers that are meant.
      - The account needs to list pods and, to try an image out, to create pods and network policies and read logs. With
        O(store=image_stream) it reads image streams and updates their tags. The roles C(edit) and C(admin) have all of it.
      - Needed with O(store=image_stream). Not possible with O(store=docker).
    type: dict
    suboptions:
      kubeconfig:
        description: Kubeconfig on this host. Without it, E(KUBECONFIG) or C(~/.kube/config).
        type: path
      context:
        description: Context of the kubeconfig. Without it, the current one.
        type: str
      namespace:
        description: Namespace of the hub.
        type: str
        required: true
      labels:
        description: Labels of the pod.
        type: dict
        default: {}
      uid:
        description: Number of the user and the group of that pod. V(0) leaves both to the image, or to the cluster.
        type: int
        default: 0
      seccomp:
        description:
          - Ask for the seccomp profile C(RuntimeDefault), which the standard "restricted" demands. OpenShift sets a profile
            itself, and its security context constraint C(restricted) refuses a pod that asks for one.
        type: bool
        default: true
      pull_policy:
        description: When the node pulls the image.
        type: str
        choices: [Always, IfNotPresent, Never]
        default: IfNotPresent
      pull_secrets:
        description: Names of Secrets with which the node pulls it.
        type: list
        elements: str
        default: []
      node_selector:
        description: Labels of the nodes that the pod may run on.
        type: dict
        default: {}
      tolerations:
        description: Taints of nodes that the pod tolerates.
        type: list
        elements: dict
        default: []
  username:
    description: Name for the registry.
    type: str
  password:
    description: Password or token for the registry.
    type: str
  ca_path:
    description:
      - PEM file with the authorities to trust for the registry, on the host that runs the module. By default those of the
        system.
    type: path
  validate_certs:
    description:
      - Check the registry's certificate. Without the check, whoever controls the network can read the password and serve
        another image.
    type: bool
    default: true
  plain_http:
    description:
      - Talk to the registry without TLS. Only for a registry on the host itself.
    type: bool
    default: false
  timeout:
    description: Seconds that one request to the engine or the registry may take, above 0.
    type: float
    default: 60
notes:
  - The engine is asked through its socket. Neither the program C(docker) nor a Python package is needed on the host. Only
    O(cluster) needs the Python package C(kubernetes) there.
  - A release is an image that has been live. It is kept by a tag beside the live one, made of its name, the time and the
    beginning of the image's id, such as C(notebook:latest-20261125T101500Z-0d4c1f2a9b3c). Roll-backs are tags too, with
    C(-rollback) after it. So the history is in the store itself, and any controller can go on with it.
"""
