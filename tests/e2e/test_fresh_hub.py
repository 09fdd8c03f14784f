# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and administrators find after the first run."""

from __future__ import annotations

import json
import re
import urllib.error

import pytest
from installation import Installation

SECRETS = ("cookie_secret", "proxy_token", "operator_token", "culler_token", "shared_password", "shared_admin_password")


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_a_user_computes_and_keeps_a_file(hub: Installation, name: str) -> None:
    """Sign-in page, server, kernel, file: and the file is where those of that person are."""
    person = hub.user(name)
    person.start_server()
    assert person.kernel().compute("sum(range(10)) * 2") == "90"
    person.write("kept.txt", f"written by {name}")
    assert person.read("kept.txt") == f"written by {name}"
    assert hub.users_file(name, "kept.txt") == f"written by {name}"
    assert hub.owner(f"{hub.users_directory(name)}/kept.txt") == hub.users_account


@pytest.mark.parametrize("name", ["mallory", "root", "operator"])
def test_a_stranger_stays_out(hub: Installation, name: str) -> None:
    """The right password does not help who is not on the list."""
    assert hub.refuses(name, hub.secret("shared_password")), f"expected that {name} is refused"
    assert hub.refuses(name, hub.secret("shared_admin_password")), f"expected that {name} is refused"


def test_each_password_opens_one_door(hub: Installation) -> None:
    """Users can not sign in with the password of admins, nor the other way round."""
    assert hub.refuses("alice", hub.secret("shared_admin_password")), "expected that a user needs the users' password"
    assert hub.refuses("admin", hub.secret("shared_password")), "expected that an admin needs the admins' password"
    assert hub.refuses("alice", "wrong"), "expected that a wrong password is refused"


def test_only_admins_administer(hub: Installation) -> None:
    """The admin panel is offered to admins, and only they may list people."""
    admin, alice = hub.user("admin"), hub.user("alice")
    assert "/hub/admin" in admin.home(), "expected a link to the admin panel on an admin's page"
    assert {"alice", "bob", "admin"} <= {user["name"] for user in admin.request("GET", "/hub/api/users")}
    assert "/hub/admin" not in alice.home(), "expected no link to the admin panel on a user's page"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        alice.request("GET", "/hub/api/users")


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_in_its_file_only(hub: Installation, name: str) -> None:
    """Owned by the account that reads it, and neither in the configuration, nor in a process list, nor in a log."""
    secret = hub.secret(name)
    assert len(secret) >= 20, f"expected at least 20 characters in {name}"
    path = f"{hub.directory}/secrets/{name}"
    assert (hub.on_host("stat", "--format=%a", path), hub.owner(path)) == ("600", hub.account)
    shown = hub.on_host("sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'")
    assert secret not in shown, f"expected that {name} is in no process list"
    script = (
        'for place in etc bin log compose.yaml; do [ ! -e "$2/$place" ] || grep -rlF -f "$1" "$2/$place" || true; done'
    )
    found = hub.on_host("sh", "-c", script, "sh", path, hub.directory)
    assert not found, f"expected {name} in no other file than its own, it is in {found}"
    assert secret not in hub.log(), f"expected that {name} is not in the hub's log"


def test_the_hub_has_nothing_to_complain_about(hub: Installation) -> None:
    """No setting that it does not know, none that will go, and no traceback."""
    bad = [
        line
        for line in hub.log().splitlines()
        if re.search(r"not recogni[sz]ed|deprecat|Traceback", line, re.IGNORECASE)
    ]
    assert not bad, f"expected no such line in the hub's log: {bad[:5]}"


def test_services_run_as_their_account(hub: Installation) -> None:
    """All that people's requests reach belongs to the account that is meant for it."""
    for service in sorted({"hub", "proxy", hub.culler}):
        owner = hub.owner(f"/proc/{hub.pid(service)}")
        assert owner == hub.account, f"expected {service} to run as {hub.account}, it runs as {owner}"


def test_only_the_public_port_leaves_loopback(hub: Installation) -> None:
    """Hub and proxy API listen on loopback, whatever the public address is; in containers the host does not even have them."""
    lines = hub.on_host("cat", "/proc/net/tcp").splitlines()[1:]
    listening = {line.split()[1] for line in lines if line.split()[3] == "0A"}
    for port in hub.ports:
        found = [address for address in listening if address.endswith(f":{port:04X}")]
        assert found == [f"0100007F:{port:04X}"], f"expected port {port} on 127.0.0.1 only, found {found}"


def test_status_tells_how_the_hub_is(hub: Installation) -> None:
    """The table has a line for the hub with its version; it ends well only while the hub runs."""
    hub.play("status").must_say(hub.host, hub.version, hub.platform, hub.database)


def test_a_second_run_changes_nothing(hub: Installation) -> None:
    """Neither a file nor a process."""
    before, pids = hub.files(), [hub.pid(service) for service in hub.services]
    play = hub.play()
    assert play.changes == 0, f"expected no change, these tasks changed something: {play.changed}"
    assert hub.files() == before, "expected the same files with the same times"
    assert [hub.pid(service) for service in hub.services] == pids, "expected the same processes"


def test_the_operator_token_reads_the_hub(hub: Installation) -> None:
    """With it the modules of the collection work, as the playbooks use them."""
    arguments = {"url": hub.url, "token_file": f"{hub.directory}/secrets/operator_token"}
    answer = hub.module("hub_info", arguments)
    assert answer["running"] and answer["version"] == hub.version, (
        f"expected a hub that runs {hub.version}, got {json.dumps(answer)}"
    )
