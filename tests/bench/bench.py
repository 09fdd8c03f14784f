# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures what an administrator waits for, against goals. `make bench` runs it; it is no test.

Every figure is the median of several runs. CPU seconds are the operating system's account of a process and of those
that it waited for. Figures that are compared with one another are taken in turn within one run, since a busy machine
is slower by the minute. The exit status is 0 unless a measurement itself broke; a missed goal is only said.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import pathlib
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
import typing as t
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / path) for path in (".dev", "tests/unit", "tests/integration")]

import bench_backup
import bench_docker
import bench_docker_hub
import bench_hub
import bench_image
import bench_kubernetes
import bench_site
import measuring
from descriptions import description
from hub_user import HubUser, Steady
from measuring import Broken, Row, at_most, median

from ansible_collections.hubwright.jupyterhub.plugins.filter.hub_settings import hub_problems, hub_settings
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._rendering import Layer, render

MODULES = "ansible_collections.hubwright.jupyterhub.plugins.modules"
HUB_CONFIG_SECONDS = 0.3
RENDER_SECONDS = 1.0
RENDER_GROWTH = 2.5
MODULE_CALLS = 10
CPU_OF_PINGS = 8.0


# --- hub_config, one process as Ansible starts it


def places(directory: pathlib.Path) -> dict[str, t.Any]:
    """Where things of a hub on one machine are."""
    names = {name: str(directory / name) for name in ("secrets", "state", "files", "users")}
    return {**names, "singleuser": str(directory / "singleuser"), "hub_port": 8081, "proxy_api_port": 8001}


def hub_config(runs: int) -> list[Row]:
    """Render and check a configuration: nothing changed, a setting changed, nothing known of the hub yet."""
    interpreter = pathlib.Path(os.environ.get("HUBWRIGHT_HUB_61", "")) / "bin" / "python"
    if not interpreter.is_file():
        raise Broken(
            f"HUBWRIGHT_HUB_61 names no virtual environment with a hub: {interpreter} is missing; run `make bench`"
        )
    with tempfile.TemporaryDirectory(prefix="hubwright-bench-") as name:
        directory = pathlib.Path(name)
        cache = directory / "cache"
        plan = hub_settings(description(users=["ada", "grace"]), "local", places(directory))
        (directory / "secrets").mkdir()
        for secret in plan["secrets"]:
            (directory / "secrets" / secret).write_text("0" * 64 + "\n", encoding="utf-8")

        def call(http_timeout: int) -> tuple[measuring.Run, dict[str, t.Any]]:
            return module_process(
                "hub_config",
                path=str(directory / "jupyterhub_config.py"),
                layers=[*plan["layers"], {"name": "bench", "settings": {"Spawner": {"http_timeout": http_timeout}}}],
                interpreter=str(interpreter),
                cache_directory=str(cache),
            )

        figures: dict[str, list[measuring.Run]] = {"ping": [], "unchanged": [], "changed": [], "cold": []}
        ways: dict[str, str] = {}
        for number in range(runs):
            shutil.rmtree(cache, ignore_errors=True)
            calls = {"cold": 1000 + number, "unchanged": 1000 + number, "changed": 2000 + number}
            for kind, seconds in calls.items():
                run, result = call(seconds)
                if result["changed"] != (kind != "unchanged"):
                    raise Broken(f"hub_config said changed={result['changed']} where the file was {kind}: {result}")
                ways[kind] = result["checked_with"]
                figures[kind].append(run)
            figures["ping"].append(module_process("ping", package="ansible.modules")[0])

    wall = {kind: median(run.wall for run in found) for kind, found in figures.items()}
    cpu = {kind: median(run.cpu for run in found) for kind, found in figures.items()}
    rows = [Row("process of the module ping, to compare with", f"{wall['ping']:.2f} s, CPU {cpu['ping']:.2f} s")]
    for kind, words in (
        ("unchanged", "unchanged file, cached inventory"),
        ("changed", "changed setting, cached inventory"),
    ):
        note = f"whole process {wall[kind]:.2f} s, CPU {cpu[kind]:.2f} s, by {ways[kind]}"
        beyond = median(each.wall - ping.wall for each, ping in zip(figures[kind], figures["ping"]))
        rows.append(at_most(f"hub_config beyond ping, {words}", beyond, HUB_CONFIG_SECONDS, "s", note))
    note = f"{wall['cold']:.2f} s, CPU {cpu['cold']:.2f} s, by {ways['cold']}"
    return [*rows, Row("hub_config, whole process, nothing cached", note)]


