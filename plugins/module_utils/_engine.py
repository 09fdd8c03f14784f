# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Docker engine has of one hub, by the engine's own command line. Private to the collection."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import os
import subprocess
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _times
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"
# The spawner writes down whose server a container is; its name is only a shortened form of that.
_USER, _SERVER = "JUPYTERHUB_USER", "JUPYTERHUB_SERVER_NAME"
# Of a container's environment nothing else leaves this file: the rest holds tokens.
_TIMEOUT = 60


@dataclasses.dataclass(frozen=True)
class Engine:
    """The command line of a Docker engine.

    :param socket: path of its socket; empty for what the environment says.
    """

    socket: str = ""

    def run(self, *arguments: str, missing_is_fine: bool = False) -> str:
        """What a command prints.

        :param missing_is_fine: objects that are not there are left out instead of being an error.
        :raises HubError: when the program is missing, nothing answers, or the command fails.
        """
        command = ["docker", *([f"--host=unix://{self.socket}"] if self.socket else []), *arguments]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT, check=False
            )
        except FileNotFoundError as error:
            raise HubError(
                "There is no program docker on this host.",
                "Install a Docker engine, for example with the role hubwright.jupyterhub.docker_engine.",
            ) from error
        except subprocess.TimeoutExpired as error:
            raise HubError(
                f"The Docker engine did not answer `docker {arguments[0]}` within {_TIMEOUT} seconds.",
                "Look at its log (journalctl --unit docker).",
            ) from error
        if done.returncode and not missing_is_fine:
            said = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise HubError(
                f"`docker {' '.join(arguments[:2])}` failed: {said}.",
                "Start the engine (systemctl start docker) and run this as an account that may use its socket.",
            )
        return done.stdout

    def inspect(self, kind: str, names: t.Iterable[str]) -> list[dict[str, t.Any]]:
        """Objects of a kind (``image``, ``container``, ``network``) with these names or ids; missing ones are left out."""
        wanted = list(dict.fromkeys(names))
        if not wanted:
            return []
        found: list[dict[str, t.Any]] = json.loads(self.run(kind, "inspect", *wanted, missing_is_fine=True) or "[]")
        return found

    def ids(self, kind: str, *filters: str) -> list[str]:
        """Ids (names for volumes) of the objects of a kind that match all filters."""
        listed = {"container": ["--all", "--no-trunc"], "network": ["--no-trunc"], "volume": []}[kind]
        return self.run(kind, "ls", "--quiet", *listed, *(f"--filter={filter_}" for filter_ in filters)).split()


def look(
    engine: Engine,
    project: str,
    prefix: str,
    images: t.Sequence[str],
    reads: t.Mapping[str, t.Sequence[str]],
    subnet: str = "",
) -> dict[str, t.Any]:
    """Everything that a role has to know before it decides what to do.

    :param project: name of the hub's Compose project.
    :param prefix: what the names of its user containers and volumes begin with, without the dash after it.
    :param images: names whose ids are wanted.
    :param reads: service -> files and directories that it reads when it starts.
    :param subnet: IPv4 network that is compared with those of the engine.
    """
    containers = engine.inspect("container", engine.ids("container"))
    services = {
        container["Config"]["Labels"][_SERVICE]: _service(container)
        for container in containers
        if container["Config"].get("Labels", {}).get(_PROJECT) == project and _SERVICE in container["Config"]["Labels"]
    }
    socket = engine.socket or "/var/run/docker.sock"
    volumes = sorted(engine.ids("volume"))
    return {
        "socket_group": os.stat(socket).st_gid if os.path.exists(socket) else None,
        "engine": engine.run("version", "--format", "{{.Server.Version}}").strip(),
        "compose": engine.run("compose", "version", "--short", missing_is_fine=True).strip().lstrip("v"),
        "images": {
            name: image["Id"] for image in engine.inspect("image", images) for name in images if _named(image, name)
        },
        "networks": {
            network["Name"]: _network(network, subnet) for network in engine.inspect("network", engine.ids("network"))
        },
        "services": services,
        "unread": {name: newer_than(service["started"], reads.get(name, ())) for name, service in services.items()},
        "servers": servers(containers, project, prefix),
        "volumes": [name for name in volumes if name.startswith(f"{prefix}-")],
        "other_volumes": [name for name in volumes if not name.startswith(f"{prefix}-")],
    }


