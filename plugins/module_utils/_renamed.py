# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that got another name, went away or do nothing any more. Private to the collection.

JupyterHub 0.9 to 6.1, DockerSpawner to 14, KubeSpawner to 7.1, OAuthenticator to 17.4, LDAP to 2.0. What a class
still accepts is a warning; what is left out silently, refused or without effect is an error.
Runs in the hub's own interpreter too: Python 3.10, standard library only.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t


@dataclasses.dataclass(frozen=True)
class Renamed:
    """One setting that is not what it was."""

    cls: str
    """Class that has or had the setting; classes made from it count too."""
    trait: str
    since: str
    """Package and version of the change."""
    severity: str
    """``warning``: still understood. ``error``: gone, refused or without effect."""
    today: str = ""
    """``Class.trait`` to use now; ``.trait`` for the same class; empty when nothing replaces it."""
    why: str = ""
    """One sentence more: what differs, or what to do when there is no new name."""
    gone: tuple[str, str] | None = None
    """Package and version from which on it is an error; before, it is a warning."""
    exists: bool = True
    """False when today's classes have no trait of the old name."""

    @property
    def found(self) -> str:
        """What the check reports."""
        if self.severity == "error":
            return f"no longer works since {self.since}" if self.exists else f"gone since {self.since}"
        return f"deprecated since {self.since}"

    @property
    def advice(self) -> str:
        """What to do."""
        today = f"{self.cls}{self.today}" if self.today.startswith(".") else self.today
        return " ".join(part for part in (f"Use c.{today}." if today else "", self.why) if part)


def _docker() -> t.Iterator[Renamed]:
    for old, new, version in (
        ("container_image", "image", "0.9"),
        ("container_ip", "host_ip", "0.9"),
        ("container_port", "port", "0.9"),
        ("container_prefix", "prefix", "0.10"),
        ("container_name_template", "name_template", "0.10"),
        ("remove_containers", "remove", "0.10"),
    ):
        yield Renamed("DockerSpawner", old, f"DockerSpawner {version}", "warning", f".{new}")
    yield Renamed(
        "DockerSpawner", "image_whitelist", "DockerSpawner 12", "warning", ".allowed_images",
        "An empty one allows no choice since 13; '*' allows every image.",
    )  # fmt: skip
    yield Renamed("DockerSpawner", "hub_ip_connect", "JupyterHub 0.8", "error", "JupyterHub.hub_connect_ip")
    yield Renamed(
        "DockerSpawner", "use_docker_client_env", "DockerSpawner 0.5", "warning", "",
        "Remove it: DOCKER_HOST and the like are always read.",
    )  # fmt: skip
    for old in ("tls", "tls_verify", "tls_ca", "tls_cert", "tls_key", "tls_assert_hostname"):
        yield Renamed("DockerSpawner", old, "DockerSpawner 0.5", "error", ".tls_config", "It is one mapping.")
    for old in ("container_args", "hub_connect_port", "docker_cmd"):
        yield Renamed("DockerSpawner", old, "DockerSpawner 0.8", "error", "", "Remove it.", exists=False)


def _kube() -> t.Iterator[Renamed]:
    for old in (
        "working_dir", "service_account", "extra_labels", "extra_annotations", "image_pull_policy",
        "image_pull_secrets", "node_selector", "uid", "fs_gid", "supplemental_gids", "privileged", "extra_pod_config",
        "init_containers", "extra_container_config", "extra_containers",
    ):  # fmt: skip
        yield Renamed("KubeSpawner", f"singleuser_{old}", "KubeSpawner 0.9", "warning", f".{old}", exists=False)
    yield Renamed(
        "KubeSpawner", "singleuser_image_spec", "KubeSpawner 0.10", "error", ".image",
        "The old name is passed on to image_spec, which is not read any more: the default image starts.",
        exists=False,
    )  # fmt: skip
    for old in ("lifecycle_hooks", "allow_privilege_escalation"):
        yield Renamed("KubeSpawner", f"singleuser_{old}", "KubeSpawner 0.9", "error", f".{old}", exists=False)
    yield Renamed("KubeSpawner", "image_spec", "KubeSpawner 0.10", "warning", ".image", exists=False)
    for old in ("class", "pvc_ensure", "capacity", "extra_labels", "access_modes"):
        yield Renamed(
            "KubeSpawner", f"user_storage_{old}", "KubeSpawner 0.9", "warning", f".storage_{old}", exists=False
        )
    yield Renamed("KubeSpawner", "hub_connect_ip", "JupyterHub 0.8", "warning", "JupyterHub.hub_connect_ip")
    yield Renamed("KubeSpawner", "hub_connect_port", "JupyterHub 0.8", "warning", "JupyterHub.hub_connect_url")
    yield Renamed("KubeSpawner", "k8s_api_threadpool_workers", "KubeSpawner 3", "warning", "", "Remove it.")
    for old in ("start_timeout_seconds", "singleuser_default_url", "cpu_request", "mem_request"):
        new = {"start_timeout_seconds": ".start_timeout", "singleuser_default_url": ".default_url"}.get(
            old, f".{old.partition('_')[0]}_guarantee"
        )
        yield Renamed("KubeSpawner", old, "KubeSpawner 0.9", "error", new, exists=False)


