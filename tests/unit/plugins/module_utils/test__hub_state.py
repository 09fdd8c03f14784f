# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of hub_info and the status table: pure functions."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hubwright.jupyterhub.plugins.filter.hub_status import FilterModule
from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _hub_state as state
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

READY = {"ready": True, "pending": None, "stopped": False}
STOPPED = {"ready": False, "pending": None, "stopped": True}


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (None, "absent"),
        (STOPPED, "stopped"),
        (READY, "started"),
        ({"ready": False, "pending": "spawn"}, "starting"),
        ({"ready": True, "pending": "stop"}, "stopping"),
        # What the hub does at its own start with servers that it left running.
        ({"ready": False, "pending": "check"}, "starting"),
    ],
)
def test_state_of_a_server(model: dict[str, t.Any] | None, expected: str) -> None:
    assert state.server_state(model) == expected


def test_user_of_a_token_that_may_see_everything() -> None:
    entry = state.user_entry(
        {
            "name": "ada",
            "admin": True,
            "groups": ["b", "a"],
            "last_activity": "2026-11-21T04:00:45Z",
            "servers": {"gpu": READY, "": READY, "old": STOPPED},
        }
    )
    assert entry == {
        "name": "ada",
        "admin": True,
        "groups": ["a", "b"],
        "last_activity": "2026-11-21T04:00:45Z",
        "servers": ["", "gpu"],
    }


def test_what_a_token_may_not_see_is_none_and_not_empty() -> None:
    assert state.user_entry({"name": "ada"}) == {
        "name": "ada",
        "admin": None,
        "groups": None,
        "last_activity": None,
        "servers": None,
    }
    assert state.group_entry({"name": "course"}) == {"name": "course", "users": None}


@pytest.mark.parametrize("with_state", [True, False])
def test_servers_that_run_with_and_without_what_the_spawner_keeps(with_state: bool) -> None:
    model = {"name": "ada", "servers": {"": {**READY, "url": "/user/ada/", "state": {"pid": 7}}, "old": STOPPED}}
    entries = state.server_entries(model, with_state)
    assert [(entry["user"], entry["name"], entry["ready"], entry["url"]) for entry in entries] == [
        ("ada", "", True, "/user/ada/")
    ]
    assert entries[0].get("state") == ({"pid": 7} if with_state else None)
    assert ("state" in entries[0]) is with_state


def test_service_shows_neither_command_nor_process() -> None:
    entry = state.service_entry({"name": "culler", "admin": False, "url": "", "command": ["x", "--token=t"], "pid": 3})
    assert entry == {"name": "culler", "admin": False, "url": ""}


HUBS = {
    "lab": {
        "platform": "docker",
        "running": True,
        "version": "6.1.1",
        "proxy": "ok",
        "database": "ok",
        "servers_running": 12,
        "users": 80,
        "certificate_days": 61,
        "url": "https://lab.example.org/",
        "problems": [],
    },
    "course": {"platform": "local", "running": False, "certificate_days": -2, "problems": ["nothing answers\n at x"]},
    "ward": {"running": True, "certificate_days": 1, "servers_running": 0, "problems": None},
}


def test_table_reads_like_this() -> None:
    assert FilterModule().filters()["hub_status"](HUBS) == [
        "hub     platform  state    version  proxy  database  servers  users  certificate  url",
        "------  --------  -------  -------  -----  --------  -------  -----  -----------  ------------------------",
        "course  local     DOWN     -        -      -               -      -      EXPIRED  -",
        "lab     docker    running  6.1.1    ok     ok             12     80      61 days  https://lab.example.org/",
        "ward    -         running  -        -      -               0      -        1 day  -",
        "",
        "course: nothing answers at x",
    ]


def test_no_hub_is_said() -> None:
    assert state.status_table({}) == ["There is no hub."]


@pytest.mark.parametrize(
    ("hubs", "message"),
    [
        ([], "hub_status got list, expected a mapping of hub names"),
        ({"lab": "up"}, "Hub lab: hub_status got str, expected a mapping of facts"),
        ({"lab": {"verison": "6"}}, "Hub lab: hub_status knows no fact 'verison', expected some of version, running"),
        ({"lab": {"version": 6}}, "Hub lab: fact version is 6, expected str"),
        ({"lab": {"running": "yes"}}, "Hub lab: fact running is 'yes', expected bool"),
        ({"lab": {"proxy": True}}, "Hub lab: fact proxy is True, expected str"),
        ({"lab": {"database": 1}}, "Hub lab: fact database is 1, expected str"),
        ({"lab": {"servers_running": True}}, "Hub lab: fact servers_running is True, expected int"),
        ({"lab": {"users": "80"}}, "Hub lab: fact users is '80', expected int"),
        ({"lab": {"certificate_days": 1.5}}, "Hub lab: fact certificate_days is 1.5, expected int"),
        ({"lab": {"platform": []}}, "Hub lab: fact platform is [], expected str"),
        ({"lab": {"url": 1}}, "Hub lab: fact url is 1, expected str"),
        ({"lab": {"problems": "down"}}, "Hub lab: fact problems is 'down', expected list or tuple"),
    ],
)
def test_wrong_facts_are_refused_with_hub_and_fact(hubs: t.Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        FilterModule().filters()["hub_status"](hubs)
    assert message in str(caught.value)
    with pytest.raises(HubError):
        state.status_table(hubs)


texts = st.one_of(st.none(), st.text(max_size=12))
numbers = st.one_of(st.none(), st.integers(-1000, 100000))
facts = st.fixed_dictionaries(
    {},
    optional={
        "version": texts,
        "running": st.one_of(st.none(), st.booleans()),
        "proxy": texts,
        "servers_running": numbers,
        "users": numbers,
        "certificate_days": numbers,
        "problems": st.lists(st.text(max_size=20), max_size=3),
    },
)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9.-]{0,20}", fullmatch=True), facts, min_size=1, max_size=6))
def test_table_is_aligned_and_complete_whatever_the_facts(hubs: dict[str, dict[str, t.Any]]) -> None:
    lines = state.status_table(hubs)
    title, rule = lines[0], lines[1]
    starts = [index for index in range(len(rule)) if rule[index] == "-" and (index == 0 or rule[index - 1] == " ")]
    table = lines[2 : 2 + len(hubs)]
    assert [line.split()[0] for line in table] == sorted(hubs)
    for line in (title, *table):
        # Between two columns are always blanks, so no cell runs into the next column.
        assert all(line[start - 2 : start].strip() == "" for start in starts[1:])
    assert all("\n" not in line and line == line.rstrip() for line in lines)
    problems = sum(1 for facts in hubs.values() for problem in facts.get("problems", []) if problem.split())
    assert len(lines[2 + len(hubs) :]) == (1 + problems if problems else 0)
