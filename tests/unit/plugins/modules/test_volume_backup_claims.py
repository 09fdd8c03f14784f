# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims: the program of the pod runs here, the cluster is a stand-in. The scenario `kubernetes` has real ones."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import typing as t
from collections.abc import Iterator

import clusters
import pytest
from module_runs import call
from volumes import Site, odd, state

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import (
    _claim_pods,
    _cluster,
    _helper_exchange,
    _helper_server,
    _helper_session,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._helper_frames import Broken
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volumes import _claim
from ansible_collections.hubwright.jupyterhub.plugins.modules import volume_backup, volume_restore

PODS = "/api/v1/namespaces/course/pods"
CLAIMS = "/api/v1/namespaces/course/persistentvolumeclaims"

REAL_CONNECTION = _claim_pods.ExecConnection


class Here(_helper_server.Server):
    """Where a mount is a link, which the program would not follow."""

    def __getattribute__(self, name: str) -> t.Any:
        found = super().__getattribute__(name)
        if name not in ("_look", "_write", "_free", "_clean", "_restore"):
            return found
        return lambda at, **asked: found(os.path.realpath(at), **asked)


class Threaded:
    """The program of the pod in a thread of this process."""

    def __init__(self, *_where: t.Any) -> None:
        read, self._to = os.pipe()
        self._from, write = os.pipe()
        self._thread = threading.Thread(target=self._run, args=(read, write), daemon=True)
        self._thread.start()

    def _run(self, read: int, write: int) -> None:
        with open(read, "rb") as source:
            source.read(int(source.read(8)))
            try:
                Here(source, write).serve()
            finally:
                os.close(write)

    def send(self, data: bytes) -> None:
        """Write to its input."""
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._to, view) :]
        except BrokenPipeError as error:
            raise Broken(str(error)) from None

    def take(self, size: int) -> bytes:
        """Read from its output."""
        data = b""
        while len(data) < size:
            piece = os.read(self._from, size - len(data))
            if not piece:
                raise Broken("it ended")
            data += piece
        return data

    def close(self) -> None:
        """Let it end."""
        os.close(self._to)
        self._thread.join()
        os.close(self._from)


