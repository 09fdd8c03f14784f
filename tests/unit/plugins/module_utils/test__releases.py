# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a history of releases is, and that it survives whatever interrupts a change."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _releases
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_references import parse

A, B, C, D = (f"sha256:{letter * 64}" for letter in "abcd")
NOW = datetime.datetime(2026, 11, 25, 10, 15, tzinfo=datetime.timezone.utc)
NAMES = {A: "A", B: "B", C: "C", D: "D"}


class Store:
    """References, and what happens to them."""

    def __init__(self, name: str = "notebook", history_tags: tuple[str, ...] = (), **found: str) -> None:
        self.live = parse(name, "name")
        self.history_tags = history_tags
        self.found = {parse(key, "x").repository + ":latest": image for key, image in found.items()}

    def read(self) -> _releases.History:
        earlier = [self.found[tag] for tag in self.history_tags if tag in self.found]
        return _releases.read(self.live, self.found, earlier, NOW)[0]

    def apply(self, plan: _releases.Plan, count: int | None = None) -> None:
        for move in plan.moves[:count]:
            if move.image:
                self.found[move.reference] = move.image
            else:
                del self.found[move.reference]

    def planned_promotion(self, image: str, force: bool = False) -> _releases.Plan:
        return _releases.promote(self.read(), self.found, self.history_tags, image, NOW, force)

    def planned_roll_back(self, steps: int | None = None, to: str | None = None) -> _releases.Plan:
        return _releases.roll_back(self.read(), self.found, self.history_tags, NOW, steps, to)

    def promote(self, image: str, force: bool = False) -> None:
        self.apply(self.planned_promotion(image, force))

    def roll_back(self, steps: int | None = None, to: str | None = None) -> None:
        self.apply(self.planned_roll_back(steps, to))

    def prune(self, keep: int, **reasons: str) -> _releases.Plan:
        plan = _releases.prune(self.read(), self.found, keep, {eval(name): why for name, why in reasons.items()})
        self.apply(plan)
        return plan

    @property
    def line(self) -> str:
        """The way back with the live image first, then what is held: ``CBA`` or ``A-BC``."""
        history = self.read()
        held = "".join(NAMES[image] for image in history.held)
        line = "".join(NAMES[image] for image in reversed(history.line))
        return f"{line}-{held}" if held else line


def promoted(*images: str) -> Store:
    store = Store()
    for image in images:
        store.promote(image)
    return store


def test_promotions_make_a_way_back() -> None:
    store = promoted(A, B, C)
    assert store.line == "CBA"
    assert store.found["notebook:latest"] == C
    assert not store.planned_promotion(C).changed
    assert sorted(store.found) == [
        "notebook:latest",
        "notebook:latest-20261125T101500Z-aaaaaaaaaaaa",
        "notebook:latest-20261125T101501Z-bbbbbbbbbbbb",
        "notebook:latest-20261125T101502Z-cccccccccccc",
    ]


def test_a_roll_back_holds_what_it_leaves() -> None:
    store = promoted(A, B, C)
    store.roll_back()
    assert store.line == "BA-C"
    with pytest.raises(HubError, match="latest-20261125T101502Z-cccccccccccc is held.*with force"):
        store.promote(C)
    store.promote(D)
    assert store.line == "DBA-C"
    store.promote(C, force=True)
    assert store.line == "CDBA"


def test_a_roll_back_goes_as_far_as_it_is_told() -> None:
    store = promoted(A, B, C)
    store.roll_back(steps=2)
    assert store.line == "A-BC"
    for to in ("latest-20261125T101500Z-aaaaaaaaaaaa", "notebook:latest-20261125T101500Z-aaaaaaaaaaaa", A, "a" * 12):
        store = promoted(A, B, C)
        store.roll_back(to=to)
        assert store.line == "A-BC"
        assert not store.planned_roll_back(to=to).changed


@pytest.mark.parametrize(
    ("steps", "to", "message"),
    [
        (3, None, "notebook:latest can not go back 3 steps: only 2 releases are known before the live one"),
        (0, None, "steps is 0, expected 1 or more"),
        (
            None,
            "latest-20250101T000000Z-eeeeeeeeeeee",
            "no earlier release of notebook:latest. There are: .*b{12}, .*a{12}",
        ),
        (None, "a" * 11, "no earlier release"),
    ],
)
def test_a_release_that_is_not_there_is_refused(steps: int | None, to: str | None, message: str) -> None:
    with pytest.raises(HubError) as caught:
        promoted(A, B, C).roll_back(steps, to)
    assert caught.match(message)


def test_a_held_release_is_no_target_of_a_roll_back() -> None:
    store = promoted(A, B, C)
    store.roll_back()
    with pytest.raises(HubError, match="is held.*promote it with force"):
        store.roll_back(to=C)


def test_without_an_image_or_an_earlier_one_there_is_no_way_back() -> None:
    with pytest.raises(HubError, match="There is no image notebook:latest"):
        Store().roll_back()
    with pytest.raises(HubError, match="can not go back 1 step: nothing is known"):
        promoted(A).roll_back()


