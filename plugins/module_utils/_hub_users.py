# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of a hub as a desired state: what is to change, and doing it. Private to the collection."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._hub_api import HubApi
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._hub_servers import UserServer, active_servers

# The hub works on nothing else while it creates users, so not all at once.
CREATE_AT_ONCE = 100

Model = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What all the named users are to be.

    :param present: exist, or not.
    :param admin: administrators, or not; None leaves it alone.
    :param groups: groups they are in; None leaves them alone.
    :param groups_append: keep other groups too.
    :param groups_remove: groups they are not in.
    """

    present: bool = True
    admin: bool | None = None
    groups: tuple[str, ...] | None = None
    groups_append: bool = False
    groups_remove: tuple[str, ...] = ()

    @property
    def regroups(self) -> bool:
        """Whether anything is said of groups."""
        return self.groups is not None or bool(self.groups_remove)


@dataclasses.dataclass(frozen=True)
class UserChange:
    """One user before and after, None meaning that there is none; decides ``changed``, the diff and the work."""

    name: str
    before: dict[str, t.Any] | None
    after: dict[str, t.Any] | None
    servers: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether something is to be done."""
        return self.before != self.after

    @property
    def loses_admin(self) -> bool:
        """Whether an administrator is removed or made an ordinary user."""
        return bool((self.before or {}).get("admin")) and not (self.after or {}).get("admin")

    @property
    def report(self) -> dict[str, t.Any]:
        """The user as the module returns it."""
        after = self.after or {}
        return {
            "name": self.name,
            "state": "absent" if self.after is None else "present",
            "changed": self.changed,
            "admin": after.get("admin"),
            "groups": after.get("groups"),
            "servers_stopped": list(self.servers) if self.changed and self.after is None else [],
        }


def desired(
    state: str,
    admin: bool | None,
    groups: t.Sequence[str] | None,
    groups_append: bool,
    groups_remove: t.Sequence[str] = (),
) -> Wanted:
    """The module's options as one value.

    :raises HubError: options that contradict each other, or a group without a name.
    """
    if state == "absent":
        asked = {"admin": admin, "groups": groups, "groups_remove": groups_remove or None}
        given = [name for name, value in asked.items() if value is not None]
        if given:
            raise HubError(
                f"state is absent, so {' and '.join(given)} mean nothing.", "Leave them out, or use state present."
            )
        return Wanted(present=False)
    both = sorted(set(groups or ()) & set(groups_remove))
    if both:
        raise HubError(f"groups and groups_remove both have {', '.join(both)}.", "Name each group in one of them.")
    for group in [*(groups or ()), *groups_remove]:
        if not group or group != group.strip() or "/" in group:
            raise HubError(f"groups has {group!r}, expected a name without a slash and without blanks at either end.")
    return Wanted(True, admin, None if groups is None else tuple(groups), groups_append, tuple(groups_remove))


def checked_names(names: t.Sequence[str], option: str = "names") -> list[str]:
    """``names`` without repetitions, case ignored, in their order.

    :raises HubError: one can be no user name, or there is none.
    """
    if not names:
        raise HubError(f"{option} is empty, expected at least one user name.")
    unique: dict[str, str] = {}
    for name in names:
        if not name or name != name.strip() or "/" in name or any(character < " " for character in name):
            raise HubError(
                f"{option} has {name!r}, expected a user name: not empty, no blank at either end, "
                "no slash, no control character."
            )
        unique.setdefault(name.lower(), name)
    return list(unique.values())


def plan(names: t.Sequence[str], existing: t.Mapping[str, Model], wanted: Wanted) -> list[UserChange]:
    """What is to be done for each of ``names``.

    :param existing: JupyterHub's models of those who exist, by lower-case name.
    :raises HubError: the hub did not show what has to be compared.
    """
    return [_plan_one(name, existing.get(name.lower()), wanted) for name in names]


def _plan_one(name: str, model: Model | None, wanted: Wanted) -> UserChange:
    before = None if model is None else _seen(model, wanted)
    shown = name.lower() if model is None else str(model["name"])
    if not wanted.present:
        return UserChange(shown, before, None, tuple(active_servers(model or {})))
    if before is None:
        after: dict[str, t.Any] = {"admin": bool(wanted.admin), "groups": sorted(set(wanted.groups or ()))}
        return UserChange(shown, None, after)
    after = dict(before)
    if wanted.admin is not None:
        after["admin"] = wanted.admin
    if wanted.groups is not None:
        kept = before["groups"] if wanted.groups_append else ()
        after["groups"] = sorted({*kept, *wanted.groups})
    if wanted.groups_remove:
        after["groups"] = sorted(set(after["groups"]) - set(wanted.groups_remove))
    return UserChange(shown, before, after)


