# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real hubs of JupyterHub 5.5 and 6.1 that run what a description becomes."""

from __future__ import annotations

import base64
import hmac
import http.server
import json
import pathlib
import re
import secrets
import threading
import time
import typing as t
import urllib.parse
from urllib.parse import quote

import descriptions
import pytest
from descriptions import DescribedHub
from hubs import BASE_URL

USER_PASSWORD = "open sesame"
ADMIN_PASSWORD = "open sesame, says the administrator"
SHARED = {"shared_password": USER_PASSWORD, "shared_admin_password": ADMIN_PASSWORD}

FULL: dict[str, t.Any] = {
    **SHARED,
    "admins": ["grace"],
    "groups": [{"name": "lab", "users": ["ada"]}],
    "blocked_users": ["mallory"],
    "auth_state": True,
    "crypt_key": "ef" * 32,
    "profiles": {"a": {"display_name": "A"}, "b": {"display_name": "B", "groups": ["lab"], "memory_limit": "1G"}},
    "user_env": ["COURSE"],
    "extra_env": {"EMAIL": "{username}@example.org"},
    "memory_limit": "2G",
    "cpu_limit": 1,
    "named_servers": 2,
    "cull": True,
    "cull_users": True,
    "cull_kernels_timeout": 600,
    "services": {"grader": {"url": "http://127.0.0.1:9/", "scopes": ["list:users"], "display": False}},
    "roles": {"assistants": {"description": "Assistants", "scopes": ["list:users"], "groups": ["lab"], "services": ["grader"]}},
    "scale": "large",
    "announcement": "<b>Down on Friday</b>",
    "template_vars": {"course": "Numbers"},
    "templates": {"login.html": '{% extends "templates/login.html" %}{% block main %}Course {{ course }}{{ super() }}{% endblock %}'},
    "extra_config": {"hook": "c.JupyterHub.shutdown_on_logout = True\n"},
    "settings_extra": {"JupyterHub": {"authenticate_prometheus": False}},
    "tls": "offload",
}  # fmt: skip

# What JupyterHub itself says at every start, whatever it is told.
USUAL = (
    r"Running JupyterHub as root is not recommended|"
    r"pycurl|"
    r"Failed to load service|Cannot connect to (managed|external) service grader|"  # there is no grader
    r"Using testing authenticator DummyAuthenticator|"
    r"Deleting role|has obtained extra permissions"
)


@pytest.fixture(scope="module")
def hub(hub_environment: pathlib.Path, proxy_environment: pathlib.Path) -> t.Iterator[DescribedHub]:
    """A hub to start with one description after the other."""
    with descriptions.described_hub(hub_environment, proxy_environment) as hub:
        yield hub


@pytest.fixture
def new_hub(hub: DescribedHub) -> t.Iterator[DescribedHub]:
    """The same without anything that an earlier test left in its database."""
    hub.forget()
    yield hub
    hub.stop()


def complaints(log: str) -> list[str]:
    """The lines in which a hub warns, fails or speaks of old names."""
    warned = re.compile(r"^\[[WEC] |recat|ot recognized|Traceback|Error", re.IGNORECASE)
    return [line for line in log.splitlines() if warned.search(line) and not re.search(USUAL, line)]


@pytest.mark.parametrize(
    "name",
    [
        *("shared-password, no admins", "temporary", "dummy", "github", "oauth", "ldap", "lti 1.1", "lti 1.3"),
        *("pam", "pam, admin groups", "class", "class, entry point"),
    ],
)
def test_a_hub_starts_and_complains_about_nothing(new_hub: DescribedHub, name: str) -> None:
    overrides = dict(descriptions.SIGN_INS[name])
    if name.startswith("pam"):  # people need accounts that exist
        overrides.update(spawner="system-user", users=["nobody"], admins=["daemon"])
    log = new_hub.start_again(**overrides)
    assert complaints(log) == []


def test_a_hub_with_everything_starts(new_hub: DescribedHub) -> None:
    log = new_hub.start_again(**FULL)
    # Shared passwords need the list of admins in the authenticator, and a fixed list needs the role: the hub merges them.
    (said,) = complaints(log)
    assert said.endswith("If admin role is present in config, c.Authenticator.admin_users should not be used.")
    page = new_hub.browser().get("hub/login")
    assert "Course Numbers" in page.text
    assert "<b>Down on Friday</b>" in page.text


def test_a_hub_with_accounts_of_its_own_starts(new_hub: DescribedHub) -> None:
    """The one complaint is about NativeAuthenticator's code, not about its settings."""
    said = complaints(new_hub.start_again(**descriptions.SIGN_INS["native"]))
    assert len(said) == 2 and "JupyterHub auth:" in said[0]
    assert said[1].strip() == "The shared database session at Authenticator.db is deprecated, and will be removed."


# --- taking rights away


