# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""hub_user on real hubs of both versions; what somebody who lost a right can still do is tried with a browser."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _hub_users as users
from ansible_collections.hubwright.jupyterhub.plugins.modules import hub_server, hub_user
from ansible_collections.hubwright.jupyterhub.tests.unit import hubs, module_processes
from ansible_collections.hubwright.jupyterhub.tests.unit.module_runs import call


@pytest.fixture
def person(hub: hubs.Hub, name: str) -> t.Iterator[str]:
    """An ordinary user, removed at the end if still there."""
    assert hub.api("POST", f"/users/{name}")[0] == 201
    yield name
    remove(hub, name)


@pytest.fixture
def other(hub: hubs.Hub, person: str) -> t.Iterator[str]:
    """Another user, whose server runs."""
    name = f"{person}-other"
    assert hub.api("POST", f"/users/{name}")[0] == 201
    start(hub, name)
    yield name
    remove(hub, name)


def start(hub: hubs.Hub, name: str, server: str = "") -> None:
    hub.api("POST", f"/users/{name}/servers/{server}" if server else f"/users/{name}/server")
    hubs.until(lambda: hub.server(name, server).get("ready"), f"server {server} of {name} ready")


def remove(hub: hubs.Hub, name: str) -> None:
    status, model = hub.api("GET", f"/users/{name}")
    for server in model.get("servers", {}):
        hub.api("DELETE", f"/users/{name}/servers/{server}" if server else f"/users/{name}/server")
    hubs.until(lambda: not hub.api("GET", f"/users/{name}")[1].get("servers"), f"servers of {name} stopped")
    assert status == 404 or hub.api("DELETE", f"/users/{name}")[0] == 204


def seen(hub: hubs.Hub, name: str) -> dict[str, t.Any] | None:
    """What the hub says of a user, without this collection in between."""
    status, model = hub.api("GET", f"/users/{name}")
    return model if status == 200 else None


def listing(browser: hubs.Browser, owner: str) -> int:
    """Status with which the server of ``owner`` shows its files to this browser."""
    return browser.get(f"{hubs.BASE_URL}user/{owner}/api/contents").status


# -- people come and go


def test_create_with_groups_then_change_groups(hub: hubs.Hub, name: str) -> None:
    options = {"url": hub.url, "token": hub.operator_token}
    names = [f"{name}-B", f"{name}-a", f"{name}-b"]

    planned = call(hub_user, check=True, names=names, groups=["course"], **options)
    assert planned["changed"] and planned["actions"] == [] and seen(hub, f"{name}-a") is None

    created = call(hub_user, names=names, groups=["course"], **options)
    assert created["changed"] and created["diff"] == planned["diff"]
    assert created["diff"]["before"] == {f"{name}-b": None, f"{name}-a": None}
    assert created["diff"]["after"][f"{name}-a"] == {"admin": False, "groups": ["course"]}
    assert [(user["name"], user["changed"], user["groups"]) for user in created["users"]] == [
        (f"{name}-b", True, ["course"]),
        (f"{name}-a", True, ["course"]),
    ]
    assert seen(hub, f"{name}-b")["groups"] == ["course"]

    again = call(hub_user, names=names, groups=["course"], **options)
    assert not again["changed"] and again["diff"] == {"before": {}, "after": {}} and again["actions"] == []

    appended = call(hub_user, names=[f"{name}-a"], groups=["lab"], groups_append=True, **options)
    assert appended["changed"] and seen(hub, f"{name}-a")["groups"] == ["course", "lab"]
    assert not call(hub_user, names=[f"{name}-a"], groups=["lab"], groups_append=True, **options)["changed"]

    exact = call(hub_user, names=[f"{name}-a", f"{name}-b"], groups=["lab"], **options)
    assert [user["changed"] for user in exact["users"]] == [True, True]
    assert (seen(hub, f"{name}-a")["groups"], seen(hub, f"{name}-b")["groups"]) == (["lab"], ["lab"])
    assert not call(hub_user, names=names, **options)["changed"]

    planned = call(hub_user, check=True, names=names, state="absent", **options)
    assert planned["changed"] and seen(hub, f"{name}-a")
    removed = call(hub_user, names=[*names, "nobody-here"], state="absent", **options)
    assert [(user["name"], user["state"], user["changed"]) for user in removed["users"]] == [
        (f"{name}-b", "absent", True),
        (f"{name}-a", "absent", True),
        ("nobody-here", "absent", False),
    ]
    assert seen(hub, f"{name}-a") is None and seen(hub, f"{name}-b") is None
    assert not call(hub_user, names=names, state="absent", **options)["changed"]


