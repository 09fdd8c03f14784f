# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: BLE001, S110 - packages of others may raise anything, and none of it may end the check
"""Reads what the classes of a hub environment accept. Private to the collection.

Runs in the hub's own interpreter (Python 3.10 or newer, with jupyterhub and traitlets); those are imported inside
the functions only, so that the controller can import this file.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._findings import is_secret

FORMAT = 2
GROUPS = {
    "spawners": ("jupyterhub.spawners", "spawner_class"),
    "authenticators": ("jupyterhub.authenticators", "authenticator_class"),
    "proxies": ("jupyterhub.proxies", "proxy_class"),
}
# classes worth knowing that packages do not announce as entry points
UNANNOUNCED = (
    "kubespawner.KubeSpawner",
    "wrapspawner.WrapSpawner",
    "wrapspawner.ProfilesSpawner",
    "wrapspawner.DockerProfilesSpawner",
    "ltiauthenticator.LTIAuthenticator",
    "ltiauthenticator.lti11.auth.LTI11Authenticator",
    "ltiauthenticator.lti13.auth.LTI13Authenticator",
    "batchspawner.BatchSpawnerBase",
    "jupyterhub.spawner.LocalProcessSpawner",
    "jupyterhub.spawner.SimpleLocalProcessSpawner",
    "jupyterhub.proxy.ConfigurableHTTPProxy",
)
# what the hub itself builds besides spawner, authenticator and proxy
CORE = (
    "jupyterhub.app.JupyterHub",
    "jupyterhub.crypto.CryptKeeper",
    "jupyterhub.metrics.PeriodicMetricsCollector",
    "jupyterhub.httpclient.JupyterHubHTTPClient",
    "jupyterhub.services.service.Service",
    "jupyter_events.EventLogger",
    "jupyterhub.app.NewToken",
    "jupyterhub.app.UpgradeDB",
)
PACKAGES = re.compile(r"jupyterhub|traitlets|spawner|authenticator|notebook$|jupyterlab$|proxy", re.IGNORECASE)
ALIAS_TABLES = ("_deprecated_aliases", "_deprecated_oauth_aliases", "_deprecated_traits")
_EXACT = {
    "traitlets.traitlets.Unicode": "text",
    "traitlets.traitlets.CUnicode": "any_text",
    "traitlets.traitlets.Bool": "bool",
    "traitlets.traitlets.Int": "int",
    "traitlets.traitlets.Integer": "int",
    "traitlets.traitlets.Long": "int",
    "traitlets.traitlets.CInt": "cast_int",
    "traitlets.traitlets.Float": "float",
    "traitlets.traitlets.List": "list",
    "traitlets.traitlets.Container": "list",
    "traitlets.traitlets.Set": "set",
    "traitlets.traitlets.Tuple": "tuple",
    "traitlets.traitlets.Dict": "dict",
    "traitlets.traitlets.Union": "union",
    "traitlets.traitlets.Enum": "choice",
    "traitlets.traitlets.CaselessStrEnum": "choice_of_text",
    "traitlets.traitlets.Any": "any",
    "traitlets.traitlets.Callable": "callable",
    "jupyterhub.traitlets.Callable": "callable",
    "jupyterhub.traitlets.Command": "list",
    "jupyterhub.traitlets.URLPrefix": "text",
    "jupyterhub.traitlets.ByteSpecification": "bytes",
    "jupyterhub.traitlets.EntryPointType": "class",
    "dockerspawner.dockerspawner.UnicodeOrFalse": "text_or_false",
}


def full_name(cls: type) -> str:
    """``package.module.Class``."""
    return f"{cls.__module__}.{cls.__qualname__}"


def plain(value: t.Any, depth: int = 4) -> t.Any:
    """The value as JSON can hold it; sets become sorted lists; LookupError when it can not."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if depth and isinstance(value, (list, tuple)):
        return [plain(item, depth - 1) for item in value]
    if depth and isinstance(value, (set, frozenset)):
        return sorted((plain(item, depth - 1) for item in value), key=repr)
    if depth and isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: plain(item, depth - 1) for key, item in value.items()}
    raise LookupError


