# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of user volumes on Docker, today's and those of older spawners. Private to the collection.

A name is a template in which ``{username}`` is the user's name, spelled so that Docker accepts it. DockerSpawner 12
changed that spelling: whoever has a name with more than letters and digits got a new, empty volume.
"""

from __future__ import annotations

import re
import string
import typing as t

_TODAY = re.compile(r"(?:[a-z0-9]|-[0-9a-f]{2})+")
_LEGACY = re.compile(r"(?:[A-Za-z0-9-]|_[0-9A-F]{2})+")
SCHEMES = ("today", "legacy")


def spelled(user: str, scheme: str = "today") -> str:
    """A user's name inside the names of containers and volumes.

    :param scheme: ``today`` for DockerSpawner 12 and later, ``legacy`` for older ones and for ``escape: legacy``.
    """
    if scheme == "today":
        return "".join(c if c in string.ascii_lowercase + string.digits else _bytes(c, "-").lower() for c in user)
    return "".join(c if c in string.ascii_letters + string.digits + "-" else _bytes(c, "_") for c in user)


def _bytes(character: str, sign: str) -> str:
    return "".join(f"{sign}{byte:X}" for byte in character.encode())


def user_of(name: str, scheme: str) -> str | None:
    """Who is spelled so; None when nobody is."""
    pattern, sign = (_TODAY, "-") if scheme == "today" else (_LEGACY, "_")
    if not pattern.fullmatch(name):
        return None
    code = re.compile(re.escape(sign).encode() + rb"([0-9A-Fa-f]{2})")
    try:
        user = code.sub(lambda found: bytes([int(found[1], 16)]), name.encode()).decode()
    except UnicodeDecodeError:
        return None
    # The hub stores names in lower case, and a letter that needs no code has none.
    return user if spelled(user, scheme) == name and user == user.lower() else None


def old_volumes(
    volumes: t.Iterable[str], template: str, users: t.Iterable[str], scheme: str = "today"
) -> list[dict[str, t.Any]]:
    """Volumes that look like users' but that no user would get.

    :param volumes: names of all volumes that may be users'.
    :param template: name of a user's volume, with ``{username}`` in it; without it nothing can be said.
    :param users: everybody who is known to the hub.
    :param scheme: how the hub spells names now.
    :returns: for each ``volume`` whose it probably is (``user``, empty when nobody can be told), whether that one is
        ``known``, the ``current`` name that the user's volume has now, and whether a volume of that name ``exists``.
    """
    there = set(volumes)
    before, field, after = template.partition("{username}")
    if not field:
        return []
    other = "legacy" if scheme == "today" else "today"
    known = set(users)
    current = {spelled(user, scheme) for user in known}
    formerly = {spelled(user, other): user for user in sorted(known)}
    found = []
    for volume in sorted(there):
        if not (volume.startswith(before) and volume.endswith(after) and len(volume) > len(before) + len(after)):
            continue
        name = volume[len(before) : len(volume) - len(after)]
        user = None if name in current else formerly.get(name)
        if user is None:
            if name in current or user_of(name, scheme) is not None:
                continue  # somebody's, even if of a person who is not on a list
            user = user_of(name, other) or ""
        now = f"{before}{spelled(user, scheme)}{after}" if user else ""
        found.append({"volume": volume, "user": user, "known": user in known, "current": now, "exists": now in there})
    return found
