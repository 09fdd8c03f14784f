# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub on a Docker host: its services are containers of a Compose project, and so are user servers."""

from __future__ import annotations

import hashlib
import json
import pathlib
import subprocess
import sys
import typing as t

from installation import Installation


class DockerInstallation(Installation):
    """One hub on a Docker host."""

    platform = "docker"
    services = ("hub", "proxy", "engine")
    culler = "hub"
    placed = "bin etc secrets compose.yaml"
    users_account = "1000"  # that of Jupyter's images

    def docker(self, *arguments: str, fails: bool = False) -> str:
        """What the command docker prints on the host."""
        return self.on_host("docker", *arguments, fails=fails)

    def compose(self, *arguments: str) -> str:
        """What docker compose prints for the hub's project."""
        return self.docker("compose", "--project-directory", self.directory, *arguments)

    def container(self, service: str) -> str:
        """Name of the container of a service."""
        return f"{self.host}-{service}-1"

    def server_of(self, user: str) -> str:
        """Name of the container of a user's default server, and of the volume with the user's files."""
        return f"{self.host}-user-{user}"

    @property
    def bridge(self) -> str:
        """The host's interface in the network of user containers; the chains of its rules are called so in capitals."""
        return f"hub-{hashlib.sha256(self.host.encode()).hexdigest()[:10]}"

    def inspect(self, *containers: str) -> list[dict[str, t.Any]]:
        """What the engine tells everybody who may ask it."""
        found: list[dict[str, t.Any]] = json.loads(self.docker("inspect", *containers))
        return found

    def variables(self) -> dict[str, t.Any]:
        """What the inventory says of this hub."""
        program = str(pathlib.Path(sys.executable).parent / "ansible-inventory")
        done = subprocess.run(
            [program, f"--inventory={self.inventory}", "--host", self.host],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        found: dict[str, t.Any] = json.loads(done.stdout)
        return found

    def address(self, container: str, network: str | None = None) -> str:
        """IPv4 address of a container in a network, without one in that of user containers."""
        networks = self.inspect(container)[0]["NetworkSettings"]["Networks"]
        return str(networks[network or self.host]["IPAddress"])

    def python(self, service: str, program: str) -> str:
        """What a Python program prints that runs inside the container of a service."""
        return self.docker("exec", self.container(service), "python3", "-c", program)

    # --- what the platforms do each in their own way

    def users_directory(self, user: str) -> str:
        """Where the engine keeps the volume of a user."""
        root = self.docker("info", "--format", "{{.DockerRootDir}}")
        return f"{root}/volumes/{self.server_of(user)}/_data"

    def owner(self, path: str) -> str:
        """The number of who owns a file: the host knows no names for those in containers."""
        return self.on_host("stat", "--format=%u", path)

    def runs_server_of(self, user: str) -> bool:
        """Whether there is a container of that user."""
        return bool(self.docker("ps", "--all", "--quiet", f"--filter=name=^{self.server_of(user)}$"))

    def culling(self) -> str:
        """Command line of the culler, which the hub runs inside its container."""
        # The engine's ps cuts lines as wide as the terminal in which the engine was started.
        lines = self.docker("top", self.container("hub"), "-ww", "-o", "pid,args").splitlines()
        return "\n".join(line for line in lines if "jupyterhub_idle_culler" in line)

    def pid(self, service: str) -> int:
        """Process id, on the host, of the first process of a service; 0 when it does not run."""
        return int(self.docker("inspect", "--format", "{{.State.Pid}}", self.container(service)))

    def stop(self, service: str) -> None:
        """Stop a service as an administrator does."""
        self.differs = True
        self.compose("stop", service)

    def log(self, service: str = "hub") -> str:
        """The whole log of a service."""
        return self.compose("logs", "--no-log-prefix", "--no-color", service)

    def failing_at_start(self) -> dict[str, str]:
        """hub_extra_config that no check can foresee: it fails in the Compose project only."""
        return {
            "licence": 'import os\nif "DOCKER_HOST" in os.environ:\n    raise SystemExit("the licence server is away")\n'
        }
