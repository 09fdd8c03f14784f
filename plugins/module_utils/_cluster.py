# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Kubernetes cluster: plain JSON in and out, and the cluster's own words when it refuses. Private to the collection."""

from __future__ import annotations

import json
import time
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

Object = dict[str, t.Any]

# Options of modules that reach a cluster; the doc fragment _cluster mirrors them.
ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "kubeconfig": {"type": "path"},
    "context": {"type": "str"},
    "namespace": {"type": "str", "required": True},
}
# Suboptions of modules that run a pod.
POD_ARGUMENTS: dict[str, dict[str, t.Any]] = {
    **ARGUMENTS,
    "labels": {"type": "dict", "default": {}},
    "uid": {"type": "int", "default": 0},
    "seccomp": {"type": "bool", "default": True},
    "pull_policy": {"type": "str", "default": "IfNotPresent", "choices": ["Always", "IfNotPresent", "Never"]},
    "pull_secrets": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "node_selector": {"type": "dict", "default": {}},
    "tolerations": {"type": "list", "elements": "dict", "default": []},
}
_SECONDS = 30
# Too many questions at a time, or an API beside the cluster's own that starts again: nothing was done, and it passes.
_PASSING = (429, 503)
_PASSING_SECONDS = 20


class Refused(HubError):
    """The cluster answered that it will not; ``status`` is the HTTP status, ``reason`` the cluster's own sentence."""

    def __init__(self, message: str, status: int, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class Cluster:
    """One cluster, as one account of it."""

    def __init__(self, kubeconfig: str = "", context: str = "") -> None:
        try:
            import kubernetes.config
            import kubernetes.dynamic
            import kubernetes.dynamic.exceptions
        except ImportError as error:
            raise HubError(
                f"The Python that runs this module lacks a library: {error}.",
                "Install kubernetes there (pip install kubernetes).",
            ) from error
        self._exceptions = kubernetes.dynamic.exceptions
        try:
            load: t.Callable[..., t.Any] = kubernetes.config.new_client_from_config
            client = load(config_file=kubeconfig or None, context=context or None)
        except (kubernetes.config.ConfigException, OSError, ValueError) as error:
            said = str(error).rstrip(".")
            raise HubError(
                f"{kubeconfig or 'The kubeconfig'} can not be used: {said}.",
                "Name a kubeconfig and a context of it that kubectl can use on the host of this task.",
            ) from error
        self.address: str = client.configuration.host
        # Without discovery, which costs two questions: all paths are known here.
        make: t.Callable[..., t.Any] = kubernetes.dynamic.DynamicClient
        self._client = make(client, discoverer=lambda _client, _file: None)

    def request(self, method: str, path: str, body: t.Any = None, seconds: float = _SECONDS, **options: t.Any) -> bytes:
        """The cluster's answer.

        :param seconds: that it may take.
        :raises Refused: when it refuses, and goes on to do so where that passes by itself.
        :raises HubError: when it does not answer, or does not know the account.
        """
        import urllib3.exceptions

        deadline = time.monotonic() + _PASSING_SECONDS
        while True:
            try:
                response = self._client.request(
                    method, path, body=body, serialize=False, _request_timeout=seconds, **options
                )
            except self._exceptions.DynamicApiError as error:
                if error.status in _PASSING and time.monotonic() < deadline:
                    time.sleep(1)
                    continue
                raise self._refused(method, path, error) from None
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise HubError(
                    f"The cluster does not answer at {self.address}: {_cause(error)}.",
                    "Check the address in the kubeconfig, and that this host reaches it.",
                ) from error
            data: bytes = response.data
            return data

    def _refused(self, method: str, path: str, error: t.Any) -> HubError:
        try:
            said = json.loads(error.body)["message"]
        except (ValueError, KeyError, TypeError):
            said = error.reason or ""
        if error.status == 401:
            return HubError(
                f"The cluster at {self.address} does not accept the credentials of the kubeconfig ({said}).",
                "Log in to the cluster again; kubectl auth can-i --list must work.",
            )
        return Refused(f"The cluster refuses to {method} {path}: {said}.", error.status, said)

    def get(self, path: str, **options: t.Any) -> Object:
        """One object, a list of them, or another answer in JSON."""
        answer: Object = json.loads(self.request("get", path, **options))
        return answer

    def find(self, path: str, **options: t.Any) -> Object | None:
        """As ``get``; None when it is not there."""
        try:
            return self.get(path, **options)
        except Refused as error:
            if error.status == 404:
                return None
            raise

    def items(self, path: str, selector: str = "") -> list[Object]:
        """Objects of a kind; none when the cluster does not know the kind or the account may not list it."""
        try:
            found: list[Object] = (
                self.get(path, **({"label_selector": selector} if selector else {})).get("items") or []
            )
        except Refused as error:
            if error.status in (403, 404):
                return []
            raise
        return found

    def create(self, path: str, body: Object) -> Object:
        """Make an object."""
        answer: Object = json.loads(self.request("post", path, body))
        return answer

    def merge(self, path: str, body: Object) -> Object:
        """Change parts of an object."""
        answer: Object = json.loads(
            self.request("patch", path, body, content_type="application/merge-patch+json", query_params=[])
        )
        return answer

    def replace(self, path: str, body: Object) -> Object:
        """Put an object in the place of one, whatever that was; some kinds are made when there is none."""
        answer: Object = json.loads(self.request("put", path, body))
        return answer

    def delete(self, path: str) -> None:
        """Remove an object; one that is not there is fine."""
        try:
            self.request("delete", path, {"propagationPolicy": "Background"})
        except Refused as error:
            if error.status != 404:
                raise

    def execute(self, namespace: str, pod: str, container: str, command: t.Sequence[str]) -> t.Any:
        """A running program in a container, as a ``WSClient`` with its three streams, in bytes.

        :raises HubError: the cluster does not start it.
        """
        import kubernetes.client
        import kubernetes.stream

        api: t.Any = kubernetes.client.CoreV1Api(self._client.client)
        start: t.Callable[..., t.Any] = kubernetes.stream.stream
        streams = {"stdin": True, "stdout": True, "stderr": True, "tty": False}
        try:
            return start(
                api.connect_get_namespaced_pod_exec,
                pod,
                namespace,
                container=container,
                command=list(command),
                **streams,
                binary=True,
                _preload_content=False,
            )
        except (kubernetes.client.ApiException, OSError) as error:
            said = str(getattr(error, "reason", "") or error).splitlines()[0]
            raise HubError(
                f"The cluster does not run a program in the pod {pod}: {said}.",
                "The account needs the right to create pods/exec in the namespace, which edit has.",
            ) from error

    def log(self, namespace: str, pod: str, container: str, lines: int = 0, previous: bool = False) -> str:
        """What a container wrote; empty when there is nothing to be had."""
        query = [("container", container)] + ([("tailLines", lines)] if lines else [])
        if previous:
            query.append(("previous", "true"))
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        try:
            data = self.request("get", path, query_params=query, header_params={"Accept": "*/*"})
        except Refused:
            return ""
        text = data.decode(errors="replace")
        # What a node says of a container that is gone is no log.
        return "" if text.startswith("unable to retrieve container logs") else text


def connect(params: t.Mapping[str, t.Any]) -> Cluster:
    """The cluster that a module's options name."""
    return Cluster(params["kubeconfig"] or "", params["context"] or "")


def _cause(error: BaseException) -> str:
    """The innermost reason of a chain, which says what happened."""
    reason = getattr(error, "reason", None)
    text = str(reason if isinstance(reason, BaseException) else error)
    return (text.rpartition(": ")[2] or text).strip(".>)(")
