# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub on Kubernetes: hub and proxy are deployments of a namespace, and user servers are pods in it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import typing as t
from collections.abc import Iterator

import yaml
from installation import PATIENCE, PROJECT, Installation, wait_until

CLUSTER = str(PROJECT / "tests" / "testbed" / "cluster.sh")
# What a playbook places, but for what the cluster itself writes into it.
KINDS = (
    "deployments,daemonsets,services,configmaps,secrets,serviceaccounts,roles,rolebindings,networkpolicies,"
    "persistentvolumeclaims"
)
Object = dict[str, t.Any]


class KubernetesInstallation(Installation):
    """One hub in one namespace; what is asked here is asked as the cluster's administrator."""

    platform = "kubernetes"
    services = ("hub", "proxy")
    culler = "hub"
    users_account = "1000"  # that of Jupyter's images
    containers: t.ClassVar[dict[str, str]] = {"hub": "hub", "proxy": "chp"}
    kinds: t.ClassVar[str] = KINDS
    _known: dict[str, t.Any] | None = None

    @property
    def scratch(self) -> pathlib.Path:
        """What prepare.yml of the scenario wrote: the account's kubeconfig, the names of the hub's images."""
        return pathlib.Path(os.environ["HUBWRIGHT_CACHE"]) / self.namespace

    @property
    def namespace(self) -> str:
        """Where the hub is."""
        return str(self.variables()["hub_kubernetes_namespace"])

    def variables(self) -> dict[str, t.Any]:
        """What the inventory says of this hub; templates are left as they are."""
        if self._known is None:
            program = str(pathlib.Path(sys.executable).parent / "ansible-inventory")
            done = subprocess.run(
                [program, f"--inventory={self.inventory}", "--host", self.host],
                env=self._environment(),
                capture_output=True,
                text=True,
                check=True,
            )
            self._known = json.loads(done.stdout)
        assert self._known is not None
        return self._known

    @property
    def database(self) -> str:
        """Kind of the hub's database."""
        return str(self.variables().get("hub_database", "sqlite"))

    def named(self, name: str) -> str:
        """What an object of this hub is called: the chart's name, with a prefix unless the hub is called as there."""
        hub = str(self.variables()["hub_name"])
        return name if hub == "jupyterhub" else f"{hub}-{name}"

    def kubectl(self, *arguments: str, fails: bool = False, stdin: str | None = None) -> str:
        """What kubectl prints, in the hub's namespace."""
        done = subprocess.run(
            [CLUSTER, "kubectl", f"--namespace={self.namespace}", *arguments],
            capture_output=True,
            text=True,
            check=False,
            input=stdin,
        )
        assert (done.returncode != 0) == fails, (
            f"kubectl {' '.join(arguments)} ended with {done.returncode}: {done.stderr}"
        )
        return done.stdout.rstrip("\n")

    def objects(self, kinds: str, selector: str = "") -> list[Object]:
        """Objects of the namespace as the cluster describes them."""
        wanted = [f"--selector={selector}"] if selector else []
        found: list[Object] = json.loads(self.kubectl("get", kinds, *wanted, "--output=json"))["items"]
        return found

    def pods(self, service: str) -> list[Object]:
        """Pods of a service that are not on their way out, the oldest first."""
        found = self.objects("pods", f"app={self.variables()['hub_name']},component={service}")
        living = [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
        return sorted(living, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    def nodes(self) -> list[str]:
        """Names of the cluster's nodes."""
        return self.kubectl("get", "nodes", "--output=jsonpath={.items[*].metadata.name}").split()

    def server_of(self, user: str) -> str:
        """Name of the pod of a user's default server."""
        return self.named(f"jupyter-{user}")

    def address(self, pod: str) -> str:
        """IP address of a pod."""
        return str(json.loads(self.kubectl("get", "pod", pod, "--output=json"))["status"]["podIP"])

    @contextlib.contextmanager
    def having(self, manifest: Object, namespace: str = "") -> Iterator[None]:
        """Inside, the hub's namespace or another one has this object."""
        where = [f"--namespace={namespace}"] if namespace else []
        self.kubectl(*where, "apply", "--filename=-", stdin=json.dumps(manifest))
        try:
            yield
        finally:
            self.kubectl(*where, "delete", "--filename=-", "--wait=true", stdin=json.dumps(manifest))

    @contextlib.contextmanager
    def kubeconfig(self, change: t.Callable[[Object], None]) -> Iterator[str]:
        """Path of a copy of the account's kubeconfig, changed."""
        given = yaml.safe_load((self.scratch / "deployer.kubeconfig").read_text(encoding="utf-8"))
        change(given)
        with tempfile.NamedTemporaryFile("w", suffix=".kubeconfig", encoding="utf-8") as file:
            json.dump(given, file)
            file.flush()
            yield file.name

    @contextlib.contextmanager
    def visitor(self) -> Iterator[str]:
        """Path of a kubeconfig for an account without any right in the namespace."""
        metadata = {"name": "visitor", "namespace": self.namespace}
        token = {"kubernetes.io/service-account.name": "visitor"}
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/service-account-token",
            "metadata": {**metadata, "annotations": token},
        }

        def found() -> str:
            read = json.loads(self.kubectl("get", "secret", "visitor", "--output=json"))
            return str(read.get("data", {}).get("token", ""))

        def become(config: Object) -> None:
            config["users"][0]["user"]["token"] = base64.b64decode(found()).decode()

        with self.having(account), self.having(secret):
            wait_until("the visitor has a token", found)
            with self.kubeconfig(become) as path:
                yield path

    # --- what the platforms do each in their own way

    def secret(self, name: str) -> str:
        """A secret of the hub."""
        data = json.loads(self.kubectl("get", "secret", self.named("hub"), "--output=json"))["data"]
        return base64.b64decode(data[name]).decode()

    def files(self) -> str:
        """Everything that a playbook places: a line for each object, with a checksum of what is asked for in it."""
        lines = []
        for found in self.objects(self.kinds, "app.kubernetes.io/managed-by=hubwright"):
            kept = {key: value for key, value in found.items() if key not in ("metadata", "status")}
            kept["labels"] = found["metadata"].get("labels")
            checksum = hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:12]
            lines.append(f"{found['kind']} {found['metadata']['name']} {checksum}")
        return "\n".join(sorted(lines))

    def users_file(self, user: str, name: str) -> str:
        """What is in a file of a user, by a pod of its own when the user's server does not run."""
        if self.runs_server_of(user):
            return self.kubectl("exec", self.server_of(user), "--container=notebook", "--", "cat", name)
        home = self.variables().get("hub_storage_mount", "/home/jovyan")
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "look"},
            "spec": {
                "restartPolicy": "Never",
                "volumes": [{"name": "home", "persistentVolumeClaim": {"claimName": self.named(f"claim-{user}")}}],
                "containers": [
                    {
                        "name": "look",
                        "image": self.variables()["hub_image"],
                        "imagePullPolicy": "IfNotPresent",
                        "command": ["cat", f"{home}/{name}"],
                        "volumeMounts": [{"name": "home", "mountPath": home}],
                    }
                ],
            },
        }
        with self.having(pod):
            wait_until("the file was read", lambda: self._phase("look") in ("Succeeded", "Failed"))
            return self.kubectl("logs", "look")

    def _phase(self, pod: str) -> str:
        return self.kubectl("get", "pod", pod, "--output=jsonpath={.status.phase}")

    def runs_server_of(self, user: str) -> bool:
        """Whether there is a pod of that user that is not on its way out."""
        found = self.kubectl("get", "pod", self.server_of(user), "--ignore-not-found", "--output=json")
        return bool(found) and "deletionTimestamp" not in json.loads(found)["metadata"]

    def culling(self) -> str:
        """Command line of the culler, which the hub runs in its pod."""
        script = "for line in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$line; echo; done 2>/dev/null"
        shown = self.kubectl("exec", f"deployment/{self.named('hub')}", "--container=hub", "--", "sh", "-c", script)
        return "\n".join(line for line in shown.splitlines() if "jupyterhub_idle_culler" in line)

    def pid(self, service: str) -> int:
        """A number of the container that is ready to serve; 0 when there is none."""
        for pod in self.pods(service):
            for container in pod["status"].get("containerStatuses") or []:
                if container["name"] == self.containers[service] and container["ready"]:
                    return int(hashlib.sha256(container["containerID"].encode()).hexdigest()[:12], 16)
        return 0

    def kill(self, pid: int) -> None:
        """End a pod without a chance to say good-bye."""
        for service in self.services:
            if self.pid(service) == pid:
                name = self.pods(service)[0]["metadata"]["name"]
                self.kubectl("delete", "pod", name, "--grace-period=0", "--force", "--wait=false")
                return
        raise AssertionError(f"expected a pod with the number {pid}")

    def stop(self, service: str) -> None:
        """Stop a service as an administrator does."""
        self.differs = True
        self.kubectl("scale", "deployment", self.named(service), "--replicas=0")
        wait_until(f"the {service} is stopped", lambda: not self.pods(service))

    def log(self, service: str = "hub") -> str:
        """The whole log of a service."""
        return self.kubectl(
            "logs", f"deployment/{self.named(service)}", f"--container={self.containers[service]}", "--tail=-1"
        )

    def failing_at_start(self) -> dict[str, str]:
        """hub_extra_config that no check can foresee: it fails in the hub's own pod only."""
        return {
            "licence": 'import os\nif os.environ.get("HOSTNAME", "").startswith("hub-"):\n'
            '    raise SystemExit("the licence server is away")\n'
        }

    def settled(self) -> None:
        """Wait until hub and proxy are ready and the hub answers."""
        wait_until("hub and proxy are ready", lambda: all(map(self.pid, self.services)), 2 * PATIENCE)
        wait_until("the hub answers", self.answers)
