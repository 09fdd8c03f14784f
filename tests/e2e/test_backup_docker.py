# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of a hub on a Docker host: quiet servers, another user, copies elsewhere, damage, the report."""

from __future__ import annotations

import json
import re
import urllib.error

import pytest
from docker_installation import DockerInstallation
from hub_user import HubUser
from installation import uninterrupted

ELSEWHERE = "/var/backups/molecule-backup-elsewhere"
SOUND = "/var/backups/molecule-backup-sound"
BY_HAND = "/var/backups/molecule-backup-by-hand"
RESTIC = "/var/backups/molecule-backup-restic"


def repository(hub: DockerInstallation) -> str:
    """Where the hub's backups are."""
    return f"{hub.variables()['hub_backup_repository']}/{hub.host}"


def archives(hub: DockerInstallation, user: str) -> list[str]:
    """Archives of a user, the oldest first."""
    return sorted(hub.on_host("find", f"{repository(hub)}/{user}", "-name", "*.tar.*", "-size", "+0").splitlines())


def test_servers_stand_still_and_go_on(docker_hub: DockerInstallation, alice: HubUser) -> None:
    """No request is lost and kernels go on. Only root sees the repository."""
    hub = docker_hub
    alice.write("frozen.txt", "still")
    since = hub.on_host("date", "+%s")
    with uninterrupted(alice):
        hub.play("backup", hub_backup_quiesce="freeze")
    container = f"--filter=container={hub.server_of('alice')}"
    events = hub.docker("events", f"--since={since}", "--until=0s", container, "--format={{.Action}}").split()
    assert [event for event in events if event in ("pause", "unpause")] == ["pause", "unpause"]
    seen = hub.on_host("find", hub.variables()["hub_backup_repository"], "!", "-type", "l", "-perm", "/077")
    assert not seen, f"expected that only root may look, others may see {seen}"


def test_check_mode_touches_nothing(docker_hub: DockerInstallation) -> None:
    before = docker_hub.on_host("find", repository(docker_hub), "-printf", "%p %T@\\n")
    docker_hub.play("backup", "--check")
    assert docker_hub.on_host("find", repository(docker_hub), "-printf", "%p %T@\\n") == before
    assert not docker_hub.on_host("find", f"{docker_hub.directory}/cache", "-name", "hub-state")


@pytest.mark.parametrize("quiesce", ["stop", "stop_idle"])
def test_servers_are_stopped_and_started_again(docker_hub: DockerInstallation, alice: HubUser, quiesce: str) -> None:
    """After no seconds without activity each one is idle."""
    started = alice.start_server()["started"]
    chosen = {"hub_backup_users": ["alice"], "hub_backup_state": False, "hub_backup_idle": 0}
    docker_hub.play("backup", hub_backup_quiesce=quiesce, **chosen)
    server = alice.server()
    assert server, "expected that the server runs again"
    assert server["started"] != started, "expected that it was stopped in between"


def test_what_did_not_change_is_not_written_again_and_all_is_copied_elsewhere(
    docker_hub: DockerInstallation, alice: HubUser
) -> None:
    hub = docker_hub
    alice.write("for-ann.txt", "yours")
    alice.stop_server()  # one that runs writes files all the time
    hub.play("backup", hub_backup_users=["alice"], hub_backup_state=False)
    before = archives(hub, "alice")
    hub.play("backup", hub_backup_copy_to=ELSEWHERE).must_say("alice")
    assert archives(hub, "alice") == before, "expected no archive of files that did not change"
    assert hub.on_host("diff", "--recursive", repository(hub), f"{ELSEWHERE}/{hub.host}") == ""
    listed = hub.on_host("cat", f"{repository(hub)}/.people/latest").splitlines()
    assert {"alice", "admin admin"} <= set(listed), f"expected a list that hub_userlist takes, found {listed}"


def test_another_user_gets_the_files(docker_hub: DockerInstallation) -> None:
    """Into a volume that the spawner then finds, spelled as it does it; what was there is kept aside until it is deleted."""
    hub = docker_hub
    ann = hub.user("ann.lee")
    given = {"hub_backup_restore_users": ["alice"], "hub_backup_restore_to": "ann.lee"}
    hub.play("restore", **given)
    ann.start_server()
    assert ann.read("for-ann.txt") == "yours"
    ann.write("own.txt", "mine")
    ann.stop_server()
    hub.play("restore", fails=True, **given)
    play = hub.play("restore", hub_backup_restore_over=True, **given)
    play.must_say("what was there is in")
    ann.start_server()
    assert ann.read("for-ann.txt") == "yours"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        ann.read("own.txt")
    ann.stop_server()
    kept = re.search(r"what was there is in ([^\s']+)", " ".join(play.text.split()))
    assert kept
    assert hub.on_host("cat", f"{kept[1]}/own.txt") == "mine"
    hub.play("restore", hub_backup_restore_clean=True, **given).must_say("deleted")
    hub.on_host("test", "-e", kept[1], fails=True)


