# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""hub_server on real hubs of both versions, with real user servers."""

from __future__ import annotations

import threading
import typing as t
import uuid

import notebook_images
import pytest
from notebook_images import docker

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._hub_servers import plan
from ansible_collections.hubwright.jupyterhub.plugins.modules import hub_server
from ansible_collections.hubwright.jupyterhub.tests.unit import hubs
from ansible_collections.hubwright.jupyterhub.tests.unit.module_runs import call


@pytest.fixture
def user(hub: hubs.Hub, name: str) -> t.Iterator[str]:
    """A user without a server, gone with all servers at the end."""
    yield from person(hub, name)


@pytest.fixture
def slow_user(hub: hubs.Hub, name: str) -> t.Iterator[str]:
    """A user whose server starts only when it is let."""
    yield from person(hub, f"slow-{name}")


@pytest.fixture
def broken_user(hub: hubs.Hub, name: str) -> t.Iterator[str]:
    """A user whose server never starts."""
    yield from person(hub, f"broken-{name}")


def person(hub: hubs.Hub, name: str) -> t.Iterator[str]:
    assert hub.api("POST", f"/users/{name}")[0] == 201
    yield name
    for server in hub.api("GET", f"/users/{name}")[1].get("servers", {}):
        hub.api("DELETE", f"/users/{name}/servers/{server}" if server else f"/users/{name}/server")
    hubs.until(lambda: not hub.api("GET", f"/users/{name}")[1].get("servers"), f"servers of {name} stopped")
    hub.api("DELETE", f"/users/{name}")


def test_life_of_a_server(hub: hubs.Hub, user: str) -> None:
    """Check mode, start, start again, restart, stop, stop again: what a play would do, one server all the way."""
    options = {"url": hub.url, "token": hub.operator_token, "user": user.upper()}

    planned = call(hub_server, check=True, **options)
    assert planned["changed"] and planned["state"] == "stopped"
    assert planned["diff"] == {"before": {"state": "stopped"}, "after": {"state": "started"}}
    assert not hub.server(user).get("started")

    started = call(hub_server, user_options={"profile": "large"}, **options)
    assert started["changed"] and started["state"] == "started" and started["diff"] == planned["diff"]
    assert started["user"] == user and started["url"] == f"{hubs.BASE_URL}user/{user}/"
    model = hub.server(user)
    assert model["ready"] and model["user_options"] == {"profile": "large"} and model["started"] == started["started"]

    again = call(hub_server, user_options={"profile": "small"}, **options)
    assert not again["changed"] and again["started"] == started["started"]
    assert hub.server(user)["state"] == model["state"]

    planned = call(hub_server, check=True, state="restarted", **options)
    assert planned["changed"] and hub.server(user)["state"] == model["state"]
    assert planned["diff"]["after"] == {"state": "started (restarted)"}

    restarted = call(hub_server, state="restarted", **options)
    assert restarted["changed"] and restarted["state"] == "started"
    assert hub.server(user)["state"]["pid"] != model["state"]["pid"]

    planned = call(hub_server, check=True, state="stopped", **options)
    assert planned["changed"] and hub.server(user)["ready"]

    stopped = call(hub_server, state="stopped", **options)
    assert stopped["changed"] and (stopped["state"], stopped["started"]) == ("stopped", None)
    assert not hub.server(user)["ready"]

    again = call(hub_server, state="stopped", **options)
    assert not again["changed"] and again["state"] == "stopped"


def test_life_of_a_named_server(hub: hubs.Hub, user: str) -> None:
    options = {"url": hub.url, "token": hub.operator_token, "user": user, "server_name": "gpu"}
    for state in ("absent", "stopped"):
        nothing = call(hub_server, state=state, **options)
        assert not nothing["changed"] and (nothing["state"], nothing["url"]) == ("absent", None)
    # Options may be named like JupyterHub 6's own keys.
    started = call(hub_server, user_options={"user_options": "mine"}, **options)
    assert started["diff"] == {"before": {"state": "absent"}, "after": {"state": "started"}}
    assert hub.server(user, "gpu")["user_options"] == {"user_options": "mine"}
    planned = call(hub_server, check=True, state="absent", **options)
    assert planned["changed"] and hub.server(user, "gpu")["ready"]
    removed = call(hub_server, state="absent", **options)
    assert removed["changed"] and removed["state"] == "absent"
    assert removed["diff"] == {"before": {"state": "started"}, "after": {"state": "absent"}}
    assert not hub.server(user, "gpu")
    assert not call(hub_server, state="absent", **options)["changed"]


def test_stopped_named_server_is_removed(hub: hubs.Hub, user: str) -> None:
    options = {"url": hub.url, "token": hub.operator_token, "user": user, "server_name": "gpu"}
    call(hub_server, **options)
    stopped = call(hub_server, state="stopped", **options)
    assert stopped["changed"] and stopped["state"] == "stopped"
    assert hub.server(user, "gpu")
    removed = call(hub_server, state="absent", **options)
    assert removed["changed"] and not hub.server(user, "gpu")


