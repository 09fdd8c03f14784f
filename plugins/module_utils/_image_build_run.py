# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds of OpenShift: started once, followed to their end, and what a failed one says. Private to the collection."""

from __future__ import annotations

import dataclasses
import json
import re
import time
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _cluster_pods
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Cluster, Object, Refused
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_build_objects import BUILD_API, LABEL

FINAL = ("Complete", "Failed", "Error", "Cancelled")
Say = t.Callable[[str], None]
_LINES = 30
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_WIDTH, _LONG = 100, 300
_LOOK, _SPEAK = 1.0, 10.0  # seconds
# Between the number of a build that a trigger starts and the build; an old one may have been removed.
_BETWEEN = 10.0
# A build that the cluster makes no pod for: a quota that others fill may be free a moment later.
_STUCK = 60.0


def path(namespace: str, kind: str, name: str = "") -> str:
    """Where the cluster has objects of this API."""
    return f"/apis/{BUILD_API}/namespaces/{namespace}/{kind}" + (f"/{name}" if name else "")


def labels_of(build: Object) -> dict[str, str]:
    """What an image of this build is made of."""
    labels = ((build["spec"].get("output") or {}).get("imageLabels")) or []
    return {
        each["name"].removeprefix(LABEL): each.get("value", "") for each in labels if each["name"].startswith(LABEL)
    }


def phase(build: Object) -> str:
    """How a build is, as the cluster calls it."""
    return str((build.get("status") or {}).get("phase") or "New")


@dataclasses.dataclass(frozen=True)
class Same:
    """Builds that make just this image."""

    config: str
    of: t.Mapping[str, str]
    tag: str
    since: int  #: number of the last one when it was decided that one is needed

    def has(self, build: Object) -> bool:
        """Is it one of them?"""
        to = (build["spec"].get("output") or {}).get("to") or {}
        return to.get("name") == self.tag and labels_of(build) == {
            key: value for key, value in self.of.items() if value
        }

    def running(self, cluster: Cluster, namespace: str) -> str:
        """Name of one that is not over, the last one of several; empty when there is none."""
        found = cluster.get(path(namespace, "builds"), label_selector=f"buildconfig={self.config}").get("items") or []
        names = {
            _number(each): str(each["metadata"]["name"])
            for each in found
            if phase(each) not in FINAL and self.has(each)
        }
        return names[max(names)] if names else ""


def _number(build: Object) -> int:
    return int((build["metadata"].get("annotations") or {}).get("openshift.io/build.number", 0))


def last_version(config: Object | None) -> int:
    """Number of the last build of a configuration."""
    return int(((config or {}).get("status") or {}).get("lastVersion") or 0)


def start(
    cluster: Cluster, namespace: str, same: Same, archive: bytes | None, seconds: float, anew: bool = False
) -> tuple[str, bool]:
    """Start a build unless one of the same runs, and say its name, and whether it was started.

    :param anew: start one although one runs.
    """
    where = path(namespace, "buildconfigs", same.config)
    patience = time.monotonic() + _BETWEEN
    while True:
        described = cluster.get(where)
        last = last_version(described)
        if last > same.since and described["spec"].get("triggers") and not anew:
            # Of a trigger, which counts first and makes the build a moment later. It may be over already.
            build = cluster.find(path(namespace, "builds", f"{same.config}-{last}"))
            if build is None and time.monotonic() < patience:
                time.sleep(_LOOK)
                continue
            if build and same.has(build):
                return str(build["metadata"]["name"]), False
        found = "" if anew else same.running(cluster, namespace)
        if found:
            return found, False
        if archive is not None:
            # The cluster answers when the build's pod has taken the files.
            answer = cluster.request(
                "post",
                f"{where}/instantiatebinary",
                archive,
                seconds=seconds,
                content_type="application/octet-stream",
            )
            return str(json.loads(answer)["metadata"]["name"]), True
        # Asked for with the number of the last one, so that a trigger and this do not both start one.
        request = {
            "apiVersion": BUILD_API,
            "kind": "BuildRequest",
            "metadata": {"name": same.config, "namespace": namespace},
            "lastVersion": last,
            "triggeredBy": [{"message": "Started by hub_image_build"}],
        }
        try:
            made = cluster.create(f"{where}/instantiate", request)
        except Refused as error:
            if error.status != 409:
                raise
            time.sleep(_LOOK)
            continue
        return str(made["metadata"]["name"]), True


