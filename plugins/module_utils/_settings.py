# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a description means for JupyterHub: layers of settings, fragments, secrets, packages. Private to the collection.

Pure functions. Adding a platform means one function in ``_PLATFORMS``.
"""

from __future__ import annotations

import html
import inspect
import pprint
import typing as t
import urllib.parse

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _packages, _profiles, _sign_in, _sizes
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._limits import limits as _limits_of
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._people import normalised, people

Description = t.Mapping[str, t.Any]
Settings = dict[str, dict[str, t.Any]]

# Names of services and roles that are the collection's own.
SERVICES = ("hubwright", "hubwright-proxy", "idle-culler")
ROLES = ("admin", "hubwright-operator", "hubwright-proxy", "idle-culler")

# Where things are for the hub's own process, and the ports between its parts. `local` gives its own.
# On Kubernetes and OpenShift a role may add `database` (its host), `claim` and `sub_path` (one claim for all users), and
# `spawner` (further traits of KubeSpawner); on OpenShift `seccomp`, to ask for a profile.
PLACES: dict[str, dict[str, t.Any]] = {
    "docker": {
        "secrets": "/run/secrets",
        "state": "/srv/jupyterhub/state",
        "files": "/srv/jupyterhub/files",
        # Of system users: homes on the host, where they are in user containers, and the numbers of the host's accounts.
        "homes": "/home/{username}",
        "homes_mount": "/home/{username}",
        "accounts": "/srv/jupyterhub/host/accounts.json",
    },
    "kubernetes": {"secrets": "/etc/jupyterhub/secrets", "state": "/srv/jupyterhub", "files": "/etc/jupyterhub/files"},
    "openshift": {
        "secrets": "/etc/jupyterhub/secrets",
        "state": "/srv/jupyterhub",
        "files": "/etc/jupyterhub/files",
        # Of users whose servers run in the hub's own pod.
        "users": "/srv/users",
    },
}

# What the start script of Jupyter's images needs as root, to make the account of the host in its container and become it.
# It can not read what belongs to others, and the server has no capability at all.
START_CAPABILITIES = ("CHOWN", "SETGID", "SETUID")

# Authorities of a site, in user containers on Docker.
CA_BUNDLE = "/etc/ssl/certs/hub-ca.crt"

DEFAULT_SPAWNERS = {"local": "simple", "docker": "docker", "kubernetes": "kube", "openshift": "kube"}
SPAWNERS = {
    "local": ("simple", "system-user"),
    "docker": ("docker", "system-user"),
    "kubernetes": ("kube",),
    "openshift": ("kube", "simple"),
}

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


def spawner_of(description: Description, platform: str) -> str:
    """The spawner asked for, or the platform's own."""
    return description.get("spawner") or DEFAULT_SPAWNERS[platform]


