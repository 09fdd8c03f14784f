# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How values of the chart zero-to-jupyterhub become variables. Private to the collection.

One function for each kind of value; ``_chart_table`` says which value is of which kind.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
import urllib.parse


class Decide(Exception):
    """The value has no equal here: the message says what to decide."""


class Impossible(Exception):
    """Nothing here does what the value does: the message says why."""


class Translation(t.Protocol):
    """What the functions below are given."""

    def look(self, path: str) -> t.Any:
        """Another value that was given."""

    def set(self, variable: str, value: t.Any) -> None:
        """Give a variable its value."""

    def secret(self, variable: str, value: t.Any) -> None:
        """Give a variable its value by way of a vault."""

    def question(self, path: str, variable: str, why: str) -> None:
        """Something that the site has to decide."""


Convert = t.Callable[[Translation, "Row", t.Any], None]


@dataclasses.dataclass(frozen=True)
class Row:
    """One value of the chart."""

    value: str  #: path in the values file
    variable: str  #: here, empty when there is none
    note: str  #: what differs; the reason when it is impossible
    convert: Convert
    kind: str = "translated"  #: or ``always``, ``decide``, ``impossible``


# --- how values are converted


def same(to: Translation, row: Row, given: t.Any) -> None:
    to.set(row.variable, given)


def token(to: Translation, row: Row, given: t.Any) -> None:
    if not re.fullmatch("[0-9a-f]{64}", str(given)):
        raise Decide("It has not 64 hexadecimal digits; left out, a new one is made, and people sign in once more.")
    to.secret(row.variable, given)


def as_text(to: Translation, row: Row, given: t.Any) -> None:
    to.set(row.variable, str(given))


def as_list(to: Translation, row: Row, given: t.Any) -> None:
    """Lists that the chart also takes as mappings, whose values count in the order of their keys."""
    to.set(row.variable, _entries(given))


def decide(to: Translation, row: Row, given: t.Any) -> None:
    raise Decide(row.note)


def impossible(to: Translation, row: Row, given: t.Any) -> None:
    raise Impossible(row.note)


def nothing(to: Translation, row: Row, given: t.Any) -> None:
    pass


def only(accepted: t.Any, otherwise: str) -> Convert:
    """Nothing to do for one value, a question for any other."""

    def convert(to: Translation, row: Row, given: t.Any) -> None:
        if given != accepted:
            raise Decide(otherwise)

    return convert


def trait(path: str) -> Convert:
    """A trait that no variable of ours stands for: ``Class.trait`` of hub_settings_extra."""
    name, _dot, trait = path.partition(".")

    def convert(to: Translation, row: Row, given: t.Any) -> None:
        to.set("hub_settings_extra", {name: {trait: given}})

    return convert


def image(variable: str) -> Convert:
    """Name and tag are two values there and one here; ``row.value`` is the path of one of them."""

    def convert(to: Translation, row: Row, given: t.Any) -> None:
        parent = row.value.rpartition(".")[0]
        name, tag = to.look(f"{parent}.name"), to.look(f"{parent}.tag")
        if not name or not tag:
            raise Decide(f"Only a part of the image is given, and the chart's own is the rest; write {variable} whole.")
        to.set(variable, f"{name}:{tag}")
        if tag == "latest":
            raise Decide("The tag latest is refused here, since nobody knows what runs: name a release or a digest.")

    return convert


def extra_config(to: Translation, row: Row, given: t.Any) -> None:
    fragments = {"chart": given} if isinstance(given, str) else dict(given)
    to.set(row.variable, fragments)
    for name, text in fragments.items():
        if "z2jh" in str(text):
            path = f"{row.value}.{name}" if isinstance(given, t.Mapping) else row.value
            to.question(path, row.variable, "It asks z2jh for values of the chart, which only the chart's hub has.")


def hub_environment(to: Translation, row: Row, given: t.Any) -> None:
    for name, value in _variables(given).items():
        source = value.get("valueFrom") if isinstance(value, t.Mapping) else None
        plain = value.get("value", "") if isinstance(value, t.Mapping) else value
        to.set(row.variable, {name: source or str(plain)})


