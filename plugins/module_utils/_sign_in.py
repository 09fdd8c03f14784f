# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to sign in: what each needs and what JupyterHub must be told. Private to the collection.

One row of ``SIGN_IN`` per value of ``hub_sign_in``. Secrets never become settings: a row names them, the settings refer
to the files they are kept in.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._people import people

Description = t.Mapping[str, t.Any]
Settings = dict[str, t.Any]
# Name of a secret -> reference to the file that holds it, as hub_config understands it.
Reference = t.Callable[[str], dict[str, str]]


@dataclasses.dataclass(frozen=True)
class Kind:
    """One way to sign in."""

    authenticator: str  # JupyterHub.authenticator_class
    class_name: str  # name of that class in the configuration
    traits: t.Callable[[Description, Reference], Settings] = lambda description, secret: {}
    packages: tuple[str, ...] = ()
    options: str = ""  # key of the description that holds the kind's options
    required: t.Callable[[Description], list[str]] = lambda options: []  # options that must have a value
    secrets: tuple[str, ...] = ()  # options that are secrets
    accepts: tuple[str, ...] = ()  # options that mean something, where other kinds share the mapping; empty for all
    allows: tuple[str, ...] = ()  # options that let people in without hub_users
    admits_everybody: bool = False  # the kind is its own allow rule
    fragment: str = ""  # Python that the kind needs in the configuration


def options(description: Description) -> Description:
    """The options of the description's way to sign in, without the empty ones."""
    kind = SIGN_IN[description["sign_in"]]
    given = description.get(kind.options) or {} if kind.options else {}
    return {name: value for name, value in given.items() if value not in (None, "", [], {})}


# The authenticator times every sign-in with statsd, which JupyterHub 6 no longer has: nobody could sign in.
_NATIVE_FRAGMENT = '''\
from nativeauthenticator.handlers import LoginHandler


class NoStatsd:
    """Stands for the statistics that JupyterHub 6 no longer keeps: all that the handler asks of them does nothing."""

    def timer(self, name):
        return self

    def start(self):
        return self

    def stop(self, send=True):
        return self


if not hasattr(LoginHandler, "statsd"):
    LoginHandler.statsd = NoStatsd()
'''


def _shared_password(description: Description, secret: Reference) -> Settings:
    settings: Settings = {"user_password": secret("shared_password")}
    if people(description).admins:
        settings["admin_password"] = secret("shared_admin_password")
    return settings


def _native(description: Description, secret: Reference) -> Settings:
    given = options(description)
    return {
        "open_signup": given.get("open_signup", False),
        "minimum_password_length": given.get("minimum_password_length", 10),
        "check_common_password": given.get("check_common_password", True),
        "allowed_failed_logins": given.get("allowed_failed_logins", 5),
        "seconds_before_next_try": given.get("seconds_before_next_try", 600),
    }


def _pam(description: Description, secret: Reference) -> Settings:
    given = options(description)
    settings: Settings = {"service": given.get("service", "login"), "open_sessions": given.get("open_sessions", False)}
    if "admin_groups" in given:
        settings["admin_groups"] = given["admin_groups"]
    # The class asks who administers only after it let somebody in.
    allowed = sorted({*given.get("allowed_groups", []), *given.get("admin_groups", [])})
    if allowed:
        settings["allowed_groups"] = allowed
    return settings


_OAUTH_NAMES = {"scope": "scope", "login_service": "login_service"}


def _oauth(
    names: t.Mapping[str, str],
    *,
    groups: bool,
    scopes: t.Callable[[Description], list[str]],
) -> t.Callable[[Description, Reference], Settings]:
    """Traits of an OAuthenticator class.

    :param names: option -> trait, beside those that all classes share.
    :param groups: the class filters by groups only when it manages them.
    :param scopes: what the options need, when none are given.
    """

    def traits(description: Description, secret: Reference) -> Settings:
        given = options(description)
        settings: Settings = {
            "client_id": given.get("client_id"),
            "client_secret": secret("oauth_client_secret"),
            "oauth_callback_url": given.get("callback_url") or callback_url(description),
        }
        if scopes(given):
            settings["scope"] = scopes(given)
        for option, trait in {**_OAUTH_NAMES, **names}.items():
            if option in given:
                settings[trait] = given[option]
        if groups and {"allowed_groups", "admin_groups", "groups_claim"} & set(given):
            settings["manage_groups"] = True
        if "groups_claim" in given:
            # The class looks it up in all that it keeps of a person, where the provider's answer is one part.
            settings["auth_state_groups_key"] = f"oauth_user.{given['groups_claim']}"
        return settings

    return traits


