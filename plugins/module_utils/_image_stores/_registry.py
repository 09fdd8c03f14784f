# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notebook images in a registry. Private to the collection."""

from __future__ import annotations

import base64
import json
import re
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _releases
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._engine_api import EngineApi, EngineRefused
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_references import Reference, parse
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._registry_api import Manifest, Repository

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class RegistryStore:
    """An ``ImageStore``; an image's id is the digest of its manifest, or of its index with all architectures.

    :param engine: of this host, which is asked only where an image has to be on one. None: a cluster runs the images, whose
        nodes pull them by digest.
    """

    on_engine = False

    def __init__(self, repository: Repository, live: Reference, engine: EngineApi | None) -> None:
        self._repository = repository
        self._live = live
        self._engine = engine
        self._manifests: dict[str, Manifest] = {}
        self._digests: dict[str, str] = {}
        self._on_engine: dict[str, str] | None = None

    def references(self, others: t.Sequence[str]) -> dict[str, str]:
        tags = {str(self._live), *others}
        found = {}
        for tag in self._repository.tags():
            reference = self._live.tagged(tag)
            if reference in tags or _releases.is_event(self._live, tag):
                found[reference] = self._digest(tag)
        return {reference: digest for reference, digest in found.items() if digest}

    def _digest(self, tag: str) -> str:
        if tag not in self._digests:
            self._digests[tag] = self._repository.digest(tag)
        return self._digests[tag]

    def earlier(self) -> list[str]:
        return []

    def image(self, name: str, option: str) -> str:
        if _DIGEST.fullmatch(name):
            return self._manifest(name).digest
        reference = parse(name, option)
        if reference.repository != self._live.repository:
            raise HubError(
                f"{option} is {name}, expected an image of the repository {self._live.repository}.",
                f"Push it there as well, for example as {self._live.tagged('candidate')}.",
            )
        return self._manifest(reference.digest or reference.tag).digest

    def _manifest(self, reference: str) -> Manifest:
        if reference not in self._manifests:
            found = self._repository.manifest(reference)
            self._manifests[found.digest] = found
            return found
        return self._manifests[reference]

    def tag(self, image: str, reference: str) -> None:
        self._repository.put(self._manifest(image), reference.rpartition(":")[2])

    def untag(self, image: str, references: t.Sequence[str]) -> str:
        # A registry removes a manifest with all its tags, so nobody else may have one on it.
        going = {reference.rpartition(":")[2] for reference in references}
        others = [tag for tag in self._repository.tags() if tag not in going and self._digest(tag) == image]
        if others:
            return f"the tag {others[0]} is on it as well"
        return self._repository.remove(image)

    def local(self, image: str, pull: bool) -> str:
        name = f"{self._live.repository}@{image}"
        if self._engine is None:
            return name
        try:
            self._engine.get("/version", "say its version")
        except HubError as error:
            raise HubError(
                error.message,
                "A registry can not try an image out: give the socket of an engine or a cluster, or promote without a test, "
                "with smoke_test.enabled false.",
            ) from error
        if pull and not self._engine.image(name):
            self._pull(self._engine, image)
        return str((self._engine.image(name) or {}).get("Id", ""))

    def _pull(self, engine: EngineApi, image: str) -> None:
        account = {
            "username": self._repository.username,
            "password": self._repository.password,
            "serveraddress": self._repository.host,
        }
        headers = {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(account).encode()).decode()}
        name = f"{self._live.repository}@{image}"
        hint = "The engine has to reach the registry and to trust its certificate (/etc/docker/certs.d)."
        try:
            progress = engine.post(
                "/images/create", f"pull {name}", headers=headers, fromImage=self._live.repository, tag=image
            )
        except EngineRefused as error:
            raise HubError(error.message, hint) from error
        for line in progress.splitlines():
            if said := json.loads(line).get("error"):
                raise HubError(f"The Docker engine could not pull {name}: {said.rstrip('.')}.", hint)

    def release_of(self, local: str) -> str:
        if self._engine is None:
            return local
        if self._on_engine is None:
            listed = self._engine.get(
                "/images/json", "list its images", filters=json.dumps({"reference": [self._live.repository]})
            )
            self._on_engine = {
                image["Id"]: digest
                for image in listed
                for repository, _at, digest in (name.partition("@") for name in image.get("RepoDigests") or [])
                if repository == self._live.repository
            }
        return self._on_engine.get(local, "")
