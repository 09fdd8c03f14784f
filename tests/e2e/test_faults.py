# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong in practice: the message says what to do, people keep working, and the next run mends it."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

from hub_user import HubUser
from installation import Installation, uninterrupted, wait_until


@contextlib.contextmanager
def somebody_on_a_port() -> Iterator[int]:
    """Another program listens on a port that was free, and that the kernel gives to nobody of its own accord."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for port in range(18999, 18950, -1):
            with contextlib.suppress(OSError):
                taken.bind(("127.0.0.1", port))
                break
        taken.listen()
        yield taken.getsockname()[1]


def test_three_mistakes_are_named_together(hub: Installation, alice: HubUser) -> None:
    """Each with its variable, before anything is touched."""
    before = hub.files()
    with uninterrupted(alice):
        play = hub.play(
            fails=True,
            hub_version="4.1.0",
            hub_base_url="lab",
            hub_settings_extra={},
            hub_native={},
            hub_memory_limit="2 GiBi",
        )
    play.must_say("hub_version", "hub_base_url", "hub_memory_limit")
    assert hub.files() == before, "expected that a description that is refused touches nothing"


def test_a_mistake_in_the_configuration_is_found_before_it_is_used(hub: Installation, alice: HubUser) -> None:
    """An unknown trait and Python that does not compile, together."""
    before = hub.pid("hub")
    with uninterrupted(alice):
        play = hub.play(
            fails=True,
            hub_settings_extra={"Spawner": {"defualt_url": "/lab"}},
            hub_extra_config={"broken": "c.Spawner.port ="},
        )
    play.must_say("defualt_url", "default_url", "broken")
    assert hub.pid("hub") == before, "expected that the hub was not restarted"


def test_a_port_that_is_taken_is_refused(hub: Installation, alice: HubUser) -> None:
    """With the holder and the variable to change; without the cause the same run succeeds."""
    before = hub.files()
    with uninterrupted(alice):
        with somebody_on_a_port() as port:
            play = hub.play(fails=True, hub_port=port)
            play.must_say(f"port {port} on 127.0.0.1 is in use by", f"process {os.getpid()}", "hub_port")
        assert hub.files() == before, "expected that nothing was touched"
    hub.play(hub_port=port)
    assert hub.play(hub_port=port).changes == 0


def test_a_run_that_is_killed_is_made_up_for(hub: Installation, alice: HubUser) -> None:
    """Killed between placing the configuration and restarting the hub: the next run restarts it, although the file is as it should be."""
    before = hub.pid("hub")
    with uninterrupted(alice), hub.playing(hub_announcement="Half done") as run:
        assert run.stdout
        for line in run.stdout:
            if "TASK [" in line and "Place everything else" in line:
                break
    assert hub.pid("hub") == before, "expected that the run was killed before it restarted the hub"
    assert "Half done" in hub.on_host("cat", f"{hub.directory}/etc/jupyterhub_config.py")
    with uninterrupted(alice):
        play = hub.play(hub_announcement="Half done")
    play.must_say("hub restarts", "jupyterhub_config.py")
    assert "Half done" in alice.home(), "expected that the hub reads its configuration now"


def test_a_configuration_that_does_not_start_goes_back(hub: Installation, alice: HubUser) -> None:
    """The check can not foresee it. The hub's own words are in the message, and the hub of before answers again."""
    before = hub.on_host("cat", f"{hub.directory}/etc/jupyterhub_config.py")
    with uninterrupted(alice):
        play = hub.play(
            fails=True,
            hub_extra_config=hub.failing_at_start(),
            hub_announcement="Never seen",
        )
    play.must_say("the licence server is away", "The previous configuration is back and the hub answers")
    assert hub.on_host("cat", f"{hub.directory}/etc/jupyterhub_config.py") == before
    assert "Never seen" not in alice.home()
    assert not hub.refuses("bob"), "expected that people can sign in"
    assert hub.play().changes == 0, "expected that the hub is as it was before"


def test_a_damaged_database_is_named_and_can_be_mended(hub: Installation, alice: HubUser) -> None:
    """The message says which file to put where; user servers go on meanwhile."""
    database = f"{hub.directory}/state/jupyterhub.sqlite"
    with uninterrupted(alice):
        hub.stop("hub")
        hub.on_host("cp", "-p", database, f"{database}.kept")
        hub.on_host("sh", "-c", 'head -c 40000 /dev/urandom >"$0"', database)
        try:
            play = hub.play(fails=True, hub_announcement="New")
        finally:
            hub.stop("hub")
            hub.on_host("mv", f"{database}.kept", database)
        hub.play()
    play.must_say("The hub's database is damaged", "jupyterhub.sqlite.before-", "their files are not touched")


def test_a_hub_that_is_killed_comes_back(hub: Installation, alice: HubUser) -> None:
    """By itself, with another process, and nobody loses a request."""
    before = hub.pid("hub")
    with uninterrupted(alice):
        hub.kill(before)
        wait_until("the hub is another process", lambda: hub.pid("hub") not in (0, before))
        wait_until("the hub answers", hub.answers)
    assert hub.play().changes == 0, "expected that nothing is left to do"


def test_a_proxy_that_is_killed_comes_back(hub: Installation, alice: HubUser) -> None:
    """By itself, and it asks the hub at once where running servers are."""
    before = hub.pid("proxy")
    asked = hub.log().count("200 POST /hub/api/proxy")
    hub.kill(before)
    wait_until("the proxy is another process", lambda: hub.pid("proxy") not in (0, before))
    wait_until("the proxy has asked", lambda: hub.log().count("200 POST /hub/api/proxy") > asked)
    wait_until("the hub answers through the proxy", hub.answers)
    assert alice.request("GET", f"/user/{alice.name}/api/status")["started"], (
        "expected that alice's server is reached again"
    )


def test_status_tells_a_hub_that_is_down(hub: Installation) -> None:
    """And the playbook of before brings it back."""
    hub.stop("hub")
    hub.play("status", fails=True).must_say(f"{hub.host} is down", "site.yml")
    assert hub.play().changes, "expected that the run starts the hub"
    hub.play("status")
