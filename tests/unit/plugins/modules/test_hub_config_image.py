# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module with the classes of a container image, on a real engine."""

from __future__ import annotations

import os
import pathlib
import subprocess
import typing as t

import pytest

from ansible_collections.hubwright.jupyterhub.tests.unit import module_processes

SETTINGS: dict[str, t.Any] = {
    "JupyterHub": {"authenticator_class": "dummy", "spawner_class": "docker"},
    "Authenticator": {"allowed_users": ["alice"]},
    "DockerSpawner": {"image": "quay.io/jupyterhub/singleuser:6.1.1", "remove": True},
}


@pytest.fixture
def common(tmp_path: pathlib.Path) -> dict[str, t.Any]:
    image = os.environ.get("HUBWRIGHT_HUB_IMAGE", "")
    if not image:
        pytest.fail("HUBWRIGHT_HUB_IMAGE names no image of a hub; run `make test-unit`")
    return {"path": f"{tmp_path}/jupyterhub_config.py", "image": image, "cache_directory": f"{tmp_path}/cache"}


def containers() -> set[str]:
    listed = ["docker", "ps", "--all", "--filter", "name=hubwright-check", "--format", "{{.Names}}"]
    return set(subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split())


def test_the_classes_of_the_image_judge_and_then_its_cached_inventory_does(common: dict[str, t.Any]) -> None:
    first = module_processes.run("hub_config", settings=SETTINGS, **common)
    assert (first["changed"], first["checked_with"], first["versions"]["jupyterhub"]) == (True, "classes", "6.1.1")
    other = SETTINGS | {"DockerSpawner": {"image": "quay.io/jupyterhub/singleuser:6.1.0", "remove": True}}
    second = module_processes.run("hub_config", settings=other, **common)
    assert (second["changed"], second["checked_with"]) == (True, "inventory")
    assert containers() == set()


def test_mistakes_are_found_in_a_file_of_somebody_else(common: dict[str, t.Any]) -> None:
    path = pathlib.Path(common["path"])
    path.write_text(
        "c.JupyterHub.spawner_class = 'docker'\nc.DockerSpawner.imagee = 'x'\nc.JupyterHub.port = 'eight'\n"
    )
    result = module_processes.run("hub_config", state="checked", **common)
    assert result["failed"]
    assert {2, 3} <= {finding["line"] for finding in result["findings"] if finding["severity"] == "error"}
    assert containers() == set()


def test_a_container_is_gone_after_the_time_is_over(common: dict[str, t.Any]) -> None:
    pathlib.Path(common["path"]).write_text("import time\ntime.sleep(600)\n")
    result = module_processes.run("hub_config", state="checked", timeout=12, **common)
    # By the check inside the container, or by the one around it when the container itself was slow to start.
    assert "line 2: the file is still running after" in result["msg"] or "took longer than 12 seconds" in result["msg"]
    assert containers() == set()


def test_an_image_that_is_not_there_is_named_with_what_to_do(common: dict[str, t.Any]) -> None:
    result = module_processes.run("hub_config", settings=SETTINGS, **(common | {"image": "hubwright.test/no-such:1"}))
    assert result["msg"].startswith("The image hubwright.test/no-such:1 is not on this host")
    assert result["msg"].endswith("docker pull hubwright.test/no-such:1")
    assert not pathlib.Path(common["path"]).exists()
