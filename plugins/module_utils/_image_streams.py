# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image streams of OpenShift: what imports images into them, and which image a tag is. Private to the collection."""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Cluster, Object, Refused
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

API = "image.openshift.io/v1"
# Which reference each tag was imported from. The tag itself may be another image since, by a promotion.
_RECORD = "hubwright/imports"
_SHORT = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?(:\w[\w.-]{0,127})?")


def is_short(image: str) -> bool:
    """Whether a name may be one of an image stream of the project: STREAM or STREAM:TAG, without a registry."""
    return bool(_SHORT.fullmatch(image))


def path(namespace: str, plural: str, name: str = "") -> str:
    """Where objects of the API of images are."""
    return f"/apis/{API}/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")


@dataclasses.dataclass
class Wanted:
    """One stream as it shall be."""

    name: str
    tags: dict[str, str]
    """Tag -> reference of a registry that is imported into it."""
    labels: dict[str, str]
    local_lookup: bool = True
    """Pods of the project may name its tags in place of an image."""


@dataclasses.dataclass(frozen=True)
class Tag:
    """The image that a tag is now."""

    id: str
    reference: str  #: as a node pulls it; it stays this image
    labels: t.Mapping[str, str]


def state(cluster: Cluster, namespace: str, wanted: Wanted) -> tuple[Object, Object]:
    """What counts of a stream now, and as it shall be; the first is empty when there is none."""
    after = {"labels": wanted.labels, "local_lookup": wanted.local_lookup, "imported": wanted.tags}
    found = cluster.find(path(namespace, "imagestreams", wanted.name))
    if found is None:
        return {}, after
    labels = found["metadata"].get("labels") or {}
    filled, imported = _items(found), _record(found)
    return {
        "labels": {key: labels[key] for key in wanted.labels if key in labels},
        "local_lookup": bool((found["spec"].get("lookupPolicy") or {}).get("local")),
        "imported": {tag: imported[tag] for tag in wanted.tags if tag in imported and tag in filled},
    }, after


def bring(cluster: Cluster, namespace: str, wanted: Wanted, before: Object) -> None:
    """Make a stream as it shall be. Tags that it has beside are left alone.

    :param before: what ``state`` found.
    :raises HubError: when an image can not be imported.
    """
    body: Object = {"metadata": {"labels": wanted.labels}, "spec": {"lookupPolicy": {"local": wanted.local_lookup}}}
    where = path(namespace, "imagestreams", wanted.name)
    if before:
        cluster.merge(where, body)
    else:
        # Ours from the first moment, also when the import fails: what is removed later is only what is ours.
        body["metadata"] |= {"name": wanted.name, "annotations": {_RECORD: "{}"}}
        cluster.create(path(namespace, "imagestreams"), {"apiVersion": API, "kind": "ImageStream", **body})
    done = dict(before.get("imported") or {})
    for tag, reference in wanted.tags.items():
        if done.get(tag) != reference:
            _import(cluster, namespace, wanted.name, tag, reference)
            done[tag] = reference
    record = json.dumps({**_record(cluster.get(where)), **done}, sort_keys=True)
    cluster.merge(where, {"metadata": {"annotations": {_RECORD: record}}})


def _import(cluster: Cluster, namespace: str, name: str, tag: str, reference: str) -> None:
    one = {
        "from": {"kind": "DockerImage", "name": reference},
        "to": {"name": tag},
        "referencePolicy": {"type": "Local"},
    }
    answer = cluster.create(
        path(namespace, "imagestreamimports"),
        {
            "apiVersion": API,
            "kind": "ImageStreamImport",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"import": True, "images": [one]},
        },
    )
    said = answer["status"]["images"][0]["status"]
    if said.get("status") == "Failure":
        raise HubError(
            f"OpenShift can not import {reference} into {name}:{tag}: {said.get('message') or said.get('reason')}.",
            "Check the name; an image that is not public needs a Secret of the project with which it is pulled (oc create "
            "secret docker-registry).",
        )


def known(cluster: Cluster, namespace: str) -> None:
    """Refuse a cluster that is no OpenShift.

    :raises HubError: it has no image streams.
    """
    try:
        cluster.get(path(namespace, "imagestreams"), limit=1)
    except Refused as error:
        if error.status != 404:
            raise
        raise HubError(
            f"The cluster at {cluster.address} has no image streams: it is no OpenShift.",
            "Build the image elsewhere and push it to a registry that the cluster pulls from.",
        ) from error


