"""A real task, as a person runs it: what is shown while it runs, and what it returns."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
from volumes import Site


def play(site: Site, users: list[str], *options: str, **keywords: t.Any) -> tuple[str, dict[str, t.Any], int]:
    """Output, result and exit status of a playbook with one task."""
    volumes = [{"user": user, "path": str(site.homes / user)} for user in users]
    task = {
        "hubwright.jupyterhub.volume_backup": {**site.options, "volumes": volumes},
        "register": "found",
        "ignore_errors": True,
        **keywords,
    }
    result = site.directory / "result.json"
    copy = {"ansible.builtin.copy": {"content": "{{ found | to_json }}", "dest": str(result)}, "check_mode": False}
    book = site.directory / "book.yml"
    book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task, copy]}]))
    home = site.directory / "ansible"
    command = [
        str(pathlib.Path(sys.executable).with_name("ansible-playbook")),
        "-i",
        "localhost,",
        "-c",
        "local",
        *options,
    ]
    environment = os.environ | {
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_LOCAL_TEMP": str(home / "local"),
        "ANSIBLE_REMOTE_TEMP": str(home / "remote"),
        "ANSIBLE_ASYNC_DIR": str(home / "async"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_COLLECTIONS_PATH": str(pathlib.Path(__file__).resolve().parents[4] / ".dev"),
        "ANSIBLE_NOCOLOR": "1",
    }
    command += ["-e", f"ansible_python_interpreter={sys.executable}", "-e", f"ansible_async_dir={home}/async"]
    done = subprocess.run([*command, str(book)], capture_output=True, text=True, env=environment, check=False)
    assert result.exists(), done.stdout + done.stderr
    left = [path.name for path in (home / "remote").glob("hubwright-*")] + [path.name for path in home.glob("async/*")]
    assert left == []
    return done.stdout, json.loads(result.read_text()), done.returncode


@pytest.fixture
def site(tmp_path: pathlib.Path, backup_programs: None) -> Site:
    return Site(tmp_path)


def test_a_line_for_each_volume_and_the_result_of_the_module(site: Site) -> None:
    for user in ("ada", "grace"):
        site.home(user, a="1")
    shown, result, status = play(site, ["ada", "grace", "nobody"])
    lines = [line.strip() for line in shown.splitlines() if "/3 " in line]
    assert [line.split()[0] for line in lines] == ["1/3", "2/3", "3/3"]
    assert sorted(line.split()[1] for line in lines) == ["ada:", "grace:", "nobody:"]
    assert sum("full of 2 files, 1 bytes" in line for line in lines) == 2
    assert sum("FAILED: The directory" in line for line in lines) == 1
    assert shown.index("1/3 ") < shown.index("fatal: [localhost]")
    assert status == 0 and result["failed"] and result["totals"]["new"] == 2
    assert "ansible_job_id" not in result and "1 of 3 volumes could not be backed up" in result["msg"]


def test_one_volume_and_check_mode_run_at_once(site: Site) -> None:
    for user in ("ada", "grace"):
        site.home(user, a="1")
    shown, result, _status = play(site, ["ada", "grace"], "--check")
    assert result["changed"] and "1/2" not in shown and not site.repository.exists()
    shown, result, _status = play(site, ["ada"])
    assert result["totals"]["new"] == 1 and "1/1" not in shown
