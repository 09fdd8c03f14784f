# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role docker_engine sees of a host decides what it does there."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import subprocess
import sys
import typing as t

import pytest

LOOK = pathlib.Path(__file__).parents[2] / "roles" / "docker_engine" / "files" / "look.py"


@pytest.fixture
def look() -> t.Any:
    spec = importlib.util.spec_from_file_location("docker_engine_look", LOOK)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_host_without_docker_is_described(tmp_path: pathlib.Path) -> None:
    done = subprocess.run(
        [sys.executable, "-"],
        input=LOOK.read_text(),
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    seen = json.loads(done.stdout)
    assert (seen["version"], seen["compose"], seen["client"], seen["not_taken_over"]) == ("", "", "", [])
    assert seen["name"] and seen["machine"]


def test_an_engine_that_the_environment_names_is_not_that_of_the_host(
    look: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere.example:2375")
    done = subprocess.run([sys.executable, "-"], input=LOOK.read_text(), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["version"] == look.look()["version"] != ""


@pytest.mark.parametrize(
    ("text", "values", "problem"),
    [
        ('{"debug": true}', {"debug": True}, ""),
        ("", {}, ""),
        ("{", {}, "is no JSON"),
        ("[]", {}, "holds no mapping"),
    ],
)
def test_a_settings_file_that_can_not_be_merged_is_said(
    look: t.Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: pathlib.Path,
    text: str,
    values: dict[str, t.Any],
    problem: str,
) -> None:
    file = tmp_path / "daemon.json"
    file.write_text(text)
    file.chmod(0o600)
    monkeypatch.setattr(look, "SETTINGS", file)
    seen = look.settings()
    assert seen["values"] == values
    assert problem in seen["problem"] and bool(problem) == bool(seen["problem"])
    assert seen["mode"] == "0600"


RUNNING = {
    "LiveRestoreEnabled": True,
    "RegistryConfig": {
        "Mirrors": ["https://mirror.example/"],
        "IndexConfigs": {"docker.io": {}, "registry.example:5000": {}},
        "InsecureRegistryCIDRs": ["127.0.0.0/8", "10.0.0.0/8"],
    },
}


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({}, []),
        ({"live-restore": True}, []),
        ({"live-restore": False}, ["live-restore"]),
        ({"registry-mirrors": ["https://mirror.example"]}, []),
        ({"registry-mirrors": ["https://other.example"]}, ["registry-mirrors"]),
        ({"insecure-registries": ["registry.example:5000", "10.0.0.0/8"]}, []),
        ({"insecure-registries": ["registry.example:5001"]}, ["insecure-registries"]),
        ({"log-opts": {"max-size": "10m"}}, []),
    ],
)
def test_what_a_running_engine_did_not_take_over(look: t.Any, values: dict[str, t.Any], missing: list[str]) -> None:
    assert look.not_taken_over(values, RUNNING) == missing
