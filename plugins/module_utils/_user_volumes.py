# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which volume or directory holds whose files, and where a backup of it goes. Pure. Private to the collection.

A name is never taken apart to guess its user: spellings have changed, and two users could be meant. Instead the names of all
users that the hub knows are spelled as the spawner does, and the volumes that containers have are taken as they are.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _claim_names, _volume_names
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

# A claim may be that of one server of a user.
_FIELD = re.compile(r"\{(?:username|user_server)\}")
SCHEMES = (*_volume_names.SCHEMES, "plain", *_claim_names.SCHEMES)
# In a repository these have the place of a user: the hub's own state, volumes that all share, volumes whose user is gone.
STATE, SHARED, ORPHANS = RESERVED = ("hub state", "hub shared", "hub orphans")


def user_volumes(
    names: t.Iterable[str],
    users: t.Iterable[str],
    templates: t.Mapping[str, str],
    servers: t.Iterable[t.Mapping[str, t.Any]] = (),
    scheme: str = "today",
) -> list[dict[str, str]]:
    """Whose each volume is.

    :param names: of all volumes, or paths of directories, that are there.
    :param users: everybody in the hub's database.
    :param templates: what a volume is called in a backup, to the name of the volume; one with ``{username}`` is each user's own,
        another one is shared by all.
    :param servers: user servers as ``hub_engine_info`` returns them: what the spawner did counts more than a spelling.
    :param scheme: how the spawner spells a user's name, ``plain`` for as it is, ``safe`` or ``escape`` for claims.
    :returns: for each ``volume`` that is from a template its ``name`` in a backup, its ``user`` and its ``kind``: ``user``,
        ``shared`` or ``orphan``, which no user has.
    :raises HubError: a user is called like something of the hub itself.
    """
    if taken := sorted(set(users) & set(RESERVED)):
        raise HubError(
            f"The hub has a user called {taken[0]}, which is what backups call something of the hub itself.",
            "Rename the user on the hub's administration page.",
        )
    there = sorted(set(names))
    own = {name: template for name, template in templates.items() if _FIELD.search(template)}
    owners: dict[str, tuple[str, str]] = {}
    for user in sorted(set(users)):
        for name, template in own.items():
            owners.setdefault(_named(template, user, scheme), (user, name))
    for server in servers:
        for mount in server.get("mounts", ()):
            if (name := _template_of(mount["source"], own)) and not mount.get("read_only"):
                owners[mount["source"]] = (server["user"], _of_server(name, server.get("claim_of", "")))
    shared = {template: name for name, template in templates.items() if not _FIELD.search(template)}
    found = []
    for volume in there:
        if volume in shared:
            found.append({"volume": volume, "name": label(shared[volume]), "user": SHARED, "kind": "shared"})
        elif volume in owners:
            user, name = owners[volume]
            found.append({"volume": volume, "name": label(name), "user": user, "kind": "user"})
        elif _template_of(volume, own):
            found.append({"volume": volume, "name": label(volume), "user": ORPHANS, "kind": "orphan"})
    return found


def restore_targets(
    backups: t.Iterable[t.Mapping[str, t.Any]],
    templates: t.Mapping[str, str],
    users: t.Collection[str] = (),
    to: str = "",
    name: str = "",
    scheme: str = "today",
) -> list[dict[str, str]]:
    """Where each backup goes in the hub as it is described now, which need not be the one that it was made of.

    :param backups: ``volumes`` of ``volume_backup_info``.
    :param users: whose; all, with the volumes that all share, when empty.
    :param to: the user who gets the files of the single one in ``users``, when it is another one.
    :param name: only the volume of this name.
    :returns: ``user``, ``name``, ``to`` (user), ``volume`` and ``from`` (``docker`` or ``directory``) of each, by user and name.
    :raises HubError: there is no such backup, or no place for it.
    """
    known = [backup for backup in backups if backup["last"] and backup["user"] not in (STATE, ORPHANS)]
    people = sorted({backup["user"] for backup in known} - {SHARED})
    missing = sorted(set(users) - set(people) - {SHARED})
    if missing:
        raise HubError(
            f"There is no backup of {', '.join(missing)}, expected users among {', '.join(people) or 'nobody'}.",
            "See report_backups.yml for what the repository has.",
        )
    if to and len(users) != 1:
        raise HubError(f"The files of {len(users)} users can not go to {to}, expected exactly one user.")
    places = {label(key): template for key, template in templates.items()}
    found, homeless = [], []
    for backup in sorted(known, key=lambda backup: (backup["user"], backup["name"])):
        if (users and backup["user"] not in users) or (name and backup["name"] != name):
            continue
        owner = to or backup["user"]
        volume, server = backup["name"], ""
        if volume not in places and "{user_server}" in places.get(volume.partition(".")[0], ""):
            volume, _dot, server = volume.partition(".")
        template = places.get(volume, "")
        if not template or bool(_FIELD.search(template)) == (backup["user"] == SHARED):
            homeless.append(f"{backup['name']} of {backup['user']}")
            continue
        found.append(
            {
                "user": backup["user"],
                "name": backup["name"],
                "to": owner,
                "volume": _named(template, owner, scheme, server),
                "from": backup["source"]["kind"],
            }
        )
    if homeless:
        raise HubError(
            f"The hub has no place for {', '.join(homeless)}, expected one of {', '.join(sorted(places))}.",
            "Describe it in hub_extra_volumes, or restore it with the module volume_restore into a volume of your choice.",
        )
    if not found:
        raise HubError(
            "There is nothing to restore: no backup is of that name.", "See report_backups.yml for what there is."
        )
    return found


def label(name: str) -> str:
    """What a volume is called in a backup; the module takes lower-case letters, digits, ``.``, ``_`` and ``-``."""
    return re.sub(r"[^a-z0-9._-]", "-", name.lower())


def _of_server(name: str, server: str) -> str:
    """What the volume of a named server is called among those of its user."""
    return f"{name}.{server}" if server else name


def _named(template: str, user: str, scheme: str, server: str = "") -> str:
    if scheme in _claim_names.SCHEMES:
        return _claim_names.claim_name(template, user, server, scheme)
    return _FIELD.sub(lambda _field: user if scheme == "plain" else _volume_names.spelled(user, scheme), template)


def _template_of(volume: str, own: t.Mapping[str, str]) -> str:
    """Which of the users' own volumes it is, whoever the user; empty for none."""
    return next((name for name, template in own.items() if _pattern(template).fullmatch(volume)), "")


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile("[^/]+".join(re.escape(part) for part in _FIELD.split(template)))