def _named(image: t.Mapping[str, t.Any], name: str) -> bool:
    """Is the name one of the image's? The engine leaves ``docker.io/library/`` and ``docker.io/`` out."""
    short = name.removeprefix("docker.io/").removeprefix("library/")
    known = [*(image.get("RepoTags") or []), *(image.get("RepoDigests") or [])]
    if "@" in short:
        repository, digest = short.split("@")
        tagless = repository.rpartition(":")[0] if ":" in repository.rpartition("/")[2] else repository
        return f"{tagless}@{digest}" in known
    return (short if ":" in short.rpartition("/")[2] else f"{short}:latest") in known


def _network(network: t.Mapping[str, t.Any], subnet: str) -> dict[str, t.Any]:
    """Its subnets, whether one of them overlaps ``subnet``, and the name of its bridge on the host."""
    subnets = [entry["Subnet"] for entry in (network.get("IPAM") or {}).get("Config") or [] if entry.get("Subnet")]
    bridge = (network.get("Options") or {}).get("com.docker.network.bridge.name", "")
    return {"subnets": subnets, "overlaps": any(_overlap(subnet, other) for other in subnets), "bridge": bridge}


def _overlap(one: str, other: str) -> bool:
    """Do two IPv4 networks have an address in common? Anything else has none."""
    try:
        return ipaddress.IPv4Network(one).overlaps(ipaddress.IPv4Network(other))
    except ValueError:
        return False


def _service(container: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The container of one service."""
    state = container["State"]
    bindings = (container["HostConfig"].get("PortBindings") or {}).values()
    return {
        "id": container["Id"],
        "image": container["Image"],
        "state": state["Status"],
        "health": (state.get("Health") or {}).get("Status", ""),
        "started": state["StartedAt"],
        "ports": [f"{port['HostIp']}:{port['HostPort']}" for ports in bindings for port in ports or []],
    }


def servers(containers: t.Iterable[t.Mapping[str, t.Any]], network: str, prefix: str) -> list[dict[str, t.Any]]:
    """User servers among containers, by user and server; whose they are is the spawner's own record.

    :param network: user containers of the hub are in it; those of another hub with a similar name are not.
    """
    found = []
    for container in containers:
        environment = dict(entry.partition("=")[::2] for entry in container["Config"].get("Env") or [])
        name = container["Name"].lstrip("/")
        networks = (container.get("NetworkSettings") or {}).get("Networks") or {}
        if _USER not in environment or not name.startswith(f"{prefix}-") or network not in networks:
            continue
        found.append(
            {
                "user": environment[_USER],
                "server": environment.get(_SERVER, ""),
                "container": name,
                "image": container["Config"]["Image"],
                "image_id": container["Image"],
                "state": container["State"]["Status"],
                "started": container["State"]["StartedAt"],
                "mounts": [
                    {
                        "source": mount.get("Name") or mount.get("Source", ""),
                        "destination": mount["Destination"],
                        "read_only": not mount.get("RW", True),
                    }
                    for mount in container.get("Mounts") or []
                ],
            }
        )
    return sorted(found, key=lambda server: (server["user"], server["server"]))


def newer_than(started: str, paths: t.Iterable[str]) -> list[str]:
    """Files among ``paths`` and below them that changed after a container started, so that it has not read them.

    :param started: as the engine says it, in nanoseconds: ``2026-11-21T09:15:02.123456789Z``.
    """
    moment = _times.moment(started).timestamp()
    found = []
    for path in paths:
        files = (
            [path]
            if not os.path.isdir(path)
            else [os.path.join(top, name) for top, _d, names in os.walk(path) for name in names]
        )
        found += [file for file in files if os.path.exists(file) and os.lstat(file).st_mtime > moment]
    return sorted(found)
