# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of images, as far as no engine is needed; saving and loading need one."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "roles" / "hub_docker" / "files" / "image_bundle.py"


def run(*arguments: str | pathlib.Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def bundle(tmp_path: pathlib.Path) -> pathlib.Path:
    """Two images, of which one was carried along, and what a run that was killed left behind."""
    entries = {}
    for name in ("notebook", "proxy"):
        (tmp_path / f"{name}.tar").write_text(name)
        entries[f"{name}:1"] = {"archive": f"{name}.tar", "id": f"sha256:{name}", "size": len(name), "sha256": "0"}
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 1, "images": entries}))
    (tmp_path / "front.tar.new").write_text("half")
    return tmp_path


def test_an_archive_that_is_not_complete_is_none(bundle: pathlib.Path) -> None:
    assert list(json.loads(run("read", bundle).stdout)) == ["notebook:1", "proxy:1"]
    (bundle / "notebook.tar").write_text("note")
    (bundle / "proxy.tar").unlink()
    assert json.loads(run("read", bundle).stdout) == {}


def test_a_directory_that_is_not_there_has_no_image(tmp_path: pathlib.Path) -> None:
    assert json.loads(run("read", tmp_path / "bundle").stdout) == {}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"images": {"a": {}}}', '{"images": {"a": 1}}'])
def test_a_manifest_that_is_damaged_is_said(bundle: pathlib.Path, text: str) -> None:
    (bundle / "manifest.json").write_text(text)
    done = run("read", bundle)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{bundle}/manifest.json is damaged (")
    assert "Save the images again." in done.stderr


def test_what_is_of_no_image_is_removed(bundle: pathlib.Path) -> None:
    assert "changed" in run("keep", bundle, "proxy:1", "hub:1").stdout
    assert sorted(path.name for path in bundle.iterdir()) == ["SHA256SUMS", "manifest.json", "proxy.tar"]
    assert (bundle / "SHA256SUMS").read_text() == "0  proxy.tar\n"
    assert list(json.loads(run("read", bundle).stdout)) == ["proxy:1"]
    assert run("keep", bundle, "proxy:1").stdout == ""
