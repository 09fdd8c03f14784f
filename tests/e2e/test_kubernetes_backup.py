# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A claim is lost, and comes back; a server that runs is stopped for it and started again. A list of people is kept."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from hub_user import HubUser
from kubernetes_installation import KubernetesInstallation


@pytest.fixture
def repository(cluster_hub: KubernetesInstallation, tmp_path: pathlib.Path) -> Iterator[dict[str, str]]:
    """Variables that name a repository of this test."""
    yield {"hub_backup_repository": str(tmp_path / "backups")}
    # Like every backup it is not removed with the hub.
    cluster_hub.kubectl("delete", "configmap", cluster_hub.named("hub-people"), "--ignore-not-found")


def test_a_damaged_claim_comes_back(
    cluster_hub: KubernetesInstallation, alice: HubUser, repository: dict[str, str]
) -> None:
    """Her server runs while she is backed up, and again after her files are back; no pod of the backup is left."""
    hub = cluster_hub
    alice.write("thesis.txt", "three years of work")
    chosen = {"hub_backup_users": ["alice"], "hub_backup_people_config_map": True}
    hub.play("backup", **repository, **chosen).must_say("hub state", "alice")
    (kept,) = (each for each in hub.objects("configmaps") if each["metadata"]["name"] == hub.named("hub-people"))
    assert {"alice", "admin admin"} <= set(kept["data"]["userlist"].splitlines())
    alice.write("thesis.txt", "lost")
    wanted = {"hub_backup_restore_users": ["alice"], "hub_backup_restore_over": True}
    hub.play("restore", fails=True, **repository, **wanted).must_say("the server of alice runs")
    hub.play("restore", **repository, **wanted, hub_backup_restore_stop=True).must_say("are in claim-alice")
    assert hub.users_file("alice", "thesis.txt") == "three years of work"
    left = hub.objects("pods", "app.kubernetes.io/component=volume-helper")
    assert left == [], f"expected no pod of a backup, found {[pod['metadata']['name'] for pod in left]}"