def module_process(module: str, package: str = MODULES, **arguments: t.Any) -> tuple[measuring.Run, dict[str, t.Any]]:
    """Run a module in a process of its own, arguments on standard input, as Ansible does."""
    command = [sys.executable, "-m", f"{package}.{module}"]
    path = os.pathsep.join([str(ROOT / ".dev"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    # Ansible sends modules as byte code in an archive; a process that compiles its sources anew would measure that.
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONPYCACHEPREFIX": str(_byte_code())}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    run = measuring.run(command, json.dumps({"ANSIBLE_MODULE_ARGS": arguments}), environment)
    return run, json.loads(run.output)


def _byte_code() -> pathlib.Path:
    return pathlib.Path(tempfile.gettempdir()) / f"hubwright-bench-bytecode-{os.getuid()}"


# --- a description with many people


def many_people(runs: int) -> list[Row]:
    """What Ansible's filters and the rendering take for thousands of users."""
    figures: dict[str, list[float]] = {"5000": [], "10000": [], "problems": []}
    for _number in range(runs):
        for count in (5000, 10000):
            people = description(users=[f"user{number:05}" for number in range(count)])
            figures[str(count)].append(cpu_of(functools.partial(rendered, people)))
            if count == 5000:
                figures["problems"].append(cpu_of(functools.partial(hub_problems, people, "local")))
    growth = median(large / small for small, large in zip(figures["5000"], figures["10000"]))
    return [
        at_most("hub_settings and rendering, 5,000 users", median(figures["5000"]), RENDER_SECONDS, "s"),
        at_most("the same for 10,000 users, as a multiple", growth, RENDER_GROWTH, ""),
        Row("check of a description, 5,000 users", f"{measuring.number(median(figures['problems']))} s"),
    ]


def rendered(people: dict[str, t.Any]) -> None:
    """The way of a description to the text of jupyterhub_config.py."""
    plan = hub_settings(people, "local", places(pathlib.Path("/srv/bench")))
    text = render([Layer(**layer) for layer in plan["layers"]], plan["fragments"]).text
    if people["users"][-1] not in text:
        raise Broken("the rendered configuration lacks a user")


def cpu_of(work: t.Callable[[], t.Any]) -> float:
    """CPU seconds of this process."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


# --- the playbooks, with a hub


def no_change(hub: bench_hub.LocalHub, runs: int) -> list[Row]:
    """What a run of site.yml costs that finds nothing to do."""
    return bench_site.no_change(hub, runs, MODULE_CALLS, CPU_OF_PINGS)


class Outage:
    """Asks the hub's API through the proxy, every 50 ms, and keeps the times at which it did not answer."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/hub/api/"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self.failures: list[float] = []
        self.back = 0.0
        """When it answered first after the last failure."""

    def __enter__(self) -> t.Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._stop.wait(0.05):
            try:
                with urllib.request.urlopen(self._url, timeout=5):
                    if self.failures and self.back < self.failures[-1]:
                        self.back = time.perf_counter()
            except (OSError, urllib.error.URLError):
                self.failures.append(time.perf_counter())

    @property
    def seconds(self) -> float:
        """From the first failure until it answered again."""
        if not self.failures or self.back < self.failures[-1]:
            raise Broken(f"the hub's API failed {len(self.failures)} times and was not seen to come back")
        return self.back - self.failures[0]


def restart(hub: bench_hub.LocalHub, runs: int) -> list[Row]:
    """What a user notices of restart_hub.yml, whose notebook server is open."""
    user = HubUser(hub.url, bench_hub.PEOPLE[0], hub.password)
    user.sign_in()
    user.start_server()
    asked, lost, seconds = 0, [], []
    for _number in range(runs):
        with Steady(user) as steady, Outage(hub.url) as outage:
            hub.play("restart_hub.yml")
        asked += steady.asked
        lost += steady.lost
        seconds.append(outage.seconds)
    note = f"of {asked} in {runs} restarts{f': {lost[0]}' if lost else ''}"
    return [
        at_most("requests to an open server lost while the hub restarts", len(lost), 0, "", note),
        Row("hub's API away at a restart", f"{median(seconds):.1f} s ({measuring.spread(seconds)})"),
    ]


def image(runs: int) -> list[Row]:
    """Promotion and roll-back of a notebook image on an engine and in a registry."""
    return bench_image.image(module_process, runs)


def backup(runs: int) -> list[Row]:
    """Backups of small and large volumes, beside other tools."""
    return bench_backup.backup(module_process, runs)


ALONE: dict[str, t.Callable[[int], list[Row]]] = {
    "hub_config": hub_config,
    "people": many_people,
    "image": image,
    "backup": backup,
}
WITH_A_HUB: dict[str, t.Callable[[bench_hub.LocalHub, int], list[Row]]] = {"site": no_change, "restart": restart}
WITH_DOCKER = bench_docker.MEASUREMENTS
WITH_A_CLUSTER = bench_kubernetes.MEASUREMENTS


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    groups = {"docker": WITH_DOCKER, "kubernetes": WITH_A_CLUSTER}
    names = [*ALONE, *WITH_A_HUB, *WITH_DOCKER, *WITH_A_CLUSTER]
    parser.add_argument(
        "what",
        nargs="*",
        metavar="WHAT",
        help=f"which measurements, of {', '.join(names)}; docker or kubernetes for all of its own; all without",
    )
    parser.add_argument("--runs", type=int, default=5, help="runs of each, 5 without")
    parser.add_argument("--people", type=int, default=20, help="people at work in docker-changes, 20 without")
    arguments = parser.parse_args()
    wanted = {name for what in arguments.what or names for name in groups.get(what, [what])}
    if wanted - set(names) or arguments.runs < 1 or arguments.people < 1:
        parser.error(f"expected some of {', '.join(names)}, at least one run and at least one person")
    # Like Ctrl-C, so that the hub is removed; and Ctrl-C itself where a shell that started this ignores it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)

    hubs: list[tuple[dict[str, t.Callable[..., list[Row]]], str, t.Callable[[], t.ContextManager[t.Any]]]] = [
        (WITH_A_HUB, "a hub", bench_hub.running_hub),
        (WITH_DOCKER, "a Docker hub", lambda: bench_docker_hub.running_hub(arguments.people)),
        (WITH_A_CLUSTER, "a cluster with a hub", bench_kubernetes.running_hub),
    ]
    rows: list[Row] = []
    try:
        for name in [name for name in ALONE if name in wanted]:
            print(f"measuring {name}", file=sys.stderr)
            rows += ALONE[name](arguments.runs)
        for measurements, kind, bring_up in hubs:
            chosen = [name for name in measurements if name in wanted]
            if not chosen:
                continue
            print(f"bringing up {kind}, which takes minutes", file=sys.stderr)
            with bring_up() as hub:
                for name in chosen:
                    print(f"measuring {name}", file=sys.stderr)
                    rows += measurements[name](hub, arguments.runs)
    except Broken as error:
        print(f"The measurement broke: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    finally:
        shutil.rmtree(_byte_code(), ignore_errors=True)
        if rows:
            print(measuring.table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
