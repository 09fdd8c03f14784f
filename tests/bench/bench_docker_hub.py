# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker hubs of the benchmark's own: the collection's, and one as many people set it up by hand."""

from __future__ import annotations

import contextlib
import json
import pathlib
import secrets
import shutil
import tempfile
import typing as t

import bench_hub
import measuring
from measuring import Broken

NAME = "bench-docker"
PLAIN = "bench-docker-plain"
PATIENCE = 120
# Where a site's authorities are on Debian; without them the hub's image can not be made in networks that have one.
AUTHORITIES = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
IMAGES = {
    "hub_docker_base_image": "jupyterhub/jupyterhub:6.1.1",
    "hub_docker_proxy_image": "jupyterhub/configurable-http-proxy:5.3.0",
    "hub_docker_filter_image": "library/haproxy:3.2-alpine",
    "hub_docker_front_image": "library/nginx:1.22",
    "hub_image": "jupyterhub/singleuser:6.1.1",
}
# A hub in the style of jupyterhub-deploy-docker: the hub starts the proxy and holds the engine's bare socket. Sign-in,
# image and the place of the volume are those of the hub that it is compared with.
PLAIN_CONFIG = """\
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = {password!r}
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "dockerspawner.DockerSpawner"
c.JupyterHub.hub_ip = "jupyterhub"
c.JupyterHub.hub_port = 8080
c.JupyterHub.cookie_secret_file = "/data/jupyterhub_cookie_secret"
c.JupyterHub.db_url = "sqlite:////data/jupyterhub.sqlite"
c.DockerSpawner.image = {image!r}
c.DockerSpawner.prefix = {name!r}
c.DockerSpawner.network_name = {name!r}
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.remove = True
# A machine that is busy shall be slow, not fail.
c.DockerSpawner.http_timeout = c.DockerSpawner.start_timeout = 120
c.DockerSpawner.volumes = {{"{name}-{{username}}": "/home/jovyan"}}
"""
# The stand-in for the hub's image has no proxy.
PLAIN_IMAGE = """\
FROM {hub}
USER root
COPY --from={proxy} /srv/configurable-http-proxy /srv/configurable-http-proxy
ENV PATH=/srv/venv/bin:/srv/configurable-http-proxy/bin:/usr/local/bin:/usr/bin:/bin
"""


def docker(*arguments: str) -> str:
    """Run a command of the engine's client; what it printed."""
    return measuring.run(["docker", *arguments]).output.strip()


class DockerHub(bench_hub.Hub):
    """A hub on the Docker engine of this machine."""

    def __init__(self, directory: pathlib.Path, people: int) -> None:
        self.people = [f"user{number:03}" for number in range(1, people + 1)]
        self.newcomer = "newcomer"
        images = bench_hub.ROOT / "tests" / "testbed" / "images.sh"
        names = measuring.run([str(images), *IMAGES.values()]).output.split()
        self.images = dict(zip(IMAGES, names, strict=True))
        variables = {
            "hub_name": NAME,
            "hub_users": [*self.people, self.newcomer],
            "hub_port": bench_hub.free_ports(1)[0],
            "hub_docker_directory": str(directory / "hub"),
            "hub_docker_subnet": "10.87.46.0/23",
            "hub_http_timeout": PATIENCE,
            "hub_docker_ca_bundle": str(AUTHORITIES) if AUTHORITIES.is_file() else "",
            **self.images,
        }
        super().__init__(directory, "docker_hubs", variables)

    def compose(self, *arguments: str) -> measuring.Run:
        """Run a command of Compose as an administrator does in the project's directory."""
        return measuring.run(["docker", "compose", "--project-directory", str(self.directory), *arguments])

    def own_images(self) -> list[str]:
        """Images that were made for this hub."""
        return docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", f"{NAME}-hub").split()

    def servers(self) -> dict[str, str]:
        """Containers of people: person -> id and start."""
        prefix = f"/{NAME}-user-"
        found = docker("ps", "--all", "--quiet", "--filter", f"name=^{prefix}").split()
        shown = docker("inspect", "--format", "{{.Name}} {{.Id}} {{.State.StartedAt}}", *found) if found else ""
        return {
            name.removeprefix(prefix): rest
            for name, _space, rest in (line.partition(" ") for line in shown.splitlines())
        }

    def remove(self) -> None:
        """Remove everything of it but its images."""
        if self.directory.exists():
            self.play("teardown.yml", "-e", json.dumps({"hub_docker_remove_users_volumes": True}))


@contextlib.contextmanager
def running_hub(people: int) -> t.Iterator[DockerHub]:
    """Bring the hub up, and remove everything of it at the end, also after an error or Ctrl-C."""
    if left := docker("ps", "--all", "--format", "{{.Names}}", "--filter", f"name=^{NAME}-"):
        raise Broken(f"another benchmark runs, or one was killed: remove its containers {', '.join(left.split())}")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="hubwright-bench-"))
    try:
        hub = DockerHub(directory, people)
        try:
            hub.play("site.yml")
            yield hub
        finally:
            hub.remove()
            if images := hub.own_images():
                docker("image", "rm", *images)
    finally:
        shutil.rmtree(directory)


@contextlib.contextmanager
def plain_hub(hub: DockerHub) -> t.Iterator[tuple[str, str]]:
    """Address and password of a plain hub of the same image; it is gone at the end."""
    directory = hub.temporary / "plain"
    (directory / "image").mkdir(parents=True)
    (directory / "data").mkdir()
    recipe = PLAIN_IMAGE.format(hub=hub.own_images()[0], proxy=hub.images["hub_docker_proxy_image"])
    (directory / "image" / "Dockerfile").write_text(recipe, encoding="utf-8")
    password = secrets.token_hex(16)
    config = directory / "jupyterhub_config.py"
    config.touch(mode=0o600)
    config.write_text(
        PLAIN_CONFIG.format(name=PLAIN, password=password, image=hub.images["hub_image"]), encoding="utf-8"
    )
    port = bench_hub.free_ports(1)[0]
    try:
        docker("build", "--quiet", "--tag", PLAIN, str(directory / "image"))
        docker("network", "create", PLAIN)
        docker(
            *("run", "--detach", "--name", PLAIN, "--network", PLAIN, "--network-alias", "jupyterhub"),
            *("--publish", f"127.0.0.1:{port}:8000", "--volume", "/var/run/docker.sock:/var/run/docker.sock"),
            *("--volume", f"{directory}/data:/data", "--volume", f"{config}:/srv/jupyterhub/jupyterhub_config.py:ro"),
            *(PLAIN, "jupyterhub", "--config", "/srv/jupyterhub/jupyterhub_config.py"),
        )
        bench_hub.wait_for(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}", password
    finally:
        for kind, listing in (
            ("container", ("ps", "--all", "--quiet", "--filter", f"name=^{PLAIN}")),
            ("volume", ("volume", "ls", "--quiet", "--filter", f"name=^{PLAIN}-")),
            ("network", ("network", "ls", "--quiet", "--filter", f"name=^{PLAIN}$")),
            ("image", ("image", "ls", "--quiet", PLAIN)),
        ):
            if found := docker(*listing).split():
                docker(kind, "rm", "--force", *found) if kind != "network" else docker(kind, "rm", *found)
        shutil.rmtree(directory)
