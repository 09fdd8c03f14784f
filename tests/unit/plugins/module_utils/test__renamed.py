"""The table of old names against the classes as they are today."""

from __future__ import annotations

import collections
import pathlib

import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _checking, _renamed, _traits


@pytest.fixture(scope="module")
def lookup(newest_hub_environment: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> _traits.Lookup:
    """The real inventory of JupyterHub 6.1 with all spawners and authenticators."""
    target = _checking.Target(interpreter=str(newest_hub_environment / "bin" / "python"))
    return _traits.Lookup(_checking.inventory_of(target, str(tmp_path_factory.mktemp("cache"))))


def full_name(lookup: _traits.Lookup, name: str) -> str:
    return next(full for full, data in lookup.classes.items() if data["name"] == name)


@pytest.mark.parametrize("row", _renamed.TABLE, ids=lambda row: f"{row.cls}.{row.trait}")
def test_row_is_true_of_the_classes_of_today(row: _renamed.Renamed, lookup: _traits.Lookup) -> None:
    name = full_name(lookup, row.cls)
    traits = lookup.traits(name)
    assert (row.trait in traits) == row.exists
    assert row.severity in ("warning", "error")
    assert row.advice
    if row.today:
        cls, _dot, trait = row.today.rpartition(".")
        assert trait in lookup.traits(full_name(lookup, cls or row.cls))
    if not row.exists and row.severity == "warning":
        assert row.trait in lookup.aliases(name)


@pytest.mark.parametrize("row", _renamed.TABLE, ids=lambda row: f"{row.cls}.{row.trait}")
def test_error_is_never_a_name_that_its_class_passes_on(row: _renamed.Renamed, lookup: _traits.Lookup) -> None:
    """KubeSpawner passes on names that are no traits; every other class only the traits it still has."""
    name = full_name(lookup, row.cls)
    understood = row.exists or row.cls == "KubeSpawner"
    passed_on = lookup.aliases(name).get(row.trait) if understood else None
    refused_for_its_type = row.cls in ("CILogonOAuthenticator", "OpenShiftOAuthenticator")
    assert row.severity == "warning" or refused_for_its_type or passed_on not in lookup.traits(name)


def test_every_old_name_that_a_class_announces_is_in_the_table(lookup: _traits.Lookup) -> None:
    known = {(row.cls, row.trait) for row in _renamed.TABLE}
    announced = {
        (data["name"], old) for data in lookup.classes.values() for old in data["aliases"] if "ionsingle" not in old
    }
    assert announced - known == {("CILogonOAuthenticator", "username_claim")}  # a name of today in its parent


def test_no_row_is_there_twice() -> None:
    counted = collections.Counter((row.cls, row.trait) for row in _renamed.TABLE)
    assert [key for key, number in counted.items() if number > 1] == []


@pytest.mark.parametrize(("version", "severity"), [("5.5.4", "warning"), ("6.0", "error"), ("6.1.1", "error")])
def test_version_decides_whether_a_setting_is_gone(version: str, severity: str) -> None:
    row = _renamed.find({"JupyterHub"}, "statsd_host", {"jupyterhub": version})
    assert row is not None and row.severity == severity


def test_parents_count_and_others_do_not() -> None:
    assert _renamed.find({"SwarmSpawner", "DockerSpawner"}, "container_image", {}) is not None
    assert _renamed.find({"KubeSpawner"}, "container_image", {}) is None