def user_environment(to: Translation, row: Row, given: t.Any) -> None:
    left = []
    for name, value in _variables(given).items():
        if isinstance(value, t.Mapping) and "valueFrom" in value:
            left.append(name)
        else:
            to.set(row.variable, {name: str(value.get("value", "") if isinstance(value, t.Mapping) else value)})
    if left:
        raise Decide(
            f"{', '.join(left)} come from objects of the cluster; set them by hub_extra_config, as "
            "c.KubeSpawner.environment.update(...)."
        )


def _variables(given: t.Any) -> dict[str, t.Any]:
    """Environment variables by name; the chart takes a list too."""
    return {entry["name"]: entry for entry in given} if isinstance(given, list) else dict(given)


_CONFIG_D = "/usr/local/etc/jupyterhub/jupyterhub_config.d/"


def files(to: Translation, row: Row, given: t.Any) -> None:
    """Files by key, with a path of their own, text or bytes in base64, and a mode as number."""
    for key, file in given.items():
        content = file.get("stringData", file.get("data"))
        if not isinstance(content, str):
            to.question(f"{row.value}.{key}", row.variable, "A file is text here; write its content as one.")
        elif str(file["mountPath"]).startswith(_CONFIG_D):
            to.set("hub_extra_config", {key: content})
        else:
            mode = {"mode": f"{int(file['mode']):04o}"} if file.get("mode") is not None else {}
            to.set(row.variable, {file["mountPath"]: {"content": content, **mode}})


def named_servers(to: Translation, row: Row, given: t.Any) -> None:
    limit = to.look("hub.namedServerLimitPerUser")
    if not to.look("hub.allowNamedServers"):
        return
    if limit:
        to.set("hub_named_servers", int(limit))
    else:
        to.set("hub_settings_extra", {"JupyterHub": {"allow_named_servers": True}})
        raise Decide("As many as a person likes, as with the chart; hub_named_servers would set a limit.")


def database(to: Translation, row: Row, given: t.Any) -> None:
    if given == "sqlite-pvc":
        to.set("hub_database", "sqlite")
    elif given == "postgres":
        to.set("hub_database", "postgresql")
    elif given == "sqlite-memory":
        raise Impossible("A hub that forgets everybody with each restart; sqlite keeps its file in a claim.")
    elif given == "mysql":
        raise Impossible("The hub keeps its state in SQLite or PostgreSQL; move the database to PostgreSQL first.")
    else:
        raise Decide("Name the database by hub_database and hub_database_*.")


def database_url(to: Translation, row: Row, given: t.Any) -> None:
    address = urllib.parse.urlsplit(str(given))
    if address.scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise Decide("It is no address of a PostgreSQL server; a SQLite file is in the hub's claim here.")
    parts = {
        "host": address.hostname,
        "port": address.port,
        "name": address.path.lstrip("/"),
        "user": urllib.parse.unquote(address.username or ""),
    }
    for part, value in parts.items():
        if value:
            to.set(f"hub_database_{part}", value)
    if address.password:
        to.secret("hub_database_password", urllib.parse.unquote(address.password))


def services(to: Translation, row: Row, given: t.Any) -> None:
    for name, service in given.items():
        kept = {key: value for key, value in service.items() if key not in ("apiToken", "api_token", "name", "admin")}
        to.set(row.variable, {name: kept})
        token = service.get("apiToken") or service.get("api_token")
        if token:
            to.secret(f"{row.variable}.{name}.api_token", token)
        if service.get("admin"):
            to.question(
                f"{row.value}.{name}.admin", row.variable, "List the scopes that it needs instead of all rights."
            )


def cpu(to: Translation, row: Row, given: t.Any) -> None:
    to.set(row.variable, float(given))


def storage(to: Translation, row: Row, given: t.Any) -> None:
    known = {"dynamic": "persistent", "static": "persistent", "none": "none"}
    if given not in known:
        raise Decide("The chart has dynamic, static and none.")
    to.set(row.variable, known[given])