def test_administrators_come_and_go(hub: hubs.Hub, person: str, name: str) -> None:
    options = {"url": hub.url, "token": hub.token}
    fresh = f"{name}-new"
    granted = module_processes.run("hub_user", names=[person, fresh], admin=True, **options)
    assert granted["changed"] and not granted.get("warnings")
    assert (seen(hub, person)["admin"], seen(hub, fresh)["admin"]) == (True, True)
    assert not call(hub_user, names=[person, fresh], admin=True, **options)["changed"]
    # Not asked for, so left alone.
    assert not call(hub_user, names=[person], **options)["changed"]
    revoked = module_processes.run("hub_user", names=[person, fresh], admin=False, **options)
    assert revoked["diff"]["before"][person]["admin"] is True and revoked["diff"]["after"][person]["admin"] is False
    assert any("Restart those servers with hub_server" in str(warning) for warning in revoked["warnings"])
    assert (seen(hub, person)["roles"], seen(hub, fresh)["roles"]) == (["user"], ["user"])
    call(hub_user, names=[fresh], state="absent", **options)


def test_more_than_one_request_may_create(hub: hubs.Hub) -> None:
    names = [f"bulk-{number}" for number in range(users.CREATE_AT_ONCE + 20)]
    options = {"url": hub.url, "token": hub.operator_token, "names": names}
    created = call(hub_user, **options)
    assert len(created["users"]) == len(names) and all(user["changed"] for user in created["users"])
    assert not call(hub_user, **options)["changed"]
    assert call(hub_user, state="absent", **options)["changed"]
    assert seen(hub, names[0]) is None and seen(hub, names[-1]) is None


def test_files_stay_when_a_user_goes(hub: hubs.Hub, person: str) -> None:
    start(hub, person)
    file = hub.directory / "homes" / person / "result.txt"
    file.write_text("42")
    removed = call(hub_user, url=hub.url, token=hub.token, names=[person], state="absent")
    assert removed["users"][0]["servers_stopped"] == [""]
    assert file.read_text() == "42"


def test_user_with_named_servers_is_removed_completely(hub: hubs.Hub, person: str) -> None:
    """The hub's own deletion fails half-way when a named server runs."""
    start(hub, person)
    start(hub, person, "gpu")
    removed = call(hub_user, url=hub.url, token=hub.token, names=[person], state="absent")
    assert removed["changed"] and removed["users"][0]["servers_stopped"] == ["", "gpu"]
    assert seen(hub, person) is None
    assert removed["actions"][-1] == f"removed {person}"


def test_running_servers_can_forbid_the_removal(hub: hubs.Hub, person: str, other: str) -> None:
    result = call(hub_user, url=hub.url, token=hub.token, names=[person, other], state="absent", stop_servers=False)
    assert result["failed"] and f"Servers of {other} run, and stop_servers is false" in result["msg"]
    assert seen(hub, person) and hub.server(other)["ready"]


# -- what somebody who lost a right can still do


def test_removal_ends_sessions_tokens_and_servers(hub: hubs.Hub, person: str) -> None:
    browser = hub.sign_in(person)
    token = hub.token_with("inherit", owner=person)
    start(hub, person)
    assert browser.get(f"{hubs.BASE_URL}user/{person}/tree").path == f"{hubs.BASE_URL}user/{person}/tree"
    assert listing(browser, person) == 200
    assert hub.api("GET", "/user", token=token)[0] == 200

    removed = module_processes.run("hub_user", url=hub.url, token=hub.token, names=[person], state="absent")
    assert removed["changed"] and not removed.get("warnings")

    assert browser.get("hub/home").path == f"{hubs.BASE_URL}hub/login"
    assert browser.get(f"{hubs.BASE_URL}user/{person}/api/contents").path == f"{hubs.BASE_URL}hub/login"
    assert hub.api("GET", "/user", token=token)[0] == 403

    # Not even when the name is given again, to the same person or another.
    call(hub_user, url=hub.url, token=hub.token, names=[person])
    start(hub, person)
    assert browser.get("hub/home").path == f"{hubs.BASE_URL}hub/login"
    assert listing(browser, person) == 403
    assert hub.api("GET", "/user", token=token)[0] == 403


