# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image is to be made of, and the objects of OpenShift that say so. Private to the collection."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _image_references
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Object
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_build_files import Files

BUILD_API = "build.openshift.io/v1"
# Labels of an image that say what it was made of: they outlive the build, and are on what a trigger built too.
LABEL = "hubwright.build."
# What the last run asked for, so that the next one can take back what is not asked for any more.
APPLIED = "hubwright/applied"
CONFIG_CHANGE, IMAGE_CHANGE = "ConfigChange", "ImageChange"
_STREAM = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_PASSWORD = re.compile(r"://[^/@]*:[^/@]*@")


@dataclasses.dataclass(frozen=True)
class Git:
    """Sources in a repository."""

    uri: str
    ref: str
    context_dir: str = ""
    secret: str = ""


@dataclasses.dataclass(frozen=True)
class Description:
    """An image, as it is to be."""

    stream: str
    tag: str
    build_config: str
    labels: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    local_lookup: bool = True
    files: Files | None = None
    git: Git | None = None
    dockerfile: str = ""
    strategy: str = "docker"
    base: str = ""
    base_namespace: str = ""
    dockerfile_path: str = ""
    build_args: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    environment: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    resources: Object = dataclasses.field(default_factory=dict)
    pull_secret: str = ""
    timeout: int = 3600
    triggers: t.Sequence[str] = ()

    @property
    def name(self) -> str:
        """As the cluster calls the tag of the stream."""
        return f"{self.stream}:{self.tag}"

    @property
    def base_is_reference(self) -> bool:
        """Is the base in a registry? Names of image stream tags have no slash."""
        return "/" in self.base


def stream_tag(name: str, option: str) -> tuple[str, str]:
    """``notebook:live`` -> ``("notebook", "live")``; ``latest`` without a tag.

    :raises HubError: it is no tag of an image stream.
    """
    parsed = None if "/" in name or "@" in name else _image_references.parse(name, option)
    if parsed is None or not _STREAM.fullmatch(parsed.path):
        raise HubError(f"{option} is {name!r}, expected a tag of an image stream, such as notebook:2026-11.")
    return parsed.path, parsed.tag


def base_stream(description: Description) -> tuple[str, str]:
    """Stream and tag into which a base that is in a registry is imported."""
    reference = _image_references.parse(description.base, "base")
    return f"{description.build_config}-base", reference.digest.replace(":", "-")[:71] or reference.tag


def check(description: Description) -> None:
    """Refuse what can not be built.

    :raises HubError: the first thing that is wrong.
    """
    if description.files is None and description.git is None and not description.dockerfile:
        raise HubError("There is no source to build from.", "Give one of directory, files, git and dockerfile.")
    if description.timeout <= 0:
        raise HubError(f"timeout is {description.timeout}, expected a number of seconds above 0.")
    if description.git and _PASSWORD.search(description.git.uri):
        raise HubError(
            "git.uri has a password in it, which everybody who may look into the project could read.",
            "Make a Secret of the type kubernetes.io/basic-auth and name it in git.secret.",
        )
    if description.strategy == "source":
        if not description.base:
            raise HubError("strategy is source, but base is missing.", "Name the builder image in base.")
        if description.dockerfile or description.build_args or description.dockerfile_path:
            raise HubError(
                "dockerfile, dockerfile_path and build_args are for strategy docker; strategy is source.",
                "Give what the scripts of the builder image need by environment.",
            )
    elif description.files and not description.dockerfile:
        path = description.dockerfile_path or "Dockerfile"
        if path not in description.files.names:
            raise HubError(
                f"There is no {path} in {description.files.directory or 'files'}.",
                "Add one, give its text by dockerfile, or use strategy source.",
            )
    if not description.base_is_reference and description.base:
        stream_tag(description.base, "base")
    if description.triggers and description.files:
        raise HubError(
            "triggers are given with directory or files, but a build that the cluster starts has no files of this host.",
            "Leave triggers out, or build from git or dockerfile.",
        )
    if IMAGE_CHANGE in description.triggers and not description.base:
        raise HubError(f"triggers has {IMAGE_CHANGE}, but base is missing.", "Name the image whose changes count.")


def made_of(description: Description, base_id: str) -> dict[str, str]:
    """What the image depends on: another image when, and only when, one of these is another.

    A base whose changes the cluster follows by itself does not count.
    """
    return {
        "source": _source_id(description),
        "recipe": _sha256(
            [
                description.strategy,
                description.base,
                description.base_namespace,
                description.dockerfile,
                description.dockerfile_path,
                sorted(description.build_args.items()),
                sorted(description.environment.items()),
            ]
        ),
        "base": "" if IMAGE_CHANGE in description.triggers else base_id,
    }


