# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine stops and starts below a running hub. Nothing else may use the engine of this machine meanwhile."""

from __future__ import annotations

import subprocess
import time

from docker_installation import DockerInstallation
from hub_user import HubUser
from installation import wait_until


def stop_engine(hub: DockerInstallation) -> list[str]:
    """Stop it, with its socket; the command that starts it again."""
    if hub.on_host("sh", "-c", "[ ! -d /run/systemd/system ] || echo systemd"):
        hub.on_host("systemctl", "stop", "docker.socket", "docker.service")
        return ["systemctl", "start", "docker.service"]
    pid = hub.on_host("cat", "/run/docker.pid")
    command = hub.on_host("sh", "-c", f"tr '\\0' '\\n' </proc/{pid}/cmdline").splitlines()
    hub.on_host("kill", pid)
    wait_until("the engine ends", lambda: not hub.on_host("sh", "-c", "[ ! -e /run/docker.pid ] || echo there"))
    return ["sh", "-c", 'setsid "$0" "$@" >>/var/log/docker.log 2>&1 </dev/null &', *command]


def test_servers_outlive_the_engine(docker_hub: DockerInstallation, alice: HubUser) -> None:
    """Kernels go on computing while there is no engine; then everything works again, and nothing is left to do."""
    hub = docker_hub
    assert hub.docker("info", "--format", "{{.LiveRestoreEnabled}}") == "true", "expected an engine with live-restore"
    started = alice.start_server()["started"]
    kernel = alice.kernel()
    kernel.compute(
        "import threading, time; ticks = []; stop = threading.Event()\n"
        "def tick():\n    while not stop.wait(0.1):\n        ticks.append(time.time())\n"
        "threading.Thread(target=tick, daemon=True).start()"
    )
    identity = alice.request("GET", "/user/alice/api/kernels")[0]["id"]
    before = {service: hub.pid(service) for service in ("hub", "proxy")}
    start = stop_engine(hub)
    stopped = time.time()
    try:
        hub.play(fails=True).must_say("Cannot connect to the Docker daemon", "Start the engine")
    finally:
        began = time.time()
        subprocess.run([*hub.enter, *start], check=True)
    # No answer yet is no failure, but what is waited for.
    wait_until(
        "the engine answers", lambda: hub.on_host("sh", "-c", "docker version >/dev/null 2>&1 && echo y || true")
    )
    wait_until("the hub answers", hub.answers)
    assert {service: hub.pid(service) for service in before} == before, "expected the same processes"
    # The connection was cut: on this machine it came through a process of the engine.
    again = type(kernel)(alice, identity)
    assert again.compute(f"stop.set(); print(any({stopped} < tick < {began} for tick in ticks))") == "True", (
        "expected that the kernel went on meanwhile"
    )
    wait_until("the filter reads the engine's new socket", lambda: hub.pid("engine"))
    assert alice.start_server()["started"] == started, "expected the same server"
    bob = hub.user("bob")
    bob.stop_server()
    bob.start_server()
    assert bob.kernel().compute("6 * 7") == "42"
    play = hub.play()
    assert play.changes == 0, f"expected that nothing is left to do, these tasks changed something: {play.changed}"
