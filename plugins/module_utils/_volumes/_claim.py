# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Persistent volume claims as volumes. Private to the collection."""

from __future__ import annotations

import contextlib
import re
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _claim_pods, _claim_session, _restore
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._claim_pods import Group, Place
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class ClaimVolume:
    """A claim, or a directory in one.

    :param reference: name of the claim, with ``/`` and the directory when it is one.
    :raises HubError: the name is none.
    """

    kind = "claim"

    def __init__(self, place: Place, reference: str) -> None:
        claim, slash, below = reference.partition("/")
        if not _NAME.fullmatch(claim) or (slash and {"", ".", ".."} & set(below.split("/"))):
            raise HubError(
                f"claim is {reference!r}, expected the name of a claim, and perhaps '/' and a directory in it."
            )
        self.reference = reference
        self.where = place
        #: Pod that has it mounted, and where; or why there is none.
        self.pod = self.at = self.problem = ""

    @contextlib.contextmanager
    def session(self) -> t.Iterator[_claim_session.Session]:
        """A connection of one's own to the pod."""
        if self.problem:
            raise HubError(self.problem)
        connection = _claim_pods.ExecConnection(self.where, self.pod)
        try:
            yield _claim_session.Session(connection, f"The claim {self.reference}")
        finally:
            connection.close()

    @contextlib.contextmanager
    def reader(self) -> t.Iterator[_claim_session.ClaimReader]:
        """What reads it; see ``_volume_reader.Reader``."""
        with self.session() as session:
            yield _claim_session.ClaimReader(session, self.at)

    def opened(self) -> contextlib.AbstractContextManager[int]:
        """Never: it is in the cluster."""
        raise HubError(f"The claim {self.reference} is no directory of this host.")

    def place(self, create: bool) -> str:
        """The same."""
        raise HubError(
            f"The claim {self.reference} is no directory of this host, which the engine restic needs.",
            "Take engine: archive.",
        )

    def restore(self, backup: _restore.Restore, check: bool) -> _restore.Result:
        """Write a backup into it.

        :param check: only see whether that can be done.
        :raises HubError: nothing is restored.
        """
        with self._mounted() as session:
            if check:
                session.ask("free", at=self.at, wish=_claim_session.wish(backup))
                return _restore.Result()
            return _claim_session.restore(session, self.at, backup)

    def clean(self, check: bool) -> list[str]:
        """Delete what was kept aside in it; returns the names."""
        with self._mounted() as session:
            found: list[str] = session.ask("clean", at=self.at, check=check)
            return found

    @contextlib.contextmanager
    def _mounted(self) -> t.Iterator[_claim_session.Session]:
        cluster = self.where.cluster()
        _claim_pods.remove_left(cluster, self.where)
        user = _claim_pods.user_of(cluster, self.where, self.reference)
        if user and "/" not in self.reference:
            raise HubError(
                f"The pod {user} has the claim {self.reference} mounted. Nothing was touched.",
                "Stop the user's server first.",
            )
        [group] = _claim_pods.groups(cluster, self.where, [self.reference])
        with _claim_pods.helper(cluster, self.where, group, read_only=False) as (self.pod, at):
            self.at = at[self.reference]
            with self.session() as session:
                yield session


def in_pods(volumes: t.Sequence[ClaimVolume]) -> t.Iterator[list[ClaimVolume]]:
    """Some volumes at a time, as long as they are mounted in a pod; the others have a ``problem``."""
    if not volumes:
        return
    place = volumes[0].where
    cluster = place.cluster()
    _claim_pods.remove_left(cluster, place)
    by_reference = {volume.reference: volume for volume in volumes}
    left = _claim_pods.groups(cluster, place, list(by_reference))
    while left:
        group = left.pop(0)
        several = [by_reference[reference] for reference in group.references]
        with contextlib.ExitStack() as stack:
            try:
                pod, at = stack.enter_context(_claim_pods.helper(cluster, place, group, read_only=True))
            except HubError as error:
                if len(several) > 1:
                    # One that can not be had must not keep the others from it.
                    left[:0] = [Group(group.node, (reference,)) for reference in group.references]
                    continue
                several[0].problem = str(error)
            else:
                for volume in several:
                    volume.pod, volume.at = pod, at[volume.reference]
            yield several