def _source_id(description: Description) -> str:
    if description.files is not None:
        return description.files.digest
    if description.git:
        inside = f":{description.git.context_dir}" if description.git.context_dir else ""
        return f"{description.git.uri}#{description.git.ref}{inside}"
    return _sha256(description.dockerfile)


def _sha256(value: t.Any) -> str:
    return f"sha256:{hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()}"


def build_config(description: Description, of: t.Mapping[str, str]) -> Object:
    """How the image is built."""
    spec: Object = {
        "source": _source(description),
        "strategy": _strategy(description),
        "output": {
            "to": {"kind": "ImageStreamTag", "name": description.name},
            "imageLabels": [{"name": f"{LABEL}{key}", "value": value} for key, value in of.items() if value],
        },
        "triggers": [
            {"type": CONFIG_CHANGE} if name == CONFIG_CHANGE else {"type": IMAGE_CHANGE, "imageChange": {}}
            for name in description.triggers
        ],
        "completionDeadlineSeconds": description.timeout,
    }
    if description.resources:
        spec["resources"] = description.resources
    applied = json.dumps({"metadata": {"labels": dict(description.labels)}, "spec": spec}, sort_keys=True)
    metadata = {
        "name": description.build_config,
        "labels": dict(description.labels),
        "annotations": {APPLIED: applied},
    }
    return {"apiVersion": BUILD_API, "kind": "BuildConfig", "metadata": metadata, "spec": spec}


def _source(description: Description) -> Object:
    if description.files is not None:
        return {"type": "Binary", "binary": {}}
    source: Object = {"dockerfile": description.dockerfile} if description.dockerfile else {}
    git = description.git
    if git is None:
        return {"type": "Dockerfile", **source}
    source |= {"type": "Git", "git": {"uri": git.uri, "ref": git.ref}}
    if git.context_dir:
        source["contextDir"] = git.context_dir
    if git.secret:
        source["sourceSecret"] = {"name": git.secret}
    return source


def _strategy(description: Description) -> Object:
    strategy: Object = {}
    if description.base:
        name = ":".join(base_stream(description)) if description.base_is_reference else description.base
        strategy["from"] = {"kind": "ImageStreamTag", "name": name if ":" in name else f"{name}:latest"}
        if description.base_namespace and not description.base_is_reference:
            strategy["from"]["namespace"] = description.base_namespace
    if description.environment:
        strategy["env"] = _variables(description.environment)
    if description.pull_secret:
        strategy["pullSecret"] = {"name": description.pull_secret}
    if description.strategy == "source":
        return {"type": "Source", "sourceStrategy": strategy}
    if description.build_args:
        strategy["buildArgs"] = _variables(description.build_args)
    if description.dockerfile_path:
        strategy["dockerfilePath"] = description.dockerfile_path
    return {"type": "Docker", "dockerStrategy": strategy}


def _variables(values: t.Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in sorted(values.items())]


def is_ours(found: Object) -> bool:
    """Was it made by this module?"""
    return APPLIED in (found["metadata"].get("annotations") or {})


def changes(now: Object, wanted: Object) -> Object:
    """What has to be patched so that an object is as it is wanted; empty when it is.

    What others or the cluster added stays. What an earlier run asked for and this one does not goes.
    """
    annotations = now["metadata"].get("annotations") or {}
    try:
        before: Object = json.loads(annotations[APPLIED])
    except (KeyError, ValueError):
        # Made by somebody else: of these two parts nothing may be left over.
        before = {"spec": {key: now["spec"][key] for key in ("source", "strategy") if key in now.get("spec", {})}}
    return _changes(now, {key: wanted[key] for key in ("metadata", "spec")}, before)


def _changes(now: t.Any, wanted: Object, before: t.Any) -> Object:
    now, before = (value if isinstance(value, dict) else {} for value in (now, before))
    patch: Object = {}
    for key, value in wanted.items():
        if isinstance(value, dict):
            inner = _changes(now.get(key), value, before.get(key))
            if inner or key not in now:
                patch[key] = inner
        elif not _covers(now.get(key), value):
            patch[key] = value
    gone = [key for key in before if key not in wanted and key in now]
    return {**patch, **dict.fromkeys(gone)}


def _covers(now: t.Any, wanted: t.Any) -> bool:
    """Is all that is wanted there? The cluster fills in what was left out."""
    if isinstance(wanted, dict):
        return isinstance(now, dict) and all(_covers(now.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        present = now or []
        return len(present) == len(wanted) and all(map(_covers, present, wanted))
    return bool(now == wanted)
