# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: BLE001 - whatever goes wrong is said on standard output, which is all that is left of this process
"""The part of the smoke test that runs beside the candidate: it stands for the hub, and it is the user.

``_smoke_test`` runs its text with the candidate's own Python, in a container that shares nothing but its network with that
of the candidate. Standard library only, since the candidate's packages are what is on trial; Python 3.8 or newer. Facts are
lines of JSON on standard output. Private to the collection.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import shutil
import struct
import subprocess
import sys
import threading
import time
import typing as t
import uuid

SERVER_PORT, HUB_PORT = 8888, 8081
_CODE, _ANSWER = "6 * 7", "42"  # means the same in Python, R and Julia


class Failed(Exception):
    """The candidate is not what it should be."""


def say(**facts: t.Any) -> None:
    """Tell the module something."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def installed(program: str) -> str:
    """The version of JupyterHub in this image; empty when that can not be told without a start."""
    with contextlib.suppress(Exception):  # another Python of the image may have it
        from importlib.metadata import version

        return version("jupyterhub")
    try:
        done = subprocess.run([program, "--version"], stdout=subprocess.PIPE, timeout=30, check=True)
        return done.stdout.decode().strip()
    except Exception:
        return ""


def serve_hub(request: dict[str, t.Any]) -> None:
    """Answer what a single-user server asks of a hub: its version, who a token belongs to, and to be told of activity."""
    import http.server  # only used in the container

    name = request["user"]
    user = {
        "kind": "user",
        "name": name,
        "admin": False,
        "groups": [],
        "server": request["base"],
        "scopes": [f"access:servers!server={name}/", f"access:servers!user={name}"],
        "session_id": None,
    }

    class Hub(http.server.BaseHTTPRequestHandler):
        def answer(self, status: int, body: dict[str, t.Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("X-JupyterHub-Version", request["version"])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            path = self.path.split("?")[0].rstrip("/")
            if path == "/hub/api":
                self.answer(200, {"version": request["version"]})
            elif path == "/hub/api/user" and self.headers["Authorization"] in (
                f"token {request['token']}",
                f"Bearer {request['token']}",
            ):
                self.answer(200, user)
            else:
                self.answer(403 if path == "/hub/api/user" else 404, {"message": "not here"})

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            self.answer(200, {})

        def log_message(self, *arguments: t.Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", HUB_PORT), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()


class Server:
    """The candidate, as a user's browser sees it."""

    def __init__(self, request: dict[str, t.Any]) -> None:
        self._base, self._token = request["base"], request["token"]
        self._end: float = time.monotonic() + request["seconds"]

    def left(self) -> float:
        """Seconds that are left of the test."""
        return max(self._end - time.monotonic(), 0.1)

    def ask(self, path: str, token: bool = True, body: dict[str, t.Any] | None = None) -> tuple[int, t.Any, str]:
        """Status, body and version of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", SERVER_PORT, timeout=self.left())
        try:
            connection.request(
                "GET" if body is None else "POST",
                self._base + path,
                None if body is None else json.dumps(body),
                {"Authorization": f"token {self._token}"} if token else {},
            )
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, content, answer.headers.get("X-JupyterHub-Version") or ""
        finally:
            connection.close()

    def wait(self) -> tuple[int, t.Any, str]:
        """The first answer."""
        while True:
            try:
                return self.ask("api", token=False)
            except (OSError, http.client.HTTPException) as error:
                if time.monotonic() >= self._end:
                    raise Failed("did not answer in time") from error
            time.sleep(0.1)

    def kernel(self) -> WebSocket:
        """A connection to a new kernel of the default kind."""
        status, content, _version = self.ask("api/kernels", body={})
        if status != 201:
            raise Failed(f"started no kernel: {status} {content.decode(errors='replace')[:300]}")
        path = f"api/kernels/{json.loads(content)['id']}"
        threading.Thread(target=self.watch, args=(path,), daemon=True).start()
        return WebSocket(f"{self._base}{path}/channels", self._token, self.left())

    def watch(self, kernel: str) -> None:
        """End the test when a kernel is given up: the server says so to nobody who waits for its first words."""
        while True:
            status, content, _version = self.ask(kernel)
            if status == 404 or json.loads(content).get("execution_state") == "dead":
                say(failed="started a kernel that died")
                os._exit(0)
            time.sleep(1)


class WebSocket:
    """The little of RFC 6455 that a conversation with a kernel needs."""

    def __init__(self, path: str, token: str, timeout: float) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", SERVER_PORT, timeout=timeout)
        self._connection.request(
            "GET",
            path,
            headers={
                "Authorization": f"token {token}",
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            },
        )
        self._socket = self._connection.sock
        self._file = self._socket.makefile("rb")
        status = self._file.readline().decode(errors="replace").strip()
        if " 101 " not in status:
            raise Failed(f"let nobody talk to its kernel: {status}")
        while self._file.readline().strip():
            pass

    def send(self, content: bytes, kind: int = 1) -> None:
        """Send a text, or another kind of frame."""
        size = len(content)
        head = (
            struct.pack("!BB", 0x80 | kind, 0x80 | size) if size < 126 else struct.pack("!BBH", 0x80 | kind, 0xFE, size)
        )
        mask = os.urandom(4)
        self._socket.sendall(head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(content)))

    def receive(self) -> bytes:
        """The next message."""
        message = b""
        while True:
            first, size = self._read(2)
            if size == 126:
                (size,) = struct.unpack("!H", self._read(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", self._read(8))
            content, kind = self._read(size), first & 15
            if kind == 8:
                raise Failed("closed the connection to its kernel")
            if kind == 9:
                self.send(content, 10)
            elif kind < 3:
                message += content
                if first & 0x80:
                    return message

    def _read(self, size: int) -> bytes:
        content = self._file.read(size)
        if len(content) < size:
            raise Failed("dropped the connection to its kernel")
        return content


def compute(kernel: WebSocket) -> None:
    """Let a kernel compute something.

    :raises Failed: it does not.
    """
    number = uuid.uuid4().hex
    header = {"msg_id": number, "msg_type": "execute_request", "username": "", "session": number, "version": "5.3"}
    content = {"code": _CODE, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    kernel.send(json.dumps(message).encode())
    seen = ""
    while True:
        try:
            answer = json.loads(kernel.receive())
        except OSError as error:
            raise Failed("started a kernel that did not compute in time") from error
        kind, said = answer.get("msg_type") or answer["header"]["msg_type"], answer["content"]
        state = said.get("execution_state")
        if state in ("restarting", "autorestarting", "dead"):
            raise Failed("started a kernel that died")
        if answer["parent_header"].get("msg_id") != number:
            continue
        if kind in ("execute_result", "display_data"):
            seen += str(said["data"].get("text/plain"))
        elif kind == "stream":
            seen += said["text"]
        elif kind == "error":
            raise Failed(f"started a kernel that can not compute {_CODE}: {said.get('ename')}: {said.get('evalue')}")
        if _ANSWER in seen:
            return
        if state == "idle":
            raise Failed(f"started a kernel that says that {_CODE} is {seen!r}")


def test(request: dict[str, t.Any]) -> None:
    """Be a user.

    :raises Failed: the candidate is not what it should be.
    """
    server = Server(request)
    status, _content, version = server.wait()
    if not version:
        raise Failed("answered, but not as a single-user server of JupyterHub")
    say(version=version)
    if status != 200:
        raise Failed(f"answered with status {status}, expected 200")
    if server.ask("api/status", token=False)[0] == 200:
        raise Failed("let a stranger in: it answered without asking for a token")
    status = server.ask("api/status")[0]
    if status != 200:
        raise Failed(f"did not let its own user in: status {status}, expected 200")
    if request["kernel"]:
        say(stage="kernel")
        compute(server.kernel())
    say(passed=True)


def main() -> None:
    """Stand for the hub, and be the user once the candidate runs."""
    request = json.loads(os.environ["HUBWRIGHT_SMOKE_TEST"])
    serve_hub(request)
    program = shutil.which("jupyterhub-singleuser") or ""
    say(program=program, installed=installed(program))
    try:
        test(request)
    except Failed as error:
        say(failed=str(error))
    except Exception as error:
        say(failed=f"could not be asked any more: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