def _hub() -> t.Iterator[Renamed]:
    proxy = "ConfigurableHTTPProxy"
    for old, new in (
        ("proxy_cmd", "command"),
        ("debug_proxy", "debug"),
        ("proxy_auth_token", "auth_token"),
        ("proxy_check_interval", "check_running_interval"),
        ("proxy_api_ip", "api_url"),
        ("proxy_api_port", "api_url"),
    ):
        yield Renamed("JupyterHub", old, "JupyterHub 0.8", "warning", f"{proxy}.{new}")
    yield Renamed("JupyterHub", "hub_connect_port", "JupyterHub 0.9", "warning", ".hub_connect_url")
    yield Renamed(
        "JupyterHub", "admin_users", "JupyterHub 0.7.2", "warning", "Authenticator.admin_users",
        "Or name them in the role admin of c.JupyterHub.load_roles.",
    )  # fmt: skip
    yield Renamed(
        "JupyterHub", "admin_access", "JupyterHub 2.0", "warning", "JupyterHub.load_roles",
        "Admins have every right; give smaller ones by a role of your own.",
    )  # fmt: skip
    yield Renamed(
        "JupyterHub", "api_tokens", "JupyterHub 2.0", "warning", "JupyterHub.services",
        "Give the program a service with an api_token, and a role with the scopes it needs.",
    )  # fmt: skip
    yield Renamed("JupyterHub", "confirm_no_ssl", "JupyterHub 0.9", "warning", "", "Remove it: it does nothing.")
    yield Renamed("JupyterHub", "extra_handlers", "JupyterHub 3.1", "warning", "JupyterHub.services")
    yield Renamed(
        "JupyterHub",
        "extra_log_file",
        "JupyterHub 0.8.2",
        "warning",
        "",
        "Let whatever starts the hub keep its output.",
    )
    for old in ("statsd_host", "statsd_port", "statsd_prefix"):
        yield Renamed(
            "JupyterHub", old, "JupyterHub 6.0", "error", "", "Read the metrics at /hub/metrics instead.",
            gone=("jupyterhub", "6.0"), exists=False,
        )  # fmt: skip
    yield Renamed("Authenticator", "whitelist", "JupyterHub 1.2", "warning", ".allowed_users")
    yield Renamed("Authenticator", "blacklist", "JupyterHub 1.2", "error", ".blocked_users", exists=False)
    yield Renamed("LocalAuthenticator", "group_whitelist", "JupyterHub 1.2", "error", ".allowed_groups")
    yield Renamed(
        "DummyAuthenticator", "password", "JupyterHub 5.3", "warning", "SharedPasswordAuthenticator.user_password",
        "Set c.JupyterHub.authenticator_class = 'shared-password' for it.",
    )  # fmt: skip
    yield Renamed("Spawner", "env", "JupyterHub 0.8", "error", ".environment", exists=False)
    yield Renamed("Spawner", "oauth_roles", "JupyterHub 3.0", "warning", ".oauth_client_allowed_scopes")
    yield Renamed("Spawner", "hub_api_url", "JupyterHub 0.8", "error", ".hub_connect_url", exists=False)


