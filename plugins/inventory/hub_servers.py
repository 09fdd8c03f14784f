# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists the running user servers of a hub as hosts."""

# The methods of Ansible's own classes have no types.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

DOCUMENTATION = r"""
name: hub_servers
short_description: Running user servers of a hub as hosts
version_added: 0.2.0
author:
  - Hubwright maintainers (@hubwright)
description:
  - Lists the user servers of a hub that run at this moment, so that tasks and ad hoc commands run inside of them.
  - A host is named C(USER@HUB), for a named server C(USER+SERVER@HUB). The name of a user or a server keeps letters,
    digits and C(._-@); any other character is C(%) and its bytes in two hexadecimal digits each, as in a URL.
  - All hosts are in the group C(hub_servers) and in C(hub_) with the name of the hub, where hyphens become underscores.
  - Whose server it is says the record of the spawner, never the name of the container or the pod. On Docker that is
    E(JUPYTERHUB_USER) and E(JUPYTERHUB_SERVER_NAME) in the container's environment, of which nothing else is read; on
    Kubernetes the annotations C(hub.jupyter.org/username) and C(hub.jupyter.org/servername) of the pod.
  - On Docker a container belongs to the hub when its label C(hubwright.hub) is O(hub_name) or, where it has no such label,
    when it is in the network O(hub_name) and its name begins with O(hub_name) and a hyphen. On Kubernetes a pod does when
    its label C(app) is O(hub_name) and its label C(component) is C(singleuser-server).
  - Variables of a host are C(hub_name), C(hub_user), C(hub_server) (empty for the default server), C(server_container),
    C(server_image), C(server_image_id) and C(server_started_at), on Docker C(server_container_id) too, on Kubernetes
    C(server_pod), C(server_namespace) and C(server_node).
  - Modules run with the first C(python3) in the container's E(PATH), and put their files into C(/tmp) instead of the
    user's home.
notes:
  - The name of the file has to end with V(hub_servers.yml) or V(hub_servers.yaml).
  - Keep it apart from the inventory of the hubs. User servers in the same inventory would be part of C(all) there.
  - Who may talk to the engine may do everything on its host, and everything in users' containers.
  - On Kubernetes the account needs the rights to list pods and, for tasks, to create C(pods/exec), which C(edit) has.
requirements:
  - "On Docker: Python package docker, version 7 or later, on the controller"
  - "On Kubernetes: Python package kubernetes and, for tasks, the program C(kubectl) on the controller"
extends_documentation_fragment:
  - ansible.builtin.constructed
options:
  plugin:
    description: Name of this plugin.
    type: str
    required: true
    choices: [hubwright.jupyterhub.hub_servers]
  platform:
    description: What the hub runs on.
    type: str
    choices: [docker, kubernetes]
    default: docker
  hub_name:
    description: Name of the hub, as in its description.
    type: str
    required: true
  docker_host:
    description:
      - Where the engine answers, V(unix://PATH) or V(tcp://HOST:PORT).
      - For an engine on another host give the local end of an SSH tunnel to its socket. TLS is not supported.
    type: str
    default: unix:///var/run/docker.sock
    env:
      - name: DOCKER_HOST
  kubeconfig:
    description: With O(platform=kubernetes), the kubeconfig on the controller. Without it, E(KUBECONFIG) or C(~/.kube/config).
    type: path
    env:
      - name: K8S_AUTH_KUBECONFIG
  context:
    description: With O(platform=kubernetes), the context of the kubeconfig. Without it, the current one.
    type: str
    default: ""
    env:
      - name: K8S_AUTH_CONTEXT
  namespace:
    description: With O(platform=kubernetes), the namespace of the user servers. Without it, O(hub_name).
    type: str
    default: ""
  timeout:
    description: Seconds that the engine may take for an answer.
    type: int
    default: 60
  connection_plugin:
    description:
      - How tasks get into a container on Docker. On Kubernetes it is always P(kubernetes.core.kubectl#connection).
      - P(community.docker.docker_api#connection) needs nothing more than this plugin does.
      - P(community.docker.docker#connection) needs the program C(docker) on the controller.
    type: str
    choices: [community.docker.docker_api, community.docker.docker]
    default: community.docker.docker_api
seealso:
  - module: hubwright.jupyterhub.hub_info
  - plugin: community.docker.docker_containers
    plugin_type: inventory
    description: All containers of an engine, named as the engine does.
"""

EXAMPLES = r"""
---
# teaching.hub_servers.yml
# ansible -i teaching.hub_servers.yml all -m ansible.builtin.command -a 'df -h /home/jovyan'
plugin: hubwright.jupyterhub.hub_servers
hub_name: teaching

---
# Tasks run as root in the containers, and there is a group for each image.
plugin: hubwright.jupyterhub.hub_servers
hub_name: teaching
compose:
  ansible_user: "'root'"
keyed_groups:
  - key: server_image
    prefix: image

---
# The engine of another host, through ssh -nNT -L /run/user/1000/teaching.sock:/var/run/docker.sock hub.example.org
plugin: hubwright.jupyterhub.hub_servers
hub_name: teaching
docker_host: unix:///run/user/1000/teaching.sock

---
# A hub on Kubernetes, in the namespace of the same name.
plugin: hubwright.jupyterhub.hub_servers
platform: kubernetes
hub_name: teaching
"""

