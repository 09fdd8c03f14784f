# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Persistent volume claims as volumes. Private to the collection."""

from __future__ import annotations

import contextlib
import re
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _claim_pods, _helper_session
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._claim_pods import Group, Place
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volumes import _mounted

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class ClaimVolume(_mounted.Mounted):
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
        super().__init__(reference, f"The claim {reference}")
        self.where = place
        #: Pod that has it mounted.
        self.pod = ""

    @contextlib.contextmanager
    def connection(self) -> t.Iterator[_helper_session.Connection]:
        """A program in the pod."""
        found = _claim_pods.ExecConnection(self.where, self.pod)
        try:
            yield found
        finally:
            found.close()

    @contextlib.contextmanager
    def mounted(self) -> t.Iterator[None]:
        """In a pod that may write, unless a server has it."""
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
            yield

    @classmethod
    def together(cls, volumes: t.Sequence[ClaimVolume]) -> t.Iterator[list[ClaimVolume]]:
        """Those that are in use on one node, or on none, by some in a pod."""
        place = volumes[0].where
        cluster = place.cluster()
        _claim_pods.remove_left(cluster, place)
        by_reference = {volume.reference: volume for volume in volumes}
        nodes: dict[str, str] = {}

        @contextlib.contextmanager
        def mount(several: list[ClaimVolume]) -> t.Iterator[None]:
            references = tuple(volume.reference for volume in several)
            group = Group(nodes[references[0]], references)
            with _claim_pods.helper(cluster, place, group, read_only=True) as (pod, at):
                for volume in several:
                    volume.pod, volume.at = pod, at[volume.reference]
                yield

        groups = _claim_pods.groups(cluster, place, list(by_reference))
        for group in groups:
            nodes.update(dict.fromkeys(group.references, group.node))
        yield from _mounted.in_turn([[by_reference[each] for each in group.references] for group in groups], mount)
