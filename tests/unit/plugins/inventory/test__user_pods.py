# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pods are user servers, and the inventory plugin with a server that answers as a cluster does.

That modules run inside of such hosts is tested on a cluster, tests/e2e/test_kubernetes.py.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading
import typing as t
import urllib.parse

import pytest
import yaml

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _user_pods

ROOT = pathlib.Path(__file__).parents[4]


def pod(name: str, user: str = "", server: str = "", **changes: t.Any) -> dict[str, t.Any]:
    recorded = {"hub.jupyter.org/username": user, **({"hub.jupyter.org/servername": server} if server else {})}
    running = {
        "name": "notebook",
        "image": "notebook:1",
        "imageID": "sha256:1",
        "state": {"running": {"startedAt": "2026-11-21T04:00:45Z"}},
    }
    described: dict[str, t.Any] = {
        "metadata": {"name": name, "namespace": "teaching", **({"annotations": recorded} if user else {})},
        "spec": {"nodeName": "node-1"},
        "status": {"phase": "Running", "containerStatuses": [{"name": "sidecar", "state": {}}, running]},
    }
    for part, change in changes.items():
        described[part] = {**described[part], **change}
    return described


def test_whose_it_is_says_the_record_not_the_name() -> None:
    found = _user_pods.user_pod("lab", pod("jupyter-x-2ey", "ann.lee", "training"))
    assert found is not None
    assert found.host == "ann.lee+training@lab"
    assert found.variables == {
        "hub_name": "lab",
        "hub_user": "ann.lee",
        "hub_server": "training",
        "server_pod": "jupyter-x-2ey",
        "server_namespace": "teaching",
        "server_node": "node-1",
        "server_container": "notebook",
        "server_image": "notebook:1",
        "server_image_id": "sha256:1",
        "server_started_at": "2026-11-21T04:00:45Z",
    }


@pytest.mark.parametrize(
    "described",
    [
        pod("jupyter-ann"),
        pod("jupyter-ann", "ann", status={"containerStatuses": None}),
        pod("jupyter-ann", "ann", status={"containerStatuses": [{"name": "notebook", "state": {"waiting": {}}}]}),
        pod("jupyter-ann", "ann", status={"containerStatuses": [{"name": "other", "state": {"running": {}}}]}),
        pod("jupyter-ann", "ann", metadata={"deletionTimestamp": "2026-11-21T04:00:45Z"}),
    ],
)
def test_what_does_not_run_or_names_nobody_is_no_host(described: dict[str, t.Any]) -> None:
    assert _user_pods.user_pod("lab", described) is None


class Cluster(http.server.BaseHTTPRequestHandler):
    """Lists pods by their labels, in one namespace; the account may not look into others."""

    pods: t.ClassVar[dict[str, list[dict[str, t.Any]]]] = {}

    def do_GET(self) -> None:
        address = urllib.parse.urlsplit(self.path)
        selector = urllib.parse.parse_qs(address.query).get("labelSelector", [""])[0]
        if address.path == "/api/v1/namespaces/teaching/pods":
            status, answer = 200, {"kind": "PodList", "items": self.pods.get(selector, [])}
        else:
            status, answer = 403, {"kind": "Status", "message": "pods is forbidden"}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing to say."""


@contextlib.contextmanager
def cluster(directory: pathlib.Path, **pods: list[dict[str, t.Any]]) -> t.Iterator[pathlib.Path]:
    """A cluster that answers; the path of a kubeconfig for it."""
    handler = type("Own", (Cluster,), {"pods": {name.replace("__", ","): found for name, found in pods.items()}})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        path = directory / "config"
        name = {"cluster": "tests", "user": "tests"}
        path.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "tests",
                    "clusters": [{"name": "tests", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
                    "users": [{"name": "tests", "user": {"token": "token"}}],
                    "contexts": [{"name": "tests", "context": name}],
                }
            )
        )
        yield path
        server.shutdown()


def listed(
    directory: pathlib.Path, environment: dict[str, str] | None = None, **options: str
) -> subprocess.CompletedProcess[str]:
    """What ansible-inventory says."""
    path = directory / "tests.hub_servers.yml"
    path.write_text(yaml.safe_dump({"plugin": "hubwright.jupyterhub.hub_servers", "platform": "kubernetes", **options}))
    own = {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".dev"),
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
        "COLUMNS": "1000",
    }
    command = [str(pathlib.Path(sys.executable).with_name("ansible-inventory")), "-i", str(path), "--list", "--export"]
    kept = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
    return subprocess.run(
        command, env={**kept, **own, **(environment or {})}, capture_output=True, text=True, check=False, cwd=ROOT
    )


SELECTOR = "app=lab,component=singleuser-server"


def test_running_servers_are_hosts_with_a_connection(tmp_path: pathlib.Path) -> None:
    older = pod("jupyter-bob-old", "bob")
    older["status"]["containerStatuses"][1]["state"]["running"]["startedAt"] = "2026-11-20T00:00:00Z"
    with cluster(
        tmp_path, **{SELECTOR: [pod("jupyter-ann", "ann"), pod("jupyter-bob", "bob"), older, pod("nobody")]}
    ) as path:
        done = listed(tmp_path, {"KUBECONFIG": str(path)}, hub_name="lab", namespace="teaching", context="tests")
    assert done.returncode == 0, done.stderr
    assert "Pods jupyter-bob-old and jupyter-bob both run the server bob@lab" in done.stderr
    found = json.loads(done.stdout)
    assert found["hub_servers"]["hosts"] == ["ann@lab", "bob@lab"]
    variables = {
        name: value["__ansible_unsafe"] if isinstance(value, dict) else value
        for name, value in found["_meta"]["hostvars"]["ann@lab"].items()
    }
    expected = {
        "ansible_connection": "kubernetes.core.kubectl",
        "ansible_host": "jupyter-ann",
        "ansible_kubectl_container": "notebook",
        "ansible_kubectl_context": "tests",
        "ansible_kubectl_kubeconfig": str(path),
        "ansible_kubectl_namespace": "teaching",
        "ansible_kubectl_pod": "jupyter-ann",
        "ansible_python_interpreter": "python3",
        "hub_user": "ann",
    }
    assert {name: variables.get(name) for name in expected} == expected


def test_a_hub_without_servers_is_fine_and_no_hub_is_named(tmp_path: pathlib.Path) -> None:
    with cluster(tmp_path, **{"app=lab,component=hub": [pod("hub")]}) as path:
        quiet = listed(tmp_path, hub_name="lab", namespace="teaching", kubeconfig=str(path))
        named = listed(tmp_path, hub_name="other", namespace="teaching", kubeconfig=str(path))
    assert quiet.returncode == 0 and "WARNING" not in quiet.stderr, quiet.stderr
    assert "The namespace teaching has no hub other and none of its user servers" in named.stderr


def test_a_cluster_that_refuses_or_does_not_answer_is_named(tmp_path: pathlib.Path) -> None:
    with cluster(tmp_path) as path:
        refused = listed(tmp_path, hub_name="lab", kubeconfig=str(path))
    silent = listed(tmp_path, hub_name="lab", kubeconfig=str(path))
    missing = listed(tmp_path, hub_name="lab", kubeconfig=str(tmp_path / "nothing"))
    assert (
        refused.returncode != 0
        and "The cluster refuses to get /api/v1/namespaces/lab/pods: pods is forbidden" in refused.stderr
    )
    assert silent.returncode != 0 and "The cluster does not answer at" in silent.stderr
    assert missing.returncode != 0 and "can not be used" in missing.stderr