import os
import typing as t

from ansible.errors import AnsibleParserError
from ansible.module_utils.basic import missing_required_lib
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _user_containers, _user_pods
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Cluster
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._user_containers import UserContainer
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._user_pods import UserPod
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._user_servers import UserServer, by_host

# The package rather than the client of community.docker, which is private to that collection and was renamed in 5.0.0.
try:
    import docker  # type: ignore[import-untyped]
    import requests

    IMPORT_ERROR = None
except ImportError as error:
    IMPORT_ERROR = error


class InventoryModule(BaseInventoryPlugin, Constructable):
    """The plugin of this file."""

    NAME = "hubwright.jupyterhub.hub_servers"

    def verify_file(self, path: str) -> bool:
        """Is ``path`` a file for this plugin?"""
        return bool(super().verify_file(path)) and path.endswith(("hub_servers.yml", "hub_servers.yaml"))

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        """Add the servers of the hub that the file names."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        try:
            servers = self._pods() if self.get_option("platform") == "kubernetes" else self._containers()
            hosts, left_out = by_host(servers)
        except HubError as error:
            raise AnsibleParserError(str(error)) from None  # Ansible would show the cause as a message of its own.
        for sentence in left_out:
            self.display.warning(sentence)
        groups = ["hub_servers", self._sanitize_group_name(f"hub_{self.get_option('hub_name')}")]
        for group in groups:
            inventory.add_group(group)
        for host, server in hosts.items():
            for group in groups:
                inventory.add_host(host, group=group)
            variables = {**server.variables, **self._connection(server)}
            for name, value in variables.items():
                inventory.set_variable(host, name, value)
            self._construct(host, variables)

    def _construct(self, host: str, variables: dict[str, str]) -> None:
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, host, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict=strict)

    def _connection(self, server: UserServer) -> dict[str, str]:
        if isinstance(server, UserPod):
            options = {"kubeconfig": self._kubeconfig(), "context": self.get_option("context")}
            way = {
                "ansible_connection": "kubernetes.core.kubectl",
                "ansible_kubectl_namespace": server.namespace,
                "ansible_kubectl_pod": server.name,
                "ansible_kubectl_container": _user_pods.CONTAINER,
                **{f"ansible_kubectl_{name}": value for name, value in options.items() if value},
            }
        else:
            way = {
                "ansible_connection": self.get_option("connection_plugin"),
                "ansible_docker_docker_host": self.get_option("docker_host"),
            }
        return {
            **way,
            "ansible_host": server.name,
            # Images for notebooks have their Python anywhere, but first in PATH.
            "ansible_python_interpreter": "python3",
            # The default is in the user's home.
            "ansible_remote_tmp": "/tmp",
        }

    def _kubeconfig(self) -> str:
        """The kubeconfig, also for the connection, which does not look at the environment for it."""
        return str(self.get_option("kubeconfig") or os.environ.get("KUBECONFIG", ""))

    def _pods(self) -> list[UserPod]:
        """What the cluster says.

        :raises HubError: it says nothing or refuses.
        """
        hub = self.get_option("hub_name")
        namespace = self.get_option("namespace") or hub
        cluster = Cluster(self._kubeconfig(), self.get_option("context"))
        path = f"/api/v1/namespaces/{namespace}/pods"
        listed = cluster.get(path, label_selector=_user_pods.selector(hub))["items"]
        found = [pod for pod in (_user_pods.user_pod(hub, described) for described in listed) if pod]
        if not found and not cluster.get(path, label_selector=f"app={hub},component=hub")["items"]:
            self.display.warning(
                f"The namespace {namespace} has no hub {hub} and none of its user servers. "
                "Expected the name of a hub that is up there: see hub_name and hub_kubernetes_namespace in its description."
            )
        return found

    def _containers(self) -> list[UserContainer]:
        """What the engine says.

        :raises HubError: it says nothing or refuses.
        """
        if IMPORT_ERROR:
            raise HubError(missing_required_lib("docker"))
        address, hub = self.get_option("docker_host"), self.get_option("hub_name")
        try:
            client = docker.APIClient(base_url=address, version="auto", timeout=self.get_option("timeout"))
            found = running_servers(client, hub)
            if not found and not any(network["Name"] == hub for network in client.networks(names=[hub])):
                self.display.warning(
                    f"The Docker engine at {address} has no network {hub} and no user servers of a hub {hub}. "
                    "Expected the name of a hub that is up there: see hub_name in its description."
                )
        except (docker.errors.DockerException, requests.RequestException) as error:
            raise HubError(
                f"The Docker engine at {address} can not be asked: {error}.",
                f"Expected one that runs and that this account may use: try `docker --host {address} info`, "
                "and correct docker_host if the engine is somewhere else.",
            ) from None
        return found


def running_servers(client: t.Any, hub: str) -> list[UserContainer]:
    """User servers of ``hub`` that run on the engine of ``client``."""
    found = []
    for container_id in _user_containers.candidates(hub, client.containers()):
        try:
            inspected = client.inspect_container(container_id)
        except docker.errors.NotFound:
            continue  # It stopped since it was listed.
        container = _user_containers.user_container(hub, inspected)
        if container:
            found.append(container)
    return found
