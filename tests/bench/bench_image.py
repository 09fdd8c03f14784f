# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a promotion and a roll-back of a notebook image cost besides its test, and a look at who runs what."""

from __future__ import annotations

import http.server
import json
import pathlib
import socketserver
import tempfile
import threading
import time
import typing as t
import uuid

import measuring
import notebook_images
import registries
from measuring import Broken, Row, at_most, median

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._engine_api import EngineApi

SECONDS = 1.0
TIMES_TWO_TAGS = 2.0
CONTAINERS = 1000
BEHIND = 100
REPORT_SECONDS = 2.0
NO_TEST = {"enabled": False}

#: Runs a module in a process of its own.
Module = t.Callable[..., tuple[measuring.Run, dict[str, t.Any]]]


def image(module: Module, runs: int) -> list[Row]:
    """All of it; needs a Docker engine."""
    return [*_promotion(module, runs), *_report(module, runs), *_registry(module)]


def _promotion(module: Module, runs: int) -> list[Row]:
    """Promote and roll back, in turn with the two commands that people would type."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    old, first, second = (f"{name}_{which}:latest" for which in ("old", "first", "second"))
    base = notebook_images.docker("image", "ls", "--quiet").split()
    if not base:
        raise Broken("the engine has no image to make another one from")
    for reference in (first, second):
        notebook_images.docker("tag", notebook_images.build(base=base[0]), reference)
    figures: dict[str, list[measuring.Run]] = {"ping": [], "promote": [], "back": [], "none": []}
    tags: list[float] = []
    try:
        # Neither the first release nor the first event of a history is what happens every week.
        module("notebook_image", name=name, candidate=first, smoke_test=NO_TEST)
        for _number in range(runs):
            begin = time.perf_counter()
            for source, target in ((f"{name}:latest", old), (second, f"{name}:latest")):
                notebook_images.docker("tag", source, target)
            tags.append(time.perf_counter() - begin)
            notebook_images.docker("tag", first, f"{name}:latest")
            for kind, options in (
                ("promote", {"candidate": second, "smoke_test": NO_TEST, "force": True}),
                ("none", {"candidate": second, "smoke_test": NO_TEST}),
                ("back", {"state": "rolled_back"}),
            ):
                run, result = module("notebook_image", name=name, history_tags=[old], **options)
                if result["changed"] != (kind != "none"):
                    raise Broken(f"notebook_image said changed={result['changed']} to {kind}: {result}")
                figures[kind].append(run)
            figures["ping"].append(module("ping", package="ansible.modules")[0])
    finally:
        notebook_images.forget(name, f"{name}_old", f"{name}_first", f"{name}_second")
    two = median(tags)
    rows = [Row("two `docker tag` commands, to compare with", f"{measuring.number(two)} s")]
    for kind, words in (("promote", "promote, besides the test"), ("back", "roll back")):
        wall = median(run.wall for run in figures[kind])
        beyond = median(each.wall - ping.wall for each, ping in zip(figures[kind], figures["ping"]))
        rows.append(at_most(f"notebook_image, {words}, whole process", wall, SECONDS, "s"))
        ratio = beyond / two
        note = f"{measuring.number(beyond)} s beyond ping"
        rows.append(at_most("the same beyond ping, as a multiple of the two commands", ratio, TIMES_TWO_TAGS, "", note))
    rows.append(
        Row("notebook_image, nothing to do, whole process", f"{median(run.wall for run in figures['none']):.2f} s")
    )
    return rows


class _Recorded(http.server.BaseHTTPRequestHandler):
    """An engine that answers what a real one once did, for many containers."""

    protocol_version = "HTTP/1.1"
    answers: t.ClassVar[dict[str, bytes]] = {}
    asked: t.ClassVar[list[str]] = []

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(path)
        body = self.answers.get(path)
        self.send_response(200 if body else 404)
        body = body or b'{"message": "no such thing"}'
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "socket"

    def log_message(self, *arguments: t.Any) -> None:
        pass


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def _report(module: Module, runs: int) -> list[Row]:
    """Who runs what of many containers, some of them behind."""
    hub, name = f"bench-{uuid.uuid4().hex[:8]}", f"bench-{uuid.uuid4().hex[:8]}"
    base = notebook_images.docker("image", "ls", "--quiet").split()[0]
    figures: list[measuring.Run] = []
    with tempfile.TemporaryDirectory(prefix="hubwright-bench-") as directory:
        _Recorded.answers = _recording(hub, name, base)
        with _Server(f"{directory}/engine.sock", _Recorded) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            for _number in range(runs):
                _Recorded.asked.clear()
                run, result = module(
                    "notebook_image_info", name=f"{name}:latest", hub=hub, socket=f"{directory}/engine.sock"
                )
                lists = _Recorded.asked.count("/containers/json")
                behind = [each["user"] for each in result["servers"] if not each["live"]]
                if len(result["servers"]) != CONTAINERS or len(behind) != BEHIND or "" in behind or lists != 1:
                    raise Broken(f"of {len(result['servers'])} servers {len(behind)} are behind, after {lists} lists")
                figures.append(run)
            server.shutdown()
    note = f"{BEHIND} of them behind, one list of containers"
    wall = median(run.wall for run in figures)
    return [at_most(f"notebook_image_info, {CONTAINERS} containers, whole process", wall, REPORT_SECONDS, "s", note)]


def _recording(hub: str, name: str, base: str) -> dict[str, bytes]:
    """What the real engine says of one container and two images, with the one container repeated."""
    docker = notebook_images.docker
    old, live = notebook_images.build(base=base), notebook_images.build(base=base)
    docker("tag", old, f"{name}:latest-20260101T000000Z-{old[7:19]}")
    docker("tag", live, f"{name}:latest-20260102T000000Z-{live[7:19]}")
    docker("tag", live, f"{name}:latest")
    docker("network", "create", "--internal", hub)
    container = docker("create", f"--network={hub}", f"--name={hub}-user-x", "--env=JUPYTERHUB_USER=x", old, "true")
    try:
        engine = EngineApi()
        images = engine.get("/images/json", "list", filters=json.dumps({"reference": [name]}))
        (row,) = engine.containers(name=[f"{hub}-user-x"])
        shown = engine.get(f"/containers/{container}/json", "show")
    finally:
        docker("rm", container)
        docker("network", "rm", hub)
        notebook_images.forget(name)
    answers = {"/images/json": json.dumps(images).encode()}
    rows = []
    for number in range(CONTAINERS):
        identity = f"{number:064x}"
        rows.append(
            row
            | {"Id": identity, "Names": [f"/{hub}-user-{number}"], "State": "running"}
            | {"ImageID": old if number < BEHIND else live}
        )
        config = shown["Config"] | {"Env": [f"JUPYTERHUB_USER=user{number}"]}
        answers[f"/containers/{identity}/json"] = json.dumps(shown | {"Id": identity, "Config": config}).encode()
    return answers | {"/containers/json": json.dumps(rows).encode()}


def _registry(module: Module) -> list[Row]:
    """A promotion in a registry, and what of its images it moves."""
    walls = []
    with (
        tempfile.TemporaryDirectory(prefix="hubwright-bench-") as directory,
        registries.running(pathlib.Path(directory)) as registry,
    ):
        repository = f"{registry.host}/notebook"
        for number in range(3):
            digest = registries.push(registry, "notebook", f"build-{number}")
            begin = len(registry.requests)
            run, result = module(
                "notebook_image",
                name=f"{repository}:live",
                store="registry",
                candidate=f"{repository}:build-{number}",
                smoke_test=NO_TEST,
                **registry.options,
            )
            if result["live"] != digest:
                raise Broken(f"{digest} was to be live: {result}")
            walls.append(run.wall)
        asked = registry.requests[begin:]
    moved = sum("/blobs/" in address for _method, address in asked)
    return [
        at_most("requests for layers in a promotion in a registry", moved, 0, "", f"of {len(asked)} in its log"),
        Row("notebook_image, promote in a registry, whole process", f"{median(walls):.2f} s"),
    ]
