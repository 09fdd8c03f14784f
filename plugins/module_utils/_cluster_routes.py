# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether routers of OpenShift serve a Route, and why not. Private to the collection."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Cluster, Object


@dataclasses.dataclass
class Admitted:
    """How waiting for Routes ended."""

    hosts: dict[str, str] = dataclasses.field(default_factory=dict)
    """Name of each Route that is served to the host that people type."""
    reasons: list[str] = dataclasses.field(default_factory=list)
    """Why others are not, in the router's own words."""


def wait(
    cluster: Cluster,
    namespace: str,
    names: t.Sequence[str],
    seconds: float,
    clock: t.Callable[[], float] = time.monotonic,
    sleep: t.Callable[[float], None] = time.sleep,
) -> Admitted:
    """Wait until routers serve Routes, until all routers refuse one, or until the time is over."""
    deadline = clock() + seconds
    while True:
        late, answer = clock() > deadline, Admitted()
        for name in names:
            route = cluster.get(f"/apis/route.openshift.io/v1/namespaces/{namespace}/routes/{name}")
            said = _said(route)
            if any(each["status"] == "True" for each in said):
                answer.hosts[name] = str(route["spec"]["host"])
            elif said:
                answer.reasons += [_refusal(route, each) for each in said]
            elif late:
                answer.reasons.append(f"no router took the Route {name} within {seconds:.0f} s")
        if answer.reasons or len(answer.hosts) == len(names):
            return answer
        sleep(0.5)


def _said(route: Object) -> list[Object]:
    """What routers say of the host that the Route has now."""
    host = route["spec"].get("host")
    return [
        condition
        for ingress in (route.get("status") or {}).get("ingress") or []
        if ingress.get("host") == host
        for condition in ingress.get("conditions") or []
        if condition["type"] == "Admitted"
    ]


def _refusal(route: Object, condition: Object) -> str:
    return (
        f"the router refuses the Route {route['metadata']['name']} for {route['spec'].get('host')}: "
        f"{condition.get('reason') or 'no reason'}: {condition.get('message') or ''}".rstrip(": ")
    )
