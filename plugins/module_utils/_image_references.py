# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of images, as Docker reads them. Private to the collection."""

from __future__ import annotations

import dataclasses
import re

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_PART = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclasses.dataclass(frozen=True)
class Reference:
    """An image by name: repository, and tag or digest."""

    #: Registry with its port; empty for Docker Hub, and for images that are on an engine only.
    host: str
    path: str
    tag: str
    digest: str = ""

    @property
    def repository(self) -> str:
        """Without tag and digest, as an engine lists it."""
        return f"{self.host}/{self.path}" if self.host else self.path

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}" if self.digest else f"{self.repository}:{self.tag}"

    def tagged(self, tag: str) -> str:
        """Another tag of the same repository."""
        return f"{self.repository}:{tag}"


def parse(text: str, option: str) -> Reference:
    """``quay.io/team/notebook:live`` -> a reference; ``latest`` where there is neither tag nor digest.

    :param option: named in the message of the HubError for what is no reference.
    """
    name, _at, digest = text.partition("@")
    head, slash, rest = name.partition("/")
    host = head if slash and ("." in head or ":" in head or head == "localhost") else ""
    path, _colon, tag = (rest if host else name).partition(":")
    # An engine leaves these out.
    if host in ("docker.io", "index.docker.io"):
        host, path = "", path.removeprefix("library/")
    if (
        not all(_PART.fullmatch(part) for part in path.split("/"))
        or (host and not _HOST.fullmatch(host))
        or (":" in name.removeprefix(host) and not _TAG.fullmatch(tag))
        or ("@" in text and not _DIGEST.fullmatch(digest))
    ):
        raise HubError(
            f"{option} is {text!r}, which is no name of an image.",
            "Expected something like notebook:latest or registry.example.org/team/notebook:live, in small letters.",
        )
    return Reference(host, path, tag or "latest", digest)