def in_pods(description: Description, platform: str) -> bool:
    """Does each user server have a pod of its own?"""
    return spawner_of(description, platform) == "kube"


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
    where = {**PLACES.get(platform, {}), **(places or {})}
    return {
        "layers": [
            {"name": f"platform {platform}", "settings": _PLATFORMS[platform](description, where)},
            {"name": "hub description", "settings": _described(description, platform, where)},
            {"name": "hub_settings_extra", "settings": dict(description["settings_extra"])},
        ],
        "fragments": _fragments(description, platform, where),
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


def _reference(where: t.Mapping[str, t.Any]) -> _sign_in.Reference:
    return lambda name: {"file": f"{where['secrets']}/{name}"}


# --- platform defaults


def _separate_proxy(where: t.Mapping[str, t.Any], api_url: str) -> Settings:
    """A proxy that outlives the hub: a hub restart interrupts nobody."""
    secret = _reference(where)
    return {
        "JupyterHub": {
            "cleanup_servers": False,
            "cookie_secret_file": f"{where['secrets']}/cookie_secret",
        },
        "ConfigurableHTTPProxy": {"should_start": False, "api_url": api_url, "auth_token": secret("proxy_token")},
    }


# What a process needs that runs without an account of its own: nss_wrapper names it.
_KEPT = (
    *("CONDA_DEFAULT_ENV", "CONDA_ROOT", "JUPYTERHUB_SINGLEUSER_APP", "LANG", "LC_ALL", "LD_LIBRARY_PATH"),
    *("LD_PRELOAD", "NSS_WRAPPER_GROUP", "NSS_WRAPPER_PASSWD", "PATH", "PYTHONPATH", "VIRTUAL_ENV"),
)


def _local(description: Description, where: t.Mapping[str, t.Any]) -> Settings:
    settings = _separate_proxy(where, f"http://127.0.0.1:{where['proxy_api_port']}")
    settings["JupyterHub"].update(
        bind_url=f"{_scheme(description)}://{_host(description)}:{description['port']}{description['base_url']}",
        hub_bind_url=f"http://127.0.0.1:{where['hub_port']}",
    )
    settings["Spawner"] = {"cmd": [where["singleuser"]]}
    if spawner_of(description, "local") == "simple":
        settings["JupyterHub"]["spawner_class"] = "simple"
        settings["SimpleLocalProcessSpawner"] = {"home_dir_template": f"{where['users']}/{{username}}"}
    else:
        settings["JupyterHub"]["spawner_class"] = "localprocess"
    settings["LocalProcessSpawner"] = {"env_keep": list(_KEPT)}
    return settings


def _docker(description: Description, where: t.Mapping[str, t.Any]) -> Settings:
    settings = _separate_proxy(where, "http://proxy:8001")
    settings["JupyterHub"].update(
        bind_url=f"http://0.0.0.0:8000{description['base_url']}",
        hub_bind_url="http://0.0.0.0:8081",
        hub_connect_url="http://hub:8081",
        spawner_class="docker-system-user" if spawner_of(description, "docker") == "system-user" else "docker",
    )
    settings["DockerSpawner"] = {
        "image": description["image"],
        "network_name": description["name"],
        "prefix": user_prefix(description),
        # A stopped container would keep the image, the environment and the limits of its first start.
        "remove": True,
        "volumes": _docker_volumes(description, where),
        # A process in a user's container can not become more than it is, nor fill the host with processes.
        "extra_host_config": {
            # The spawner removes what it stops. Engines before 24.0.8 would remove running servers too, whenever they
            # start (https://github.com/moby/moby/issues/46308).
            "auto_remove": False,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            **({"pids_limit": where["pids_limit"]} if where.get("pids_limit") else {}),
        },
    }
    if spawner_of(description, "docker") == "system-user":
        settings["DockerSpawner"]["extra_host_config"]["cap_add"] = list(START_CAPABILITIES)
        settings["SystemUserSpawner"] = {
            "host_homedir_format_string": where["homes"],
            "image_homedir_format_string": where["homes_mount"],
            # The start script of the image becomes the user; without it the server would have no name for its number.
            "run_as_root": True,
        }
    return settings


def user_prefix(description: Description) -> str:
    """What the names of user containers and volumes begin with on Docker; no service of the hub is called so."""
    return f"{description['name']}-user"


def _docker_volumes(description: Description, where: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    volumes: dict[str, t.Any] = {}
    if where.get("ca_bundle"):
        volumes[where["ca_bundle"]] = {"bind": CA_BUNDLE, "mode": "ro"}
    if description["storage"] == "persistent" and spawner_of(description, "docker") == "docker":
        name = description.get("storage_volume") or f"{user_prefix(description)}-{{username}}"
        volumes[name] = description["storage_mount"]
    for key, volume in sorted(description["extra_volumes"].items()):
        mode = "ro" if volume.get("read_only") else "rw"
        volumes[volume.get("source") or key] = {"bind": volume["mount"], "mode": mode}
    return volumes


_SECCOMP = {"seccompProfile": {"type": "RuntimeDefault"}}


def _kubernetes(description: Description, where: t.Mapping[str, t.Any]) -> Settings:
    settings = _pods(description, where)
    # Jupyter's images run as this user and group; a fresh volume belongs to root until the cluster gives it to a group.
    settings["KubeSpawner"].update(uid=1000, fs_gid=100)
    # What the pod security standard "restricted" asks for beside what OpenShift does.
    settings["KubeSpawner"]["container_security_context"].update(_SECCOMP)
    return settings


def _openshift(description: Description, where: t.Mapping[str, t.Any]) -> Settings:
    return _pods(description, where) if in_pods(description, "openshift") else _one_pod(description, where)


def _one_pod(description: Description, where: t.Mapping[str, t.Any]) -> Settings:
    """Hub, proxy and all user servers in one pod; what is in it reaches each other, and ends with it."""
    settings = _separate_proxy(where, "http://127.0.0.1:8001")
    settings["JupyterHub"].update(
        bind_url=f"http://0.0.0.0:8000{description['base_url']}",
        hub_bind_url="http://0.0.0.0:8081",
        hub_connect_url="http://127.0.0.1:8081",
        spawner_class="simple",
    )
    settings["SimpleLocalProcessSpawner"] = {"home_dir_template": f"{where['users']}/{{username}}"}
    settings["LocalProcessSpawner"] = {"env_keep": list(_KEPT)}
    return settings


def _pods(description: Description, where: t.Mapping[str, t.Any]) -> Settings:
    """Without a user and a group of its own: the project's security context constraints choose both."""
    prefix = "" if description["name"] == "jupyterhub" else f"{description['name']}-"
    settings = _separate_proxy(where, f"http://{prefix}proxy-api:8001")
    settings["JupyterHub"].update(
        bind_url=f"http://0.0.0.0:8000{description['base_url']}",
        hub_bind_url="http://0.0.0.0:8081",
        hub_connect_url=f"http://{prefix}hub:8081",
        spawner_class="kubespawner.KubeSpawner",
    )
    spawner: dict[str, t.Any] = {
        "image": description["image"],
        "common_labels": {"app": description["name"], "release": description["name"]},
        # Deleting a person from the hub must not delete the person's files.
        "delete_pvc": False,
        # Else a server has variables with the address of every Service of the namespace.
        "extra_pod_config": {"enableServiceLinks": False},
        "pod_name_template": f"{prefix}jupyter-{{user_server}}",
        "container_security_context": {
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            # A constraint may refuse a pod that asks for one.
            **(_SECCOMP if where.get("seccomp") else {}),
        },
    }
    if description["cull_kernels_timeout"]:
        # KubeSpawner leaves the arguments out when the image's own command runs.
        spawner["cmd"] = ["jupyterhub-singleuser"]
    volumes, mounts = [], []
    if description["storage"] == "persistent":
        claim, mount = where.get("claim"), {"name": "home", "mountPath": description["storage_mount"]}
        if claim:
            mount["subPath"] = where["sub_path"]
        else:
            spawner["storage_pvc_ensure"] = True
            spawner["storage_capacity"] = _sizes.quantity(
                _sizes.to_bytes(description["storage_size"], "hub_storage_size")
            )
            spawner["pvc_name_template"] = description.get("storage_volume") or f"{prefix}claim-{{user_server}}"
            if description["storage_class"]:
                spawner["storage_class"] = description["storage_class"]
        volumes.append({"name": "home", "persistentVolumeClaim": {"claimName": claim or "{pvc_name}"}})
        mounts.append(mount)
    for key, volume in sorted(description["extra_volumes"].items()):
        read_only = bool(volume.get("read_only"))
        volumes.append({"name": key, "persistentVolumeClaim": {"claimName": volume.get("source") or key}})
        mounts.append({"name": key, "mountPath": volume["mount"], "readOnly": read_only})
    spawner.update(volumes=volumes, volume_mounts=mounts, **where.get("spawner", {}))
    settings["KubeSpawner"] = spawner
    return settings


_PLATFORMS: dict[str, t.Callable[[Description, t.Mapping[str, t.Any]], Settings]] = {
    "local": _local,
    "docker": _docker,
    "kubernetes": _kubernetes,
    "openshift": _openshift,
}


def _scheme(description: Description) -> str:
    return "https" if description["tls"] == "files" else "http"


def _host(description: Description) -> str:
    address = description["address"]
    return f"[{address}]" if ":" in address else address


# --- the description


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
        settings["CryptKeeper"] = {"keys": [_reference(where)("crypt_key")]}

    kind = _sign_in.kind(description)
    settings["JupyterHub"]["authenticator_class"] = kind.authenticator
    traits = {**kind.traits(description, _reference(where)), **description["authenticator_settings"]}
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


def _environment(values: t.Mapping[str, t.Any], pods: bool) -> dict[str, str]:
    """Environment variables of user servers, as the spawner wants them.

    ``{username}`` is the user's name, no other brace means anything. KubeSpawner formats the values itself and means
    another spelling of the name by ``{username}``; for the other spawners the fragment of ``_profiles`` looks it up.
    """
    texts = {name: str(value) for name, value in sorted(values.items())}
    if not pods:
        return texts
    doubled = {name: value.replace("{", "{{").replace("}", "}}") for name, value in texts.items()}
    return {name: value.replace("{{username}}", "{unescaped_username}") for name, value in doubled.items()}


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
            **_environment(description["extra_env"], in_pods(description, platform)),
        },
        **resources(description, "hub_"),
    }
    if description["cull_kernels_timeout"]:
        settings["args"] = [
            f"--MappingKernelManager.cull_idle_timeout={description['cull_kernels_timeout']}",
            f"--MappingKernelManager.cull_interval={description['cull_kernels_every']}",
            f"--MappingKernelManager.cull_connected={description['cull_kernels_connected']}",
        ]
    return settings


