# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notebook images in an image stream of OpenShift. Private to the collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _releases
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Cluster, Object, Refused
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_references import Reference, parse

_API = "image.openshift.io/v1"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class ImageStreamStore:
    """An ``ImageStore``; an image's id is its name in the stream, the digest of its manifest.

    A stream remembers what each of its tags was. That is the history as long as nothing was promoted; then the events are,
    as in any store, since a stream does not tell a roll-back from a promotion, and forgets what is older than it keeps.
    """

    on_engine = False

    def __init__(self, cluster: Cluster, namespace: str, live: Reference) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._live = live
        self._base = f"/apis/{_API}/namespaces/{namespace}"
        self._read: Object | None = None

    def _stream(self) -> Object:
        if self._read is None:
            path = f"{self._base}/imagestreams/{self._live.path}"
            try:
                self._read = self._cluster.get(path)
            except Refused as error:
                if error.status != 404:
                    raise
                raise HubError(
                    f"There is no image stream {self._live.path} in the project {self._namespace}, or this cluster is no "
                    f"OpenShift: {error.reason}.",
                    "Make it, for example by a build whose output it is, or use the store registry.",
                ) from error
        return self._read

    def _items(self) -> dict[str, list[Object]]:
        """Tag -> what it is and was, the newest first."""
        tags = (self._stream().get("status") or {}).get("tags") or []
        return {each["tag"]: each["items"] for each in tags if each.get("items")}

    def references(self, others: t.Sequence[str]) -> dict[str, str]:
        wanted = {str(self._live), *others}
        return {
            reference: items[0]["image"]
            for tag, items in self._items().items()
            for reference in [self._live.tagged(tag)]
            if reference in wanted or _releases.is_event(self._live, tag)
        }

    def earlier(self) -> list[str]:
        items = self._items().get(self._live.tag, [])
        return list(dict.fromkeys(item["image"] for item in items[1:]))

    def image(self, name: str, option: str) -> str:
        known = {item["image"] for items in self._items().values() for item in items}
        tag = ""
        if _DIGEST.fullmatch(name):
            found = name if name in known else ""
        else:
            parsed = parse(name, option)
            if parsed.repository != self._live.repository:
                raise HubError(
                    f"{option} is {name}, expected an image of the image stream {self._live.repository}.",
                    f"Put a tag of this stream on it first: oc tag {name} {self._live.tagged('candidate')}.",
                )
            tag = parsed.tag
            found = parsed.digest if parsed.digest in known else "" if parsed.digest else self._newest(tag)
        if found:
            return found
        raise HubError(
            f"{option} is {name}, but the image stream {self._live.repository} has no such image{self._why(tag)}.",
            f"It has {', '.join(sorted(self._items())) or 'no tag with an image'}.",
        )

    def _newest(self, tag: str) -> str:
        items = self._items().get(tag)
        return str(items[0]["image"]) if items else ""

    def _why(self, tag: str) -> str:
        """What the cluster says of a tag that it could not import."""
        for each in (self._stream().get("status") or {}).get("tags") or []:
            for condition in each.get("conditions") or [] if each["tag"] == tag else []:
                if condition.get("status") == "False":
                    return f": {condition.get('message') or condition.get('reason')}".rstrip(".")
        return ""

    def tag(self, image: str, reference: str) -> None:
        name = reference.rpartition(":")[2]
        body: Object = {
            "apiVersion": _API,
            "kind": "ImageStreamTag",
            "metadata": {"name": f"{self._live.path}:{name}", "namespace": self._namespace},
            "tag": {
                "name": name,
                "from": {"kind": "ImageStreamImage", "name": f"{self._live.path}@{image}"},
                "referencePolicy": {"type": "Local"},
            },
        }
        path = f"{self._base}/imagestreamtags"
        # The cluster makes what is not there, too.
        self._cluster.replace(f"{path}/{self._live.path}:{name}", body)

    def untag(self, image: str, references: t.Sequence[str]) -> str:
        for reference in references:
            path = f"{self._base}/imagestreamtags/{self._live.path}:{reference.rpartition(':')[2]}"
            try:
                self._cluster.delete(path)
            except Refused as error:
                return error.reason
        return ""

    def local(self, image: str, pull: bool) -> str:
        for items in self._items().values():
            for item in items:
                if item["image"] == image:
                    return str(item["dockerImageReference"])
        return ""

    def release_of(self, local: str) -> str:
        return local
