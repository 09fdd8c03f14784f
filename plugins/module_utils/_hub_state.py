# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is reported of a hub: entries of hub_info and the status table. Pure. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._tables import one_line, table

Model = t.Mapping[str, t.Any]


def component(model: Model | None) -> dict[str, t.Any] | None:
    """``class`` and ``version`` of an authenticator or spawner; None when the hub did not tell."""
    return {"class": model.get("class"), "version": model.get("version")} if model else None


def server_state(model: Model | None) -> str:
    """``absent``, ``stopped``, ``starting``, ``started`` or ``stopping``, from JupyterHub's model of a server."""
    if model is None:
        return "absent"
    if model.get("pending"):
        return "stopping" if model["pending"] == "stop" else "starting"
    return "started" if model.get("ready") else "stopped"


def user_entry(model: Model) -> dict[str, t.Any]:
    """A user as hub_info reports it. What the token may not see is None, never an empty list."""
    servers = model.get("servers")
    return {
        "name": model["name"],
        "admin": model.get("admin"),
        "groups": sorted(model["groups"]) if "groups" in model else None,
        "last_activity": model.get("last_activity"),
        "servers": None if servers is None else sorted(n for n, s in servers.items() if server_state(s) != "stopped"),
    }


def server_entries(model: Model, with_state: bool) -> list[dict[str, t.Any]]:
    """The servers of a user that run, start or stop.

    :param with_state: add what the spawner keeps of a server (process, container, pod), None if that is not shown.
    """
    entries = []
    for name, server in sorted((model.get("servers") or {}).items()):
        if server_state(server) == "stopped":
            continue
        entry = {
            "user": model["name"],
            "name": name,
            "ready": bool(server.get("ready")),
            "pending": server.get("pending"),
            "started": server.get("started"),
            "last_activity": server.get("last_activity"),
            "url": server.get("url"),
        }
        if with_state:
            entry["state"] = server.get("state")
        entries.append(entry)
    return entries


def group_entry(model: Model) -> dict[str, t.Any]:
    """A group; ``users`` is None when the token may see names only."""
    return {"name": model["name"], "users": sorted(model["users"]) if "users" in model else None}


def service_entry(model: Model) -> dict[str, t.Any]:
    """A service; what the token may not see is None. Its command and environment are left out."""
    return {"name": model["name"], "admin": model.get("admin"), "url": model.get("url")}


def route_entry(path: str, model: Model) -> dict[str, t.Any]:
    """A route of the proxy: where requests below ``path`` go, and for which user server."""
    data = model.get("data") or {}
    return {
        "path": path,
        "target": model.get("target"),
        "user": data.get("user"),
        "server_name": data.get("server_name"),
        "last_activity": data.get("last_activity"),
    }


# -- the table of the status playbook

COLUMNS = ("hub", "platform", "state", "version", "proxy", "database", "servers", "users", "certificate", "url")
RIGHT = {"servers", "users", "certificate"}
# fact -> types it may have, None always being one of them
FACTS: dict[str, tuple[type, ...]] = {
    "version": (str,),
    "running": (bool,),
    "proxy": (str,),
    "database": (str,),
    "servers_running": (int,),
    "users": (int,),
    "certificate_days": (int,),
    "platform": (str,),
    "url": (str,),
    "problems": (list, tuple),
}


def status_table(hubs: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[str]:
    """Lines of one aligned table of hubs, and below it one line for each problem.

    :param hubs: facts by the hub's host name, with keys of :data:`FACTS`; one left out or None reads ``-``.
    :raises HubError: not such a mapping; the message names the hub and the fact.
    """
    if not isinstance(hubs, t.Mapping):
        raise HubError(f"hub_status got {type(hubs).__name__}, expected a mapping of hub names to facts.")
    for name, facts in hubs.items():
        _check(name, facts)
    if not hubs:
        return ["There is no hub."]
    lines = table(COLUMNS, [_row(name, hubs[name]) for name in sorted(hubs)], RIGHT)
    problems = [
        f"{name}: {one_line(problem)}"
        for name in sorted(hubs)
        for problem in hubs[name].get("problems") or ()
        if one_line(problem)
    ]
    return lines + ([""] + problems if problems else [])


def _check(name: str, facts: t.Any) -> None:
    if not isinstance(facts, t.Mapping):
        raise HubError(f"Hub {name}: hub_status got {type(facts).__name__}, expected a mapping of facts.")
    for key, value in facts.items():
        if key not in FACTS:
            raise HubError(f"Hub {name}: hub_status knows no fact {key!r}, expected some of {', '.join(FACTS)}.")
        # bool is an int for Python, but not a number of users.
        wrong_bool = isinstance(value, bool) and bool not in FACTS[key]
        if value is not None and (wrong_bool or not isinstance(value, FACTS[key])):
            kinds = " or ".join(kind.__name__ for kind in FACTS[key])
            raise HubError(f"Hub {name}: fact {key} is {value!r}, expected {kinds}.")


def _row(name: str, facts: t.Mapping[str, t.Any]) -> list[t.Any]:
    running = facts.get("running")
    days = facts.get("certificate_days")
    cells = {
        "hub": name,
        "platform": facts.get("platform"),
        "state": None if running is None else "running" if running else "DOWN",
        "version": facts.get("version"),
        "proxy": facts.get("proxy"),
        "database": facts.get("database"),
        "servers": facts.get("servers_running"),
        "users": facts.get("users"),
        "certificate": None if days is None else "EXPIRED" if days < 0 else f"{days} day{'' if days == 1 else 's'}",
        "url": facts.get("url"),
    }
    return [cells[column] for column in COLUMNS]
