# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and administrators find in the namespace: pods, claims, labels, limits, and user servers as hosts."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys

from hub_user import HubUser
from installation import PROJECT
from kubernetes_installation import CLUSTER, KubernetesInstallation


def test_two_people_have_a_pod_and_a_claim_each(cluster_hub: KubernetesInstallation) -> None:
    """With the names and the labels that the chart's users know; both compute, and neither sees the other's files."""
    hub = cluster_hub
    for name in ("alice", "bob"):
        person = hub.user(name)
        person.start_server()
        assert person.kernel().compute("sum(range(10)) * 2") == "90"
        person.write("kept.txt", f"written by {name}")
        assert hub.users_file(name, "kept.txt") == f"written by {name}"
    pods = {pod["metadata"]["name"]: pod for pod in hub.objects("pods", "component=singleuser-server")}
    claims = {claim["metadata"]["name"]: claim for claim in hub.objects("persistentvolumeclaims")}
    assert {"jupyter-alice", "jupyter-bob"} <= set(pods) and {"claim-alice", "claim-bob", "hub-db-dir"} <= set(claims)
    for name in ("alice", "bob"):
        expected = {"app": "jupyterhub", "release": "jupyterhub", "hub.jupyter.org/username": name}
        for found in (pods[f"jupyter-{name}"], claims[f"claim-{name}"]):
            labels = found["metadata"]["labels"]
            assert expected.items() <= labels.items(), f"expected {expected}, {found['kind']} has {labels}"
        assert claims[f"claim-{name}"]["spec"]["resources"]["requests"]["storage"] == "1Gi"
        volumes = [
            v["persistentVolumeClaim"]["claimName"]
            for v in pods[f"jupyter-{name}"]["spec"]["volumes"]
            if "persistentVolumeClaim" in v
        ]
        assert volumes == [f"claim-{name}"]


def test_objects_are_called_as_the_ecosystem_expects(cluster_hub: KubernetesInstallation) -> None:
    """Dashboards and health checks look for these names and labels."""
    hub = cluster_hub
    deployments = {found["metadata"]["name"]: found for found in hub.objects("deployments")}
    assert set(deployments) == {"hub", "proxy"}
    for name, found in deployments.items():
        labels = found["spec"]["template"]["metadata"]["labels"]
        assert {"app": "jupyterhub", "release": "jupyterhub", "component": name}.items() <= labels.items()
        assert found["spec"]["replicas"] == 1
    assert deployments["hub"]["spec"]["strategy"]["type"] == "Recreate"
    services = {found["metadata"]["name"] for found in hub.objects("services")}
    assert {"hub", "proxy-api", "proxy-public"} <= services


def test_a_volume_of_ones_own_outlives_the_server(cluster_hub: KubernetesInstallation) -> None:
    """The pod goes with the server, the claim stays."""
    hub = cluster_hub
    alice = hub.user("alice")
    alice.start_server()
    alice.write("mine.txt", "alice was here")
    alice.stop_server()
    assert not hub.runs_server_of("alice"), "expected that the pod is gone"
    alice.start_server()
    assert alice.read("mine.txt") == "alice was here"


