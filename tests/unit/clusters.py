# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API of a small cluster, over real HTTP: it keeps objects and does with pods what a test says. The scenario `kubernetes`
has a real one."""

from __future__ import annotations

import contextlib
import http.server
import json
import pathlib
import threading
import typing as t
import urllib.parse
import uuid

import yaml

Object = dict[str, t.Any]
ALL = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
APIS = (
    "apps/v1",
    "networking.k8s.io/v1",
    "rbac.authorization.k8s.io/v1",
    "gateway.networking.k8s.io/v1",
    "storage.k8s.io/v1",
)


class Cluster:
    """Objects by their path, and how the cluster answers."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {"/api/v1/namespaces/course": {"metadata": {"name": "course"}}}
        self.logs: dict[str, str] = {}
        self.rules: list[Object] = ALL
        self.incomplete = False
        self.refusals: dict[tuple[str, str], tuple[int, str]] = {}
        """(method, path) -> status and message."""
        self.written: list[str] = []
        self.after: t.Callable[[str, Object], None] = lambda path, body: None
        """Called with what was made."""
        self.others: t.Callable[[str, str, t.Any], tuple[int, t.Any] | None] = lambda method, path, body: None
        """Asked first, for what is not kept as it is given."""
        self.before: t.Callable[[str], tuple[int, t.Any] | None] = lambda path: None
        """Asked first when something is read."""
        self.kubeconfig = ""

    def put(self, path: str, **body: t.Any) -> Object:
        """Have an object; ``metadata`` may be left out."""
        name = path.rpartition("/")[2]
        found: Object = {**body, "metadata": {"name": name, "uid": uuid.uuid4().hex, **body.get("metadata", {})}}
        self.objects[path] = found
        return found

    def answer(self, method: str, path: str, query: dict[str, str], body: t.Any) -> tuple[int, t.Any]:
        """Status and JSON, or a text."""
        if (method, path) in self.refusals:
            status, message = self.refusals[method, path]
            return status, {"kind": "Status", "message": message}
        if method == "GET" and (other := self.before(path)) is not None:
            return other
        if path == "/version":
            return 200, {"gitVersion": "v1.33.1"}
        if path == "/apis":
            groups = [{"versions": [{"groupVersion": api}]} for api in APIS]
            return 200, {"groups": groups}
        if path.endswith("selfsubjectrulesreviews"):
            return 201, {"status": {"resourceRules": self.rules, "incomplete": self.incomplete}}
        if path.endswith("/log"):
            return 200, self.logs.get(f"{path.split('/')[-2]}/{query['container']}", "")
        if method != "GET":
            self.written.append(f"{method} {path}")
        if (other := self.others(method, path, body)) is not None:
            return other
        if method == "POST":
            return 201, self._make(f"{path}/{body['metadata']['name']}", body)
        found = self.objects.get(path)
        if method == "GET" and found is None and path.rpartition("/")[2].endswith("s"):
            return 200, {"items": self._list(path, query.get("labelSelector", ""))}
        if found is None:
            return 404, {"kind": "Status", "message": f"{path} not found"}
        if method == "PATCH":
            found.setdefault("data", {}).update(body.get("data", {}))
            found["metadata"].setdefault("labels", {}).update(body["metadata"].get("labels", {}))
        if method == "DELETE":
            del self.objects[path]
        return 200, found

    def _make(self, path: str, body: Object) -> Object:
        made = self.put(path, **body)
        self.after(path, made)
        return made

    def _list(self, path: str, selector: str) -> list[Object]:
        wanted = [part.partition("=") for part in selector.split(",") if part]
        inside = [found for name, found in self.objects.items() if name.rpartition("/")[0] == path]
        labels = [found["metadata"].get("labels") or {} for found in inside]
        return [
            found
            for found, has in zip(inside, labels, strict=True)
            if all(label in has and (not equals or has[label] == value) for label, equals, value in wanted)
        ]


@contextlib.contextmanager
def running(folder: pathlib.Path) -> t.Iterator[Cluster]:
    """A cluster that answers, with a kubeconfig for it."""
    cluster = Cluster()

    class Handler(http.server.BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urllib.parse.urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            if self.headers.get("Content-Type") != "application/octet-stream":
                body = json.loads(body or b"null")
            query = dict(urllib.parse.parse_qsl(parts.query))
            status, answer = cluster.answer(self.command, parts.path, query, body)
            data = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

        def log_message(self, *_arguments: t.Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    path = folder / "kubeconfig"
    write_kubeconfig(path, f"http://127.0.0.1:{server.server_port}")
    cluster.kubeconfig = str(path)
    try:
        yield cluster
    finally:
        server.shutdown()
        server.server_close()


def write_kubeconfig(path: pathlib.Path, address: str) -> None:
    """A kubeconfig with one context, called here."""
    entry = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": {"server": address}}],
        "users": [{"name": "me", "user": {"token": "token-of-a-person"}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "current-context": "here",
    }
    path.write_text(yaml.safe_dump(entry), encoding="utf-8")
