# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual environments of a hub on one machine: never changed once they are made."""

from __future__ import annotations

import os

from hub_user import HubUser
from installation import Installation, uninterrupted


def test_a_new_package_is_for_servers_that_start_later(hub: Installation, alice: HubUser) -> None:
    """It is in an environment of its own: servers that run keep theirs, a server that starts has the package."""
    secrets = {name: hub.secret(name) for name in hub.on_host("ls", f"{hub.directory}/secrets").split()}
    with uninterrupted(alice):
        hub.play(hub_local_packages=["cowsay==6.1"])
        bob = hub.user("bob")
        bob.stop_server()
        bob.start_server()
        assert bob.kernel().compute("import cowsay; cowsay.__version__") == "'6.1'"
        assert "ModuleNotFoundError" in alice.kernel().compute(
            "try:\n    import cowsay\nexcept ModuleNotFoundError as error:\n    print(type(error).__name__)"
        ), "expected that a server which was running keeps its environment"
    # Back again: the environment is still there, so nothing is installed.
    play = hub.play()
    assert "Install the hub" not in play.changed, "expected that going back needs no installation"
    assert {name: hub.secret(name) for name in secrets} == secrets, "expected the same secrets after all that"
    bob.stop_server()


def test_no_network_for_packages_leaves_the_hub_alone(hub: Installation, alice: HubUser) -> None:
    """The message names the index; the half-built environment does not count at the next run."""
    offline = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_RETRIES": "0",
        "PIP_CONFIG_FILE": os.devnull,
    }
    offline |= {"PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": ""}
    before = hub.files()
    with uninterrupted(alice):
        play = hub.play(fails=True, hub_local_packages=["cowsay==6.1", "pyfiglet==1.0.4"], environment=offline)
    play.must_say("could not be installed", "Nothing that runs was touched", "PIP_INDEX_URL")
    assert hub.files() == before, "expected that a failed installation touches nothing"
    assert hub.play().changes == 0, "expected that the description of before needs nothing"


def test_a_half_built_environment_is_built_again(hub: Installation) -> None:
    """One without its mark is what a killed installation leaves."""
    name = hub.on_host("cat", f"{hub.directory}/env/current")
    hub.on_host("mv", f"{hub.directory}/env/{name}", f"{hub.directory}/env/aside")
    hub.on_host("mkdir", "-p", f"{hub.directory}/env/{name}/bin")
    hub.on_host("touch", f"{hub.directory}/env/{name}/bin/python")
    try:
        hub.play("site", "--check").must_say("would be, and then")
    finally:
        hub.on_host("rm", "-r", f"{hub.directory}/env/{name}")
        hub.on_host("mv", f"{hub.directory}/env/aside", f"{hub.directory}/env/{name}")
