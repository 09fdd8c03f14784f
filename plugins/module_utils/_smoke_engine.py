# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The smoke test's two containers on a Docker engine.

Both are removed at the end. What a killed run leaves, the next one removes. Private to the collection.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import secrets
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _passing_containers, _smoke_probe
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._engine_api import EngineApi, EngineRefused
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._smoke_test import CanNotStart, State, Trial

LABEL = "hubwright.smoke_test"


class EngineBench(contextlib.ExitStack):
    """A ``Bench``.

    :param image: id of the candidate.
    :param name: as it was given, for messages.
    """

    together = False

    def __init__(self, engine: EngineApi, image: str, name: str, trial: Trial) -> None:
        super().__init__()
        self._engine = engine
        self._image = image
        self._name = name
        self._trial = trial
        self._candidate = self._beside = ""
        _passing_containers.remove_left(engine, LABEL)

    def _create(self, kind: str, body: dict[str, t.Any], host: dict[str, t.Any]) -> str:
        limits: dict[str, t.Any] = {"LogConfig": {"Type": "json-file", "Config": {"max-size": "10m"}}}
        if self._trial.drop_capabilities:
            limits |= {"CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges"]}
        body |= {"Image": self._image, "Labels": {LABEL: _passing_containers.me()}, "HostConfig": limits | host}
        if self._trial.user:
            body["User"] = self._trial.user
        name = f"hubwright-{kind}-{secrets.token_hex(4)}"
        made = self._engine.post("/containers/create", f"make a container of {self._name}", body, name=name)
        container = str(json.loads(made)["Id"])
        self.callback(_passing_containers.remove, self._engine, container)
        return container

    def _start(self, container: str) -> None:
        try:
            self._engine.post(f"/containers/{container}/start", "start a container")
        except EngineRefused as error:
            raise CanNotStart(error.said) from error

    def start_beside(self, request: str) -> None:
        """Alone in a network of its own."""
        body = {
            "Entrypoint": ["python3", "-c", inspect.getsource(_smoke_probe)],
            "Cmd": [],
            "Env": [f"HUBWRIGHT_SMOKE_TEST={request}", "PYTHONDONTWRITEBYTECODE=1"],
            "WorkingDir": "/",
            "Healthcheck": {"Test": ["NONE"]},
        }
        self._beside = self._create("stand-in", body, {"NetworkMode": "none", "ReadonlyRootfs": True})
        self._start(self._beside)

    def start_candidate(self, environment: t.Mapping[str, str]) -> None:
        """In the network of the one beside it."""
        host: dict[str, t.Any] = {"NetworkMode": f"container:{self._beside}"}
        if self._trial.memory:
            host["Memory"] = self._trial.memory
        body: dict[str, t.Any] = {"Env": [f"{name}={value}" for name, value in environment.items()]}
        if self._trial.command is not None:
            body["Cmd"] = self._trial.command
        self._candidate = self._create("candidate", body, host)
        self._start(self._candidate)

    def states(self) -> tuple[State, State]:
        """As the engine has them."""
        return self._state(self._candidate) if self._candidate else State(), self._state(self._beside)

    def _state(self, container: str) -> State:
        found = self._engine.get(f"/containers/{container}/json", "show a container")["State"]
        return State(found["Status"] == "exited", found["ExitCode"], bool(found.get("OOMKilled")))

    def said(self, lines: int | str = "all") -> list[str]:
        """What the one beside the candidate has written."""
        return self._engine.logs(self._beside, lines)

    def log(self, lines: int) -> list[str]:
        """The last lines of the candidate."""
        return self._engine.logs(self._candidate, lines) if self._candidate else []

    def waits_for(self) -> str:
        """Nothing: an engine starts a container or says that it does not."""
        return ""
