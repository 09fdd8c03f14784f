# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to sign in: what each needs, which secrets it has, what JupyterHub is told."""

from __future__ import annotations

import typing as t

import descriptions
import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _settings, _sign_in

SECRET = {"file": "/opt/hub/secrets/oauth_client_secret"}


def told(name: str, **overrides: t.Any) -> dict[str, t.Any]:
    """The settings of the class that signs people in."""
    description = descriptions.sign_in(name, **overrides)
    settings = descriptions.settings_of(_settings.plan(description, "local", descriptions.PLACES))
    return settings.get(_sign_in.kind(description).class_name, {})


def test_the_table_knows_every_choice() -> None:
    assert set(_sign_in.SIGN_IN) == set(descriptions.OPTIONS["hub_sign_in"]["choices"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shared-password", {"shared_password": "", "shared_admin_password": ""}),
        ("native", {}),
        ("pam", {}),
        ("temporary", {}),
        ("dummy", {}),
        ("github", {"oauth_client_secret": "provider's secret"}),
        ("oauth", {"oauth_client_secret": "provider's secret"}),
        ("ldap", {}),
        ("ldap, search", {"ldap_search_password": "directory's secret"}),
        ("lti 1.1", {"lti_0_secret": "another secret", "lti_1_secret": "consumer's secret"}),
        ("lti 1.3", {}),
        ("class", {}),
    ],
)
def test_secrets_are_named_apart_from_the_settings(name: str, expected: dict[str, str]) -> None:
    assert _sign_in.sign_in_secrets(descriptions.sign_in(name)) == expected


@pytest.mark.parametrize("name", descriptions.SIGN_INS)
@pytest.mark.parametrize("platform", descriptions.PLATFORMS)
def test_no_secret_is_in_the_configuration(name: str, platform: str) -> None:
    plan = _settings.plan(
        descriptions.sign_in(name, platform, shared_password="open sesame", shared_admin_password="sesame " * 5),
        platform,
        descriptions.PLACES,
    )
    text = descriptions.text_of(plan)
    for secret in plan["secrets"].values():
        assert not secret["value"] or secret["value"] not in text


@pytest.mark.parametrize("name", [name for name in descriptions.SIGN_INS if not name.startswith("class")])
def test_the_file_that_a_setting_names_is_a_secret_that_is_placed(name: str) -> None:
    plan = _settings.plan(descriptions.sign_in(name), "local", descriptions.PLACES)
    text = descriptions.text_of(plan)
    for secret in _sign_in.sign_in_secrets(descriptions.sign_in(name)):
        used = f"_file('/opt/hub/secrets/{secret}', " in text
        assert used == (secret != "shared_admin_password" or name != "shared-password, no admins")
        assert secret in plan["secrets"]


