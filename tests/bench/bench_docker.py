# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an administrator of a Docker hub waits for, and a person who signs in."""

from __future__ import annotations

import json
import time
import typing as t
import urllib.request

import bench_docker_changes
import bench_docker_hub
import bench_hub
import bench_site
import measuring
from bench_docker_hub import DockerHub, docker
from hub_user import HubUser
from measuring import Broken, Row, at_most, median

MODULE_CALLS = 12
UP_OF_COMPOSE = 2.0
READY_OF_PLAIN = 1.0


def no_change(hub: DockerHub, runs: int) -> list[Row]:
    """What a run of site.yml costs that finds nothing to do."""
    return bench_site.no_change(hub, runs, MODULE_CALLS)


# --- up from images that are there


def up(hub: DockerHub, runs: int) -> list[Row]:
    """Bringing the hub up where all images are: by Compose alone, by site.yml, by site.yml on a host that is new."""
    composed, again, first = [], [], []
    for _number in range(runs):
        hub.compose("down")
        begin = time.perf_counter()
        hub.compose("up", "--detach")
        bench_hub.wait_for(hub.url)
        composed.append(time.perf_counter() - begin)
        hub.compose("down")
        again.append(hub.play("site.yml").wall)
        first.append(_first(hub))
    compared = f"docker compose up until the hub answers: {median(composed):.1f} s ({measuring.spread(composed)})"
    rows = [Row("Compose alone brings the same project up, to compare with", compared)]
    for figures, words in ((again, "its containers were removed"), (first, "only its images are there")):
        ratio = median(site / compose for site, compose in zip(figures, composed))
        note = f"{median(figures):.1f} s ({measuring.spread(figures)})"
        rows.append(at_most(f"site.yml where {words}, in those", ratio, UP_OF_COMPOSE, "", note))
    return rows


def _first(hub: DockerHub) -> float:
    """Seconds of site.yml where nothing of the hub is left but its image."""
    [image] = hub.own_images()
    # Teardown removes the image's name, not what has another name as well.
    docker("tag", image, f"{bench_docker_hub.NAME}-kept")
    try:
        hub.remove()
        docker("tag", f"{bench_docker_hub.NAME}-kept", image)
    finally:
        docker("image", "rm", f"{bench_docker_hub.NAME}-kept")
    return hub.play("site.yml").wall


# --- sign-in to ready server


def start(hub: DockerHub, runs: int) -> list[Row]:
    """How long a person waits from the sign-in page to the server, with this hub and with a plain one."""
    figures: dict[tuple[str, str], list[float]] = {
        (kind, whose): [] for kind in ("new volume", "again") for whose in ("ours", "plain")
    }
    with bench_docker_hub.plain_hub(hub) as (plain_url, plain_password):
        hubs = {"ours": (hub.url, hub.password), "plain": (plain_url, plain_password)}
        for number in range(runs):
            # Who goes first changes, since the second of two finds files of the image in memory.
            turn = ["ours", "plain"] if number % 2 else ["plain", "ours"]
            for kind in ("new volume", "again"):
                for whose in turn:
                    url, password = hubs[whose]
                    figures[kind, whose].append(sign_in_to_ready(url, hub.people[number % len(hub.people)], password))
    rows = []
    for kind, words in (("new volume", "a person's first"), ("again", "a later")):
        ours, plain = figures[kind, "ours"], figures[kind, "plain"]
        note = f"{median(ours):.1f} s ({measuring.spread(ours)}) to {median(plain):.1f} s ({measuring.spread(plain)})"
        ratio = median(mine / other for mine, other in zip(ours, plain))
        rows.append(
            at_most(f"sign-in to ready server, {words}, in those of a plain hub", ratio, READY_OF_PLAIN, "", note)
        )
    return rows


def sign_in_to_ready(url: str, name: str, password: str) -> float:
    """Seconds until the server answers; it is stopped afterwards."""
    person = HubUser(url, name, password)
    begin = time.perf_counter()
    person.sign_in()
    person.request("POST", f"/hub/api/users/{name}/server", {})
    # What the page shows that waits for a server: it ends at the moment when it is ready.
    request = urllib.request.Request(
        f"{url}/hub/api/users/{name}/server/progress", headers={"Authorization": f"token {person.token}"}
    )
    with urllib.request.urlopen(request, timeout=person.timeout) as lines:
        events = [json.loads(line.removeprefix(b"data: ")) for line in lines if line.startswith(b"data: ")]
    if not events or not events[-1].get("ready"):
        raise Broken(f"the server of {name} at {url} did not start: {events}")
    person.request("GET", f"/user/{name}/api/status")
    seconds = time.perf_counter() - begin
    person.stop_server()
    return seconds


MEASUREMENTS: dict[str, t.Callable[[DockerHub, int], list[Row]]] = {
    "docker-site": no_change,
    "docker-up": up,
    "docker-start": start,
    "docker-changes": bench_docker_changes.changes,
}
