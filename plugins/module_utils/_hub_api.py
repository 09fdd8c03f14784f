# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Client of JupyterHub's REST API: paging, retries, typed errors. Private to the collection.

The token goes into one header of those requests to the REST API that need it and nowhere else: redirects are
not followed, ``.netrc`` is not read, and no error text quotes a request header.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import time
import typing as t
import urllib.error
import urllib.parse

from ansible.module_utils.urls import open_url

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

PAGE_LIMIT = 200
PAGINATION = "application/jupyterhub-pagination+json"
# What a reverse proxy answers while the hub behind it restarts.
RESTARTING = (502, 503, 504)
LONGEST_PAUSE = 2.0
# JupyterHub's own words when the token may act, but not on this user or server.
HIDDEN = "No access to resources"

Kind = t.Literal[
    "unreachable", "timeout", "tls", "not_a_hub", "unavailable", "forbidden", "missing", "refused", "busy", "failed"
]


class HubApiError(HubError):
    """A request to a hub that did not succeed.

    :param kind: what went wrong, one of :data:`Kind`; returned as the fact ``error_kind``.
    :param status: HTTP status when there was an answer; returned as the fact ``http_status``.
    :param retry_after: seconds after which the hub wants to be asked again, for ``busy``.
    """

    def __init__(
        self, kind: Kind, message: str, hint: str = "", *, status: int | None = None, retry_after: float = 0.0
    ) -> None:
        super().__init__(message, hint, error_kind=kind, http_status=status)
        self.kind = kind
        self.status = status
        self.retry_after = retry_after

    @property
    def down(self) -> bool:
        """True when no hub answered at all, as opposed to a hub that refused something."""
        return self.kind in ("unreachable", "timeout", "tls", "not_a_hub", "unavailable")