def find(cluster: Cluster, namespace: str, stream: str, tag: str) -> Tag | None:
    """What a tag is now; None when it has no image."""
    found = cluster.find(path(namespace, "imagestreamtags", f"{stream}:{tag}"))
    image = (found or {}).get("image") or {}
    if not image.get("dockerImageReference"):
        return None
    config = (image.get("dockerImageMetadata") or {}).get("Config") or {}
    return Tag(image["metadata"]["name"], image["dockerImageReference"], config.get("Labels") or {})


def expect(cluster: Cluster, namespace: str, stream: str, tag: str, option: str) -> Tag:
    """What a tag is now.

    :param option: named in the message.
    :raises HubError: it has no image; the message says why, and which tags do.
    """
    found = find(cluster, namespace, stream, tag)
    if found is None:
        name = f"{stream}:{tag}"
        why = resolve(cluster, namespace, [name]).problems.get(name, "it can not be read")
        raise HubError(f"{option} is {name}, but {why}")
    return found


def imported(stream: Object | None, tag: str) -> str:
    """The reference of a registry that a tag follows; empty when it is what was pushed there."""
    for each in ((stream or {}).get("spec") or {}).get("tags") or []:
        origin = each.get("from") or {}
        if each["name"] == tag and origin.get("kind") == "DockerImage":
            return str(origin["name"])
    return ""


def is_ours(stream: Object) -> bool:
    """Was it made, or taken over, here?"""
    return _RECORD in (stream["metadata"].get("annotations") or {})


@dataclasses.dataclass
class Resolved:
    """Which images names are."""

    images: dict[str, str] = dataclasses.field(default_factory=dict)
    """Name -> reference of the image, as nodes pull it."""
    problems: dict[str, str] = dataclasses.field(default_factory=dict)
    """Name -> why it is none."""
    without_lookup: list[str] = dataclasses.field(default_factory=list)
    """Names of images that pods can not use as they are, since their stream has no local lookup."""


def resolve(cluster: Cluster, namespace: str, names: t.Iterable[str]) -> Resolved:
    """Look up names that may be tags of image streams; one without a tag means ``latest``. Others are left out."""
    answer = Resolved()
    streams: dict[str, Object | None] = {}
    for name in dict.fromkeys(names):
        if not is_short(name):
            continue
        stream, _colon, tag = name.partition(":")
        if stream not in streams:
            streams[stream] = cluster.find(path(namespace, "imagestreams", stream))
        found = streams[stream]
        if found is None:
            there = [each["metadata"]["name"] for each in cluster.items(path(namespace, "imagestreams"))]
            answer.problems[name] = (
                f"there is no image stream {stream} in the project {namespace}, of which {name} would be a tag; it has "
                f"{', '.join(sorted(there)) or 'none'}. An image of a registry is named with the registry."
            )
            continue
        items, tag = _items(found), tag or "latest"
        if tag in items:
            answer.images[name] = str(items[tag][0]["dockerImageReference"])
            if not (found["spec"].get("lookupPolicy") or {}).get("local"):
                answer.without_lookup.append(name)
        else:
            answer.problems[name] = (
                f"the image stream {stream} of the project {namespace} has no image with the tag {tag}{_why(found, tag)}; "
                f"it has {', '.join(sorted(items)) or 'none'}."
            )
    return answer


def _items(stream: Object) -> dict[str, list[Object]]:
    """Tag -> the images that it is and was, the newest first."""
    tags = (stream.get("status") or {}).get("tags") or []
    return {each["tag"]: each["items"] for each in tags if each.get("items")}


def _record(stream: Object) -> dict[str, str]:
    found: dict[str, str] = json.loads((stream["metadata"].get("annotations") or {}).get(_RECORD) or "{}")
    return found


def _why(stream: Object, tag: str) -> str:
    """What the cluster says of a tag that it could not import."""
    for each in (stream.get("status") or {}).get("tags") or []:
        for condition in each.get("conditions") or [] if each["tag"] == tag else []:
            if condition.get("status") == "False":
                return f" ({condition.get('message') or condition.get('reason')})"
    return ""
