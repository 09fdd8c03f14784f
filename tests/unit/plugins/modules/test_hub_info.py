# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""hub_info on real hubs of both versions."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.hubwright.jupyterhub.plugins.modules import hub_info
from ansible_collections.hubwright.jupyterhub.tests.unit import hubs, module_processes
from ansible_collections.hubwright.jupyterhub.tests.unit.module_runs import call


@pytest.fixture(scope="module")
def ada(hub: hubs.Hub) -> t.Iterator[str]:
    """A user in a group whose server runs, on a hub where another user's does not."""
    hub.api("POST", "/users", {"usernames": ["ada", "grace"]})
    hub.api("POST", "/groups/course", {"users": ["ada", "grace"]})
    hub.api("POST", "/users/ada/server")
    hubs.until(lambda: hub.server("ada").get("ready"), "server of ada ready")
    yield "ada"
    hub.api("DELETE", "/users/ada/server")
    hubs.until(lambda: hub.server("ada").get("stopped"), "server of ada stopped")
    for user in ("ada", "grace"):
        hub.api("DELETE", f"/users/{user}")
    hub.api("DELETE", "/groups/course")


def entry(entries: list[dict[str, t.Any]], name: str, key: str = "name") -> dict[str, t.Any]:
    return next(item for item in entries if item[key] == name)


@pytest.mark.parametrize("check", [False, True])
def test_what_is_reported_without_asking_for_anything(hub: hubs.Hub, ada: str, check: bool) -> None:
    result = call(hub_info, check=check, url=hub.url, token=hub.operator_token)
    assert not result.get("failed") and not result["changed"]
    assert result["url"] == hub.url
    assert (result["running"], result["reason"], result["health"], result["proxy"]) == (True, "", "ok", "ok")
    assert result["version"] == hub.api("GET", "/")[1]["version"]
    assert result["python"].startswith("3.")
    assert result["authenticator"]["class"] == "jupyterhub.auth.DummyAuthenticator"
    assert result["spawner"] == {
        "class": "jupyterhub.spawner.SimpleLocalProcessSpawner",
        "version": result["version"],
    }
    user = entry(result["users"], ada)
    assert (user["admin"], user["groups"], user["servers"]) == (False, ["course"], [""])
    assert entry(result["users"], "grace")["servers"] == []
    assert entry(result["users"], "admin")["admin"] is True
    assert result["users_count"] == len(result["users"]) and result["admins_count"] >= 1
    server = entry(result["servers"], ada, "user")
    assert (server["name"], server["ready"], server["pending"]) == ("", True, None)
    assert server["url"] == f"{hubs.BASE_URL}user/ada/"
    assert server["started"] and "state" not in server
    assert (result["servers_running"], result["servers_pending"]) == (len(result["servers"]), 0)
    assert {"groups", "services", "routes"}.isdisjoint(result)


def test_groups_services_and_routes(hub: hubs.Hub, ada: str) -> None:
    result = call(hub_info, url=hub.url, token=hub.operator_token, gather=["groups", "services", "routes"])
    assert entry(result["groups"], "course")["users"] == ["ada", "grace"]
    assert [service["name"] for service in result["services"]] == ["administrator", "operator"]
    route = entry(result["routes"], f"{hubs.BASE_URL}user/ada/", "path")
    assert (route["user"], route["server_name"]) == ("ada", "")
    assert route["target"].startswith("http://127.0.0.1:")
    assert entry(result["routes"], hubs.BASE_URL, "path")["user"] is None


@pytest.mark.parametrize("number_of_names", [2, 40])
def test_only_some_users(hub: hubs.Hub, ada: str, number_of_names: int) -> None:
    names = ["ADA", "grace", *(f"not-there-{number}" for number in range(number_of_names))]
    result = call(hub_info, url=hub.url, token=hub.token, gather=["users", "servers"], user_names=names)
    assert [user["name"] for user in result["users"]] == ["ada", "grace"]
    assert [server["user"] for server in result["servers"]] == ["ada"]
    assert result["users_count"] == 2


def test_what_the_spawner_keeps_is_shown_when_asked_and_allowed(hub: hubs.Hub, ada: str) -> None:
    options = {"url": hub.url, "gather": ["servers"], "server_state": True}
    allowed = call(hub_info, token=hub.token, **options)
    assert entry(allowed["servers"], ada, "user")["state"]["pid"] > 1
    not_allowed = call(hub_info, token=hub.token_with("list:users", "read:servers"), **options)
    assert entry(not_allowed["servers"], ada, "user")["state"] is None


# (what is gathered, more options, scopes that are enough, one of these without which it fails)
LEAST = [
    (["users"], {}, ["list:users"], "list:users"),
    (["servers"], {}, ["list:users", "read:servers"], "list:users"),
    (["servers"], {}, ["list:users", "read:servers"], "read:servers"),
    (["groups"], {}, ["list:groups"], "list:groups"),
    (["services"], {}, ["list:services"], "list:services"),
    (["routes"], {}, ["proxy"], "proxy"),
    (["users"], {"user_names": ["ada"]}, ["read:users!user=ada"], "read:users!user=ada"),
    (["servers"], {"user_names": ["ada"]}, ["read:servers!user=ada"], "read:servers!user=ada"),
]


