# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person's notebook can reach: the hub and the world, and nobody and nothing else."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
from collections.abc import Iterator

import pytest
from docker_installation import DockerInstallation
from hub_user import HubUser
from installation import uninterrupted, wait_until

# A host of the world behind a wire of its own, in addresses that are for documentation. It answers for the metadata service too.
WORLD, HERE, METADATA, PORT = "198.51.100.2", "198.51.100.1", "169.254.169.254", 18099
SPACE, WIRE = "hubwright-world", "hubwright-wire"

# Runs in a kernel: which of these does it reach?
REACH = """
import concurrent.futures, json, socket
def reach(target):
    try:
        socket.create_connection(target, timeout=3).close()
    except OSError:
        return False
    return True
targets = json.loads('''{targets}''')
with concurrent.futures.ThreadPoolExecutor(len(targets)) as pool:
    print(json.dumps(dict(zip(targets, pool.map(reach, map(tuple, targets.values()))))))
"""
SERVER = "import http.server; http.server.ThreadingHTTPServer(('', {port}), http.server.SimpleHTTPRequestHandler).serve_forever()"


@pytest.fixture
def world(docker_hub: DockerInstallation) -> Iterator[None]:
    """A host that user containers reach only by being forwarded, with a web server."""
    hub = docker_hub
    inside = ("ip", "netns", "exec", SPACE)
    gone = f"ip netns pids {SPACE} 2>/dev/null | xargs -r kill; ip netns delete {SPACE} 2>/dev/null; ip link delete {WIRE} 2>/dev/null; true"
    hub.on_host("sh", "-c", gone)
    hub.on_host("ip", "netns", "add", SPACE)
    hub.on_host("ip", "link", "add", WIRE, "type", "veth", "peer", "name", "eth0", "netns", SPACE)
    hub.on_host("ip", "address", "add", f"{HERE}/24", "dev", WIRE)
    hub.on_host("ip", "link", "set", WIRE, "up")
    hub.on_host(*inside, "ip", "address", "add", f"{WORLD}/24", "dev", "eth0")
    hub.on_host(*inside, "ip", "address", "add", f"{METADATA}/32", "dev", "lo")
    for link in ("lo", "eth0"):
        hub.on_host(*inside, "ip", "link", "set", link, "up")
    hub.on_host(*inside, "ip", "route", "add", "default", "via", HERE)
    hub.on_host("ip", "route", "add", f"{METADATA}/32", "via", WORLD)
    with subprocess.Popen(
        [*hub.enter, *inside, "python3", "-c", SERVER.format(port=PORT)], stderr=subprocess.DEVNULL
    ) as server:
        try:
            yield
        finally:
            server.terminate()
            hub.on_host("sh", "-c", gone)


@pytest.fixture
def neighbour(docker_hub: DockerInstallation) -> Iterator[str]:
    """A container that has nothing to do with the hub, with a port of the host."""
    hub = docker_hub
    name = f"{hub.host}-neighbour"
    image = hub.inspect(hub.container("hub"))[0]["Config"]["Image"]
    with contextlib.suppress(AssertionError):
        hub.docker("rm", "--force", name)
    hub.docker(
        "run",
        "--detach",
        "--name",
        name,
        "--publish",
        f"{PORT + 1}:{PORT}",
        image,
        "python3",
        "-c",
        SERVER.format(port=PORT),
    )
    yield name
    hub.docker("rm", "--force", name)


def reached(kernel_of: HubUser, targets: dict[str, tuple[str, int]]) -> set[str]:
    """What of these a person's kernel reaches."""
    answer = json.loads(kernel_of.kernel().compute(REACH.format(targets=json.dumps(targets))))
    return {name for name, success in answer.items() if success}


def answers(target: tuple[str, int]) -> bool:
    """Whether somebody listens there, asked from the host."""
    try:
        socket.create_connection(target, timeout=3).close()
    except OSError:
        return False
    return True


def test_a_notebook_reaches_the_hub_and_the_world_only(
    docker_hub: DockerInstallation, alice: HubUser, world: None, neighbour: str
) -> None:
    """Rules that were lost come back with the next run; ``hub_docker_outside: false`` leaves the hub alone, at once."""
    hub = docker_hub
    bob = hub.user("bob")
    bob.start_server()
    hub.docker("exec", "--detach", hub.container("hub"), "python3", "-c", SERVER.format(port=8082))
    project = f"{hub.host}_inside"
    hubs, gateway = (
        hub.address(hub.container("hub")),
        hub.on_host("docker", "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", hub.host),
    )
    closed = {
        "bob's server": (hub.address(hub.server_of("bob")), 8888),
        "the proxy's API": (hub.address(hub.container("proxy")), 8001),
        "the proxy": (hub.address(hub.container("proxy")), 8000),
        "the proxy's API inside": (hub.address(hub.container("proxy"), project), 8001),
        "the filter": (hub.address(hub.container("engine"), project), 2375),
        "the hub inside": (hub.address(hub.container("hub"), project), 8081),
        "another port of the hub": (hubs, 8082),
        "the host at the gateway": (gateway, PORT + 2),
        "the host at another address": (HERE, PORT + 2),
        "another container": (hub.address(neighbour, "bridge"), PORT),
        "another container's port of the host": (gateway, PORT + 1),
        "the metadata service": (METADATA, PORT),
    }
    world_and_hub = {"the hub": (hubs, 8081), "the world": (WORLD, PORT)}
    with socket.create_server(("", PORT + 2)):
        for name, target in {**closed, **world_and_hub}.items():
            wait_until(f"{name} answers the host", lambda target=target: answers(target))  # type: ignore[misc]
        targets = {
            **closed,
            **world_and_hub,
            "the proxy's API by name": ("proxy", 8001),
            "the filter by name": ("engine", 2375),
        }
        assert reached(alice, targets) == {"the hub", "the world"}
        addresses = alice.kernel().compute(
            "print(open('/proc/net/if_inet6').read() if __import__('os').path.exists('/proc/net/if_inet6') else '')"
        )
        assert all(line.split()[-1] == "lo" for line in addresses.splitlines()), "expected no way by IPv6"

        with uninterrupted(alice):
            hub.play(hub_docker_outside=False)
        assert reached(alice, targets) == {"the hub"}

        hub.on_host(f"{hub.directory}/bin/firewall", "down")
        assert "Say what user containers may reach" in hub.play().changed
        assert reached(alice, targets) == {"the hub", "the world"}