class _Answer(t.NamedTuple):
    status: int
    headers: t.Any
    text: str

    def json(self) -> t.Any:
        """Decoded body; None when it is not JSON."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None


class _Lost(Exception):
    """The connection was refused or dropped; asking again may help."""


class HubApi:
    """One hub's REST API.

    :param url: public address of the hub with its base URL; ``/``, ``/hub`` or ``/hub/api`` at its end is no matter.
    :param token: API token; may be empty for what the hub tells everybody.
    :param timeout: seconds for one request, and for how long a read-only request is repeated while the hub restarts.
    :param validate_certs: check the certificate of an ``https`` address.
    :param ca_path: PEM file of the authorities to trust; None for those of the system.
    :param headers: more request headers, for example of a gateway in front.
    :raises HubError: a value that cannot be used; nothing was sent.
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        timeout: float = 30,
        validate_certs: bool = True,
        ca_path: str | None = None,
        headers: t.Mapping[str, str] | None = None,
    ) -> None:
        self.url = public_url(url)
        self.timeout = timeout
        if timeout <= 0:
            raise HubError(f"timeout is {timeout}, expected a number of seconds above 0.")
        # Checked here, because http.client quotes a header that it refuses.
        if token and not all("!" <= character <= "~" for character in token):
            raise HubError("The token has blanks, line breaks or characters beyond ASCII.", "Check where it came from.")
        if ca_path is not None and not os.path.isfile(ca_path):
            raise HubError(f"ca_path is {ca_path!r}, expected an existing PEM file.")
        self._token = token
        self._validate_certs = validate_certs
        self._ca_path = ca_path
        self._headers = dict(headers or {})

    # -- what everybody may ask

    def health(self) -> None:
        """Return when the hub says that it is healthy.

        :raises HubApiError: it does not; see :attr:`HubApiError.down`.
        """
        answer = self._read(f"{self.url}hub/health")
        if answer.status != 200 or answer.text.strip():
            raise self._failure("GET", f"{self.url}hub/health", answer, "")

    def proxy_health(self) -> str:
        """``ok`` or ``down``, or ``unknown`` when the address does not answer configurable-http-proxy's own check."""
        parts = urllib.parse.urlsplit(self.url)
        try:
            answer = self._read(f"{parts.scheme}://{parts.netloc}/_chp_healthz", repeat=False)
        except HubApiError as error:
            return "down" if error.kind == "unreachable" else "unknown"
        body = answer.json()
        return "ok" if answer.status == 200 and isinstance(body, dict) and body.get("status") == "OK" else "unknown"

    def version(self) -> str:
        """JupyterHub's version."""
        body = self._get("/")
        if not isinstance(body, dict) or not isinstance(body.get("version"), str):
            raise self._no_hub(f"{self.url}hub/api/", "its JSON has no version")
        return str(body["version"])

    # -- the hub itself

    def info(self) -> dict[str, t.Any]:
        """Version, Python, spawner and authenticator. Scope ``read:hub``."""
        return self._object("/info", scope="read:hub")

    def owner(self) -> dict[str, t.Any]:
        """Who the token belongs to and which scopes it has. Any token may ask."""
        return self._object("/user", scope="any")

    # -- people

    def users(self, *, state: str | None = None) -> t.Iterator[dict[str, t.Any]]:
        """All users that the token may list, page by page. Scope ``list:users``, ``read:servers`` for their servers.

        :param state: ``active`` for those with a server that runs, starts or stops; None for everybody.
        """
        for page in self._pages("/users", {"state": state} if state else {}, scope="list:users"):
            yield from page

    def user(self, name: str) -> dict[str, t.Any] | None:
        """One user with all servers, stopped ones too; None if there is none. Scope ``read:users`` or a part of it."""
        try:
            return self._object(f"/users/{_quote(name)}", {"include_stopped_servers": "1"}, scope="read:users")
        except HubApiError as error:
            if error.kind == "missing":
                return None
            raise

    def create_users(self, names: t.Sequence[str], *, admin: bool = False) -> list[dict[str, t.Any]]:
        """Create users; existing ones are left alone. Scope ``admin:users``, for admins the role ``admin`` too."""
        body: dict[str, t.Any] = {"usernames": list(names)}
        if admin:
            body["admin"] = True
        created = self._send("POST", "/users", body, scope="admin:users")
        return list(created) if isinstance(created, list) else []

    def set_admin(self, name: str, admin: bool) -> None:
        """Make somebody an administrator or not. Scope ``admin:users`` and the role ``admin``."""
        self._send("PATCH", f"/users/{_quote(name)}", {"admin": admin}, scope="admin:users")

    def delete_user(self, name: str) -> None:
        """Delete a user none of whose servers is active. Scope ``delete:users``."""
        self._send("DELETE", f"/users/{_quote(name)}", scope="delete:users")

    # -- groups, services, routes

    def groups(self) -> t.Iterator[dict[str, t.Any]]:
        """All groups. Scope ``list:groups``, ``read:groups`` for their members."""
        for page in self._pages("/groups", {}, scope="list:groups"):
            yield from page

    def has_group(self, name: str) -> bool:
        """Whether the group exists. Scope ``read:groups:name``."""
        try:
            self._object(f"/groups/{_quote(name)}", scope="read:groups:name")
        except HubApiError as error:
            if error.kind == "missing":
                return False
            raise
        return True

    def create_group(self, name: str) -> None:
        """Create an empty group. Scope ``admin:groups``."""
        self._send("POST", f"/groups/{_quote(name)}", {}, scope="admin:groups")

    def add_to_group(self, group: str, names: t.Sequence[str]) -> None:
        """Make users members of a group. Scope ``groups``."""
        self._send("POST", f"/groups/{_quote(group)}/users", {"users": list(names)}, scope="groups")

    def remove_from_group(self, group: str, names: t.Sequence[str]) -> None:
        """Let users be members of a group no longer. Scope ``groups``."""
        self._send("DELETE", f"/groups/{_quote(group)}/users", {"users": list(names)}, scope="groups")

    def services(self) -> dict[str, dict[str, t.Any]]:
        """Services by name. Scope ``list:services``, ``read:services`` for more than the names."""
        return self._object("/services", scope="list:services")

    def routes(self) -> dict[str, dict[str, t.Any]]:
        """The proxy's routes by path. Scope ``proxy``."""
        routes: dict[str, dict[str, t.Any]] = {}
        for page in self._pages("/proxy", {}, scope="proxy"):
            routes.update(page)
        return routes

    # -- user servers

    def start_server(self, user: str, server_name: str, options: t.Mapping[str, t.Any] | None = None) -> None:
        """Ask for a start; the server may become ready later. Scope ``start:servers``, in JupyterHub 5 ``servers``."""
        body: dict[str, t.Any] | None = None
        if options:
            # Before 6.0 the body was the options; since then a body with this key is unambiguous.
            newer = int(self.version().split(".", 1)[0]) >= 6
            body = {"user_options": dict(options)} if newer else dict(options)
        self._send("POST", _server_path(user, server_name), body, scope="start:servers (JupyterHub 5: servers)")

    def stop_server(self, user: str, server_name: str, *, remove: bool = False) -> None:
        """Ask for a stop, and with ``remove`` for the removal of a named server's record. Scope ``delete:servers``."""
        body = {"remove": True} if remove else None
        self._send("DELETE", _server_path(user, server_name), body, scope="delete:servers")

    def progress(self, user: str, server_name: str, seconds: float = 2.0) -> list[str]:
        """What the hub tells within ``seconds`` about a start that is under way or just failed.

        Scope ``read:servers``. Empty when the hub tells nothing.
        """
        deadline = time.monotonic() + seconds
        messages: list[str] = []
        try:
            url = f"{self.url}hub/api{_server_path(user, server_name)}/progress"
            with self._open("GET", url, None, seconds, signed=True) as stream:
                for line in stream:
                    if line.startswith(b"data:"):
                        messages.append(str(json.loads(line[5:]).get("message", "")))
                    if time.monotonic() > deadline:
                        break
        except (OSError, ValueError, http.client.HTTPException):
            # The stream only adds words to another error; whatever came is enough.
            pass
        return [message for message in messages if message]

    # -- requests

    def _object(self, path: str, query: t.Mapping[str, str] | None = None, *, scope: str) -> dict[str, t.Any]:
        body = self._get(path, query, scope=scope)
        if not isinstance(body, dict):
            raise self._no_hub(f"{self.url}hub/api{path}", f"expected a JSON object, got {type(body).__name__}")
        return body

    def _pages(self, path: str, query: t.Mapping[str, str], *, scope: str) -> t.Iterator[t.Any]:
        """The ``items`` of all pages. Pages may be smaller than asked, so the hub says where the next one begins."""
        offset = 0
        while True:
            body = self._object(path, {**query, "limit": str(PAGE_LIMIT), "offset": str(offset)}, scope=scope)
            if "items" not in body or "_pagination" not in body:
                raise self._no_hub(f"{self.url}hub/api{path}", "expected a page with items")
            yield body["items"]
            following = body["_pagination"].get("next")
            if not following:
                return
            if following["offset"] <= offset:
                raise self._no_hub(f"{self.url}hub/api{path}", f"the page after offset {offset} begins not later")
            offset = following["offset"]

    def _get(self, path: str, query: t.Mapping[str, str] | None = None, *, scope: str = "") -> t.Any:
        self._need_token(scope)
        url = f"{self.url}hub/api{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        answer = self._read(url, signed=bool(scope))
        body = answer.json()
        if answer.status == 200 and body is not None:
            return body
        raise self._failure("GET", url, answer, scope)

    def _send(self, method: str, path: str, body: t.Any = None, *, scope: str) -> t.Any:
        """Send a change, once."""
        self._need_token(scope)
        url = f"{self.url}hub/api{path}"
        try:
            answer = self._ask(method, url, body, self.timeout, signed=True)
        except _Lost as error:
            raise self._unreachable(url, str(error)) from None
        if answer.status in (200, 201, 202, 204):
            return answer.json()
        raise self._failure(method, url, answer, scope)

    def _read(self, url: str, *, signed: bool = False, repeat: bool = True) -> _Answer:
        """Ask until there is an answer of the hub itself, for as long as ``timeout``; ``signed`` sends the token."""
        deadline = time.monotonic() + self.timeout
        pause = 0.2
        while True:
            left = deadline - time.monotonic()
            try:
                answer = self._ask("GET", url, None, max(left, 0.1), signed=signed)
                if not repeat or answer.status not in RESTARTING or left <= pause:
                    return answer
            except _Lost as error:
                if not repeat or left <= pause:
                    raise self._unreachable(url, str(error)) from None
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _ask(self, method: str, url: str, body: t.Any, timeout: float, *, signed: bool) -> _Answer:
        """One request, whatever its status.

        :raises _Lost: refused or dropped.
        :raises HubApiError: anything else that is not an answer.
        """
        try:
            with self._open(method, url, body, timeout, signed=signed) as answer:
                return _Answer(answer.status, answer.headers, answer.read().decode("utf-8", "replace"))
        except urllib.error.HTTPError as error:
            with error:
                return _Answer(error.code, error.headers, self._rest(error))
        except (OSError, http.client.HTTPException) as error:
            raise self._broken(url, error, timeout) from None

    @staticmethod
    def _rest(error: urllib.error.HTTPError) -> str:
        try:
            return error.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException):
            return ""

    def _open(self, method: str, url: str, body: t.Any, timeout: float, *, signed: bool) -> t.Any:
        headers = {"Accept": f"{PAGINATION}, application/json", **self._headers}
        if signed:
            headers["Authorization"] = f"token {self._token}"
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        return open_url(
            url,
            data=data,
            headers=headers,
            method=method,
            timeout=timeout,
            validate_certs=self._validate_certs,
            ca_path=self._ca_path,
            follow_redirects="none",
            use_netrc=False,
            http_agent="hubwright.jupyterhub",
        )

    def _need_token(self, scope: str) -> None:
        if scope and not self._token:
            need = "a token" if scope == "any" else f"a token with the scope {scope}"
            raise HubApiError(
                "forbidden",
                f"No token was given, and this request to {self.url} needs {need}.",
                "Set token or token_file, or the environment variable HUBWRIGHT_TOKEN where the module runs.",
            )

    # -- errors

    def _broken(self, url: str, error: Exception, timeout: float) -> Exception:
        """The exception that stands for a request without an answer."""
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            return HubApiError(
                "tls",
                f"The certificate of {self.url} was not accepted: {reason.verify_message}",
                "Give the authority that signed it as ca_path, or correct the name or the date of the certificate.",
            )
        if isinstance(reason, ssl.SSLError):
            return HubApiError(
                "tls",
                f"No TLS connection with {self.url}: {reason.reason or reason}.",
                "Check that this port speaks HTTPS; if it does not, begin the url with http://.",
            )
        if isinstance(reason, TimeoutError):
            return HubApiError(
                "timeout",
                f"No complete answer from {_place(url)} within {timeout:.1f} s.",
                "Look at the load and the log of the hub and its proxy, or allow more time with timeout.",
            )
        if isinstance(reason, socket.gaierror):
            return self._unreachable(url, "the host name is not known")
        if isinstance(reason, (ConnectionError, http.client.IncompleteRead)):
            return _Lost("connection refused" if isinstance(reason, ConnectionRefusedError) else "connection dropped")
        if isinstance(reason, http.client.HTTPException):
            return self._no_hub(url, f"no HTTP answer ({type(reason).__name__})")
        return self._unreachable(url, str(reason))

    @staticmethod
    def _unreachable(url: str, reason: str) -> HubApiError:
        return HubApiError(
            "unreachable",
            f"Nothing answers at {_place(url)}: {reason}.",
            "Check that the proxy and the hub run and that the url has the right host and port.",
        )

    def _no_hub(self, url: str, found: str) -> HubApiError:
        return HubApiError(
            "not_a_hub",
            f"What answers at {_place(url)} is not a JupyterHub's REST API: {found}.",
            "The url must be the hub's public address with its base URL, for example https://hub.example.org/base/. "
            "A proxy that was restarted without its hub also answers like this.",
        )

    def _failure(self, method: str, url: str, answer: _Answer, scope: str) -> HubApiError:
        """The error that an answer with an unwanted status, or of a wrong kind, stands for."""
        status, body = answer.status, answer.json()
        said = _message(body)
        what = f"{method} {_place(url)}"
        if status in RESTARTING:
            return HubApiError(
                "unavailable",
                f"{what} answered {status}: the proxy works, the hub behind it does not.",
                "Look at the hub's log; a hub that restarts needs some seconds, see timeout.",
                status=status,
            )
        if 300 <= status < 400:
            place = (answer.headers.get("Location") or "an unknown place").partition("?")[0]
            return self._no_hub(url, f"a redirect to {place} instead of JSON")
        if status in (401, 403):
            return self._forbidden(what, status, said, scope, known=isinstance(body, dict))
        if not isinstance(body, dict) or "message" not in body:
            return self._no_hub(url, f"status {status} with {_kind_of_text(answer)} instead of JSON")
        if status == 404 and said.startswith(HIDDEN):
            return self._forbidden(what, status, said, scope, known=True)
        if status == 404:
            return HubApiError("missing", f"{what}: not found. {_sentence(said)}".rstrip(), status=status)
        if status == 429:
            try:
                wait = float(answer.headers.get("Retry-After") or 1)
            except ValueError:
                wait = 1.0
            return HubApiError("busy", f"{what}: {_sentence(said)}", status=status, retry_after=wait)
        if 400 <= status < 500:
            return HubApiError("refused", f"The hub refused {what}: {_sentence(said)}", status=status)
        return HubApiError(
            "failed", f"{what} failed in the hub ({status}): {_sentence(said)}", "Look at the hub's log.", status=status
        )

    def _forbidden(self, what: str, status: int, said: str, scope: str, *, known: bool) -> HubApiError:
        if not known:
            hint = "The answer does not come from JupyterHub: check what stands in front of it."
        elif "admins" in said:
            hint = (
                "The owner of the token must be an administrator; for a service, give it the role admin in load_roles."
            )
        elif said.startswith(("Missing or invalid", "Forbidden")) or not said:
            hint = "The hub does not know this token, or it expired."
        else:
            hint = f"The token needs the scope {scope}{self._owned_scopes()}"
        return HubApiError(
            "forbidden", f"{what} is not allowed ({status}). {_sentence(said)}".rstrip(), hint, status=status
        )

    def _owned_scopes(self) -> str:
        """What the token may do, to be read after what it should; empty when even this cannot be asked."""
        try:
            owner = self._ask("GET", f"{self.url}hub/api/user", None, self.timeout, signed=True).json()
        except (HubError, _Lost):
            owner = None
        if not isinstance(owner, dict) or "scopes" not in owner:
            return " for this user or server."
        scopes = ", ".join(sorted(owner["scopes"])) or "none"
        return f" for this; it belongs to the {owner.get('kind')} {owner.get('name')} and has: {scopes}."


