# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Room that is kept for servers that nobody has started yet."""

from __future__ import annotations

import json

from installation import wait_until
from kubernetes_installation import KubernetesInstallation

#: Of one core, what a server is guaranteed, and what is left free beside the placeholder.
GUARANTEED, LEFT = 0.3, 0.1


def cores(amount: str) -> float:
    """An amount of CPU as Kubernetes writes it."""
    return float(amount[:-1]) / 1000 if amount.endswith("m") else float(amount)


def free_cores(hub: KubernetesInstallation) -> float:
    """What no pod of the node has been given."""
    node = json.loads(hub.kubectl("get", "node", hub.nodes()[0], "--output=json"))
    pods = json.loads(hub.kubectl("get", "pods", "--all-namespaces", "--output=json"))["items"]
    given = sum(
        cores(container["resources"].get("requests", {}).get("cpu", "0"))
        for pod in pods
        if pod["status"]["phase"] in ("Pending", "Running") and pod["spec"].get("nodeName")
        for container in pod["spec"]["containers"]
    )
    return cores(node["status"]["allocatable"]["cpu"]) - given


def placeholders(hub: KubernetesInstallation) -> list[str]:
    """In which phase each of them is."""
    return [str(pod["status"]["phase"]) for pod in hub.pods("user-placeholder")]


def test_a_server_takes_the_room_of_a_placeholder(cluster_hub: KubernetesInstallation) -> None:
    """On a node that is full otherwise. The placeholder waits, is no problem of the hub, and is back when there is room again."""
    hub = cluster_hub
    assert len(hub.nodes()) == 1, "expected a cluster with one node"
    bob = hub.user("bob")
    bob.stop_server()
    below = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": "room"},
        "value": -10,
        "description": "Room for user servers",
    }
    with hub.having(below):
        kept = free_cores(hub) - LEFT
        assert kept > 0, "expected that something of the node is free"
        hub.play(
            hub_cpu_guarantee=GUARANTEED,
            hub_kubernetes_placeholders=1,
            hub_kubernetes_placeholder_priority_class="room",
            hub_kubernetes_placeholder_requests={"cpu": f"{round(kept * 1000)}m", "memory": "16Mi"},
        )
        wait_until("the placeholder keeps the room", lambda: placeholders(hub) == ["Running"])
        bob = hub.user("bob")
        bob.start_server()
        assert placeholders(hub) == ["Pending"], "expected that the server has the room of the placeholder"
        assert "user-placeholder" not in hub.play("status").text
        bob.stop_server()
        wait_until("the placeholder keeps the room again", lambda: placeholders(hub) == ["Running"])
        hub.play()
        wait_until("no room is kept", lambda: not placeholders(hub))
    assert not hub.objects("statefulsets"), "expected that the next run removes what is not asked for any more"
