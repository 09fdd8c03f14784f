# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases of a notebook image: what the tags in a store tell, and what a promotion, a roll-back and pruning do to them.

Pure functions. The history is a row of events, each a tag beside the live one that is never moved: ``latest-TIME-ID`` says
that this image became live then, ``latest-TIME-ID-rollback`` that it did so by a roll-back. Nothing ever has to be taken
away to change the history, so it works in registries that can not remove a tag. The live reference is moved first and the
event is written after it: a live image without its event is what a lost controller leaves, and so does a ``docker tag`` by
hand. Either way the next plan writes the event that is missing, before anything else. Private to the collection.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_references import Reference

_EVENT = re.compile(r"(?P<tag>.+)-(?P<time>\d{8}T\d{6}Z)-(?P<id>[0-9a-f]{12})(?P<back>-rollback)?")
_TIME = "%Y%m%dT%H%M%SZ"
# What is left of the 128 characters of a tag beside the longest that an event adds.
_LONGEST_TAG = 128 - len("-20261125T101500Z-0d4c1f2a9b3c-rollback")


@dataclasses.dataclass(frozen=True, order=True)
class Event:
    """An image became live."""

    time: datetime.datetime
    #: Name of the tag that says so.
    tag: str
    image: str
    rollback: bool


@dataclasses.dataclass(frozen=True)
class Move:
    """A reference that is put on an image, or with an empty ``image`` taken away."""

    reference: str
    image: str


def checked(live: Reference) -> Reference:
    """A live reference that can have a history.

    :raises HubError: it can not.
    """
    if live.digest:
        raise HubError(
            f"name is {live}, which can never be another image.",
            f"Give the name that the spawner starts, with a tag: {live.tagged('live')}.",
        )
    if len(live.tag) > _LONGEST_TAG or _EVENT.fullmatch(live.tag):
        raise HubError(
            f"name is {live}, expected a tag of at most {_LONGEST_TAG} characters that is not the tag of a release.",
            f"Give the name that the spawner starts, such as {live.tagged('live')}.",
        )
    return live


def short(image: str) -> str:
    """The first 12 digits of an id."""
    return image.rpartition(":")[2][:12]


def is_event(live: Reference, tag: str) -> bool:
    """Does a tag of the live reference's repository belong to its history?"""
    found = _EVENT.fullmatch(tag)
    return found is not None and found["tag"] == live.tag


def _event(tag: str, image: str) -> Event | None:
    """What a tag says; None when it is on another image than its name says, so that somebody has moved it."""
    found = _EVENT.fullmatch(tag)
    if not found or found["id"] != short(image):
        return None
    time = datetime.datetime.strptime(found["time"], _TIME).replace(tzinfo=datetime.timezone.utc)
    return Event(time, tag, image, bool(found["back"]))


@dataclasses.dataclass
class History:
    """What became live, in order, and what follows from it."""

    live: Reference
    #: What the live reference is; empty when there is none.
    image: str
    events: list[Event]
    #: The way back: the live image last, each image once.
    line: list[str] = dataclasses.field(default_factory=list)
    #: Images that a roll-back left, in the order in which they did.
    held: list[str] = dataclasses.field(default_factory=list)
    #: Events that a store lacks.
    missing: list[Event] = dataclasses.field(default_factory=list)

    def happened(self, event: Event) -> None:
        """Let an event change what is live and what is held."""
        image = event.image
        if event.rollback and image in self.line:
            at = self.line.index(image) + 1
            left = self.line[at:]
            self.line = self.line[:at]
            self.held = [other for other in self.held if other not in left] + left
        else:
            self.line = [other for other in self.line if other != image] + [image]
            self.held = [other for other in self.held if other != image]

    def next(self, image: str, now: datetime.datetime, rollback: bool = False) -> Event:
        """The event that this image becomes live, later than all others whatever the clock says."""
        time = now.replace(microsecond=0)
        last = max((event.time for event in [*self.events, *self.missing]), default=None)
        if last is not None and last >= time:
            time = last + datetime.timedelta(seconds=1)
        name = f"{self.live.tag}-{time.strftime(_TIME)}-{short(image)}{'-rollback' if rollback else ''}"
        return Event(time, name, image, rollback)

    def name(self, image: str) -> str:
        """Name of a release: the tag of its last promotion, empty without one."""
        found = [event for event in self.events if event.image == image]
        return ([event.tag for event in found if not event.rollback] or [event.tag for event in found] or [""])[-1]

    def releases(self) -> list[dict[str, t.Any]]:
        """As the modules return them: live, one step back and so on, then held ones, the newest first."""
        order = [*reversed(self.line), *reversed(self.held)]
        return [
            {
                "name": self.name(image),
                "id": image,
                "time": max(
                    (f"{event.time:%Y-%m-%dT%H:%M:%SZ}" for event in self.events if event.image == image), default=""
                ),
                "live": image == self.image,
                "held": image in self.held,
            }
            for image in order
        ]