def resources(values: t.Mapping[str, t.Any], prefix: str) -> dict[str, t.Any]:
    """Memory and CPU of a server, of the description or of a profile. ``prefix`` names the variable in messages."""
    names = {
        "memory_limit": "mem_limit",
        "memory_guarantee": "mem_guarantee",
        "cpu_limit": "cpu_limit",
        "cpu_guarantee": "cpu_guarantee",
    }
    settings: dict[str, t.Any] = {}
    for name, trait in names.items():
        if values.get(name):
            memory = name.startswith("memory")
            settings[trait] = (
                _sizes.readable(_sizes.to_bytes(values[name], prefix + name)) if memory else float(values[name])
            )
    return settings


def _services(description: Description, platform: str, where: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    secret = _reference(where)
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


# The class would ask the hub's own container, which knows no account of the host, and keep for ever what it was told once.
_SYSTEM_USERS = '''\
import json
import pathlib

from dockerspawner import SystemUserSpawner
from tornado import web


class HostUserSpawner(SystemUserSpawner):
    """Starts each server as the account of the host that has the user's name, with the numbers it has there now."""

    def _user_id_default(self):
        return -1

    def _group_id_default(self):
        return -1

    def start(self, **arguments):
        accounts = json.loads(pathlib.Path(ACCOUNTS).read_text(encoding="utf-8"))
        if self.user.name not in accounts:
            refusal = web.HTTPError(403, f"no account {self.user.name} on the host")
            refusal.jupyterhub_message = (
                f"There is no account {self.user.name} with the home directory {self.host_homedir} on the hub's host. "
                "Once an administrator has made it, the hub learns of it with the next run of its playbook."
            )
            raise refusal
        self.user_id, self.group_id = accounts[self.user.name]
        return super().start(**arguments)


if c.JupyterHub.spawner_class == "docker-system-user":
    c.JupyterHub.spawner_class = HostUserSpawner
'''

# The class would take a process of the new pod for the server that had the same number in the previous one, and end it.
_ONE_POD = '''\
from jupyterhub.spawner import SimpleLocalProcessSpawner


class PodSpawner(SimpleLocalProcessSpawner):
    """Starts servers as processes of the hub's pod, which are gone whenever the hub starts."""

    def load_state(self, state):
        super().load_state({name: value for name, value in state.items() if name != "pid"})


if c.JupyterHub.spawner_class == "simple":
    c.JupyterHub.spawner_class = PodSpawner
'''

# A refusal, which no JupyterHub takes for a failing spawner: one that counts failures would stop itself.
_DRAIN = """\
from tornado import web


def _refuse_while_draining(spawner):
    refusal = web.HTTPError(403, "draining")
    refusal.jupyterhub_message = MESSAGE
    raise refusal


c.Spawner.pre_spawn_hook = _refuse_while_draining
c.Spawner.consecutive_failure_limit = 0
"""


def _fragments(description: Description, platform: str, where: t.Mapping[str, t.Any]) -> dict[str, str]:
    fragments = {}
    # Keys that begin with a letter sort after ours.
    sign_in = _sign_in.kind(description).fragment
    if sign_in:
        fragments["00-sign-in"] = sign_in
    named = any("{username}" in str(value) for value in description["extra_env"].values())
    if description["profiles"] or description["user_env"] or (named and not in_pods(description, platform)):
        fragments["00-profiles"] = profiles_fragment(description, platform)
    if platform == "docker" and spawner_of(description, platform) == "system-user":
        fragments["00-system-users"] = _SYSTEM_USERS.replace("ACCOUNTS", repr(where["accounts"]))
    if platform == "openshift" and not in_pods(description, platform):
        fragments["00-one-pod"] = _ONE_POD
    fragments.update(description["extra_config"])
    if description["drain"]:
        # After all others, so that no other hook takes its place.
        fragments["~drain"] = _DRAIN.replace("MESSAGE", repr(description["drain"]))
    return fragments


_KNOWN_PROFILES = """

def known_to_kubespawner(spawner):
    \"\"\"KubeSpawner refuses a choice that is not in a list of its own; apply_user_options has judged it by then.\"\"\"
    return [{"slug": (spawner.user_options or {}).get("profile") or "default", "display_name": "chosen"}]


c.KubeSpawner.profile_list = known_to_kubespawner
"""


def profiles_fragment(description: Description, platform: str) -> str:
    """Python that offers the profiles and applies users' choices, on whatever spawner is in use."""
    pages, pods = {"lab": "/lab", "classic": "/tree"}, in_pods(description, platform)
    profiles = {}
    for key, profile in sorted(description["profiles"].items()):
        traits = {**resources(profile, f"hub_profiles.{key}."), **(profile.get("settings") or {})}
        if profile.get("image") and spawner_of(description, platform) in ("docker", "kube"):  # processes have none
            traits["image"] = profile["image"]
        if profile.get("default_page"):
            traits["default_url"] = pages.get(profile["default_page"], profile["default_page"])
        profiles[key] = {
            "display_name": profile["display_name"],
            "description": profile.get("description") or "",
            "default": bool(profile.get("default")),
            "groups": sorted(profile.get("groups") or []),
            "traits": traits,
            "environment": _environment(profile.get("environment") or {}, pods),
        }
    code = inspect.getsource(_profiles).partition("import html\n")[2]
    for line, name, value in (
        ("PROFILES: dict[str, dict[str, t.Any]] = {}", "PROFILES", profiles),
        ("USER_ENV: list[str] = []", "USER_ENV", sorted(description["user_env"])),
        ("EXPANDS_BRACES: bool = False", "EXPANDS_BRACES", pods),
    ):
        code = code.replace(line, f"{name} = {pprint.pformat(value, sort_dicts=False, width=118)}")
    return (
        f"import html\n{code}\n\n"
        "c.Spawner.options_form = profile_form\n"
        "c.Spawner.options_from_form = options_from_form\n"
        "c.Spawner.apply_user_options = apply_user_options\n"
    ) + (_KNOWN_PROFILES if platform in ("kubernetes", "openshift") else "")


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
