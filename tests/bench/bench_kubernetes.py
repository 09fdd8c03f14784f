# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an administrator of a hub on Kubernetes waits for, and a class that starts its servers at once."""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import json
import pathlib
import shlex
import shutil
import tempfile
import time
import typing as t
import urllib.error
import urllib.request

import bench_hub
import bench_site
import measuring
from hub_user import HubUser
from measuring import Broken, Row, at_most, median

NAME = "bench-kubernetes"
CLUSTER = str(bench_hub.ROOT / "tests" / "testbed" / "cluster.sh")
NODE_PORT = 32043
MODULE_CALLS = 6
UP_OF_KUBECTL = 2.0
PATIENCE = 600
CLASS = 200
AT_ONCE = 20
KINDS = (
    "serviceaccounts,roles,rolebindings,configmaps,secrets,persistentvolumeclaims,services,networkpolicies,deployments"
)
# What the cluster writes into an object, and who is given one would refuse or ignore.
OF_THE_CLUSTER = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink")


class KubernetesHub(bench_hub.Hub):
    """A hub in a namespace of the cluster of the tests."""

    def __init__(self, directory: pathlib.Path, people: int) -> None:
        images = measuring.run([CLUSTER, "up"]).output.split()
        exported = dict(word.split("=", 1) for word in shlex.split(measuring.run([CLUSTER, "env"]).output)[1:])
        self.people = [f"user{number:03}" for number in range(1, people + 1)]
        self._url = f"http://{measuring.run([CLUSTER, 'address']).output.strip()}:{NODE_PORT}"
        variables = {
            "hub_name": NAME,
            "hub_users": self.people,
            # A small hub, which is the default, refuses more than ten starts at once.
            "hub_scale": "medium",
            "hub_port": 80,
            "hub_http_timeout": PATIENCE // 2,
            "hub_start_timeout": PATIENCE,
            "hub_memory_limit": "256M",
            "hub_cpu_guarantee": 0.01,
            "hub_memory_guarantee": "32M",
            "hub_storage_size": "1Gi",
            "hub_image": "127.0.0.1:5000/jupyterhub/singleuser:6.1.1",
            "hub_kubernetes_kubeconfig": exported["KUBECONFIG"],
            "hub_kubernetes_image": images[0],
            "hub_kubernetes_proxy_image": "127.0.0.1:5000/jupyterhub/configurable-http-proxy:5.3.0",
            "hub_kubernetes_service": "NodePort",
            "hub_kubernetes_node_port": NODE_PORT,
            "hub_kubernetes_hub_resources": {"requests": {"cpu": "50m", "memory": "256Mi"}},
            "hub_kubernetes_proxy_resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
            "hub_kubernetes_prepull": "never",
            "hub_kubernetes_create_namespace": True,
        }
        super().__init__(directory, "kubernetes_hubs", variables)

    @property
    def url(self) -> str:
        return self._url

    @property
    def admin_password(self) -> str:
        """What administrators sign in with."""
        found = json.loads(self.kubectl("get", "secret", f"{NAME}-hub", "--output=json"))["data"]
        return base64.b64decode(found["shared_admin_password"]).decode().strip()

    def kubectl(self, *arguments: str, text: str = "") -> str:
        """What kubectl prints, in the hub's namespace."""
        return measuring.run([CLUSTER, "kubectl", f"--namespace={NAME}", *arguments], text).output

    def manifests(self) -> str:
        """What the hub is made of, as somebody keeps it in files."""
        chosen = f"--selector=app.kubernetes.io/managed-by=hubwright,app.kubernetes.io/instance={NAME}"
        found = json.loads(self.kubectl("get", KINDS, chosen, "--output=json"))
        for each in found["items"]:
            each.pop("status", None)
            for key in OF_THE_CLUSTER:
                each["metadata"].pop(key, None)
            for key in ("clusterIP", "clusterIPs", "volumeName"):
                each.get("spec", {}).pop(key, None)
            each["metadata"].pop("finalizers", None)
            # That a claim is bound, for example.
            notes = each["metadata"].get("annotations", {})
            each["metadata"]["annotations"] = {key: text for key, text in notes.items() if "kubernetes.io/" not in key}
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": found["items"]})

    def remove(self) -> None:
        """Remove everything of it but its namespace."""
        self.play("teardown.yml", "-e", json.dumps({"hub_kubernetes_remove_users_claims": True}))


