# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of claims are those of the real KubeSpawner; older ones are told whose they are, and guesses are marked."""

from __future__ import annotations

import json
import pathlib
import subprocess
import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hubwright.jupyterhub.plugins.filter.hub_old_claims import FilterModule
from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _claim_names

old_claims = FilterModule().filters()["hub_old_claims"]
TODAY = "claim-{user_server}"
NAMES = [
    *(
        "ann",
        "ann.lee",
        "ann-lee",
        "Ann",
        "ann@example.org",
        "müller",
        "1st",
        "-",
        "--",
        "a--b",
        "ü",
        "x" * 70,
        "a.b" * 30,
    ),
    *("ann-", "-ann", "a_b", "A.B-c", "0", "a" * 48, "a" * 49),
]
SERVERS = ["", "lab", "Lab 1", "x" * 60, "a-b", "ü"]
TEMPLATES = [
    TODAY,
    "claim-{username}{servername}",
    "lab-claim-{username}--{servername}",
    "{unescaped_username}-{escaped_user_server}",
    "home-{username}-",
]
# Asks the real spawner, which needs nothing but names for that.
ASK = """
import json, sys, types
from kubespawner import KubeSpawner
def name(template, user, server, scheme):
    spawner = types.SimpleNamespace(name=server, user=types.SimpleNamespace(name=user, id=1), slug_scheme=scheme)
    spawner._namespace_default = lambda: "hubs"
    return KubeSpawner._expand_user_properties(spawner, template)
print(json.dumps([name(*row) for row in json.load(sys.stdin)]))
"""


def claim(name: str, user: str = "", server: str = "") -> dict[str, t.Any]:
    recorded = {"hub.jupyter.org/username": user, **({"hub.jupyter.org/servername": server} if server else {})}
    return {"metadata": {"name": name, **({"annotations": recorded} if user else {})}}


def test_names_are_those_of_the_spawner(newest_hub_environment: pathlib.Path) -> None:
    rows = [
        (template, user, server, scheme)
        for template in TEMPLATES
        for user in NAMES
        for server in SERVERS
        for scheme in _claim_names.SCHEMES
    ]
    command = [newest_hub_environment / "bin" / "python", "-c", ASK]
    done = subprocess.run(command, input=json.dumps(rows), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for row, expected in zip(rows, json.loads(done.stdout), strict=True):
        assert _claim_names.claim_name(*row) == expected, row


def test_the_record_of_the_spawner_says_whose_a_claim_is() -> None:
    current = _claim_names.claim_name(TODAY, "ann.lee")
    found = old_claims(
        [claim("claim-ann-2elee", "ann.lee"), claim(current, "ann.lee"), claim("claim-bob", "bob")],
        TODAY,
        ["ann.lee", "bob"],
    )
    assert found == [
        {
            "claim": "claim-ann-2elee",
            "user": "ann.lee",
            "server": "",
            "certain": True,
            "known": True,
            "current": current,
            "exists": True,
        }
    ]


def test_a_claim_of_somebody_who_left_and_of_a_named_server() -> None:
    found = old_claims([claim("claim-carla-2elab", "car.la", "lab")], TODAY, ["bob"])
    (entry,) = found
    assert (entry["user"], entry["server"], entry["known"], entry["certain"]) == ("car.la", "lab", False, True)
    assert entry["current"] == _claim_names.claim_name(TODAY, "car.la", "lab") and not entry["exists"]


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("claim-ann-2elee", "ann.lee"),
        ("claim-ann-lee", "ann.lee"),  # before 0.8
        ("claim-x-2ey", "x.y"),  # of nobody on the list
        ("claim-x--", ""),
        ("claim-UPPER", ""),
    ],
)
def test_without_a_record_the_name_gives_a_guess(name: str, user: str) -> None:
    (entry,) = old_claims([name], TODAY, ["ann.lee", "bob"])
    assert (entry["claim"], entry["user"], entry["certain"]) == (name, user, False)


@pytest.mark.parametrize(
    "name", ["claim-bob", "claim-stranger", "claim-some-body", "claim-x---12345678", "hub-db-dir", "claim-", "data"]
)
def test_what_is_in_order_is_not_reported(name: str) -> None:
    assert old_claims([name], TODAY, ["ann.lee", "bob"]) == []


def test_the_other_way_round() -> None:
    """Whoever keeps the older spelling has older claims when KubeSpawner 7 made some in between."""
    safe = _claim_names.claim_name(TODAY, "ann.lee")
    found = old_claims([safe, "claim-ann-2elee", "claim-stranger", "claim-x---"], TODAY, ["ann.lee"], "escape")
    assert [(entry["claim"], entry["user"]) for entry in found] == [(safe, "ann.lee"), ("claim-x---", "")]


def test_two_who_were_spelled_alike_are_not_both_owners() -> None:
    found = old_claims(["claim-a-b"], TODAY, ["a.b", "a_b"])
    assert [entry["user"] for entry in found] == ["a.b"] and not found[0]["certain"]


def test_one_claim_for_all_is_nobodys() -> None:
    assert old_claims(["homes"], "homes", ["ann"]) == []


def test_another_scheme_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="expected one of safe, escape"):
        old_claims([], TODAY, [], "odd")