def user_volumes(to: Translation, row: Row, given: t.Any) -> None:
    """Claims become hub_extra_volumes, with the path of their mount; nothing else can be mounted that way."""
    path = "singleuser.storage"
    volumes, mounts = (_entries(to.look(f"{path}.{name}")) for name in ("extraVolumes", "extraVolumeMounts"))
    left = []
    for volume in volumes:
        name, claim = volume.get("name"), volume.get("persistentVolumeClaim")
        mine = [mount for mount in mounts if mount.get("name") == name]
        if claim and len(mine) == 1 and "subPath" not in mine[0]:
            entry = {"mount": mine[0]["mountPath"], "source": claim["claimName"]}
            if mine[0].get("readOnly"):
                entry["read_only"] = True
            to.set(row.variable, {name: entry})
        else:
            left.append(str(name))
    others = {volume.get("name") for volume in volumes}
    left += [str(mount.get("name")) for mount in mounts if mount.get("name") not in others]
    if left:
        raise Decide(
            f"Only claims that are mounted once and whole are volumes here, not {', '.join(left)}: put what is in them into "
            "the image or into a claim, or mount them by hub_extra_config."
        )


def _entries(given: t.Any) -> list[t.Any]:
    """A list that the chart also takes as a mapping."""
    return [given[key] for key in sorted(given)] if isinstance(given, t.Mapping) else list(given or [])


def default_url(to: Translation, row: Row, given: t.Any) -> None:
    to.set(row.variable, {"/lab": "lab", "/tree": "classic"}.get(given, given))


# Overrides of the chart's profiles that have a key here; the rest are traits of the spawner.
_OVERRIDES = {
    "image": "image",
    "mem_limit": "memory_limit",
    "mem_guarantee": "memory_guarantee",
    "cpu_limit": "cpu_limit",
    "cpu_guarantee": "cpu_guarantee",
    "environment": "environment",
}


def profiles(to: Translation, row: Row, given: t.Any) -> None:
    for number, entry in enumerate(_entries(given)):
        name = str(entry.get("display_name", f"profile {number}"))
        key = f"{number:02}-" + "".join(c if c.isalnum() and c.isascii() else "-" for c in name.lower()).strip("-")
        profile: dict[str, t.Any] = {"display_name": name}
        for field in ("description", "default"):
            if field in entry:
                profile[field] = entry[field]
        for trait, value in (entry.get("kubespawner_override") or {}).items():
            if trait in _OVERRIDES:
                profile[_OVERRIDES[trait]] = str(value) if trait.startswith("mem") else value
            else:
                profile.setdefault("settings", {})[trait] = value
        to.set(row.variable, {key: profile})
        where = f"{row.value}[{number}]"
        if entry.get("profile_options"):
            to.question(
                f"{where}.profile_options", row.variable, "A profile has no options here: make one of each choice."
            )
        if entry.get("allowed_groups"):
            to.set(row.variable, {key: {"groups": entry["allowed_groups"]}})


