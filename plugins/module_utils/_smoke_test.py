# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tries a notebook image out before it becomes live: it has to start as a user server, answer and compute.

Two containers share a network that holds nothing else: the candidate, made as a spawner makes it, and from the same image
one that stands for hub and user (``_smoke_probe``). Both are removed at the end. What a killed run leaves, the next one
removes. Private to the collection.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import json
import os
import secrets
import signal
import time
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _smoke_probe
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._engine_api import EngineApi, EngineRefused
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._sizes import readable

LABEL = "hubwright.smoke_test"
_USER = "smoke-test"
_LINES = 50
_LINES_SHOWN = 8
_PAUSE = 0.1


@dataclasses.dataclass(frozen=True)
class Trial:
    """How an image is tried out."""

    jupyterhub_version: str
    timeout: float = 300
    user: str = ""
    #: None: the image's own.
    command: list[str] | None = None
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    #: Bytes; 0: no limit.
    memory: int = 0
    drop_capabilities: bool = True
    kernel: bool = True


@dataclasses.dataclass(frozen=True)
class Passed:
    """What a test found that was passed."""

    version: str
    seconds: float
    warnings: list[str]


def check_platform(engine: EngineApi, image: str, name: str) -> None:
    """An image of another architecture may run in emulation, slowly, or not at all.

    :raises HubError: it is for another kind of machine.
    """
    own = engine.get("/version", "say its version")
    found = engine.image(image) or {}
    wanted, has = (f"{each.get('Os')}/{each.get('Arch') or each.get('Architecture')}" for each in (own, found))
    if wanted != has:
        raise HubError(
            f"The image {name} is made for {has}, expected {wanted}, which the engine runs on.",
            f"Build or pull it for this machine, for example with --platform {wanted}.",
        )


def run(engine: EngineApi, image: str, name: str, trial: Trial) -> Passed:
    """Start an image, and be its user.

    :param image: its id.
    :param name: as it was given, for messages.
    :raises HubError: the test was not passed; ``log`` has what the candidate wrote last.
    """
    begin = time.monotonic()
    remove_left(engine)
    with _signals() as signals, contextlib.ExitStack() as stack:
        return _Test(engine, image, name, trial, begin, signals, stack).run()


def remove_left(engine: EngineApi) -> None:
    """Remove the containers of runs that were killed."""
    for container in engine.containers(label=[LABEL]):
        if not _alive(container["Labels"][LABEL]):
            _remove(engine, container["Id"])


def _me() -> str:
    """This process, in a way that no other ever has."""
    with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
        started = file.read().rpartition(")")[2].split()[19]
    return f"{os.readlink('/proc/self/ns/pid')} {os.getpid()} {started}"


def _alive(process: str) -> bool:
    """Does the process that made a container still run? Of one that can not be seen from here that is assumed."""
    space, _space, rest = process.partition(" ")
    number, _space, started = rest.partition(" ")
    if space != os.readlink("/proc/self/ns/pid"):
        return True
    try:
        with open(f"/proc/{int(number)}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19] == started
    except (OSError, ValueError):
        return False


def _remove(engine: EngineApi, container: str) -> None:
    with contextlib.suppress(EngineRefused):  # somebody was faster
        # Only nameless volumes go with it, which it made itself.
        engine.delete(f"/containers/{container}", "remove a container", force="true", v="true")


@contextlib.contextmanager
def _signals() -> t.Iterator[list[int]]:
    """The signals that ask this process to end, which it does after what it is doing: not while a container is made."""
    seen: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _frame: seen.append(number))
        for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclasses.dataclass
