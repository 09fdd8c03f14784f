# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles, groups and services that a hub declares in its configuration. Private to the collection.

JupyterHub looks at them only when it starts, with a traceback for the first mistake, and leaves unknown keys out
silently. Runs in the hub's own interpreter too: Python 3.10, standard library only.
"""

from __future__ import annotations

import difflib
import re
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._findings import Finding, is_secret, shown
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._trait_values import UNKNOWN, expected, fits

ROLE_KEYS = ("name", "description", "scopes", "users", "groups", "services")
GROUP_KEYS = ("users", "properties")
SCOPE_FILTERS = ("!user=", "!service=", "!group=", "!server=")
SCOPE_MARKS = ("!user", "!service", "!server")
SHORTEST_TOKEN = 8
URL_SCHEMES = ("http", "https", "http+unix", "unix+http")


def check(hub: t.Mapping[str, t.Any], inventory: t.Mapping[str, t.Any]) -> list[Finding]:
    """Mistakes in ``load_roles``, ``load_groups`` and ``services``.

    :param hub: settings of JupyterHub; values of a wrong type are left to the check of types.
    :param inventory: gives scopes, default roles, the pattern of role names and the fields of a service.
    """
    return [
        *_roles(hub.get("load_roles"), hub.get("custom_scopes"), inventory),
        *_groups(hub.get("load_groups")),
        *_services(hub.get("services"), inventory),
    ]


def _close(name: t.Any, known: t.Collection[str]) -> str:
    match = difflib.get_close_matches(str(name), list(known), 1, 0.7)
    return f"Did you mean {match[0]}?" if match else ""


def _roles(roles: t.Any, custom: t.Any, inventory: t.Mapping[str, t.Any]) -> t.Iterator[Finding]:
    if not isinstance(roles, (list, tuple)):
        return
    where = "c.JupyterHub.load_roles"
    scopes = {*inventory["scopes"], *(custom if isinstance(custom, dict) else ())}
    defaults = {role["name"]: role for role in inventory.get("default_roles", ())}
    seen: set[str] = set()
    for number, role in enumerate(roles, 1):
        if role is UNKNOWN:
            continue
        if not isinstance(role, dict):
            yield Finding("error", f"role {number}: expected a mapping, found {shown(role)}", "", where)
            continue
        name = role.get("name")
        if name is UNKNOWN:
            continue
        if not isinstance(name, str):
            yield Finding("error", f"role {number} has no name", "Give it a name of 3 to 255 characters.", where)
            continue
        if inventory.get("role_name") and not re.match(inventory["role_name"], name):
            message = (
                f"role {shown(name).removeprefix('the text ')}: a name has 3 to 255 lower-case letters, digits and "
                "-.~_, begins with a letter and ends with a letter or digit"
            )
            yield Finding("error", message, "Rename the role.", where)
        if name in seen:
            yield Finding("error", f"role {name!r} is there twice", "Put both into one.", where)
        seen.add(name)
        for key in role:
            if key not in ROLE_KEYS:
                message = f"role {name!r}: the key {key!r} is left out silently"
                hint = _close(key, ROLE_KEYS) or f"A role has {', '.join(ROLE_KEYS)}."
                yield Finding("warning", message, hint, where)
        for key in ("scopes", "users", "groups", "services"):
            if isinstance(role.get(key), (str, int, dict)):
                message = f"role {name!r}, {key}: expected a list, found {shown(role[key])}"
                yield Finding("error", message, "", where)
        if name == "admin":
            own = role.get("scopes")
            if isinstance(own, (list, tuple)) and UNKNOWN not in own and list(own) != defaults["admin"]["scopes"]:
                yield Finding("error", "role 'admin': its scopes can not be changed", "Use another role.", where)
        yield from _scopes(role.get("scopes"), scopes, f"role {name!r}", where)


def _scopes(given: t.Any, known: t.Collection[str], who: str, where: str) -> t.Iterator[Finding]:
    if not isinstance(given, (list, tuple, set)):
        return
    for scope in given:
        if scope is UNKNOWN:
            continue
        if not isinstance(scope, str):
            yield Finding("error", f"{who}: expected the name of a scope, found {shown(scope)}", "", where)
            continue
        name, mark, rest = scope.partition("!")
        if name not in known:
            hint = _close(name, known) or "See JupyterHub's list of scopes."
            yield Finding("error", f"{who}: there is no scope {scope!r}", hint, where)
        elif mark and f"!{rest}" not in SCOPE_MARKS and not f"!{rest}".startswith(SCOPE_FILTERS):
            hint = "Filters are !user=NAME, !group=NAME, !service=NAME and !server=USER/NAME."
            yield Finding("error", f"{who}: there is no filter '!{rest}' for a scope", hint, where)


def _groups(groups: t.Any) -> t.Iterator[Finding]:
    where = "c.JupyterHub.load_groups"
    if not isinstance(groups, dict):
        return
    for name, group in groups.items():
        users = group.get("users", []) if isinstance(group, dict) else group
        if isinstance(users, (str, dict)):
            yield Finding("error", f"group {name!r}: expected a list of users, found {shown(users)}", "", where)
        if isinstance(group, dict):
            for key in group:
                if key not in GROUP_KEYS:
                    message = f"group {name!r}: the key {key!r} is left out silently"
                    yield Finding(
                        "warning", message, _close(key, GROUP_KEYS) or "A group has users and properties.", where
                    )


def _services(services: t.Any, inventory: t.Mapping[str, t.Any]) -> t.Iterator[Finding]:
    where = "c.JupyterHub.services"
    fields = inventory["service_fields"]
    if not isinstance(services, (list, tuple)):
        return
    for number, service in enumerate(services, 1):
        if service is UNKNOWN:
            continue
        if not isinstance(service, dict):
            yield Finding("error", f"service {number}: expected a mapping, found {shown(service)}", "", where)
            continue
        if "name" not in service:
            yield Finding("error", f"service {number} has no name", "Give it one.", where)
        name = service.get("name", number)
        for key, value in service.items():
            if key not in fields:
                hint = _close(key, fields) or f"A service has {', '.join(fields)}."
                yield Finding("error", f"service {name!r}: there is no field {key!r}", hint, where)
            elif fits(fields[key], value) is False:
                found = shown(value, is_secret(key))
                message = f"service {name!r}, {key}: expected {expected(fields[key])}, found {found}"
                yield Finding("error", message, "", where)
        token = service.get("api_token")
        if isinstance(token, str) and 0 < len(token) < SHORTEST_TOKEN:
            message = (
                f"service {name!r}: its api_token has {len(token)} characters, at least {SHORTEST_TOKEN} are needed"
            )
            yield Finding("error", message, "Make one with: openssl rand -hex 32", where)
        url = service.get("url")
        if isinstance(url, str) and url and url.partition(":")[0] not in URL_SCHEMES:
            message = f"service {name!r}: expected a url with http:// or https://, found {shown(url)}"
            yield Finding("error", message, "", where)
        if service.get("admin") is True:
            message = f"service {name!r}: admin=True gives it every right and is deprecated since JupyterHub 2.0"
            yield Finding(
                "warning", message, "Give it a role with the scopes it needs in c.JupyterHub.load_roles.", where
            )
