# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases of a notebook image in real registries."""

from __future__ import annotations

import contextlib
import json
import pathlib
import typing as t
import uuid
from collections.abc import Iterator

import clusters
import module_runs
import pytest
import registries
from notebook_images import docker
from registries import PASSWORD, USER, Registry, push, push_index, read, running, tags

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_stores._registry import RegistryStore
from ansible_collections.hubwright.jupyterhub.plugins.modules import notebook_image, notebook_image_info

NO_TEST = {"enabled": False}
ACCOUNT = {"username": USER, "password": PASSWORD}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("registries")


@pytest.fixture(scope="module")
def opened(directory: pathlib.Path) -> Iterator[Registry]:
    """A registry that lets everybody do everything."""
    with running(directory) as registry:
        yield registry


@pytest.fixture(scope="module")
def closed(directory: pathlib.Path) -> Iterator[dict[str, Registry]]:
    """Registries on the same storage that do not: with a password, with tokens, with TLS and a password."""
    tokens = registries.Tokens(directory)
    with contextlib.ExitStack() as stack:
        stack.callback(tokens.close)
        secret = registries.password(directory)
        found = {
            "password": stack.enter_context(running(directory, **secret)),
            "tokens": stack.enter_context(running(directory, **tokens.configuration)),
            "tls": stack.enter_context(running(directory, "https", **secret, **registries.tls(directory))),
        }
        for registry in found.values():
            registry.options |= ACCOUNT
        yield found


@pytest.fixture
def repository() -> str:
    return f"team/notebook-{uuid.uuid4().hex[:8]}"


def call(registry: Registry, repository: str, **options: t.Any) -> dict[str, t.Any]:
    given = {"name": f"{registry.host}/{repository}:live", "store": "registry", **registry.options, **options}
    found = module_runs.call(notebook_image, **given)
    assert not given.get("password") or given["password"] not in str(found)
    return found


def promote(registry: Registry, repository: str, tag: str, **options: t.Any) -> dict[str, t.Any]:
    candidate = f"{registry.host}/{repository}:{tag}"
    return call(registry, repository, candidate=candidate, smoke_test=NO_TEST, **options)


@pytest.mark.parametrize("kind", ["open", "password", "tokens", "tls"])
def test_an_image_is_promoted_and_rolled_back_without_a_byte_of_a_layer(
    opened: Registry, closed: dict[str, Registry], repository: str, kind: str
) -> None:
    registry = closed.get(kind, opened)
    first = push(opened, repository, "build-1")
    second = push_index(opened, repository, "build-2")
    begin = len(registry.requests)

    assert promote(registry, repository, "build-1")["live"] == first
    old = f"{registry.host}/{repository}:old"
    found = promote(registry, repository, "build-2", history_tags=[old])
    assert (found["live"], found["previous"]) == (second, first)
    assert read(opened, repository, "live") == read(opened, repository, "build-2")
    assert read(opened, repository, "old") == read(opened, repository, "build-1")
    assert not promote(registry, repository, "build-2", history_tags=[old])["changed"]

    found = call(registry, repository, state="rolled_back")
    assert [(each["id"], each["held"]) for each in found["releases"]] == [(first, False), (second, True)]
    assert read(opened, repository, "live") == read(opened, repository, "build-1")
    found = promote(registry, repository, "build-2")
    assert "is held, since it was live and then rolled back" in found["msg"]
    assert promote(registry, repository, second, force=True)["failed"]  # no tag is called so
    found = call(registry, repository, candidate=second, smoke_test=NO_TEST, force=True)
    assert found["live"] == second

    asked = registry.requests[begin:]
    assert asked and not [address for _method, address in asked if "/blobs/" in address]


def test_check_mode_only_asks(opened: Registry, repository: str) -> None:
    push(opened, repository, "build-1")
    begin = len(opened.requests)
    found = promote(opened, repository, "build-1", check=True)
    assert found["changed"]
    assert {method for method, _address in opened.requests[begin:]} <= {"GET", "HEAD"}
    assert tags(opened, repository) == ["build-1"]


