# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of hosts, and which of two containers counts; the rest is tested on a real engine."""

from __future__ import annotations

import typing as t
import urllib.parse

import pytest
from ansible.inventory.manager import split_host_pattern
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _user_containers, _user_servers

# Everything that UTF-8 can hold, and often what means something in patterns and in the names themselves.
NAMES = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("+@%:,!&~*?[]/ -{}")), min_size=1, max_size=12)


def container(**values: str) -> _user_containers.UserContainer:
    known = {
        "hub": "lab",
        "user": "ada",
        "server": "",
        "name": "lab-ada",
        "container_id": "1",
        "image": "image:1",
        "image_id": "sha256:1",
        "started_at": "2026-11-21T04:00:45Z",
    }
    return _user_containers.UserContainer(**{**known, **values})


@pytest.mark.parametrize(
    ("user", "server", "host"),
    [
        ("ada", "", "ada@lab"),
        ("ada", "training", "ada+training@lab"),
        ("ada@example.org", "", "ada@example.org@lab"),
        ("ada+training", "", "ada%2Btraining@lab"),
        ("ada%2Btraining", "", "ada%252Btraining@lab"),
        ("zoë", "", "zoë@lab"),
        ("../../etc", "", "..%2F..%2Fetc@lab"),
        ("all:!web", "", "all%3A%21web@lab"),
    ],
)
def test_host_is_named_after_user_and_server(user: str, server: str, host: str) -> None:
    assert container(user=user, server=server).host == host


@given(NAMES, st.one_of(st.just(""), NAMES))
def test_user_and_server_can_be_read_from_the_name_of_the_host(user: str, server: str) -> None:
    host = container(user=user, server=server).host
    names, _at, hub = host.rpartition("@")
    assert ([urllib.parse.unquote(part) for part in names.split("+")], hub) == (
        [user, *([server] * bool(server))],
        "lab",
    )


@given(NAMES)
def test_host_is_one_pattern_and_one_file_name(user: str) -> None:
    host = container(user=user).host
    assert split_host_pattern(host) == [host]
    assert not set(host) & set("/\\*?[]{}!&~ \n\0")


def test_of_two_containers_of_a_server_the_later_one_counts_and_both_are_named() -> None:
    old = container(name="lab-ada-old", container_id="1", started_at="2026-11-21T04:00:45.1Z")
    new = container(name="lab-ada", container_id="2", started_at="2026-11-21T04:00:45.2Z")
    other = container(user="grace", container_id="3")
    hosts, left_out = _user_servers.by_host([new, other, old])
    assert hosts == {"ada@lab": new, "grace@lab": other}
    (sentence,) = left_out
    assert sentence.startswith("Containers lab-ada-old and lab-ada both run the server ada@lab; lab-ada-old started")


@pytest.mark.parametrize("environment", [None, [], ["PATH=/bin"], ["JUPYTERHUB_USER="], ["JUPYTERHUB_SERVER_NAME=x"]])
def test_container_without_a_user_is_no_user_server(environment: list[str] | None) -> None:
    inspected: dict[str, t.Any] = {"Config": {"Env": environment}}
    assert _user_containers.user_container("lab", inspected) is None


@pytest.mark.parametrize(
    "row",
    [
        {"Names": ["/lab-ada"], "Labels": None, "NetworkSettings": None},
        {"Names": None, "Labels": {}, "NetworkSettings": {"Networks": {"lab": {}}}},
        {"Names": ["/lab"], "Labels": {}, "NetworkSettings": {"Networks": {"lab": {}}}},
        {"Names": ["/lab-2-ada"], "Labels": {}, "NetworkSettings": {"Networks": {"lab-2": {}}}},
    ],
)
def test_container_of_somebody_else_is_no_candidate(row: dict[str, t.Any]) -> None:
    assert _user_containers.candidates("lab", [{"Id": "1", "State": "running", **row}]) == []
