# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people notice of changes to a Docker hub while they work: lost requests, closed connections, new servers.

Each change is made once, with all people at work.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import itertools
import json
import sys
import threading
import time
import typing as t

from bench_docker_hub import DockerHub
from hub_user import HubUser, Refused, Steady
from measuring import Broken, Row, at_most
from websocket import WebSocketException

# Servers that start at the same time; more of them would only wait for one another.
STARTS = 4
SIGN_INS_PER_SECOND = 4
# Small, without dependencies, and of no use to a hub.
PACKAGE = "iniconfig==2.1.0"


def changes(hub: DockerHub, runs: int) -> list[Row]:
    """Restart, configuration, certificate and image of a hub with TLS, one after the other."""
    certificate = hub.temporary / "certificate"
    hub.describe(
        hub_tls="files",
        hub_tls_certificate=str(certificate / "fullchain.pem"),
        hub_tls_key=str(certificate / "privkey.pem"),
        hub_certificate_source="self-signed",
        hub_certificate_valid_days=100,
    )
    hub.play("site.yml")
    with contextlib.ExitStack() as stack, concurrent.futures.ThreadPoolExecutor(STARTS) as pool:
        at_work = list(pool.map(lambda name: stack.enter_context(AtWork(hub, name)), hub.people))
        rows = change(hub, at_work, "restart", "restart_hub.yml")
        hub.describe(hub_settings_extra={"Spawner": {"http_timeout": 77}})
        rows += change(hub, at_work, "changed setting", "site.yml")
        soon = {"hub_certificate_renew_days": 200, "hub_certificate_valid_days": 365}
        rows += change(hub, at_work, "new certificate", "renew_certificate.yml", "-e", json.dumps(soon))
        hub.describe(hub_packages=[PACKAGE])
        rows += change(hub, at_work, "new image of the hub", "site.yml")
    return rows


def change(hub: DockerHub, at_work: list[AtWork], words: str, playbook: str, *options: str) -> list[Row]:
    """Make one change and say what people noticed of it."""
    before = hub.servers()
    with Steady(at_work[0].person) as steady, SignIns(hub) as sign_ins:
        run = hub.play(playbook, *options)
        sign_ins.wait_for_one()
    if "changed=0 " in run.output:
        raise Broken(f"{playbook} changed nothing where {words} was expected:\n{run.output[-3000:]}")
    closed = [each.person.name for each in at_work if not each.connected()]
    after = hub.servers()
    new = [
        each.person.name
        for each in at_work
        if after.get(each.person.name) != before[each.person.name]
        or (each.person.server() or {}).get("started") != each.started
    ]
    lost = [*steady.lost, *(f"connection of {name}" for name in closed), *(f"server of {name}" for name in new)]
    note = (
        f"{len(steady.lost)} of {steady.asked} requests, {len(closed)} of {len(at_work)} websockets, "
        f"{len(new)} of {len(at_work)} servers{f': {lost[0]}' if lost else ''}"
    )
    what = f"{words}, {len(at_work)} people at work"
    rows = [
        at_most(f"{what}: requests lost, websockets closed, servers new", len(lost), 0, "", note),
        Row(f"{words}: longest time without a sign-in", f"{sign_ins.longest:.1f} s of a play of {run.wall:.1f} s"),
    ]
    # It takes long until the whole table is there.
    for row in rows:
        print(f"{row.what}: {row.measured}", file=sys.stderr)
    return rows


class AtWork:
    """A person with a server who computes every two seconds over one connection, which nobody opens again."""

    def __init__(self, hub: DockerHub, name: str) -> None:
        self.person = HubUser(hub.url, name, hub.password)
        self.started = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._compute, daemon=True)
        self._turn = threading.Lock()

    def __enter__(self) -> t.Self:
        self.person.sign_in()
        self.started = self.person.start_server()["started"]
        self._kernel = self.person.kernel()
        self._kernel.compute("marker = 41")
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        self._kernel.socket.close()

    def _compute(self) -> None:
        # Answers the server's pings too, which are seen only while something is received.
        while not self._stop.wait(2) and self.connected():
            pass

    def connected(self) -> bool:
        """Whether the kernel that the person began with answers on the same connection."""
        with self._turn, contextlib.suppress(OSError, ValueError, WebSocketException):
            return self._kernel.compute("marker + 1") == "42"
        return False


class SignIns:
    """Somebody who signs in four times a second, however long the times before take."""

    def __init__(self, hub: DockerHub) -> None:
        self._hub = hub
        self._password = hub.password
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._begin, daemon=True)
        self._pool = concurrent.futures.ThreadPoolExecutor(64)
        self._times: list[tuple[float, float]] = []
        self.longest = 0.0
        """Seconds between the ends of two sign-ins, of which one was not possible or had to wait."""

    def __enter__(self) -> t.Self:
        self._sign_in()
        if not self._times:
            raise Broken(f"{self._hub.newcomer} could not sign in before anything was changed")
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        self._pool.shutdown()
        ends = sorted(end for _begin, end in self._times)
        self.longest = max((later - earlier for earlier, later in itertools.pairwise(ends)), default=0.0)

    def wait_for_one(self) -> None:
        """Return when a sign-in that began from now on has succeeded."""
        now = time.monotonic()
        while not any(begin > now for begin, _end in list(self._times)):
            if time.monotonic() > now + 120:
                raise Broken("nobody could sign in for two minutes after the play")
            time.sleep(0.1)

    def _begin(self) -> None:
        while not self._stop.wait(1 / SIGN_INS_PER_SECOND):
            self._pool.submit(self._sign_in)

    def _sign_in(self) -> None:
        begin = time.monotonic()
        with contextlib.suppress(OSError, http.client.HTTPException, Refused):
            HubUser(self._hub.url, self._hub.newcomer, self._password).sign_in()
            self._times.append((begin, time.monotonic()))