def test_somebody_who_is_taken_off_the_list_can_not_sign_in_any_more(new_hub: DescribedHub) -> None:
    new_hub.start_again(**SHARED, users=["ada", "bob"], admins=["grace"])
    assert new_hub.signed_in("ada", USER_PASSWORD)
    assert new_hub.signed_in("bob", USER_PASSWORD)
    assert new_hub.signed_in("grace", ADMIN_PASSWORD)
    assert not new_hub.signed_in("eve", USER_PASSWORD)
    assert not new_hub.signed_in("grace", USER_PASSWORD)

    new_hub.start_again(**SHARED, users=["ada"], admins=[])
    assert new_hub.signed_in("ada", USER_PASSWORD)
    assert not new_hub.signed_in("bob", USER_PASSWORD)
    assert not new_hub.signed_in("grace", USER_PASSWORD)
    assert not new_hub.signed_in("grace", ADMIN_PASSWORD)


def test_an_admin_who_stays_a_user_has_no_rights_of_an_admin_any_more(new_hub: DescribedHub) -> None:
    new_hub.start_again(**SHARED, users=["ada", "grace"], admins=["grace", "hedy"])
    assert new_hub.signed_in("grace", ADMIN_PASSWORD)
    assert (new_hub.user("grace")["admin"], set(new_hub.user("grace")["roles"])) == (True, {"admin", "user"})

    new_hub.start_again(**SHARED, users=["ada", "grace"], admins=["hedy"])
    assert (new_hub.user("grace")["admin"], new_hub.user("grace")["roles"]) == (False, ["user"])
    assert new_hub.user("hedy")["admin"] is True
    assert new_hub.signed_in("grace", USER_PASSWORD)
    assert new_hub.user("grace")["admin"] is False


def test_the_last_admin_can_be_taken_away(new_hub: DescribedHub) -> None:
    new_hub.start_again(**SHARED, users=["grace"], admins=["grace"])
    assert new_hub.user("grace")["admin"] is True
    new_hub.start_again(**SHARED, users=["grace"])
    assert (new_hub.user("grace")["admin"], new_hub.user("grace")["roles"]) == (False, ["user"])


@pytest.mark.parametrize("allowed", [True, False])
def test_people_added_in_the_admin_panel_come_in_when_that_is_asked_for(new_hub: DescribedHub, allowed: bool) -> None:
    new_hub.start_again(**SHARED, allow_existing_users=allowed)
    status, _answer = new_hub.api("POST", "/users/newcomer")
    assert status == 201
    assert new_hub.signed_in("newcomer", USER_PASSWORD) == allowed
    # The same after a restart: then names are read from the database.
    new_hub.start_again(**SHARED, allow_existing_users=allowed)
    assert new_hub.signed_in("newcomer", USER_PASSWORD) == allowed


def test_somebody_who_is_blocked_stays_out_whatever_the_spelling(new_hub: DescribedHub) -> None:
    new_hub.start_again(**SHARED, users=["ada", "mallory"], blocked_users=["Mallory"])
    assert new_hub.signed_in("ada", USER_PASSWORD)
    assert not new_hub.signed_in("mallory", USER_PASSWORD)


def test_a_restarted_hub_keeps_members_of_groups_so_that_they_have_to_be_taken_out(new_hub: DescribedHub) -> None:
    """Why hub_revoked names them and why the operator's token may change groups."""
    new_hub.start_again(**SHARED, users=["ada", "bob"], groups=[{"name": "lab", "users": ["ada", "bob"]}])
    new_hub.start_again(**SHARED, users=["ada", "bob"], groups=[{"name": "lab", "users": ["ada"]}])
    assert new_hub.user("bob")["groups"] == ["lab"]
    status, _answer = new_hub.api("DELETE", "/groups/lab/users", {"users": ["bob"]})
    assert status == 200
    assert new_hub.user("bob")["groups"] == []


# --- sign-up


def test_native_accounts_wait_for_an_admin_unless_they_are_listed(new_hub: DescribedHub) -> None:
    """Admins and listed people are authorised at once; a stranger who signs up is not."""
    new_hub.start_again(sign_in="native", users=[], admins=["grace"])
    browser = new_hub.browser()
    for name in ("grace", "stranger"):
        page = browser.get("hub/signup")
        browser.submit(
            page, username=name, signup_password="correct horse 7", signup_password_confirmation="correct horse 7"
        )
    assert new_hub.signed_in("grace", "correct horse 7")
    assert new_hub.user("grace")["admin"] is True
    assert not new_hub.signed_in("stranger", "correct horse 7")


def test_an_admin_authorises_a_native_account_and_a_list_keeps_it_out_again(new_hub: DescribedHub) -> None:
    password = {"signup_password": "correct horse 7", "signup_password_confirmation": "correct horse 7"}
    new_hub.start_again(sign_in="native", users=[], admins=["grace"])
    for name in ("grace", "bob"):
        browser = new_hub.browser()
        browser.submit(browser.get("hub/signup"), username=name, **password)
    admin = new_hub.browser()
    admin.submit(admin.get(f"hub/login?next={BASE_URL}hub/token"), username="grace", password="correct horse 7")
    assert admin.get("hub/authorize/bob").path == f"{BASE_URL}hub/authorize"
    assert new_hub.signed_in("bob", "correct horse 7")
    new_hub.start_again(sign_in="native", users=["ada"], admins=["grace"])
    assert not new_hub.signed_in("bob", "correct horse 7")


