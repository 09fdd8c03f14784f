# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each thing wrong once: the message comes before anything is touched, with the cluster's own reason where it has one."""

from __future__ import annotations

import json
import re
import typing as t

import pytest
from hub_user import HubUser
from installation import uninterrupted, wait_until
from kubernetes_installation import KubernetesInstallation, Object

# What is found at the same time is told at once: such mistakes are made in one run.
MISTAKES: dict[str, tuple[dict[str, t.Any], tuple[str, ...]]] = {
    "in the description": (
        {"hub_memory_limit": "2 GiBi", "hub_name": "My_Hub"},
        (
            *("hub_memory_limit is '2 GiBi'", "Mi, Gi or Ti"),
            *("hub_name is 'My_Hub'", "lower-case letters, digits and hyphens"),
        ),
    ),
    "what is not there": (
        {
            "hub_kubernetes_pull_secrets": ["registry"],
            "hub_kubernetes_static_claim": "homes",
            "hub_kubernetes_state_class": "nowhere",
            "hub_kubernetes_hub_resources": {"requests": {"memory": "half"}},
        },
        (
            "there is no Secret registry",
            "there is no claim homes",
            *("the claim hub-db-dir has the storage class", "hub_kubernetes_state_class is nowhere"),
            *("hub_kubernetes_hub_resources.requests.memory is half", "512Mi"),
        ),
    ),
    "no namespace's name": (
        {"hub_kubernetes_namespace": "My_Course"},
        ("hub_kubernetes_namespace is My_Course", "expected a DNS label"),
    ),
    "another namespace": ({"hub_kubernetes_namespace": "elsewhere"}, ("may not", "in the namespace elsewhere")),
    "no such image": (
        {"hub_kubernetes_image": "127.0.0.1:5000/jupyterhub/no-such-hub:1"},
        ("127.0.0.1:5000/jupyterhub/no-such-hub:1",),
    ),
    "no kubeconfig": ({"hub_kubernetes_kubeconfig": "/nowhere/config"}, ("/nowhere/config can not be used",)),
}


@pytest.fixture
def untouched(cluster_hub: KubernetesInstallation) -> t.Iterator[KubernetesInstallation]:
    """The hub, of which the test must not change anything."""
    hub = cluster_hub
    before = hub.files(), [hub.pid(service) for service in hub.services]
    yield hub
    assert (hub.files(), [hub.pid(service) for service in hub.services]) == before, "expected that nothing was touched"


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(untouched: KubernetesInstallation, mistake: str) -> None:
    """With what was found and what to do."""
    given, said = MISTAKES[mistake]
    untouched.play(fails=True, **given).must_say(*said)


def test_an_image_that_no_node_can_pull_is_refused(untouched: KubernetesInstallation, alice: HubUser) -> None:
    """Of each node with the cluster's own reason, before anything is switched; people go on."""
    missing = "127.0.0.1:5000/jupyterhub/no-such-notebook:1"
    with uninterrupted(alice):
        play = untouched.play(fails=True, hub_image=missing)
    play.must_say("Nothing was switched")
    for node in untouched.nodes():
        said = rf"{re.escape(node)}: failed, {re.escape(missing)}: (ErrImagePull|Failed to pull image)"
        assert re.search(said, play.text), f"expected the node and the cluster's reason, got {play.text}"


def test_a_cluster_that_does_not_answer_is_named(untouched: KubernetesInstallation) -> None:
    """With its address."""

    def elsewhere(config: Object) -> None:
        config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:18983"

    with untouched.kubeconfig(elsewhere) as path:
        play = untouched.play(fails=True, hub_kubernetes_kubeconfig=path)
    play.must_say("The cluster does not answer at https://127.0.0.1:18983")


def test_an_account_that_nobody_knows_is_named(untouched: KubernetesInstallation) -> None:
    """A token that has run out, for example."""

    def unknown(config: Object) -> None:
        config["users"][0]["user"]["token"] = "run-out"

    with untouched.kubeconfig(unknown) as path:
        play = untouched.play(fails=True, hub_kubernetes_kubeconfig=path)
    play.must_say("does not accept the credentials of the kubeconfig")
    assert "run-out" not in play.text


def test_missing_rights_are_named(untouched: KubernetesInstallation) -> None:
    """All of them at once, with what gives them."""
    with untouched.visitor() as path:
        play = untouched.play(fails=True, hub_kubernetes_kubeconfig=path)
    play.must_say("may not", "deployments", "secrets", "kubectl create rolebinding")


def test_a_quota_that_is_used_up_is_named(untouched: KubernetesInstallation, alice: HubUser) -> None:
    """In the cluster's own words, before the hub is stopped."""
    hub = untouched
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "full"},
        "spec": {"hard": {"pods": "1"}},
    }
    with uninterrupted(alice), hub.having(quota):
        wait_until(
            "the quota is known",
            lambda: (
                json.loads(hub.kubectl("get", "resourcequota", "full", "--output=json")).get("status", {}).get("used")
            ),
        )
        hub.play(fails=True, hub_announcement="Never seen").must_say("exceeded quota: full")
