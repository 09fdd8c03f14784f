# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a hub for what hub_info reports. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _hub_state as state
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._hub_api import HubApi, HubApiError

PARTS = ("version", "health", "proxy", "users", "servers", "groups", "services", "routes")
# Up to this many names are asked one by one, which also works for a token that may see only these users.
FEW = 25


def collect(
    api: HubApi,
    parts: t.Collection[str],
    *,
    user_names: t.Sequence[str] | None = None,
    server_state: bool = False,
    fail_when_down: bool = True,
) -> dict[str, t.Any]:
    """What ``parts`` of :data:`PARTS` say, as hub_info returns it.

    :param user_names: only these users and their servers.
    :param server_state: with what the spawner keeps of each server.
    :param fail_when_down: raise when no hub answers; otherwise ``running`` is False and ``reason`` says why.
    :raises HubError: the hub does not answer, or refuses what was asked for.
    """
    result: dict[str, t.Any] = {"url": api.url, "running": True, "reason": ""}
    if "proxy" in parts:
        result["proxy"] = api.proxy_health()
    try:
        # Every report begins with these, so that a hub that is down is told from one that refuses something.
        if "health" in parts:
            api.health()
        version = api.version()
        result.update(_of_the_hub(api, version, parts))
        result.update(_of_people(api, parts, user_names, server_state))
        result.update(_of_the_rest(api, parts))
    except HubApiError as error:
        if fail_when_down or not error.down:
            raise
        result.update(running=False, reason=error.message)
    if "health" in parts:
        result["health"] = "ok" if result["running"] else "down"
    return result


def find_users(api: HubApi, names: t.Sequence[str]) -> dict[str, dict[str, t.Any]]:
    """The users of the hub among ``names``, by lower-case name.

    JupyterHub makes names lower-case unless its authenticator was changed; so both spellings are looked for.
    Of a few users the models have stopped servers too, of many only those that run, start or stop.
    """
    wanted = {name.lower(): name for name in names}
    if len(wanted) > FEW:
        return {model["name"].lower(): model for model in api.users() if model["name"].lower() in wanted}
    found = {}
    for lower, name in wanted.items():
        model = api.user(lower)
        if model is None and name != lower:
            model = api.user(name)
        if model is not None:
            found[lower] = model
    return found


def _of_the_hub(api: HubApi, version: str, parts: t.Collection[str]) -> dict[str, t.Any]:
    if "version" not in parts:
        return {}
    info: dict[str, t.Any] = {}
    try:
        info = api.info()
    except HubApiError as error:
        if error.kind != "forbidden":
            raise
    return {
        "version": version,
        "python": str(info["python"]).split()[0] if info.get("python") else None,
        "authenticator": state.component(info.get("authenticator")),
        "spawner": state.component(info.get("spawner")),
    }


def _of_people(
    api: HubApi, parts: t.Collection[str], user_names: t.Sequence[str] | None, server_state: bool
) -> dict[str, t.Any]:
    if "users" not in parts and "servers" not in parts:
        return {}
    if user_names is not None:
        models = list(find_users(api, user_names).values())
    else:
        # Servers alone need only the few users who have one.
        models = list(api.users(state=None if "users" in parts else "active"))
    models.sort(key=lambda model: model["name"])
    result: dict[str, t.Any] = {}
    if "users" in parts:
        result["users"] = [state.user_entry(model) for model in models]
        result["users_count"] = len(models)
        result["admins_count"] = sum(1 for model in models if model.get("admin"))
    if "servers" in parts:
        if any("servers" not in model for model in models):
            raise HubError(
                "The hub lists users without their servers.",
                "The token needs the scope read:servers too; without it leave servers out of gather.",
            )
        servers = [entry for model in models for entry in state.server_entries(model, server_state)]
        result["servers"] = servers
        result["servers_running"] = sum(1 for server in servers if server["ready"])
        result["servers_pending"] = sum(1 for server in servers if server["pending"])
    return result


def _of_the_rest(api: HubApi, parts: t.Collection[str]) -> dict[str, t.Any]:
    result: dict[str, t.Any] = {}
    if "groups" in parts:
        result["groups"] = sorted(map(state.group_entry, api.groups()), key=lambda group: group["name"])
    if "services" in parts:
        result["services"] = [state.service_entry(model) for _name, model in sorted(api.services().items())]
    if "routes" in parts:
        result["routes"] = [state.route_entry(path, model) for path, model in sorted(api.routes().items())]
    return result
