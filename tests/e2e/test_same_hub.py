# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file of group_vars gives the same hub on a Docker host and on Kubernetes: what people and administrators get is compared."""

from __future__ import annotations

import re
import typing as t

import pytest
from hub_user import HubUser
from installation import Installation
from places import in_the_cluster, inside

# What may differ, and why. Everything else that differs is a fault.
ALLOWED = {
    "HOSTNAME": "the container's own name",
    "JPY_PARENT_PID": "what starts a container takes numbers of processes before, and not always as many",
    "JUPYTERHUB_API_TOKEN": "every server has a token of its own",
    "JPY_API_TOKEN": "the same, under its old name",
    "JUPYTERHUB_API_URL": "where the hub is, seen from inside of the platform",
    "JUPYTERHUB_ACTIVITY_URL": "the same",
    "JUPYTERHUB_SERVICE_URL": "where the server listens, seen from inside of the platform",
    "JUPYTERHUB_OAUTH_CLIENT_SECRET": "every server has a secret of its own",
    "JUPYTER_IMAGE": "only DockerSpawner's base class and KubeSpawner set it, each in another release",
    "JUPYTER_IMAGE_SPEC": "the same",
    r"SSL_CERT_FILE|REQUESTS_CA_BUNDLE|PIP_CERT|NODE_EXTRA_CA_CERTS": "hub_docker_ca_bundle, which the network of this place needs",
    r"KUBERNETES_.*": "the cluster tells every container where its API is; network policies close it",
}

INSIDE = """
import json, os, sys, jupyterhub, pathlib
def limit():
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        if os.path.exists(path):
            return pathlib.Path(path).read_text().strip()
server = pathlib.Path(f"/proc/{os.getppid()}/cmdline").read_bytes().decode().split("\\0")
pathlib.Path("probe").write_text("x")
print(json.dumps({
    "environment": dict(os.environ),
    "home": os.path.expanduser("~"),
    "directory": os.getcwd(),
    "user and group": [os.getuid(), os.getgid(), os.stat("probe").st_uid, oct(os.stat("probe").st_mode)],
    "memory": limit(),
    "versions": [sys.version, jupyterhub.__version__],
    "command of the server": server,
    "answer": sum(range(10)) * 2,
}))
"""


def words(page: str) -> str:
    """What people read on a page."""
    page = re.sub(r"<(script|style)\b.*?</\1>|<!--.*?-->", " ", page, flags=re.DOTALL)
    # The admin page tells when the hub was started.
    return " ".join(re.sub(r"<[^>]+>|\b\d{14}\b", " ", page).split())


def choices(page: str) -> list[str]:
    """What a form offers: its fields with names and values."""
    fields = re.findall(r"<(?:input|option|select)\b[^>]*>", page)
    return [" ".join(field.split()) for field in fields if "_xsrf" not in field]


def as_people_find_it(place: Installation) -> dict[str, t.Any]:
    """Everything that people and administrators notice of a hub; starts a server with choices."""
    alice = place.user("alice")
    alice.start_server({"profile": "large", "env": {"SEAT": "12"}})
    admin = place.user("admin")
    users = admin.request("GET", "/hub/api/users")
    offered = alice.page("/hub/spawn/alice/second")[1]
    culling = place.culling()
    return {
        "server": inside(alice, INSIDE),
        "first page": re.sub(r"\?.*", "", alice.page("/user/alice/")[0]),
        "home page": words(alice.home()),
        "start page": [words(offered), choices(offered)],
        "sign-in page": words(HubUser(place.url, "nobody", "").page("/hub/login")[1]),
        "admin page": words(admin.page("/hub/admin")[1]),
        "people": sorted([user["name"], user["admin"], user["groups"], user["roles"]] for user in users),
        "rights": sorted(alice.request("GET", "/hub/api/user")["scopes"]),
        "hub": admin.request("GET", "/hub/api/info")["authenticator"],
        "version": place.user("alice").request("GET", "/hub/api/")["version"],
        "culling": sorted(re.findall(r"--(?!url)\S+", culling)),
    }


@pytest.fixture(scope="module")
def both(installation: Installation) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """The same description on a Docker host, and on Kubernetes."""
    return as_people_find_it(installation), as_people_find_it(in_the_cluster(installation))


def test_servers_have_the_same_environment(both: tuple[dict[str, t.Any], dict[str, t.Any]]) -> None:
    """With the exceptions that are explained above; what the description says is there."""
    docker, cluster = (found["server"]["environment"] for found in both)
    assert docker["COURSE"] == "statistics, part 1" and docker["SEAT"] == "12" and docker["MEM_LIMIT"] == str(1 << 30)
    different = {
        name: (docker.get(name), cluster.get(name))
        for name in docker.keys() | cluster.keys()
        if docker.get(name) != cluster.get(name) and not any(re.fullmatch(known, name) for known in ALLOWED)
    }
    assert not different, f"expected the same environment; on Docker and in the cluster: {different}"


def test_everything_else_is_the_same(both: tuple[dict[str, t.Any], dict[str, t.Any]]) -> None:
    """Files, limits, versions, pages, choices, rights and culling, and each of them is what the description says."""
    docker, cluster = both
    assert docker["server"]["memory"] == str(1 << 30) and docker["server"]["answer"] == 90
    assert docker["first page"].startswith("/user/alice/lab") and "Exams are on Monday" in docker["home page"]
    assert {"Small", "Large"} <= set(docker["start page"][0].split())
    assert "--timeout=7200" in docker["culling"], docker["culling"]
    for found in both:
        found["server"].pop("environment", None)
    different = {
        name: (docker[name], cluster[name]) for name in docker if name != "server" and docker[name] != cluster[name]
    }
    different |= {
        name: (docker["server"][name], cluster["server"][name])
        for name in docker["server"]
        if docker["server"][name] != cluster["server"][name]
    }
    assert not different, f"expected the same hub; on Docker and in the cluster: {different}"
