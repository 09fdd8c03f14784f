# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker engine, asked through its socket by HTTP. Private to the collection.

A client of a few lines instead of the program ``docker`` or its Python package: it needs neither of them on the host, one
connection answers all questions, and lists come with the ids of images, which the program leaves out.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import typing as t
import urllib.parse

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

_DEFAULT_SOCKET = "/var/run/docker.sock"
_HINT = "Start the engine (systemctl start docker) and run this as an account that may use its socket."


class _Connection(http.client.HTTPConnection):
    """HTTP over a socket of this host."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


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
    :raises HubError: the environment names an engine that is elsewhere.
    """

    def __init__(self, path: str = "", timeout: float = 60) -> None:
        host = "" if path else os.environ.get("DOCKER_HOST", "")
        if host and not host.startswith("unix://"):
            raise HubError(
                f"DOCKER_HOST is {host}, expected the socket of an engine on this host, such as unix://{_DEFAULT_SOCKET}.",
                "Run this on the host of the engine, or give the option socket.",
            )
        self.path = path or host.removeprefix("unix://") or _DEFAULT_SOCKET
        self._connection = _Connection(self.path, timeout)
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