def test_pending_start_is_waited_for_and_not_counted_as_change(hub: hubs.Hub, slow_user: str) -> None:
    options = {"url": hub.url, "token": hub.operator_token, "user": slow_user}
    asked = call(hub_server, wait=False, **options)
    assert asked["changed"] and asked["state"] == "starting"
    unchanged = call(hub_server, wait=False, **options)
    assert not unchanged["changed"] and unchanged["state"] == "starting"
    hub.let_start(slow_user)
    waited = call(hub_server, **options)
    assert not waited["changed"] and waited["state"] == "started"
    stopping = call(hub_server, state="stopped", wait=False, **options)
    assert stopping["changed"] and stopping["state"] in ("stopping", "stopped")
    assert call(hub_server, state="stopped", **options)["state"] == "stopped"


@pytest.mark.parametrize(("server_name", "state"), [("", "stopped"), ("gpu", "absent")])
def test_pending_start_is_interrupted(hub: hubs.Hub, slow_user: str, server_name: str, state: str) -> None:
    options = {"url": hub.url, "token": hub.operator_token, "user": slow_user, "server_name": server_name}
    call(hub_server, wait=False, **options)
    result = call(hub_server, state=state, **options)
    assert result["changed"] and result["state"] == state
    assert result["diff"]["before"] == {"state": "starting"}


def test_start_that_takes_too_long(hub: hubs.Hub, slow_user: str) -> None:
    result = call(hub_server, url=hub.url, token=hub.operator_token, user=slow_user, wait_timeout=0.5)
    assert result["failed"]
    assert f"The server of {slow_user} is still starting after 0.5 s." in result["msg"]
    assert "Allow more time with wait_timeout" in result["msg"]
    assert result["progress"]


def test_start_that_fails_says_why(hub: hubs.Hub, broken_user: str) -> None:
    result = call(hub_server, url=hub.url, token=hub.operator_token, user=broken_user)
    assert result["failed"]
    assert f"The server of {broken_user} did not start: Spawn failed: No seat is free." in result["msg"]
    assert result["progress"] == ["Spawn failed: No seat is free"]
    assert result["start_failure"] == "failed"


@pytest.fixture
def network() -> t.Iterator[str]:
    """The network of a hub's user containers; they go with it."""
    name = f"servers-{uuid.uuid4().hex[:8]}"
    docker("network", "create", "--internal", name)
    yield name
    docker("rm", "--force", *docker("ps", "--all", "--quiet", f"--filter=network={name}").split(), check=False)
    docker("network", "rm", name)


def contain(network: str, user: str, script: str, *options: str, name: str = "") -> None:
    """Run a shell script as the container of a user's server."""
    image = notebook_images.singleuser("6.1.1")
    docker(
        *("run", "--detach", f"--network={network}", f"--name={network}-{name or user}", "--stop-timeout=0", *options),
        *(f"--env=JUPYTERHUB_USER={user}", "--entrypoint=sh", image, "-c", script),
    )


def start_beside(hub: hubs.Hub, network: str, user: str, script: str, *options: str, **more: t.Any) -> dict[str, t.Any]:
    """The result of a start whose container begins to run when the hub waits for it."""

    def run() -> None:
        hubs.until(lambda: hub.server(user).get("pending") == "spawn", f"the server of {user} starts")
        contain(network, user, script, *options)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        return call(hub_server, url=hub.url, token=hub.operator_token, user=user, hub=network, **more)
    finally:
        thread.join()


def test_container_that_ends_is_not_waited_for(hub: hubs.Hub, slow_user: str, network: str) -> None:
    # What was there before tells nothing, nor does the container of somebody else.
    contain(network, slow_user, "exit 9", name="old")
    contain(network, "ann", "exit 8")
    result = start_beside(hub, network, slow_user, "echo No license today.; exit 3", wait_timeout=300)
    assert result["failed"] and result["start_failure"] == "ended"
    assert f"The server of {slow_user} ended with code 3 before it was ready." in result["msg"]
    assert result["msg"].endswith("Its log:\n  No license today.")
    assert result["log"] == ["No license today."]


def test_container_that_needs_too_much_memory_is_told(hub: hubs.Hub, slow_user: str, network: str) -> None:
    greedy = "python3 -c 'bytearray(10**9)'; exit $?"
    result = start_beside(hub, network, slow_user, f"exec {greedy}", "--memory=32m", "--memory-swap=32m")
    assert result["start_failure"] == "ended"
    assert "ended with code 137 before it was ready, since it needed more memory than its limit." in result["msg"]


def test_start_that_takes_too_long_shows_what_the_container_does(hub: hubs.Hub, slow_user: str, network: str) -> None:
    contain(network, slow_user, "echo Reading a slow disk; exec sleep 600")
    options = {"url": hub.url, "token": hub.operator_token, "user": slow_user, "hub": network}
    result = call(hub_server, wait_timeout=3, **options)
    assert result["start_failure"] == "timeout"
    assert f"The server of {slow_user} is still starting after 3 s." in result["msg"]
    assert result["msg"].endswith("Its log:\n  Reading a slow disk")


