# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where notebook images run, behind one small interface. Private to the collection."""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    # Most calls test nothing, and need not load what does.
    from ansible_collections.hubwright.jupyterhub.plugins.module_utils._smoke_test import Passed, Trial


@dataclasses.dataclass(frozen=True)
class Container:
    """A container or a pod."""

    id: str
    name: str
    #: Id of its image as the runtime has it, which a store may know by another one.
    image: str
    state: str
    #: It was started and has ended. One that is being started is not.
    stopped: bool
    #: It is a user server of the hub.
    of_hub: bool


class Runtime(t.Protocol):
    """A Docker engine or a cluster."""

    def containers(self) -> list[Container]:
        """All that use images, sorted by name."""

    def owner(self, container: Container) -> tuple[str, str]:
        """User and server, as the spawner wrote them down; empty when it is gone meanwhile."""

    def remove(self, container: Container) -> bool:
        """Remove one that has stopped; False when it runs again. Volumes stay."""

    def try_out(self, image: str, name: str, trial: Trial | None) -> Passed | None:
        """Test a candidate; without a trial only whether it is made for this kind of machine, where that can be told.

        :param image: as the store has it here (``ImageStore.local``).
        :param name: as it was given, for messages.
        :raises HubError: it was not passed.
        """