def _seen(model: Model, wanted: Wanted) -> dict[str, t.Any]:
    """What matters of a user's model; refused if a part is not shown, as that would look like a change."""
    needed = {"admin": wanted.admin is not None, "groups": wanted.regroups, "servers": not wanted.present}
    scopes = {"admin": "read:users", "groups": "read:users:groups", "servers": "read:servers"}
    for key, is_needed in needed.items():
        if is_needed and key not in model:
            raise HubError(
                f"The hub does not show {key} of {model['name']}.", f"The token needs the scope {scopes[key]} too."
            )
    return {"admin": model.get("admin"), "groups": sorted(model["groups"]) if "groups" in model else None}


def diff(changes: t.Iterable[UserChange]) -> dict[str, t.Any]:
    """The changed users as Ansible's diff."""
    changed = [change for change in changes if change.changed]
    return {
        "before": {change.name: change.before for change in changed},
        "after": {change.name: change.after for change in changed},
    }


def refuse_running(changes: t.Iterable[UserChange]) -> None:
    """Refuse to remove users whose servers run.

    :raises HubError: some run; names all of them.
    """
    running = [change.name for change in changes if change.servers]
    if running:
        raise HubError(
            f"Servers of {', '.join(running)} run, and stop_servers is false. Nothing was removed.",
            "Stop them first, or set stop_servers.",
        )


def warn_of_cached_rights(changes: t.Iterable[UserChange], warn: t.Callable[[str], None]) -> None:
    """Say that user servers remember for a while whom they let in."""
    names = [change.name for change in changes if change.loses_admin]
    if names:
        warn(
            f"{', '.join(names)} can still use those servers of other people that were open before, for up to "
            "HubOAuth.cache_max_age (300 s by default). Restart those servers with hub_server to end that at once."
        )


def apply(api: HubApi, changes: t.Sequence[UserChange], *, wait_timeout: float = 120) -> list[str]:
    """Do what ``changes`` say and return what was done, in words. Users' files are never touched.

    :param wait_timeout: seconds that the stop of one user's server may take.
    :raises HubError: something failed; its fact ``actions`` says what was done before.
    """
    changes = [change for change in changes if change.changed]
    done: list[str] = []
    try:
        _remove(api, [change for change in changes if change.after is None], wait_timeout, done)
        _create(api, [change for change in changes if change.before is None], done)
        for change in changes:
            if change.before and change.after and change.before["admin"] != change.after["admin"]:
                api.set_admin(change.name, change.after["admin"])
                done.append(f"made {change.name} {'an' if change.after['admin'] else 'no longer an'} administrator")
        _regroup(api, [change for change in changes if change.after is not None], done)
    except HubError as error:
        error.facts.update(changed=bool(done), actions=done)
        raise
    return done


def _remove(api: HubApi, changes: t.Sequence[UserChange], wait_timeout: float, done: list[str]) -> None:
    """Stop every server, named ones too, then delete.

    The hub itself stops only the default server of a user whom it deletes, and fails half-way when a named one runs.
    """
    for change in changes:
        for server_name in change.servers:
            server = UserServer(api, change.name, server_name, wait_timeout=wait_timeout)
            server.ensure_stopped()
            done.append(f"stopped {server.title}")
        api.delete_user(change.name)
        done.append(f"removed {change.name}")


def _create(api: HubApi, changes: t.Sequence[UserChange], done: list[str]) -> None:
    for admin in (False, True):
        names = [change.name for change in changes if change.after and change.after["admin"] is admin]
        for first in range(0, len(names), CREATE_AT_ONCE):
            some = names[first : first + CREATE_AT_ONCE]
            api.create_users(some, admin=admin)
            done.extend(f"created {name}" for name in some)


def _regroup(api: HubApi, changes: t.Sequence[UserChange], done: list[str]) -> None:
    """One request a group and direction, whatever the number of users."""
    joining: dict[str, list[str]] = {}
    leaving: dict[str, list[str]] = {}
    for change in changes:
        had = set((change.before or {}).get("groups") or ())
        has = set((change.after or {}).get("groups") or ())
        for group in sorted(has - had):
            joining.setdefault(group, []).append(change.name)
        for group in sorted(had - has):
            leaving.setdefault(group, []).append(change.name)
    for group, names in joining.items():
        if not api.has_group(group):
            api.create_group(group)
            done.append(f"created group {group}")
        api.add_to_group(group, names)
        done.extend(f"added {name} to group {group}" for name in names)
    for group, names in leaving.items():
        api.remove_from_group(group, names)
        done.extend(f"took {name} out of group {group}" for name in names)
