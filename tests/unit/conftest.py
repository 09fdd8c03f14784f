"""Fixtures: real hub environments, named by environment variables that `make` sets."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import hypothesis
import pytest

# A busy machine is slow, which says nothing of the code.
hypothesis.settings.register_profile("tests", deadline=None)
hypothesis.settings.load_profile("tests")
DEBIAN_PROGRAMS = pathlib.Path(__file__).resolve().parents[1] / "testbed" / "debian_programs.sh"


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


@pytest.fixture(scope="session")
def backup_programs() -> None:
    """Programs that backups may use: those of this machine, else Debian's, which are unpacked into the cache."""
    missing = [name for name in ("age", "restic", "zstd") if not shutil.which(name)]
    if missing:
        unpacked = subprocess.run([DEBIAN_PROGRAMS, *missing], stdout=subprocess.PIPE, text=True, check=True)
        os.environ["PATH"] += f"{os.pathsep}{unpacked.stdout.strip()}/usr/bin"
