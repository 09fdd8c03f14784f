# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a description means for JupyterHub: layers of settings, fragments, secrets, packages. Private to the collection.

Pure functions. What a platform adds is in ``_platforms``.
"""

from __future__ import annotations

import html
import typing as t
import urllib.parse

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import (
    _fragments,
    _packages,
    _platforms,
    _server_traits,
    _sign_in,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._limits import limits as _limits_of
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._people import normalised, people
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._platforms import (
    CA_BUNDLE,
    Description,
    Settings,
    in_pods,
    reference,
    spawner_of,
)

# Names of services and roles that are the collection's own.
SERVICES = ("hubwright", "hubwright-proxy", "idle-culler")
ROLES = ("admin", "hubwright-operator", "hubwright-proxy", "idle-culler")

# Rights of the token that the playbooks use: read the hub, its services and routes, start and stop servers, add and
# remove people and members of groups.
OPERATOR_SCOPES = [
    "admin:groups",
    "admin:servers",
    "admin:users",
    "list:services",
    "proxy",
    "read:hub",
    "read:services",
]
CULLER_SCOPES = ["list:users", "read:users:activity", "read:servers", "delete:servers"]


def plan(description: Description, platform: str, places: t.Mapping[str, t.Any] | None = None) -> dict[str, t.Any]:
    """Everything that a platform role has to place.

    :param description: the ``hub_*`` variables without their prefix, complete and checked (``_description.problems``).
    :param platform: ``local``, ``docker``, ``kubernetes`` or ``openshift``.
    :param places: where things are for the hub's process; required for ``local``: ``secrets``, ``state``, ``files``,
        ``users``, ``singleuser`` (command), ``hub_port``, ``proxy_api_port``.
    :returns: ``layers`` and ``fragments`` for hub_config; ``secrets`` (name -> value or ``""`` to generate, with
        ``length`` and ``encoding``); ``packages`` (pip requirements of the hub); ``user_packages`` (those of
        a notebook image that is made for it); ``culler`` (its arguments, empty for
        none); ``files`` (relative path -> content and mode); ``people`` (``users``, ``admins`` and ``groups``, a mapping
        of group to members); ``unsupported`` (one sentence for each variable that the platform can not honour).
    """
    where = {**_platforms.PLACES.get(platform, {}), **(places or {})}
    return {
        "layers": [
            {"name": f"platform {platform}", "settings": _platforms.PLATFORMS[platform](description, where)},
            {"name": "hub description", "settings": _described(description, platform, where)},
            {"name": "hub_settings_extra", "settings": dict(description["settings_extra"])},
        ],
        "fragments": _fragments.fragments(description, platform, where),
        "secrets": secrets(description),
        "packages": packages(description, platform),
        "user_packages": _packages.requirements(description["version"], ["jupyterlab", "notebook"], []),
        "culler": culler_arguments(description),
        "files": files(description),
        "people": {
            "users": list(people(description).users),
            "admins": list(people(description).admins),
            "groups": _groups(description),
        },
        "unsupported": unsupported(description, platform),
    }


def _described(description: Description, platform: str, where: t.Mapping[str, t.Any]) -> Settings:
    hub = _limits_of(description)
    servers = {name: hub.pop(name) for name in ("server_activity_interval", "consecutive_failure_limit")}
    settings: Settings = {
        "JupyterHub": {
            **hub,
            "log_level": description["log_level"],
            "db_url": database_url(description, where),
            "services": _services(description, platform, where),
            "load_roles": _roles(description),
        },
        "Authenticator": _authenticator(description),
        "Spawner": _spawner(description, platform, servers, where),
    }
    if description["groups"]:
        settings["JupyterHub"]["load_groups"] = {
            name: {"users": members} for name, members in _groups(description).items()
        }
    if description["named_servers"]:
        settings["JupyterHub"].update(
            allow_named_servers=True, named_server_limit_per_user=description["named_servers"]
        )
    settings["JupyterHub"].update(_look(description, where))
    if description["tls"] == "offload":
        settings["JupyterHub"]["tornado_settings"] = {"cookie_options": {"secure": True}}
    if description["auth_state"]:
        settings["CryptKeeper"] = {"keys": [reference(where)("crypt_key")]}

    kind = _sign_in.kind(description)
    settings["JupyterHub"]["authenticator_class"] = kind.authenticator
    traits = {**kind.traits(description, reference(where)), **description["authenticator_settings"]}
    if traits:
        settings[kind.class_name] = {**settings.get(kind.class_name, {}), **traits}
    return settings


def _groups(description: Description) -> dict[str, list[str]]:
    return {
        group["name"]: sorted({normalised(name) for name in group.get("users") or []})
        for group in description["groups"]
    }


def _authenticator(description: Description) -> dict[str, t.Any]:
    everybody = people(description)
    kind = _sign_in.kind(description)
    settings: dict[str, t.Any] = {
        "allowed_users": list(everybody.users),
        # Admins alone are no restriction: somebody has to authorise the first accounts.
        "allow_all": description["allow_all"] or (kind.admits_everybody and everybody.users == everybody.admins),
        # With False, a person who is taken off the list stays out although the hub's database still knows the name.
        "allow_existing_users": description["allow_existing_users"],
    }
    if description["blocked_users"]:
        # The hub compares names in its own spelling.
        settings["blocked_users"] = sorted({normalised(name) for name in description["blocked_users"]})
    if description["auth_state"]:
        settings["enable_auth_state"] = True
    if _lists_admins_itself(description):
        settings["admin_users"] = list(everybody.admins)
    return settings


def _lists_admins_itself(description: Description) -> bool:
    """Does the way to sign in need the list of admins itself, beside or instead of the ``admin`` role?

    Shared passwords ask admins for another password, and groups of a provider make admins at sign-in, which a role with
    a fixed list would undo at every restart.
    """
    return description["sign_in"] == "shared-password" or _admin_groups(description)


def _admin_groups(description: Description) -> bool:
    return bool(_sign_in.options(description).get("admin_groups"))


def _trusted(where: t.Mapping[str, t.Any]) -> dict[str, str]:
    """What makes pip, requests, Node and OpenSSL believe the authorities of a site."""
    names = ("NODE_EXTRA_CA_CERTS", "PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
    return dict.fromkeys(names, CA_BUNDLE) if where.get("ca_bundle") else {}


def _spawner(
    description: Description, platform: str, limits: t.Mapping[str, int], where: t.Mapping[str, t.Any]
) -> dict[str, t.Any]:
    pages = {"lab": "/lab", "classic": "/tree"}
    settings: dict[str, t.Any] = {
        "default_url": pages.get(description["default_page"], description["default_page"]),
        "start_timeout": description["start_timeout"],
        "http_timeout": description["http_timeout"],
        "consecutive_failure_limit": limits["consecutive_failure_limit"],
        "environment": {
            "JUPYTERHUB_ACTIVITY_INTERVAL": str(limits["server_activity_interval"]),
            **_trusted(where),
            **_server_traits.environment(description["extra_env"], in_pods(description, platform)),
        },
        **_server_traits.resources(description, "hub_"),
    }
    if description["cull_kernels_timeout"]:
        settings["args"] = [
            f"--MappingKernelManager.cull_idle_timeout={description['cull_kernels_timeout']}",
            f"--MappingKernelManager.cull_interval={description['cull_kernels_every']}",
            f"--MappingKernelManager.cull_connected={description['cull_kernels_connected']}",
        ]
    return settings


def _services(description: Description, platform: str, where: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    secret = reference(where)
    services: list[dict[str, t.Any]] = [
        {"name": "hubwright", "api_token": secret("operator_token")},
        # A proxy that starts asks the hub for its routes.
        {"name": "hubwright-proxy", "api_token": secret("proxy_token")},
    ]
    if description["cull"]:
        culler: dict[str, t.Any] = {"name": "idle-culler"}
        if platform == "local":  # a service of its own there: it needs no restart of the hub to change
            culler["api_token"] = secret("culler_token")
        else:
            culler["command"] = ["python3", "-m", "jupyterhub_idle_culler", *culler_arguments(description)]
            if platform in ("kubernetes", "openshift"):
                # A pod does not reach itself by its Service: not before it is ready, and policies may forbid it.
                culler["command"].append(f"--url=http://127.0.0.1:8081{description['base_url']}hub/api")
        services.append(culler)
    for name, service in sorted(description["services"].items()):
        own = {key: value for key, value in service.items() if key not in ("scopes", "api_token")}
        services.append({**own, "name": name, "api_token": secret(f"service_{name}_token")})
    return services


def _roles(description: Description) -> list[dict[str, t.Any]]:
    roles: list[dict[str, t.Any]] = [
        {"name": "hubwright-operator", "scopes": OPERATOR_SCOPES, "services": ["hubwright"]},
        {"name": "hubwright-proxy", "scopes": ["proxy"], "services": ["hubwright-proxy"]},
    ]
    if not _admin_groups(description):
        # A fixed list, so that taking a name off it takes the right away; Authenticator.admin_users only grants.
        roles.append({"name": "admin", "users": list(people(description).admins)})
    if description["cull"]:
        scopes = CULLER_SCOPES + (["admin:users"] if description["cull_users"] else [])
        roles.append({"name": "idle-culler", "scopes": scopes, "services": ["idle-culler"]})
    for name, service in sorted(description["services"].items()):
        if service.get("scopes"):
            roles.append({"name": f"service-{name}", "scopes": list(service["scopes"]), "services": [name]})
    for name, role in sorted(description["roles"].items()):
        roles.append({"name": name, **role})
    return roles


def _look(description: Description, where: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    settings: dict[str, t.Any] = {}
    variables = dict(sorted(description["template_vars"].items()))
    announcements = [text for text in (html.escape(description["drain"]), description["announcement"]) if text]
    if announcements:
        variables["announcement"] = "<br>".join(announcements)
    if variables:
        settings["template_vars"] = variables
    if description["templates"]:
        settings["template_paths"] = [f"{where['files']}/templates"]
    if description["logo"]:
        settings["logo_file"] = f"{where['files']}/logo{_suffix(description['logo'])}"
    return settings


def _suffix(path: str) -> str:
    return "." + path.rpartition(".")[2].lower()


def database_url(description: Description, where: t.Mapping[str, t.Any]) -> str:
    """SQLAlchemy URL of the hub's database; the password stays in a file that libpq reads (PGPASSFILE)."""
    if description["database"] == "sqlite":
        return f"sqlite:///{where['state']}/jupyterhub.sqlite"
    host = description["database_host"] or where.get("database") or "database"
    user, name = (urllib.parse.quote(description[key], safe="") for key in ("database_user", "database_name"))
    bracketed = f"[{host}]" if ":" in host else host
    return f"postgresql+psycopg2://{user}@{bracketed}:{description['database_port']}/{name}"


