# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub for people who have accounts on its host: their own passwords, their own homes, their own processes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from installation import Installation

PEOPLE = {"hubwright-ann": "Correct-Horse-1", "hubwright-ben": "Battery-Staple-2"}


@pytest.fixture
def people(hub: Installation) -> Iterator[None]:
    """Two accounts with passwords; they go when the hub of the inventory is back."""
    for name, password in PEOPLE.items():
        hub.on_host("useradd", "--create-home", "--shell", "/bin/bash", name)
        subprocess.run([*hub.enter, "chpasswd"], input=f"{name}:{password}\n", text=True, check=True)
    yield
    for name in PEOPLE:
        hub.on_host("sh", "-c", 'pkill -KILL -u "$0"; userdel --remove "$0" 2>/dev/null', name)


def test_accounts_of_the_host_sign_in_and_own_what_they_do(hub: Installation, people: None) -> None:
    """PAM checks the password; server and kernel run as the person, in the person's home, closed to others."""
    hub.play(hub_sign_in="pam", hub_spawner="system-user", hub_users=list(PEOPLE), hub_admins=["admin"])
    assert hub.refuses("hubwright-ann", PEOPLE["hubwright-ben"]), (
        "expected that the password of somebody else is refused"
    )
    assert hub.refuses("root", ""), "expected that an account that is not on the list is refused"
    for name, password in PEOPLE.items():
        person = hub.user(name, password)
        person.start_server()
        who = person.kernel().compute("import getpass, os; print(getpass.getuser(), os.getcwd())")
        assert who == f"{name} /home/{name}", f"expected a kernel of {name} in its home, it is {who!r}"
        person.write("mine.txt", name)
        owner = hub.on_host("stat", "--format=%U", f"/home/{name}/mine.txt")
        assert owner == name, f"expected that {name} owns the file, {owner} does"
    hub.on_host("chmod", "600", "/home/hubwright-ann/mine.txt")
    ben = hub.user("hubwright-ben", PEOPLE["hubwright-ben"])
    ben.start_server()
    for path in ("/home/hubwright-ann/mine.txt", f"{hub.directory}/secrets/cookie_secret"):
        said = ben.kernel().compute(f"try:\n    open('{path}')\nexcept PermissionError:\n    print('closed')")
        assert said == "closed", f"expected that {path} is closed to another person"
    again = hub.play(hub_sign_in="pam", hub_spawner="system-user", hub_users=list(PEOPLE), hub_admins=["admin"])
    assert again.changes == 0, f"expected no change at the second run, got {again.changed}"
    for name, password in PEOPLE.items():
        hub.user(name, password).stop_server()
    hub.play()
    assert not hub.refuses("alice"), "expected the hub of before"
