# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub moves from a Docker host to Kubernetes and back, with its people, their sessions and their files.

The tests follow on each other.
"""

from __future__ import annotations

import dataclasses
import re

import pytest
from docker_installation import DockerInstallation
from hub_user import HubUser
from installation import wait_until
from kubernetes_installation import KubernetesInstallation
from places import at, in_the_cluster, inside
from test_disaster import ODD

# What a person notices: names, kinds, modes, times to the nanosecond, links, owners, content.
LISTING = """
import json, subprocess
find = "cd course && find . -printf '%p %y %U:%G %m %T@ %l %n\\\\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum"
print(json.dumps(subprocess.run(["sh", "-c", find], capture_output=True, text=True, check=True).stdout.splitlines()))
"""


@dataclasses.dataclass
class Move:
    """The two places, and people with what they had before."""

    docker: DockerInstallation
    cluster: KubernetesInstallation
    alice: HubUser  #: her browser, with the session of before
    files: dict[str, list[str]]  #: what each person has

    def to(self, place: DockerInstallation | KubernetesInstallation, fails: bool = False, **variables: object) -> str:
        """Run move.yml; what it said."""
        hosts = [self.docker.host, self.cluster.host]
        there = place.host
        here = hosts[1 - hosts.index(there)]
        return self.docker.play("move", fails=fails, move_from=here, move_to=there, **variables).text

    def see(self, place: DockerInstallation | KubernetesInstallation) -> None:
        """At this place everything is as people had it: sessions, tokens, files."""
        alice = at(place, self.alice)
        assert alice.home(), "expected that the session of before is still valid"
        assert not alice.server(), "expected that the hub knows that no server runs any more"
        assert place.secret("cookie_secret") and place.password("alice") == self.alice.password
        people = {user["name"]: user["groups"] for user in place.user("admin").request("GET", "/hub/api/users")}
        assert people == {"alice": ["course"], "ann.lee": [], "admin": []}
        for person in (alice, place.user("ann.lee")):
            person.start_server()
            found, kept = inside(person, LISTING), self.files[person.name]
            if place is self.cluster:
                # Which group has new files is for the cluster to say; on the way back it is that of Jupyter's images again.
                found, kept = ([re.sub(r" 1000:\d+ ", " 1000 ", line) for line in lines] for lines in (found, kept))
            assert found == kept, f"expected the files of {person.name} unchanged"


@pytest.fixture(scope="module")
def move(installation: DockerInstallation) -> Move:
    """On the Docker host a hub with two people, one of whom works; in the cluster another one of the same name."""
    alice, ann = installation.user("alice"), installation.user("ann.lee")
    files = {}
    for person in (alice, ann):
        person.start_server()
        inside(person, ODD + f"\nopen('course/owner', 'w').write('{person.name}')\nprint('null')")
        files[person.name] = inside(person, LISTING)
    return Move(installation, in_the_cluster(installation), alice, files)


def test_a_place_that_has_a_hub_is_refused(move: Move) -> None:
    """Before anything is touched: people work on, in both places."""
    started = move.alice.start_server()["started"]
    move.docker.play("move", fails=True, move_from=move.docker.host, move_to=move.cluster.host).must_say(
        "Nothing was moved, and nothing was touched", "there is a hub in molecule-move", "hub_backup_restore_over=true"
    )
    move.docker.play("move", fails=True, move_from=move.docker.host, move_to="nowhere").must_say("expected two hosts")
    server = move.alice.server()
    assert server and server["started"] == started, "expected that her server goes on"
    assert move.docker.answers() and move.cluster.answers()


def test_a_hub_moves_to_the_cluster(move: Move) -> None:
    """With everything that people had; their servers are stopped."""
    limit = f"--limit={move.cluster.host}"
    move.docker.play("teardown", limit, hub_kubernetes_remove_users_claims=True)
    move.to(move.cluster)
    wait_until("the hub answers in the cluster", move.cluster.answers)
    assert not move.docker.answers(), "expected that the old hub is stopped"
    assert not move.docker.docker("ps", "--quiet", f"--filter=name=^{move.docker.host}-user-"), "expected no server"
    move.see(move.cluster)


def test_the_old_hub_stays_down(move: Move) -> None:
    """The next site.yml brings up the new one only and says why; the status is a good one."""
    play = move.docker.play("site")
    play.must_say(f"was moved to {move.cluster.host}", "hub_bring_back=true")
    assert play.changes == 0, f"expected no change, these tasks changed something: {play.changed}"
    assert not move.docker.answers() and move.cluster.answers()
    move.docker.play("status").must_say(f"it was moved to {move.cluster.host}")


def test_it_moves_back(move: Move) -> None:
    """With what was done in the cluster; what was here before is kept aside, when that is said."""
    ann = at(move.cluster, move.cluster.user("ann.lee"))
    ann.write("course/later.txt", "written in the cluster")
    # On the Docker host all of it is of the group of Jupyter's images.
    move.files["ann.lee"] = [re.sub(r" 1000:\d+ ", " 1000:100 ", line) for line in inside(ann, LISTING)]
    assert "hub_backup_restore_over=true" in move.to(move.docker, fails=True)
    assert move.cluster.answers(), "expected that a move that is refused stops nothing"
    move.to(move.docker, hub_backup_restore_over=True)
    wait_until("the hub answers on the Docker host", move.docker.answers)
    assert not move.cluster.answers() and not move.cluster.objects("pods", f"app={move.docker.host}")
    move.see(move.docker)
    kept = move.docker.on_host("sh", "-c", f"ls -d {move.docker.directory}/before-restore-*")
    assert len(kept.splitlines()) == 1


def test_the_hub_in_the_cluster_comes_back_when_that_is_said(move: Move) -> None:
    """site.yml leaves it at 0 pods; hub_bring_back brings it up as it was when it was moved."""
    move.docker.play("site").must_say(f"was moved to {move.docker.host}")
    replicas = {found["metadata"]["name"]: found["spec"]["replicas"] for found in move.cluster.objects("deployments")}
    assert set(replicas.values()) == {0}, f"expected that hub and proxy stay down, they have {replicas} pods"
    limit = f"--limit={move.cluster.host}"
    move.docker.play("site", limit, "--extra-vars=hub_bring_back=true")
    wait_until("the hub answers in the cluster", move.cluster.answers)
    ann = move.cluster.user("ann.lee")
    ann.start_server()
    assert ann.read("course/later.txt") == "written in the cluster"
    assert move.docker.play("site", limit).changes == 0, "expected that it counts as any other hub again"
