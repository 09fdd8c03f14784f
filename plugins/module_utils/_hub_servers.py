# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts, stops and removes user servers and waits for them. Private to the collection."""

from __future__ import annotations

import dataclasses
import re
import time
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._hub_api import HubApi, HubApiError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._hub_facts import find_users
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._hub_state import server_state
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._server_container import ServerContainer

STATES = ("started", "stopped", "restarted", "absent")
PENDING = ("starting", "stopping")
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 2.0
# What the hub says when it has given a start up because of start_timeout or http_timeout.
_GIVEN_UP = re.compile(r"didn't respond in|timed? ?out", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class ServerChange:
    """What a server is and what it becomes; decides ``changed`` and the diff."""

    before: str
    after: str
    restart: bool = False

    @property
    def changed(self) -> bool:
        """Whether something is to be done."""
        return self.restart or self.before != self.after

    @property
    def diff(self) -> dict[str, t.Any]:
        """The change as Ansible's diff."""
        after = f"{self.after} (restarted)" if self.restart and self.before == self.after else self.after
        return {"before": {"state": self.before}, "after": {"state": after}}


def plan(before: str, wanted: str) -> ServerChange:
    """What ``wanted`` (one of :data:`STATES`) means for a server that is ``before``.

    A server that is starting counts as started, one that is stopping as stopped: nothing is to be done but to wait.
    """
    if wanted == "absent":
        return ServerChange(before, "absent")
    if wanted == "restarted":
        return ServerChange(before, "started", restart=before in ("started", "starting"))
    if wanted == "started":
        return ServerChange("started" if before == "starting" else before, "started")
    # A named server without a record is as good as stopped: stopping makes no record.
    if before == "absent":
        return ServerChange("absent", "absent")
    return ServerChange("stopped" if before == "stopping" else before, "stopped")


class UserServer:
    """One server of one user on one hub.

    :param name: name of the server, empty for the default server.
    :param wait_timeout: seconds that one start or stop may take.
    :param container: its container, where that can be seen; a start that fails tells more then, and some tell it sooner.
    """

    def __init__(
        self,
        api: HubApi,
        user: str,
        name: str = "",
        *,
        wait_timeout: float = 120,
        container: ServerContainer | None = None,
    ) -> None:
        self.api = api
        self.user = user
        self.name = name
        self.wait_timeout = wait_timeout
        self.container = container
        self.model: dict[str, t.Any] | None = None

    @property
    def title(self) -> str:
        """The server in words."""
        return f"server {self.name} of {self.user}" if self.name else f"the server of {self.user}"

    def observe(self) -> str:
        """The server's state now.

        :raises HubError: there is no such user, or the token may not see servers.
        """
        user = find_users(self.api, [self.user]).get(self.user.lower())
        if user is None:
            raise HubError(
                f"The hub has no user {self.user}.",
                "Create the user with the module hub_user, or let the user sign in once.",
            )
        if "servers" not in user:
            raise HubError(
                f"The hub does not show the servers of {self.user}.", "The token needs the scope read:servers too."
            )
        # The hub's own spelling, for the requests to come.
        self.user = user["name"]
        self.model = user["servers"].get(self.name)
        # The default server always exists; the hub makes its record at the first start.
        return "stopped" if self.model is None and not self.name else server_state(self.model)

    def apply(self, change: ServerChange, options: t.Mapping[str, t.Any] | None = None, *, wait: bool = True) -> str:
        """Carry out ``change`` and return the state then. Without ``wait`` return as soon as the hub accepted it."""
        now = self.observe()
        if not change.changed:
            if not wait:
                return now
            return self._wait_for_start() if now == "starting" else self._wait_while(PENDING)
        if change.after == "started":
            if change.restart and now in ("started", "starting"):
                self._stop()
                now = self._wait_while(PENDING)
            if now == "stopping":
                # The hub refuses a start before the stop is complete.
                now = self._wait_while(("stopping",))
            if now in ("stopped", "absent"):
                self._start(options)
            return self._wait_for_start() if wait else self.observe()
        remove = change.after == "absent"
        if remove and now != "absent":
            if now == "stopping":
                now = self._wait_while(("stopping",))
            self._stop(remove=True)
        elif now in ("started", "starting"):
            self._stop()
        return self._wait_while((*PENDING, "started", *(("stopped",) if remove else ()))) if wait else self.observe()

    def ensure_stopped(self) -> None:
        """Stop the server if it runs or starts, and wait until it is stopped."""
        self.apply(plan(self.observe(), "stopped"))

    def _start(self, options: t.Mapping[str, t.Any] | None) -> None:
        if self.container:
            self.container.begin()
        deadline = time.monotonic() + self.wait_timeout
        while True:
            try:
                self.api.start_server(self.user, self.name, options)
                return
            except HubApiError as error:
                if error.kind == "busy" and time.monotonic() + error.retry_after < deadline:
                    # The hub starts many servers at the moment and says when to come back.
                    time.sleep(error.retry_after)
                    continue
                if error.kind == "timeout" or (error.kind == "refused" and self.observe() in ("started", "starting")):
                    # It goes on without us, or somebody else was faster.
                    return
                raise self._start_failed(error) from None

    def _start_failed(self, error: HubApiError) -> HubError:
        if "Named servers are not enabled" in error.message:
            hint = "Set JupyterHub.allow_named_servers, or leave out server_name."
            return HubError(f"The hub allows no named servers, so {self.title} cannot start.", hint, **error.facts)
        if error.kind != "failed":
            return error
        return self._failed(error.message, **error.facts)

    def _failed(self, said: str = "", **facts: t.Any) -> HubError:
        progress = self.api.progress(self.user, self.name)
        reason = progress[-1] if progress else said or "the hub gives no reason"
        kind = "timeout" if _GIVEN_UP.search(reason) else "failed"
        return self._no_start(
            f"did not start: {reason.rstrip('.')}.", "The hub's log has the whole story.", kind, progress, **facts
        )

    def _no_start(self, what: str, hint: str, kind: str, progress: list[str], **facts: t.Any) -> HubError:
        """The error for a start that came to nothing.

        :param kind: ``timeout`` when it may only have been too slow, ``ended`` when its container has ended, else ``failed``.
        """
        log = self.container.log if self.container else []
        said = self.container.last_words if self.container else ""
        message = f"{self.title[0].upper()}{self.title[1:]} {what}"
        return HubError(message, hint + said, start_failure=kind, log=log, progress=progress, **facts)

    def _too_long(self, state: str) -> HubError:
        what = f"is still {state} after {self.wait_timeout:g} s."
        hint = "Allow more time with wait_timeout, or look at the hub's log."
        if state != "starting":
            return HubError(f"{self.title[0].upper()}{self.title[1:]} {what}", hint)
        progress = self.api.progress(self.user, self.name)
        last = f" Its last progress: {progress[-1].rstrip('.')}." if progress else ""
        return self._no_start(what + last, hint, "timeout", progress)

    def _look_at_container(self) -> None:
        """:raises HubError: it has ended, so that the hub waits in vain."""
        if not self.container:
            return
        self.container.look()
        if self.container.exit_code is None:
            return
        why = ", since it needed more memory than its limit" if self.container.out_of_memory else ""
        raise self._no_start(
            f"ended with code {self.container.exit_code} before it was ready{why}.",
            "The hub goes on waiting for it until somebody stops it.",
            "ended",
            [],
        )

    def _wait_for_start(self) -> str:
        state = self._wait_while(PENDING, look=True)
        if state != "started":
            raise self._failed()
        return state

    def _stop(self, *, remove: bool = False) -> None:
        try:
            self.api.stop_server(self.user, self.name, remove=remove)
        except HubApiError as error:
            # A long stop goes on in the hub; a server that ended by itself meanwhile is what was wanted.
            if error.kind not in ("timeout", "missing"):
                raise

    def _wait_while(self, states: t.Collection[str], *, look: bool = False) -> str:
        """Poll until the server is in none of ``states``.

        :param look: at its container too, while it starts.
        :raises HubError: it still is after ``wait_timeout``.
        """
        deadline = time.monotonic() + self.wait_timeout
        pause = FIRST_PAUSE
        while True:
            state = self.observe()
            if state not in states:
                return state
            if look and state == "starting":
                self._look_at_container()
            if time.monotonic() >= deadline:
                raise self._too_long(state)
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)


def active_servers(model: t.Mapping[str, t.Any]) -> list[str]:
    """Names of a user's servers that run, start or stop."""
    return sorted(name for name, server in (model.get("servers") or {}).items() if server_state(server) != "stopped")
