# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings about that a tag of an image stream holds a build. Private to the collection."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import (
    _image_build_objects,
    _image_build_run,
    _image_streams,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Cluster, Object, Refused
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_build_objects import Description

_SETTLE = 30.0  # seconds until a stream shows what a complete build pushed
_QUEUE = 600.0  # seconds that a build may wait for others of its configuration, beside its own time


@dataclasses.dataclass
class Outcome:
    """What is there now, or would be."""

    before: dict[str, t.Any]
    after: dict[str, t.Any]
    reasons: list[str] = dataclasses.field(default_factory=list)
    image: str = ""
    id: str = ""
    base: str = ""
    build: str = ""
    seconds: float = 0.0

    @property
    def changed(self) -> bool:
        """Is anything another than before?"""
        return self.before != self.after


@dataclasses.dataclass(frozen=True)
class Run:
    """One call: where, and how it goes about it."""

    cluster: Cluster
    namespace: str
    check_mode: bool = False
    force: bool = False  #: import the base again, and build, although nothing differs
    adopt: bool = False  #: take over what somebody else made
    say: t.Callable[[str], None] = lambda _line: None

    def stream(self, name: str) -> Object | None:
        """An image stream as the cluster has it."""
        return self.cluster.find(_image_streams.path(self.namespace, "imagestreams", name))

    def config(self, name: str) -> Object | None:
        """A build configuration as the cluster has it."""
        return self.cluster.find(_image_build_run.path(self.namespace, "buildconfigs", name))


def build(run: Run, description: Description) -> Outcome:
    """Have the image built, unless the tag holds just this.

    :raises HubError: it can not be; the tag is what it was.
    """
    with _rights(run.namespace):
        return _build(run, description)


def remove(run: Run, description: Description) -> Outcome:
    """Remove stream, configuration and builds."""
    with _rights(run.namespace):
        return _remove(run, description)


@contextlib.contextmanager
def _rights(namespace: str) -> t.Iterator[None]:
    """Says what is missing when the cluster refuses for want of a right or of room."""
    try:
        yield
    except Refused as error:
        if error.status != 403:
            raise
        raise HubError(
            f"The cluster refuses this in the project {namespace}: {error.reason.rstrip('.')}.",
            "The account of the kubeconfig needs the role edit or admin there, and the project's quota room for it.",
        ) from error


def _build(run: Run, description: Description) -> Outcome:
    stream, config = run.stream(description.stream), run.config(description.build_config)
    if stream is None:
        _image_streams.known(run.cluster, run.namespace)
    _refuse_what_is_not_ours(run, description, stream, config)
    outcome = Outcome({}, {})
    base_id = _base(run, description, outcome)
    of = _image_build_objects.made_of(description, base_id)
    tag = _image_streams.find(run.cluster, run.namespace, description.stream, description.tag)
    outcome.reasons = _reasons(tag, of, run.force)
    wanted = _image_streams.Wanted(description.stream, {}, dict(description.labels), description.local_lookup)
    outcome.before["image_stream"], outcome.after["image_stream"] = _image_streams.state(
        run.cluster, run.namespace, wanted
    )
    wanted_config = _image_build_objects.build_config(description, of)
    _compare(outcome, "build_config", config, wanted_config)
    had = {key: tag.labels.get(f"{_image_build_objects.LABEL}{key}", "") for key in of} if tag else {}
    outcome.before["image"] = {"id": tag.id, **had} if tag else None
    outcome.after["image"] = {"id": "of a new build", **of} if outcome.reasons else outcome.before["image"]
    if tag:
        outcome.id, outcome.image = tag.id, tag.reference
    if run.check_mode:
        return outcome
    if outcome.before["image_stream"] != outcome.after["image_stream"]:
        _image_streams.bring(run.cluster, run.namespace, wanted, outcome.before["image_stream"])
    _apply(run, config, wanted_config)
    same = _image_build_run.Same(description.build_config, of, description.name, _image_build_run.last_version(config))
    name = same.running(run.cluster, run.namespace) if config and not run.force else ""
    if outcome.reasons or name:
        _make(run, description, same, name, outcome)
    return outcome


