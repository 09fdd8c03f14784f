# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin on a real engine, with containers that the real DockerSpawner started."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import secrets
import subprocess
import sys
import typing as t

import docker as docker_sdk
import pytest
import yaml

from ansible_collections.hubwright.jupyterhub.plugins.inventory import hub_servers

ROOT = pathlib.Path(__file__).parents[4]
PAGE = ROOT / "docs" / "user-servers-inventory.md"
LABEL = "hubwright.test"
EXAMPLES = list(yaml.safe_load_all(hub_servers.EXAMPLES))
ODD = {
    "{{ 7*7 }}": "%7B%7B%207%2A7%20%7D%7D",
    "bob+x@example.org": "bob%2Bx@example.org",
    "john.doe": "john.doe",
    "localhost": "localhost",
    "müller": "müller",
    "a,b:c": "a%2Cb%3Ac",
}


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout.strip()


@dataclasses.dataclass
class Hub:
    """The containers of a hub and of its neighbours on the same engine."""

    name: str
    image: str
    #: What DockerSpawner was told and has done, by user and server.
    spawned: dict[tuple[str, str], dict[str, t.Any]] = dataclasses.field(default_factory=dict)

    @property
    def neighbour(self) -> str:
        return f"{self.name}-user"

    @property
    def image_id(self) -> str:
        return docker("image", "inspect", "--format", "{{.Id}}", self.image)

    def run(self, name: str, *options: str) -> None:
        """A container that no spawner made."""
        label = f"{LABEL}={self.name}"
        docker("run", "--detach", "--name", name, "--label", label, *options, self.image, "sleep", "infinity")

    def spawn(self, python: pathlib.Path) -> None:
        ours = [(user, "") for user in ("alice", "carol", "eve", "frank", *ODD)] + [("alice", "training")]
        wanted = [
            *({"user": user, "server": server, "traits": self._traits()} for user, server in ours),
            # Started before containers were named as they are now.
            {"user": "older", "server": "", "traits": self._traits(prefix=self.name)},
            # Another hub, whose containers have names that begin like ours.
            {"user": "neighbour", "server": "", "traits": self._traits(hub=self.neighbour)},
            # Told apart by their label only.
            {
                "user": "labelled",
                "server": "",
                "traits": self._traits(
                    name_template=f"odd-{self.name}-{{username}}",
                    network_name="bridge",
                    labels={"hubwright.hub": self.name},
                ),
            },
            {"user": "dave", "server": "", "traits": self._traits(labels={"hubwright.hub": "another"})},
        ]
        script = pathlib.Path(__file__).with_name("spawned.py")
        done = subprocess.run([python, script], input=json.dumps(wanted), check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        self.spawned = {(server["user"], server["server"]): server for server in json.loads(done.stdout)}

    def _traits(self, hub: str = "", labels: dict[str, str] | None = None, **traits: str) -> dict[str, t.Any]:
        return {
            "image": self.image,
            "prefix": f"{hub or self.name}-user",
            "network_name": hub or self.name,
            "extra_host_config": {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]},
            "extra_create_kwargs": {"labels": {LABEL: self.name, **(labels or {})}},
            **traits,
        }


@pytest.fixture(scope="module")
def hub(newest_hub_environment: pathlib.Path) -> t.Iterator[Hub]:
    """User servers that run, stopped and paused ones, the hub's own container, other hubs and other people's."""
    image = os.environ.get("HUBWRIGHT_HUB_IMAGE", "")
    if not image:
        pytest.fail("HUBWRIGHT_HUB_IMAGE names no image of a hub; run `make test-unit`")
    hub = Hub(f"t-{secrets.token_hex(4)}", image)
    try:
        for network in (hub.name, hub.neighbour):
            docker("network", "create", "--label", f"{LABEL}={hub.name}", network)
        hub.spawn(newest_hub_environment / "bin" / "python")
        docker("kill", hub.spawned["eve", ""]["id"])
        docker("pause", hub.spawned["frank", ""]["id"])
        hub.run(f"{hub.name}-hub-1", "--network", hub.name)
        hub.run(f"foreign-{hub.name}", "--env", "JUPYTERHUB_USER=mallory")
        yield hub
    finally:
        labelled = ("--quiet", "--filter", f"label={LABEL}={hub.name}")
        containers = docker("ps", "--all", *labelled).split()
        if containers:
            docker("rm", "--force", "--volumes", *containers)
        for network in docker("network", "ls", *labelled).split():
            docker("network", "rm", network)