def kind_of(trait: t.Any) -> dict[str, t.Any]:
    """The type of a trait as data, see _trait_values.

    A trait class that brings its own ``validate`` is known only if it is in the table; any other is ``other``.
    """
    kind = "other"
    for cls in type(trait).__mro__:
        name = full_name(cls)
        if name in _EXACT:
            kind = _EXACT[name]
            break
        if "validate" in cls.__dict__ or "set" in cls.__dict__ or "_validate" in cls.__dict__:
            break
    data: dict[str, t.Any] = {"kind": kind}
    if getattr(trait, "allow_none", False):
        data["none"] = True
    if kind in ("int", "cast_int", "float"):
        data.update({key: bound for key in ("min", "max") if (bound := getattr(trait, key, None)) is not None})
    elif kind in ("list", "set"):
        if getattr(trait, "_minlen", 0):
            data["minlen"] = trait._minlen
        if getattr(trait, "_maxlen", 2**40) < 2**31:
            data["maxlen"] = trait._maxlen
        if _typed(trait._trait):
            data["of"] = kind_of(trait._trait)
        if full_name(type(trait)) == "jupyterhub.traitlets.Command":
            data["single"] = True
    elif kind == "tuple":
        data["members"] = [kind_of(member) for member in trait._traits or ()]
    elif kind == "dict":
        for key, inner in (("keys", trait._key_trait), ("values", trait._value_trait)):
            if _typed(inner):
                data[key] = kind_of(inner)
        if trait._per_key_traits:
            data["per_key"] = {key: kind_of(inner) for key, inner in trait._per_key_traits.items()}
    elif kind == "union":
        data["members"] = [kind_of(member) for member in trait.trait_types]
    elif kind in ("choice", "choice_of_text"):
        try:
            data["choices"] = plain(list(trait.values or []))
        except LookupError:
            data["kind"] = "other"
    elif kind == "class":
        data["group"] = getattr(trait, "entry_point_group", "")
    return data


def _typed(trait: t.Any) -> bool:
    from traitlets import Any

    return trait is not None and trait.__class__ is not Any


def describe(cls: type) -> dict[str, t.Any]:
    """What one class itself adds: its own configurable traits, handlers and tables of old names."""
    from traitlets import EventHandler, TraitType
    from traitlets.config import Configurable

    known = cls.class_traits()  # type: ignore[attr-defined]
    traits: dict[str, t.Any] = {}
    handled: set[str] = set()
    for name, member in list(cls.__dict__.items()):
        if isinstance(member, TraitType):
            traits[name] = _describe_trait(cls, name, member) if member.metadata.get("config") else None
        elif isinstance(member, EventHandler):
            names = getattr(member, "trait_names", [])
            if type(member).__name__ != "DefaultHandler":
                handled.update(str(handled_name) for handled_name in names)
        elif name not in known and any(name in getattr(base, "_traits", {}) for base in cls.__mro__[1:]):
            traits[name] = None  # hidden by something that is no trait, for example a property
    aliases: dict[str, str] = {}
    for table in ALIAS_TABLES:
        entries = cls.__dict__.get(table)
        if isinstance(entries, dict):
            aliases.update({old: str(new[0]) for old, new in entries.items() if isinstance(new, (tuple, list)) and new})
    return {
        "name": cls.__name__,
        "section": issubclass(cls, Configurable),
        "mro": [full_name(base) for base in cls.__mro__ if base.__module__ != "builtins"],
        "traits": traits,
        "handled": sorted(handled),
        "builds": "__init__" in cls.__dict__,
        "aliases": aliases,
        "admits": any(name in cls.__dict__ for name in ("check_allowed", "get_authenticated_user", "authenticate")),
    }


