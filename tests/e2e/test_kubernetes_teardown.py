# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing a hub from a namespace: everything goes but users' claims, and those too when asked."""

from __future__ import annotations

from installation import Installation
from kubernetes_installation import KubernetesInstallation


def left(hub: KubernetesInstallation) -> set[str]:
    """What the namespace still has, but for what the cluster and the tests put there."""
    own = ("default", "deployer", "spawner", "kube-root-ca.crt", "osbed-")
    found = hub.objects(f"{hub.kinds},pods,ingresses,jobs,replicasets")
    return {
        f"{each['kind']} {each['metadata']['name']}"
        for each in found
        if not each["metadata"]["name"].startswith(own) and "deletionTimestamp" not in each["metadata"]
    }


def test_only_users_claims_are_left(installation: Installation) -> None:
    """No pod, no secret, no rule. A new hub finds the files again. Then nothing at all."""
    assert isinstance(installation, KubernetesInstallation)
    hub = installation
    hub.settled()
    alice = hub.user("alice")
    alice.start_server()
    alice.write("kept.txt", "not yours to remove")
    claims = {
        f"PersistentVolumeClaim {c['metadata']['name']}"
        for c in hub.objects("persistentvolumeclaims", "component=singleuser-storage")
    }
    assert "PersistentVolumeClaim claim-alice" in claims
    foreseen = hub.play("teardown", "--check")
    assert foreseen.changes, "expected that check mode foresees the removal"
    assert hub.answers(), "expected that check mode removes nothing"

    hub.play("teardown").must_say("files are still in", "hub_kubernetes_remove_users_claims=true")
    assert left(hub) == claims
    again = hub.play("teardown")
    assert again.changes == 0, (
        f"expected that nothing is left to remove, these tasks changed something: {again.changed}"
    )

    hub.play()
    alice = hub.user("alice")
    alice.start_server()
    assert alice.read("kept.txt") == "not yours to remove"

    hub.play("teardown", hub_kubernetes_remove_users_claims=True)
    assert left(hub) == set()
    assert hub.play("teardown", hub_kubernetes_remove_users_claims=True).changes == 0