# The chart's authenticators by their short names and by their classes.
_SIGN_IN = {
    "dummy": "dummy",
    "github": "github",
    "gitlab": "gitlab",
    "google": "google",
    "openshift": "openshift",
    "generic-oauth": "oauth",
    "native": "native",
    "ldap": "ldap",
    "tmp": "temporary",
    "shared-password": "shared-password",
    "oauthenticator.github.GitHubOAuthenticator": "github",
    "oauthenticator.gitlab.GitLabOAuthenticator": "gitlab",
    "oauthenticator.google.GoogleOAuthenticator": "google",
    "oauthenticator.openshift.OpenShiftOAuthenticator": "openshift",
    "oauthenticator.generic.GenericOAuthenticator": "oauth",
    "nativeauthenticator.NativeAuthenticator": "native",
    "ldapauthenticator.LDAPAuthenticator": "ldap",
    "tmpauthenticator.TmpAuthenticator": "temporary",
}
_OAUTH = {
    "client_id": "client_id",
    "oauth_callback_url": "callback_url",
    "scope": "scope",
    "login_service": "login_service",
    "allowed_organizations": "allowed_organizations",
    "allowed_gitlab_groups": "allowed_groups",
    "allowed_project_ids": "allowed_projects",
    "hosted_domain": "hosted_domains",
    "github_url": "url",
    "gitlab_url": "url",
    "openshift_url": "url",
    "authorize_url": "authorize_url",
    "token_url": "token_url",
    "userdata_url": "userdata_url",
    "username_claim": "username_claim",
    "username_key": "username_claim",
}
_PEOPLE = {
    "allowed_users": "hub_users",
    "whitelist": "hub_users",
    "admin_users": "hub_admins",
    "blocked_users": "hub_blocked_users",
    "allow_all": "hub_allow_all",
    "allow_existing_users": "hub_allow_existing_users",
    "enable_auth_state": "hub_auth_state",
}
_HUB = {
    "base_url": "hub_base_url",
    "log_level": "hub_log_level",
    "concurrent_spawn_limit": "hub_concurrent_spawn_limit",
    "active_server_limit": "hub_active_server_limit",
    "named_server_limit_per_user": "hub_named_servers",
    "cookie_secret": "hub_cookie_secret",
    "template_vars": "hub_template_vars",
}
_SECRET_TRAITS = ("password", "secret", "token", "keys", "consumers")


def config(to: Translation, row: Row, given: t.Any) -> None:
    """``hub.config``: traits by class. What a variable of ours stands for becomes that, the rest hub_settings_extra."""
    for name, traits in given.items():
        for trait, value in dict(traits or {}).items():
            _config_trait(to, f"{row.value}.{name}.{trait}", name, trait, value)


def _config_trait(to: Translation, path: str, name: str, trait: str, value: t.Any) -> None:
    authenticator = name.endswith("Authenticator")
    if (name, trait) == ("JupyterHub", "authenticator_class"):
        _authenticator_class(to, path, value)
    elif (name, trait) == ("JupyterHub", "admin_access"):
        pass  # JupyterHub 5 has no such setting: admins' rights are roles.
    elif authenticator and trait in _PEOPLE:
        to.set(_PEOPLE[trait], value)
    elif authenticator and trait == "client_secret":
        to.secret("hub_oauth.client_secret", value)
    elif authenticator and "OAuth" in name and trait in _OAUTH:
        wanted = [value] if trait == "hosted_domain" and isinstance(value, str) else value
        to.set(f"hub_oauth.{_OAUTH[trait]}", wanted)
    elif name == "DummyAuthenticator":
        to.question(path, "hub_shared_password", "One password for all: set hub_sign_in: shared-password.")
    elif (name, trait) == ("CryptKeeper", "keys"):
        keys = [value] if isinstance(value, str) else list(value)
        to.secret("hub_crypt_key", keys[0])
        if len(keys) > 1:
            to.question(path, "hub_crypt_key", "There is more than one key; only the first is taken.")
    elif any(word in trait for word in _SECRET_TRAITS):
        to.question(path, "", "It may hold a secret: put it into a variable of the vault, and refer to that.")
    elif name == "JupyterHub" and trait in _HUB:
        to.set(_HUB[trait], value)
    elif authenticator:
        to.set("hub_authenticator_settings", {trait: value})
    else:
        to.set("hub_settings_extra", {name: {trait: value}})


def _authenticator_class(to: Translation, path: str, value: t.Any) -> None:
    sign_in = _SIGN_IN.get(str(value))
    if sign_in == "dummy":
        to.set("hub_sign_in", "dummy")
        to.question(path, "hub_sign_in", "Anybody becomes anybody; it is refused unless hub_dummy_accepted: true.")
    elif sign_in:
        to.set("hub_sign_in", sign_in)
    else:
        to.set("hub_sign_in", "class")
        to.set("hub_authenticator_class", value)
        to.question(path, "hub_authenticator_packages", "Name the packages that bring the class, pinned.")


