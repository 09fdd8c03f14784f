# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tries a notebook image out before it becomes live: it has to start as a user server, answer and compute.

Two containers share a network that holds nothing else: the candidate, made as a spawner makes it, and from the same image
one that stands for hub and user (``_smoke_probe``). Where they run is up to a ``Bench``: ``_smoke_engine`` or
``_smoke_pod``. Private to the collection.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import secrets
import signal
import time
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _smoke_probe
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._sizes import readable

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
    #: Where a cluster mounts a user's claim; empty: nowhere.
    home: str = ""


@dataclasses.dataclass(frozen=True)
class Passed:
    """What a test found that was passed."""

    version: str
    seconds: float
    warnings: list[str]


@dataclasses.dataclass(frozen=True)
class State:
    """How a container is."""

    ended: bool = False
    code: int = 0
    out_of_memory: bool = False


class CanNotStart(Exception):
    """A container of the image was made and can not be started; the text says why."""


class Bench(t.Protocol):
    """Where the two containers run."""

    #: Both start together, so that the candidate may end before the one beside it has said anything.
    together: bool

    def close(self) -> None:
        """Remove what was made."""

    def start_beside(self, request: str) -> None:
        """Start the one that stands for hub and user.

        :param request: what ``_smoke_probe`` is asked, in its variable ``HUBWRIGHT_SMOKE_TEST``.
        :raises CanNotStart: it is no notebook image.
        """

    def start_candidate(self, environment: t.Mapping[str, str]) -> None:
        """Start the candidate as a spawner does.

        :raises CanNotStart: with the reason.
        """

    def states(self) -> tuple[State, State]:
        """Of the candidate, and of the one beside it.

        :raises CanNotStart: the candidate never will.
        """

    def said(self, lines: int | str = "all") -> list[str]:
        """What the one beside the candidate has written, or its last lines."""

    def log(self, lines: int) -> list[str]:
        """The last lines that the candidate wrote; none before it started."""

    def waits_for(self) -> str:
        """Why the candidate has not been started yet; empty when it has."""


def run(bench: Bench, name: str, trial: Trial) -> Passed:
    """Start an image, and be its user.

    :param name: as it was given, for messages.
    :raises HubError: the test was not passed; ``log`` has what the candidate wrote last.
    """
    begin = time.monotonic()
    with _signals() as signals, contextlib.closing(bench):
        return _Test(bench, name, trial, begin, signals).run()


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

    bench: Bench
    name: str
    trial: Trial
    begin: float
    #: Those that asked for an end.
    signals: list[int]
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
        try:
            self.bench.start_beside(json.dumps(request))
        except CanNotStart as error:
            raise self.no_notebook(error) from error
        if not self.bench.together:
            self.wait(lambda: "program" in self.facts)
            self.check_version(self.facts["installed"])
        try:
            self.bench.start_candidate(self.environment(secrets.token_hex(), base))
        except CanNotStart as error:
            raise self.refused(f"can not be started: {error}.") from error
        self.wait(lambda: "program" in self.facts)
        self.check_version(self.facts["installed"])
        self.wait(lambda: "passed" in self.facts or "failed" in self.facts)
        self.check_version(self.facts.get("version", ""))
        if "failed" in self.facts:
            raise self.refused(f"{self.facts['failed']}.")
        return Passed(self.facts["version"], round(time.monotonic() - self.begin, 1), self.warnings())

    def left(self) -> float:
        return self.begin + self.trial.timeout - time.monotonic()

    def environment(self, token: str, base: str) -> dict[str, str]:
        """What a hub gives a single-user server."""
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
        if self.trial.memory:
            environment["MEM_LIMIT"] = str(self.trial.memory)
        return environment | self.trial.environment

    def wait(self, done: t.Callable[[], bool]) -> None:
        """Until what the container beside says is enough.

        :raises HubError: a container ended before, or the time is over.
        """
        while True:
            try:
                candidate, beside = self.bench.states()
            except CanNotStart as error:
                raise self.refused(f"can not be started: {error}.") from error
            # After the look at the states: what a container says last is there when it has ended.
            for line in self.bench.said():
                if line.startswith("{"):
                    self.facts |= json.loads(line)
            if done():
                return
            if self.signals:
                raise HubError(
                    f"The test was stopped by signal {self.signals[0]}.", "Nothing was changed. Run it again."
                )
            if candidate.ended and "program" in self.facts:
                raise self.ended(candidate)
            if beside.ended and beside.code == 127:  # of a shell, or of what starts containers
                raise self.no_notebook("there is none")
            if beside.ended:
                said = " ".join(self.bench.said(3))
                raise self.refused(f"has a Python that can not run the test: {said}", "It needs Python 3.8 or newer.")
            if self.left() <= 0:
                raise self.late()
            time.sleep(_PAUSE)

    def late(self) -> HubError:
        why = self.bench.waits_for()
        if why:
            return self.refused(f"was not started in {self.trial.timeout:g} s: {why}.")
        doing = "let its kernel compute" if self.facts.get("stage") == "kernel" else "become ready"
        return self.refused(
            f"did not {doing} in {self.trial.timeout:g} s (limit smoke_test.timeout, of the role "
            f"notebook_image_smoke_timeout).",
            "It did not end, so it may only be slow here, on a slow disk or a busy machine: raise the limit then.",
        )

    def ended(self, state: State) -> HubError:
        when = "while its kernel started" if self.facts.get("stage") == "kernel" else "before it answered"
        if state.code == 137:  # it may be said a moment later why
            state, _beside = self.bench.states()
        if state.out_of_memory:
            return self.refused(
                f"was killed {when}, since it needed more memory than {readable(self.trial.memory)}.",
                "Raise smoke_test.memory to what the spawner gives people, or make the image smaller.",
            )
        if not self.facts["program"]:
            return self.refused(
                f"has no program jupyterhub-singleuser, and ended with code {state.code} {when}.",
                "Install jupyterhub in it, of the hub's version.",
            )
        return self.refused(f"ended with code {state.code} {when}.")

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

    def no_notebook(self, said: object) -> HubError:
        return self.refused(f"can not run python3, so that it is no notebook image: {said}.", "Promote another image.")

    def refused(self, why: str, hint: str = "") -> HubError:
        log = self.bench.log(_LINES)
        said = "".join(f"\n  {line}" for line in log[-_LINES_SHOWN:])
        written = f"\nIts log:{said}" if said else ""
        return HubError(f"The image {self.name} {why}", f"{hint} It was not promoted.".strip() + written, log=log)


def _major(version: str) -> str:
    return version.partition(".")[0]