def callback_url(description: Description) -> str:
    """Where the provider sends people back to."""
    return f"{public_url(description)}{description['base_url'].rstrip('/')}/hub/oauth_callback"


def public_url(description: Description) -> str:
    """What people type into the browser, without the base URL."""
    if description.get("public_url"):
        return str(description["public_url"]).rstrip("/")
    scheme = "http" if description["tls"] == "none" else "https"
    address = description["address"]
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(address, f"[{address}]" if ":" in address else address)
    default = {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{host}" + ("" if description["port"] == default else f":{description['port']}")


def _ldap(description: Description, secret: Reference) -> Settings:
    given = options(description)
    settings: Settings = {"server_address": given.get("server"), "tls_strategy": given.get("tls", "on_connect")}
    if settings["tls_strategy"] != "insecure":
        # ssl.CERT_REQUIRED. By default the class sends passwords to whoever answers, encrypted.
        settings["tls_kwargs"] = {"validate": 2}
    names = {
        "port": "server_port",
        "bind_dn_template": "bind_dn_template",
        "lookup_dn": "lookup_dn",
        "search_user": "lookup_dn_search_user",
        "user_search_base": "user_search_base",
        "user_attribute": "user_attribute",
        "allowed_groups": "allowed_groups",
    }
    settings.update({trait: given[option] for option, trait in names.items() if option in given})
    if "search_password" in given:
        settings["lookup_dn_search_password"] = secret("ldap_search_password")
    return settings


def _lti11(description: Description, secret: Reference) -> Settings:
    given = options(description)
    consumers = {key: secret(f"lti_{number}_secret") for number, key in enumerate(sorted(given.get("consumers", {})))}
    # The class's own default is Canvas's, and announced to go.
    return {"consumers": consumers, "username_key": given.get("username_key", "user_id")}


def _lti13(description: Description, secret: Reference) -> Settings:
    given = options(description)
    names = {
        "issuer": "issuer",
        "authorize_url": "authorize_url",
        "jwks_url": "jwks_endpoint",
        "client_ids": "client_id",
        "username_key": "username_key",
    }
    return {trait: given[option] for option, trait in names.items() if option in given}


def _oauth_required(*more: str) -> t.Callable[[Description], list[str]]:
    return lambda given: ["client_id", "client_secret", *more]


def _generic_required(given: Description) -> list[str]:
    required = ["client_id", "client_secret", "authorize_url", "token_url", "username_claim"]
    if not given.get("userdata_from_id_token"):
        required.append("userdata_url")
    if given.get("allowed_groups") or given.get("admin_groups"):
        required.append("groups_claim")
    return required


def _provider(
    authenticator: str,
    class_name: str,
    names: t.Mapping[str, str],
    *,
    groups: bool = False,
    scopes: t.Callable[[Description], list[str]] = lambda given: [],
    required: t.Callable[[Description], list[str]] = _oauth_required(),
    allows: tuple[str, ...] = (),
) -> Kind:
    """The row of an OAuthenticator class; see ``_oauth`` for ``names``, ``groups`` and ``scopes``."""
    return Kind(
        authenticator,
        class_name,
        _oauth(names, groups=groups, scopes=scopes),
        packages=("oauthenticator",),
        options="oauth",
        required=required,
        secrets=("client_secret",),
        accepts=("client_id", "client_secret", "callback_url", *_OAUTH_NAMES, *names),
        allows=allows,
    )


def _ldap_required(given: Description) -> list[str]:
    by_search = given.get("lookup_dn")
    return ["server", *(["user_search_base", "user_attribute"] if by_search else ["bind_dn_template"])]


SIGN_IN: dict[str, Kind] = {
    "shared-password": Kind("shared-password", "SharedPasswordAuthenticator", _shared_password),
    "native": Kind(
        "native",
        "NativeAuthenticator",
        _native,
        packages=("jupyterhub-nativeauthenticator",),
        options="native",
        admits_everybody=True,
        fragment=_NATIVE_FRAGMENT,
    ),
    "pam": Kind("pam", "PAMAuthenticator", _pam, options="pam", allows=("allowed_groups", "admin_groups")),
    "temporary": Kind("tmp", "TmpAuthenticator", packages=("jupyterhub-tmpauthenticator",), admits_everybody=True),
    "dummy": Kind("dummy", "DummyAuthenticator"),
    "github": _provider(
        "github",
        "GitHubOAuthenticator",
        {"url": "github_url", "allowed_organizations": "allowed_organizations"},
        # Without it only members who made their membership public are recognised.
        scopes=lambda given: ["read:org"] if "allowed_organizations" in given else [],
        allows=("allowed_organizations",),
    ),
    "gitlab": _provider(
        "gitlab",
        "GitLabOAuthenticator",
        {"url": "gitlab_url", "allowed_groups": "allowed_gitlab_groups", "allowed_projects": "allowed_project_ids"},
        allows=("allowed_groups", "allowed_projects"),
    ),
    "google": _provider("google", "GoogleOAuthenticator", {"hosted_domains": "hosted_domain"}),
    "openshift": _provider(
        "openshift",
        "OpenShiftOAuthenticator",
        {"url": "openshift_url", "allowed_groups": "allowed_groups", "admin_groups": "admin_groups"},
        groups=True,
        required=_oauth_required("url"),
        allows=("allowed_groups", "admin_groups"),
    ),
    "oauth": _provider(
        "generic-oauth",
        "GenericOAuthenticator",
        {
            "authorize_url": "authorize_url",
            "token_url": "token_url",
            "userdata_url": "userdata_url",
            "userdata_from_id_token": "userdata_from_id_token",
            "username_claim": "username_claim",
            "allowed_groups": "allowed_groups",
            "admin_groups": "admin_groups",
            "groups_claim": "auth_state_groups_key",
        },
        groups=True,
        # Providers send an id token only when it is asked for.
        scopes=lambda given: ["openid"] if given.get("userdata_from_id_token") else [],
        required=_generic_required,
        allows=("allowed_groups", "admin_groups"),
    ),
    "ldap": Kind(
        "ldap",
        "LDAPAuthenticator",
        _ldap,
        packages=("jupyterhub-ldapauthenticator",),
        options="ldap",
        required=_ldap_required,
        secrets=("search_password",),
        allows=("allowed_groups",),
    ),
    "lti": Kind("", "", options="lti"),  # replaced by the version's row, see kind()
    "class": Kind("", ""),  # named by the description, see kind()
}

_LTI = {
    "1.1": Kind(
        "ltiauthenticator.lti11.auth.LTI11Authenticator",
        "LTI11Authenticator",
        _lti11,
        packages=("jupyterhub-ltiauthenticator",),
        options="lti",
        required=lambda given: ["consumers"],
        secrets=("consumers",),
        accepts=("version", "consumers", "username_key"),
    ),
    "1.3": Kind(
        "ltiauthenticator.lti13.auth.LTI13Authenticator",
        "LTI13Authenticator",
        _lti13,
        packages=("jupyterhub-ltiauthenticator",),
        options="lti",
        required=lambda given: ["issuer", "authorize_url", "jwks_url", "client_ids"],
        accepts=("version", "issuer", "authorize_url", "jwks_url", "client_ids", "username_key"),
    ),
}


def kind(description: Description) -> Kind:
    """The row of the description's way to sign in."""
    name = description["sign_in"]
    if name == "lti":
        return _LTI[str(options(description).get("version", "1.3"))]
    if name == "class":
        wanted = description.get("authenticator_class") or ""
        # An entry point has no class name: its traits are set on the base class, which every authenticator inherits.
        class_name = wanted.rpartition(".")[2] if "." in wanted else "Authenticator"
        return Kind(wanted, class_name, packages=tuple(description.get("authenticator_packages") or ()))
    return SIGN_IN[name]


def sign_in_secrets(description: Description) -> dict[str, str]:
    """Secrets of the way to sign in: name -> value, empty for one to be generated."""
    given = options(description)
    name = description["sign_in"]
    if name == "shared-password":
        return {
            "shared_password": description.get("shared_password") or "",
            "shared_admin_password": description.get("shared_admin_password") or "",
        }
    if "client_secret" in kind(description).secrets:
        return {"oauth_client_secret": given.get("client_secret", "")}
    if name == "ldap" and "search_password" in given:
        return {"ldap_search_password": given["search_password"]}
    if name == "lti" and "consumers" in given:
        return {
            f"lti_{number}_secret": given["consumers"][key] for number, key in enumerate(sorted(given["consumers"]))
        }
    return {}
