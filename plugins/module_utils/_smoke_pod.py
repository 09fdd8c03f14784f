# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The smoke test's two containers in one pod, which satisfies the pod security standard "restricted".

The cluster ends the pod by itself some time after the test should have, and the next run removes what is left of it. A
network policy keeps the candidate from all others, as far as the cluster enforces one. Private to the collection.
"""

from __future__ import annotations

import contextlib
import inspect
import typing as t
import uuid

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _cluster_pods, _smoke_probe
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._checking_pod import Place, spec
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Cluster, Object, Refused
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._smoke_test import CanNotStart, State, Trial

LABEL = "hubwright/smoke-test"
_CANDIDATE, _BESIDE = "candidate", "stand-in"
_ENDED = ("Succeeded", "Failed")
# Seconds that the cluster gives the pod beyond the test, in which this side removes it.
_LONGER = 60


class PodBench(contextlib.ExitStack):
    """A ``Bench``.

    :param place: namespace, and what pods of users need there.
    :param image: reference of the candidate, by digest.
    """

    together = True

    def __init__(self, cluster: Cluster, place: Place, image: str, trial: Trial) -> None:
        super().__init__()
        self._cluster = cluster
        self._place = place
        self._image = image
        self._trial = trial
        self._name = f"hubwright-smoke-test-{uuid.uuid4().hex[:10]}"
        self._pods = f"/api/v1/namespaces/{place.namespace}/pods"
        self._request = ""
        self._made = False
        for left in cluster.items(self._pods, LABEL):
            if (left.get("status") or {}).get("phase") in _ENDED:
                cluster.delete(f"{self._pods}/{left['metadata']['name']}")

    def start_beside(self, request: str) -> None:
        """Later, together with the candidate: containers of a pod start together."""
        self._request = request

    def start_candidate(self, environment: t.Mapping[str, str]) -> None:
        """Make the pod, and then what keeps its network apart, which goes with it."""
        try:
            pod = self._cluster.create(self._pods, self._pod(environment))
        except Refused as error:
            raise HubError(
                f"The cluster makes no pod in the namespace {self._place.namespace} to try the image out in: {error.reason}.",
                "Mend that; users' pods would meet the same.",
            ) from error
        self._made = True
        self.callback(self._cluster.delete, f"{self._pods}/{self._name}?gracePeriodSeconds=0")
        metadata = pod["metadata"]
        owner = {"apiVersion": "v1", "kind": "Pod", "name": self._name, "uid": metadata["uid"]}
        policy = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": self._name, "labels": dict(self._place.labels), "ownerReferences": [owner]},
            "spec": {"podSelector": {"matchLabels": {LABEL: self._name}}, "policyTypes": ["Ingress", "Egress"]},
        }
        path = f"/apis/networking.k8s.io/v1/namespaces/{self._place.namespace}/networkpolicies"
        try:
            self._cluster.create(path, policy)
        except Refused as error:
            if error.status != 403:  # who may not make one has the namespace's own policies
                raise

    def _pod(self, environment: t.Mapping[str, str]) -> Object:
        trial, place = self._trial, self._place
        limits = {"memory": str(trial.memory)} if trial.memory else {}
        candidate: Object = {
            "env": [{"name": name, "value": value} for name, value in environment.items()],
            "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": limits},
        }
        if trial.command is not None:
            candidate["args"] = trial.command
        volumes: list[Object] = []
        if trial.home:  # a user's claim is empty at first, and belongs to the pod's group
            volumes.append({"name": "home", "emptyDir": {}})
            candidate["volumeMounts"] = [{"name": "home", "mountPath": trial.home}]
        beside: Object = {
            "command": ["python3", "-c", inspect.getsource(_smoke_probe)],
            "env": [
                {"name": "HUBWRIGHT_SMOKE_TEST", "value": self._request},
                {"name": "PYTHONDONTWRITEBYTECODE", "value": "1"},
            ],
            "workingDir": "/",
            "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
        }
        rights: Object = {"allowPrivilegeEscalation": False}
        if trial.drop_capabilities:
            rights["capabilities"] = {"drop": ["ALL"]}
        return {
            "metadata": {"name": self._name, "labels": {**place.labels, LABEL: self._name}},
            "spec": {
                **spec(place, int(trial.timeout) + _LONGER),
                "volumes": volumes,
                "containers": [
                    {
                        "name": name,
                        "image": self._image,
                        "imagePullPolicy": place.pull_policy,
                        "securityContext": rights,
                        **container,
                    }
                    for name, container in ((_BESIDE, beside), (_CANDIDATE, candidate))
                ],
            },
        }

    def states(self) -> tuple[State, State]:
        """As the cluster has them."""
        pod = self._cluster.get(f"{self._pods}/{self._name}")
        if why := _cluster_pods.trouble(pod):
            raise CanNotStart(why)
        found = {each["name"]: (each.get("state") or {}).get("terminated") for each in _cluster_pods.containers(pod)}
        return _state(found.get(_CANDIDATE)), _state(found.get(_BESIDE))

    def said(self, lines: int | str = "all") -> list[str]:
        """What the one beside the candidate has written."""
        return self._log(_BESIDE, 0 if lines == "all" else int(lines))

    def log(self, lines: int) -> list[str]:
        """The last lines of the candidate."""
        return self._log(_CANDIDATE, lines) if self._made else []

    def _log(self, container: str, lines: int) -> list[str]:
        # A container that waits for its start has no log, and is no error.
        return self._cluster.log(self._place.namespace, self._name, container, lines).splitlines()

    def waits_for(self) -> str:
        """No node for it, or a node that still pulls the image."""
        pod = self._cluster.get(f"{self._pods}/{self._name}")
        if why := _cluster_pods.unscheduled(pod):
            return why
        waiting = [
            (each.get("state") or {})["waiting"].get("reason") or "no reason"
            for each in _cluster_pods.containers(pod)
            if "waiting" in (each.get("state") or {})
        ]
        return f"its container is waiting ({waiting[0]})" if waiting else ""


def _state(terminated: Object | None) -> State:
    if not terminated:
        return State()
    return State(True, terminated.get("exitCode", 1), terminated.get("reason") == "OOMKilled")
