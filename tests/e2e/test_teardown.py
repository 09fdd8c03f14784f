# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing a hub: everything goes but users' files, and those too when asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from installation import Installation


def processes(installation: Installation) -> str:
    """Processes that run anything below the hub's directory, or of its account."""
    script = (
        'for p in /proc/[0-9]*; do tr "\\0" "\\n" <"$p/cmdline" 2>/dev/null | head -2 | grep -q "^$1/" && echo "${p#/proc/}"; done; '
        "true"
    )
    return installation.on_host("sh", "-c", script, "sh", installation.directory)


def files(installation: Installation) -> list[str]:
    """What is below the hub's directory, two levels deep."""
    script = '[ ! -e "$1" ] || find "$1" -mindepth 1 -maxdepth 2 -printf "%P\\n" | sort'
    return installation.on_host("sh", "-c", script, "sh", installation.directory).split()


def units(installation: Installation) -> str:
    """Units of the hub that systemd has, on a host with systemd."""
    script = 'ls -d /etc/systemd/system/"$1"-* /etc/systemd/system/*/"$1"-* 2>/dev/null || true'
    return installation.on_host("sh", "-c", script, "sh", installation.host)


def account_exists(installation: Installation) -> bool:
    """Whether the account of the services is there."""
    return bool(installation.on_host("sh", "-c", 'getent passwd "$0" || true', installation.account))


@contextlib.contextmanager
def somebody_with_the_number_of(installation: Installation) -> Iterator[None]:
    """A process with the number of the hub's own account, as a container may have it that knows nothing of the hub."""
    if installation.account_stays:
        yield
        return
    script = 'setpriv --reuid "$(id -u "$0")" --clear-groups sleep 600 >/dev/null 2>&1 & echo "$!"'
    process = installation.on_host("sh", "-c", script, installation.account)
    try:
        yield
    finally:
        installation.kill(int(process))


def test_only_users_files_are_left(installation: Installation) -> None:
    """No process, no unit, no other file; the account stays with what belongs to it. Then nothing at all."""
    alice = installation.user("alice")
    alice.start_server()
    alice.write("kept.txt", "not yours to remove")
    alice.kernel()
    foreseen = installation.play("teardown", "--check")
    assert foreseen.changes, "expected that check mode foresees the removal"
    assert installation.answers(), "expected that check mode removes nothing"

    installation.play("teardown").must_say("files are still in", "hub_local_remove_users_files=true")
    assert not processes(installation), "expected that nothing of the hub runs any more"
    assert not units(installation), "expected that systemd knows no unit of the hub"
    assert files(installation) == ["users", "users/alice", "users/bob"], "expected that only users' files are left"
    assert installation.users_file("alice", "kept.txt") == "not yours to remove"
    assert account_exists(installation), "expected that the account stays as long as files belong to it"
    again = installation.play("teardown")
    assert again.changes == 0, (
        f"expected that there is nothing left to remove, these tasks changed something: {again.changed}"
    )

    with somebody_with_the_number_of(installation):
        installation.play("teardown", hub_local_remove_users_files=True)
    assert not installation.on_host("sh", "-c", '[ ! -e "$0" ] || echo there', installation.directory)
    assert account_exists(installation) == installation.account_stays, (
        "expected that only an account of its own goes with the hub"
    )
    assert installation.play("teardown", hub_local_remove_users_files=True).changes == 0
