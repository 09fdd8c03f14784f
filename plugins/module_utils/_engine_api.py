# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker engine, asked through its socket by HTTP. Private to the collection.

A client of a few lines instead of the program ``docker`` or its Python package: it needs neither of them on the host, one
connection answers all questions, and lists come with the ids of images, which the program leaves out.
"""

from __future__ import annotations

import functools
import http.client
import json
import os
import socket
import subprocess
import typing as t
import urllib.parse

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

_DEFAULT_SOCKET = "/var/run/docker.sock"
_HINT = "Start the engine (systemctl start docker) and run this as an account that may use its socket."


class _Connection(http.client.HTTPConnection):
    """HTTP over a socket of this host, or whatever else leads to an engine."""

    def __init__(self, dial: t.Callable[[], socket.socket], timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._dial = dial

    def connect(self) -> None:
        self.sock = self._dial()
        self.sock.settimeout(self.timeout)


def _local(path: str) -> socket.socket:
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    found.connect(path)
    return found


def _by_tcp(address: urllib.parse.SplitResult) -> socket.socket:
    """As the program ``docker`` does it, with TLS when the environment says so."""
    secure = bool(os.environ.get("DOCKER_TLS_VERIFY"))
    found = socket.create_connection((address.hostname, address.port or (2376 if secure else 2375)), 60)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if not secure:
        return found
    import ssl  # only here: it takes longer than all others

    folder = os.environ.get("DOCKER_CERT_PATH") or os.path.expanduser("~/.docker")
    context = ssl.create_default_context(cafile=os.path.join(folder, "ca.pem"))
    context.load_cert_chain(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"))
    return context.wrap_socket(found, server_hostname=address.hostname)


def _by_ssh(address: urllib.parse.SplitResult) -> socket.socket:
    """A program there passes everything on to its engine; it ends when this end is closed."""
    ours, theirs = socket.socketpair()
    port = ["-p", str(address.port)] if address.port else []
    user = f"{address.username}@" if address.username else ""
    command = ["ssh", "-T", "-o", "BatchMode=yes", *port, "--", f"{user}{address.hostname}"]
    with theirs:
        subprocess.Popen([*command, "docker", "system", "dial-stdio"], stdin=theirs.fileno(), stdout=theirs.fileno())
    return ours


_AWAY = {"tcp": _by_tcp, "ssh": _by_ssh}


class EngineRefused(HubError):
    """The engine's answer is an error.

    :param status: the answer's HTTP status.
    :param said: what the engine said.
    """

    def __init__(self, what: str, status: int, said: str) -> None:
        super().__init__(f"The Docker engine refused to {what}: {said.strip().rstrip('.')}.")
        self.status = status
        self.said = said.strip()


class EngineApi:
    """One connection to an engine.

    :param path: its socket; empty for what the environment says.
    :param timeout: seconds that an answer may take.
    :param anywhere: it may be elsewhere, as far as the environment says so.
    :raises HubError: the environment names an engine that is elsewhere.
    """

    def __init__(self, path: str = "", timeout: float = 60, anywhere: bool = False) -> None:
        host = "" if path else os.environ.get("DOCKER_HOST", "")
        address = urllib.parse.urlsplit(host)
        self.away = anywhere and address.scheme in _AWAY
        if host and not host.startswith("unix://") and not self.away:
            raise HubError(
                f"DOCKER_HOST is {host}, expected the socket of an engine on this host, such as unix://{_DEFAULT_SOCKET}.",
                "Run this on the host of the engine, or give the option socket.",
            )
        self.path = path or host.removeprefix("unix://") or _DEFAULT_SOCKET
        self._dial: t.Callable[[], socket.socket] = (
            functools.partial(_AWAY[address.scheme], address) if self.away else functools.partial(_local, self.path)
        )
        self._connection = _Connection(self._dial, timeout)
        self._timeout = timeout

    def get(self, path: str, what: str, **query: t.Any) -> t.Any:
        """What is there, as JSON; ``what`` completes "refused to" in a message."""
        return json.loads(self._ask("GET", path, what, query) or b"null")

    def post(
        self, path: str, what: str, body: t.Any = None, headers: t.Mapping[str, str] | None = None, **query: t.Any
    ) -> bytes:
        """Make or start something."""
        return self._ask("POST", path, what, query, body, headers)

    def delete(self, path: str, what: str, **query: t.Any) -> None:
        """Remove something."""
        self._ask("DELETE", path, what, query)

    def close(self) -> None:
        """Hold no connection until the next question."""
        self._connection.close()

    def execute(self, container: str, command: t.Sequence[str]) -> socket.socket:
        """A program in a container that runs, by a connection of its own: its input, and its outputs in frames.

        :raises HubError: the engine does not start it.
        """
        streams = {"AttachStdin": True, "AttachStdout": True, "AttachStderr": True}
        what = "run a program in a container"
        made = json.loads(self.post(f"/containers/{container}/exec", what, {**streams, "Cmd": list(command)}))
        body = json.dumps({"Detach": False, "Tty": False}).encode()
        head = (
            f"POST /exec/{made['Id']}/start HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            stream = self._dial()
            stream.sendall(head.encode() + body)
            answer = b""
            while not answer.endswith(b"\r\n\r\n") and (byte := stream.recv(1)):  # what follows is the program's
                answer += byte
        except OSError as error:
            raise HubError(f"No Docker engine answers at {self.path}: {error.strerror or error}.", _HINT) from error
        status = answer.partition(b" ")[2][:3]
        if status not in (b"101", b"200"):
            stream.close()
            raise EngineRefused(what, int(status or 0), answer.partition(b"\r\n")[0].decode(errors="replace"))
        return stream

    def image(self, name: str) -> dict[str, t.Any] | None:
        """An image by name or id; None where it is not there."""
        try:
            found: dict[str, t.Any] = self.get(
                f"/images/{urllib.parse.quote(name, safe='/:@')}/json", f"show the image {name}"
            )
        except EngineRefused as error:
            if error.status in (400, 404):  # no name of an image, or of none that is there
                return None
            raise
        return found

    def containers(self, **filters: t.Sequence[str]) -> list[dict[str, t.Any]]:
        """All containers that match all filters, running or not: a list of few facts, in one call whatever their number."""
        found: list[dict[str, t.Any]] = self.get(
            "/containers/json", "list its containers", all="true", filters=json.dumps(filters)
        )
        return found

    def logs(self, container: str, lines: int | str = "all") -> list[str]:
        """What a container wrote, on both of its outputs."""
        answer = self._ask(
            "GET", f"/containers/{container}/logs", "show a log", {"stdout": "true", "stderr": "true", "tail": lines}
        )
        text = b""
        while len(answer) >= 8:  # frames: which output, three zeros, length
            size = int.from_bytes(answer[4:8], "big")
            text += answer[8 : 8 + size]
            answer = answer[8 + size :]
        return text.decode(errors="replace").splitlines()

    def _ask(
        self,
        method: str,
        path: str,
        what: str,
        query: t.Mapping[str, t.Any],
        body: t.Any = None,
        headers: t.Mapping[str, str] | None = None,
    ) -> bytes:
        url = f"{path}?{urllib.parse.urlencode(query)}" if query else path
        sent = None if body is None else json.dumps(body).encode()
        try:
            self._connection.request(method, url, sent, {"Content-Type": "application/json", **(headers or {})})
            answer = self._connection.getresponse()
            content = answer.read()
        except TimeoutError as error:
            self._connection.close()
            raise HubError(
                f"The Docker engine did not {what} within {self._timeout:g} seconds.",
                "Look at its log (journalctl --unit docker), or raise timeout.",
            ) from error
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or "no answer"
            raise HubError(f"No Docker engine answers at {self.path}: {reason}.", _HINT) from error
        if answer.status >= 400:
            try:
                said = str(json.loads(content)["message"])
            except (ValueError, KeyError, TypeError):
                said = content.decode(errors="replace")[:200] or answer.reason
            raise EngineRefused(what, answer.status, said)
        return content