def culler_arguments(description: Description) -> list[str]:
    """Arguments of jupyterhub-idle-culler; empty when culling is off."""
    if not description["cull"]:
        return []
    arguments = [
        f"--timeout={description['cull_timeout']}",
        f"--cull-every={description['cull_every']}",
        f"--concurrency={description['cull_concurrency']}",
        f"--max-age={description['cull_max_age']}",
        f"--cull-admin-users={description['cull_admins']}",
    ]
    # Without a value the culler refuses to start.
    arguments += ["--cull-users=True"] * description["cull_users"]
    arguments += ["--remove-named-servers=True"] * description["cull_named_servers"]
    return arguments


def secrets(description: Description) -> dict[str, dict[str, t.Any]]:
    """Secrets of the hub: name -> ``value`` (empty: generate one), ``length`` and ``encoding`` of a generated one."""
    hexadecimal = {"length": 32, "encoding": "hex"}
    wanted = {
        "cookie_secret": {"value": description["cookie_secret"], **hexadecimal},
        "proxy_token": {"value": description["proxy_token"], **hexadecimal},
        "operator_token": {"value": "", **hexadecimal},
    }
    if description["cull"]:
        wanted["culler_token"] = {"value": "", **hexadecimal}
    if description["auth_state"]:
        wanted["crypt_key"] = {"value": description["crypt_key"], **hexadecimal}
    for name, value in _sign_in.sign_in_secrets(description).items():
        length = 20 if name == "shared_password" else 40
        wanted[name] = {"value": value, "length": length, "encoding": "alnum"}
    for name, service in sorted(description["services"].items()):
        wanted[f"service_{name}_token"] = {"value": service.get("api_token") or "", **hexadecimal}
    if description["database"] == "postgresql":
        wanted["database_password"] = {
            "value": description["database_password"],
            "length": 40,
            "encoding": "alnum",
        }
    return wanted