def test_shared_password_without_admins_has_no_password_for_them() -> None:
    """With one the hub warns at every start that no admin can use it."""
    assert told("shared-password, no admins") == {"user_password": {"file": "/opt/hub/secrets/shared_password"}}
    assert told("shared-password")["admin_password"] == {"file": "/opt/hub/secrets/shared_admin_password"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "native",
            {
                "open_signup": True,
                "minimum_password_length": 10,
                "check_common_password": True,
                "allowed_failed_logins": 5,
                "seconds_before_next_try": 600,
            },
        ),
        ("pam", {"service": "sshd", "open_sessions": True, "allowed_groups": ["users"]}),
        # Members of an admin group have to get in first.
        (
            "pam, admin groups",
            {"service": "login", "open_sessions": False, "admin_groups": ["sudo"], "allowed_groups": ["sudo"]},
        ),
        (
            "github",
            {
                "client_id": "hub",
                "client_secret": SECRET,
                "oauth_callback_url": "http://127.0.0.1:8000/hub/oauth_callback",
                "github_url": "https://github.example.org",
                "allowed_organizations": ["numbers", "numbers:theory"],
                "login_service": "Example",
                "scope": ["read:org"],
            },
        ),
        (
            "gitlab",
            {
                "client_id": "hub",
                "client_secret": SECRET,
                "oauth_callback_url": "http://127.0.0.1:8000/hub/oauth_callback",
                "gitlab_url": "https://gitlab.example.org",
                "allowed_gitlab_groups": ["numbers"],
                "allowed_project_ids": [7],
                "scope": ["read_user", "read_api"],
            },
        ),
        (
            "google",
            {
                "client_id": "hub",
                "client_secret": SECRET,
                "oauth_callback_url": "http://127.0.0.1:8000/hub/oauth_callback",
                "hosted_domain": ["example.org"],
            },
        ),
        (
            "oauth, id token",
            {
                "client_id": "hub",
                "client_secret": SECRET,
                "oauth_callback_url": "http://127.0.0.1:8000/hub/oauth_callback",
                "authorize_url": "https://login.example.org/authorize",
                "token_url": "https://login.example.org/token",
                "userdata_from_id_token": True,
                "username_claim": "preferred_username",
                "scope": ["openid"],
            },
        ),
        (
            "ldap",
            {
                "server_address": "ldap.example.org",
                "tls_strategy": "on_connect",
                "tls_kwargs": {"validate": 2},
                "bind_dn_template": ["uid={username},ou=people,dc=example,dc=org"],
                "allowed_groups": ["cn=numbers,ou=groups,dc=example,dc=org"],
            },
        ),
        (
            "ldap, search",
            {
                "server_address": "ldap.example.org",
                "server_port": 1389,
                "tls_strategy": "before_bind",
                "tls_kwargs": {"validate": 2},
                "lookup_dn": True,
                "lookup_dn_search_user": "cn=reader,dc=example,dc=org",
                "lookup_dn_search_password": {"file": "/opt/hub/secrets/ldap_search_password"},
                "user_search_base": "ou=people,dc=example,dc=org",
                "user_attribute": "uid",
            },
        ),
        (
            "lti 1.1",
            {
                "consumers": {
                    "canvas": {"file": "/opt/hub/secrets/lti_0_secret"},
                    "moodle": {"file": "/opt/hub/secrets/lti_1_secret"},
                },
                "username_key": "user_id",
            },
        ),
        (
            "lti 1.3",
            {
                "issuer": "https://moodle.example.org",
                "authorize_url": "https://moodle.example.org/auth",
                "jwks_endpoint": "https://moodle.example.org/certs",
                "client_id": ["hub"],
                "username_key": "email",
            },
        ),
        ("class", {"user_password": "longer than eight"}),
        ("temporary", {}),
        ("dummy", {}),
    ],
)
def test_what_the_class_is_told(name: str, expected: dict[str, t.Any]) -> None:
    assert told(name) == expected


def test_the_provider_manages_groups_when_it_decides_by_them() -> None:
    traits = told("oauth")
    assert traits["manage_groups"] is True
    assert traits["auth_state_groups_key"] == "oauth_user.groups"
    assert (traits["allowed_groups"], traits["admin_groups"]) == (["numbers"], ["staff"])
    assert traits["oauth_callback_url"] == "https://hub.example.org/hub/oauth_callback"
    assert told("openshift")["openshift_url"] == "https://api.example.org:6443"
    assert "manage_groups" not in told("oauth, id token")


def test_a_class_by_its_entry_point_is_told_through_the_base_class() -> None:
    description = descriptions.sign_in("class, entry point")
    settings = descriptions.settings_of(_settings.plan(description, "local", descriptions.PLACES))
    assert settings["JupyterHub"]["authenticator_class"] == "shared-password"
    assert settings["Authenticator"]["user_password"] == "longer than eight"
    assert settings["Authenticator"]["allowed_users"] == ["ada"]


def test_traits_of_the_authenticator_win_over_what_the_sign_in_sets() -> None:
    traits = told("lti 1.3", authenticator_settings={"username_key": "sub", "tool_name": "Lab"})
    assert (traits["username_key"], traits["tool_name"]) == ("sub", "Lab")


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"address": "0.0.0.0"}, "http://127.0.0.1:8000"),
        ({"address": "::"}, "http://[::1]:8000"),
        ({"address": "fd00::7"}, "http://[fd00::7]:8000"),
        ({"port": 80}, "http://127.0.0.1"),
        ({"port": 443, "tls": "files"}, "https://127.0.0.1"),
        ({"tls": "offload"}, "https://127.0.0.1:8000"),
        ({"public_url": "https://hub.example.org/"}, "https://hub.example.org"),
    ],
)
def test_where_people_find_the_hub(overrides: dict[str, t.Any], expected: str) -> None:
    description = descriptions.description(base_url="/jupyter/", **overrides)
    assert _sign_in.public_url(description) == expected
    assert _sign_in.callback_url(description) == f"{expected}/jupyter/hub/oauth_callback"
