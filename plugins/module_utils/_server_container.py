# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the container of a user server tells while its server starts. Private to the collection.

The hub only knows that nobody answers. Its spawner removes the container afterwards, and the log with it, so somebody has to
look meanwhile.
"""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _user_containers
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._engine_api import EngineApi, EngineRefused

_LINES = 50
_LINES_SHOWN = 8


class ServerContainer:
    """The container of one user server.

    :param hub: name of the hub, which is that of its network.
    """

    def __init__(self, engine: EngineApi, hub: str, user: str, server: str) -> None:
        #: None while it runs, or has not been there.
        self.exit_code: int | None = None
        self.out_of_memory = False
        #: What it wrote last.
        self.log: list[str] = []
        self._engine = engine
        self._hub = hub
        self._owner = user.lower(), server
        self._others: set[str] = set()
        self.begin()

    def begin(self) -> None:
        """A start begins now: what an earlier one has left tells nothing of this one."""
        self._before = {(found["Id"], found["State"]["StartedAt"]) for found in self._mine() if _ended(found)}

    def _mine(self) -> t.Iterator[dict[str, t.Any]]:
        for row in self._engine.containers(network=[self._hub]):
            if row["Id"] in self._others:
                continue
            with contextlib.suppress(EngineRefused):  # it is gone meanwhile
                found = self._engine.get(f"/containers/{row['Id']}/json", "show a container")
                owner = _user_containers.user_container(self._hub, found)
                if owner and (owner.user, owner.server) == self._owner:
                    yield found
                else:
                    self._others.add(row["Id"])

    def look(self) -> None:
        """See how it is."""
        for found in self._mine():
            if (found["Id"], found["State"]["StartedAt"]) in self._before:
                continue
            with contextlib.suppress(EngineRefused):  # it is being removed: what it wrote until now is known
                self.log = self._engine.logs(found["Id"], _LINES)
            self.exit_code = found["State"]["ExitCode"] if _ended(found) else None
            self.out_of_memory = _ended(found) and bool(found["State"].get("OOMKilled"))

    @property
    def last_words(self) -> str:
        """The end of the log as part of a message, empty without one."""
        return "\nIts log:" + "".join(f"\n  {line}" for line in self.log[-_LINES_SHOWN:]) if self.log else ""


def _ended(found: t.Mapping[str, t.Any]) -> bool:
    return found["State"]["Status"] in ("exited", "dead")