def _describe_trait(cls: type, name: str, trait: t.Any) -> dict[str, t.Any]:
    data: dict[str, t.Any] = {"type": kind_of(trait)}
    try:
        if is_secret(cls.__name__, name):
            raise LookupError
        data["default"] = plain(trait.default(None) if callable(getattr(trait, "default", None)) else None)
    except Exception:
        pass  # a default made by code has no value to show
    try:
        help_text = (trait._original_help if hasattr(trait, "_original_help") else trait.help) or ""
        data["help"] = next((line.strip() for line in help_text.splitlines() if line.strip()), "")[:160]
    except Exception:
        data["help"] = ""
    if trait.metadata.get("allow_config") or name.startswith("allow"):
        data["allow"] = True
    return data


class Inventory:
    """Collects classes; ``data`` is what gets cached."""

    def __init__(self) -> None:
        import jupyterhub.app

        self.classes: dict[str, type] = {}
        self.data: dict[str, t.Any] = {
            "format": FORMAT,
            "versions": _versions(),
            "entry_points": {},
            "unimportable": {},
            "paths": {},
            "classes": {},
            "core": [],
            "defaults": {},
            "scopes": [],
        }
        hub = jupyterhub.app.JupyterHub
        for path in CORE:
            cls = self.add_path(path)
            if cls is not None:
                self.data["core"].append(full_name(cls))
        for group, (entry_point_group, trait_name) in GROUPS.items():
            found: dict[str, str] = {}
            for entry_point in importlib.metadata.entry_points(group=entry_point_group):
                path = f"{entry_point.module}.{entry_point.attr}"
                cls = self.add_path(path)
                if cls is None:
                    self.data["unimportable"][entry_point.name.lower()] = path
                else:
                    found[entry_point.name.lower()] = full_name(cls)
            self.data["entry_points"][group] = found
            trait = hub.class_traits()[trait_name]
            default = trait.default_value
            default_class = self.add_path(default) if isinstance(default, str) else self.add(default)
            self.data["defaults"][group] = full_name(default_class) if default_class else ""
        for path in UNANNOUNCED:
            self.add_path(path)
        self._add_declarations()

    def add(self, cls: t.Any) -> type | None:
        """Describe a class and everything it inherits traits from."""
        from traitlets import HasTraits

        if not isinstance(cls, type) or not issubclass(cls, HasTraits):
            return None
        for base in cls.__mro__:
            name = full_name(base)
            if issubclass(base, HasTraits) and name not in self.data["classes"]:
                self.data["classes"][name] = describe(base)
                self.classes[name] = base
                self.data["paths"].setdefault(name, name)
                short = f"{base.__module__.partition('.')[0]}.{base.__name__}"
                self.data["paths"].setdefault(short, name)
        return cls

    def add_path(self, path: str) -> type | None:
        """Import and describe ``package.module.Class``; None when it can not be imported."""
        module_name, _dot, name = path.rpartition(".")
        if not module_name:
            return None
        try:
            cls = getattr(importlib.import_module(module_name), name)
        except Exception:
            return None
        added = self.add(cls)
        if added is not None:
            self.data["paths"][path] = full_name(added)
        return added

    def add_loaded(self) -> None:
        """Also every configurable class that something has imported meanwhile."""
        from traitlets.config import Configurable

        waiting: list[type] = [Configurable]
        while waiting:
            cls = waiting.pop()
            waiting.extend(cls.__subclasses__())
            if full_name(cls) not in self.data["classes"]:
                self.add(cls)

    def _add_declarations(self) -> None:
        """What ``load_roles`` and ``services`` accept."""
        from jupyterhub import roles, scopes
        from jupyterhub.services.service import Service

        self.data["scopes"] = sorted(scopes.scope_definitions)
        pattern = getattr(roles, "_role_name_pattern", None)
        self.data["role_name"] = pattern.pattern if isinstance(pattern, re.Pattern) else ""
        self.data["default_roles"] = plain(list(roles.get_default_roles()))
        self.data["service_fields"] = {
            name: kind_of(trait) for name, trait in sorted(Service.class_traits(input=True).items())
        }


def _versions() -> dict[str, str]:
    import platform

    versions = {"python": platform.python_version()}
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"]
        if name and PACKAGES.search(name):
            versions[name.lower()] = distribution.version
    return dict(sorted(versions.items()))
