# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real task: what is shown while it runs, and that nothing of it is left."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import clusters


def test_what_the_module_does_is_shown_while_it_runs(tmp_path: pathlib.Path) -> None:
    """The base can not be imported, which comes after a line that says that it is tried."""
    with clusters.running(tmp_path) as cluster:
        refused = {"status": {"status": "Failure", "message": "no such image"}}

        def answer(_method: str, path: str, _body: object) -> tuple[int, object] | None:
            return (201, {"status": {"images": [refused]}}) if path.endswith("/imagestreamimports") else None

        cluster.others = answer
        options = {
            "kubeconfig": cluster.kubeconfig,
            "namespace": "course",
            "name": "notebook:1",
            "dockerfile": "FROM scratch",
            "base": "registry.example.org/python:3.12",
        }
        book = tmp_path / "book.yml"
        task = {"hubwright.jupyterhub.hub_image_build": options}
        book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]), encoding="utf-8")
        home = tmp_path / "ansible"
        done = subprocess.run(
            [
                *(str(pathlib.Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local"),
                *("-e", f"ansible_python_interpreter={sys.executable}", "-e", f"ansible_async_dir={home}/async"),
                str(book),
            ],
            env={
                **os.environ,
                "ANSIBLE_HOME": str(home),
                "ANSIBLE_LOCAL_TEMP": str(home / "local"),
                "ANSIBLE_REMOTE_TEMP": str(home / "remote"),
                "ANSIBLE_COLLECTIONS_PATH": str(pathlib.Path(__file__).resolve().parents[4] / ".dev"),
                "ANSIBLE_NOCOLOR": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
    assert "  notebook-base:3.12: importing registry.example.org/python:3.12\n" in done.stdout, done.stdout
    assert done.returncode == 2 and "no such image" in done.stdout + done.stderr
    left = [path.name for path in (home / "remote").glob("hubwright-*")] + [path.name for path in home.glob("async/*")]
    assert left == []
