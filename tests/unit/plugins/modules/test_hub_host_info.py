# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as Ansible runs it: a process of its own with its arguments on standard input."""

from __future__ import annotations

import json
import os
import pathlib
import socket
import sys
import typing as t

import pytest

from ansible_collections.hubwright.jupyterhub.tests.unit import module_processes


def run(**arguments: t.Any) -> dict[str, t.Any]:
    return module_processes.run("hub_host_info", **arguments)


@pytest.mark.parametrize("check_mode", [False, True])
def test_everything_that_was_asked_for_is_told(tmp_path: pathlib.Path, check_mode: bool) -> None:
    (tmp_path / "state.json").write_text('{"releases": [1]}')
    (tmp_path / "damaged.json").write_text("{")
    (tmp_path / "dangling").symlink_to("nowhere")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = run(
            check=check_mode,
            interpreter=sys.executable,
            directory=f"{tmp_path}/hub",
            ports=[{"address": "127.0.0.1", "port": port}, {"port": port}],
            paths=[f"{tmp_path}/state.json", f"{tmp_path}/none", f"{tmp_path}/dangling"],
            read=[f"{tmp_path}/state.json", f"{tmp_path}/damaged.json", f"{tmp_path}/none"],
            certificates=[f"{tmp_path}/none"],
        )
    assert result["changed"] is False
    assert (result["uid"], result["gid"], result["hostname"]) == (os.geteuid(), os.getegid(), socket.gethostname())
    assert result["python"]["path"] == sys.executable
    assert result["ports"][f"127.0.0.1:{port}"]["pid"] == os.getpid()
    assert result["ports"][f":{port}"]["free"] is False
    assert result["exists"] == {
        f"{tmp_path}/state.json": True,
        f"{tmp_path}/none": False,
        f"{tmp_path}/dangling": True,
    }
    assert result["read"] == {
        f"{tmp_path}/state.json": {"releases": [1]},
        f"{tmp_path}/damaged.json": None,
        f"{tmp_path}/none": None,
    }
    assert f"{tmp_path}/damaged.json is not read" in json.dumps(result["warnings"])
    assert result["free_bytes"] > 0
    assert result["certificates"][f"{tmp_path}/none"]["error"] == f"{tmp_path}/none does not exist"
    assert not (tmp_path / "hub").exists()


def test_without_questions_it_tells_of_the_host_alone() -> None:
    result = run()
    assert result["python"]["path"] == sys.executable
    assert result["service_manager"] in ("systemd", "none")
    assert (result["ports"], result["exists"], result["read"], result["certificates"]) == ({}, {}, {}, {})
    assert result["free_bytes"] is None


def test_the_directory_may_depend_on_who_runs_this_and_what_is_read_may_be_relative_to_it(
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / "state.json").write_text("[1]")
    result = run(directory=str(tmp_path), read=["state.json"], find=["*.json"])
    assert (result["directory"], result["read"], result["found"]) == (
        str(tmp_path),
        {"state.json": [1]},
        ["state.json"],
    )
    mine = run(directory="~/hub", directory_of_root="/srv/hub")
    assert mine["directory"] == ("/srv/hub" if mine["uid"] == 0 else f"{mine['home']}/hub")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"interpreter": "/nowhere/python"}, "The interpreter '/nowhere/python' was not found on this host"),
        ({"directory": "srv/hub"}, "The path 'srv/hub' is not absolute"),
        ({"read": ["state.json"]}, "The path 'state.json' is not absolute"),
        ({"ports": [{"address": "hub", "port": 1}]}, "The address 'hub' is no IP address"),
        ({"ports": [{"port": 65536}]}, "The port 65536 does not exist, expected 1 to 65535"),
        ({"ports": [{"address": "127.0.0.1"}]}, "missing required arguments: port found in ports"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, t.Any], said: str) -> None:
    result = run(**arguments)
    assert result["failed"]
    assert said in result["msg"]