class Inventory:
    """A file for the plugin, and Ansible with it."""

    def __init__(self, directory: pathlib.Path, **options: t.Any) -> None:
        self.path = directory / "test.hub_servers.yml"
        self.path.write_text(yaml.safe_dump({"plugin": "hubwright.jupyterhub.hub_servers", **options}))

    def run(self, program: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [str(pathlib.Path(sys.executable).with_name(program)), "-i", str(self.path), *words]
        own = {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".dev"),
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        }
        return subprocess.run(
            command, env=os.environ | own | environment, capture_output=True, text=True, check=False, cwd=ROOT
        )

    def listed(self, **environment: str) -> dict[str, t.Any]:
        done = self.run("ansible-inventory", "--list", "--export", **environment)
        assert done.returncode == 0, done.stderr
        assert "WARNING" not in done.stderr
        return dict(json.loads(done.stdout))

    def results(self, *words: str, **environment: str) -> dict[str, str]:
        """What a command printed, by host."""
        done = self.run("ansible", *words, "--one-line", **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        lines = (line.partition(" | ") for line in done.stdout.splitlines())
        return {host: text.partition("(stdout) ")[2] for host, _bar, text in lines}


@pytest.fixture
def inventory(hub: Hub, tmp_path: pathlib.Path) -> Inventory:
    return Inventory(tmp_path, hub_name=hub.name)


def plain(value: t.Any) -> t.Any:
    """A value without Ansible's mark for text of somebody else."""
    return value["__ansible_unsafe"] if isinstance(value, dict) and "__ansible_unsafe" in value else value


def hosts_of(hub: Hub) -> dict[str, str]:
    """Hosts that have to be listed, with their users."""
    names = {**{name: name for name in ("alice", "carol", "labelled", "older")}, **ODD}
    return {f"{host}@{hub.name}": user for user, host in names.items()} | {f"alice+training@{hub.name}": "alice"}


def test_running_servers_of_the_hub_are_listed_and_nothing_else(hub: Hub, inventory: Inventory) -> None:
    listed = inventory.listed()
    hosts = listed["_meta"]["hostvars"]
    assert {host: plain(variables["hub_user"]) for host, variables in hosts.items()} == hosts_of(hub)
    assert sorted(listed["hub_servers"]["hosts"]) == sorted(hosts)
    assert sorted(listed["hub_" + hub.name.replace("-", "_")]["hosts"]) == sorted(hosts)


def test_variables_say_what_it_is_and_how_to_get_there(hub: Hub, inventory: Inventory) -> None:
    variables = inventory.listed()["_meta"]["hostvars"][f"alice+training@{hub.name}"]
    container = hub.spawned["alice", "training"]
    assert {name: plain(value) for name, value in variables.items()} == {
        "ansible_connection": "community.docker.docker_api",
        "ansible_docker_docker_host": os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"),
        "ansible_host": container["name"],
        "ansible_python_interpreter": "python3",
        "ansible_remote_tmp": "/tmp",
        "hub_name": hub.name,
        "hub_user": "alice",
        "hub_server": "training",
        "server_container": container["name"],
        "server_container_id": container["id"],
        "server_image": hub.image,
        "server_image_id": hub.image_id,
        "server_started_at": docker("inspect", "--format", "{{.State.StartedAt}}", container["id"]),
    }


def test_tokens_of_servers_are_told_nobody(hub: Hub, inventory: Inventory) -> None:
    done = inventory.run("ansible-inventory", "--list", "-vvvv")
    said = done.stdout + done.stderr
    for server in hub.spawned.values():
        assert server["token"] in docker("inspect", server["id"])
        assert server["token"] not in said


@pytest.mark.parametrize("connection", ["community.docker.docker_api", "community.docker.docker"])
@pytest.mark.parametrize("module", ["command", "shell", "raw"])
def test_commands_run_in_the_container_of_the_user(
    hub: Hub, tmp_path: pathlib.Path, module: str, connection: str
) -> None:
    inventory = Inventory(tmp_path, hub_name=hub.name, connection_plugin=connection)
    results = inventory.results("hub_servers", "-m", f"ansible.builtin.{module}", "-a", "printenv JUPYTERHUB_USER")
    assert {host: said.replace("\\r\\n", "").replace("\\n", "") for host, said in results.items()} == hosts_of(hub)


def test_hosts_with_odd_names_can_be_named(hub: Hub, inventory: Inventory) -> None:
    for host, user in hosts_of(hub).items():
        assert inventory.results(host, "-m", "ansible.builtin.raw", "-a", "hostname").keys() == {host}, user


@pytest.mark.parametrize("pipelining", ["true", "false"])
def test_modules_leave_nothing_in_the_container(hub: Hub, inventory: Inventory, pipelining: str) -> None:
    host = f"carol@{hub.name}"
    container = hub.spawned["carol", ""]["id"]
    before = docker("diff", container)
    done = inventory.run("ansible", host, "-u", "nobody", "-m", "ansible.builtin.ping", ANSIBLE_PIPELINING=pipelining)
    assert done.returncode == 0, done.stdout
    # Times of directories change; compiled Python may appear beside its source.
    files = {line for line in docker("diff", container).splitlines() if line.startswith("A ")} - set(
        before.splitlines()
    )
    assert not [line for line in files if "__pycache__" not in line]


def test_servers_of_a_user_localhost_do_not_become_localhost(hub: Hub, inventory: Inventory) -> None:
    done = inventory.results(
        "localhost", "-m", "ansible.builtin.command", "-a", "printenv HERE", HERE="on the controller"
    )
    assert done == {"localhost": "on the controller"}


def test_examples_have_options_that_exist_and_groups_and_variables_are_made(hub: Hub, tmp_path: pathlib.Path) -> None:
    own = yaml.safe_load(hub_servers.DOCUMENTATION)["options"]
    for example in EXAMPLES:
        assert set(example) <= {*own, "strict", "compose", "groups", "keyed_groups"}
    options = {name: value for name, value in EXAMPLES[1].items() if name not in ("plugin", "hub_name")}
    listed = Inventory(tmp_path, hub_name=hub.name, strict=True, **options).listed()
    (group,) = [name for name in listed if name.startswith("image_")]
    assert sorted(listed[group]["hosts"]) == sorted(hosts_of(hub))
    assert plain(listed["_meta"]["hostvars"][f"alice@{hub.name}"]["ansible_user"]) == "root"


def test_the_example_of_the_page_is_a_configuration() -> None:
    block = PAGE.read_text(encoding="utf-8").partition("hub_servers.yml\n")[2].partition("```")[0]
    assert yaml.safe_load(block.partition("\n$")[0]) == EXAMPLES[0]


def test_a_server_that_stops_while_the_others_are_looked_at_is_left_out(hub: Hub) -> None:
    hub.run(f"{hub.name}-grace", "--network", hub.name, "--env", "JUPYTERHUB_USER=grace")

    class Engine(docker_sdk.APIClient):
        """The real one, with an unlucky moment."""

        def containers(self) -> list[dict[str, t.Any]]:
            rows: list[dict[str, t.Any]] = super().containers()
            assert f"/{hub.name}-grace" in [name for row in rows for name in row["Names"]]
            docker("rm", "--force", f"{hub.name}-grace")
            return rows

    engine = Engine(base_url=os.environ.get("DOCKER_HOST"), version="auto")
    found = hub_servers.running_servers(engine, hub.name)
    assert {container.host for container in found} == set(hosts_of(hub))


def test_somebody_is_told_when_no_hub_has_that_name(hub: Hub, tmp_path: pathlib.Path) -> None:
    done = Inventory(tmp_path, hub_name=f"{hub.name}-no").run("ansible-inventory", "--list")
    said = " ".join(done.stderr.split())
    assert f"has no network {hub.name}-no and no user servers of a hub {hub.name}-no. Expected the name" in said


def test_a_hub_without_servers_is_an_empty_group(hub: Hub, tmp_path: pathlib.Path) -> None:
    network = f"{hub.name}-empty"
    docker("network", "create", "--label", f"{LABEL}={hub.name}", network)
    listed = Inventory(tmp_path, hub_name=network).listed()
    assert listed["_meta"]["hostvars"] == {}
    assert "hub_servers" in listed["all"]["children"]


@pytest.mark.parametrize("given", ["option", "environment"])
def test_an_engine_that_is_away_is_named_with_what_to_do(tmp_path: pathlib.Path, given: str) -> None:
    address = f"unix://{tmp_path}/no.sock"
    options = {"docker_host": address} if given == "option" else {}
    environment = {} if given == "option" else {"DOCKER_HOST": address}
    done = Inventory(tmp_path, hub_name="teaching", **options).run(
        "ansible",
        "all",
        "-m",
        "ansible.builtin.raw",
        "-a",
        "id",
        ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="1",
        **environment,
    )
    assert done.returncode != 0
    said = " ".join(done.stderr.split())
    assert f"The Docker engine at {address} can not be asked: " in said
    assert "No such file or directory" in said
    assert f"try `docker --host {address} info`" in said


def test_a_file_without_a_hub_is_refused(tmp_path: pathlib.Path) -> None:
    done = Inventory(tmp_path).run("ansible-inventory", "--list", ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="1")
    assert done.returncode != 0
    assert "hub_name" in done.stderr


def test_only_files_of_its_own_are_read(tmp_path: pathlib.Path) -> None:
    plugin = hub_servers.InventoryModule()
    for name, accepted in (("a.hub_servers.yml", True), ("hub_servers.yaml", True), ("hosts.yml", False)):
        (tmp_path / name).touch()
        assert plugin.verify_file(str(tmp_path / name)) is accepted
    assert not plugin.verify_file(str(tmp_path / "missing.hub_servers.yml"))
