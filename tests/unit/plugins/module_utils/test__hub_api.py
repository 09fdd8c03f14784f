# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of the REST API, against real hubs and against servers that are none."""

from __future__ import annotations

import contextlib
import http.server
import json
import pathlib
import socket
import ssl
import subprocess
import threading
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._hub_api import (
    PAGE_LIMIT,
    HubApi,
    HubApiError,
    public_url,
)
from ansible_collections.hubwright.jupyterhub.tests.unit import hubs

TOKEN = "f00dcafe" * 4


# -- what may be given


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://hub.example.org", "https://hub.example.org/"),
        ("https://hub.example.org/", "https://hub.example.org/"),
        ("https://hub.example.org/hub/api", "https://hub.example.org/"),
        ("https://example.org:8443/base", "https://example.org:8443/base/"),
        ("https://example.org/base/hub/", "https://example.org/base/"),
        ("https://example.org/base/hub/api/", "https://example.org/base/"),
        ("http://[::1]:8000/a/b", "http://[::1]:8000/a/b/"),
        # A base URL that is itself /hub/ is given in full.
        ("https://example.org/hub/hub/api", "https://example.org/hub/"),
        ("https://example.org/github", "https://example.org/github/"),
    ],
)
def test_address_as_people_know_it(url: str, expected: str) -> None:
    assert public_url(url) == expected


