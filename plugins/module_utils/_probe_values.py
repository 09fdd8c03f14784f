# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: BLE001, S112 - classes of others may raise anything, and none of it may end the check
"""Judges values with the real classes: builds the class with exactly one setting. Private to the collection.

Runs in the hub's own interpreter (Python 3.10 or newer, with jupyterhub and traitlets); those are imported inside
the functions only, so that the controller can import this file.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import typing as t
import warnings

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _traits
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._findings import is_secret, masked
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._trait_values import fits

Config = t.Any
Instance = t.Any


class _Stub:
    """Stands for a user, a hub or a database where a constructor wants one."""

    def __init__(self, **attributes: t.Any) -> None:
        self.__dict__.update(attributes)


class _Notes(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


class RealClasses:
    """Builds classes with settings, and tells a bad value from a class that can not be built here."""

    def __init__(self, classes: t.Mapping[str, type]) -> None:
        self.classes = classes
        self.baselines: dict[str, tuple[t.Callable[[Config], Instance], Instance, set[str]] | None] = {}
        self.in_full: t.Callable[[str, set[tuple[str, str]]], Config] = lambda _name, _without: None

    def build(self, name: str, config: Config) -> tuple[Instance, list[str]]:
        """An instance with this configuration, and the warnings it gave beyond those of an empty one."""
        baseline = self.baseline(name)
        if baseline is None:
            raise LookupError(f"{name} can not be built here")
        constructor, _empty, usual = baseline
        instance, notes = _recorded(constructor, config)
        return instance, [note for note in notes if note not in usual]

    def baseline(self, name: str) -> tuple[t.Callable[[Config], Instance], Instance, set[str]] | None:
        """The first way to build this class that works with an empty configuration."""
        if name not in self.baselines:
            self.baselines[name] = None
            for constructor in _constructors(self.classes[name]):
                try:
                    instance, notes = _recorded(constructor, _config())
                except (Exception, SystemExit):
                    continue
                self.baselines[name] = (constructor, instance, set(notes))
                break
        return self.baselines[name]

    def judge(self, readers: t.Sequence[str], section: str, trait: str, value: t.Any) -> _traits.Judgement:
        """Judge one value by every class in use that reads it; see _traits.Judge."""
        notes: list[str] = []
        unsure = ""
        for name in readers:
            judgement = self._judge_one(name, section, trait, value)
            if judgement.verdict == "wrong":
                return judgement
            if judgement.verdict == "unsure":
                unsure = judgement.message
            notes.extend(note for note in judgement.notes if note not in notes)
        return _traits.Judgement("unsure" if unsure else "fine", unsure, tuple(notes))

    def _judge_one(self, name: str, section: str, trait: str, value: t.Any) -> _traits.Judgement:
        baseline = self.baseline(name)
        if baseline is None:
            return _traits.Judgement(
                "unsure", f"{name.rpartition('.')[2]} can not be built here, its value was not checked"
            )
        secret = is_secret(section, trait)
        kind = _kind(self.classes[name], trait)
        try:
            _instance, notes = self.build(name, _config({section: {trait: value}}))
        except (Exception, SystemExit) as error:
            refused = self._refused(baseline[1], name, trait, value)
            if refused:
                if fits(kind, value) is False:
                    return _traits.Judgement("wrong", _traits.wrong_type(section, trait, kind, value))
                return _traits.Judgement("wrong", _words(error, value, secret))
            variable = _variable_in(str(error))
            if variable and self._fine_in_full(name):
                return _traits.Judgement("fine")  # another setting gives what the variable would
            if variable:
                note = f"needs the environment variable {variable}, which is not set here"
                return _traits.Judgement("fine", notes=(note,))
            if isinstance(error, (ValueError, _trait_error())) and not self._needs_others(name, section, trait, error):
                return _traits.Judgement("wrong", _words(error, value, secret))
            if self._fine_in_full(name):
                return _traits.Judgement("fine")
            what = f"{type(error).__name__} while {name.rpartition('.')[2]} was built with it"
            return _traits.Judgement("unsure", f"could not be checked: {what}")
        texts = tuple(dict.fromkeys(masked(note, value, secret) for note in notes))
        return _traits.Judgement("fine", notes=texts)

    def _refused(self, instance: Instance, name: str, trait: str, value: t.Any) -> bool:
        """Whether the trait alone refuses the value, without any code of the class."""
        from traitlets import List, Set

        descriptor = self.classes[name].class_traits()[trait]  # type: ignore[attr-defined]
        value = [value] if isinstance(value, str) and isinstance(descriptor, (List, Set)) else value
        try:
            if not (value is None and descriptor.allow_none) and hasattr(descriptor, "validate"):
                with instance.cross_validation_lock:
                    descriptor.validate(instance, value)
        except Exception:
            return True
        return False

    def _fine_in_full(self, name: str) -> bool:
        config = self.in_full(name, set())
        if config is None:
            return False
        try:
            self.build(name, config)
        except (Exception, SystemExit):
            return False
        return True

    def _needs_others(self, name: str, section: str, trait: str, error: BaseException) -> bool:
        """Whether the class takes the value as soon as the other settings are there too."""
        config = self.in_full(name, set())
        if config is None:
            return False
        try:
            self.build(name, config)
        except (Exception, SystemExit) as other:
            return str(other) != str(error) and not self._works_without(name, section, trait)
        return True

    def _works_without(self, name: str, section: str, trait: str) -> bool:
        try:
            self.build(name, self.in_full(name, {(section, trait)}))
        except (Exception, SystemExit):
            return False
        return True

    def opinion(self, name: str, _merged: t.Mapping[str, t.Any]) -> bool | None:
        """Whether the real authenticator finds a setting that lets anybody in."""
        config = self.in_full(name, set())
        try:
            instance, _notes = self.build(name, config if config is not None else _config())
            return bool(instance.any_allow_config)
        except (Exception, SystemExit):
            return None

    def admits_by_default(self, name: str) -> bool | None:
        """The same for an authenticator without any settings."""
        try:
            instance, _notes = self.build(name, _config())
            return bool(instance.any_allow_config)
        except (Exception, SystemExit):
            return None


def _trait_error() -> type[Exception]:
    from traitlets import TraitError

    error: type[Exception] = TraitError
    return error


def _kind(cls: type, trait: str) -> dict[str, t.Any]:
    from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _probe_inventory

    return _probe_inventory.kind_of(cls.class_traits()[trait])  # type: ignore[attr-defined]


def _variable_in(text: str) -> str:
    """An environment variable that a text names and that is not set here, or an empty text."""
    names = re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", text)
    return next((name for name in names if name not in os.environ), "") if "env" in text.lower() else ""


def _words(error: BaseException, value: t.Any, secret: bool) -> str:
    if secret:
        return "the class refuses the value (its words are left out, they could show it)"
    text = masked(str(error), value)
    return f"the class refuses the value: {text}" if text else f"the class refuses the value ({type(error).__name__})"


def _config(settings: t.Mapping[str, t.Any] | None = None) -> Config:
    from traitlets.config import Config as TraitletsConfig

    config = TraitletsConfig()
    for section, traits in (settings or {}).items():
        for trait, value in traits.items():
            config[section][trait] = value
    return config


def _recorded(constructor: t.Callable[[Config], Instance], config: Config) -> tuple[Instance, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        instance = constructor(config)
    notes = list(instance.__dict__.pop("_hubwright_notes", ()))
    deprecations = (DeprecationWarning, PendingDeprecationWarning, FutureWarning, UserWarning)
    notes.extend(str(entry.message) for entry in caught if issubclass(entry.category, deprecations))
    return instance, [note for note in notes if "not recognized by" not in note]


def _constructors(cls: type) -> t.Iterator[t.Callable[[Config], Instance]]:
    """Ways to build a class: as it is, with stand-ins for what the hub would pass, without its own constructor."""
    from traitlets.config import Application, Configurable

    user = _Stub(
        name="somebody", id=1, url="/user/somebody/", escaped_name="somebody", settings={}, admin=False, server=None,
        groups=[], spawners={}, state=None, db=None, orm_user=None, active=False,
    )  # fmt: skip
    address = _Stub(
        public_host="", url="http://127.0.0.1:8081/hub/", base_url="/hub/", api_url="http://127.0.0.1:8081/hub/api",
        ip="127.0.0.1", port=8081, proto="http", cookie_name="", host="", server=None, bind_url="http://127.0.0.1:8081",
    )  # fmt: skip
    empty: dict[str, t.Any] = {}
    if issubclass(cls, Application):
        empty = {"classes": [cls]}
    stand_ins: dict[str, t.Any] = {}
    if "Spawner" in [base.__name__ for base in cls.__mro__]:
        stand_ins = {"user": user, "hub": address, "orm_spawner": _Stub(name="", server=None, state=None)}

    def as_it_is(config: Config, **more: t.Any) -> Instance:
        log, handler = _log()
        instance = cls(config=config, log=log, **empty, **more)
        instance.__dict__["_hubwright_notes"] = handler.texts
        return instance

    def with_database(config: Config) -> Instance:
        return as_it_is(config, _deprecated_db_session=_database())

    def bare(config: Config) -> Instance:
        log, handler = _log()
        constructor: t.Any = cls.__new__
        instance = constructor(cls)
        with contextlib.suppress(AttributeError):
            instance.__dict__.update(stand_ins)
        Configurable.__init__(instance, config=config, log=log)
        instance.__dict__["_hubwright_notes"] = handler.texts
        return instance

    if stand_ins:
        _without_cluster()
        yield lambda config: as_it_is(config, **stand_ins)
    yield as_it_is
    if "Authenticator" in [base.__name__ for base in cls.__mro__]:
        yield with_database
    yield bare


def _log() -> tuple[logging.Logger, _Notes]:
    # not registered: nothing that a configuration does to logging reaches it
    logger = logging.Logger("hubwright")  # noqa: LOG001
    handler = _Notes()
    logger.addHandler(handler)
    return logger, handler


_DATABASES: list[t.Any] = []


def _database() -> t.Any:
    if not _DATABASES:
        from jupyterhub import orm

        _DATABASES.append(orm.new_session_factory("sqlite:///:memory:")())
    return _DATABASES[0]


def _without_cluster() -> None:
    """KubeSpawner looks for a cluster when it is built; nothing here may talk to one."""
    module = sys.modules.get("kubespawner.spawner")
    if module is not None:
        module.load_config = lambda *_args, **_kwargs: None  # type: ignore[attr-defined]
        module.shared_client = lambda *_args, **_kwargs: None  # type: ignore[attr-defined]
