# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People of a hub: the lists of the description and the userlist file. Private to the collection."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError


@dataclasses.dataclass(frozen=True)
class People:
    """Who may sign in (``users``, admins included) and who administers; sorted, in the hub's spelling."""

    users: tuple[str, ...]
    admins: tuple[str, ...]


def normalised(name: str) -> str:
    """A name as the hub stores it: JupyterHub lower-cases names at sign-in."""
    return str(name).strip().lower()


def parse_userlist(text: str, source: str = "hub_userlist") -> tuple[list[str], list[str]]:
    """Names and admins of a userlist: ``name [admin]`` a line; blank lines and ``#`` comments are ignored.

    :raises HubError: with every wrong line.
    """
    users: list[str] = []
    admins: list[str] = []
    wrong: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) > 2 or words[1:] not in ([], ["admin"]):
            wrong.append(f"{source} line {number} is {line.strip()!r}; expected 'name' or 'name admin'.")
            continue
        users.append(words[0])
        if len(words) == 2:
            admins.append(words[0])
    if wrong:
        raise HubError("\n".join(wrong))
    return users, admins


def people(description: t.Mapping[str, t.Any]) -> People:
    """Everybody of the description and of its userlist."""
    listed, listed_admins = parse_userlist(description.get("userlist_text") or "", description.get("userlist") or "")
    admins = {normalised(name) for name in [*description["admins"], *listed_admins]}
    users = {normalised(name) for name in [*description["users"], *listed]} | admins
    return People(tuple(sorted(users)), tuple(sorted(admins)))


def revoked(
    before: t.Mapping[str, t.Any] | None, now: People, groups: t.Mapping[str, t.Sequence[str]] | None = None
) -> dict[str, t.Any]:
    """Who lost what since the last finished run.

    :param before: ``{"users": [...], "admins": [...], "groups": {name: [...]}}`` as recorded then; None at the first run.
    :param groups: today's groups and their members.
    :returns: ``users`` that may no longer sign in, ``admins`` that stay but no longer administer, ``groups``: for each
        group that lost members who stay, their names. A hub that restarts adds members, it takes none away.
    """
    before = before or {}
    gone = sorted(set(before.get("users", ())) - set(now.users))
    demoted = sorted(set(before.get("admins", ())) - set(now.admins) - set(gone))
    left = {}
    for name, members in sorted(before.get("groups", {}).items()):
        lost = sorted(set(members) - set((groups or {}).get(name, ())) - set(gone))
        if lost:
            left[name] = lost
    return {"users": gone, "admins": demoted, "groups": left}
