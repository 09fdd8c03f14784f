# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as Ansible runs it: a process of its own with its arguments on standard input."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.hubwright.jupyterhub.tests.unit import module_processes


def run(**arguments: t.Any) -> dict[str, t.Any]:
    return module_processes.run("hub_files", **arguments)


def listed(directory: pathlib.Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def wanted(directory: pathlib.Path) -> dict[str, t.Any]:
    return {
        "directories": [{"path": f"{directory}/hub", "mode": "0750"}],
        "files": [{"path": f"{directory}/hub/userlist", "content": "alice admin\n"}],
        "secrets": [{"path": f"{directory}/hub/cookie"}],
    }


def test_check_mode_tells_what_the_run_then_does_and_touches_nothing(tmp_path: pathlib.Path) -> None:
    foreseen = run(check=True, **wanted(tmp_path))
    assert listed(tmp_path) == []
    done = run(**wanted(tmp_path))
    assert foreseen["changed"] is done["changed"] is True
    assert foreseen["changed_paths"] == done["changed_paths"]
    assert foreseen["generated"] == done["generated"] == [f"{tmp_path}/hub/cookie"]
    assert foreseen["diff"] == done["diff"]
    assert listed(tmp_path) == ["hub", "hub/cookie", "hub/userlist"]
    again = run(**wanted(tmp_path))
    assert (again["changed"], again["changed_paths"], again["generated"], again["diff"]) == (False, [], [], [])


def test_only_what_changed_is_among_the_changed_paths(tmp_path: pathlib.Path) -> None:
    run(**wanted(tmp_path))
    asked = wanted(tmp_path)
    asked["files"][0]["content"] = "bob\n"
    result = run(**asked)
    assert result["changed_paths"] == [f"{tmp_path}/hub/userlist"]
    assert result["diff"] == [
        {
            "before_header": f"{tmp_path}/hub/userlist",
            "after_header": f"{tmp_path}/hub/userlist",
            "before": "mode: 0640\ncontent:\nalice admin\n",
            "after": "mode: 0640\ncontent:\nbob\n",
        }
    ]


def test_no_secret_is_in_the_result_not_even_when_the_module_fails(tmp_path: pathlib.Path) -> None:
    asked = {
        "files": [
            {"path": f"{tmp_path}/one", "secret_content": "hunter2 first"},
            {"path": f"{tmp_path}/two", "content": "hunter2 second", "sensitive": True},
        ],
        "secrets": [{"path": f"{tmp_path}/three", "value": "hunter2 third"}],
    }
    failed = run(**asked, directories=[{"path": "relative"}])
    assert failed["failed"]
    assert "hunter2" not in json.dumps(failed)
    done = run(**asked)
    assert "hunter2" not in json.dumps(done)
    assert [(tmp_path / name).read_text() for name in ("one", "two", "three")] == [
        "hunter2 first",
        "hunter2 second",
        "hunter2 third\n",
    ]


def test_a_secret_that_is_a_word_of_the_path_spoils_no_path(tmp_path: pathlib.Path) -> None:
    (tmp_path / "jupyterhub").mkdir()
    path = f"{tmp_path}/jupyterhub/password"
    assert run(secrets=[{"path": path, "value": "jupyterhub"}])["changed_paths"] == [path]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"directories": [{"path": "srv"}]}, "The path 'srv' (directory) is not absolute"),
        ({"directories": [{"path": "{tmp}/x", "mode": 493}]}, "is the number 493, expected an octal number in quotes"),
        ({"directories": ["{tmp}/x"]}, "dictionary requested, could not parse JSON"),
        ({"directories": [{"mode": "0755"}]}, "missing required arguments: path found in directories"),
        ({"files": [{"path": "{tmp}/x"}]}, "needs either content or secret_content, got none or both"),
        ({"files": [{"path": "{tmp}/no/x", "content": ""}]}, "has no directory to be in: {tmp}/no is missing"),
        ({"secrets": [{"path": "{tmp}/x", "length": 8}]}, "is 8 bytes, expected 16 to 1024"),
        ({"secrets": [{"path": "{tmp}/x", "encoding": "base64"}]}, "must be one of: hex, alnum, got: base64"),
        ({"absent": ["/usr"]}, "/usr is a directory of the system and is not removed"),
        ({"owner": "no-such", "directories": [{"path": "{tmp}/x"}]}, "is 'no-such', which this host does not know"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_touched(
    tmp_path: pathlib.Path, arguments: dict[str, t.Any], said: str
) -> None:
    located = json.loads(json.dumps(arguments).replace("{tmp}", str(tmp_path)))
    result = run(**{"directories": [{"path": f"{tmp_path}/fine"}]} | located)
    assert result["failed"]
    assert said.replace("{tmp}", str(tmp_path)) in result["msg"]
    assert listed(tmp_path) == []


def test_a_failure_half_way_names_the_path_and_what_was_done() -> None:
    result = run(directories=[{"path": "/proc/hubwright"}])
    assert result["failed"]
    assert (result["path"], result["changed_paths"]) == ("/proc/hubwright", [])
    assert "could not be changed" in result["msg"]


def test_in_check_mode_a_missing_account_is_a_warning(tmp_path: pathlib.Path) -> None:
    result = run(check=True, owner="no-such", **wanted(tmp_path))
    assert result["changed"]
    assert "which this host does not know" in json.dumps(result["warnings"])