@pytest.mark.parametrize("change", [{"admin": False}, {"state": "absent"}], ids=["revoked", "removed"])
def test_administrator_loses_the_hub_at_once_and_open_servers_with_their_restart(
    hub: hubs.Hub, person: str, other: str, change: dict[str, t.Any]
) -> None:
    """A user server asks the hub again only after HubOAuth.cache_max_age; restarting it leaves no gap."""
    call(hub_user, url=hub.url, token=hub.token, names=[person], admin=True)
    browser = hub.sign_in(person)
    token = hub.token_with("inherit", owner=person)
    assert browser.get("hub/admin").status == 200
    confirm = browser.get(f"{hubs.BASE_URL}user/{other}/tree")
    assert browser.submit(confirm).path == f"{hubs.BASE_URL}user/{other}/tree"
    assert listing(browser, other) == 200

    revoked = module_processes.run("hub_user", url=hub.url, token=hub.token, names=[person], **change)
    assert revoked["changed"]

    # The hub itself: at once, without another request.
    assert browser.get("hub/admin").status == 403 or browser.get("hub/admin").path.endswith("/hub/login")
    assert hub.api("GET", "/users", token=token)[0] == 403
    # The other's server remembers, and the module said so.
    assert listing(browser, other) == 200
    assert any(f"{person} can still use those servers" in str(warning) for warning in revoked["warnings"])
    # Its restart, as the warning advises, makes it forget.
    call(hub_server, url=hub.url, token=hub.token, user=other, state="restarted")
    assert listing(browser, other) == 403
    page = browser.get(f"{hubs.BASE_URL}user/{other}/tree")
    assert page.status == 403 or page.path == f"{hubs.BASE_URL}hub/login"


def test_shorter_memory_of_user_servers_is_a_setting(hub: hubs.Hub, person: str, name: str) -> None:
    """What the documentation advises: --HubOAuth.cache_max_age in Spawner.args."""
    other = f"{name}-other"
    with hub.configured('c.Spawner.args = ["--allow-root", "--HubOAuth.cache_max_age=2"]'):
        hub.api("POST", f"/users/{other}")
        start(hub, other)
        call(hub_user, url=hub.url, token=hub.token, names=[person], admin=True)
        browser = hub.sign_in(person)
        browser.submit(browser.get(f"{hubs.BASE_URL}user/{other}/tree"))
        assert listing(browser, other) == 200
        call(hub_user, url=hub.url, token=hub.token, names=[person], admin=False)
        hubs.until(lambda: listing(browser, other) == 403, "former administrator refused", 60)
        assert hub.server(other)["ready"]
        remove(hub, other)


# -- scopes


def test_least_scopes(hub: hubs.Hub, person: str, name: str) -> None:
    def act(*scopes: str, **options: t.Any) -> dict[str, t.Any]:
        return call(hub_user, url=hub.url, token=hub.token_with(*scopes), **options)

    fresh = f"{name}-new"
    assert not act("read:users", names=[person])["changed"]
    refused = act("read:users", names=[fresh])
    assert refused["error_kind"] == "forbidden" and "needs the scope admin:users" in refused["msg"]
    assert not refused["changed"]
    assert act("admin:users", names=[fresh])["changed"]

    refused = act("admin:users", names=[fresh], groups=[name])
    assert refused["error_kind"] == "forbidden" and "needs the scope read:groups:name" in refused["msg"]
    refused = act("admin:users", "groups", names=[fresh], groups=[name])
    assert refused["error_kind"] == "forbidden" and "needs the scope admin:groups" in refused["msg"]
    assert act("admin:users", "admin:groups", names=[fresh], groups=[name])["changed"]
    assert act("read:users", "groups", names=[fresh], groups=[])["changed"]

    start(hub, fresh)
    assert "does not show servers" in act("delete:users", "read:users", names=[fresh], state="absent")["msg"]
    refused = act("delete:users", "read:servers", names=[fresh], state="absent")
    assert refused["error_kind"] == "forbidden" and "needs the scope delete:servers" in refused["msg"]
    refused = act("delete:servers", "read:servers", names=[fresh], state="absent")
    assert refused["error_kind"] == "forbidden" and "needs the scope delete:users" in refused["msg"]
    # The server was stopped before the refusal, and the result says so.
    assert refused["changed"] and refused["actions"] == [f"stopped the server of {fresh}"]
    start(hub, fresh)
    assert act("delete:users", "read:servers", "delete:servers", names=[fresh], state="absent")["changed"]
    assert seen(hub, fresh) is None


