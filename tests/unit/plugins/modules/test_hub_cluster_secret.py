# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets are made once, kept, and never shown."""

from __future__ import annotations

import base64
import json
import pathlib
import typing as t

import clusters
import module_runs
import pytest

from ansible_collections.hubwright.jupyterhub.plugins.modules import hub_cluster_secret

PATH = "/api/v1/namespaces/course/secrets/hub"
VALUES: dict[str, t.Any] = {
    "cookie_secret": {"value": "", "length": 32, "encoding": "hex"},
    "shared_password": {"value": "", "length": 20, "encoding": "alnum"},
    "client_secret": {"value": "of the provider"},
}


@pytest.fixture
def cluster(tmp_path: pathlib.Path) -> t.Iterator[clusters.Cluster]:
    with clusters.running(tmp_path) as running:
        yield running


def ensure(cluster: clusters.Cluster, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
    options = {
        "kubeconfig": cluster.kubeconfig,
        "namespace": "course",
        "name": "hub",
        "values": VALUES,
        "labels": {"app": "course"},
        "digests": {"hub": list(VALUES), "proxy": ["cookie_secret"]},
        **options,
    }
    found = module_runs.call(hub_cluster_secret, check=check, **options)
    shown = json.dumps({key: value for key, value in found.items() if key != "invocation"})
    for value in [*stored(cluster).values(), "of the provider"]:
        assert value not in shown
    return found


def stored(cluster: clusters.Cluster) -> dict[str, str]:
    data = cluster.objects.get(PATH, {}).get("data", {})
    return {name: base64.b64decode(value).decode() for name, value in data.items()}


def test_the_first_run_makes_them_and_the_second_keeps_them(cluster: clusters.Cluster) -> None:
    first = ensure(cluster)
    made = stored(cluster)
    assert first["changed"] and set(first["generated"]) == {*VALUES, "digest_key"}
    assert len(made["cookie_secret"]) == 64 and int(made["cookie_secret"], 16)
    assert len(made["shared_password"]) == 20 and made["shared_password"].isalnum()
    assert made["client_secret"] == "of the provider"
    assert cluster.objects[PATH]["metadata"]["labels"] == {"app": "course"}
    assert "cookie_secret: made" in first["diff"]["after"]
    writes = len(cluster.written)
    second = ensure(cluster)
    assert not second["changed"] and second["diff"] == [] and second["digests"] == first["digests"]
    assert stored(cluster) == made and len(cluster.written) == writes


def test_a_cluster_that_is_away_for_a_moment_is_waited_for(cluster: clusters.Cluster) -> None:
    """As it is when an API server starts again, or has too many questions; nothing is made twice."""
    left = [(503, {"message": "Service Unavailable"}), (429, {"message": "too many requests"})]
    cluster.before = lambda _path: left.pop() if left else None
    assert ensure(cluster)["changed"] and not left
    made = stored(cluster)
    assert not ensure(cluster)["changed"] and stored(cluster) == made


def test_check_mode_writes_nothing(cluster: clusters.Cluster) -> None:
    assert ensure(cluster, check=True)["changed"]
    assert cluster.written == []


def test_a_given_value_replaces_and_changes_only_the_digests_it_is_in(cluster: clusters.Cluster) -> None:
    first = ensure(cluster)
    second = ensure(cluster, values={**VALUES, "client_secret": {"value": "another one"}})
    assert second["replaced"] == ["client_secret"] and "client_secret: replaced" in second["diff"]["after"]
    assert second["digests"]["hub"] != first["digests"]["hub"]
    assert second["digests"]["proxy"] == first["digests"]["proxy"]
    assert stored(cluster)["client_secret"] == "another one"


def test_what_nobody_asks_for_stays(cluster: clusters.Cluster) -> None:
    cluster.put(PATH, data={"old": base64.b64encode(b"kept").decode()})
    ensure(cluster)
    assert stored(cluster)["old"] == "kept"


def test_values_of_another_secret_are_taken_and_it_is_not_changed(cluster: clusters.Cluster) -> None:
    theirs = {"cookie_secret": base64.b64encode(b"0f" * 32).decode(), "other": base64.b64encode(b"no").decode()}
    cluster.put("/api/v1/namespaces/course/secrets/mine", data=dict(theirs))
    ensure(cluster, existing="mine")
    assert stored(cluster)["cookie_secret"] == "0f" * 32 and "other" not in stored(cluster)
    assert cluster.objects["/api/v1/namespaces/course/secrets/mine"]["data"] == theirs
    found = ensure(cluster, existing="lost")
    assert found["failed"] and "There is no Secret lost in the namespace course" in found["msg"]


def test_a_refusal_says_which_right_is_missing(cluster: clusters.Cluster) -> None:
    cluster.refusals["POST", PATH.rpartition("/")[0]] = (403, "secrets is forbidden")
    found = ensure(cluster)
    assert (
        found["failed"] and "secrets is forbidden" in found["msg"] and "get, create and patch secrets" in found["msg"]
    )


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"value": ""}, "values.x has neither a value nor length and encoding"),
        ("text", "values.x has neither a value nor length and encoding"),
        ({"value": "", "length": 3, "encoding": "base64"}, "values.x.encoding is '********'; expected hex or alnum"),
    ],
)
def test_bad_input(cluster: clusters.Cluster, wish: t.Any, expected: str) -> None:
    found = ensure(cluster, values={"x": wish}, digests={})
    assert found["failed"] and expected in found["msg"]
