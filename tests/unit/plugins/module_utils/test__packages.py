# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pip requirements of a hub."""

from __future__ import annotations

import pathlib

import descriptions
import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _settings
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._packages import PINS, requirements


@pytest.mark.parametrize(
    ("names", "extra", "expected"),
    [
        ([], [], ["jupyterhub==6.1.1"]),
        (["oauthenticator"], [], ["jupyterhub==6.1.1", f"oauthenticator=={PINS['oauthenticator']}"]),
        (["oauthenticator"], ["oauthenticator==17.0.0"], ["jupyterhub==6.1.1", "oauthenticator==17.0.0"]),
        (["oauthenticator"], ["OAuthenticator[googlegroups] == 17.0.0"], None),
        ([], ["Zope.Interface", "my_package~=1.0"], ["jupyterhub==6.1.1", "my_package~=1.0", "Zope.Interface"]),
        ([], ["jupyterhub==6.1.0"], ["jupyterhub==6.1.0"]),
        (["notebook"], ["notebook"], ["jupyterhub==6.1.1", f"notebook=={PINS['notebook']}"]),
        ([], ["git-thing @ https://example.org/thing.tar.gz"], None),
    ],
)
def test_one_requirement_a_project_and_the_description_wins(
    names: list[str], extra: list[str], expected: list[str] | None
) -> None:
    found = requirements("6.1.1", names, extra)
    assert found == (expected or sorted([*extra, "jupyterhub==6.1.1"], key=str.lower))


@pytest.mark.parametrize(
    ("platform", "overrides", "expected"),
    [
        ("local", {}, {"jupyterlab", "notebook", "jupyterhub-idle-culler"}),
        ("local", {"spawner": "system-user", "cull": False}, {"jupyterlab", "notebook"}),
        ("docker", {}, {"dockerspawner", "jupyterhub-idle-culler"}),
        ("docker", {"spawner": "system-user"}, {"dockerspawner", "jupyterhub-idle-culler"}),
        ("kubernetes", {"cull": False}, {"jupyterhub-kubespawner"}),
        ("openshift", {"cull": False, "spawner": "simple"}, {"jupyterlab", "notebook"}),
        ("openshift", {"cull": False, "database": "postgresql"}, {"jupyterhub-kubespawner", "psycopg2-binary"}),
    ],
)
def test_a_platform_brings_its_packages(platform: str, overrides: dict[str, object], expected: set[str]) -> None:
    found = _settings.packages(descriptions.description(**overrides), platform)
    assert set(found) == {"jupyterhub==6.1.1", *(f"{name}=={PINS[name]}" for name in expected)}


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("native", "jupyterhub-nativeauthenticator"),
        ("temporary", "jupyterhub-tmpauthenticator"),
        ("github", "oauthenticator"),
        ("gitlab", "oauthenticator"),
        ("google", "oauthenticator"),
        ("openshift", "oauthenticator"),
        ("oauth", "oauthenticator"),
        ("ldap", "jupyterhub-ldapauthenticator"),
        ("lti 1.1", "jupyterhub-ltiauthenticator"),
        ("lti 1.3", "jupyterhub-ltiauthenticator"),
    ],
)
def test_a_way_to_sign_in_brings_its_package(name: str, package: str) -> None:
    assert f"{package}=={PINS[package]}" in _settings.packages(descriptions.sign_in(name), "local")


@pytest.mark.parametrize("name", ["shared-password", "pam", "dummy"])
def test_what_jupyterhub_brings_itself_needs_no_package(name: str) -> None:
    found = _settings.packages(descriptions.sign_in(name, cull=False), "docker")
    assert found == [f"dockerspawner=={PINS['dockerspawner']}", "jupyterhub==6.1.1"]


def test_a_class_brings_the_packages_that_the_description_names() -> None:
    found = _settings.packages(descriptions.sign_in("class, entry point"), "local")
    assert "my-package==1.0" in found


@pytest.mark.parametrize("release", ["5.5", "6.1"])
def test_the_tests_run_with_the_pinned_packages(release: str) -> None:
    """What the tests' hub environments hold is what a hub gets."""
    root = pathlib.Path(descriptions.SPECS).parents[3]
    tested = (root / f"requirements-hub-{release}.txt").read_text(encoding="utf-8").splitlines()
    assert {f"{name}=={version}" for name, version in PINS.items()} <= set(tested)
