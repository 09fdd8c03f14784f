# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing a hub from a Docker host: everything goes but users' volumes, and those too when asked."""

from __future__ import annotations

from docker_installation import DockerInstallation
from installation import Installation


def left(hub: DockerInstallation) -> dict[str, str]:
    """What the host and its engine still have of the hub, but volumes."""
    # Of one whose name only begins with the same word nothing is meant.
    mine = f"grep -E '^/?{hub.host}([-_:](hub|proxy|engine|inside|user).*)?$' || true"
    found = {
        "containers": hub.on_host("sh", "-c", f"docker ps --all --format '{{{{.Names}}}}' | {mine}"),
        "networks": hub.on_host("sh", "-c", f"docker network ls --format '{{{{.Name}}}}' | {mine}"),
        "directory": hub.on_host("sh", "-c", '[ ! -e "$0" ] || echo "$0"', hub.directory),
        "rules": hub.on_host("sh", "-c", f"iptables -S | grep -i -e '{hub.bridge}' || true"),
        "units": hub.on_host("sh", "-c", f"ls -d /etc/systemd/system/{hub.host}-firewall.service 2>/dev/null || true"),
    }
    return {what: names for what, names in found.items() if names}


def volumes(hub: DockerInstallation) -> list[str]:
    """Names of the volumes of its users."""
    return sorted(hub.docker("volume", "ls", "--quiet", f"--filter=name=^{hub.host}-user-").split())


def test_only_users_volumes_are_left(installation: Installation) -> None:
    """No container, no network, no rule, no file. Then nothing at all."""
    assert isinstance(installation, DockerInstallation)
    hub = installation
    alice = hub.user("alice")
    alice.start_server()
    alice.write("kept.txt", "not yours to remove")
    alice.kernel()
    image = hub.inspect(hub.container("hub"))[0]["Config"]["Image"]
    before = volumes(hub)
    assert hub.server_of("alice") in before
    assert set(left(hub)) >= {"containers", "networks", "directory", "rules"}
    foreseen = hub.play("teardown", "--check")
    assert foreseen.changes, "expected that check mode foresees the removal"
    assert hub.answers(), "expected that check mode removes nothing"

    hub.play("teardown").must_say("files are still in", "hub_docker_remove_users_volumes=true")
    assert not left(hub), f"expected that nothing is left, there is {left(hub)}"
    assert image not in hub.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split(), (
        "expected that its image is gone"
    )
    assert volumes(hub) == before
    assert hub.users_file("alice", "kept.txt") == "not yours to remove"
    again = hub.play("teardown")
    assert again.changes == 0, (
        f"expected that there is nothing left to remove, these tasks changed something: {again.changed}"
    )

    hub.play("teardown", hub_docker_remove_users_volumes=True)
    assert not volumes(hub)
    assert hub.play("teardown", hub_docker_remove_users_volumes=True).changes == 0