def read(
    live: Reference, found: t.Mapping[str, str], earlier: t.Sequence[str], now: datetime.datetime
) -> tuple[History, list[str]]:
    """The history that the references of a store tell, and a sentence about each that is not as it should be.

    :param found: reference -> id of the image, of all that may matter.
    :param earlier: images that were live before, the newest first; they count where there are no events yet.
    """
    tags = {
        reference.rpartition(":")[2]: image
        for reference, image in found.items()
        if reference.rpartition(":")[0] == live.repository
    }
    read_events = {tag: _event(tag, image) for tag, image in tags.items() if is_event(live, tag)}
    warnings = [
        f"The tag {live.tagged(tag)} is on {short(tags[tag])}, which is not what its name says, and is left out. "
        f"Somebody has moved it: remove it."
        for tag, event in sorted(read_events.items())
        if not event
    ]
    history = History(live, found.get(str(live), ""), sorted(event for event in read_events.values() if event))
    for event in history.events:
        history.happened(event)
    if not history.events:
        for image in dict.fromkeys(image for image in reversed(earlier) if image != history.image):
            _amend(history, history.next(image, now))
    if history.image and (not history.line or history.line[-1] != history.image):
        _amend(history, history.next(history.image, now, rollback=history.image in history.line))
    return history, warnings


def _amend(history: History, event: Event) -> None:
    history.missing.append(event)
    history.happened(event)


@dataclasses.dataclass
class Plan:
    """What is to be done to a store; decides ``changed`` and the diff."""

    #: What there was.
    found: t.Mapping[str, str]
    #: In this order: whatever is cut short leaves the old image live or the new one, and a way back.
    moves: list[Move]
    #: What there will be.
    history: History
    #: Id of the image that becomes live; empty when none does.
    promotes: str = ""
    #: Names of the releases that go.
    removed: list[str] = dataclasses.field(default_factory=list)
    #: Names of the old releases that stay, with the reason.
    kept: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def changed(self) -> bool:
        return bool(self.moves)

    @property
    def removals(self) -> dict[str, list[str]]:
        """Image -> references that are taken away from it."""
        leaving: dict[str, list[str]] = {}
        for move in self.moves:
            if not move.image:
                leaving.setdefault(self.found[move.reference], []).append(move.reference)
        return leaving

    @property
    def diff(self) -> dict[str, dict[str, str]]:
        """References that change, to their images."""
        before = {move.reference: self.found.get(move.reference, "") for move in self.moves}
        after = {move.reference: move.image for move in self.moves}
        return {
            "before": {reference: image for reference, image in sorted(before.items()) if image},
            "after": {reference: image for reference, image in sorted(after.items()) if image},
        }


def promote(
    history: History,
    found: t.Mapping[str, str],
    history_tags: t.Sequence[str],
    candidate: str,
    now: datetime.datetime,
    force: bool = False,
) -> Plan:
    """Make ``candidate`` live, as a new release.

    :raises HubError: it is held, and ``force`` is not given.
    """
    if candidate in history.held and not force:
        raise HubError(
            f"The release {history.name(candidate) or short(candidate)} is held, since it was live and then rolled back.",
            "Build another image, or promote this one with force if it was not the reason.",
        )
    return _switch(history, found, history_tags, candidate, now)


