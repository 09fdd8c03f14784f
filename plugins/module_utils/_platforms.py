# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each platform sets: where things are, which spawner starts user servers and how. Private to the collection.

Pure functions. Adding a platform means one function in ``PLATFORMS``.
"""

from __future__ import annotations

import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _sign_in, _sizes

Description = t.Mapping[str, t.Any]
Settings = dict[str, dict[str, t.Any]]

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


def spawner_of(description: Description, platform: str) -> str:
    """The spawner asked for, or the platform's own."""
    return description.get("spawner") or DEFAULT_SPAWNERS[platform]


def in_pods(description: Description, platform: str) -> bool:
    """Does each user server have a pod of its own?"""
    return spawner_of(description, platform) == "kube"


def reference(where: t.Mapping[str, t.Any]) -> _sign_in.Reference:
    """Names the file that holds a secret."""
    return lambda name: {"file": f"{where['secrets']}/{name}"}


def _separate_proxy(where: t.Mapping[str, t.Any], api_url: str) -> Settings:
    """A proxy that outlives the hub: a hub restart interrupts nobody."""
    secret = reference(where)
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


PLATFORMS: dict[str, t.Callable[[Description, t.Mapping[str, t.Any]], Settings]] = {
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
