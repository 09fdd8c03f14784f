# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Client of a registry's HTTP API v2: manifests and tags, never layers. Private to the collection."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import http.client
import json
import os
import re
import ssl
import typing as t
import urllib.error
import urllib.parse

from ansible.module_utils.urls import open_url

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

# All kinds of one image and of images for several architectures. The oldest kind is not among them: it is signed with
# its own tag, so that it can not get another one.
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_LARGEST = 4 * 2**20  # what a registry has to accept, by the specification
_PAGE = 1000


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a registry keeps under a digest, byte by byte."""

    digest: str
    content: bytes
    kind: str


@dataclasses.dataclass(frozen=True)
class _Answer:
    status: int
    headers: t.Mapping[str, str]
    content: bytes

    def said(self) -> str:
        """The registry's own words."""
        try:
            error = json.loads(self.content)["errors"][0]
            return f"{self.status} {error.get('code', '')}: {error.get('message', '')}".strip(": ")
        except (ValueError, KeyError, IndexError, TypeError):
            return str(self.status)


class Repository:
    """One repository of a registry.

    :param host: name of the registry, with its port if it has one.
    :param path: name of the repository there.
    :param ca_path: PEM file of the authorities to trust; empty for those of the system.
    :raises HubError: an option can not be used; nothing was sent.
    """

    def __init__(
        self,
        host: str,
        path: str,
        username: str = "",
        password: str = "",
        *,
        ca_path: str = "",
        validate_certs: bool = True,
        plain_http: bool = False,
        timeout: float = 60,
    ) -> None:
        if bool(username) != bool(password):
            given, missing = ("username", "password") if username else ("password", "username")
            raise HubError(f"There is a {given} for the registry, but no {missing}.", "Give both, or neither.")
        if ca_path and not os.path.isfile(ca_path):
            raise HubError(f"ca_path is {ca_path!r}, expected an existing PEM file.")
        self.host, self.path = host, path
        self.username, self.password = username, password
        self._url = f"{'http' if plain_http else 'https'}://{host}"
        self._ca_path, self._validate_certs, self._timeout = ca_path or None, validate_certs, timeout
        self._authorization = ""

    def tags(self) -> list[str]:
        """All tags; none where there is no repository yet."""
        found: list[str] = []
        path = f"/v2/{self.path}/tags/list?n={_PAGE}"
        while path:
            answer = self._ask("GET", path)
            if answer.status == 404:
                return found
            self._expect(answer, 200, f"list the tags of {self.host}/{self.path}")
            found += self._json(answer).get("tags") or []
            link = re.search(r'<([^>]+)>;\s*rel="?next', answer.headers.get("link", ""))
            # Whatever address is in it, this is the registry that is meant.
            parts = urllib.parse.urlsplit(link[1]) if link else None
            path = f"{parts.path}?{parts.query}" if parts else ""
        return found

    def digest(self, reference: str) -> str:
        """Digest under a tag; empty when there is none."""
        answer = self._ask("HEAD", self._manifest(reference), accept=True)
        if answer.status == 404:
            return ""
        self._expect(answer, 200, f"show {self.name(reference)}")
        return answer.headers.get("docker-content-digest") or self.manifest(reference).digest

    def manifest(self, reference: str) -> Manifest:
        """The manifest under a tag or a digest.

        :raises HubError: there is none, or it is not what its digest says, or of no kind that can get another tag.
        """
        name = self.name(reference)
        answer = self._ask("GET", self._manifest(reference), accept=True)
        if answer.status == 404:
            raise HubError(f"The registry has no image {name}.", "Push it first, or correct the name.")
        self._expect(answer, 200, f"show {name}")
        digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        expected = reference if reference.startswith("sha256:") else answer.headers.get("docker-content-digest", digest)
        kind = answer.headers.get("content-type", "").partition(";")[0].strip()
        problem = ""
        if len(answer.content) > _LARGEST:
            problem = f"it has more than {_LARGEST} bytes"
        elif digest != expected:
            problem = f"its content has the digest {digest}, expected {expected}"
        elif kind not in MANIFESTS:
            problem = f"it is of the kind {kind or 'nobody knows'}"
        else:
            try:
                found = json.loads(answer.content)
                if not isinstance(found, dict) or found.get("schemaVersion") != 2:
                    problem = "it is no manifest of version 2"
            except ValueError:
                problem = "it is no JSON"
        if problem:
            raise HubError(f"The manifest of {name} can not be used: {problem}.", "Push the image again.")
        return Manifest(digest, answer.content, kind)

    def put(self, manifest: Manifest, tag: str) -> None:
        """Put a tag on a manifest that the repository has, in one step and without a change of a byte."""
        answer = self._ask("PUT", self._manifest(tag), manifest.content, manifest.kind)
        self._expect(answer, 201, f"put the tag {self.name(tag)} on {manifest.digest}")
        digest = answer.headers.get("docker-content-digest", manifest.digest)
        if digest != manifest.digest:
            raise HubError(
                f"The registry {self.host} made another image of it: {tag} is {digest}, expected {manifest.digest}.",
                "Tell the administrators of the registry.",
            )

    def remove(self, digest: str) -> str:
        """Remove a manifest with all its tags; return why it stays, or nothing."""
        answer = self._ask("DELETE", self._manifest(digest))
        if answer.status in (202, 200, 204, 404):
            return ""
        if answer.status in (400, 403, 405):
            return f"the registry does not let it be removed ({answer.said()})"
        self._expect(answer, 202, f"remove {digest}")
        return ""

    # -- requests

    def name(self, reference: str) -> str:
        """A tag or digest in full, for messages."""
        return f"{self.host}/{self.path}{'@' if reference.startswith('sha256:') else ':'}{reference}"

    def _manifest(self, reference: str) -> str:
        return f"/v2/{self.path}/manifests/{reference}"

    def _json(self, answer: _Answer) -> dict[str, t.Any]:
        try:
            found = json.loads(answer.content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise HubError(f"What answers at {self._url} is no registry: its answer is no JSON.", "Look at name.")
        return found

    def _expect(self, answer: _Answer, status: int, what: str) -> None:
        if answer.status == status:
            return
        if answer.status in (401, 403):
            who = f"{self.username} may not" if self.username else "Nobody without a name and a password may"
            raise HubError(
                f"{who} {what} ({answer.said()}).",
                "Look at username and password, and at what the registry lets this account do.",
            )
        raise HubError(f"The registry {self.host} did not {what} ({answer.said()}).")

    def _ask(
        self, method: str, path: str, content: bytes | None = None, kind: str = "", accept: bool = False
    ) -> _Answer:
        """An answer of the registry, with authorization if it wants some."""
        headers = {"Accept": ", ".join(MANIFESTS)} if accept else {}
        if kind:
            headers["Content-Type"] = kind
        answer = self._send(method, self._url + path, headers, self._authorization, content)
        if answer.status == 401:
            wanted = self._authorize(answer.headers.get("www-authenticate", ""))
            if wanted and wanted != self._authorization:
                self._authorization = wanted
                answer = self._send(method, self._url + path, headers, wanted, content)
        return answer

    def _authorize(self, challenge: str) -> str:
        """The header with which a challenge is met, empty where there is none."""
        basic = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        kind, _space, rest = challenge.partition(" ")
        if kind.lower() == "basic":
            return f"Basic {basic}" if self.username else ""
        fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        if kind.lower() != "bearer" or "realm" not in fields:
            return ""
        realm = fields.pop("realm")
        if self._url.startswith("https:") and not realm.startswith("https:"):
            raise HubError(
                f"The registry {self.host} sends its users to {realm}, which is not encrypted.",
                "The password was not sent. Tell the administrators of the registry.",
            )
        query = {name: fields[name] for name in ("service", "scope") if name in fields}
        url = f"{realm}{'&' if '?' in realm else '?'}{urllib.parse.urlencode(query)}"
        answer = self._send("GET", url, {}, f"Basic {basic}" if self.username else "")
        if answer.status != 200:
            raise HubError(
                f"{realm} gave no token for {self.host}/{self.path} ({answer.said()}).",
                "Look at username and password.",
            )
        found = self._json(answer)
        return f"Bearer {found.get('token') or found.get('access_token') or ''}"

    def _send(
        self, method: str, url: str, headers: t.Mapping[str, str], authorization: str, content: bytes | None = None
    ) -> _Answer:
        try:
            answer = open_url(
                url,
                data=content,
                headers={**headers, **({"Authorization": authorization} if authorization else {})},
                # Not sent on to where a registry may keep its files.
                unredirected_headers=["Authorization"],
                method=method,
                timeout=self._timeout,
                validate_certs=self._validate_certs,
                ca_path=self._ca_path,
                follow_redirects="safe",
                use_netrc=False,
                decompress=False,
            )
        except urllib.error.HTTPError as error:
            answer = error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._unreachable(url, error) from error
        try:
            found = {name.lower(): value for name, value in answer.headers.items()}
            return _Answer(answer.status, found, answer.read(_LARGEST + 1))
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(url, error) from error

    def _unreachable(self, url: str, error: Exception) -> HubError:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        address = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(url))
        if isinstance(reason, ssl.SSLCertVerificationError):
            return HubError(
                f"The certificate of {address} was not accepted: {reason.verify_message}.",
                "Give the authority that signed it as ca_path, or correct the name or the date of the certificate.",
            )
        if isinstance(reason, ssl.SSLError):
            return HubError(
                f"No TLS connection with {address}: {reason.reason or reason}.",
                "If the registry is on this host and speaks no TLS, say so with plain_http.",
            )
        if isinstance(reason, TimeoutError):
            return HubError(f"{address} did not answer within {self._timeout:g} seconds.")
        said = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
        return HubError(f"No registry answers at {address}: {said}.", "Check the name and whether it runs.")
