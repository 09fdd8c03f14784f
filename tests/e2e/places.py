# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One hub that is described once and has two places in its inventory: a Docker host, and a namespace of a cluster."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from hub_user import HubUser
from installation import Installation
from kubernetes_installation import KubernetesInstallation


def in_the_cluster(installation: Installation) -> KubernetesInstallation:
    """The hub of the same inventory whose host is called as this one, and ``-cluster``."""
    facts = {field.name: getattr(installation, field.name) for field in dataclasses.fields(installation)}
    place = KubernetesInstallation(
        **{
            **facts,
            "host": f"{installation.host}-cluster",
            "directory": "/etc/jupyterhub",
            "account": KubernetesInstallation.users_account,
            "service_manager": "kubernetes",
            "differs": False,
        }
    )
    address = (place.scratch / "address").read_text(encoding="utf-8").strip()
    place.url = f"http://{address}:{place.variables()['hub_kubernetes_node_port']}"
    return place


def at(place: Installation, person: HubUser) -> HubUser:
    """The same browser and the same token, after the name of the hub leads to another place."""
    there = HubUser(place.url, person.name, person.password)
    there.token = person.token
    for cookie in person._cookies:
        # A browser knows the name of the hub only; here each place has an address of its own.
        cookie.domain = place.url.split("//")[1].split(":")[0]
        there._cookies.set_cookie(cookie)
    return there


def inside(person: HubUser, program: str) -> t.Any:
    """What a program prints as JSON that runs in a kernel of the person's server."""
    kernel = person.kernel()
    try:
        return json.loads(kernel.compute(program))
    finally:
        kernel.socket.close()
        for running in person.request("GET", f"/user/{person.name}/api/kernels"):
            person.request("DELETE", f"/user/{person.name}/api/kernels/{running['id']}")