@pytest.mark.parametrize(("gather", "options", "scopes", "without"), LEAST)
def test_least_scopes(
    hub: hubs.Hub, ada: str, gather: list[str], options: dict[str, t.Any], scopes: list[str], without: str
) -> None:
    enough = call(hub_info, url=hub.url, token=hub.token_with(*scopes), gather=gather, **options)
    assert not enough.get("failed"), enough
    assert enough[gather[0]]
    less = [scope for scope in scopes if scope != without] or ["read:metrics"]
    refused = call(hub_info, url=hub.url, token=hub.token_with(*less), gather=gather, **options)
    assert refused["failed"]
    needed = "read:users" if options else without
    assert f"needs the scope {needed}" in refused["msg"]


def test_what_the_token_may_not_see_is_null(hub: hubs.Hub, ada: str) -> None:
    gather = ["version", "users", "groups", "services"]
    token = hub.token_with("list:users", "list:groups", "list:services")
    result = call(hub_info, url=hub.url, token=token, gather=gather)
    assert result["version"]
    assert (result["python"], result["authenticator"], result["spawner"]) == (None, None, None)
    user = entry(result["users"], ada)
    assert (user["admin"], user["groups"], user["last_activity"], user["servers"]) == (False, None, None, None)
    assert entry(result["groups"], "course")["users"] is None
    assert entry(result["services"], "operator")["url"] is None


def test_version_and_health_need_no_token(hub: hubs.Hub) -> None:
    result = call(hub_info, url=hub.url, gather=["version", "health", "proxy"])
    assert not result.get("failed")
    assert result["version"] and result["python"] is None
    assert (result["running"], result["health"], result["proxy"]) == (True, "ok", "ok")


def test_a_hub_that_is_down_fails_or_is_reported(hub: hubs.Hub) -> None:
    options = {"url": hub.url, "token": hub.token, "timeout": 1}
    hub.stop()
    try:
        reported = call(hub_info, fail_when_down=False, **options)
        failed = call(hub_info, **options)
    finally:
        hub.start()
    assert not reported.get("failed")
    assert (reported["running"], reported["health"], reported["proxy"]) == (False, "down", "ok")
    assert "the hub behind it does not" in reported["reason"]
    assert "users" not in reported and "version" not in reported
    assert failed["failed"] and failed["error_kind"] == "unavailable" and failed["http_status"] == 503


def test_a_hub_that_refuses_is_not_a_hub_that_is_down(hub: hubs.Hub) -> None:
    result = call(hub_info, url=hub.url, token="f00dcafe" * 4, fail_when_down=False)
    assert result["failed"] and result["error_kind"] == "forbidden"


# -- where the token comes from


def test_token_of_a_file(hub: hubs.Hub, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "token"
    file.write_text(hub.operator_token + "\n")
    file.chmod(0o600)
    result = module_processes.run("hub_info", url=hub.url, token_file=str(file), gather=["routes"])
    assert result["routes"] and not result.get("warnings")
    assert hub.operator_token not in str(result)


def test_token_file_that_everybody_can_read_is_warned_of(hub: hubs.Hub, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "token"
    file.write_text(hub.operator_token)
    file.chmod(0o644)
    result = module_processes.run("hub_info", url=hub.url, token_file=str(file), gather=["routes"])
    assert result["routes"]
    assert any("has mode 0644" in str(warning) and "expected 0600" in str(warning) for warning in result["warnings"])


@pytest.mark.parametrize("variable", ["HUBWRIGHT_TOKEN", "JUPYTERHUB_API_TOKEN"])
def test_token_of_the_environment(hub: hubs.Hub, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, hub.operator_token)
    result = call(hub_info, url=hub.url, gather=["routes"])
    assert result["routes"]
    assert hub.operator_token not in str(result)


# -- wrong input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "hub.example.org"}, "url is 'hub.example.org', expected http://HOST"),
        ({"token": "one two"}, "The token has blanks"),
        ({"token": "f00dcafe", "token_file": "/b"}, "mutually exclusive: token|token_file"),
        ({"token_file": "/nowhere/token"}, "token_file /nowhere/token cannot be read on the host of this task"),
        ({"timeout": 0}, "timeout is 0.0, expected a number of seconds above 0"),
        ({"timeout": "soon"}, "timeout"),
        ({"ca_path": "/nowhere/ca.pem"}, "ca_path is '/nowhere/ca.pem'"),
        ({"validate_certs": "perhaps"}, "validate_certs"),
        ({"gather": ["everything"]}, "value of gather must be one or more of: version, health"),
        ({"user_names": []}, "user_names is empty, expected at least one user name"),
        ({"user_names": ["a/b"]}, "user_names has 'a/b', expected a user name"),
        ({"server_state": "some"}, "server_state"),
        ({"fail_when_down": "never"}, "fail_when_down"),
    ],
)
def test_wrong_input_is_refused(options: dict[str, t.Any], message: str) -> None:
    result = call(hub_info, **{"url": "http://127.0.0.1:9/", **options})
    assert result["failed"]
    assert message in result["msg"]


@pytest.mark.parametrize(("content", "message"), [(b"", "is empty"), (b"\xff\xfe", "beyond ASCII")])
def test_token_file_without_a_token_is_refused(tmp_path: pathlib.Path, content: bytes, message: str) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    result = call(hub_info, url="http://127.0.0.1:9/", token_file=str(file))
    assert result["failed"]
    assert f"token_file {file}" in result["msg"] and message in result["msg"]