def test_a_controller_that_is_lost_at_any_step_leaves_a_live_image(
    opened: Registry, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (push(opened, repository, f"build-{number}") for number in (1, 2))
    registries.put(opened, repository, "live", json.loads(read(opened, repository, "build-1")), registries.IMAGE)
    put, left = RegistryStore.tag, 0

    def tag(self: RegistryStore, image: str, reference: str) -> None:
        nonlocal left
        if not left:
            raise KeyboardInterrupt
        left -= 1
        put(self, image, reference)

    monkeypatch.setattr(RegistryStore, "tag", tag)
    for steps in range(4):
        left = steps
        try:
            found = promote(opened, repository, "build-2")
            break
        except KeyboardInterrupt:
            assert read(opened, repository, "live") in (read(opened, repository, each) for each in (first, second))
    assert steps
    assert [each["id"] for each in found["releases"]] == [second, first]
    monkeypatch.undo()
    assert not promote(opened, repository, "build-2")["changed"]


def test_pruning_leaves_manifests_that_somebody_else_names(
    opened: Registry, directory: pathlib.Path, repository: str
) -> None:
    for number in (1, 2):
        push(opened, repository, f"build-{number}")
        found = promote(opened, repository, f"build-{number}")
    name = found["releases"][1]["name"]
    found = call(opened, repository, state="pruned", keep=1)
    assert not found["changed"]
    assert found["kept"] == {name: "the tag build-1 is on it as well"}

    with running(directory, remove=False) as careful:
        other = f"{repository}-2"
        for number in (1, 2):
            digest = push(opened, other, "build")
            found = promote(careful, other, "build")
        found = call(careful, other, state="pruned", keep=1)
        assert not found["changed"]
        (reason,) = found["kept"].values()
        assert reason.startswith("the registry does not let it be removed (405")

    found = call(opened, other, state="pruned", keep=1)
    assert found["changed"]
    assert [each["id"] for each in found["releases"]] == [digest]
    assert len(tags(opened, other)) == 3  # build, live and the release's own


def test_a_manifest_that_is_damaged_is_refused(opened: Registry, directory: pathlib.Path, repository: str) -> None:
    first = push(opened, repository, "build-1")
    promote(opened, repository, "build-1")
    digest = push(opened, repository, "build-2").removeprefix("sha256:")
    path = directory / "storage" / "docker" / "registry" / "v2" / "blobs" / "sha256" / digest[:2] / digest / "data"
    name = f"{opened.host}/{repository}"
    for old, new, message in (
        (b"\n}\n", b"\n} ", f"The manifest of {name}:build-2 can not be used: its content has the digest sha256:"),
        (b"{", b"[", f"The registry {opened.host} did not show {name}:build-2 (500 UNKNOWN"),
    ):
        path.write_bytes(path.read_bytes().replace(old, new))
        found = promote(opened, repository, "build-2")
        assert found["failed"]
        assert message in found["msg"]
    assert call(opened, repository, state="present", candidate="x")["live"] == first


def test_what_the_registry_refuses_is_said(
    opened: Registry, closed: dict[str, Registry], directory: pathlib.Path, repository: str
) -> None:
    push(opened, repository, "build-1")
    port = registries.free_port()
    without = {"username": None, "password": None}
    cases: list[tuple[Registry, dict[str, t.Any], str]] = [
        (closed["password"], {"password": "wrong words"}, f"{USER} may not list the tags of {closed['password'].host}"),
        (closed["password"], without, "Nobody without a name and a password may list the tags"),
        (closed["password"], {"password": None}, "There is a username for the registry, but no password"),
        (closed["tokens"], {"password": "wrong words"}, "gave no token for"),
        (closed["tls"], {"ca_path": None}, "was not accepted: self-signed certificate. Give the authority"),
        (closed["tls"], {"ca_path": "/no/such.pem"}, "ca_path is '/no/such.pem', expected an existing PEM file"),
        (opened, {"name": "notebook:live"}, "name is notebook:live, which names no registry"),
        (opened, {"plain_http": False}, "No TLS connection with https://127.0.0.1"),
        (
            opened,
            {"name": f"127.0.0.1:{port}/a:live"},
            f"No registry answers at http://127.0.0.1:{port}: Connection refused",
        ),
        (
            opened,
            {"candidate": f"{opened.host}/{repository}:no"},
            f"has no image {opened.host}/{repository}:no. Push it first",
        ),
        (opened, {"candidate": "other:1"}, f"expected an image of the repository {opened.host}/{repository}"),
        (opened, {"history_tags": ["other:1"]}, f"expected a tag of {opened.host}/{repository}"),
    ]
    for registry, options, message in cases:
        given = {"candidate": f"{registry.host}/{repository}:build-1", "smoke_test": NO_TEST} | options
        found = call(registry, repository, **given)
        assert found.get("failed"), (options, found)
        assert message in found["msg"], options
    assert tags(opened, repository) == ["build-1"]


def test_a_password_is_not_sent_where_it_could_be_read(directory: pathlib.Path, repository: str) -> None:
    tokens = registries.Tokens(directory)
    with (
        contextlib.closing(tokens),
        running(directory, "https", **tokens.configuration, **registries.tls(directory)) as registry,
    ):
        found = call(registry, repository, state="rolled_back", **ACCOUNT)
    assert f"sends its users to {tokens.url}, which is not encrypted. The password was not sent." in found["msg"]
    assert not tokens.asked


def test_a_candidate_of_a_registry_is_tried_out_by_an_engine(
    opened: Registry, closed: dict[str, Registry], repository: str, tmp_path: pathlib.Path
) -> None:
    registry = closed["password"]
    push(opened, repository, "build-1")
    test = {"jupyterhub_version": "6.1.1"}
    candidate = f"{registry.host}/{repository}:build-1"
    found = call(registry, repository, candidate=candidate, smoke_test=test)
    assert f"The image {candidate} can not run python3, so that it is no notebook image" in found["msg"]
    found = call(registry, repository, candidate=candidate, smoke_test=test, socket=f"{tmp_path}/none.sock")
    assert "or promote without a test, with smoke_test.enabled false" in found["msg"]
    assert tags(opened, repository) == ["build-1"]


def test_user_servers_are_told_by_the_digest_that_their_image_came_from(opened: Registry, repository: str) -> None:
    hub = f"release-{uuid.uuid4().hex[:8]}"
    name = f"{opened.host}/{repository}:live"
    found: dict[str, t.Any] = {"servers": []}
    docker("network", "create", "--internal", hub)
    try:
        for user in ("ada", "ben"):
            push(opened, repository, "build")
            promote(opened, repository, "build")
            docker("pull", "--quiet", name)
            docker(
                "create", f"--network={hub}", f"--name={hub}-user-{user}", f"--env=JUPYTERHUB_USER={user}", name, "x"
            )
        found = module_runs.call(notebook_image_info, name=name, store="registry", plain_http=True, hub=hub)
        assert [(server["user"], server["live"]) for server in found["servers"]] == [("ada", False), ("", True)]
        assert [server["release"] for server in found["servers"]] == [
            found["releases"][1]["name"],
            found["releases"][0]["name"],
        ]
        # A registry does not know of containers; with the hub its engine is asked.
        kept = call(opened, repository, state="pruned", keep=1, hub=hub)["kept"]
        assert kept == {found["releases"][1]["name"]: f"used by the container {hub}-user-ada"}
    finally:
        docker("rm", f"{hub}-user-ada", f"{hub}-user-ben", check=False)
        docker("network", "rm", hub)
        for image in {server["image_id"] for server in found["servers"]}:
            docker("image", "rm", "--force", image)  # it has a tag and a digest


def test_nodes_of_a_cluster_get_the_candidate_by_its_digest(
    opened: Registry, repository: str, tmp_path: pathlib.Path
) -> None:
    """No engine of this host is asked, neither for the test nor for who runs what."""
    digest = push(opened, repository, "build-1")
    live, path = f"{opened.host}/{repository}", "/api/v1/namespaces/course/pods"
    with clusters.running(tmp_path) as cluster:

        def made(path: str, body: clusters.Object) -> None:
            if path.rpartition("/")[0].endswith("/pods"):
                images.append(body["spec"]["containers"][0]["image"])
                facts = {"program": "x", "installed": "6.1.1", "version": "6.1.1", "passed": True}
                cluster.logs[f"{body['metadata']['name']}/stand-in"] = json.dumps(facts)

        images: list[str] = []
        cluster.after = made
        place = {"socket": "/nowhere", "cluster": {"kubeconfig": cluster.kubeconfig, "namespace": "course"}}
        test = {"jupyterhub_version": "6.1.1"}
        assert call(opened, repository, candidate=f"{live}:build-1", smoke_test=test, **place)["live"] == digest
        assert images == [f"{live}@{digest}"]
        status = {"phase": "Running", "containerStatuses": [{"name": "notebook", "imageID": f"{live}@{digest}"}]}
        labels = {"app": "course", "component": "singleuser-server"}
        cluster.put(f"{path}/jupyter-ada", metadata={"labels": labels}, status=status)
        name = {"name": f"{live}:live", "store": "registry", "hub": "course"}
        found = module_runs.call(notebook_image_info, **name, **opened.options, **place)
        assert [each["live"] for each in found["servers"]] == [True]
