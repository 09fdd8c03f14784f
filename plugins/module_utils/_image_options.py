# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options with which a module reaches a notebook image, as in doc fragment _image_store. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _releases
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import POD_ARGUMENTS, Cluster
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._engine_api import EngineApi
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_references import Reference, parse
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_runtimes import Runtime
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_runtimes._docker import DockerRuntime
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_stores import ImageStore
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_stores._docker import DockerStore
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._notebook_image import Keeper

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str", "required": True},
    "store": {"type": "str", "choices": ["docker", "registry", "image_stream"], "default": "docker"},
    "history_tags": {"type": "list", "elements": "str", "default": []},
    "hub": {"type": "str"},
    "prefix": {"type": "str"},
    "socket": {"type": "path"},
    "cluster": {"type": "dict", "options": POD_ARGUMENTS},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "ca_path": {"type": "path"},
    "validate_certs": {"type": "bool", "default": True},
    "plain_http": {"type": "bool", "default": False},
    "timeout": {"type": "float", "default": 60},
}


def open_store(module: AnsibleModule) -> Keeper:
    """The live reference that the module's options name, and where it is kept.

    :raises HubError: an option can not be used.
    """
    params = module.params
    live = _releases.checked(parse(params["name"], "name"))
    if params["timeout"] <= 0:
        raise HubError(f"timeout is {params['timeout']:g}, expected a number of seconds above 0.")
    engine = None if params["cluster"] else EngineApi(params["socket"] or "", params["timeout"])
    return Keeper(
        live=live,
        history_tags=[_history_tag(module, tag) for tag in params["history_tags"]],
        store=_store(params, live, engine),
        runtime=_runtime(params, engine),
        hub=params["hub"] or "",
        warn=module.warn,
    )


def _runtime(params: t.Mapping[str, t.Any], engine: EngineApi | None) -> Runtime:
    hub = params["hub"] or ""
    if engine:
        return DockerRuntime(engine, hub, params["prefix"] or f"{hub}-user")
    # Only here, since what it needs is loaded with it.
    from ansible_collections.hubwright.jupyterhub.plugins.module_utils._checking_pod import Place, place
    from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_runtimes._cluster import ClusterRuntime

    return ClusterRuntime(_cluster(params), t.cast(Place, place(params["cluster"])), hub)


def _cluster(params: t.Mapping[str, t.Any]) -> Cluster:
    return Cluster(params["cluster"]["kubeconfig"] or "", params["cluster"]["context"] or "")


def _store(params: t.Mapping[str, t.Any], live: Reference, engine: EngineApi | None) -> ImageStore:
    if params["store"] == "docker":
        if engine is None:
            raise HubError(
                "cluster is given with store docker, expected registry or image_stream.",
                "The nodes of a cluster pull their images from one of these.",
            )
        return DockerStore(engine, live)
    if params["store"] == "image_stream":
        return _image_stream(params, live)
    if not live.host:
        raise HubError(
            f"name is {live}, which names no registry.",
            f"Put the name of the registry before it, such as registry.example.org/{live}.",
        )
    # Ansible's HTTP client costs a quarter of a module's time to import.
    from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_stores._registry import RegistryStore
    from ansible_collections.hubwright.jupyterhub.plugins.module_utils._registry_api import Repository

    repository = Repository(
        live.host,
        live.path,
        params["username"] or "",
        params["password"] or "",
        ca_path=params["ca_path"] or "",
        validate_certs=params["validate_certs"],
        plain_http=params["plain_http"],
        timeout=params["timeout"],
    )
    return RegistryStore(repository, live, engine)


def _image_stream(params: t.Mapping[str, t.Any], live: Reference) -> ImageStore:
    if not params["cluster"]:
        raise HubError(
            "store is image_stream, but cluster is missing.", "Give cluster with the project as its namespace."
        )
    if live.host or "/" in live.path:
        raise HubError(
            f"name is {live}, expected the name of an image stream with a tag.",
            f"Give it as the project has it, such as {live.path.rpartition('/')[2]}:{live.tag}.",
        )
    from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_stores._image_stream import (
        ImageStreamStore,
    )

    return ImageStreamStore(_cluster(params), params["cluster"]["namespace"], live)


def _history_tag(module: AnsibleModule, text: str) -> str:
    """A reference that is kept on an earlier release, in full."""
    live, tag = parse(module.params["name"], "name"), parse(text, "history_tags")
    if tag.digest or str(tag) == str(live) or _releases.is_event(live, tag.tag):
        raise HubError(
            f"history_tags has {text}, which can not be moved from release to release.",
            f"Give a name of its own, such as {live.tagged(live.tag + '_old')}.",
        )
    if module.params["store"] != "docker" and tag.repository != live.repository:
        raise HubError(
            f"history_tags has {text}, expected a tag of {live.repository}.",
            f"Give one of it, such as {live.tagged(live.tag + '_old')}.",
        )
    return str(tag)
