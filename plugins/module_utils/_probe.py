# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: BLE001, S112 - classes and files of others may raise anything, and none of it may end the check
"""The part of the check that runs in the hub's own interpreter. Private to the collection.

``_checking`` sends the texts of these files and a request on standard input; ``serve`` writes the answer. Needs Python
3.10 or newer; jupyterhub and traitlets are imported inside the functions only.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
import os
import shutil
import signal
import sys
import tempfile
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import (
    _probe_inventory,
    _probe_source,
    _probe_values,
    _traits,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._findings import Finding
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._trait_values import UNKNOWN, without_references

MARK = "@@hubwright-answer@@"


def serve(request: dict[str, t.Any], descriptor: int) -> None:
    """Answer one request on ``descriptor``, which nothing else writes to."""
    sys.dont_write_bytecode = True
    directory = tempfile.mkdtemp(prefix="hubwright-check-")
    before = os.getcwd() if os.path.isdir(os.curdir) else "/"
    os.chdir(directory)
    try:
        answer = _answer(request)
    except Exception as error:
        import traceback

        place = traceback.extract_tb(error.__traceback__)[-1]
        answer = {"failure": "probe", "text": f"{type(error).__name__}: {error} ({place.name}, line {place.lineno})"}
    finally:
        os.chdir(before)
        shutil.rmtree(directory, ignore_errors=True)
    payload = ("\n" + MARK + json.dumps(answer)).encode()
    while payload:
        payload = payload[os.write(descriptor, payload) :]
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # with whatever the configuration has started and left, which keeps pipes open
    os._exit(0)  # threads and exit handlers of the configuration are not waited for


def _answer(request: dict[str, t.Any]) -> dict[str, t.Any]:
    try:
        import jupyterhub.app  # noqa: F401
    except Exception as error:
        return {"failure": "no_jupyterhub", "text": f"{type(error).__name__}: {error}"}
    inventory = _probe_inventory.Inventory()
    classes = _probe_values.RealClasses(inventory.classes)
    add_admissions(inventory, classes)
    answer: dict[str, t.Any] = {"inventory": json.loads(json.dumps(inventory.data))}
    if request["operation"] == "check":
        findings, doubtful = check(request, inventory, classes)
        answer["findings"] = [dataclasses.asdict(finding) for finding in findings]
        answer["doubtful"] = doubtful
    return answer


def add_admissions(inventory: _probe_inventory.Inventory, classes: _probe_values.RealClasses) -> None:
    """Note for every authenticator whether it lets anybody in when nothing is set."""
    from jupyterhub.auth import Authenticator

    inventory.data["admits_by_default"] = {
        name: admits
        for name, cls in list(inventory.classes.items())
        if issubclass(cls, Authenticator) and (admits := classes.admits_by_default(name)) is not None
    }


def check(
    request: t.Mapping[str, t.Any], inventory: _probe_inventory.Inventory, classes: _probe_values.RealClasses
) -> tuple[list[Finding], bool]:
    """Every finding for the configuration of a request, and whether one of them may differ in another place."""
    given = {section: without_references(traits) for section, traits in (request.get("settings") or {}).items()}
    if request.get("text") is None:
        return _settings(given, inventory, classes, {}, False), False
    name = request["name"]
    execution = _probe_source.run(request["text"], name, request["directory"], request["seconds"])
    for cls in _probe_source.configurables(execution.namespace):
        inventory.add(cls)
    inventory.add_loaded()
    findings = list(execution.findings)
    settings = _plain(execution, findings, inventory)
    for section, traits in given.items():
        for trait, value in traits.items():  # set by a statement that could not be run here
            settings.setdefault(section, {}).setdefault(trait, value)
    found = _settings(settings, inventory, classes, execution.placeholders, execution.doubtful)
    findings.extend(_placed(_excused(finding, execution), execution.lines, name) for finding in found)
    return findings, execution.doubtful


def _excused(finding: Finding, execution: _probe_source.Execution) -> Finding:
    """A None where a variable that is not set here was asked for may be a text where the hub runs."""
    if finding.severity == "error" and "found nothing (None)" in finding.message and execution.empty:
        execution.doubtful = True
        names = ", ".join(execution.empty[:5])
        message = f"{finding.message}; not set here: {names}"
        return dataclasses.replace(finding, severity="unsure", message=message, hint="Set them where the hub runs.")
    return finding


def _settings(
    settings: dict[str, dict[str, t.Any]],
    inventory: _probe_inventory.Inventory,
    classes: _probe_values.RealClasses,
    placeholders: t.Collection[str],
    doubtful: bool,
) -> list[Finding]:
    """Check settings with the real classes."""
    import logging

    logging.disable(logging.NOTSET)
    for group, trait in _traits.ROLES.items():
        value = settings.get("JupyterHub", {}).get(trait)
        if isinstance(value, type) and inventory.add(value):
            settings["JupyterHub"][trait] = _probe_inventory.full_name(value)
            inventory.data["paths"][_probe_inventory.full_name(value)] = _probe_inventory.full_name(value)
        elif isinstance(value, str) and "." in value and value.lower() not in inventory.data["entry_points"][group]:
            missing = inventory.add_path(value) is None
            inventory.data.setdefault("missing", []).extend([value] if missing else [])
    wrong: set[tuple[str, str]] = set()

    def in_full(name: str, without: set[tuple[str, str]]) -> t.Any:
        return _probe_values._config(
            {
                section: {
                    trait: value
                    for trait, value in traits.items()
                    if not _has_unknown(value) and (section, trait) not in without and (section, trait) not in wrong
                }
                for section, traits in settings.items()
                if isinstance(traits, dict)
            }
        )

    def judge(readers: t.Sequence[str], section: str, trait: str, value: t.Any) -> _traits.Judgement:
        if _traits._group(trait) and section == "JupyterHub" and isinstance(value, str):
            return _traits.Judgement("fine")  # looked up before, by its own rules
        if _has_unknown(value):
            return _traits.judge_by_type(inventory.data, readers, section, trait, value)
        judgement = classes.judge(readers, section, trait, value)
        if judgement.verdict == "wrong" and placeholders and "hubwright-placeholder-" in repr(value):
            return _traits.Judgement("unsure", "made of an environment variable that is not set here, not checked")
        return judgement

    classes.in_full = in_full
    findings, _decided = _traits.check(settings, inventory.data, judge, classes.opinion, wrong)
    if doubtful:
        findings = [
            dataclasses.replace(finding, severity="unsure") if finding.message.startswith("nobody may") else finding
            for finding in findings
        ]
    errors = {finding.where for finding in findings if finding.severity in ("error", "unsure")}
    findings.extend(_together(settings, inventory, classes, in_full, errors))
    return findings


def _together(
    settings: t.Mapping[str, t.Any],
    inventory: _probe_inventory.Inventory,
    classes: _probe_values.RealClasses,
    in_full: t.Callable[[str, set[tuple[str, str]]], t.Any],
    errors: t.Collection[str],
) -> t.Iterator[Finding]:
    """Settings that are right one by one and that their class refuses together."""
    lookup = _traits.Lookup(inventory.data)
    for group, trait in _traits.ROLES.items():
        name = lookup.resolve(group, settings.get("JupyterHub", {}).get(trait, inventory.data["defaults"][group]))
        if not name or classes.baseline(name) is None:
            continue
        sections = lookup.sections(name)
        if any(where.split(".")[1] in sections for where in errors if where.count(".")):
            continue
        try:
            classes.build(name, in_full(name, set()))
        except (_probe_values._trait_error(), ValueError) as error:
            if _probe_values._variable_in(str(error)):
                continue  # told with the setting that needs it
            values = {section: dict(settings.get(section, {})) for section in sections}
            text = _probe_values._words(error, values, False).replace("the value", "its settings together")
            yield Finding("error", text, "", f"c.{lookup.classes[name]['name']}")
        except (Exception, SystemExit):
            continue


def _has_unknown(value: t.Any) -> bool:
    if isinstance(value, dict):
        return any(_has_unknown(inner) for inner in value.values())
    if isinstance(value, (list, tuple, set)):
        return any(_has_unknown(inner) for inner in value)
    return value is UNKNOWN


def _plain(
    execution: _probe_source.Execution, findings: list[Finding], inventory: _probe_inventory.Inventory
) -> dict[str, dict[str, t.Any]]:
    """The configuration as settings; what traitlets would lose silently becomes a finding."""
    settings: dict[str, dict[str, t.Any]] = {}
    for section, traits in dict.items(execution.config):
        if not _probe_source._is_config(traits):
            place = execution.lines.get(section, ("", 0))
            if not _was_only_read(traits):
                close = _traits._closest(section, ("JupyterHub", "Spawner", "Authenticator"))
                hint = f"Did you mean c.{close}?" if close else "Names of classes begin with a capital."
                message = "there is no such class, what is set here is lost"
                findings.append(Finding("error", message, hint, f"c.{section}", place[1] or None, place[0]))
            continue
        settings[section] = {}
        for trait, value in dict.items(traits):
            if _is_lazy(value):
                problem = _lost(section, trait, value, inventory)
                place = execution.lines.get(f"{section}.{trait}", ("", 0))
                if problem:
                    message, hint = problem
                    findings.append(Finding("error", message, hint, f"c.{section}.{trait}", place[1] or None, place[0]))
                    if _was_only_read(value, attributes=False):
                        continue
                elif _was_only_read(value):
                    continue
                value = _resolved(value)
            settings[section][trait] = value
        if not settings[section]:
            del settings[section]
    return settings


def _is_lazy(value: t.Any) -> bool:
    from traitlets.config.loader import LazyConfigValue

    return isinstance(value, LazyConfigValue)


def _stray(value: t.Any) -> list[str]:
    from traitlets.config.loader import LazyConfigValue

    return sorted(
        set(vars(value)) - set(vars(LazyConfigValue())) - {"_value", "_update", "_extend", "_prepend", "_inserts"}
    )


def _was_only_read(value: t.Any, attributes: bool = True) -> bool:
    if not _is_lazy(value):
        return False
    changed = value._extend or value._prepend or value._inserts or value._update
    return not changed and not (attributes and _stray(value))


def _lost(section: str, trait: str, value: t.Any, inventory: _probe_inventory.Inventory) -> tuple[str, str] | None:
    """What traitlets forgets without a word: attributes on a mapping, a method of another kind of container."""
    stray = _stray(value)
    if not stray:
        return _wrong_method(section, trait, value, inventory)
    message = f"{', '.join(stray)} set as attribute of a setting is lost"
    return (
        message,
        f"Write c.{section}.{trait} = {{'{stray[0]}': ...}} or c.{section}.{trait}.update({{'{stray[0]}': ...}}).",
    )


def _wrong_method(
    section: str, trait: str, value: t.Any, inventory: _probe_inventory.Inventory
) -> tuple[str, str] | None:
    classes = inventory.data["classes"].values()
    kinds = {
        data["traits"][trait]["type"]["kind"]
        for data in classes
        if data["traits"].get(trait) and any(data["name"] == section or section in base for base in data["mro"])
    }
    listed = bool(value._extend or value._prepend or value._inserts)
    if listed and kinds in ({"set"}, {"dict"}):
        kind = "set" if kinds == {"set"} else "mapping"
        use = f"Use c.{section}.{trait}.update(...)."
        return f"append, extend and insert on it are lost, because it is a {kind}", use
    if value._update is not None and kinds == {"list"}:
        return "add and update on it are lost, because it is a list", f"Use c.{section}.{trait}.extend([...])."
    return None


def _resolved(value: t.Any) -> t.Any:
    """What ``append``, ``update`` and so on amount to, for a setting whose default is empty."""
    lazy = copy.deepcopy(value)
    if lazy._update is not None:
        return lazy.get_value({} if isinstance(lazy._update, dict) else set())
    return lazy.get_value([])


def _placed(finding: Finding, lines: t.Mapping[str, tuple[str, int]], name: str) -> Finding:
    """The finding with the line of the statement it is about."""
    key = finding.where.removeprefix("c.")
    place = lines.get(key)
    if place is None:
        inside = [where for other, where in lines.items() if other.startswith(f"{key}.")]
        place = min(inside, key=lambda where: where[1]) if inside else None
    if place is None:
        return dataclasses.replace(finding, origin=finding.origin or name)
    with contextlib.suppress(TypeError):
        return dataclasses.replace(finding, line=place[1], origin=place[0])
    return finding