def _make(run: Run, description: Description, same: _image_build_run.Same, name: str, outcome: Outcome) -> None:
    """Start a build, or join the one that runs, and wait for its image."""
    begin = time.monotonic()
    seconds = description.timeout + _QUEUE
    started = False
    if not name:
        archive = description.files.archive() if description.files is not None else None
        if archive is not None:
            run.say(f"{description.build_config}: uploading {-(-len(archive) // 1024)} KiB")
        name, started = _image_build_run.start(run.cluster, run.namespace, same, archive, seconds, run.force)
    run.say(f"{name}: {'started, since ' + ', '.join(outcome.reasons) if started else 'runs already, joined'}")
    try:
        found = _image_build_run.follow(run.cluster, run.namespace, name, seconds, run.say)
    except HubError as error:
        was = "has no image" if outcome.before["image"] is None else "is what it was"
        raise HubError(f"{error.message}\n{description.name} {was}.", error.hint, **error.facts) from error
    outcome.build, outcome.seconds = name, round(time.monotonic() - begin, 1)
    outcome.id, outcome.image = _pushed(run, description, found)
    outcome.after["image"] = {"id": outcome.id, **same.of}


def _pushed(run: Run, description: Description, build_: Object) -> tuple[str, str]:
    """Id and reference of the image that a build pushed, which the stream shows a moment later."""
    digest = (((build_.get("status") or {}).get("output") or {}).get("to") or {}).get("imageDigest", "")
    deadline = time.monotonic() + _SETTLE
    while True:
        tags = ((run.stream(description.stream) or {}).get("status") or {}).get("tags") or []
        items = [item for tag in tags if tag["tag"] == description.tag for item in tag.get("items") or []]
        found = next((item for item in items if item["image"] == digest), None)
        if found is None and items and (not digest or time.monotonic() > deadline):
            found = items[0]
        if found:
            return str(found["image"]), str(found["dockerImageReference"])
        if time.monotonic() > deadline:
            raise HubError(
                f"The build {build_['metadata']['name']} is complete, but the image stream {description.stream} has no "
                f"image under the tag {description.tag}.",
                f"Look at what the cluster says: oc describe imagestream {description.stream}.",
            )
        time.sleep(0.5)


def _base(run: Run, description: Description, outcome: Outcome) -> str:
    """Id of the base image, which is imported first when it is in a registry."""
    if not description.base:
        return ""
    namespace = run.namespace
    if not description.base_is_reference:
        name, tag = _image_build_objects.stream_tag(description.base, "base")
        found = _image_streams.expect(run.cluster, description.base_namespace or namespace, name, tag, "base")
        outcome.base = found.reference
        return found.id
    name, tag = _image_build_objects.base_stream(description)
    wanted = _image_streams.Wanted(name, {tag: description.base}, dict(description.labels))
    before, after = _image_streams.state(run.cluster, namespace, wanted)
    outcome.before["base"], outcome.after["base"] = before, after
    if run.check_mode and (before != after or run.force):
        # Which image it is shows when it is imported.
        outcome.base = description.base
        return ""
    if before != after or run.force:
        run.say(f"{name}:{tag}: importing {description.base}")
        _image_streams.bring(run.cluster, namespace, wanted, {**before, "imported": {}} if before else {})
    found = _image_streams.expect(run.cluster, namespace, name, tag, "base")
    outcome.base = found.reference
    return found.id


