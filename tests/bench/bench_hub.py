# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub of the benchmark's own: a directory, an account and ports that nobody else uses, gone at the end."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import socket
import sys
import tempfile
import time
import typing as t
import urllib.error
import urllib.request

import measuring

ROOT = pathlib.Path(__file__).resolve().parents[2]
ANSIBLE_PLAYBOOK = str(pathlib.Path(sys.executable).parent / "ansible-playbook")
PEOPLE = ["alice", "bob"]


def environment(**more: str) -> dict[str, str]:
    """Environment of ansible-playbook; what `make` exported wins over what is set here for a run by hand."""
    own = {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".dev"),
        "ANSIBLE_FORCE_COLOR": "0",
    }
    return {**own, **os.environ, **more}


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on."""
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _number in range(count)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in found]


def wait_for(url: str, seconds: float = 120) -> None:
    """Return as soon as the hub answers."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{url}/hub/health", timeout=5).close()
            return
        except (OSError, urllib.error.URLError):
            time.sleep(0.05)
    raise measuring.Broken(f"{url} did not answer within {seconds:.0f} s")


class Hub:
    """An inventory with one hub below a temporary directory."""

    def __init__(self, directory: pathlib.Path, group: str, variables: dict[str, t.Any]) -> None:
        self.temporary = directory
        self.directory = directory / "hub"
        self.inventory = directory / "hosts.json"
        self._group = group
        self._variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "hub_admins": ["admin"],
            "hub_sign_in": "shared-password",
            **variables,
        }
        self.describe()

    def describe(self, **more: t.Any) -> None:
        """Write the inventory, from now on with ``more`` variables."""
        self._variables.update(more)
        groups = {"children": {self._group: {"hosts": {self._variables["hub_name"]: self._variables}}}}
        self.inventory.write_text(json.dumps({"hubs": groups}), encoding="utf-8")

    @property
    def url(self) -> str:
        """Where people find it."""
        scheme = "https" if self._variables.get("hub_tls") == "files" else "http"
        return f"{scheme}://127.0.0.1:{self._variables['hub_port']}"

    @property
    def password(self) -> str:
        """What the people sign in with."""
        return (self.directory / "secrets" / "shared_password").read_text(encoding="utf-8").strip()

    def command(self, playbook: str | pathlib.Path, *options: str) -> list[str]:
        """The command that runs one of the collection's playbooks, or the one at a path, for this hub."""
        path = playbook if isinstance(playbook, pathlib.Path) else ROOT / "playbooks" / playbook
        return [ANSIBLE_PLAYBOOK, "-i", str(self.inventory), str(path), *options]

    def play(self, playbook: str | pathlib.Path, *options: str, **more: str) -> measuring.Run:
        """Run a playbook; ``more`` are environment variables."""
        return measuring.run(self.command(playbook, *options), environment=environment(**more))


class LocalHub(Hub):
    """A hub of processes on this machine."""

    def __init__(self, directory: pathlib.Path) -> None:
        port, hub_port, proxy_api_port = free_ports(3)
        variables = {
            "hub_name": "bench",
            "hub_users": PEOPLE,
            "hub_port": port,
            "hub_local_directory": str(directory / "hub"),
            "hub_local_account": "hubwright-bench",
            # Not systemd's: nothing of the benchmark shall be in /etc.
            "hub_local_service_manager": "supervisor",
            "hub_local_hub_port": hub_port,
            "hub_local_proxy_api_port": proxy_api_port,
        }
        super().__init__(directory, "local_hubs", variables)


@contextlib.contextmanager
def running_hub() -> t.Iterator[LocalHub]:
    """Bring the hub up, and remove everything of it at the end, also after an error or Ctrl-C."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="hubwright-bench-"))
    directory.chmod(0o755)  # the account of the services has to pass
    hub = LocalHub(directory)
    try:
        hub.play("site.yml")
        yield hub
    finally:
        try:
            if hub.directory.exists():
                hub.play("teardown.yml", "-e", json.dumps({"hub_local_remove_users_files": True}))
        finally:
            shutil.rmtree(directory)