def _sign_in() -> t.Iterator[Renamed]:
    for cls, old, new, version in (
        ("GitHubOAuthenticator", "github_client_id", "client_id", "0.1"),
        ("GitHubOAuthenticator", "github_client_secret", "client_secret", "0.1"),
        ("GitHubOAuthenticator", "github_organization_whitelist", "allowed_organizations", "0.12"),
        ("GitLabOAuthenticator", "gitlab_group_whitelist", "allowed_gitlab_groups", "0.12"),
        ("GitLabOAuthenticator", "gitlab_project_id_whitelist", "allowed_project_ids", "0.12"),
        ("GoogleOAuthenticator", "google_group_whitelist", "allowed_google_groups", "0.12"),
        ("BitbucketOAuthenticator", "team_whitelist", "allowed_teams", "0.12"),
        ("Auth0OAuthenticator", "username_key", "username_claim", "16.0"),
        ("GenericOAuthenticator", "username_key", "username_claim", "16.0"),
        ("GenericOAuthenticator", "extra_params", "token_params", "16.0"),
        ("GenericOAuthenticator", "tls_verify", "validate_server_cert", "16.0"),
        ("GenericOAuthenticator", "claim_groups_key", "auth_state_groups_key", "17.0"),
        ("OpenShiftOAuthenticator", "validate_cert", "validate_server_cert", "16.0"),
        ("AzureAdOAuthenticator", "user_groups_claim", "auth_state_groups_key", "17.0"),
        ("CILogonOAuthenticator", "allowed_idps", "idps", "17.4"),
    ):
        yield Renamed(cls, old, f"OAuthenticator {version}", "warning", f".{new}")
    yield Renamed(
        "OpenShiftOAuthenticator", "ca_certs", "OAuthenticator 16.0", "error", ".http_request_kwargs",
        "Write http_request_kwargs = {'ca_certs': PATH}.",
    )  # fmt: skip
    for old in ("idp_whitelist", "idp", "strip_idp_domain", "shown_idps", "additional_username_claims"):
        yield Renamed(
            "CILogonOAuthenticator", old, "OAuthenticator 16.0", "error", ".idps",
            "idps is a mapping from the provider to username_derivation and the rules who is allowed.",
        )  # fmt: skip
    for cls, old, new in (
        ("GitHubOAuthenticator", "organization_whitelist", "allowed_organizations"),
        ("GitHubOAuthenticator", "team_whitelist", "allowed_organizations"),
        ("GitLabOAuthenticator", "group_whitelist", "allowed_gitlab_groups"),
        ("GoogleOAuthenticator", "group_whitelist", "allowed_google_groups"),
        ("GlobusOAuthenticator", "revoke_tokens_on_logout", ""),
        ("OAuthenticator", "user_whitelist", "allowed_users"),
        ("OAuthenticator", "group_whitelist", "allowed_groups"),
        ("OAuthenticator", "oauth_client_id", "client_id"),
        ("OAuthenticator", "oauth_client_secret", "client_secret"),
        ("OAuthenticator", "callback_url", "oauth_callback_url"),
        ("OAuthenticator", "redirect_uri", "oauth_callback_url"),
        ("GenericOAuthenticator", "userdata_method", ""),
    ):
        if new:
            yield Renamed(cls, old, "OAuthenticator 0.12", "error", f".{new}", exists=False)
    yield Renamed(
        "LDAPAuthenticator", "use_ssl", "LDAPAuthenticator 2.0", "warning", ".tls_strategy",
        "True is 'on_connect'; False was 'before_bind'.",
    )  # fmt: skip
    yield Renamed("LDAPAuthenticator", "escape_userdn", "LDAPAuthenticator 2.0", "error", "", "Remove it.")


TABLE: tuple[Renamed, ...] = (*_hub(), *_docker(), *_kube(), *_sign_in())


def find(class_names: t.Collection[str], trait: str, versions: t.Mapping[str, str]) -> Renamed | None:
    """The row for a setting of one of these classes, with the severity that holds for the installed versions."""
    for row in TABLE:
        if row.trait == trait and row.cls in class_names:
            if row.gone and _number(versions.get(row.gone[0], "")) < _number(row.gone[1]):
                return dataclasses.replace(row, severity="warning")
            return row
    return None


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
