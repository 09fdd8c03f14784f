# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where notebook images are kept, behind one small interface. Private to the collection."""

from __future__ import annotations

import typing as t


class ImageStore(t.Protocol):
    """An engine, a registry or an image stream of OpenShift."""

    #: Is this the engine itself, whose containers need its images?
    on_engine: bool

    def references(self, others: t.Sequence[str]) -> dict[str, str]:
        """Reference -> id of the image: the live reference, the tags of its history, and those of ``others`` that exist."""

    def earlier(self) -> list[str]:
        """Images that the store itself remembers as live before, the newest first."""

    def image(self, name: str, option: str) -> str:
        """The id of an image that can be made live.

        :param option: that gave the name.
        :raises HubError: there is none, or it can not be read.
        """

    def tag(self, image: str, reference: str) -> None:
        """Put a reference on an image, in one step."""

    def untag(self, image: str, references: t.Sequence[str]) -> str:
        """Take references of one image away, never by force; return why they stay, or nothing when they are gone."""

    def local(self, image: str, pull: bool) -> str:
        """What the runtime knows the image by, empty when it is not there; ``pull`` brings it there."""

    def release_of(self, local: str) -> str:
        """The id in this store of an image that the runtime has, empty when it is not from here."""
