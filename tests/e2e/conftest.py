# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the end-to-end tests."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from docker_installation import DockerInstallation
from hub_user import HubUser
from installation import Installation
from kubernetes_installation import KubernetesInstallation
from openshift_installation import OpenShiftInstallation

PLATFORMS: dict[str, type[Installation]] = {
    kind.platform: kind for kind in (Installation, DockerInstallation, KubernetesInstallation, OpenShiftInstallation)
}


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """The hub of the scenario; after the last test it is as its inventory describes it."""
    given = os.environ.get("HUBWRIGHT_HUB")
    assert given, "HUBWRIGHT_HUB is not set: a molecule scenario runs these tests, `make molecule SCENARIO=local`"
    facts = json.loads(given)
    installation = PLATFORMS[facts.pop("platform")](**facts)
    yield installation
    if installation.differs:
        installation.play()


@pytest.fixture
def hub(installation: Installation) -> Installation:
    """The hub as its inventory describes it; a test leaves it as it likes."""
    if installation.differs:
        installation.play()
    return installation


@pytest.fixture
def changed_hub(installation: Installation) -> Installation:
    """The hub as the test before left it, for a test that begins with a description of its own."""
    return installation


@pytest.fixture
def alice(hub: Installation) -> HubUser:
    """A person who has signed in and whose server runs."""
    person = hub.user("alice")
    person.start_server()
    return person


@pytest.fixture
def docker_hub(hub: Installation) -> DockerInstallation:
    """The same hub, for what only containers have."""
    assert isinstance(hub, DockerInstallation), "expected a scenario with a Docker host"
    return hub


@pytest.fixture
def cluster_hub(hub: Installation) -> KubernetesInstallation:
    """The same hub, for what only pods have."""
    assert isinstance(hub, KubernetesInstallation), "expected a scenario with a cluster"
    return hub


@pytest.fixture
def openshift_hub(hub: Installation) -> OpenShiftInstallation:
    """The same hub, for what only OpenShift has."""
    assert isinstance(hub, OpenShiftInstallation), "expected a scenario with an OpenShift"
    return hub