def public_url(url: str) -> str:
    """Address of the hub with its base URL and ``/`` at the end, from any of the addresses that people know.

    :raises HubError: not an address of a hub.
    """
    form = "http://HOST[:PORT][/BASE]/ or https://HOST[:PORT][/BASE]/"
    try:
        parts = urllib.parse.urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        parts, usable = urllib.parse.urlsplit(""), False
    if "@" in parts.netloc or (not usable and "@" in url):
        raise HubError(f"The url has a user name or password in it, expected {form}.", "Give the token as token.")
    if not usable or any(character.isspace() for character in url):
        raise HubError(f"url is {url!r}, expected {form}.")
    if parts.query or parts.fragment:
        raise HubError(
            f"url is {parts._replace(query='', fragment='').geturl()!r} and something after it, expected {form}."
        )
    path = parts.path.rstrip("/")
    for ending in ("/hub/api", "/hub"):
        if path.endswith(ending):
            path = path[: -len(ending)]
            break
    return f"{parts.scheme}://{parts.netloc}{path}/"


def _quote(name: str) -> str:
    return urllib.parse.quote(name, safe="")


def _server_path(user: str, server_name: str) -> str:
    return f"/users/{_quote(user)}/" + (f"servers/{_quote(server_name)}" if server_name else "server")


def _place(url: str) -> str:
    """The address without its query, for people."""
    return url.partition("?")[0]


def _message(body: t.Any) -> str:
    said = body.get("message") if isinstance(body, dict) else ""
    return str(said or "").strip()


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def _kind_of_text(answer: _Answer) -> str:
    kind = (answer.headers.get("Content-Type") or "").partition(";")[0].strip()
    return kind or ("text" if answer.text else "nothing")