def follow(
    cluster: Cluster,
    namespace: str,
    name: str,
    seconds: float,
    say: Say,
    clock: t.Callable[[], float] = time.monotonic,
    sleep: t.Callable[[float], None] = time.sleep,
) -> Object:
    """Wait for the end of a build; the build as it is then.

    :param say: gets a line when it begins to run, and about every ten seconds.
    :raises HubError: it failed, or was not complete in time; then it is cancelled.
    """
    begin = clock()
    spoken, shown, stuck = begin, "", 0.0
    while True:
        build = cluster.get(path(namespace, "builds", name))
        now, status = clock(), build.get("status") or {}
        if phase(build) in FINAL:
            if phase(build) != "Complete":
                raise _failed(cluster, namespace, name, build)
            say(f"{name}: complete after {now - begin:.0f} s")
            return build
        if phase(build) != shown or now - spoken >= _SPEAK:
            spoken, shown = now, phase(build)
            say(f"{name}: {now - begin:.0f} s: {_state(cluster, namespace, name, build)}")
        stuck = (stuck or now) if phase(build) == "New" and status.get("message") else 0.0
        if now - begin > seconds or (stuck and now - stuck > _STUCK):
            raise _late(cluster, namespace, name, build, now - begin)
        sleep(_LOOK)


def _state(cluster: Cluster, namespace: str, name: str, build: Object) -> str:
    lines = log(cluster, namespace, name, 1) if phase(build) == "Running" else []
    return (lines[-1] if lines else _why(cluster, namespace, name, build) or phase(build))[:_WIDTH]


def _why(cluster: Cluster, namespace: str, name: str, build: Object) -> str:
    """Why a build does not run, in the cluster's own words, without a full stop."""
    status = build.get("status") or {}
    said = [str(status[key]) for key in ("reason", "message") if status.get(key)]
    if phase(build) == "Pending":
        pod = cluster.find(f"/api/v1/namespaces/{namespace}/pods/{name}-build")
        if pod:
            said += [why for why in (_cluster_pods.trouble(pod), _cluster_pods.unscheduled(pod)) if why]
    return ": ".join(said).rstrip(".")


def log(cluster: Cluster, namespace: str, name: str, lines: int = _LINES) -> list[str]:
    """The last lines that a build wrote; none when there is nothing to be had."""
    query = [("tailLines", lines), ("nowait", "true")]
    try:
        data = cluster.request(
            "get",
            path(namespace, "builds", name) + "/log",
            query_params=query,
            header_params={"Accept": "*/*"},
        )
    except Refused:
        return []
    text = data.decode(errors="replace")
    shown = [_CONTROL.sub("", line.rpartition("\r")[2]).rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    return [line[:_LONG] for line in shown if line][-lines:]


def _failed(cluster: Cluster, namespace: str, name: str, build: Object) -> HubError:
    end = "was cancelled" if phase(build) == "Cancelled" else "failed"
    return _ended(cluster, namespace, name, build, end)


def _late(cluster: Cluster, namespace: str, name: str, build: Object, seconds: float) -> HubError:
    error = _ended(cluster, namespace, name, build, f"was {phase(build)} after {seconds:.0f} s and is cancelled")
    cluster.merge(path(namespace, "builds", name), {"status": {"cancelled": True}})
    return error


def _ended(cluster: Cluster, namespace: str, name: str, build: Object, how: str) -> HubError:
    why, tail = _why(cluster, namespace, name, build), log(cluster, namespace, name)
    said = "\n".join(["The end of its log:", *tail]) if tail else "It has no log."
    return HubError(f"The build {name} {how}{f': {why}' if why else ''}. {said}", build=name, log=tail)
