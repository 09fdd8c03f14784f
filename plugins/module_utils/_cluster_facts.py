# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that a role asks a cluster before it decides what to do. Private to the collection."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _cluster_pods, _image_streams
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Cluster, Object, Refused

# Kind -> API and the name in its paths, of everything that a role makes in a namespace, in the order in which it is removed.
KINDS: dict[str, tuple[str, str]] = {
    "Route": ("route.openshift.io/v1", "routes"),
    "HTTPRoute": ("gateway.networking.k8s.io/v1", "httproutes"),
    "Ingress": ("networking.k8s.io/v1", "ingresses"),
    "DaemonSet": ("apps/v1", "daemonsets"),
    "StatefulSet": ("apps/v1", "statefulsets"),
    "Deployment": ("apps/v1", "deployments"),
    "Service": ("v1", "services"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "RoleBinding": ("rbac.authorization.k8s.io/v1", "rolebindings"),
    "Role": ("rbac.authorization.k8s.io/v1", "roles"),
    "ServiceAccount": ("v1", "serviceaccounts"),
    "ConfigMap": ("v1", "configmaps"),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims"),
    "Secret": ("v1", "secrets"),
    # Builds before the streams that they end in.
    "BuildConfig": ("build.openshift.io/v1", "buildconfigs"),
    "Build": ("build.openshift.io/v1", "builds"),
    "ImageStream": ("image.openshift.io/v1", "imagestreams"),
}
_VERBS = ("get", "create", "patch", "delete")


def path(api: str, namespace: str, plural: str) -> str:
    """Where objects of a kind are."""
    return f"/{'api' if api == 'v1' else 'apis'}/{api}/namespaces/{namespace}/{plural}"


def look(
    cluster: Cluster,
    namespace: str,
    release: str,
    kinds: t.Sequence[str],
    secrets: t.Sequence[str],
    claims: t.Sequence[str],
    image_tags: t.Sequence[str] = (),
) -> dict[str, t.Any]:
    """What there is of one hub, and what it would meet.

    :param kinds: kinds that the account must be able to manage.
    :param secrets: names of Secrets that have to be there.
    :param claims: names of claims that have to be there.
    :param image_tags: names of images, of which those without a registry are tags of image streams.
    """
    version = cluster.get("/version")["gitVersion"].lstrip("v")
    apis = {"v1", *(entry["groupVersion"] for group in cluster.get("/apis")["groups"] for entry in group["versions"])}
    denied = _denied(cluster, namespace, kinds)
    exists = _namespace_exists(cluster, namespace)
    found: dict[str, t.Any] = {
        "version": version,
        "apis": sorted(apis),
        "namespace_exists": exists,
        "denied": denied,
        "storage_classes": _storage_classes(cluster),
    }
    selector = f"app.kubernetes.io/managed-by=hubwright,app.kubernetes.io/instance={release}"
    objects: dict[str, list[Object]] = {}
    for kind, (api, plural) in KINDS.items():
        objects[kind] = cluster.items(path(api, namespace, plural), selector) if exists and api in apis else []
    core = f"/api/v1/namespaces/{namespace}"
    data = {each["metadata"]["name"]: each.get("data") or {} for each in objects["ConfigMap"]}
    storage = cluster.items(f"{core}/persistentvolumeclaims") if exists else []
    pods = cluster.items(f"{core}/pods", f"release={release},app={release}") if exists else []
    return found | {
        "objects": [
            {"kind": kind, "api_version": KINDS[kind][0], "name": each["metadata"]["name"]}
            for kind, several in objects.items()
            for each in several
        ],
        "deployments": {each["metadata"]["name"]: deployment(each) for each in objects["Deployment"]},
        "configurations": {
            each["metadata"]["name"]: data[_config_maps(each)["config"]]
            for each in objects["Deployment"]
            if _config_maps(each).get("config") in data
        },
        "record": next(
            (
                each.get("data") or {}
                for each in objects["ConfigMap"]
                if each["metadata"]["labels"].get("component") == "record"
            ),
            {},
        ),
        "missing_secrets": [name for name in secrets if exists and cluster.find(f"{core}/secrets/{name}") is None],
        "missing_claims": sorted(set(claims) - {each["metadata"]["name"] for each in storage}),
        "state_claims": {each["metadata"]["name"]: _claim(each) for each in objects["PersistentVolumeClaim"]},
        "claims": [_claim(each) for each in storage if _is_users(each, release)],
        "all_claims": [_claim(each) for each in storage],
        "pods": [_pod(each) for each in pods],
        "quotas": _quotas(cluster, namespace) if exists else [],
        "routes": {each["metadata"]["name"]: each["spec"].get("host", "") for each in objects["Route"]},
        "image_tags": dataclasses.asdict(_image_streams.resolve(cluster, namespace, image_tags if exists else ())),
    }


def _namespace_exists(cluster: Cluster, namespace: str) -> bool:
    """Who may not look at namespaces is told so for one that is there and for one that is not."""
    try:
        return cluster.find(f"/api/v1/namespaces/{namespace}") is not None
    except Refused:
        return True


def _denied(cluster: Cluster, namespace: str, kinds: t.Sequence[str]) -> list[str]:
    """What the account may not do, for example "create roles"; nothing when the cluster can not tell."""
    body = {"spec": {"namespace": namespace}}
    answer = cluster.create("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", body)["status"]
    if answer.get("incomplete"):
        return []
    denied = []
    for kind in kinds:
        api, plural = KINDS[kind]
        group = api.rpartition("/")[0]
        verbs = [
            verb for verb in _VERBS if not any(_allows(rule, verb, group, plural) for rule in answer["resourceRules"])
        ]
        if verbs:
            denied.append(f"{', '.join(verbs)} {plural}")
    return denied


def _allows(rule: Object, verb: str, group: str, resource: str) -> bool:
    return (
        not rule.get("resourceNames")
        and bool({verb, "*"} & set(rule.get("verbs") or []))
        and bool({group, "*"} & set(rule.get("apiGroups") or []))
        and bool({resource, "*"} & set(rule.get("resources") or []))
    )


def _storage_classes(cluster: Cluster) -> list[dict[str, t.Any]] | None:
    """All classes; None when the account may not see them, which is usual."""
    try:
        found = cluster.get("/apis/storage.k8s.io/v1/storageclasses")["items"]
    except Refused:
        return None
    mark = "storageclass.kubernetes.io/is-default-class"
    return [
        {
            "name": each["metadata"]["name"],
            "default": (each["metadata"].get("annotations") or {}).get(mark) == "true",
            "expands": bool(each.get("allowVolumeExpansion")),
        }
        for each in found
    ]


def deployment(found: Object) -> dict[str, t.Any]:
    """What counts of a deployment."""
    template = found["spec"]["template"]
    return {
        "ready": _cluster_pods.rolled_out(found),
        "annotations": template["metadata"].get("annotations") or {},
        "images": {each["name"]: each["image"] for each in template["spec"]["containers"]},
        "config_maps": _config_maps(found),
        "template": template,
    }


def _config_maps(found: Object) -> dict[str, str]:
    """Volume to ConfigMap of a deployment's pods."""
    volumes = found["spec"]["template"]["spec"].get("volumes") or []
    return {each["name"]: each["configMap"]["name"] for each in volumes if "configMap" in each}


def _claim(found: Object) -> dict[str, t.Any]:
    notes = found["metadata"].get("annotations") or {}
    return {
        "name": found["metadata"]["name"],
        "user": notes.get("hub.jupyter.org/username", ""),
        "server": notes.get("hub.jupyter.org/servername", ""),
        "size": found["spec"]["resources"]["requests"]["storage"],
        "storage_class": found["spec"].get("storageClassName") or "",
        "phase": (found.get("status") or {}).get("phase", ""),
    }


def _is_users(claim: Object, release: str) -> bool:
    labels = claim["metadata"].get("labels") or {}
    return labels.get("component") == "singleuser-storage" and labels.get("release") == release == labels.get("app")


def _pod(found: Object) -> dict[str, t.Any]:
    notes, status = found["metadata"].get("annotations") or {}, found.get("status") or {}
    states = _cluster_pods.containers(found)
    return {
        "name": found["metadata"]["name"],
        "component": (found["metadata"].get("labels") or {}).get("component", ""),
        "user": notes.get("hub.jupyter.org/username", ""),
        "server": notes.get("hub.jupyter.org/servername", ""),
        "phase": status.get("phase", ""),
        "ready": any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or []),
        "restarts": sum(each.get("restartCount", 0) for each in states),
        "node": found["spec"].get("nodeName", ""),
        "images": [each["image"] for each in found["spec"]["containers"]],
        "started": status.get("startTime", ""),
        "problem": _cluster_pods.trouble(found) or _cluster_pods.unscheduled(found),
    }


def _quotas(cluster: Cluster, namespace: str) -> list[dict[str, str]]:
    found = cluster.items(f"/api/v1/namespaces/{namespace}/resourcequotas")
    return [
        {
            "name": each["metadata"]["name"],
            "resource": resource,
            "hard": hard,
            "used": each["status"].get("used", {}).get(resource, "0"),
        }
        for each in found
        for resource, hard in sorted((each.get("status") or {}).get("hard", {}).items())
    ]