def test_restic_writes_and_restores(docker_hub: DockerInstallation, alice: HubUser) -> None:
    """The engine beside archives; its password is shown to nobody."""
    hub = docker_hub
    alice.write("by-restic.txt", "kept")
    alice.stop_server()
    hub.on_host("sh", "-c", f"umask 077; mkdir -p {RESTIC}; echo password-of-restic >{RESTIC}/password")
    ways = {
        "hub_backup_engine": "restic",
        "hub_backup_restic": {"repository": f"{RESTIC}/repository", "password_file": f"{RESTIC}/password"},
    }
    play = hub.play("backup", **ways)
    play.must_say("hub state", "alice")
    assert "password-of-restic" not in play.text
    hub.on_host("rm", f"{hub.users_directory('alice')}/by-restic.txt")
    lost = {"hub_backup_restore_users": ["alice"], "hub_backup_restore_paths": ["by-restic.txt"]}
    hub.play("restore", **lost, **ways)
    assert hub.users_file("alice", "by-restic.txt") == "kept"
    assert hub.owner(f"{hub.users_directory('alice')}/by-restic.txt") == hub.users_account
    hub.on_host("rm", "-rf", RESTIC)


def test_a_damaged_archive_changes_nothing_and_is_told(docker_hub: DockerInstallation, alice: HubUser) -> None:
    hub = docker_hub
    alice.write("kept.txt", "kept")
    alice.stop_server()
    path = archives(hub, "alice")[-1]
    flip = "import sys; f = open(sys.argv[1], 'r+b'); f.seek(-40, 2); b = f.read(1); f.seek(-1, 1); f.write(bytes([b[0] ^ 1]))"
    hub.on_host("cp", "-a", path, SOUND)
    hub.on_host("python3", "-c", flip, path)
    try:
        hub.docker("volume", "create", f"{hub.host}-user-gone")
        everything = {"hub_backup_restore_users": ["alice"], "hub_backup_restore_over": True}
        hub.play("restore", fails=True, **everything)
        assert hub.users_file("alice", "kept.txt") == "kept"
        play = hub.play("report_backups", hub_backup_check=True)
        play.must_say("is damaged", f"no user of the hub has {hub.host}-user-gone")
    finally:
        hub.on_host("mv", SOUND, path)
        hub.docker("volume", "rm", f"{hub.host}-user-gone")


def test_a_timer_is_set_and_taken_away(docker_hub: DockerInstallation) -> None:
    file = f"/etc/cron.d/{docker_hub.host}-backup"
    timer = {"hub_backup_timer_manager": "cron", "hub_backup_timer_at": "03:15"}
    docker_hub.play("backup_timer", **timer)
    line = docker_hub.on_host("grep", "backup", file).splitlines()[-1]
    assert line.startswith("15 3 * * * root "), line
    assert docker_hub.play("backup_timer", **timer).changes == 0
    # What cron would run, by the same shell and in the same bare environment.
    command = line.split(" root ", 1)[1].replace("\\%", "%")
    said = docker_hub.on_host("env", "-i", "PATH=/usr/bin:/bin", "/bin/sh", "-c", command)
    assert "hub state" in said
    docker_hub.play("backup_timer", hub_backup_timer_state="absent", **timer)
    docker_hub.on_host("test", "-e", file, fails=True)


def test_the_state_of_a_hub_is_all_that_it_is_made_of(docker_hub: DockerInstallation) -> None:
    """By hand, as docs/backup.md says it: with tar, by somebody who has never heard of the collection."""
    hub = docker_hub
    hub.on_host("rm", "-rf", BY_HAND)
    hub.on_host("mkdir", BY_HAND)
    newest = hub.on_host("sh", "-c", f"ls '{repository(hub)}/hub%20state/'*.tar.* | head -n 1")
    hub.on_host("tar", "--extract", "--auto-compress", f"--file={newest}", f"--directory={BY_HAND}", "--numeric-owner")
    assert hub.on_host("cat", f"{BY_HAND}/secrets/cookie_secret") == hub.secret("cookie_secret")
    record = json.loads(hub.on_host("cat", f"{BY_HAND}/hub_state.json"))
    assert set(record["users"]) >= {"alice"}
    asked = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('PRAGMA integrity_check').fetchone()[0])"
    assert hub.on_host("python3", "-c", asked, f"{BY_HAND}/state/jupyterhub.sqlite") == "ok"
    hub.on_host("rm", "-rf", BY_HAND)