class ClaimSite(Site):
    """A repository, a cluster, and claims whose content is in directories."""

    def __init__(self, directory: pathlib.Path, cluster: clusters.Cluster) -> None:
        super().__init__(directory)
        self.cluster = cluster
        self.mounts = directory / "mounts"
        self.made: list[clusters.Object] = []
        cluster.after = self._start
        self.options["cluster"] = {"kubeconfig": cluster.kubeconfig, "namespace": "course", "image": "hub:1"}
        self.trouble: dict[str, str] = {}
        """Claim to why a pod with it does not start."""

    def claim(self, name: str, **files: str) -> pathlib.Path:
        """A claim with these files."""
        self.cluster.put(f"{CLAIMS}/{name}")
        home = self.homes / name
        home.mkdir(exist_ok=True)
        for file, content in files.items():
            (home / file).write_text(content)
        return home

    def _start(self, path: str, pod: clusters.Object) -> None:
        if not path.startswith(PODS):
            return
        self.made.append(pod)
        shutil.rmtree(self.mounts, ignore_errors=True)
        self.mounts.mkdir()
        spec = pod["spec"]
        claims = {
            volume["name"]: volume["persistentVolumeClaim"]["claimName"]
            for volume in spec["volumes"]
            if "persistentVolumeClaim" in volume
        }
        state: clusters.Object = {"running": {}}
        for mount in spec["containers"][0]["volumeMounts"]:
            if mount["name"] in claims:
                name = claims[mount["name"]]
                os.symlink(self.homes / name / mount.get("subPath", ""), mount["mountPath"])
                if name in self.trouble:
                    state = {"waiting": {"reason": "CreateContainerError", "message": self.trouble[name]}}
        pod["status"] = {"phase": "Running", "containerStatuses": [{"name": "volumes", "state": state}]}

    def back_up_claims(self, *claims: str, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """The result of volume_backup."""
        volumes = [{"user": claim.partition("/")[0], "claim": claim} for claim in claims]
        return call(volume_backup, check, **{**self.options, "volumes": volumes, "jobs": 1, **options})

    @property
    def left(self) -> list[str]:
        """Names of pods that are there."""
        return sorted(name for name in self.cluster.objects if name.startswith(PODS))


@pytest.fixture
def site(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ClaimSite]:
    """Claims whose pods are threads."""
    with clusters.running(tmp_path) as cluster:
        found = ClaimSite(tmp_path, cluster)
        monkeypatch.setattr(_claim_pods, "MOUNTS", str(found.mounts))
        monkeypatch.setattr(_claim_pods, "ExecConnection", Threaded)
        yield found


def test_a_claim_is_backed_up_and_restored(site: ClaimSite) -> None:
    """All of it, then what changed, then nothing; no pod is left."""
    odd(site.homes / "ada")
    site.claim("ada")
    first = site.back_up_claims("ada")["volumes"][0]
    assert (first["outcome"], first["kind"]) == ("new", "full")
    assert site.back_up_claims("ada")["volumes"][0]["outcome"] == "unchanged"
    (site.homes / "ada" / "new").write_text("new")
    second = site.back_up_claims("ada")["volumes"][0]
    assert (second["outcome"], second["kind"]) == ("new", "increment")
    assert state(site.restored("ada")) == state(site.homes / "ada")
    target = site.claim("other", old="old")
    result = site.restore("ada", claim="other", mode="swap")
    assert "failed" not in result, result["msg"]
    assert (target / result["kept"] / "old").read_text() == "old"
    assert (target / "new").read_text() == "new"
    cleaned = site.restore("ada", claim="other", state="cleaned")
    assert cleaned["removed"] == [result["kept"]] and not (target / result["kept"]).exists()
    assert site.left == []


def test_check_mode_only_looks(site: ClaimSite) -> None:
    home = site.claim("ada", a="a")
    assert site.back_up_claims("ada", check=True)["volumes"][0]["outcome"] == "new"
    assert not site.repository.exists()
    site.back_up_claims("ada")
    refused = site.restore("ada", check=True)
    assert "mode is empty" in refused["msg"]
    assert site.restore("ada", check=True, mode="swap")["files"] == 2
    assert os.listdir(home) == ["a"] and site.left == []


def test_one_file_comes_back(site: ClaimSite) -> None:
    home = site.claim("ada", a="first", b="b")
    site.back_up_claims("ada")
    (home / "a").write_text("second")
    result = site.restore("ada", paths=["a"], mode="swap")
    assert (home / "a").read_text() == "first"
    assert (home / os.path.basename(result["kept"]) / "a").read_text() == "second"


def test_a_directory_of_a_claim(site: ClaimSite) -> None:
    """As a static volume has one for each user."""
    (site.claim("all") / "ada").mkdir()
    (site.homes / "all" / "ada" / "a").write_text("a")
    volumes = [{"user": "ada", "claim": "all/ada"}]
    result = call(volume_backup, False, **site.options, volumes=volumes)
    assert result["volumes"][0]["files"] == 2
    assert site.made[0]["spec"]["containers"][0]["volumeMounts"][1]["subPath"] == "ada"


def test_the_pod_has_no_rights(site: ClaimSite) -> None:
    """What the pod security standard "restricted" asks for, no token, and volumes that it can not write for a backup."""
    site.claim("ada", a="a")
    site.back_up_claims("ada")
    spec = site.made[0]["spec"]
    assert spec["automountServiceAccountToken"] is False and spec["restartPolicy"] == "Never"
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] == 1000
    assert spec["securityContext"]["fsGroup"] == 100
    security = spec["containers"][0]["securityContext"]
    assert security["capabilities"] == {"drop": ["ALL"]} and security["allowPrivilegeEscalation"] is False
    assert spec["containers"][0]["volumeMounts"][1]["readOnly"]
    assert security_profile(site.made[0]) == {"type": "RuntimeDefault"}
    assert "release" not in site.made[0]["metadata"]["labels"], "expected that no policy of the hub selects it"


def security_profile(pod: clusters.Object) -> clusters.Object | None:
    """What the pod asks for."""
    found: clusters.Object | None = pod["spec"]["securityContext"].get("seccompProfile")
    return found


