# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a whole configuration against the hub that will run it. Private to the collection.

Three ways, the quickest that can answer: a record (the same text was found clean before), the cached inventory of
traits (settings only, no Python of anybody), the hub's own interpreter or image with the real classes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import typing as t
import uuid
from collections.abc import Mapping

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import (
    _checking_cache,
    _checking_pod,
    _declared,
    _findings,
    _probe,
    _probe_inventory,
    _probe_source,
    _probe_values,
    _renamed,
    _trait_values,
    _traits,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._findings import Finding

__all__ = ["Finding", "Source", "Target", "Verdict", "check"]

# in the order in which they import each other
_SENT = (
    _findings, _renamed, _trait_values, _declared, _traits, _probe_inventory, _probe_values, _probe_source, _probe,
)  # fmt: skip
# standard output belongs to the answer: whatever prints while classes are imported or the file runs goes to stderr
_STARTER = """
import json, os, sys, types
answer = os.dup(1)
os.dup2(2, 1)
request = json.loads(sys.stdin.buffer.read())
empty = os.open(os.devnull, os.O_RDONLY)
os.dup2(empty, 0)
sys.path[:] = [entry for entry in sys.path if entry]
sys.dont_write_bytecode = True
if sys.version_info < (3, 10):
    failure = json.dumps({'failure': 'python', 'text': sys.version.split()[0]})
    os.write(answer, (chr(10) + request['mark'] + failure).encode())
    sys.exit(0)
for name in [name for name, file, source in request['modules']]:
    while '.' in name:
        name = name.rpartition('.')[0]
        package = sys.modules.setdefault(name, types.ModuleType(name))
        package.__path__ = []
for name, file, source in request['modules']:
    module = sys.modules[name] = types.ModuleType(name)
    setattr(sys.modules[name.rpartition('.')[0]], name.rpartition('.')[2], module)
    exec(compile(source, file, 'exec'), module.__dict__)
module.serve(request, answer)
"""
_KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "LD_LIBRARY_PATH", "TZ")
_ENGINE_DOWN = ("cannot connect to", "is the docker daemon running", "connection refused", "docker.sock")
_ENGINE_ENVIRONMENT = ("DOCKER_", "CONTAINER_", "XDG_")


@dataclasses.dataclass(frozen=True)
class Target:
    """Where the hub's real classes are; ``interpreter`` or ``image``."""

    interpreter: str = ""
    """Path of the Python that runs the hub."""
    image: str = ""
    """Container image that runs the hub; it is run without network, and with ``mounts`` only."""
    engine: str = "docker"
    """Command of the container engine: ``docker`` or ``podman``."""
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Environment variables for running the file, beside a plain PATH, HOME and language."""
    mounts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Path in the container -> path on this host, which it sees but can not change; missing ones are left out."""
    timeout: int = 120
    """Seconds the check may take."""
    pod: _checking_pod.Place | None = None
    """Where the image runs as a pod of a cluster; None: in the container engine of this host."""