@given(
    st.lists(st.text("abcz019-~", min_size=1, max_size=5).filter(lambda part: part != "hub"), max_size=3),
    st.sampled_from(["", "/", "/hub", "/hub/", "/hub/api", "/hub/api/"]),
)
def test_the_end_of_the_address_is_no_matter(parts: list[str], end: str) -> None:
    base = "https://example.org" + "".join(f"/{part}" for part in parts)
    assert public_url(base + end) == base + "/" == public_url(public_url(base + end))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "url is ''"),
        ("hub.example.org", "url is 'hub.example.org', expected http://HOST"),
        ("localhost:8000", "url is 'localhost:8000'"),
        ("ftp://example.org/", "url is 'ftp://example.org/'"),
        ("https:///base", "url is 'https:///base'"),
        ("http://example.org:port/", "url is 'http://example.org:port/'"),
        ("http://example.org:99999/", "url is 'http://example.org:99999/'"),
        ("http://exa mple.org/", "url is 'http://exa mple.org/'"),
        ("https://example.org/?token=secret", "url is 'https://example.org/' and something after it"),
        ("https://ada:secret@example.org/", "has a user name or password in it"),
        ("https://ada:secret@example.org:port/", "has a user name or password in it"),
    ],
)
def test_address_of_no_hub_is_refused(url: str, message: str) -> None:
    with pytest.raises(HubError) as caught:
        HubApi(url, TOKEN)
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": 0}, "timeout is 0, expected a number of seconds above 0"),
        ({"timeout": -1.5}, "timeout is -1.5"),
        ({"ca_path": "/nowhere/ca.pem"}, "ca_path is '/nowhere/ca.pem', expected an existing PEM file"),
        ({"token": "secret two"}, "The token has blanks"),
        ({"token": "secret\r\nX-Header: 1"}, "The token has blanks, line breaks"),
        ({"token": "sécret"}, "characters beyond ASCII"),
    ],
)
def test_wrong_option_is_refused_without_quoting_the_token(options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(HubError) as caught:
        HubApi("https://example.org/", **options)
    assert message in str(caught.value)
    assert "cret" not in str(caught.value)


# -- a real hub


def test_every_address_of_a_hub_reaches_it(hub: hubs.Hub) -> None:
    versions = {HubApi(address).version() for address in (hub.url, hub.url + "hub/api", hub.direct_url)}
    assert versions == {hub.api("GET", "/")[1]["version"]}


def test_health_of_hub_and_proxy_needs_no_token(hub: hubs.Hub) -> None:
    HubApi(hub.url).health()
    assert HubApi(hub.url).proxy_health() == "ok"


def test_proxy_is_unknown_where_its_check_is_not_shown(hub: hubs.Hub) -> None:
    assert HubApi(hub.direct_url).proxy_health() == "unknown"


def test_lists_are_read_to_the_last_page(hub: hubs.Hub) -> None:
    names = {f"page-{number}" for number in range(PAGE_LIMIT + 3)}
    status, _answer = hub.api("POST", "/users", {"usernames": sorted(names)})
    assert status == 201
    listed = [user["name"] for user in HubApi(hub.url, hub.token).users()]
    assert names <= set(listed)
    assert len(listed) == len(set(listed))
    for name in names:
        hub.api("DELETE", f"/users/{name}")


def test_smaller_pages_of_the_hub_are_followed(hub: hubs.Hub) -> None:
    api = HubApi(hub.url, hub.token)
    everything = [user["name"] for user in api.users()]
    with hub.configured("c.JupyterHub.api_page_max_limit = 1; c.JupyterHub.api_page_default_limit = 1"):
        hub.api("POST", "/groups/page-1", {})
        hub.api("POST", "/groups/page-2", {})
        assert [user["name"] for user in api.users()] == everything
        assert {"page-1", "page-2"} <= {group["name"] for group in api.groups()}
        assert hubs.BASE_URL in api.routes()


def test_reading_outlasts_a_restart_of_the_hub(hub: hubs.Hub) -> None:
    hub.stop()
    starting = threading.Thread(target=hub.start)
    starting.start()
    try:
        assert HubApi(hub.url, hub.token, timeout=hubs.START_TIMEOUT).info()["version"]
    finally:
        starting.join()


def test_hub_and_proxy_that_are_down_are_told_apart(hub: hubs.Hub) -> None:
    api = HubApi(hub.url, hub.token, timeout=1)
    hub.stop()
    try:
        with pytest.raises(HubApiError) as without_hub:
            api.version()
        assert api.proxy_health() == "ok"
        hub.stop_proxy()
        with pytest.raises(HubApiError) as without_proxy:
            api.version()
        assert api.proxy_health() == "down"
    finally:
        hub.start_proxy()
        hub.start()
    assert without_hub.value.kind == "unavailable" and without_hub.value.down
    assert "the proxy works, the hub behind it does not" in str(without_hub.value)
    assert without_proxy.value.kind == "unreachable" and without_proxy.value.down
    assert "connection refused" in str(without_proxy.value)


def test_unknown_token(hub: hubs.Hub) -> None:
    with pytest.raises(HubApiError) as caught:
        list(HubApi(hub.url, TOKEN).users())
    assert caught.value.kind == "forbidden"
    assert "The hub does not know this token" in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_missing_scope_is_named_beside_what_the_token_has(hub: hubs.Hub) -> None:
    token = hub.token_with("list:groups")
    with pytest.raises(HubApiError) as caught:
        list(HubApi(hub.url, token).users())
    assert caught.value.kind == "forbidden"
    assert "needs the scope list:users" in str(caught.value)
    assert "belongs to the user admin" in str(caught.value)
    assert "list:groups" in str(caught.value)
    assert token not in str(caught.value)


def test_scope_for_another_user_is_told_from_a_user_who_does_not_exist(hub: hubs.Hub, name: str) -> None:
    hub.api("POST", f"/users/{name}")
    with pytest.raises(HubApiError) as caught:
        HubApi(hub.url, hub.token_with("read:users!user=admin")).user(name)
    assert caught.value.kind == "forbidden"
    assert HubApi(hub.url, hub.token).user("nobody-here") is None


def test_without_a_token_nothing_is_sent(hub: hubs.Hub) -> None:
    with pytest.raises(HubApiError) as caught:
        HubApi(hub.url).delete_user("admin")
    assert "No token was given" in str(caught.value)
    assert "needs a token with the scope delete:users" in str(caught.value)
    assert HubApi(hub.url, hub.token).user("admin")


def test_own_message_of_the_hub_is_passed_on(hub: hubs.Hub) -> None:
    with pytest.raises(HubApiError) as caught:
        HubApi(hub.url, hub.token).create_users(["admin"])
    assert caught.value.kind == "refused"
    assert caught.value.status == 409
    assert "All 1 users already exist." in str(caught.value)


# -- servers that are no hub


class Other:
    """A web server that gives one answer to everything and keeps what it was asked."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        other = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                other.asked.append((self.path, dict(self.headers)))
                self.send_response(status)
                for key, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_DELETE = do_GET

            def log_message(self, *arguments: t.Any) -> None:
                """Keep the output of tests quiet."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> t.Self:
        self._thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def page(headers: dict[str, str] | None = None, status: int = 200, body: t.Any = b"<html></html>") -> Other:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "text/html" if isinstance(body, bytes) else "application/json"
    return Other(status, {"Content-Type": kind, **(headers or {})}, data)


@pytest.mark.parametrize(
    ("other", "kind", "message"),
    [
        (page(), "not_a_hub", "status 200 with text/html instead of JSON"),
        (page(status=404), "not_a_hub", "status 404 with text/html instead of JSON"),
        (page({"Location": "https://b.example/?q=1"}, 302), "not_a_hub", "a redirect to https://b.example/ instead"),
        (page(body={"hello": 1}), "not_a_hub", "expected a page with items"),
        (page(body=[1]), "not_a_hub", "expected a JSON object, got list"),
        (page(body={"items": [], "_pagination": {"next": {"offset": 0}}}), "not_a_hub", "begins not later"),
        (page(status=403), "forbidden", "does not come from JupyterHub"),
        (page(status=429, body={"message": "Too many", "status": 429}), "busy", "Too many."),
        (page(status=500, body={"message": "Oh", "status": 500}), "failed", "failed in the hub (500): Oh. Look at"),
        (page(status=502), "unavailable", "answered 502"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_answer_of_something_else(other: Other, kind: str, message: str) -> None:
    with other, pytest.raises(HubApiError) as caught:
        list(HubApi(other.url, TOKEN, timeout=1).users())
    assert (caught.value.kind, caught.value.facts["error_kind"]) == (kind, kind)
    assert message in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_token_goes_only_where_it_is_needed_and_never_through_a_redirect() -> None:
    with page() as elsewhere, page({"Location": elsewhere.url}, 302) as other:
        api = HubApi(other.url, TOKEN, timeout=1)
        assert api.proxy_health() == "unknown"
        for request in (api.health, api.version, api.info):
            with pytest.raises(HubApiError):
                request()
        assert elsewhere.asked == []
        signed = {path for path, headers in other.asked if TOKEN in str(headers)}
        assert {path for path, _headers in other.asked} >= {"/_chp_healthz", "/hub/health", "/hub/api/"}
        assert signed == {"/hub/api/info"}


def test_a_change_is_never_sent_twice() -> None:
    with page(status=503) as other, pytest.raises(HubApiError):
        HubApi(other.url, TOKEN, timeout=1).delete_user("ada")
    assert len(other.asked) == 1


def test_server_that_says_nothing_is_a_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(HubApiError) as caught:
        HubApi(f"http://127.0.0.1:{silent.getsockname()[1]}/", TOKEN, timeout=0.3).version()
    assert caught.value.kind == "timeout"
    assert "allow more time with timeout" in str(caught.value)


def test_server_that_hangs_up_is_unreachable() -> None:
    def hang_up() -> None:
        with contextlib.suppress(OSError):
            while True:
                listener.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(HubApiError) as caught:
            HubApi(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=0.5).version()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert caught.value.kind == "unreachable"
    assert "connection dropped" in str(caught.value)


def test_unknown_host() -> None:
    with pytest.raises(HubApiError) as caught:
        HubApi("http://no-such-host.invalid/", timeout=5).version()
    assert caught.value.kind == "unreachable"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Key and self-signed certificate for 127.0.0.1 in one file."""
    directory = tmp_path_factory.mktemp("certificate")
    key, cert, both = directory / "key.pem", directory / "cert.pem", directory / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        + ["-days", "2", "-subj", "/CN=hub", "-addext", "subjectAltName=IP:127.0.0.1"]
        + ["-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
    )
    both.write_text(key.read_text() + cert.read_text())
    return both


@pytest.fixture
def tls_server(certificate: pathlib.Path) -> t.Iterator[Other]:
    """A server with that certificate that looks like a hub's root."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Other(200, {"Content-Type": "application/json"}, b'{"version": "6.1.1"}', context) as other:
        yield other


def test_untrusted_certificate_is_refused_and_says_what_to_do(tls_server: Other) -> None:
    with pytest.raises(HubApiError) as caught:
        HubApi(tls_server.url).version()
    assert caught.value.kind == "tls"
    assert "self-signed certificate" in str(caught.value)
    assert "ca_path" in str(caught.value)
    assert tls_server.asked == []


def test_certificate_is_accepted_with_its_authority_or_without_the_check(
    tls_server: Other, certificate: pathlib.Path
) -> None:
    assert HubApi(tls_server.url, ca_path=str(certificate)).version() == "6.1.1"
    assert HubApi(tls_server.url, validate_certs=False).version() == "6.1.1"


def test_https_to_a_port_without_it() -> None:
    with page() as other, pytest.raises(HubApiError) as caught:
        HubApi(other.url.replace("http", "https")).version()
    assert caught.value.kind == "tls"
    assert "begin the url with http://" in str(caught.value)
