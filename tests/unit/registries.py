# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real registries for tests: Debian's docker-registry, open, with a password, with tokens and with TLS, on one storage."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import http.server
import json
import os
import pathlib
import socket
import subprocess
import threading
import time
import typing as t
import urllib.parse
import urllib.request
import uuid

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

TESTBED = pathlib.Path(__file__).resolve().parents[1] / "testbed"
USER, PASSWORD = "promoter", "let me in"
# Of that password; made with perl -e 'print crypt("let me in", q($2b$05$abcdefghijklmnopqrstuu))'
HASH = "$2b$05$abcdefghijklmnopqrstuu4h2R.N3/mVBA7Xh7aLzKSJDAsK61n52"
IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclasses.dataclass
class Registry:
    """One that runs."""

    directory: pathlib.Path
    port: int
    scheme: str
    #: Options of the modules to reach it.
    options: dict[str, t.Any]

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Method and address of every request that it answered."""
        found = []
        for line in (self.directory / f"{self.port}.log").read_text(encoding="utf-8").splitlines():
            fields = json.loads(line) if line.startswith("{") else {}
            if fields.get("msg") == "response completed":
                found.append((fields["http.request.method"], fields["http.request.uri"]))
        return found


@contextlib.contextmanager
def running(directory: pathlib.Path, scheme: str = "http", remove: bool = True, **more: t.Any) -> t.Iterator[Registry]:
    """Start one in a directory, whose storage it shares with others there; ``more`` is what its configuration has more."""
    subprocess.run([TESTBED / "registry.sh"], check=True, capture_output=True)
    cache = pathlib.Path(os.environ.get("HUBWRIGHT_CACHE") or pathlib.Path.home() / ".cache" / "hubwright")
    port = free_port()
    options = {"plain_http": True} if scheme == "http" else {"ca_path": more["http"]["tls"]["certificate"]}
    registry = Registry(directory, port, scheme, options)
    configuration = {
        "version": 0.1,
        "log": {"level": "info", "formatter": "json", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(directory / "storage")}, "delete": {"enabled": remove}},
        **more,
        "http": {"addr": registry.host, **more.get("http", {})},
    }
    path = directory / f"{port}.yml"
    path.write_text(json.dumps(configuration), encoding="utf-8")  # which is YAML too
    with (directory / f"{port}.log").open("wb") as log:
        program = cache / "registry" / "package" / "usr" / "bin" / "docker-registry"
        process = subprocess.Popen([program, "serve", path], stdout=log, stderr=log)
    try:
        end = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
                break
            assert process.poll() is None and time.monotonic() < end, (directory / f"{port}.log").read_text()
            time.sleep(0.05)
        yield registry
    finally:
        process.terminate()
        process.wait()


def password(directory: pathlib.Path) -> dict[str, t.Any]:
    """Configuration that asks for USER and PASSWORD."""
    path = directory / "htpasswd"
    path.write_text(f"{USER}:{HASH}\n", encoding="ascii")
    return {"auth": {"htpasswd": {"realm": "test", "path": str(path)}}}


def tls(directory: pathlib.Path) -> dict[str, t.Any]:
    """Configuration with a certificate of one's own."""
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        + [
            "-subj",
            "/CN=registry",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            str(key),
            "-out",
            str(certificate),
        ],
        check=True,
        capture_output=True,
    )
    return {"http": {"tls": {"certificate": str(certificate), "key": str(key)}}}


class Tokens:
    """A stand-in for a token server: who has the password may do what was asked for."""

    def __init__(self, directory: pathlib.Path) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (directory / "tokens.key").write_bytes(pem)
        certificate = directory / "tokens.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-key", str(directory / "tokens.key"), "-days", "2", "-subj", "/CN=tokens"]
            + ["-out", str(certificate)],
            check=True,
            capture_output=True,
        )
        self._chain = ["".join(certificate.read_text().splitlines()[1:-1])]
        self.asked: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                outer.asked.append(query["scope"][0])
                expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
                allowed = self.headers["Authorization"] == expected
                body = json.dumps({"token": outer._token(query["scope"][0])} if allowed else {"errors": []}).encode()
                self.send_response(200 if allowed else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: t.Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/token"
        self.configuration = {
            "auth": {
                "token": {"realm": self.url, "service": "test", "issuer": "tokens", "rootcertbundle": str(certificate)}
            }
        }
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _token(self, scope: str) -> str:
        kind, name, actions = scope.split(":")
        claims = {
            "iss": "tokens",
            "aud": "test",
            "sub": USER,
            "exp": int(time.time()) + 300,
            "nbf": int(time.time()) - 60,
            "iat": int(time.time()),
            "jti": uuid.uuid4().hex,
            "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
        }
        header = {"typ": "JWT", "alg": "RS256", "x5c": self._chain}
        text = ".".join(map(_part, (json.dumps(header).encode(), json.dumps(claims).encode())))
        return f"{text}.{_part(self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def request(registry: Registry, method: str, path: str, data: bytes | None = None, kind: str = "") -> t.Any:
    """Ask an open registry."""
    url = path if path.startswith("http") else f"http://{registry.host}/v2/{path}"
    headers = {"Content-Type": kind or "application/octet-stream", "Accept": f"{IMAGE}, {INDEX}"}
    return urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=30)


def blob(registry: Registry, repository: str, data: bytes) -> dict[str, t.Any]:
    """Upload something; return its descriptor."""
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    with request(registry, "POST", f"{repository}/blobs/uploads/", b"") as answer:
        place = answer.headers["Location"]
    request(registry, "PUT", f"{place}&digest={digest}", data).close()
    return {"digest": digest, "size": len(data)}


def push(registry: Registry, repository: str, tag: str, architecture: str = "amd64") -> str:
    """Upload a new image for an open registry, with nothing in it; return its digest."""
    layer = b"\0" * 10240  # an archive without a file
    config = {"architecture": architecture, "os": "linux", "config": {"Labels": {"test": uuid.uuid4().hex}}}
    config |= {"rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}}
    manifest = {
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            **blob(registry, repository, json.dumps(config).encode()),
        },
        "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar", **blob(registry, repository, layer)}],
    }
    return put(registry, repository, tag, manifest, IMAGE)


def push_index(registry: Registry, repository: str, tag: str) -> str:
    """Upload an image for two architectures; return its digest."""
    entries = []
    for architecture in ("amd64", "arm64"):
        digest = push(registry, repository, f"{tag}-{architecture}", architecture)
        size = len(read(registry, repository, digest))
        platform = {"os": "linux", "architecture": architecture}
        entries.append({"mediaType": IMAGE, "digest": digest, "size": size, "platform": platform})
    return put(registry, repository, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, INDEX)


def put(registry: Registry, repository: str, tag: str, manifest: dict[str, t.Any], kind: str) -> str:
    """Upload a manifest, in a form that nobody would come to by reading and writing it again."""
    data = json.dumps(manifest, indent=3).encode() + b"\n"
    with request(registry, "PUT", f"{repository}/manifests/{tag}", data, kind) as answer:
        return str(answer.headers["Docker-Content-Digest"])


def read(registry: Registry, repository: str, reference: str) -> bytes:
    """The bytes of a manifest."""
    with request(registry, "GET", f"{repository}/manifests/{reference}") as answer:
        return bytes(answer.read())


def tags(registry: Registry, repository: str) -> list[str]:
    """All tags, sorted."""
    with request(registry, "GET", f"{repository}/tags/list") as answer:
        return sorted(json.load(answer)["tags"] or [])