@contextlib.contextmanager
def running_hub() -> t.Iterator[KubernetesHub]:
    """Bring cluster and hub up; the hub is removed at the end, and the cluster when it was brought up here."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="hubwright-bench-"))
    try:
        hub = KubernetesHub(directory, CLASS)
        try:
            hub.play("site.yml")
            yield hub
        finally:
            hub.remove()
            measuring.run([CLUSTER, "kubectl", "delete", "namespace", NAME, "--ignore-not-found"])
    finally:
        measuring.run([CLUSTER, "down"])
        shutil.rmtree(directory)


def no_change(hub: KubernetesHub, runs: int) -> list[Row]:
    """What a run of site.yml costs that finds nothing to do."""
    return bench_site.no_change(hub, runs, MODULE_CALLS)


def up(hub: KubernetesHub, runs: int) -> list[Row]:
    """A hub in an empty namespace, by kubectl from the same manifests and by site.yml, which makes and checks them."""
    manifests = hub.manifests()
    applied, played = [], []
    for _number in range(runs):
        hub.remove()
        begin = time.perf_counter()
        hub.kubectl("apply", "--filename=-", text=manifests)
        for name in ("hub", "proxy"):
            hub.kubectl("rollout", "status", f"deployment/{NAME}-{name}", f"--timeout={PATIENCE}s")
        bench_hub.wait_for(hub.url, PATIENCE)
        applied.append(time.perf_counter() - begin)
        hub.remove()
        begin = time.perf_counter()
        hub.play("site.yml")
        bench_hub.wait_for(hub.url, PATIENCE)
        played.append(time.perf_counter() - begin)
    ratio = median(site / kubectl for site, kubectl in zip(played, applied))
    note = f"{median(played):.1f} s ({measuring.spread(played)})"
    return [
        Row(
            "kubectl apply of the same manifests until the hub answers, to compare with",
            f"{median(applied):.1f} s ({measuring.spread(applied)})",
        ),
        at_most("site.yml in an empty namespace, in those", ratio, UP_OF_KUBECTL, "", note),
    ]


def class_starts(hub: KubernetesHub, _runs: int) -> list[Row]:
    """Everybody of a class is made known to the hub, and some start their servers at the same moment."""
    admin = HubUser(hub.url, "admin", hub.admin_password)
    admin.sign_in()
    begin = time.perf_counter()
    missing = [name for name in hub.people if name not in _known(admin)]
    if missing:
        admin.request("POST", "/hub/api/users", {"usernames": missing})
    made = time.perf_counter() - begin
    if not set(hub.people) <= _known(admin):
        raise Broken("the hub does not know everybody")
    before = _cpu_of_hub(hub)
    begin = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        ended = list(pool.map(lambda name: _started(hub, admin, name, begin), hub.people[:AT_ONCE]))
    seconds = [each for each in ended if each is not None]
    cpu = (_cpu_of_hub(hub) - before) / AT_ONCE
    note = f"the last was ready after {max(seconds, default=0):.0f} s, the first after {min(seconds, default=0):.0f} s"
    for name in hub.people[:AT_ONCE]:
        admin.request("DELETE", f"/hub/api/users/{name}/server")
    return [
        Row(f"{CLASS} people are made known to the hub", f"{made:.1f} s"),
        at_most(f"of {AT_ONCE} servers that are started at once, not ready", AT_ONCE - len(seconds), 0, "", note),
        Row("CPU of the hub for each of these starts", f"{cpu:.2f} s"),
    ]


def _known(admin: HubUser) -> set[str]:
    found: set[str] = set()
    # A page has 200 at most.
    while page := admin.request("GET", f"/hub/api/users?limit=200&offset={len(found)}"):
        found |= {each["name"] for each in page}
    return found


def _started(hub: KubernetesHub, admin: HubUser, name: str, begin: float) -> float | None:
    """Seconds until a person's server is ready; None when it does not start."""
    try:
        admin.request("POST", f"/hub/api/users/{name}/server", {})
        address = f"{hub.url}/hub/api/users/{name}/server/progress"
        request = urllib.request.Request(address, headers={"Authorization": f"token {admin.token}"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as lines:
            events = [json.loads(line.removeprefix(b"data: ")) for line in lines if line.startswith(b"data: ")]
    except (OSError, urllib.error.URLError):
        return None
    return time.perf_counter() - begin if events and events[-1].get("ready") else None


def _cpu_of_hub(hub: KubernetesHub) -> float:
    """CPU seconds of the hub's process so far."""
    script = "import os; print(sum(map(int, open('/proc/1/stat').read().rpartition(')')[2].split()[11:13])) / os.sysconf('SC_CLK_TCK'))"
    shown = hub.kubectl("exec", f"deployment/{NAME}-hub", "--container=hub", "--", "python3", "-c", script)
    return float(shown.splitlines()[-1])


MEASUREMENTS: dict[str, t.Callable[[KubernetesHub, int], list[Row]]] = {
    "kubernetes-site": no_change,
    "kubernetes-up": up,
    "kubernetes-class": class_starts,
}