def _signed(url: str, key: str, secret: str, **fields: str) -> list[tuple[str, str]]:
    """The form that a learning platform sends: LTI 1.1 fields with an OAuth 1 signature."""
    fields |= {
        "oauth_consumer_key": key,
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": str(int(time.time())),
        "oauth_nonce": secrets.token_hex(8),
        "oauth_version": "1.0",
        "oauth_callback": "about:blank",
        "lti_message_type": "basic-lti-launch-request",
        "lti_version": "LTI-1p0",
        "resource_link_id": "1",
    }
    pairs = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(fields.items()))
    base = f"POST&{quote(url, safe='')}&{quote(pairs, safe='')}"
    signature = hmac.digest(f"{quote(secret, safe='')}&".encode(), base.encode(), "sha1")
    return [*fields.items(), ("oauth_signature", base64.b64encode(signature).decode())]


def test_a_learning_platform_signs_people_in(new_hub: DescribedHub) -> None:
    new_hub.start_again(**descriptions.SIGN_INS["lti 1.1"])
    url = f"{new_hub.url}hub/lti/launch"
    for consumer, secret, status in (("moodle", "consumer's secret", 200), ("moodle", "another secret", 401)):
        form = _signed(url, consumer, secret, user_id="Learner-7", custom_next=f"{BASE_URL}hub/token")
        assert new_hub.browser().get(url, form).status == status
    assert new_hub.user("learner-7")["admin"] is False


class Provider(http.server.BaseHTTPRequestHandler):
    """The smallest provider of OAuth 2: who signs in, and that one's groups, are attributes of the server."""

    def do_GET(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/userinfo":
            self._answer(self.server.person)  # type: ignore[attr-defined]
            return
        asked = dict(urllib.parse.parse_qsl(url.query))
        back = urllib.parse.urlencode({"code": "c", "state": asked["state"]})
        self.send_response(302)
        self.send_header("Location", f"{asked['redirect_uri']}?{back}")
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"access_token": "t", "token_type": "Bearer"})

    def _answer(self, body: dict[str, t.Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_args: t.Any) -> None:
        """Say nothing."""


@pytest.fixture
def provider() -> t.Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_groups_of_a_provider_decide_who_comes_in_and_who_administers(
    new_hub: DescribedHub, provider: http.server.ThreadingHTTPServer
) -> None:
    address = f"http://127.0.0.1:{provider.server_port}"
    new_hub.start_again(
        sign_in="oauth",
        users=["ada"],
        oauth={
            **descriptions.CLIENT,
            "authorize_url": f"{address}/authorize",
            "token_url": f"{address}/token",
            "userdata_url": f"{address}/userinfo",
            "username_claim": "login",
            "groups_claim": "teams",
            "allowed_groups": ["numbers"],
            "admin_groups": ["staff"],
        },
    )

    def sign_in(name: str, *teams: str) -> bool:
        provider.person = {"login": name, "teams": list(teams)}  # type: ignore[attr-defined]
        page = new_hub.browser().get(f"hub/oauth_login?next={BASE_URL}hub/token")
        return page.status == 200 and page.path == f"{BASE_URL}hub/token"

    assert sign_in("ada")
    assert sign_in("bob", "numbers")
    assert sign_in("Grace", "staff")
    assert not sign_in("eve", "letters")
    assert (new_hub.user("bob")["admin"], new_hub.user("bob")["groups"]) == (False, ["numbers"])
    assert new_hub.user("grace")["admin"] is True
    # Who leaves the group loses the right with the next sign-in, or does not come in at all.
    assert sign_in("grace", "numbers")
    assert new_hub.user("grace")["admin"] is False
    assert not sign_in("bob")


def test_a_temporary_user_is_signed_in_by_the_visit(new_hub: DescribedHub) -> None:
    new_hub.start_again(sign_in="temporary", users=[])
    page = new_hub.browser().get("hub/token")
    assert (page.status, page.path) == (200, f"{BASE_URL}hub/token")


# --- services and roles


def test_a_services_token_has_the_rights_that_are_named(new_hub: DescribedHub) -> None:
    services = {"grader": {"scopes": ["list:users"]}, "mute": {}}
    new_hub.start_again(**SHARED, users=["ada"], services=services)
    status, users = new_hub.api("GET", "/users", token=new_hub.secret("service_grader_token"))
    assert (status, [user["name"] for user in users]) == (200, ["ada"])
    status, _answer = new_hub.api("POST", "/users/eve", token=new_hub.secret("service_grader_token"))
    assert status == 403
    status, _answer = new_hub.api("GET", "/users", token=new_hub.secret("service_mute_token"))
    assert status == 403


def test_a_role_gives_a_group_its_rights(new_hub: DescribedHub) -> None:
    new_hub.start_again(
        **SHARED,
        users=["ada", "bob"],
        groups=[{"name": "staff", "users": ["ada"]}],
        roles={"assistants": {"scopes": ["list:users", "admin:servers"], "groups": ["staff"]}},
    )
    status, group = new_hub.api("GET", "/groups/staff")
    assert (status, group["roles"], group["users"]) == (200, ["assistants"], ["ada"])
