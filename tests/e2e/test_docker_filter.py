# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hub that was taken over could ask of the engine: the calls of a spawner, and none that leads to the host.

Every call is made from inside the hub's container through the real filter to the real engine.
"""

from __future__ import annotations

import json
import subprocess
import typing as t
import urllib.parse

import pytest
from docker_installation import DockerInstallation

# Runs in the hub's container: sends bytes as they are, one call after the other, and says who answered what.
PROGRAM = """
import json, socket, sys, time
for call in json.load(sys.stdin):
    with socket.create_connection(("engine", 2375), timeout=60) as connection:
        try:
            for part in call:
                connection.sendall(part.encode("latin-1"))
                if len(call) > 1:
                    time.sleep(1)  # what is sent later comes in another packet
            answer = b""
            while block := connection.recv(65536):
                answer += block
                head, found, rest = answer.partition(b"\\r\\n\\r\\n")
                if found and (b"api-version" not in head.lower() or len(answer) > 200000 or b" 204 " in head[:20]):
                    break
        except ConnectionError:
            pass
    print(json.dumps(answer.decode("latin-1")))
"""


class Answer(t.NamedTuple):
    """What came back."""

    status: int
    engine: bool  #: it was the engine that answered, not the filter
    text: str


def call(method: str, target: str, body: str = "", *headers: str, length: bool = True) -> str:
    """A request as bytes on the wire, in Latin 1."""
    lines = [f"{method} {target} HTTP/1.1", "Host: engine", "Connection: close", "Content-Type: application/json"]
    if length:
        lines.append(f"Content-Length: {len(body.encode('latin-1'))}")
    return "\r\n".join([*lines, *headers, "", body])


@pytest.fixture
def ask(docker_hub: DockerInstallation) -> t.Iterator[t.Callable[..., list[Answer]]]:
    """Ask the filter from inside the hub; containers that come of it are removed."""

    def ask(*calls: str | list[str]) -> list[Answer]:
        done = subprocess.run(
            [*docker_hub.enter, "docker", "exec", "-i", docker_hub.container("hub"), "python3", "-c", PROGRAM],
            input=json.dumps([[one] if isinstance(one, str) else one for one in calls]),
            capture_output=True,
            text=True,
            check=True,
        )
        answers = []
        for line in done.stdout.splitlines():
            text = json.loads(line)
            head = text.partition("\r\n\r\n")[0]
            answers.append(Answer(int(head[9:12] or 0), "api-version:" in head.lower(), text))
        return answers

    yield ask
    made = docker_hub.docker("ps", "--all", "--quiet", f"--filter=name={docker_hub.host}-user-intruder").split()
    if made:
        docker_hub.docker("rm", "--force", *made)


@pytest.fixture
def body(docker_hub: DockerInstallation) -> dict[str, t.Any]:
    """What the spawner asks for, as the Docker client of the hub says it."""
    image = docker_hub.variables()["hub_image"]
    return {
        "ExposedPorts": {"8888/tcp": None},
        **dict.fromkeys(("Tty", "OpenStdin", "StdinOnce", "AttachStdin", "NetworkDisabled"), False),
        **dict.fromkeys(("AttachStdout", "AttachStderr"), True),
        "Env": ['NAMES=["é", "\\"Privileged\\": true"]', 'JSON={"Binds": ["/:/host"]}', "PATH=/usr/bin:/bin"],
        "Entrypoint": ["sleep", "60"],
        "Cmd": [],
        "Image": image,
        "Volumes": {"/home/jovyan/work": {}},
        "HostConfig": {
            "Memory": 64 << 20,
            "NetworkMode": docker_hub.host,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Binds": [f"{docker_hub.host}-user-intruder:/home/jovyan:rw"],
            "Links": [],
            "CpuQuota": 50000,
            "CpuPeriod": 100000,
            "PidsLimit": 50,
            "AutoRemove": False,
            "Mounts": [],
        },
    }


def create(hub: DockerInstallation, body: str | dict[str, t.Any], query: str = "", version: str = "/v1.41") -> str:
    """A request for a container with a name that the filter likes."""
    text = body if isinstance(body, str) else json.dumps(body)
    return call("POST", f"{version}/containers/create?{query or f'name={hub.host}-user-intruder'}", text)


def test_the_calls_of_a_spawner_pass(
    docker_hub: DockerInstallation, ask: t.Callable[..., list[Answer]], body: dict[str, t.Any]
) -> None:
    """Also with environment variables of any text, many of them."""
    hub, name = docker_hub, f"{docker_hub.host}-user-intruder"
    image = urllib.parse.quote(body["Image"], safe="/:")
    repository, _colon, tag = body["Image"].rpartition(":")
    pull = urllib.parse.urlencode({"tag": tag, "fromImage": repository})
    body["Env"] += [f"VARIABLE_{number}={'x' * 100}" for number in range(1000)]
    answers = ask(
        call("GET", "/version"),
        call("GET", "/v1.41/_ping"),
        call("GET", f"/v1.41/images/{image}/json"),
        call("POST", f"/v1.41/images/create?{pull}"),
        create(hub, body),
        call("GET", f"/v1.41/containers/{name}/json"),
        call("POST", f"/v1.41/containers/{name}/start"),
        call("POST", f"/v1.41/containers/{name}/stop?t=0"),
        call("DELETE", f"/v1.41/containers/{name}?v=False&link=False&force=False"),
        # As it looks when nothing is limited, and when the container removes itself.
        create(hub, {"Image": body["Image"], "HostConfig": {"NetworkMode": hub.host, "AutoRemove": True}}),
    )
    statuses = [answer.status for answer in answers]
    assert statuses == [200, 200, 200, 200, 201, 200, 204, 204, 204, 201], [answer.text[:300] for answer in answers]


# What is added to, or put in the place of, what the spawner asks for.
TO_THE_HOST: dict[str, dict[str, t.Any]] = {
    "privileged": {"Privileged": True},
    "root directory": {"Binds": ["/:/host"]},
    "up from a directory that is let in": {"Binds": ["/etc/ssl/certs/../../:/host:rw"]},
    "the engine's socket": {"Binds": ["/var/run/docker.sock:/s:rw"]},
    "a directory after a volume": {"Binds": ["{prefix}-intruder:/a", "/etc:/b"]},
    "somebody else's volume": {"Binds": ["somebody-else:/a"]},
    "mount": {"Mounts": [{"Type": "bind", "Source": "/", "Target": "/host"}]},
    "volume that is a directory": {
        "Mounts": [
            {
                "Type": "volume",
                "Source": "{prefix}-new",
                "Target": "/host",
                "VolumeOptions": {
                    "DriverConfig": {"Name": "local", "Options": {"type": "none", "o": "bind", "device": "/"}}
                },
            }
        ]
    },
    "volumes of another container": {"VolumesFrom": ["{host}-engine-1"]},
    "volume driver": {"VolumeDriver": "sshfs"},
    "capability": {"CapAdd": ["SYS_ADMIN"]},
    "network of the host": {"NetworkMode": "host"},
    "network of the project": {"NetworkMode": "{host}_inside"},
    "network of another container": {"NetworkMode": "container:{host}-engine-1"},
    "default network": {"NetworkMode": "default"},
    "processes of the host": {"PidMode": "host"},
    "memory of the host": {"IpcMode": "host"},
    "users of the host": {"UsernsMode": "host"},
    "name of the host": {"UTSMode": "host"},
    "control groups of the host": {"CgroupnsMode": "host"},
    "parent control group": {"CgroupParent": "/"},
    "device": {"Devices": [{"PathOnHost": "/dev/sda", "PathInContainer": "/dev/sda", "CgroupPermissions": "rwm"}]},
    "rule for devices": {"DeviceCgroupRules": ["a *:* rwm"]},
    "request for devices": {"DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}]},
    "no seccomp": {"SecurityOpt": ["no-new-privileges", "seccomp=unconfined"]},
    "open paths": {"MaskedPaths": [], "ReadonlyPaths": [], "SecurityOpt": ["systempaths=unconfined"]},
    "kernel parameter": {"Sysctls": {"net.ipv4.ip_forward": "1"}},
    "another runtime": {"Runtime": "io.containerd.runtime.v1.linux"},
    "link": {"Links": ["{host}-engine-1:engine"]},
    "port of the host": {"PortBindings": {"8888/tcp": [{"HostIp": "", "HostPort": "22222"}]}},
    "log written by the engine": {
        "LogConfig": {"Type": "syslog", "Config": {"syslog-address": "unix:///run/docker.sock"}}
    },
}


def filled(hub: DockerInstallation, value: t.Any) -> t.Any:
    """With the names of this hub in the place of ``{prefix}`` and ``{host}``."""
    text = json.dumps(value).replace("{prefix}", f"{hub.host}-user").replace("{host}", hub.host)
    return json.loads(text)


def refused(hub: DockerInstallation, asked: t.Iterable[str], answers: list[Answer]) -> None:
    """None of them reached the engine."""
    got_through = {
        name: answer.text[-300:]
        for name, answer in zip(asked, answers, strict=True)
        if answer.engine or answer.status not in (400, 403, 408, 413, 505)
    }
    assert not got_through, f"expected that the filter refuses these: {json.dumps(got_through, indent=1)}"
    assert not hub.docker("ps", "--all", "--quiet", f"--filter=name={hub.host}-user-intruder")


def spellings(key: str, value: t.Any) -> dict[str, str]:
    """Ways to write a member of an object that Go reads as this key."""
    plain = json.dumps(value)
    ways = {
        "as it is": f'"{key}": {plain}',
        "other case": f'"{key.swapcase()}": {plain}',
        "escaped": f'"\\u{ord(key[0]):04x}{key[1:]}": {plain}',
        "spaced": f'"{key}"\t\r\n : \n {plain}',
        "twice": f'"{key}": null, "{key}": {plain}',
        "after a string that looks like an end": f'"Hostname": "a\\\\", "{key}": {plain}',
    }
    # Go folds these letters too: LATIN SMALL LETTER LONG S and KELVIN SIGN.
    for letter, other in (("s", "\u017f"), ("S", "\u017f"), ("k", "\u212a"), ("K", "\u212a")):
        if letter in key:
            raw = key.replace(letter, other).encode().decode("latin-1")
            ways[f"another {letter}"] = f'"{raw}": {plain}'
            escaped = key.replace(letter, f"\\u{ord(other):04x}")
            ways[f"another {letter}, escaped"] = f'"{escaped}": {plain}'
    return ways


def test_no_container_leads_to_the_host(
    docker_hub: DockerInstallation, ask: t.Callable[..., list[Answer]], body: dict[str, t.Any]
) -> None:
    """Whatever the option is, wherever it stands and however it is spelled."""
    hub, attempts = docker_hub, {}
    for name, options in TO_THE_HOST.items():
        options = filled(hub, options)
        key, value = next(iter(options.items()))
        host_config = body["HostConfig"]
        attempts[f"{name}: in its place"] = create(hub, {**body, "HostConfig": {**host_config, **options}})
        # Older clients wrote the options of the host beside the others.
        attempts[f"{name}: at the top"] = create(
            hub, {**{k: v for k, v in body.items() if k != "HostConfig"}, **host_config, **options}
        )
        without = {k: v for k, v in host_config.items() if k != key}
        for way, member in spellings(key, value).items():
            inner = json.dumps(without)[:-1] + ", " + member + "}"
            outer = json.dumps({k: v for k, v in body.items() if k != "HostConfig"})[:-1]
            attempts[f"{name}: {way}"] = create(hub, f'{outer}, "HostConfig": {inner}}}')
            # A second object is merged into the first one.
            attempts[f"{name}: {way}, merged"] = create(
                hub, f'{outer}, "HostConfig": {json.dumps(host_config)}, "HostConfig": {{{member}}}}}'
            )
    refused(hub, attempts, ask(*attempts.values()))


def test_no_container_is_outside_the_users_network(
    docker_hub: DockerInstallation, ask: t.Callable[..., list[Answer]], body: dict[str, t.Any]
) -> None:
    """The network has to be named where the engine reads it, and no other one."""
    hub, host_config = docker_hub, dict(body["HostConfig"])
    network = host_config.pop("NetworkMode")
    attempts = {
        "none": {**body, "HostConfig": host_config},
        "no options of the host": {k: v for k, v in body.items() if k != "HostConfig"},
        "named as a label": {**body, "HostConfig": host_config, "Labels": {"NetworkMode": network}},
        "named at the top": {**body, "HostConfig": host_config, "NetworkMode": network},
        "named in a list": {**body, "HostConfig": host_config, "Env": [f'"NetworkMode":"{network}"']},
        "null": {**body, "HostConfig": {**host_config, "NetworkMode": None}},
        "a second one": {**body, "NetworkingConfig": {"EndpointsConfig": {"bridge": {}}}},
        "that of the project": {**body, "NetworkingConfig": {"EndpointsConfig": {f"{hub.host}_inside": {}}}},
        "address of its own": {
            **body,
            "NetworkingConfig": {"EndpointsConfig": {network: {"IPAMConfig": {"IPv4Address": "172.29.0.2"}}}},
        },
        "hardware address of its own": {**body, "MacAddress": "02:42:ac:1d:00:02"},
    }
    refused(hub, attempts, ask(*(create(hub, attempt) for attempt in attempts.values())))


def test_a_request_can_not_hide_what_it_asks_for(
    docker_hub: DockerInstallation, ask: t.Callable[..., list[Answer]], body: dict[str, t.Any]
) -> None:
    """Neither by its name, nor by its path, nor by the way it is sent."""
    hub, good = docker_hub, f"name={docker_hub.host}-user-intruder"
    evil = json.dumps({**body, "HostConfig": {**body["HostConfig"], "Privileged": True}})
    chunked = f"{len(evil):x}\r\n{evil}\r\n0\r\n\r\n"
    target = f"/v1.41/containers/create?{good}"
    hidden: dict[str, str | list[str]] = {
        "no name": create(hub, body, "platform="),
        "name of a service": create(hub, body, f"name={hub.host}-intruder"),
        "name given twice": create(hub, body, f"name=intruder&{good}"),
        "name given twice, escaped": create(hub, body, f"n%61me=intruder&{good}"),
        "name after a semicolon": create(hub, body, f"x=1;{good}&name=intruder"),
        "name with more after it": create(hub, body, f"{good}%2F..%2Fintruder"),
        "name with a line end": create(hub, body, f"{good}%0A"),
        "chunked": call("POST", target, chunked, "Transfer-Encoding: chunked", length=False),
        "chunked, with a length": call("POST", target, chunked, "Transfer-Encoding: chunked"),
        "chunked, spelled otherwise": call("POST", target, chunked, "Transfer-Encoding : chunked"),
        "two lengths": call("POST", target, evil, "Content-Length: 2"),
        "after a good one": create(hub, json.dumps(body) + evil),
        "after an empty object": create(hub, "{}" + evil),
        "large": create(hub, json.dumps(body)[:-1] + ' , "Env": ["' + "x" * 190000 + '"], ' + evil[1:]),
        "too large": create(hub, evil[:-1] + " " * 300000 + "}"),
        "many members": create(hub, json.dumps(body)[:-1] + ', "Hostname": "a"' * 8000 + ", " + evil[1:]),
        "many mounts": create(
            hub,
            evil[:-2].replace(
                '"Privileged": true', '"Binds": [' + f'"{hub.host}-user-intruder:/a", ' * 2500 + '"/:/host"]'
            )
            + "}}",
        ),
        "in two parts": [create(hub, evil)[:-100], create(hub, evil)[-100:]],
        "path with two slashes": call("POST", f"//containers/create?{good}", evil),
        "path with dots": call("POST", f"/v1.41/images/../containers/create?{good}", evil),
        "path with escapes": call("POST", f"/v1.41/containers/%63reate?{good}", evil),
        "path with a whole address": call("POST", f"http://engine/v1.41/containers//create?{good}", evil),
        "method in lower case": call("post", target, evil),
        "as a form": call("POST", target, evil).replace("application/json", "application/x-www-form-urlencoded"),
    }
    refused(hub, hidden, ask(*hidden.values()))


def test_no_other_call_passes(
    docker_hub: DockerInstallation, ask: t.Callable[..., list[Answer]], body: dict[str, t.Any]
) -> None:
    """Nothing of other containers, nothing about volumes, networks, images as a whole, no command inside a container."""
    hub = docker_hub
    service, server = f"{hub.host}-hub-1", f"{hub.host}-user-alice"
    identity = hub.inspect(service)[0]["Id"]
    host = json.dumps({"Privileged": True, "Binds": ["/:/host"]})
    asked = {
        "all containers": call("GET", "/v1.41/containers/json?all=1"),
        "a service": call("GET", f"/v1.41/containers/{service}/json"),
        "a service through an image": call("GET", f"/v1.41/images/x/../../containers/{service}/json"),
        "its log": call("GET", f"/v1.41/containers/{server}/logs?stdout=1"),
        "its files": call("GET", f"/v1.41/containers/{server}/archive?path=/"),
        "put files": call("PUT", f"/v1.41/containers/{server}/archive?path=/", "x"),
        "export": call("GET", f"/v1.41/containers/{server}/export"),
        "attach": call("POST", f"/v1.41/containers/{server}/attach?stream=1&stdin=1", "", "Upgrade: tcp"),
        "command": call(
            "POST", f"/v1.41/containers/{server}/exec", '{"Cmd": ["id"], "User": "root", "Privileged": true}'
        ),
        "command of a service": call("POST", f"/v1.41/containers/{identity}/exec", '{"Cmd": ["id"]}'),
        "other limits": call("POST", f"/v1.41/containers/{server}/update", '{"Memory": 0}'),
        "another name": call("POST", f"/v1.41/containers/{server}/rename?name=x"),
        "remove a service": call("DELETE", f"/v1.41/containers/{service}?force=1"),
        # Engines before 25 take options of the host when a container starts, from clients that are old enough.
        "options at the start": call("POST", f"/v1.23/containers/{server}/start", host),
        "options at the start, chunked": call(
            "POST",
            f"/v1.23/containers/{server}/start",
            f"{len(host):x}\r\n{host}\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked",
            length=False,
        ),
        "volumes": call("GET", "/v1.41/volumes"),
        "make a volume": call(
            "POST", "/v1.41/volumes/create", '{"Name": "x", "DriverOpts": {"o": "bind", "device": "/", "type": "none"}}'
        ),
        "networks": call("GET", "/v1.41/networks"),
        "join a network": call("POST", "/v1.41/networks/bridge/connect", json.dumps({"Container": service})),
        "images": call("GET", "/v1.41/images/json"),
        "build": call("POST", "/v1.41/build?remote=http://127.0.0.1/x"),
        "commit": call("POST", f"/v1.41/commit?container={server}&repo=x"),
        "load": call("POST", "/v1.41/images/load", "x"),
        "an image by another name": call("POST", f"/v1.41/images/{body['Image']}/tag?repo=x"),
        "remove an image": call("DELETE", f"/v1.41/images/{body['Image']}"),
        # What is imported could take the name of the filter's own image.
        "import": call("POST", "/v1.41/images/create?fromSrc=-&repo=x&tag=1", "x"),
        "import from an address": call(
            "POST", "/v1.41/images/create?fromImage=&fromSrc=http%3A%2F%2F127.0.0.1%2Fx&repo=x"
        ),
        "import by a form": call("POST", "/v1.41/images/create?fromImage=x", "fromImage=&fromSrc=-&repo=x").replace(
            "application/json", "application/x-www-form-urlencoded"
        ),
        "import, escaped": call("POST", "/v1.41/images/create?fromImage=&from%53rc=-&repo=x"),
        "events": call("GET", "/v1.41/events?until=1"),
        "swarm": call("POST", "/v1.41/swarm/init", "{}"),
        "plugins": call("GET", "/v1.41/plugins"),
        "session": call("POST", "/session", "", "Upgrade: h2c"),
        "tunnel": call("CONNECT", "127.0.0.1:22"),
        "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    }
    refused(hub, asked, ask(*asked.values()))
