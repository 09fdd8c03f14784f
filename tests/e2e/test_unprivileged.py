# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub of somebody who is not root."""

from __future__ import annotations

from installation import Installation


def test_nothing_is_outside_the_home(hub: Installation) -> None:
    """Every file of that person, and everything that runs for the hub, is that person's and at home."""
    home = hub.on_host("sh", "-c", 'getent passwd "$0" | cut -d: -f6', hub.account)
    places = ("/etc", "/opt", "/srv", "/run", "/tmp", "/usr/local", "/var")
    # The number of the account may have belonged to somebody before.
    first = hub.on_host("sh", "-c", 'ls -t "$0"/env/front-*/pyvenv.cfg | tail -n 1', hub.directory)
    # Directories of containers, for example, go while they are looked into. Every other complaint counts.
    find = """
        exec 4>&1
        errors=$({ LC_ALL=C find "$@" 2>&1 >&3 | grep -v "No such file or directory"; } 3>&4)
        [ -z "$errors" ] || { echo "$errors" >&2; exit 1; }
    """
    outside = hub.on_host(
        "sh",
        "-c",
        find,
        "sh",
        *places,
        "-xdev",
        "-user",
        hub.account,
        "-cnewer",
        first,
        "-not",
        "-path",
        f"{home}/*",
    )
    assert not outside, f"expected no file of {hub.account} outside {home}, found {outside}"
    foreign = hub.on_host("find", hub.directory, "-not", "-user", hub.account)
    assert not foreign, f"expected that everything belongs to {hub.account}, these do not: {foreign}"


def test_what_only_root_can_do_is_refused(hub: Installation) -> None:
    """With the reason and the way out, before anything is touched."""
    before = hub.files()
    play = hub.play(fails=True, hub_spawner="system-user", hub_sign_in="pam")
    play.must_say("hub_spawner: system-user", "only root can", "become")
    assert hub.files() == before
