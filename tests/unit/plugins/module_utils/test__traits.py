"""The check without classes says what the real classes say, wherever it decides."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import typing as t

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _traits
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._findings import Finding, masked, shown
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._trait_values import (
    UNKNOWN,
    expected,
    fits,
    without_references,
)

TESTS = pathlib.Path(__file__).parents[2]
Settings = dict[str, dict[str, t.Any]]


@dataclasses.dataclass
class RealHub:
    """A process of the hub's interpreter that judges settings with the real classes."""

    process: subprocess.Popen[str]
    inventory: dict[str, t.Any]

    def verdict(self, given_settings: Settings) -> set[tuple[str, str, str]]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({"settings": given_settings, "text": None}) + "\n")
        self.process.stdin.flush()
        return {(f["severity"], f["where"], f["message"]) for f in json.loads(self.process.stdout.readline())}


@pytest.fixture(scope="module")
def real_hub(hub_environment: pathlib.Path) -> t.Iterator[RealHub]:
    module = pathlib.Path(os.path.abspath(_traits.__file__))
    (above,) = (parent for parent in module.parents if (parent / "ansible_collections").is_dir())
    process = subprocess.Popen(
        [str(hub_environment / "bin" / "python"), str(TESTS / "configurations" / "real_verdicts.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(above)},
    )
    assert process.stdout is not None
    yield RealHub(process, json.loads(process.stdout.readline()))
    process.kill()
    process.wait()


TEXTS = st.sampled_from(
    ["", "x", "2G", "2Q", "-1", "60", "yes", "*", "http://x:1/", "/a", "%U", "always", "ada", "idna", "{username}", "{"]
)
SCALARS = st.none() | st.booleans() | st.integers(-3, 100000) | st.sampled_from([0.5, 2.0, 1e9]) | TEXTS
MAPPINGS = st.dictionaries(TEXTS, SCALARS | st.lists(TEXTS, max_size=2), max_size=2)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | MAPPINGS | st.lists(MAPPINGS, max_size=2)


@st.composite
def hub_settings(draw: st.DrawFn, inventory: dict[str, t.Any]) -> Settings:
    """A choice of spawner and authenticator, and one to three settings of what is in use."""
    lookup = _traits.Lookup(inventory)
    spawner = draw(st.sampled_from([*inventory["entry_points"]["spawners"], "kubespawner.KubeSpawner"]))
    authenticator = draw(st.sampled_from(list(inventory["entry_points"]["authenticators"])))
    chosen: Settings = {"JupyterHub": {"spawner_class": spawner, "authenticator_class": authenticator}}
    names = [
        lookup.resolve("spawners", spawner),
        lookup.resolve("authenticators", authenticator),
        "jupyterhub.app.JupyterHub",
        "jupyterhub.proxy.ConfigurableHTTPProxy",
    ]
    for name in draw(st.lists(st.sampled_from([name for name in names if name]), min_size=1, max_size=3)):
        traits = sorted(set(lookup.traits(name)) - {"config_file", *_traits.ROLES.values()})
        section = draw(st.sampled_from(lookup.sections(name)[-2:]))
        chosen.setdefault(section, {})[draw(st.sampled_from([*traits, "imagee", "no_such_setting"]))] = draw(VALUES)
    return chosen


def test_decided_is_what_the_real_classes_say(real_hub: RealHub) -> None:
    decided: list[bool] = []

    @settings(max_examples=400, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    # The classes take a text for the one entry of a set.
    @example({"JupyterHub": {"authenticator_class": "pam"}, "LocalAuthenticator": {"allowed_groups": ""}})
    @given(hub_settings(real_hub.inventory))
    def same_verdict(chosen: Settings) -> None:
        findings, complete = _traits.check_settings(chosen, real_hub.inventory, {})
        decided.append(complete)
        if complete:
            said = {(finding.severity, finding.where, finding.message) for finding in findings}
            assert said == real_hub.verdict(chosen)

    same_verdict()
    assert sum(decided) > len(decided) / 2


BASE: Settings = {"JupyterHub": {"spawner_class": "docker", "authenticator_class": "dummy"}}


@pytest.mark.parametrize(
    ("given_settings", "expected_findings"),
    [
        ({}, []),
        ({"DockerSpawner": {"image": "x", "remove": True, "mem_limit": "2G", "cpu_limit": 2}}, []),
        ({"DockerSpawner": {"mem_limit": "2Q"}}, [("error", "c.DockerSpawner.mem_limit")]),
        ({"Spawner": {"image": "x"}}, []),
        ({"Spawner": {"imgae": "x"}}, [("error", "c.Spawner.imgae")]),
        ({"KubeSpawner": {"image": "x", "cpu_limit": 1}}, [("warning", "c.KubeSpawner")]),
        ({"JupyterHub": {"statsd_prefix": "x", "admin_access": True}}, None),
        ({"Authenticator": {"allowed_users": {"env": "PEOPLE"}}}, []),
        ({"DockerSpawner": {"environment": {"A": {"file": "/b"}}, "remove": {"env": "X"}}}, []),
        ({"DockerSpawner": {"remove": {"literal": "x"}}}, [("error", "c.DockerSpawner.remove")]),
        ({"dockerspawner": {"image": "x"}}, [("error", "c.dockerspawner")]),
        (
            {"JupyterHub": {"load_roles": [{"name": "abc", "scopes": ["nothing"]}]}},
            [("error", "c.JupyterHub.load_roles")],
        ),
        (
            {"JupyterHub": {"services": [{"name": "x", "api_token": {"env": "T"}, "url": "ftp://x"}]}},
            [("error", "c.JupyterHub.services")],
        ),
    ],
)
def test_settings_without_classes(
    given_settings: Settings, expected_findings: list[tuple[str, str]] | None, real_hub: RealHub
) -> None:
    merged = {
        section: {**BASE.get(section, {}), **given_settings.get(section, {})} for section in {*BASE, *given_settings}
    }
    findings, complete = _traits.check_settings(merged, real_hub.inventory, {})
    assert complete
    if expected_findings is None:
        assert {finding.where for finding in findings} == {"c.JupyterHub.statsd_prefix", "c.JupyterHub.admin_access"}
    else:
        assert [(finding.severity, finding.where) for finding in findings] == expected_findings


def test_a_wrong_value_does_not_hide_a_right_one_of_another_section(real_hub: RealHub) -> None:
    chosen: Settings = {
        "JupyterHub": {"authenticator_class": "ldap"},
        "Authenticator": {"allow_all": None},
        "LDAPAuthenticator": {"allow_all": True},
    }
    findings, complete = _traits.check_settings(chosen, real_hub.inventory, {})
    assert complete and [finding.where for finding in findings] == ["c.Authenticator.allow_all"]
    assert {(finding.severity, finding.where, finding.message) for finding in findings} == real_hub.verdict(chosen)


@pytest.mark.parametrize(
    ("authenticator", "traits", "locked_out"),
    [
        ("pam", {}, True),
        ("pam", {"admin_users": ["ada"]}, True),
        ("pam", {"allowed_users": ["ada"]}, False),
        ("pam", {"allow_all": True}, False),
        ("pam", {"allowed_groups": ["staff"]}, False),
        ("pam", {"any_allow_config": True}, False),
        ("dummy", {}, False),
        ("null", {}, False),
        ("github", {"admin_users": ["ada"]}, False),
        ("github", {"allowed_organizations": ["a"]}, False),
        ("github", {}, True),
        ("native", {"allow_all": {"env": "X"}}, False),
        ("generic-oauth", {"allow_existing_users": True}, False),
    ],
)
def test_lock_out(authenticator: str, traits: dict[str, t.Any], locked_out: bool, real_hub: RealHub) -> None:
    chosen: Settings = {"JupyterHub": {"authenticator_class": authenticator}, "LocalAuthenticator": {}}
    section = "LocalAuthenticator" if "allowed_groups" in traits else "GitHubOAuthenticator"
    chosen[section if {"allowed_groups", "allowed_organizations"} & set(traits) else "Authenticator"] = traits
    findings, complete = _traits.check_settings(chosen, real_hub.inventory, {})
    assert complete
    assert any(finding.message.startswith("nobody may sign in") for finding in findings) == locked_out


def test_layer_of_a_setting_is_named(real_hub: RealHub) -> None:
    chosen = {**BASE, "DockerSpawner": {"imgae": 1}, "KubeSpawner": {"image": "x"}}
    origins = {"DockerSpawner.imgae": "hub_settings_extra", "KubeSpawner.image": "platform docker"}
    findings, _complete = _traits.check_settings(chosen, real_hub.inventory, origins)
    assert {finding.where: finding.origin for finding in findings} == {
        "c.DockerSpawner.imgae": "hub_settings_extra",
        "c.KubeSpawner": "platform docker",
    }


@pytest.mark.parametrize(
    ("kind", "value", "verdict", "words"),
    [
        ({"kind": "int", "min": 1}, 0, False, "a whole number from 1"),
        ({"kind": "int"}, 4.0, True, "a whole number"),
        ({"kind": "int"}, "4", False, "a whole number"),
        ({"kind": "bool"}, 1, True, "True or False"),
        ({"kind": "bool"}, 2, False, "True or False"),
        ({"kind": "bytes", "none": True}, "1.5G", True, "a number of bytes"),
        ({"kind": "bytes"}, "1g", False, "a number of bytes"),
        ({"kind": "list", "of": {"kind": "text"}}, ["a", 1], False, "a list of texts"),
        ({"kind": "list", "of": {"kind": "text"}}, "a", True, "a list of texts"),
        ({"kind": "set"}, "a", True, "a set"),
        ({"kind": "choice_of_text", "choices": ["a", "b"]}, "A", True, "one of 'a', 'b'"),
        ({"kind": "union", "members": [{"kind": "int"}, {"kind": "other"}]}, "x", None, "a whole number or another"),
        ({"kind": "tuple", "members": [{"kind": "int"}, {"kind": "int"}]}, [1], False, "a list of exactly 2"),
        ({"kind": "dict", "values": {"kind": "int"}}, {"a": "b"}, False, "a mapping to a whole number"),
        ({"kind": "callable", "none": True}, None, True, "a callable or None"),
        ({"kind": "other"}, 1, None, "another kind of value"),
    ],
)
def test_value_against_a_type(kind: dict[str, t.Any], value: t.Any, verdict: bool | None, words: str) -> None:
    assert fits(kind, value) is verdict
    assert expected(kind).startswith(words)


def test_references_become_unknown_at_any_depth() -> None:
    value = {"a": [{"env": "X"}, {"literal": {"env": "Y"}}, {"env": "X", "more": 1}], "b": {"file": "/x"}}
    assert without_references(value) == {"a": [UNKNOWN, {"env": "Y"}, {"env": "X", "more": 1}], "b": UNKNOWN}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing (None)"),
        ("x" * 100, f"the text '{'x' * 56}..."),
        ("http://me:word@host/", "the text 'http://me:***@host/'"),
        ([1, 2], "a list of 2"),
        ({}, "an empty mapping"),
        (True, "True"),
    ],
)
def test_values_are_shown_short_and_without_passwords(value: t.Any, words: str) -> None:
    assert shown(value) == words


def test_foreign_words_lose_the_secrets_in_the_value() -> None:
    value = {"name": "plain", "api_token": "hidden-word", "inner": [{"password": 12345678}]}
    text = masked("bad spec {'name': 'plain', 'api_token': 'hidden-word'} 12345678", value)
    assert "plain" in text and "hidden-word" not in text and "12345678" not in text


def test_a_finding_reads_as_a_sentence() -> None:
    finding = Finding(
        "error", "there is no such setting", "Did you mean image?", "c.DockerSpawner.imagee", 12, "hub.py"
    )
    assert str(finding) == "hub.py line 12: c.DockerSpawner.imagee: there is no such setting. Did you mean image?"