def roll_back(
    history: History,
    found: t.Mapping[str, str],
    history_tags: t.Sequence[str],
    now: datetime.datetime,
    steps: int | None,
    to: str | None,
) -> Plan:
    """Make an earlier release live; those after it are held.

    :raises HubError: there is no such release.
    """
    if not history.image:
        raise HubError(f"There is no image {history.live}, so there is nothing to roll back.")
    if to:
        target = _named(history, to)
    else:
        wanted = 1 if steps is None else steps
        if wanted < 1:
            raise HubError(f"steps is {wanted}, expected 1 or more.")
        earlier = len(history.line) - 1
        if wanted > earlier:
            raise HubError(
                f"{history.live} can not go back {wanted} {'step' if wanted == 1 else 'steps'}: "
                f"{'nothing is' if not earlier else f'only {earlier} {_releases(earlier)}'} known before the live one.",
                "Promote another image instead.",
            )
        target = history.line[-1 - wanted]
    return _switch(history, found, history_tags, target, now, rollback=True)


def _releases(count: int) -> str:
    return "release is" if count == 1 else "releases are"


def _named(history: History, to: str) -> str:
    """The image of a release of the way back, by a name of its or by its id."""
    wanted = to.removeprefix(f"{history.live.repository}:")
    known = dict.fromkeys([*history.line, *history.held])
    by_tag = [event.image for event in history.events if event.tag == wanted]
    digits = wanted.removeprefix("sha256:")
    by_id = [image for image in known if len(digits) >= 12 and image.rpartition(":")[2].startswith(digits)]
    image = (by_tag or by_id or [""])[0]
    if image in history.line:
        return image
    if image in history.held:
        raise HubError(
            f"to is {to}, which is held: it was live after what is live now.",
            "To make it live again, promote it with force.",
        )
    names = [history.name(each) or short(each) for each in reversed(history.line[:-1])]
    raise HubError(
        f"to is {to}, which is no earlier release of {history.live}.",
        f"There are: {', '.join(names)}." if names else "There is none yet.",
    )


def _switch(
    history: History,
    found: t.Mapping[str, str],
    history_tags: t.Sequence[str],
    image: str,
    now: datetime.datetime,
    rollback: bool = False,
) -> Plan:
    """What is missing first, then the tags on earlier releases, the live reference, and last the event."""
    after = dataclasses.replace(
        history, image=image, events=sorted([*history.events, *history.missing]), missing=[], line=list(history.line)
    )
    moves = [Move(history.live.tagged(event.tag), event.image) for event in history.missing]
    event = None
    if image != history.image:
        event = history.next(image, now, rollback)
        after.happened(event)
        after.events = sorted([*after.events, event])
    for steps, reference in enumerate(history_tags, 1):
        if steps < len(after.line) and found.get(reference) != after.line[-1 - steps]:
            moves.append(Move(reference, after.line[-1 - steps]))
    if event:
        moves += [Move(str(history.live), image), Move(history.live.tagged(event.tag), image)]
    return Plan(found, moves, after, image if event else "")


def prune(history: History, found: t.Mapping[str, str], keep: int, reasons: t.Mapping[str, str]) -> Plan:
    """Forget releases but the live one and ``keep`` - 1 before it.

    Held releases go when they are older than what is kept, so that a hold lasts as long as there is a way back past it.

    :param reasons: id of an image -> why it stays although it is old.
    """
    if keep < 1:
        raise HubError(f"keep is {keep}, expected 1 or more: the live release always stays.")
    wanted = history.line[-keep:]
    promoted = {event.image: event.time for event in history.events if not event.rollback}
    begin = min((promoted[image] for image in wanted if image in promoted), default=None)
    late = [image for image in history.held if begin is not None and image in promoted and promoted[image] > begin]
    old = [image for image in [*history.line, *history.held] if image not in wanted and image not in late]
    gone = [image for image in old if image not in reasons]
    missing = [event for event in history.missing if event.image not in gone]
    # The tag that gives a release its name goes last: until then the image is there, and can be refused to go.
    leaving = sorted((event for event in history.events if event.image in gone), key=lambda event: not event.rollback)
    after = dataclasses.replace(
        history,
        events=sorted([*missing, *(event for event in history.events if event.image not in gone)]),
        missing=[],
        line=[image for image in history.line if image not in gone],
        held=[image for image in history.held if image not in gone],
    )
    return Plan(
        found,
        moves=[
            *(Move(history.live.tagged(event.tag), event.image) for event in missing),
            *(Move(history.live.tagged(event.tag), "") for event in leaving),
        ],
        history=after,
        removed=[history.name(image) or short(image) for image in gone],
        kept={history.name(image) or short(image): reasons[image] for image in old if image in reasons},
    )
