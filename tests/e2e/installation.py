# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub of a molecule scenario: its playbooks as an administrator runs them, its host, and the people who use it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import typing as t
import urllib.request
from collections.abc import Callable, Iterator

from hub_user import HubUser, Kernel, Refused, Steady
from websocket import WebSocketException

PROJECT = pathlib.Path(__file__).resolve().parents[2]
# Time enough for a machine that is busy with other things; nothing waits for it to pass.
PATIENCE = 90.0
_RECAP = re.compile(r"^\S+\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


def wait_until(what: str, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Return as soon as the condition is true.

    :param what: what is waited for, in words: the message when it does not happen.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"expected within {seconds:.0f} s: {what}"
        time.sleep(0.2)


@dataclasses.dataclass(frozen=True)
class Play:
    """One run of ansible-playbook."""

    status: int
    text: str  #: all that it printed

    @property
    def changed(self) -> list[str]:
        """Names of the tasks that changed something."""
        found = []
        task = ""
        for line in self.text.splitlines():
            if line.startswith(("TASK [", "RUNNING HANDLER [")):
                task = line[line.index("[") + 1 : line.rindex("]")].rpartition(" : ")[2]
            elif line.startswith("changed: ") and task not in found:
                found.append(task)
        return found

    @property
    def changes(self) -> int:
        """Number of changes that the recap counts."""
        return sum(int(found[1]) for found in _RECAP.finditer(self.text))

    def must_say(self, *words: str) -> None:
        """Every one of these has to be in the output, however its lines are broken."""
        # A message of several lines is shown as one YAML text, wrapped and with doubled quotes.
        said = " ".join(self.text.replace("''", "'").split())
        for word in words:
            assert word in said, f"expected the play to say {word!r}; it said:\n{self.text[-6000:]}"


@dataclasses.dataclass
class Installation:
    """One hub on one machine, described by the inventory of its scenario. ``conftest.py`` chooses the platform's class.

    The scenario gives the facts by the environment variable ``HUBWRIGHT_HUB``, a JSON mapping with these keys.
    """

    platform: t.ClassVar[str] = "local"
    services: t.ClassVar[tuple[str, ...]] = ("hub", "proxy", "culler")
    culler: t.ClassVar[str] = "culler"  #: the service that restarts when the times of culling change
    placed: t.ClassVar[str] = "bin etc secrets env/current"  #: what a playbook places, below the directory

    inventory: str
    host: str  #: name in the inventory
    url: str
    directory: str
    version: str  #: of JupyterHub
    account: str  #: runs the services; a number where the host has no name for it
    service_manager: str  #: ``supervisor``, ``systemd`` or ``docker``
    ports: list[int]  #: on which the host listens: the public one, on one machine the hub's own and the proxy's API too
    enter: list[str]  #: what to put before a command to run it on the host, as root
    account_stays: bool = False  #: it is somebody's, not the hub's own
    differs: bool = False  #: the hub is not as the inventory describes it

    # --- playbooks

    def play(
        self,
        playbook: str = "site",
        *arguments: str,
        fails: bool = False,
        environment: t.Mapping[str, str] | None = None,
        **variables: t.Any,
    ) -> Play:
        """Run a playbook of the collection and see that it ends as expected.

        :param arguments: options of ansible-playbook.
        :param fails: it is expected to fail.
        :param variables: what differs from the inventory.
        """
        files = self.files() if fails else ""
        with self.command(playbook, *arguments, **variables) as command:
            done = subprocess.run(
                command,
                cwd=PROJECT,
                env={**self._environment(), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        play = Play(done.returncode, done.stdout)
        if playbook == "site" and "--check" not in arguments:
            # A run that is refused leaves the hub as it was.
            self.differs = bool(variables) if not fails else self.differs or self.files() != files
        assert (play.status != 0) == fails, (
            f"{playbook}.yml ended with {play.status}, expected it to {'fail' if fails else 'succeed'}:\n{play.text[-8000:]}"
        )
        return play

    @contextlib.contextmanager
    def command(self, playbook: str, *arguments: str, **variables: t.Any) -> Iterator[list[str]]:
        """The command line of a playbook; valid inside the context."""
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            json.dump(variables, file)
            file.flush()
            yield [
                str(pathlib.Path(sys.executable).parent / "ansible-playbook"),
                f"--inventory={self.inventory}",
                f"--extra-vars=@{file.name}",
                *arguments,
                f"playbooks/{playbook}.yml",
            ]

    @contextlib.contextmanager
    def playing(self, playbook: str = "site", **variables: t.Any) -> Iterator[subprocess.Popen[str]]:
        """A playbook that is running; it is killed at the end of the context."""
        self.differs = True
        with self.command(playbook, **variables) as command:
            process = subprocess.Popen(
                command,
                cwd=PROJECT,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, 9)
                process.wait()
                assert process.stdout
                process.stdout.close()

    def module(self, name: str, arguments: t.Mapping[str, t.Any], fails: bool = False) -> dict[str, t.Any]:
        """What a module of the collection returns on the hub's host."""
        done = subprocess.run(
            [
                str(pathlib.Path(sys.executable).parent / "ansible"),
                *(f"--inventory={self.inventory}", self.host, f"--module-name=hubwright.jupyterhub.{name}"),
                *("--args", json.dumps(arguments)),
            ],
            cwd=PROJECT,
            env={**self._environment(), "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
            capture_output=True,
            text=True,
            check=False,
        )
        ended = f"{name} ended with {done.returncode}: {done.stdout}{done.stderr}"
        assert (done.returncode != 0) == fails, ended
        result: dict[str, t.Any] = json.loads(done.stdout.partition(" => ")[2])
        return result

    @staticmethod
    def _environment() -> dict[str, str]:
        """That of the administrator, without what molecule adds for itself."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        return {
            **kept,
            "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".dev"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
        }

    # --- the host

    def on_host(self, *command: str, fails: bool = False) -> str:
        """Run a command on the hub's host as root; what it printed."""
        done = subprocess.run([*self.enter, *command], capture_output=True, text=True, check=False)
        assert (done.returncode != 0) == fails, f"{' '.join(command)} ended with {done.returncode}: {done.stderr}"
        return done.stdout.rstrip("\n")

    def secret(self, name: str) -> str:
        """A secret of the hub."""
        return self.on_host("cat", f"{self.directory}/secrets/{name}")

    def users_directory(self, user: str) -> str:
        """Where the host keeps the files of a user."""
        return f"{self.directory}/users/{user}"

    @property
    def users_account(self) -> str:
        """Who owns the files of users on the host."""
        return self.account

    def users_file(self, user: str, name: str) -> str:
        """What is in a file of a user."""
        return self.on_host("cat", f"{self.users_directory(user)}/{name}")

    def owner(self, path: str) -> str:
        """Who owns a file of the host."""
        return self.on_host("stat", "--format=%U", path)

    def runs_server_of(self, user: str) -> bool:
        """Whether a process of the host is that user's server."""
        script = 'grep -l -a "HOME=$0" /proc/[0-9]*/environ 2>/dev/null || true'
        return bool(self.on_host("sh", "-c", script, self.users_directory(user)))

    def culling(self) -> str:
        """Command line of the culler that runs; empty when none does."""
        shown = self.on_host(
            "sh", "-c", "for line in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$line; echo; done 2>/dev/null"
        )
        lines = [line for line in shown.splitlines() if "jupyterhub_idle_culler" in line and self.directory in line]
        return "\n".join(lines)

    def files(self) -> str:
        """Everything that a playbook places, with owners, modes and times."""
        script = f'cd "$1" && find {self.placed} -printf "%p %m %u %g %T@\\n" | sort'
        return self.on_host("sh", "-c", script, "sh", self.directory)

    def pid(self, service: str) -> int:
        """Process id of hub, proxy or culler; 0 when it does not run."""
        if self.service_manager == "systemd":
            return int(
                self.on_host("systemctl", "show", "--property=MainPID", "--value", f"{self.host}-{service}.service")
            )
        found = re.search(rf"^{service} +RUNNING +pid (\d+)", self.supervisorctl("status"), re.MULTILINE)
        return int(found[1]) if found else 0

    def supervisorctl(self, *arguments: str) -> str:
        """What supervisorctl says; nothing when there is none."""
        script = 'cd "$1"; shift; env/front-*/bin/supervisorctl -c etc/supervisord.conf "$@" || true'
        return self.on_host("sh", "-c", script, "sh", self.directory, *arguments)

    def kill(self, pid: int) -> None:
        """End a process without a chance to say good-bye."""
        self.on_host("sh", "-c", 'kill -9 "$0"', str(pid))

    def stop(self, service: str) -> None:
        """Stop a service as an administrator does."""
        self.differs = True
        if self.service_manager == "systemd":
            self.on_host("systemctl", "stop", f"{self.host}-{service}.service")
        else:
            self.supervisorctl("stop", service)

    def log(self, service: str = "hub") -> str:
        """The whole log of a service."""
        if self.service_manager == "systemd":
            unit = f"{self.host}-{service}.service"
            return self.on_host("journalctl", "--unit", unit, "--no-pager", "--output", "cat")
        return self.on_host("cat", f"{self.directory}/log/{service}.log")

    def failing_at_start(self) -> dict[str, str]:
        """hub_extra_config that no check can foresee: it fails in a process of the service manager only."""
        variable = "INVOCATION_ID" if self.service_manager == "systemd" else "SUPERVISOR_ENABLED"
        return {
            "licence": f'import os\nif "{variable}" in os.environ:\n    raise SystemExit("the licence server is away")\n'
        }

    @property
    def database(self) -> str:
        """Kind of the hub's database."""
        return "sqlite"

    # --- people

    def browser_options(self) -> tuple[str, ...]:
        """Options of Chromium with which it finds the hub and believes it."""
        return ()

    def user(self, name: str, password: str | None = None) -> HubUser:
        """A person who has signed in."""
        person = HubUser(self.url, name, password or self.password(name))
        person.sign_in()
        return person

    def password(self, name: str) -> str:
        """The shared password that is meant for this person."""
        return self.secret("shared_admin_password" if name == "admin" else "shared_password")

    def refuses(self, name: str, password: str | None = None) -> bool:
        """Whether the sign-in page turns this person away."""
        try:
            self.user(name, password)
        except Refused:
            return True
        return False

    def answers(self) -> bool:
        """Whether the hub answers through its proxy."""
        try:
            # The certificates of test hubs are their own.
            context = ssl._create_unverified_context()
            with urllib.request.urlopen(f"{self.url}/hub/health", timeout=10, context=context) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def _compute_until(kernel: Kernel, stop: threading.Event) -> None:
    """Let the kernel compute once a second; a connection that breaks shows at its next use."""
    with contextlib.suppress(OSError, ValueError, WebSocketException):
        while not stop.wait(1):
            kernel.compute("marker")


@contextlib.contextmanager
def working(user: HubUser) -> Iterator[None]:
    """Inside, the person computes on an open kernel connection; afterwards all is as it was."""
    started = user.start_server()["started"]
    kernel = user.kernel()
    kernel.compute("marker = 41")
    stop = threading.Event()
    # Answers the server's pings too, which come only while something is received.
    computing = threading.Thread(target=_compute_until, args=(kernel, stop), daemon=True)
    computing.start()
    try:
        yield
    finally:
        stop.set()
        computing.join()
    assert kernel.compute("marker + 1") == "42", f"expected that the kernel of {user.name} remembers the marker"
    assert user.home(), f"expected that {user.name} is still signed in"
    assert user.start_server()["started"] == started, "expected the same server as before, not a new one"
    for running in user.request("GET", f"/user/{user.name}/api/kernels"):
        user.request("DELETE", f"/user/{user.name}/api/kernels/{running['id']}")


@contextlib.contextmanager
def uninterrupted(user: HubUser, *others: HubUser) -> Iterator[Steady]:
    """Inside, all of them compute on open kernel connections; no request to the first one's server may be lost."""
    with contextlib.ExitStack() as people:
        for person in (user, *others):
            people.enter_context(working(person))
        with Steady(user) as steady:
            yield steady
        assert steady.asked, "expected that the server was asked at least once"
        assert not steady.lost, (
            f"expected no lost request, {len(steady.lost)} of {steady.asked} were: {steady.lost[:5]}"
        )
