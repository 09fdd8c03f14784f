"""One real hub for each version, shared by all tests of plugins."""

from __future__ import annotations

import itertools
import pathlib
import typing as t

import pytest

from ansible_collections.hubwright.jupyterhub.tests.unit import hubs

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def hub(hub_environment: pathlib.Path, proxy_environment: pathlib.Path) -> t.Iterator[hubs.Hub]:
    """A running hub, JupyterHub 6.1, then 5.5. Tests leave no server running and use names of their own."""
    with hubs.running_hub(hub_environment, proxy_environment) as running:
        yield running


@pytest.fixture
def name() -> str:
    """A user name that no other test uses."""
    return f"user-{next(_numbers)}"