def test_start_that_the_hub_gives_up_counts_as_too_long(hub: hubs.Hub, user: str) -> None:
    with hub.configured("c.Spawner.cmd = ['sleep', '600']\nc.Spawner.http_timeout = 1"):
        result = call(hub_server, url=hub.url, token=hub.operator_token, user=user)
    assert result["start_failure"] == "timeout"
    assert "didn't respond in 1 seconds" in result["msg"]


def test_named_servers_that_the_hub_does_not_allow(hub: hubs.Hub, user: str) -> None:
    with hub.configured("c.JupyterHub.allow_named_servers = False"):
        result = call(hub_server, url=hub.url, token=hub.token, user=user, server_name="gpu")
    assert result["failed"]
    assert f"no named servers, so server gpu of {user} cannot start" in result["msg"]
    assert "JupyterHub.allow_named_servers" in result["msg"]


def test_user_who_does_not_exist(hub: hubs.Hub) -> None:
    result = call(hub_server, url=hub.url, token=hub.token, user="nobody-here")
    assert result["failed"]
    assert "The hub has no user nobody-here. Create the user with the module hub_user" in result["msg"]


def test_least_scopes(hub: hubs.Hub, user: str) -> None:
    """read:servers to look, delete:servers to stop; start:servers starts since JupyterHub 6, servers before."""
    version6 = hub.api("GET", "/")[1]["version"].startswith("6")
    start = "start:servers" if version6 else "servers"

    def act(state: str, *scopes: str) -> dict[str, t.Any]:
        token = hub.token_with(*(f"{scope}!user={user}" for scope in scopes))
        return call(hub_server, url=hub.url, token=token, user=user, state=state)

    assert act("stopped", "read:servers")["state"] == "stopped"
    assert "does not show the servers" in act("stopped", "read:users")["msg"]
    refused = act("started", "read:servers", "delete:servers")
    assert refused["error_kind"] == "forbidden" and "start:servers (JupyterHub 5: servers)" in refused["msg"]
    assert act("started", "read:servers", start)["changed"]
    if version6:
        refused = act("stopped", "read:servers", start)
        assert refused["error_kind"] == "forbidden" and "needs the scope delete:servers" in refused["msg"]
    assert act("stopped", "read:servers", "delete:servers")["changed"]
    assert act("restarted", "servers")["changed"]
    assert act("stopped", "servers")["changed"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"user": ""}, "user has '', expected a user name"),
        ({"user": " ada"}, "user has ' ada', expected a user name"),
        ({"state": "absent"}, "state is absent without a server_name, but the default server cannot be removed"),
        ({"state": "paused"}, "value of state must be one of: started, stopped, restarted, absent"),
        ({"user_options": "large"}, "user_options"),
        ({"wait": "long"}, "wait"),
        ({"wait_timeout": 0}, "wait_timeout is 0.0, expected a number of seconds above 0"),
    ],
)
def test_wrong_input_is_refused(options: dict[str, t.Any], message: str) -> None:
    result = call(hub_server, **{"url": "http://127.0.0.1:9/", "token": "f00dcafe", "user": "ada", **options})
    assert result["failed"]
    assert message in result["msg"]


def test_server_name_that_the_hub_does_not_take(hub: hubs.Hub, user: str) -> None:
    """The rule is the hub's, which differs between versions; a slash suits none."""
    result = call(hub_server, url=hub.url, token=hub.token, user=user, server_name="a/b")
    assert result["failed"] and result["error_kind"] == "refused"
    assert "nvalid server_name" in result["msg"]


@pytest.mark.parametrize(
    ("before", "wanted", "after", "changed"),
    [
        ("absent", "started", "started", True),
        ("absent", "stopped", "absent", False),
        ("absent", "restarted", "started", True),
        ("absent", "absent", "absent", False),
        ("stopped", "started", "started", True),
        ("stopped", "stopped", "stopped", False),
        ("stopped", "restarted", "started", True),
        ("stopped", "absent", "absent", True),
        ("starting", "started", "started", False),
        ("starting", "stopped", "stopped", True),
        ("starting", "restarted", "started", True),
        ("starting", "absent", "absent", True),
        ("started", "started", "started", False),
        ("started", "stopped", "stopped", True),
        ("started", "restarted", "started", True),
        ("started", "absent", "absent", True),
        ("stopping", "started", "started", True),
        ("stopping", "stopped", "stopped", False),
        ("stopping", "restarted", "started", True),
        ("stopping", "absent", "absent", True),
    ],
)
def test_plan(before: str, wanted: str, after: str, changed: bool) -> None:
    change = plan(before, wanted)
    assert (change.after, change.changed) == (after, changed)
    assert (change.diff["before"] != change.diff["after"]) is changed