class _Test:
    """One test, under way."""

    engine: EngineApi
    image: str
    name: str
    trial: Trial
    begin: float
    #: Those that asked for an end.
    signals: list[int]
    stack: contextlib.ExitStack
    candidate: str = ""
    beside: str = ""
    #: What the container beside the candidate has said.
    facts: dict[str, t.Any] = dataclasses.field(default_factory=dict)

    def run(self) -> Passed:
        token, base = secrets.token_hex(), f"/user/{_USER}/"
        request: dict[str, t.Any] = {
            "user": _USER,
            "token": token,
            "base": base,
            "version": self.trial.jupyterhub_version,
        }
        # A little longer than this side waits, which has more to say about the end.
        request |= {"seconds": self.left() + 5, "kernel": self.trial.kernel}
        self.start_beside(request)
        self.wait(lambda: "program" in self.facts)
        self.check_version(self.facts["installed"])
        self.start_candidate(secrets.token_hex(), base)
        self.wait(lambda: "passed" in self.facts or "failed" in self.facts)
        self.check_version(self.facts.get("version", ""))
        if "failed" in self.facts:
            raise self.refused(f"{self.facts['failed']}.")
        return Passed(self.facts["version"], round(time.monotonic() - self.begin, 1), self.warnings())

    def left(self) -> float:
        return self.begin + self.trial.timeout - time.monotonic()

    def create(self, kind: str, body: dict[str, t.Any], host: dict[str, t.Any]) -> str:
        limits: dict[str, t.Any] = {"LogConfig": {"Type": "json-file", "Config": {"max-size": "10m"}}}
        if self.trial.drop_capabilities:
            limits |= {"CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges"]}
        body |= {"Image": self.image, "Labels": {LABEL: _me()}, "HostConfig": limits | host}
        if self.trial.user:
            body["User"] = self.trial.user
        name = f"hubwright-{kind}-{secrets.token_hex(4)}"
        container = str(
            json.loads(self.engine.post("/containers/create", f"make a container of {self.name}", body, name=name))[
                "Id"
            ]
        )
        self.stack.callback(_remove, self.engine, container)
        return container

    def start_beside(self, request: dict[str, t.Any]) -> None:
        body = {
            "Entrypoint": ["python3", "-c", inspect.getsource(_smoke_probe)],
            "Cmd": [],
            "Env": [f"HUBWRIGHT_SMOKE_TEST={json.dumps(request)}", "PYTHONDONTWRITEBYTECODE=1"],
            "WorkingDir": "/",
            "Healthcheck": {"Test": ["NONE"]},
        }
        self.beside = self.create("stand-in", body, {"NetworkMode": "none", "ReadonlyRootfs": True})
        try:
            self.engine.post(f"/containers/{self.beside}/start", "start a container")
        except EngineRefused as error:
            raise self.refused(
                f"can not run python3, so that it is no notebook image: {error.said}.", "Promote another image."
            ) from error

    def start_candidate(self, token: str, base: str) -> None:
        hub = f"http://127.0.0.1:{_smoke_probe.HUB_PORT}/hub"
        scopes = json.dumps([f"access:servers!server={_USER}/", f"access:servers!user={_USER}"])
        environment = {
            "JUPYTERHUB_API_TOKEN": token,
            "JPY_API_TOKEN": token,
            "JUPYTERHUB_CLIENT_ID": f"jupyterhub-user-{_USER}",
            "JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED": "0",
            "JUPYTERHUB_HOST": "",
            "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{base}oauth_callback",
            "JUPYTERHUB_OAUTH_SCOPES": scopes,
            "JUPYTERHUB_OAUTH_ACCESS_SCOPES": scopes,
            "JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES": "[]",
            "JUPYTERHUB_USER": _USER,
            "JUPYTERHUB_SERVER_NAME": "",
            "JUPYTERHUB_API_URL": f"{hub}/api",
            "JUPYTERHUB_ACTIVITY_URL": f"{hub}/api/users/{_USER}/activity",
            "JUPYTERHUB_BASE_URL": "/",
            "JUPYTERHUB_SERVICE_PREFIX": base,
            "JUPYTERHUB_SERVICE_URL": f"http://0.0.0.0:{_smoke_probe.SERVER_PORT}{base}",
            "JUPYTERHUB_PUBLIC_URL": "",
            "JUPYTERHUB_PUBLIC_HUB_URL": "",
            "JUPYTER_IMAGE_SPEC": self.name,
            "JUPYTER_IMAGE": self.name,
        }
        host: dict[str, t.Any] = {"NetworkMode": f"container:{self.beside}"}
        if self.trial.memory:
            host["Memory"] = self.trial.memory
            environment["MEM_LIMIT"] = str(self.trial.memory)
        body: dict[str, t.Any] = {
            "Env": [f"{name}={value}" for name, value in (environment | self.trial.environment).items()]
        }
        if self.trial.command is not None:
            body["Cmd"] = self.trial.command
        self.candidate = self.create("candidate", body, host)
        try:
            self.engine.post(f"/containers/{self.candidate}/start", "start a container")
        except EngineRefused as error:
            raise self.refused(f"can not be started: {error.said}.") from error

    def wait(self, done: t.Callable[[], bool]) -> None:
        """Until what the container beside says is enough.

        :raises HubError: a container ended before, or the time is over.
        """
        while True:
            states = {container: self.state(container) for container in (self.candidate, self.beside) if container}
            # After the look at the states: what a container says last is there when it has ended.
            for line in self.engine.logs(self.beside):
                if line.startswith("{"):
                    self.facts |= json.loads(line)
            if done():
                return
            if self.signals:
                raise HubError(
                    f"The test was stopped by signal {self.signals[0]}.", "Nothing was changed. Run it again."
                )
            if self.candidate and states[self.candidate]["Status"] == "exited":
                raise self.ended(states[self.candidate])
            if states[self.beside]["Status"] == "exited":
                said = " ".join(self.engine.logs(self.beside, 3))
                raise self.refused(f"has a Python that can not run the test: {said}", "It needs Python 3.8 or newer.")
            if self.left() <= 0:
                doing = "let its kernel compute" if self.facts.get("stage") == "kernel" else "become ready"
                raise self.refused(
                    f"did not {doing} in {self.trial.timeout:g} s (limit smoke_test.timeout, of the role "
                    f"notebook_image_smoke_timeout).",
                    "It did not end, so it may only be slow here, on a slow disk or a busy machine: raise the limit then.",
                )
            time.sleep(_PAUSE)

    def state(self, container: str) -> dict[str, t.Any]:
        found: dict[str, t.Any] = self.engine.get(f"/containers/{container}/json", "show a container")["State"]
        return found

    def ended(self, state: dict[str, t.Any]) -> HubError:
        when = "while its kernel started" if self.facts.get("stage") == "kernel" else "before it answered"
        if state["ExitCode"] == 137:  # the engine may say a moment later why
            state = self.state(self.candidate)
        if state.get("OOMKilled"):
            return self.refused(
                f"was killed {when}, since it needed more memory than {readable(self.trial.memory)}.",
                "Raise smoke_test.memory to what the spawner gives people, or make the image smaller.",
            )
        if not self.facts["program"]:
            return self.refused(
                f"has no program jupyterhub-singleuser, and ended with code {state['ExitCode']} {when}.",
                "Install jupyterhub in it, of the hub's version.",
            )
        return self.refused(f"ended with code {state['ExitCode']} {when}.")

    def check_version(self, version: str) -> None:
        """:raises HubError: it is of another major version than the hub's."""
        if version and _major(version) != _major(self.trial.jupyterhub_version):
            raise self.refused(
                f"has JupyterHub {version}, but the hub is {self.trial.jupyterhub_version}: with another major version "
                f"people may be unable to sign in.",
                "Install the hub's version in the image.",
            )

    def warnings(self) -> list[str]:
        version, hub = self.facts["version"], self.trial.jupyterhub_version
        if version.split(".")[:2] == hub.split(".")[:2]:
            return []
        return [f"The image {self.name} has JupyterHub {version}, the hub is {hub}."]

    def refused(self, why: str, hint: str = "") -> HubError:
        log = self.engine.logs(self.candidate, _LINES) if self.candidate else []
        said = "".join(f"\n  {line}" for line in log[-_LINES_SHOWN:])
        written = f"\nIts log:{said}" if said else ""
        return HubError(f"The image {self.name} {why}", f"{hint} It was not promoted.".strip() + written, log=log)


def _major(version: str) -> str:
    return version.partition(".")[0]
