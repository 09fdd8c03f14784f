# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub whose user servers are processes of its pod: what is in it, what people find, and what outlives it."""

from __future__ import annotations

import json
import pathlib

from installation import wait_until
from openshift_installation import OpenShiftInstallation


def test_there_is_one_pod_without_rights(openshift_hub: OpenShiftInstallation) -> None:
    """With hub and proxy; only what people use is a Service, and the pod has no token of the cluster."""
    hub = openshift_hub
    (pod,) = hub.objects("pods", "app=jupyterhub")
    assert [each["name"] for each in pod["spec"]["containers"]] == ["hub", "chp"]
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert [each["metadata"]["name"] for each in hub.objects("services")] == ["proxy-public"]
    assert not hub.objects("roles,rolebindings", "app.kubernetes.io/managed-by=hubwright")
    (deployment,) = hub.objects("deployments")
    triggers = json.loads(deployment["metadata"]["annotations"]["image.openshift.io/triggers"])
    assert [each["fieldPath"].split('"')[1] for each in triggers] == ["database", "hub", "chp"]


def test_people_compute_in_folders_of_their_own(openshift_hub: OpenShiftInstallation) -> None:
    """As a user with a number of the project's policy; folders are made when first needed, and files stay."""
    hub = openshift_hub
    for name in ("alice", "bob"):
        person = hub.user(name)
        person.start_server()
        kernel = person.kernel()
        assert kernel.compute("import os; os.environ['HOME'], os.environ['SHELL']") == (
            f"('/srv/users/{name}', '/bin/bash')"
        )
        assert int(kernel.compute("os.getuid()")) in hub.numbers()
        person.write("kept.txt", f"written by {name}")
    alice = hub.user("alice")
    alice.stop_server()
    alice.start_server()
    assert alice.read("kept.txt") == "written by alice"


def test_another_pod_ends_servers_and_keeps_files(openshift_hub: OpenShiftInstallation) -> None:
    """The hub knows that they ended, although other processes have their numbers now."""
    hub = openshift_hub
    alice = hub.user("alice")
    alice.start_server()
    alice.write("kept.txt", "before")
    before = hub.pid("hub")
    hub.kubectl("rollout", "restart", "deployment/hub")
    wait_until("another pod is ready", lambda: hub.pid("hub") not in (0, before), 300)
    wait_until("the hub answers", hub.answers)
    alice = hub.user("alice")
    wait_until("the hub knows that the server ended", lambda: alice.server() is None)
    assert hub.pid("hub") not in (0, before)
    alice.start_server()
    assert alice.read("kept.txt") == "before"
    assert hub.play().changes == 0


def test_a_lost_file_comes_back(openshift_hub: OpenShiftInstallation, tmp_path: pathlib.Path) -> None:
    """From a backup of one folder of the claim that all share; nobody else's is touched."""
    hub = openshift_hub
    alice, bob = hub.user("alice"), hub.user("bob")
    for person in (alice, bob):
        person.start_server()
        person.write("thesis.txt", "three years of work")
    repository = {"hub_backup_repository": str(tmp_path / "backups")}
    hub.play("backup", **repository).must_say("hub state", "alice", "bob")
    for person in (alice, bob):
        person.write("thesis.txt", "lost")
    wanted = {"hub_backup_restore_users": ["alice"], "hub_backup_restore_over": True}
    hub.play("restore", **repository, **wanted, hub_backup_restore_stop=True).must_say("are in users/alice")
    assert (hub.user("alice").read("thesis.txt"), bob.read("thesis.txt")) == ("three years of work", "lost")


def test_removal_keeps_the_files_unless_told(openshift_hub: OpenShiftInstallation) -> None:
    """What people made is there for the next hub, until it is said that it may go."""
    hub = openshift_hub
    hub.differs = True
    hub.play("teardown")
    assert [each["metadata"]["name"] for each in hub.objects("persistentvolumeclaims")] == ["users"]
    assert not hub.objects(hub.kinds.replace(",persistentvolumeclaims", ""), "app.kubernetes.io/managed-by=hubwright")
    hub.play("teardown", hub_kubernetes_remove_users_claims=True)
    wait_until("the claim is gone", lambda: not hub.objects("persistentvolumeclaims"))