def test_what_was_there_before_counts() -> None:
    """Two names moved by ``docker tag``, as people did it by hand."""
    store = Store(history_tags=("notebook_old:latest",), notebook=B, notebook_old=A)
    store.promote(C)
    assert store.line == "CBA"
    assert store.found["notebook_old:latest"] == B
    store = Store(history_tags=("notebook_old:latest",), notebook=B, notebook_old=A)
    store.roll_back()
    assert store.line == "A-B"
    # A second run of such a playbook made both the same.
    store = Store(history_tags=("notebook_old:latest",), notebook=B, notebook_old=B)
    with pytest.raises(HubError, match="nothing is known"):
        store.roll_back()


def test_a_tag_moved_by_hand_is_a_release_like_any_other() -> None:
    store = promoted(A, B, C)
    store.found["notebook:latest"] = D
    assert store.line == "DCBA"
    store.found["notebook:latest"] = B
    assert store.line == "BA-C"
    store.promote(D)
    assert store.line == "DBA-C"


def test_history_tags_follow() -> None:
    store = Store(history_tags=("old:latest", "older:latest"))
    for image in (A, B, C):
        store.promote(image)
    assert (store.found["old:latest"], store.found["older:latest"]) == (B, A)
    store.roll_back()
    # There is nothing two steps back any more: the tag stays where it was.
    assert (store.found["old:latest"], store.found["older:latest"]) == (A, A)


def test_a_tag_that_is_not_what_its_name_says_is_left_out() -> None:
    store = promoted(A, B)
    store.found["notebook:latest-20261125T101500Z-aaaaaaaaaaaa"] = D
    history, warnings = _releases.read(store.live, store.found, (), NOW)
    assert history.line == [B]
    assert warnings and "latest-20261125T101500Z-aaaaaaaaaaaa is on dddddddddddd" in warnings[0]


def test_names_in_one_repository_have_histories_of_their_own() -> None:
    store = promoted(A, B)
    other = Store("notebook:gpu")
    other.found = store.found
    other.promote(C)
    assert (store.line, other.line) == ("BA", "C")


def test_a_clock_that_goes_back_changes_no_order() -> None:
    store = promoted(A, B)
    history = store.read()
    event = history.next(C, NOW - datetime.timedelta(days=3))
    assert event.time > max(each.time for each in history.events)


def test_pruning_keeps_a_way_back_and_what_is_used() -> None:
    store = promoted(A, B, C, D)
    plan = store.prune(2)
    assert (store.line, plan.removed) == (
        "DC",
        [f"latest-20261125T101500Z-{'a' * 12}", f"latest-20261125T101501Z-{'b' * 12}"],
    )
    assert not store.prune(2).changed

    store = promoted(A, B, C, D)
    plan = store.prune(1, B="used by the container x")
    assert store.line == "DB"
    assert plan.kept == {f"latest-20261125T101501Z-{'b' * 12}": "used by the container x"}


def test_pruning_keeps_holds_while_there_is_a_way_back_past_them() -> None:
    store = promoted(A, B, C)
    store.roll_back()
    store.promote(D)
    store.prune(2)
    assert store.line == "DB-C"
    store.prune(1)
    assert store.line == "D"
    with pytest.raises(HubError, match="keep is 0"):
        store.prune(0)


CHANGES = st.lists(
    st.tuples(st.sampled_from(["promote", "force", "back", "hand", "prune"]), st.sampled_from([A, B, C, D])), max_size=8
)


@settings(max_examples=100, deadline=None)
@given(changes=CHANGES, cut=st.integers(0, 6))
def test_whatever_is_cut_short_is_made_up_for(changes: list[tuple[str, str]], cut: int) -> None:
    """A change that was interrupted after any step leaves the old image live or the new one; repeated, it is complete."""
    store = Store(history_tags=("old:latest",))
    for kind, image in changes:
        before, line = store.found.get("notebook:latest", ""), store.read().line
        try:
            if kind == "hand":
                store.found["notebook:latest"] = image
                continue
            if kind == "prune":
                store.prune(2)
                assert store.read().line == line[-2:]
                continue
            plan = (
                store.planned_promotion(image, kind == "force") if kind != "back" else store.planned_roll_back(to=image)
            )
        except HubError:
            assert store.found.get("notebook:latest", "") == before
            continue
        whole = Store(history_tags=store.history_tags)
        whole.found = dict(store.found)
        whole.apply(plan)
        store.apply(plan, cut)
        assert store.found.get("notebook:latest", "") in (before, image)
        # Nothing that was live is lost by the interruption.
        assert set(line) <= {*store.read().line, *store.read().held}
        store.apply(store.planned_promotion(image, True) if kind != "back" else store.planned_roll_back(to=image))
        # An image of the way back that is live without its event looks like one that somebody went back to: what was live
        # after it is held then. Any other change is complete.
        if kind == "back" or image not in line:
            assert store.line == whole.line
        assert sorted(store.line.replace("-", "")) == sorted(whole.line.replace("-", ""))
        assert store.found["notebook:latest"] == image
