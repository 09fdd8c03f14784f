# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of users' claims on a cluster, today's and those of older spawners. Private to the collection.

A name is a template such as ``claim-{user_server}``. KubeSpawner 7 changed how the names of people and of servers are
spelled in it: whoever has a name with more than lower-case letters and digits got a new, empty claim.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import string
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volume_names import spelled as escaped
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volume_names import user_of

SCHEMES = ("safe", "escape")
USER, SERVER = "hub.jupyter.org/username", "hub.jupyter.org/servername"
_LONGEST = 48  # of the part of a name that stands for user and server
_HASH = 8
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_SAFE_HASH = re.compile(r"[a-z0-9-]+---[0-9a-f]{8}")


def _stripped(name: str, longest: int) -> str:
    """What is left of a name when it has to be that of an object: other characters become one hyphen."""
    text = re.sub(r"[^a-z0-9]+", "-", name.lower()).lstrip("-")[:longest].rstrip("-")
    if text and text[0] not in string.ascii_lowercase:
        text = "x-" + text[: longest - 2]
    return text or "x"


def safe(name: str, longest: int = _LONGEST) -> str:
    """A name as KubeSpawner 7 spells it: as it is when it may be that of an object, else what is left and a checksum."""
    if "--" not in name and _NAME.fullmatch(name) and len(name) <= longest:
        return name
    checksum = hashlib.sha256(name.encode()).hexdigest()[:_HASH]
    return f"{_stripped(name, longest - _HASH - 3)}---{checksum}"


def _safe_both(user: str, server: str) -> str:
    """User and server as KubeSpawner 7 spells them together."""
    one, other = safe(user), safe(server) if server else ""
    if len(one) + len(other) + 2 <= _LONGEST:
        return f"{one}--{other}" if server else one
    checksum = hashlib.sha256(user.encode() + b"\xff" + server.encode()).hexdigest()[:_HASH]
    each = (_LONGEST - _HASH - 1) // 2 - 2
    return f"{_stripped(user, each)}--{_stripped(server, each)}---{checksum}"


def claim_name(template: str, user: str, server: str = "", scheme: str = "safe") -> str:
    """Name of the claim of a user's server.

    :param template: with the fields of KubeSpawner; one that it does not have stays as it is.
    :param scheme: ``safe`` for KubeSpawner 7 and later, ``escape`` for older ones and for ``slug_scheme: escape``.
    """
    old_both = f"{escaped(user)}--{escaped(server)}"
    fields = {
        "unescaped_username": user,
        "unescaped_servername": server,
        "safe_username": safe(user),
        "safe_servername": safe(server) if server else "",
        "safe_user_server": _safe_both(user, server),
        "escaped_username": escaped(user),
        "escaped_servername": escaped(server),
        "escaped_user_server": old_both,
    }
    fields["username"], fields["servername"], fields["user_server"] = (
        (fields["safe_username"], fields["safe_servername"], fields["safe_user_server"])
        if scheme == "safe"
        else (escaped(user), escaped(server), old_both if server else escaped(user))
    )
    name = re.sub(r"\{(\w+)\}", lambda found: fields.get(found[1], found[0]), template)
    return name if template.endswith("-") else name.rstrip("-")


def _hyphens(user: str) -> str:
    """A name as it was spelled before KubeSpawner 0.8, by some templates to the end: nobody can be told from it for sure."""
    known = string.ascii_lowercase + string.digits
    return "".join(c if c in known else "-" for c in user.lower())


@dataclasses.dataclass(frozen=True)
class _Owner:
    user: str
    server: str = ""
    #: The spawner's own record says so, not the name of the claim.
    certain: bool = False


class _Names:
    """Whose a claim is, told by its name alone."""

    def __init__(self, template: str, users: t.Collection[str], scheme: str) -> None:
        # The template has a field: without one there are no claims of users.
        parts: list[str] = re.split(r"\{.*\}", template, maxsplit=1)
        self.before, self.after = parts
        self.scheme = scheme
        self.taken = {claim_name(template, user, scheme=scheme) for user in users}
        other = "escape" if scheme == "safe" else "safe"
        self.formerly: dict[str, str] = {}
        for user in sorted(users):
            self.formerly.setdefault(claim_name(template, user, scheme=other), user)
        for user in sorted(users):
            self.formerly.setdefault(f"{self.before}{_hyphens(user)}{self.after}".rstrip("-"), user)

    def owner(self, claim: str) -> _Owner | None:
        """Who it probably is, without a name when nobody can be told; None for a claim that is not old or not a user's."""
        if claim in self.taken:
            return None
        if claim in self.formerly:
            return _Owner(self.formerly[claim])
        long_enough = len(claim) > len(self.before) + len(self.after)
        if not (long_enough and claim.startswith(self.before) and claim.endswith(self.after)):
            return None
        body = claim[len(self.before) : len(claim) - len(self.after)]
        user = user_of(body, "today")
        if self.scheme == "safe":
            # Of somebody who is not on the list, spelled as now, unless it can be read as an older spelling.
            now = bool(_SAFE_HASH.fullmatch(body)) or (safe(body) == body and user in (None, body))
            return None if now else _Owner(user or "")
        return _Owner("") if user is None else None


def old_claims(
    claims: t.Iterable[str | t.Mapping[str, t.Any]], template: str, users: t.Iterable[str], scheme: str = "safe"
) -> list[dict[str, t.Any]]:
    """Claims of users that no user would get.

    :param claims: the claims as the cluster describes them, or their names alone.
    :param template: name of a user's claim now; without a field in it nothing can be said.
    :param users: everybody who is known to the hub.
    :param scheme: how the hub spells names now.
    :returns: for each ``claim`` its ``user`` and ``server``, whether that is ``certain``, since the spawner wrote it down,
        whether the user is ``known``, the ``current`` name of that server's claim, and whether such a claim ``exists``.
    """
    if not re.search(r"\{.*\}", template):
        return []
    there: dict[str, t.Mapping[str, str]] = {}
    for claim in claims:
        metadata: t.Mapping[str, t.Any] = {"name": claim} if isinstance(claim, str) else claim["metadata"]
        there[metadata["name"]] = metadata.get("annotations") or {}
    known = set(users)
    names = _Names(template, known, scheme)
    found = []
    for name, recorded in sorted(there.items()):
        user = recorded.get(USER)
        owner = _Owner(user, recorded.get(SERVER, ""), certain=True) if user else names.owner(name)
        if owner is None:
            continue
        current = claim_name(template, owner.user, owner.server, scheme) if owner.user else ""
        if name != current:
            found.append(
                {
                    "claim": name,
                    **dataclasses.asdict(owner),
                    "known": owner.user in known,
                    "current": current,
                    "exists": current in there,
                }
            )
    return found