def service_account(to: Translation, row: Row, given: t.Any) -> None:
    if given.get("create") is False and given.get("name"):
        to.set(row.variable, given["name"])
    elif set(given) - {"create"} or given.get("create") is False:
        raise Decide("The hub's account has a name and annotations of the role; another one can be named.")


def network(to: Translation, row: Row, given: t.Any) -> None:
    if given.get("enabled") is False:
        raise Decide("It is switched off there. Here hub_kubernetes_network_policies switches all policies on or off.")
    if set(given) - {"enabled"}:
        raise Decide(row.note)


def user_network(to: Translation, row: Row, given: t.Any) -> None:
    rules = dict(given)
    if rules.pop("enabled", True) is False:
        raise Decide("It is switched off there. Here hub_kubernetes_network_policies switches all policies on or off.")
    if rules.pop("egress", None):
        to.set("hub_kubernetes_user_egress", given["egress"])
    allowed = dict(rules.pop("egressAllowRules", None) or {})
    if allowed.get("nonPrivateIPs") is False:
        to.set("hub_kubernetes_outside", False)
    opened = [name for name in ("cloudMetadataServer", "privateIPs") if allowed.get(name)]
    if opened or any(rules.values()):
        raise Decide(
            f"{', '.join([*opened, *sorted(rules)])}: name the networks that stay closed in hub_kubernetes_blocked_networks, "
            "and what is open besides in hub_kubernetes_user_egress."
        )


def pulled_before(to: Translation, row: Row, given: t.Any) -> None:
    to.set(row.variable, "required" if given else "never")


def names_of_secrets(to: Translation, row: Row, given: t.Any) -> None:
    to.set(row.variable, [entry["name"] if isinstance(entry, t.Mapping) else entry for entry in given])


def https_type(to: Translation, row: Row, given: t.Any) -> None:
    if given == "offload":
        to.set("hub_tls", "offload")
    else:
        raise Decide(
            "The proxy speaks plain HTTP here, and an Ingress or a Gateway ends TLS: hub_kubernetes_ingress with "
            "hub_kubernetes_issuer for certificates of an authority, with hub_kubernetes_tls_secret for one of your own."
        )


def hosts(to: Translation, row: Row, given: t.Any) -> None:
    safe = row.value == "proxy.https.hosts" or to.look("ingress.tls") or to.look("hub_tls")
    to.set(row.variable, f"{'https' if safe else 'http'}://{given[0]}")
    if row.value == "httpRoute.hostnames":
        raise Decide("Write https:// when the Gateway's listener ends TLS.")
    if len(given) > 1:
        raise Decide(f"Only the first host is taken; send people from {', '.join(given[1:])} to it.")


_ISSUERS = {"cert-manager.io/cluster-issuer": "ClusterIssuer", "cert-manager.io/issuer": "Issuer"}


def ingress_annotations(to: Translation, row: Row, given: t.Any) -> None:
    rest = dict(given)
    for annotation, kind in _ISSUERS.items():
        if annotation in rest:
            to.set("hub_kubernetes_issuer", f"{kind}/{rest.pop(annotation)}")
    if rest:
        to.set(row.variable, rest)


def ingress_tls(to: Translation, row: Row, given: t.Any) -> None:
    names = [entry["secretName"] for entry in given if entry.get("secretName")]
    if names:
        to.set(row.variable, names[0])
    if len(given) > 1 or not names:
        raise Decide("One Secret holds the certificate of the one host.")


def gateway(to: Translation, row: Row, given: t.Any) -> None:
    if to.look("httpRoute.enabled"):
        to.set(row.variable, {key: given[key] for key in ("name", "namespace") if given.get(key)})


def node_purpose(to: Translation, row: Row, given: t.Any) -> None:
    if given == "require":
        purpose = "core" if "core" in row.value else "user"
        to.set(row.variable, {"hub.jupyter.org/node-purpose": purpose})
    elif given == "prefer":
        raise Decide("Nodes can be required here, not preferred, by the labels that they have.")


def debug(to: Translation, row: Row, given: t.Any) -> None:
    if given:
        to.set(row.variable, "DEBUG")