def _reasons(tag: _image_streams.Tag | None, of: t.Mapping[str, str], force: bool) -> list[str]:
    """Why a build is needed, for people; none when it is not."""
    if tag is None:
        return ["the tag has no image"]
    label = _image_build_objects.LABEL
    if not any(key.startswith(label) for key in tag.labels):
        return ["the tag's image was not built like this"]
    texts = {"source": "the source differs", "recipe": "the way it is built differs", "base": "the base image differs"}
    found = [texts[key] for key, value in of.items() if value and tag.labels.get(f"{label}{key}", "") != value]
    return found or (["it was asked for"] if force else [])


def _compare(outcome: Outcome, key: str, now: Object | None, wanted: Object) -> None:
    """Take an object into what is compared, as people want to see it."""
    shown = _shown(wanted)
    if now is None:
        outcome.before[key], outcome.after[key] = None, shown
    elif _image_build_objects.changes(now, wanted):
        # What the cluster filled in by itself would only hide what differs.
        outcome.before[key], outcome.after[key] = _last(now), shown
    else:
        outcome.before[key] = outcome.after[key] = shown


def _last(now: Object) -> Object:
    """What an object was asked to be, as far as it is still that."""
    applied = (now["metadata"].get("annotations") or {}).get(_image_build_objects.APPLIED)
    spec = json.loads(applied)["spec"] if applied else now.get("spec") or {}
    present = now.get("spec") or {}
    return {
        "labels": now["metadata"].get("labels") or {},
        "spec": {key: present[key] for key in spec if key in present},
    }


def _shown(wanted: Object) -> Object:
    return {"labels": wanted["metadata"]["labels"], "spec": wanted["spec"]}


def _apply(run: Run, now: Object | None, wanted: Object) -> None:
    """Make a build configuration, or what it is to be."""
    if now is None:
        run.cluster.create(_image_build_run.path(run.namespace, "buildconfigs"), wanted)
        return
    patch = _image_build_objects.changes(now, wanted)
    if patch:
        run.cluster.merge(_image_build_run.path(run.namespace, "buildconfigs", wanted["metadata"]["name"]), patch)


def _refuse_what_is_not_ours(run: Run, description: Description, stream: Object | None, config: Object | None) -> None:
    if config and not _image_build_objects.is_ours(config) and not run.adopt:
        raise HubError(
            f"The project {run.namespace} has a BuildConfig {description.build_config} that somebody else made.",
            "Choose another name with build_config, or take it over with adopt: true.",
        )
    reference = _image_streams.imported(stream, description.tag)
    if reference:
        raise HubError(
            f"The tag {description.name} is an import of {reference}: a tag is either imported or built.",
            f"Choose another tag, or take this one away first: oc tag --delete {description.name}.",
        )


def _remove(run: Run, description: Description) -> Outcome:
    config = run.config(description.build_config)
    streams = [run.stream(description.stream), run.stream(f"{description.build_config}-base")]
    foreign = [f"BuildConfig {description.build_config}"] if config and not _image_build_objects.is_ours(config) else []
    if streams[0] and not _image_streams.is_ours(streams[0]):
        foreign.append(f"ImageStream {description.stream}")
    if foreign and not run.adopt:
        raise HubError(
            f"Somebody else made {' and '.join(foreign)} of the project {run.namespace}.",
            "Remove them by hand, or say that they are yours with adopt: true.",
        )
    if streams[1] and not _image_streams.is_ours(streams[1]):
        streams.pop()
    names = [str(each["metadata"]["name"]) for each in streams if each]
    before = {"build_config": description.build_config if config else "", "image_streams": names}
    if not run.check_mode:
        builds = _image_build_run.path(run.namespace, "builds")
        if config:
            run.cluster.delete(_image_build_run.path(run.namespace, "buildconfigs", description.build_config))
            for each in run.cluster.items(builds, f"buildconfig={description.build_config}"):
                run.cluster.delete(f"{builds}/{each['metadata']['name']}")
        for name in names:
            run.cluster.delete(_image_streams.path(run.namespace, "imagestreams", name))
    return Outcome(before, {"build_config": "", "image_streams": []})
