# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that no registry should give, and some do."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import json
import threading
import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._registry_api import MANIFESTS, Manifest, Repository

KIND = MANIFESTS[-1]
GOOD = json.dumps({"schemaVersion": 2}).encode()


@dataclasses.dataclass
class Answer:
    status: int = 200
    content: bytes = GOOD
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


class Server:
    """Answers what a test wants, by method and path."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"] or 0))
                server.asked.append(f"{self.command} {self.path} {self.headers['Authorization'] or ''}".strip())
                found = server.answers.get(f"{self.command} {self.path.partition('?')[0]}", Answer(404, b"{}"))
                self.send_response(found.status)
                for name, value in {"Content-Length": str(len(found.content)), **found.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(found.content)

            do_GET = do_HEAD = do_PUT = do_DELETE = answer

            def log_message(self, *arguments: t.Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def repository(server: Server) -> Repository:
    return Repository(server.host, "team/a", plain_http=True, timeout=5)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            Answer(headers={"Content-Type": "application/vnd.docker.distribution.manifest.v1+prettyjws"}),
            "of the kind .*v1",
        ),
        (Answer(), "of the kind nobody knows"),
        (Answer(content=b"<html>", headers={"Content-Type": KIND}), "it is no JSON"),
        (Answer(content=b"[]", headers={"Content-Type": KIND}), "no manifest of version 2"),
        (Answer(content=b"x" * (2**22 + 1), headers={"Content-Type": KIND}), "more than 4194304 bytes"),
        (Answer(headers={"Content-Type": KIND, "Docker-Content-Digest": "sha256:0"}), "expected sha256:0"),
        (Answer(500, b"oops"), "did not show 127.0.0.1:[0-9]+/team/a:x .500."),
        (Answer(429, b'{"errors": [{"code": "TOOMANYREQUESTS", "message": "slowly"}]}'), "429 TOOMANYREQUESTS: slowly"),
    ],
)
def test_a_manifest_that_can_not_be_used_is_said(
    server: Server, repository: Repository, answer: Answer, message: str
) -> None:
    server.answers["GET /v2/team/a/manifests/x"] = answer
    with pytest.raises(HubError, match=message):
        repository.manifest("x")


def test_what_is_no_registry_is_said(server: Server, repository: Repository) -> None:
    server.answers["GET /v2/team/a/tags/list"] = Answer(content=b"<html>")
    with pytest.raises(HubError, match="is no registry: its answer is no JSON"):
        repository.tags()


def test_tags_come_in_pages_from_this_registry_only(server: Server, repository: Repository) -> None:
    further = {"Link": '<http://elsewhere.example/v2/team/a/tags/more?last=b>; rel="next"'}
    server.answers["GET /v2/team/a/tags/list"] = Answer(content=b'{"tags": ["a", "b"]}', headers=further)
    server.answers["GET /v2/team/a/tags/more"] = Answer(content=b'{"tags": ["c"]}')
    assert repository.tags() == ["a", "b", "c"]


def test_a_digest_that_is_not_told_is_worked_out(server: Server, repository: Repository) -> None:
    answer = Answer(headers={"Content-Type": KIND})
    server.answers |= {"HEAD /v2/team/a/manifests/x": answer, "GET /v2/team/a/manifests/x": answer}
    assert repository.digest("x") == f"sha256:{hashlib.sha256(GOOD).hexdigest()}"
    assert repository.digest("y") == ""


def test_a_registry_that_makes_another_image_of_it_is_caught(server: Server, repository: Repository) -> None:
    server.answers["PUT /v2/team/a/manifests/live"] = Answer(201, headers={"Docker-Content-Digest": "sha256:1"})
    with pytest.raises(HubError, match="live is sha256:1, expected sha256:0"):
        repository.put(Manifest("sha256:0", GOOD, KIND), "live")


def test_credentials_stay_with_the_registry(server: Server) -> None:
    other = Server()
    try:
        server.answers["GET /v2/team/a/tags/list"] = Answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        repository = Repository(server.host, "team/a", "ada", "secret words", plain_http=True)
        with pytest.raises(HubError, match="ada may not list the tags"):
            repository.tags()
        place = {"Location": f"http://{other.host}/elsewhere"}
        server.answers["GET /v2/team/a/tags/list"] = Answer(307, headers=place)
        other.answers["GET /elsewhere"] = Answer(content=b'{"tags": ["a"]}')
        assert repository.tags() == ["a"]
        assert server.asked[-1].endswith("Basic YWRhOnNlY3JldCB3b3Jkcw==")
        assert other.asked == ["GET /elsewhere"]
    finally:
        other.close()