def test_the_pod_is_as_the_cluster_wants_it(site: ClaimSite) -> None:
    """OpenShift chooses number and profile, and a site may ask for labels; what finds a pod again stays."""
    site.claim("ada", a="a")
    labels = {"cost-center": "physics", "app.kubernetes.io/managed-by": "somebody"}
    place = {"uid": 0, "group": 0, "seccomp": False, "labels": labels}
    site.back_up_claims("ada", cluster={**site.options["cluster"], **place})
    assert site.made[0]["spec"]["securityContext"] == {"runAsNonRoot": True}
    found = site.made[0]["metadata"]["labels"]
    assert found["cost-center"] == "physics" and _claim_pods.LABELS.items() <= found.items()


def user_pod(site: ClaimSite, claim: str, node: str) -> None:
    """A server that runs with a claim."""
    volumes = [{"name": "home", "persistentVolumeClaim": {"claimName": claim}}]
    site.cluster.put(
        f"{PODS}/jupyter-{claim}", spec={"nodeName": node, "volumes": volumes}, status={"phase": "Running"}
    )


def test_the_pod_goes_where_the_claim_is_in_use(site: ClaimSite) -> None:
    for name in ("ada", "bob", "eve"):
        site.claim(name, a="a")
    user_pod(site, "bob", "node-7")
    result = site.back_up_claims("ada", "bob", "eve")
    assert [volume["outcome"] for volume in result["volumes"]] == ["new", "new", "new"]
    assert [volume["user"] for volume in result["volumes"]] == ["ada", "bob", "eve"]
    both, busy = (pod["spec"] for pod in site.made)
    assert "affinity" not in both and len(both["volumes"]) == 3
    terms = busy["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert terms[0]["matchFields"][0]["values"] == ["node-7"]


def test_nothing_is_restored_under_a_server_that_runs(site: ClaimSite) -> None:
    home = site.claim("ada", a="a")
    site.back_up_claims("ada")
    user_pod(site, "ada", "node-7")
    assert "The pod jupyter-ada has the claim ada mounted" in site.restore("ada", mode="swap")["msg"]
    assert os.listdir(home) == ["a"]


def test_one_claim_that_can_not_be_mounted_costs_no_other(site: ClaimSite) -> None:
    for name in ("ada", "bob"):
        site.claim(name, a="a")
    site.trouble["bob"] = "volume is attached elsewhere"
    result = site.back_up_claims("ada", "bob", "gone")
    assert [volume["outcome"] for volume in result["volumes"]] == ["new", "failed", "failed"]
    assert "volume is attached elsewhere" in result["volumes"][1]["error"]
    assert "There is no claim gone" in result["volumes"][2]["error"]
    assert site.left == []


def test_a_pod_that_does_not_come_up_is_given_up(site: ClaimSite) -> None:
    """After a time, with what the cluster says."""
    site.claim("ada", a="a")
    site.cluster.after = lambda path, body: None
    site.cluster.put(
        "/api/v1/namespaces/course/events/e",
        type="Warning",
        reason="FailedMount",
        message="no such disk",
        involvedObject={"kind": "PersistentVolumeClaim", "name": "ada"},
    )
    result = site.back_up_claims("ada", cluster={**site.options["cluster"], "timeout": 1})
    assert "did not come up within 1 s" in result["msg"] and "no such disk" in result["msg"]
    assert site.left == []


def test_a_cluster_that_makes_no_pod(site: ClaimSite) -> None:
    site.claim("ada", a="a")
    site.cluster.refusals["POST", PODS] = (403, "exceeded quota: pods")
    assert "exceeded quota: pods" in site.back_up_claims("ada")["msg"]


def test_pods_of_killed_runs_are_removed(site: ClaimSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not those of a run that goes on, nor of another host before they have ended."""
    labels = {**_claim_pods.LABELS, "app.kubernetes.io/instance": "hub"}
    here = os.uname().nodename
    mine = f"{here}@{_claim_pods._process(str(os.getpid()))}"
    for name, run, phase in (
        ("killed", f"{here}@1.999", "Running"),
        ("mine", mine, "Running"),
        ("elsewhere", "other@1.999", "Running"),
        ("ended", "other@1.999", "Succeeded"),
    ):
        metadata = {"labels": labels, "annotations": {_claim_pods.RUN: run}}
        site.cluster.put(f"{PODS}/{name}", metadata={**metadata, "name": name}, spec={}, status={"phase": phase})
    site.claim("ada", a="a")
    site.back_up_claims("ada")
    assert site.left == [f"{PODS}/elsewhere", f"{PODS}/mine"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"volumes": [{"user": "ada", "claim": "Ada"}]}, "expected the name of a claim"),
        ({"volumes": [{"user": "ada", "claim": "ada/../bob"}]}, "expected the name of a claim"),
        ({"volumes": [{"user": "ada", "claim": "ada"}], "cluster": None}, "claim is given, and cluster is not"),
        ({"volumes": [{"user": "ada", "claim": "ada", "path": "/x"}]}, "mutually exclusive"),
    ],
)
def test_what_can_not_be_meant_is_refused(site: ClaimSite, options: dict[str, t.Any], message: str) -> None:
    assert message in call(volume_backup, False, **{**site.options, **options})["msg"]
    assert site.made == []


def test_owners_are_those_of_the_platform(site: ClaimSite) -> None:
    site.claim("ada", a="a")
    site.back_up_claims("ada")
    assert "belong to the account of user servers" in site.restore("ada", mode="swap", owner=5)["msg"]


def test_a_damaged_archive_changes_nothing(site: ClaimSite) -> None:
    home = site.claim("ada", a="a" * 5000)
    archive = pathlib.Path(site.back_up_claims("ada")["volumes"][0]["archive"])
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    archive.write_bytes(data)
    assert "damaged" in site.restore("ada", mode="swap")["msg"]
    assert os.listdir(home) == ["a"]


@pytest.mark.parametrize("phase", [_helper_exchange.RESTORING, _helper_exchange.REPLACING, _helper_exchange.RESTORED])
def test_the_next_run_finishes_what_a_killed_one_began(tmp_path: pathlib.Path, phase: str) -> None:
    """What was there and what is new are never mixed, and neither is lost."""
    stamp = "20261128T030000Z"
    new = tmp_path / f"{phase}{stamp}"
    new.mkdir()
    (new / "a").write_text("new")
    if phase != _helper_exchange.RESTORED:
        (tmp_path / "a").write_text("old")
    kept = tmp_path / f"{_helper_exchange.KEPT}{stamp}"
    if phase == _helper_exchange.REPLACING:
        kept.mkdir()
        (kept / "b").write_text("moved already")
    _helper_exchange.finish(str(tmp_path))
    assert not new.exists()
    assert (tmp_path / "a").read_text() == ("old" if phase == _helper_exchange.RESTORING else "new")
    if phase == _helper_exchange.REPLACING:
        assert sorted(os.listdir(kept)) == ["a", "b"]


class Process(Threaded):
    """The program as the pod runs it: another Python, with nothing but what it was sent."""

    def __init__(self, *words: str) -> None:
        command = [*words, sys.executable, "-I", *_helper_session.COMMAND[1:]]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        assert self._process.stdin and self._process.stdout
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()


def test_the_program_needs_only_what_it_is_sent(site: ClaimSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here without root's right to read everything: what it may not read is left out and told."""
    home = site.claim("ada", a="a", secret="secret")
    (home / "secret").chmod(0)
    closed = home / "closed"
    closed.mkdir(mode=0)
    words = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    monkeypatch.setattr(_claim_pods, "ExecConnection", lambda *_where: Process(*words))
    os.rename(site.homes / "ada", site.homes / "real")
    monkeypatch.setattr(_claim.ClaimVolume, "session", _at(str(site.homes / "real"), words))
    volume = site.back_up_claims("ada")["volumes"][0]
    assert volume["outcome"] == "new", volume["error"]
    assert "may not be read" in volume["warning"]
    (site.homes / "real" / "secret").unlink()
    shutil.rmtree(site.homes / "real" / "closed", onerror=lambda *_what: closed.chmod(0o700))
    assert sorted(os.listdir(site.restored("ada"))) == ["a"]


def test_files_of_a_claim_belong_to_the_account_of_its_pod(tmp_path: pathlib.Path) -> None:
    """So that they get another owner where the hub moves to. A storage class may have made the directory above them as root."""
    top = os.open(tmp_path, os.O_RDONLY)
    reading, writing = os.pipe()
    if not (pid := os.fork()):
        os.setuid(1000660000)
        os.write(writing, json.dumps(_helper_server._owner(top)).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    assert json.loads(os.read(reading, 100))["owner"] == 1000660000
    assert _helper_server._owner(top)["owner"] == os.stat(tmp_path).st_uid, "expected that root asks whose volume it is"
    for each in (top, reading, writing):
        os.close(each)


def _at(path: str, words: list[str]) -> t.Callable[..., t.Any]:
    """A session whose volume is no link."""

    @contextlib.contextmanager
    def session(volume: _claim.ClaimVolume) -> Iterator[_helper_session.Session]:
        connection = Process(*words)
        volume.at = path
        try:
            yield _helper_session.Session(connection, "The claim")
        finally:
            connection.close()

    return session


def test_a_connection_that_breaks_is_told(site: ClaimSite, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken_(Threaded):
        def take(self, size: int) -> bytes:
            raise Broken("the pod x is gone")

    monkeypatch.setattr(_claim_pods, "ExecConnection", Broken_)
    site.claim("ada", a="a")
    assert "the pod x is gone" in site.back_up_claims("ada")["msg"]
    assert volume_restore and site.left == []


class Stream:
    """What the library of the cluster returns for a program, with what comes and when it ends."""

    def __init__(self, *came: tuple[int, bytes]) -> None:
        self.came = list(came)
        self.channels: dict[int, bytes] = {}
        self.written: list[bytes] = []

    def update(self, timeout: float = 0) -> None:
        """Get the next piece."""
        if self.came:
            channel, data = self.came.pop(0)
            self.channels[channel] = self.channels.get(channel, b"") + data

    def read_channel(self, channel: int) -> bytes:
        """As the library does it, with a look for more when there is nothing."""
        if channel not in self.channels:
            self.update()
        return self.channels.pop(channel, b"")

    def write_stdin(self, data: bytes) -> None:
        """Keep it."""
        self.written.append(data)

    def is_open(self) -> bool:
        """As long as something comes."""
        return bool(self.came)

    def close(self) -> None:
        """Nothing to do."""


def connected(cluster: clusters.Cluster, stream: Stream, monkeypatch: pytest.MonkeyPatch) -> t.Any:
    """A connection to a program in a pod."""
    place = _claim_pods.Place(namespace="course", image="hub:1", hub="hub", kubeconfig=cluster.kubeconfig)
    monkeypatch.setattr(_cluster.Cluster, "execute", lambda *_arguments: stream)
    return REAL_CONNECTION(place, "pod")


def test_a_connection_gives_whole_answers(site: ClaimSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """However they come, and whatever the program says beside them."""
    stream = Stream((1, b"ab"), (2, b"a warning"), (1, b"cd"), (1, b"efg"), (1, b""))
    connection = connected(site.cluster, stream, monkeypatch)
    connection.send(b"x" * 600_000)
    assert b"".join(stream.written) == b"x" * 600_000 and max(map(len, stream.written)) < 300_000
    assert connection.take(3) == b"abc" and connection.take(4) == b"defg"
    connection.close()


def test_a_program_that_ends_says_why(site: ClaimSite, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connected(site.cluster, Stream((2, b"Traceback\nMemoryError\n")), monkeypatch)
    with pytest.raises(Broken, match="MemoryError"):
        connection.take(1)


def test_a_pod_that_is_gone_is_noticed(site: ClaimSite, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connected(site.cluster, Stream((1, b""), (2, b""), (1, b""), (1, b"")), monkeypatch)
    with pytest.raises(Broken, match="the pod pod is gone"):
        connection.take(1)


def test_a_cluster_without_exec_says_what_is_missing(site: ClaimSite) -> None:
    cluster = _cluster.Cluster(site.cluster.kubeconfig)
    with pytest.raises(HubError, match="pods/exec"):
        cluster.execute("course", "pod", "volumes", ["true"])
