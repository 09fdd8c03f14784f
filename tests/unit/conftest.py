"""Fixtures: real hub environments, named by environment variables that `make` sets."""

from __future__ import annotations

import os
import pathlib

import pytest


def _environment(variable: str) -> pathlib.Path:
    value = os.environ.get(variable, "")
    if not value or not (pathlib.Path(value) / "bin" / "python").exists():
        pytest.fail(f"{variable} is {value!r}, expected the directory of a virtual environment; run `make test-unit`")
    return pathlib.Path(value)


@pytest.fixture(scope="session", params=["HUBWRIGHT_HUB_61", "HUBWRIGHT_HUB_55"], ids=["6.1", "5.5"])
def hub_environment(request: pytest.FixtureRequest) -> pathlib.Path:
    """Virtual environment with JupyterHub 6.1, then 5.5, and all spawners and authenticators."""
    return _environment(request.param)


@pytest.fixture(scope="session")
def newest_hub_environment() -> pathlib.Path:
    """Virtual environment with JupyterHub 6.1 only, for what does not depend on the version."""
    return _environment("HUBWRIGHT_HUB_61")


@pytest.fixture(scope="session")
def proxy_environment() -> pathlib.Path:
    """Virtual environment with Node and configurable-http-proxy."""
    return _environment("HUBWRIGHT_PROXY")