@dataclasses.dataclass(frozen=True)
class Source:
    """A whole configuration."""

    text: str
    """Text of the file as it will be run."""
    name: str = "jupyterhub_config.py"
    """Name of the file in messages."""
    directory: str = ""
    """Directory that ``__file__`` shall be in."""
    settings: Mapping[str, Mapping[str, t.Any]] | None = None
    """Merged settings when the text was rendered from data; references are not looked up."""
    origins: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """``Class.trait`` -> name of its layer."""
    lines: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """``Class.trait`` -> line in the text."""
    fragments: Mapping[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    """Key of a fragment -> its first line in the text and the number of its lines."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the check has found."""

    findings: tuple[Finding, ...]
    """Sorted by line, errors first."""
    checked_with: str
    """``classes``, ``inventory`` or ``record``."""
    versions: Mapping[str, str]
    """Packages of the hub's environment that matter, for example ``{"jupyterhub": "6.1.1"}``."""


def check(source: Source, target: Target, cache_directory: str, *, refresh: bool = False) -> Verdict:
    """Find every mistake of a configuration.

    :param cache_directory: directory for inventories and records, made when it is missing (mode 0700).
    :param refresh: ask the real classes even when a record or a cached inventory could answer.
    :raises HubError: when the check itself can not be done: no interpreter, JupyterHub, image or engine, or no time.
    """
    fingerprint = _fingerprint(target)
    cache = _checking_cache.Cache(cache_directory, fingerprint)
    record_key = _checking_cache.digest(
        [
            *(source.text, source.name, source.directory, _json(source.settings), sorted(target.environment)),
            *(sorted(_present(target.mounts)), fingerprint),
        ]
    )
    if not refresh:
        recorded = cache.record(record_key)
        if recorded is not None:
            findings = [Finding(**finding) for finding in recorded["findings"]]
            return Verdict(_ordered(findings, source), "record", recorded["versions"])
        inventory = cache.inventory()
        if inventory is not None and source.settings is not None and not source.fragments:
            findings, decided = _traits.check_settings(source.settings, inventory, source.origins)
            if decided:
                return Verdict(_ordered(findings, source), "inventory", inventory["versions"])
    answer = _ask(
        target,
        {
            "operation": "check",
            "text": source.text,
            "name": source.name,
            "directory": source.directory,
            "settings": json.loads(_json(source.settings)),
            "seconds": max(target.timeout * 0.6, 1),
        },
    )
    cache.keep_inventory(answer["inventory"])
    findings = [Finding(**finding) for finding in answer["findings"]]
    ordered = _ordered(findings, source)
    versions = answer["inventory"]["versions"]
    if not answer["doubtful"] and not any(finding.severity in ("error", "unsure") for finding in findings):
        cache.keep_record(
            record_key, {"findings": [dataclasses.asdict(finding) for finding in findings], "versions": versions}
        )
    return Verdict(ordered, "classes", versions)


def inventory_of(target: Target, cache_directory: str) -> dict[str, t.Any]:
    """The inventory of traits of a hub environment, from the cache when that is still true."""
    cache = _checking_cache.Cache(cache_directory, _fingerprint(target))
    inventory = cache.inventory()
    if inventory is None:
        inventory = _ask(target, {"operation": "inventory"})["inventory"]
        cache.keep_inventory(inventory)
    return inventory


def _json(value: t.Any) -> str:
    try:
        return json.dumps(value, sort_keys=True, default=_plain)
    except (TypeError, ValueError) as error:
        raise HubError(
            f"The settings hold a value that is no plain data: {error}.", "Use texts, numbers, lists and mappings."
        ) from error


def _plain(value: t.Any) -> t.Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    return str(value)


# findings


def _ordered(findings: t.Iterable[Finding], source: Source) -> tuple[Finding, ...]:
    placed = [_placed(finding, source) for finding in findings]
    severities = {"error": 0, "warning": 1, "unsure": 2}
    unique = list(dict.fromkeys(placed))
    return tuple(sorted(unique, key=lambda found: (found.line or 10**9, severities.get(found.severity, 3), str(found))))


def _placed(finding: Finding, source: Source) -> Finding:
    """The finding with its line, and the layer or fragment that this line came from."""
    key = finding.where.removeprefix("c.")
    line = finding.line
    if line is None:
        line = source.lines.get(key) or min(
            (number for name, number in source.lines.items() if name.startswith(f"{key}.")), default=None
        )
    origin = finding.origin or source.name
    if origin == source.name or not origin.endswith(".py"):
        for fragment, (first, count) in source.fragments.items():
            if line is not None and first <= line < first + count:
                return dataclasses.replace(
                    finding, line=line, origin=f"fragment {fragment}", fragment_line=line - first + 1
                )
        finding = _traits.with_origin(dataclasses.replace(finding, origin=origin), source.origins)
    return dataclasses.replace(finding, line=line)


# the hub's interpreter


def _present(mounts: Mapping[str, str]) -> dict[str, str]:
    """Those mounts whose source is there; the engine refuses others."""
    return {inside: outside for inside, outside in mounts.items() if os.path.exists(outside)}


def _fingerprint(target: Target) -> str:
    code = _checking_cache.digest([_source_of(module) for module in _SENT])
    if target.pod:
        # Only nodes know what a tag means to them; a tag that is given another image needs another name to be noticed.
        return _checking_cache.digest(["pod", target.image, code])
    if target.image:
        return _checking_cache.digest(["image", target.engine, _image_id(target), code])
    if not target.interpreter:
        raise HubError(
            "Neither an interpreter nor an image is given to check the configuration with.",
            "Name the Python of the hub's environment, or the hub's image.",
        )
    if not os.path.isfile(target.interpreter):
        raise HubError(
            f"There is no Python at {target.interpreter}, expected the one that runs the hub.",
            "Install JupyterHub into a virtual environment and name its bin/python.",
        )
    return _checking_cache.digest(["interpreter", *_checking_cache.environment_of(target.interpreter), code])


def _image_id(target: Target) -> str:
    result = _run([target.engine, "image", "inspect", "--format", "{{.Id}}", target.image], "", target)
    if result.returncode == 0:
        return result.stdout.strip()
    _raise_for_engine(target, result.stderr)
    raise HubError(
        f"The image {target.image} is not on this host ({_last_line(result.stderr)}).",
        f"Pull it first: {target.engine} pull {target.image}",
    )


def _raise_for_engine(target: Target, text: str) -> None:
    if any(sign in text.lower() for sign in _ENGINE_DOWN):
        raise HubError(
            f"The container engine does not answer ({_last_line(text)}).",
            f"Start it, or let this user reach it; {target.engine} info must work.",
        )


def _ask(target: Target, request: dict[str, t.Any]) -> dict[str, t.Any]:
    """Send a request to the hub's interpreter and return the answer."""
    modules = [(module.__name__, module.__file__, _source_of(module)) for module in _SENT]
    payload = json.dumps({**request, "modules": modules, "mark": _probe.MARK})
    if target.pod:
        return _answer(_checking_pod.run(target.pod, target.image, _STARTER, payload, target.timeout), target)
    container = f"hubwright-check-{uuid.uuid4().hex[:12]}"
    if target.image:
        command = [target.engine, "run", "--rm", "-i", "--name", container, "--network", "none"]
        for name in target.environment:
            command += ["--env", name]
        for inside, outside in sorted(_present(target.mounts).items()):
            command += ["--mount", f"type=bind,readonly,source={outside},target={inside}"]
        command += ["--entrypoint", "python3", target.image, "-B", "-c", _STARTER]
    else:
        command = [target.interpreter, "-B", "-c", _STARTER]
    try:
        result = _run(command, payload, target)
    except HubError:
        if target.image:
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                subprocess.run([target.engine, "rm", "-f", container], capture_output=True, timeout=30, check=False)
        raise
    return _answer(result, target)


def _answer(result: subprocess.CompletedProcess[str], target: Target) -> dict[str, t.Any]:
    what = target.image or target.interpreter
    _before, mark, text = result.stdout.rpartition(_probe.MARK)
    if not mark:
        if target.image and not target.pod:
            _raise_for_engine(target, result.stderr)
        raise HubError(
            f"The check could not be run with {what} (exit code {result.returncode}): "
            f"{_last_line(result.stderr) or 'nothing was written'}.",
            "It must be a Python 3.10 or newer that starts." if not target.image else "Its python3 must start.",
        )
    # In the log of a pod, something else may follow.
    answer: dict[str, t.Any] = json.JSONDecoder().raw_decode(text)[0]
    failure = answer.get("failure")
    if failure == "python":
        raise HubError(f"{what} is Python {answer['text']}, expected 3.10 or newer.", "Use the hub's own Python.")
    if failure == "no_jupyterhub":
        pip = "in the image" if target.image else f"with {what} -m pip install jupyterhub"
        raise HubError(f"JupyterHub can not be imported by {what}: {answer['text']}.", f"Install it {pip}.")
    if failure:
        raise HubError(
            f"The check itself failed in {what}: {answer['text']}.", "Please report this with the configuration."
        )
    return answer


def _run(command: list[str], text: str, target: Target) -> subprocess.CompletedProcess[str]:
    """Run a command in a process group of its own; nothing of it is left when this returns."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    if target.image:
        kept.update({name: value for name, value in os.environ.items() if name.startswith(_ENGINE_ENVIRONMENT)})
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**kept, **target.environment},
            start_new_session=True,
            cwd="/",
        )
    except OSError as error:
        if target.image:
            raise HubError(
                f"The command {target.engine} can not be run: {error.strerror}.", f"Install {target.engine}."
            ) from error
        raise HubError(
            f"{target.interpreter} can not be run: {error.strerror}.", "Name the Python of the hub's environment."
        ) from error
    try:
        stdout, stderr = process.communicate(text, timeout=target.timeout)
    except subprocess.TimeoutExpired as error:
        raise HubError(
            f"The check with {target.image or target.interpreter} took longer than {target.timeout} seconds.",
            "Look for something in the configuration that waits, or allow more time.",
        ) from error
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.poll() is None:
            process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".")[:200] if lines else ""


def _source_of(module: t.Any) -> str:
    """The text of one of our own files, also from the zip archive that Ansible sends."""
    source: str = module.__loader__.get_source(module.__name__)
    if not source:
        raise HubError(f"The source of {module.__name__} can not be read.", "Install the collection again.")
    return source