def test_a_server_has_limits_and_no_rights(cluster_hub: KubernetesInstallation, alice: HubUser) -> None:
    """As the kernel itself finds them: no capability, no token of the cluster, no more memory than its limit."""
    kernel = alice.kernel()
    status = dict(
        line.split(":\t", 1)
        for line in kernel.compute("print(open('/proc/self/status').read())").splitlines()
        if ":\t" in line
    )
    rights = {name: int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapBnd")}
    assert not any(rights.values()), f"expected no capabilities, there are {rights}"
    assert status["NoNewPrivs"].strip() == "1" and status["Uid"].split()[0] != "0"
    assert kernel.compute("import os; os.path.exists('/var/run/secrets/kubernetes.io')") == "False"
    memory = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
    read = f"print(next(open(path).read().strip() for path in {memory} if os.path.exists(path)))"
    assert kernel.compute(read) == str(512 << 20)


def test_no_secret_is_shown(cluster_hub: KubernetesInstallation) -> None:
    """Neither in an object that is no Secret, nor in an environment as the cluster shows it, nor in the log."""
    hub = cluster_hub
    data = {name: hub.secret(name) for name in ("cookie_secret", "proxy_token", "shared_password")}
    shown = {
        "objects": hub.kubectl("get", "pods,deployments,configmaps,services", "--output=json"),
        "log of the hub": hub.log(),
        "log of the proxy": hub.log("proxy"),
    }
    found = [f"{name} in {place}" for place, text in shown.items() for name, value in data.items() if value in text]
    assert not found, f"expected secrets in the Secret only, found {found}"


def test_a_second_run_changes_nothing_and_is_short(cluster_hub: KubernetesInstallation) -> None:
    """No object, no pod, and at most six calls of modules."""
    hub = cluster_hub
    before, pods = hub.files(), [hub.pid(service) for service in hub.services]
    play = hub.play(
        "site",
        environment={"ANSIBLE_DISPLAY_SKIPPED_HOSTS": "0", "ANSIBLE_VERBOSITY": "3"},
    )
    assert play.changes == 0, f"expected no change, these tasks changed something: {play.changed}"
    assert hub.files() == before
    assert [hub.pid(service) for service in hub.services] == pods
    # With that verbosity Ansible names the file of each module that it sends to a host.
    calls = re.findall(r"^Using module file (\S+)", play.text, re.MULTILINE)
    assert 0 < len(calls) <= 6, f"expected at most 6 calls of modules: {[pathlib.Path(call).stem for call in calls]}"


def inventory(hub: KubernetesInstallation, directory: pathlib.Path, program: str, *words: str) -> str:
    """What a program of Ansible prints with user servers as its inventory."""
    path = directory / "tests.hub_servers.yml"
    options = {
        "hub_name": "jupyterhub",
        "namespace": hub.namespace,
        "kubeconfig": str(hub.scratch / "deployer.kubeconfig"),
    }
    path.write_text(json.dumps({"plugin": "hubwright.jupyterhub.hub_servers", "platform": "kubernetes", **options}))
    # Where kubectl is.
    line = subprocess.run([CLUSTER, "env"], capture_output=True, text=True, check=True).stdout
    where = subprocess.run(["bash", "-c", f'{line.strip()}; echo "$PATH"'], capture_output=True, text=True, check=True)
    command = [str(pathlib.Path(sys.executable).parent / program), f"--inventory={path}", *words]
    environment = {**hub._environment(), "PATH": where.stdout.strip(), "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1"}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{program} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


def test_user_servers_are_hosts(cluster_hub: KubernetesInstallation, alice: HubUser, tmp_path: pathlib.Path) -> None:
    """Named after people, with a connection that runs modules inside of them."""
    hub = cluster_hub
    alice.write("seen.txt", "by a module")
    listed = json.loads(inventory(hub, tmp_path, "ansible-inventory", "--list"))
    assert "alice@jupyterhub" in listed["hub_servers"]["hosts"]
    # What others wrote is marked as such.
    variables = {
        name: value["__ansible_unsafe"] if isinstance(value, dict) else value
        for name, value in listed["_meta"]["hostvars"]["alice@jupyterhub"].items()
    }
    expected = {
        "server_pod": "jupyter-alice",
        "server_namespace": hub.namespace,
        "ansible_connection": "kubernetes.core.kubectl",
    }
    assert expected.items() <= variables.items(), f"expected {expected}, got {variables}"
    said = inventory(
        hub, tmp_path, "ansible", "alice@jupyterhub", "-m", "ansible.builtin.command", "-a", "cat seen.txt"
    )
    assert "by a module" in said
