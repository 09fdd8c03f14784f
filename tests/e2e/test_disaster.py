# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything on the machine is destroyed, the hub itself and its backups included; a copy of the backups gives the same hub."""

from __future__ import annotations

from docker_installation import DockerInstallation
from hub_user import HubUser

ELSEWHERE = "/var/backups/molecule-disaster-elsewhere"
# What a person notices: names, kinds, owners, modes, times to the nanosecond, links, content.
LISTING = """cd "$1" && find . -printf '%p %y %U:%G %m %T@ %l\\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum"""
ODD = """
import os, shutil
shutil.rmtree("course", ignore_errors=True)
os.makedirs("course/week 1", exist_ok=True)
open("course/week 1/ünï.txt", "w").write("x" * 5000)
os.chmod("course/week 1/ünï.txt", 0o640)
os.symlink("week 1/ünï.txt", "course/link")
os.link("course/week 1/ünï.txt", "course/hard")
os.utime("course/hard", ns=(1, 1234567890123456789))
open("course/sparse", "w").truncate(10**7)
"""


def listing(hub: DockerInstallation, user: str) -> str:
    """Everything about the files of a user."""
    volume = hub.docker("volume", "inspect", "--format={{.Mountpoint}}", f"{hub.host}-user-{user}")
    return hub.on_host("sh", "-c", LISTING, "sh", volume)


def destroy(hub: DockerInstallation) -> None:
    """The hub, its images, its users' files and the backups on this machine."""
    hub.on_host("sh", "-c", 'docker rm --force --volumes $(docker ps --all --quiet --filter "name=^/$0-")', hub.host)
    hub.on_host("sh", "-c", 'docker volume rm $(docker volume ls --quiet --filter "name=^$0")', hub.host)
    hub.on_host("sh", "-c", 'docker network rm $(docker network ls --quiet --filter "name=^$0")', hub.host)
    hub.on_host("sh", "-c", 'docker rmi --force $(docker images --quiet "$0*" | sort -u)', hub.host)
    hub.on_host("rm", "-rf", hub.directory, str(hub.variables()["hub_backup_repository"]))


def test_a_destroyed_hub_comes_back(docker_hub: DockerInstallation, alice: HubUser) -> None:
    hub = docker_hub
    kernel = alice.kernel()
    kernel.compute(ODD)
    ann = hub.user("ann.lee")
    ann.start_server()
    ann.write("ann.txt", "of ann")
    ann.stop_server()
    # Still running when all ends.
    alice.write("alice.txt", "of alice")
    hub.play("backup", hub_backup_copy_to=ELSEWHERE, hub_backup_quiesce="freeze")
    before = {user: listing(hub, user) for user in ("alice", "ann-2elee")}
    secrets = hub.on_host("sh", "-c", 'cd "$0/secrets" && sha256sum * && stat -c "%n %u %g %a" *', hub.directory)

    hub.differs = True
    destroy(hub)
    assert not hub.answers()
    back = {"hub_backup_restore": "hub", "hub_backup_restore_fetch": True, "hub_backup_copy_to": ELSEWHERE}
    hub.play("restore", **back)

    assert alice.home(), "expected that the session of before is still valid"
    assert not alice.server(), "expected that the hub knows that no server runs any more"
    assert {user: listing(hub, user) for user in before} == before
    assert (
        hub.on_host("sh", "-c", 'cd "$0/secrets" && sha256sum * && stat -c "%n %u %g %a" *', hub.directory) == secrets
    )
    alice.start_server()
    assert alice.read("alice.txt") == "of alice"
    assert alice.kernel().compute("open('course/link').read(3)") == "'xxx'"
    alice.stop_server()
    again = hub.user("ann.lee")
    again.start_server()
    assert again.read("ann.txt") == "of ann"
    again.stop_server()

    hub.play("restore", fails=True, **back).must_say("there is a hub in", "hub_backup_restore_over=true")
    assert alice.home(), "expected that a restore that is refused touches nothing"
    hub.play("backup", hub_backup_copy_to=ELSEWHERE)
    play = hub.play("site")
    assert play.changes == 0, f"expected a hub as the description has it, these tasks changed something: {play.changed}"
