# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles and users' environment, on every spawner: this file's text becomes a fragment of jupyterhub_config.py.

It runs inside the hub, where the collection is not installed: standard library and what JupyterHub itself needs.
``PROFILES``, ``USER_ENV`` and ``EXPANDS_BRACES`` are data that the fragment puts in place. Private to the collection.
"""

# No __future__ import: a fragment stands in the middle of a file.
import html
import typing as t

PROFILES: dict[str, dict[str, t.Any]] = {}
USER_ENV: list[str] = []
EXPANDS_BRACES: bool = False  # the spawner itself formats the values of environment variables


def profiles_of(spawner: t.Any) -> dict[str, dict[str, t.Any]]:
    """The profiles that the spawner's user may choose: those without groups, and those of the user's groups."""
    groups = {group.name for group in spawner.user.groups}
    return {
        key: profile
        for key, profile in PROFILES.items()
        if not profile["groups"] or spawner.user.admin or groups & set(profile["groups"])
    }


def default_profile(allowed: dict[str, dict[str, t.Any]]) -> str:
    """The profile taken when none is named: the one marked as default, else the first."""
    return next((key for key, profile in allowed.items() if profile["default"]), next(iter(allowed), ""))


def profile_form(spawner: t.Any) -> str:
    """The choice on the start page; empty where there is nothing to choose, so that the server starts at once."""
    allowed = profiles_of(spawner)
    if len(allowed) < 2:
        return ""
    last = spawner.user_options.get("profile")
    chosen = last if last in allowed else default_profile(allowed)
    rows = []
    for key, profile in allowed.items():
        checked = " checked" if key == chosen else ""
        rows.append(
            f'<div class="form-check mb-3"><label class="form-check-label">'
            f'<input class="form-check-input" type="radio" name="profile" value="{html.escape(key)}"{checked}> '
            f"<strong>{html.escape(profile['display_name'])}</strong><br>{html.escape(profile['description'])}"
            "</label></div>"
        )
    return "\n".join(rows)


def options_from_form(form: dict[str, list[str]]) -> dict[str, t.Any]:
    """What the start page sends, as user options."""
    return {"profile": form["profile"][0]} if form.get("profile") else {}


def refused(message: str) -> Exception:
    """What the hub answers with status 400 and this text; it hides the text of any other exception."""
    from tornado.web import HTTPError

    error: Exception = HTTPError(400, message)
    return error


def chosen_profile(spawner: t.Any, wanted: t.Any, remembered: bool) -> dict[str, t.Any]:
    """The profile to start with. A remembered one that is gone or no longer permitted gives way to the default."""
    allowed = profiles_of(spawner)
    if wanted and not (isinstance(wanted, str) and wanted in allowed):
        if not remembered:
            raise refused(f"There is no profile {wanted!r} for you; permitted: {', '.join(allowed) or 'none'}.")
        wanted = None
    profile = allowed.get(wanted or default_profile(allowed), {"traits": {}, "environment": {}})
    unknown = [trait for trait in profile["traits"] if not spawner.has_trait(trait)]
    if unknown:
        name = type(spawner).__name__
        raise refused(f"The profile sets {', '.join(unknown)}, which {name} does not have; tell an administrator.")
    return profile


def chosen_environment(wanted: t.Any, remembered: bool) -> dict[str, str]:
    """The variables that a user set for this start. Remembered ones that are no longer permitted are left out."""
    if not isinstance(wanted, dict):
        if not remembered:
            raise refused("The option env is not a mapping of names to values.")
        wanted = {}
    unknown = sorted(name for name in wanted if name not in USER_ENV)
    if unknown and not remembered:
        raise refused(f"You may not set {', '.join(unknown)}; permitted: {', '.join(USER_ENV) or 'none'}.")
    chosen = {name: str(value) for name, value in wanted.items() if name in USER_ENV}
    if EXPANDS_BRACES:
        chosen = {name: value.replace("{", "{{").replace("}", "}}") for name, value in chosen.items()}
    return chosen


def apply_user_options(spawner: t.Any, options: dict[str, t.Any]) -> None:
    """Apply the chosen profile and the user's environment to this start only.

    A spawner object lives as long as the hub: every trait that a profile can change is first put back, so that nothing
    of the last start leaks into this one.

    The hub stores the options of a start before it looks at them, and takes them again for a start that comes without
    any. Stored options are marked, so that a choice that is refused or withdrawn does not spoil every later start.
    """
    remembered = bool(options.get("remembered"))
    spawner.orm_spawner.user_options = {**options, "remembered": True}

    base = vars(spawner).setdefault("_hub_base_traits", {})
    touched = {trait for profile in PROFILES.values() for trait in profile["traits"]} | {"environment"}
    for trait in sorted(touched):
        if spawner.has_trait(trait):
            base.setdefault(trait, getattr(spawner, trait))
            setattr(spawner, trait, base[trait])
    environment = dict(base["environment"])

    if PROFILES:
        profile = chosen_profile(spawner, options.get("profile"), remembered)
        for trait, value in profile["traits"].items():
            setattr(spawner, trait, value)
        environment.update(profile["environment"])
    if not EXPANDS_BRACES:
        for name, value in environment.items():
            if isinstance(value, str):
                environment[name] = value.replace("{username}", spawner.user.name)
    environment.update(chosen_environment(options.get("env") or {}, remembered))
    spawner.environment = environment
