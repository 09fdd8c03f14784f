# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of releases, and who counts as idle."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_report import idle, report

NEW, OLD = "live-20261125T101500Z-0d4c1f2a9b3c", "live-20261002T081500Z-77b1e2d3c4a5"


def release(name: str, **facts: t.Any) -> dict[str, t.Any]:
    return {
        "name": name,
        "id": f"sha256:{name[-12:] * 5}",
        "time": "2026-11-25T10:15:00Z",
        "live": False,
        "held": False,
        "running": 0,
        "stopped": 0,
        **facts,
    }


def server(user: str, **facts: t.Any) -> dict[str, t.Any]:
    return {
        "user": user,
        "server": "",
        "container": f"lab-user-{user}",
        "release": OLD,
        "live": False,
        "state": "running",
        **facts,
    }


def test_one_release_is_one_line_and_who_is_behind_is_named_below() -> None:
    found = {
        "live": "sha256:0d4c",
        "releases": [release(NEW, live=True, running=2), release(OLD, running=1, stopped=1, time="")],
        "servers": [
            server("ada"),
            server("bob", server="gpu", state="exited"),
            server("", container="lab-user-carl", release=NEW, live=True),
            server("", container="lab-user-dan", release=NEW, live=True),
            # Of another image than this one.
            server("eve", release=""),
        ],
    }
    assert report({"lab": {"notebook:live": found}}) == [
        f"hub  image          {'release':34}  state    since                 running  stopped",
        f"---  -------------  {'-' * 34}  -------  --------------------  -------  -------",
        f"lab  notebook:live  {NEW}  live     2026-11-25T10:15:00Z        2        0",
        f"lab  notebook:live  {OLD}  earlier  -                           1        1",
        "",
        "lab: ada, bob/gpu (exited): 2 of 4 user servers have an older release of notebook:live.",
    ]


def test_a_line_names_ten_at_most() -> None:
    found = {"live": "x", "releases": [release(NEW)], "servers": [server(f"user{number:02}") for number in range(12)]}
    assert report({"lab": {"notebook:live": found}})[-1] == (
        f"lab: {', '.join(f'user{number:02}' for number in range(10))} and 2 more: "
        "12 of 12 user servers have an older release of notebook:live."
    )


def test_what_is_not_there_is_said() -> None:
    nothing = {"live": "", "releases": [], "servers": []}
    assert report({"lab": {"notebook:live": nothing}}) == [
        "There is no release of any image.",
        "",
        "lab: no image is notebook:live yet.",
    ]
    held = {"live": "x", "releases": [release("", id="sha256:" + "ab" * 32, held=True)], "servers": []}
    assert "abababababab  held" in report({"lab": {"notebook:live": held}})[2]


@pytest.mark.parametrize("nonsense", [None, [], {"lab": []}, {"lab": {"notebook:live": {"live": ""}}}])
def test_something_else_is_refused(nonsense: t.Any) -> None:
    with pytest.raises(HubError, match="notebook_image_report got something else"):
        report(nonsense)


NOW = datetime.datetime(2026, 11, 25, 12, 0, tzinfo=datetime.timezone.utc)
HOUR_AGO, MINUTE_AGO = "2026-11-25T11:00:00.000000Z", "2026-11-25T11:59:00.000000Z"


def activity(user: str, last: str | None, **facts: t.Any) -> dict[str, t.Any]:
    return {
        "user": user,
        "name": "",
        "ready": True,
        "pending": None,
        "started": HOUR_AGO,
        "last_activity": last,
        **facts,
    }


@pytest.mark.parametrize(
    ("facts", "known", "chosen"),
    [
        ({}, activity("ada", HOUR_AGO), True),
        ({}, activity("ada", MINUTE_AGO), False),
        # Never active since it started.
        ({}, activity("ada", None), True),
        ({}, activity("ada", HOUR_AGO, pending="stop"), False),
        ({}, activity("ada", HOUR_AGO, ready=False), False),
        ({}, activity("ada", HOUR_AGO, name="gpu"), False),
        ({"server": "gpu"}, activity("ada", HOUR_AGO, name="gpu"), True),
        ({}, activity("bob", HOUR_AGO), False),
        ({"state": "exited"}, activity("ada", HOUR_AGO), False),
        ({"live": True}, activity("ada", HOUR_AGO), False),
        ({"release": ""}, activity("ada", HOUR_AGO), False),
    ],
)
def test_only_who_runs_an_older_release_and_did_nothing_is_idle(
    facts: dict[str, t.Any], known: dict[str, t.Any], chosen: bool
) -> None:
    entry = server("ada", **facts)
    assert idle([entry], [known], 1800, NOW) == ([entry] if chosen else [])


def test_nobody_is_idle_for_no_time() -> None:
    with pytest.raises(HubError, match="got 0 seconds, expected more than 0"):
        idle([], [], 0)
