# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules notebook_image and notebook_image_info do, on any store. Private to the collection."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _releases
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_references import Reference
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_runtimes import Container, Runtime
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_stores import ImageStore

if t.TYPE_CHECKING:
    # Most calls test nothing, and need not load what does.
    from ansible_collections.hubwright.jupyterhub.plugins.module_utils._smoke_test import Passed, Trial

Json = dict[str, t.Any]


@dataclasses.dataclass
class Keeper:
    """A live reference, where it is kept, and where it runs."""

    live: Reference
    history_tags: list[str]
    store: ImageStore
    runtime: Runtime
    hub: str
    warn: t.Callable[[str], object]

    def read(self) -> tuple[_releases.History, dict[str, str]]:
        """The history, and the references that it was read from."""
        found = self.store.references(self.history_tags)
        earlier = [found[tag] for tag in self.history_tags if tag in found] or self.store.earlier()
        history, warnings = _releases.read(self.live, found, earlier, _now())
        for warning in warnings:
            self.warn(warning)
        return history, found

    def apply(self, plan: _releases.Plan, check: bool) -> Json:
        """Do what was planned; the result of the module."""
        if not check:
            for move in plan.moves:
                if move.image:  # what is taken away is, before the plan is final
                    self.store.tag(move.image, move.reference)
        return {"changed": plan.changed, "diff": _diff(plan), "smoke": None} | facts(plan.history)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def _diff(plan: _releases.Plan) -> Json:
    return {"before_header": "references", "after_header": "references"} | {
        side: "".join(f"{reference} {image}\n" for reference, image in references.items())
        for side, references in plan.diff.items()
    }


def facts(history: _releases.History) -> Json:
    """What both modules return of a history."""
    previous = history.line[-2] if len(history.line) > 1 else ""
    return {"live": history.image, "previous": previous, "releases": history.releases()}


def promote(keeper: Keeper, candidate: str, trial: Trial | None, force: bool, only_first: bool, check: bool) -> Json:
    """Make a candidate live, if it is not and passes its test.

    :param trial: how it is tried out; None: not at all.
    :param only_first: leave what is live alone.
    :raises HubError: nothing was changed.
    """
    history, found = keeper.read()
    image = history.image if only_first and history.image else keeper.store.image(candidate, "candidate")
    plan = _releases.promote(history, found, keeper.history_tags, image, _now(), force)
    passed = None
    if plan.promotes:
        passed = _tried(keeper, candidate, image, trial, check)
    return keeper.apply(plan, check) | {"smoke": passed and dataclasses.asdict(passed)}


def _tried(keeper: Keeper, candidate: str, image: str, trial: Trial | None, check: bool) -> Passed | None:
    """The result of the candidate's test, None where there is none."""
    if trial and not trial.jupyterhub_version:
        raise HubError(
            "smoke_test.jupyterhub_version is missing, so that the image's JupyterHub can not be compared with the hub's.",
            "Give the version of the hub, or promote without a test: smoke_test.enabled is false.",
        )
    if not trial and not keeper.store.on_engine:
        return None
    local = keeper.store.local(image, pull=not check)
    return keeper.runtime.try_out(local, candidate, None if check else trial) if local else None


def roll_back(keeper: Keeper, steps: int | None, to: str | None, check: bool) -> Json:
    """Make an earlier release live.

    :raises HubError: nothing was changed.
    """
    history, found = keeper.read()
    return keeper.apply(_releases.roll_back(history, found, keeper.history_tags, _now(), steps, to), check)


def prune(keeper: Keeper, keep: int, remove_stopped: bool, check: bool) -> Json:
    """Forget old releases, and if asked for remove stopped containers that have one.

    :raises HubError: nothing was changed.
    """
    if remove_stopped and not keeper.hub:
        raise HubError(
            "remove_stopped is true, but hub does not say whose containers are meant.", "Give the hub's name."
        )
    history, found = keeper.read()
    _releases.prune(history, found, keep, {})  # refuses what can not be meant, before any container goes
    containers = keeper.runtime.containers() if keeper.store.on_engine or keeper.hub else []
    behind = {image for image in [*history.line, *history.held] if image != history.image}
    gone = [
        container
        for container in containers
        if remove_stopped
        and container.of_hub
        and container.stopped
        and keeper.store.release_of(container.image) in behind
    ]
    if not check:
        gone = [container for container in gone if keeper.runtime.remove(container)]
    reasons = {
        keeper.store.release_of(container.image): f"used by the container {container.name}"
        for container in reversed(containers)  # so that the first of several is named
        if container not in gone
    }
    plan = _releases.prune(history, found, keep, reasons)
    if not check:
        refusals = {image: keeper.store.untag(image, references) for image, references in plan.removals.items()}
        reasons |= {image: refusal for image, refusal in refusals.items() if refusal}
        plan = _releases.prune(history, found, keep, reasons)
    result = keeper.apply(plan, check)
    removed = {"releases": plan.removed, "containers": [container.name for container in gone]}
    return result | {"changed": plan.changed or bool(gone), "removed": removed, "kept": plan.kept}


def report(keeper: Keeper) -> Json:
    """The releases, and which user server has which."""
    history, _found = keeper.read()
    found = facts(history)
    names = {release["id"]: release["name"] for release in found["releases"]}
    servers, states = [], collections.Counter[tuple[str, bool]]()
    for container in _user_servers(keeper):
        image = keeper.store.release_of(container.image)
        live = image == history.image
        states[image, container.stopped] += 1
        # Only of those that are behind, since each is a question of its own to an engine.
        user, server = ("", "") if live else keeper.runtime.owner(container)
        servers.append(
            {
                "user": user,
                "server": server,
                "container": container.name,
                "image_id": container.image,
                "release": names.get(image, ""),
                "live": live,
                "state": container.state,
            }
        )
    for release in found["releases"]:
        release["running"] = states[release["id"], False] if keeper.hub else None
        release["stopped"] = states[release["id"], True] if keeper.hub else None
    return {"changed": False, "servers": servers} | found


def _user_servers(keeper: Keeper) -> list[Container]:
    return [container for container in keeper.runtime.containers() if container.of_hub] if keeper.hub else []