def test_many_names_need_the_list(hub: hubs.Hub) -> None:
    names = [f"not-there-{number}" for number in range(40)]
    options = {"url": hub.url, "names": names, "state": "absent"}
    assert not call(hub_user, token=hub.token_with("list:users", "read:servers"), **options)["changed"]
    refused = call(hub_user, token=hub.token_with("read:users", "read:servers"), **options)
    assert refused["failed"] and "needs the scope list:users" in refused["msg"]


def test_only_an_administrators_token_makes_administrators(hub: hubs.Hub, person: str) -> None:
    """admin:users does not do, whichever direction; but it does to remove an administrator."""
    operator = {"url": hub.url, "token": hub.operator_token, "names": [person]}
    refused = call(hub_user, admin=True, **operator)
    assert refused["failed"] and "give it the role admin in load_roles" in refused["msg"]
    call(hub_user, url=hub.url, token=hub.token, names=[person], admin=True)
    refused = call(hub_user, admin=False, **operator)
    assert refused["failed"] and "Only admins can modify other admins" in refused["msg"]
    assert seen(hub, person)["admin"]
    assert call(hub_user, state="absent", **operator)["changed"]
    assert seen(hub, person) is None


def test_nobody_removes_the_owner_of_the_token(hub: hubs.Hub) -> None:
    token = hub.token_with("delete:users", "read:servers")
    result = call(hub_user, url=hub.url, token=token, names=["admin"], state="absent")
    assert result["failed"] and "Cannot delete yourself!" in result["msg"]
    assert seen(hub, "admin")


# -- wrong input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": []}, "names is empty, expected at least one user name"),
        ({"names": ["ada", ""]}, "names has '', expected a user name"),
        ({"names": ["ada "]}, "names has 'ada ', expected a user name"),
        ({"names": ["a/b"]}, "names has 'a/b', expected a user name"),
        ({"names": ["a\tb"]}, "no control character"),
        ({"state": "gone"}, "value of state must be one of: present, absent"),
        ({"admin": "root"}, "admin"),
        ({"state": "absent", "admin": True}, "state is absent, so admin mean nothing"),
        ({"state": "absent", "admin": False, "groups": []}, "so admin and groups mean nothing"),
        ({"groups": ["a", " b"]}, "groups has ' b', expected a name without a slash"),
        ({"groups_append": "more"}, "groups_append"),
        ({"stop_servers": "all"}, "stop_servers"),
        ({"wait_timeout": -1}, "wait_timeout is -1.0, expected a number of seconds above 0"),
    ],
)
def test_wrong_input_is_refused(options: dict[str, t.Any], message: str) -> None:
    result = call(hub_user, **{"url": "http://127.0.0.1:9/", "token": "f00dcafe", "names": ["ada"], **options})
    assert result["failed"]
    assert message in result["msg"]


def test_name_that_the_hub_does_not_take(hub: hubs.Hub) -> None:
    with hub.configured("c.Authenticator.username_pattern = '^[a-z]+$'"):
        result = call(hub_user, url=hub.url, token=hub.token, names=["ada1"])
    assert result["failed"] and result["error_kind"] == "refused" and not result["changed"]
    assert "Invalid username: ada1." in result["msg"]


# -- the plan as a function

names = st.lists(st.from_regex(r"[A-Za-z][a-z0-9._@-]{0,6}", fullmatch=True), min_size=1, max_size=6)
groups = st.lists(st.sampled_from(["a", "b", "c"]), max_size=3)
wishes = st.builds(
    users.Wanted,
    admin=st.sampled_from([None, True, False]),
    groups=st.one_of(st.none(), groups.map(tuple)),
    groups_append=st.booleans(),
)


@given(names, wishes, st.booleans(), groups)
def test_plan_carried_out_leaves_nothing_to_do(
    given_names: list[str], wanted: users.Wanted, admin: bool, had: list[str]
) -> None:
    checked = users.checked_names(given_names)
    first = checked[0].lower()
    existing = {first: {"name": first, "admin": admin, "groups": had, "servers": {}}}
    changes = users.plan(checked, existing, wanted)
    assert len({change.name for change in changes}) == len(changes) == len({name.lower() for name in given_names})
    done = {change.name: {"name": change.name, "servers": {}, **(change.after or {})} for change in changes}
    assert not any(change.changed for change in users.plan(checked, done, wanted))
    assert all(change.changed for change in users.plan(checked, done, users.Wanted(present=False)))
