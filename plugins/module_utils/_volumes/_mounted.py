# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes that this host can not read, and that are mounted elsewhere as long as a program there does. Private to the collection."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

if t.TYPE_CHECKING:
    from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _helper_session, _restore


class Mounted:
    """A ``Volume``; what is the platform's own is in the classes below it."""

    kind = ""
    #: Files keep their owners; otherwise they belong to the account of the program.
    keeps_owners = False

    def __init__(self, reference: str, what: str) -> None:
        self.reference, self._what = reference, what
        #: Where it is mounted; or why it is not.
        self.at = self.problem = ""

    def connection(self) -> contextlib.AbstractContextManager[_helper_session.Connection]:
        """The program, while the volume is mounted."""
        raise NotImplementedError

    def mounted(self) -> contextlib.AbstractContextManager[None]:
        """Mount this one, to be written.

        :raises HubError: it can not be, or somebody works in it.
        """
        raise NotImplementedError

    @classmethod
    def together(cls, volumes: t.Sequence[t.Any]) -> t.Iterator[list[t.Any]]:
        """Some volumes at a time while they are mounted, to be read; the others have a ``problem``."""
        raise NotImplementedError

    def missing(self) -> bool:
        """It is not there yet, and is made when it is needed."""
        return False

    @contextlib.contextmanager
    def session(self) -> t.Iterator[_helper_session.Session]:
        """A connection of one's own."""
        from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _helper_session

        if self.problem:
            raise HubError(self.problem)
        with self.connection() as connection:
            yield _helper_session.Session(connection, self._what)

    @contextlib.contextmanager
    def reader(self) -> t.Iterator[_helper_session.HelperReader]:
        """What reads it; see ``_volume_reader.Reader``."""
        from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _helper_session

        with self.session() as session:
            yield _helper_session.HelperReader(session, self.at)

    def opened(self) -> contextlib.AbstractContextManager[int]:
        """Never: it is elsewhere."""
        raise HubError(f"{self._what} is no directory of this host.")

    def place(self, create: bool) -> str:
        """The same."""
        raise HubError(
            f"{self._what} is no directory of this host, which the engine restic needs.", "Take engine: archive."
        )

    def restore(self, backup: _restore.Restore, check: bool) -> _restore.Result:
        """Write a backup into it.

        :param check: only see whether that can be done.
        :raises HubError: nothing is restored.
        """
        from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _helper_session, _restore

        if not self.keeps_owners and (backup.wish.owner is not None or backup.wish.group is not None):
            raise HubError(
                f"owner or group is given, and files in a {self.kind} belong to the account of user servers."
            )
        if check and self.missing():
            return _restore.Result()
        with self.mounted(), self.session() as session:
            if check:
                session.ask("free", at=self.at, wish=_helper_session.wish(backup))
                return _restore.Result()
            return _helper_session.restore(session, self.at, backup, self.keeps_owners)

    def clean(self, check: bool) -> list[str]:
        """Delete what was kept aside in it; returns the names."""
        if self.missing():
            return []
        with self.mounted(), self.session() as session:
            found: list[str] = session.ask("clean", at=self.at, check=check)
            return found


V = t.TypeVar("V", bound=Mounted)


def in_turn(
    groups: t.Iterable[list[V]], mount: t.Callable[[list[V]], contextlib.AbstractContextManager[None]]
) -> t.Iterator[list[V]]:
    """Each group while it is mounted. One volume that can not be had keeps none of the others from it."""
    left = list(groups)
    while left:
        several = left.pop(0)
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(mount(several))
            except HubError as error:
                if len(several) > 1:
                    half = len(several) // 2
                    left[:0] = [several[:half], several[half:]]
                    continue
                several[0].problem = str(error)
            yield several


def all_mounted(volumes: t.Iterable[Mounted]) -> t.Iterator[list[Mounted]]:
    """All of these, some at a time."""
    kinds: dict[type[Mounted], list[Mounted]] = {}
    for volume in volumes:
        kinds.setdefault(type(volume), []).append(volume)
    for kind, several in kinds.items():
        yield from kind.together(several)
