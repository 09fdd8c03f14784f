# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module without a file, and with the classes of an image that runs as a pod."""

from __future__ import annotations

import pathlib
import subprocess
import threading
import typing as t

import clusters
import module_runs
import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _checking_pod
from ansible_collections.hubwright.jupyterhub.plugins.modules import hub_config

PODS = "/api/v1/namespaces/course/pods"
SETTINGS: dict[str, t.Any] = {
    "JupyterHub": {"authenticator_class": "dummy"},
    "Authenticator": {"allowed_users": ["ada"]},
}


@pytest.fixture
def cluster(tmp_path: pathlib.Path) -> t.Iterator[clusters.Cluster]:
    with clusters.running(tmp_path) as running:
        yield running


class Node:
    """Runs the program of a pod, once its ConfigMap is there, with a hub's interpreter."""

    def __init__(self, cluster: clusters.Cluster, environment: pathlib.Path) -> None:
        self.cluster = cluster
        self.environment = environment
        self.pods: list[clusters.Object] = []
        cluster.after = self.made

    def made(self, path: str, body: clusters.Object) -> None:
        if "/pods/" in path:
            self.pods.append(body)
            body["status"] = {"phase": "Pending"}
        else:
            threading.Thread(target=self.run, args=[path.rpartition("/")[2], body["data"]["request.json"]]).start()

    def run(self, name: str, request: str) -> None:
        program = self.pods[-1]["spec"]["containers"][0]["command"][-1]
        command = [str(self.environment / "bin" / "python"), "-B", "-c", program]
        done = subprocess.run(command, input=request, capture_output=True, text=True, check=False)
        self.cluster.logs[f"{name}/check"] = f"{done.stderr}{done.stdout}\nsomething after it\n{_checking_pod.END}\n"
        state = {"terminated": {"exitCode": done.returncode}}
        self.pods[-1]["status"] = {"containerStatuses": [{"name": "check", "state": state}]}


def render(folder: pathlib.Path, **options: t.Any) -> dict[str, t.Any]:
    options = {
        "state": "rendered",
        "path": "/etc/jupyterhub/jupyterhub_config.py",
        "settings": SETTINGS,
        "cache_directory": str(folder / "cache"),
        **options,
    }
    return module_runs.call(hub_config, **options)


def in_pod(cluster: clusters.Cluster, **place: t.Any) -> dict[str, t.Any]:
    return {"image": "example.org/hub:1", "cluster": {"kubeconfig": cluster.kubeconfig, "namespace": "course", **place}}


def test_the_text_is_returned_and_nothing_is_written(
    newest_hub_environment: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    interpreter = str(newest_hub_environment / "bin" / "python")
    found = render(tmp_path, interpreter=interpreter)
    assert found["changed"] and "c.Authenticator.allowed_users = ['ada']" in found["text"]
    assert "Authenticator.allowed_users" in found["changes"] and found["diff"][0]["before"] == ""
    again = render(tmp_path, interpreter=interpreter, compare_with=found["text"])
    assert not again["changed"] and again["diff"] == [] and again["text"] == found["text"]


def test_a_secret_is_refused_and_a_reference_is_not(
    newest_hub_environment: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    interpreter = str(newest_hub_environment / "bin" / "python")
    secret = {**SETTINGS, "DummyAuthenticator": {"password": "do-not-tell"}}
    found = render(tmp_path, interpreter=interpreter, settings=secret)
    assert found["failed"] and "looks secret" in found["msg"] and "{env: NAME}" in found["msg"]
    reference = {**SETTINGS, "DummyAuthenticator": {"password": {"env": "HUB_PASSWORD"}}}
    assert "HUB_PASSWORD" in render(tmp_path, interpreter=interpreter, settings=reference)["text"]


def test_a_pod_of_the_image_judges_once_and_is_gone(
    cluster: clusters.Cluster, newest_hub_environment: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    node = Node(cluster, newest_hub_environment)
    place = in_pod(cluster, uid=1000, secret="hub", labels={"app": "course"}, pull_secrets=["registry"])
    found = render(tmp_path, **place)
    assert found["checked_with"] == "classes" and found["versions"]["jupyterhub"] == "6.1.1"
    (pod,) = node.pods
    assert pod["metadata"]["labels"] == {"app": "course"}
    assert pod["spec"]["securityContext"]["runAsUser"] == 1000 and pod["spec"]["securityContext"]["runAsNonRoot"]
    assert pod["spec"]["volumes"][-1]["secret"]["optional"] is True
    assert not [path for path in cluster.objects if path.startswith(PODS)]
    other = {**SETTINGS, "Authenticator": {"allowed_users": ["bob"]}}
    assert render(tmp_path, settings=other, **place)["checked_with"] == "inventory"
    assert len(node.pods) == 1
    mistake = {**SETTINGS, "Authenticator": {"allowed_user": ["bob"]}}
    failed = render(tmp_path, settings=mistake, **place)
    assert failed["failed"] and "allowed_users" in failed["msg"]


def test_a_cluster_that_makes_no_pod_says_why(cluster: clusters.Cluster, tmp_path: pathlib.Path) -> None:
    cluster.refusals["POST", PODS] = (403, "exceeded quota: small")
    found = render(tmp_path, **in_pod(cluster))
    assert found["failed"] and "exceeded quota: small" in found["msg"] and "namespace course" in found["msg"]


def test_an_image_that_can_not_be_pulled_is_named(cluster: clusters.Cluster, tmp_path: pathlib.Path) -> None:
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "manifest unknown"}}

    def pulled(path: str, body: clusters.Object) -> None:
        body["status"] = {"containerStatuses": [{"name": "check", "state": waiting}]}

    cluster.after = pulled
    found = render(tmp_path, **in_pod(cluster))
    assert found["failed"] and "in the image example.org/hub:1" in found["msg"] and "manifest unknown" in found["msg"]
    assert not [path for path in cluster.objects if path.startswith(PODS)]


def test_a_pod_that_finds_no_node_is_given_up(cluster: clusters.Cluster, tmp_path: pathlib.Path) -> None:
    condition = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}

    def scheduled(path: str, body: clusters.Object) -> None:
        body["status"] = {"phase": "Pending", "conditions": [condition]}

    cluster.after = scheduled
    found = render(tmp_path, timeout=1, **in_pod(cluster))
    assert (
        found["failed"] and "did not end within 1 seconds" in found["msg"] and "0/1 nodes are available" in found["msg"]
    )


def test_an_image_without_python_is_told(cluster: clusters.Cluster, tmp_path: pathlib.Path) -> None:
    def ended(path: str, body: clusters.Object) -> None:
        body["status"] = {"containerStatuses": [{"name": "check", "state": {"terminated": {"exitCode": 127}}}]}
        cluster.logs[f"{path.rpartition('/')[2]}/check"] = f"sh: python3: not found\n{_checking_pod.END}\n"

    cluster.after = ended
    found = render(tmp_path, **in_pod(cluster))
    assert found["failed"] and "(exit code 127): sh: python3: not found" in found["msg"]
