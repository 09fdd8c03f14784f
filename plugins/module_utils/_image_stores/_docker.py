# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notebook images on a Docker engine. Private to the collection."""

from __future__ import annotations

import json
import typing as t
import urllib.parse

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _releases
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._engine_api import EngineApi, EngineRefused
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_references import Reference, parse


class DockerStore:
    """An ``ImageStore``; an image's id is the engine's own."""

    on_engine = True

    def __init__(self, engine: EngineApi, live: Reference) -> None:
        self.engine = engine
        self._live = live

    def references(self, others: t.Sequence[str]) -> dict[str, str]:
        wanted = {str(self._live), *others}
        repositories = sorted({self._live.repository, *(parse(other, "history_tags").repository for other in others)})
        listed = self.engine.get("/images/json", "list its images", filters=json.dumps({"reference": repositories}))
        return {
            reference: image["Id"]
            for image in listed
            for reference in image.get("RepoTags") or []
            if reference in wanted
            or (
                reference.rpartition(":")[0] == self._live.repository
                and _releases.is_event(self._live, reference.rpartition(":")[2])
            )
        }

    def earlier(self) -> list[str]:
        return []

    def image(self, name: str, option: str) -> str:
        found = self.engine.image(name)
        if found is None:
            raise HubError(f"{option} is {name}, but the engine has no such image.", "Pull, load or build it first.")
        return str(found["Id"])

    def tag(self, image: str, reference: str) -> None:
        repository, _colon, tag = reference.rpartition(":")
        self.engine.post(f"/images/{image}/tag", f"name an image {reference}", repo=repository, tag=tag)

    def untag(self, image: str, references: t.Sequence[str]) -> str:
        for reference in references:
            try:
                self.engine.delete(f"/images/{urllib.parse.quote(reference, safe='/:@')}", f"remove {reference}")
            except EngineRefused as error:
                if error.status == 409:  # a container or another image needs it
                    return error.said
                if error.status != 404:
                    raise
        return ""

    def local(self, image: str, pull: bool) -> str:
        return image

    def release_of(self, local: str) -> str:
        return local