def packages(description: Description, platform: str) -> list[str]:
    """Pinned pip requirements of the hub's environment or image."""
    names = list(_sign_in.kind(description).packages)
    spawner = spawner_of(description, platform)
    if platform == "local" or spawner == "simple":
        names += ["jupyterlab", "notebook"]
    else:
        names.append(_packages.SPAWNERS[spawner])
    if description["cull"]:
        names.append("jupyterhub-idle-culler")
    if description["database"] == "postgresql":
        names.append("psycopg2-binary")
    return _packages.requirements(description["version"], names, description["packages"])


def files(description: Description) -> dict[str, dict[str, str]]:
    """Text files beside the configuration: path (relative to the platform's ``files`` place) -> content and mode."""
    placed = {
        f"templates/{name}": {"content": content, "mode": "0644"}
        for name, content in sorted(description["templates"].items())
    }
    for path, file in sorted(description["extra_files"].items()):
        placed[path] = {"content": file["content"], "mode": str(file.get("mode") or "0640")}
    return placed


def unsupported(description: Description, platform: str) -> list[str]:
    """What the description asks for and the platform can not do, one sentence each."""
    if spawner_of(description, platform) not in ("simple", "system-user") or platform == "docker":
        return []
    found = []
    place = "local" if platform == "local" else "one pod"
    for name in ("memory_limit", "memory_guarantee", "cpu_limit", "cpu_guarantee"):
        if description[name]:
            found.append(f"hub_{name} is told to user servers but not enforced on {place}.")
    if description["extra_volumes"]:
        sees = "the host's own directories" if platform == "local" else "what the hub's pod has"
        found.append(f"hub_extra_volumes has no effect on {place}: user servers see {sees}.")
    if description["storage"] == "none" and platform == "local":
        found.append("hub_storage: none has no effect on local: users' directories are kept.")
    if any(profile.get("image") for profile in description["profiles"].values()):
        found.append(f"The image of a profile has no effect on {place}.")
    if platform != "local":
        found.append(
            "hub_spawner: simple isolates nobody: all servers run as one account that can read the hub's secrets."
        )
        found.append("hub_spawner: simple ends all user servers whenever the hub restarts, for each change of it too.")
    return found
