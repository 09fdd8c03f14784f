# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub on OpenShift: as on Kubernetes, with a Route, image streams, and pods that run as the project's policy says."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import socket
import ssl
import subprocess
import typing as t
import urllib.parse
import urllib.request

from installation import wait_until
from kubernetes_installation import CLUSTER, KINDS, KubernetesInstallation, Object


@dataclasses.dataclass
class OpenShiftInstallation(KubernetesInstallation):
    """One hub in one project; people come through its Route."""

    platform: t.ClassVar[str] = "openshift"
    kinds: t.ClassVar[str] = f"{KINDS},routes,imagestreams,buildconfigs,builds"

    def __post_init__(self) -> None:
        """No name server knows the hosts of Routes."""
        host, router, asked = self.route_host, self.router, socket.getaddrinfo

        def known(name: t.Any, *arguments: t.Any, **options: t.Any) -> t.Any:
            return asked(router if name == host else name, *arguments, **options)

        socket.getaddrinfo = known

    @property
    def route_host(self) -> str:
        """Host of the hub's Route."""
        return str(urllib.parse.urlsplit(self.url).hostname)

    @property
    def router(self) -> str:
        """Address of the router."""
        return (self.scratch / "address").read_text().strip()

    def browser_options(self) -> tuple[str, ...]:
        """No name server knows the host, and the browser knows only authorities of the world; status() judges the certificate."""
        served = ssl.get_server_certificate((self.route_host, 443)).encode()
        key = subprocess.run(["openssl", "x509", "-noout", "-pubkey"], input=served, capture_output=True, check=True)
        der = subprocess.run(
            ["openssl", "pkey", "-pubin", "-outform", "DER"], input=key.stdout, capture_output=True, check=True
        )
        believed = base64.b64encode(hashlib.sha256(der.stdout).digest()).decode()
        return (
            f"--host-resolver-rules=MAP {self.route_host} {self.router}",
            f"--ignore-certificate-errors-spki-list={believed}",
        )

    def numbers(self) -> range:
        """The users that the project's policy gives to pods."""
        project = json.loads(self.kubectl("get", "namespace", self.namespace, "--output=json"))
        first, size = project["metadata"]["annotations"]["openshift.io/sa.scc.uid-range"].split("/")
        return range(int(first), int(first) + int(size))

    def status(self, url: str) -> tuple[int, str]:
        """Status of an answer of the router, whose certificate has to be good, and where it sends people to."""
        authority = subprocess.run([CLUSTER, "authority"], capture_output=True, text=True, check=True).stdout.strip()

        class Stays(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_arguments: t.Any, **_options: t.Any) -> None:
                return None

        https = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=authority))
        try:
            with urllib.request.build_opener(Stays, https).open(url, timeout=30) as answer:
                return int(answer.status), ""
        except urllib.error.HTTPError as error:
            return error.code, error.headers.get("Location", "")

    def tag(self, stream: str, tag: str, source: Object) -> None:
        """Make a tag of a stream another image, as ``oc tag`` does."""
        name = f"{stream}:{tag}"
        body = {
            "apiVersion": "image.openshift.io/v1",
            "kind": "ImageStreamTag",
            "metadata": {"name": name, "namespace": self.namespace},
            "tag": {"name": tag, "from": source, "referencePolicy": {"type": "Local"}},
        }
        path = f"/apis/image.openshift.io/v1/namespaces/{self.namespace}/imagestreamtags/{name}"
        self.kubectl("replace", f"--raw={path}", "--filename=-", stdin=json.dumps(body))
        wait_until(f"{name} has an image", lambda: self.image_of(stream, tag))

    def image_of(self, stream: str, tag: str) -> str:
        """Reference of the image that a tag of a stream is; empty when it is none."""
        return str(([*self._items(stream, tag), {}])[0].get("dockerImageReference", ""))

    def earlier(self, stream: str, tag: str) -> str:
        """Name in the stream of the image that a tag was before."""
        return str(self._items(stream, tag)[1]["image"])

    def _items(self, stream: str, tag: str) -> list[Object]:
        found = json.loads(self.kubectl("get", "imagestream", stream, "--output=json"))
        return next((each["items"] for each in found.get("status", {}).get("tags", []) if each["tag"] == tag), [])
