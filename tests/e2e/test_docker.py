# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers add: volumes, limits, images; nobody notices when the hub gets another image."""

from __future__ import annotations

import contextlib
import json
import urllib.error
from collections.abc import Iterator

from docker_installation import DockerInstallation
from hub_user import HubUser
from installation import uninterrupted, wait_until

SECRET = "the-index-knows-me-by-this"


def test_a_volume_of_ones_own_outlives_the_server(docker_hub: DockerInstallation, alice: HubUser) -> None:
    """The container goes with the server, the volume stays; somebody else has another one."""
    hub = docker_hub
    alice.write("mine.txt", "alice was here")
    alice.stop_server()
    assert not hub.runs_server_of("alice"), "expected that the container is gone"
    alice.start_server()
    assert alice.read("mine.txt") == "alice was here"
    bob = hub.user("bob")
    bob.start_server()
    assert bob.kernel().compute("import os; os.path.exists('mine.txt')") == "False"
    volumes = {
        mount["Name"]
        for user in ("alice", "bob")
        for mount in hub.inspect(hub.server_of(user))[0]["Mounts"]
        if mount["Type"] == "volume"
    }
    assert volumes == {hub.server_of("alice"), hub.server_of("bob")}


def test_a_container_has_limits_and_no_rights(docker_hub: DockerInstallation, alice: HubUser) -> None:
    """As the kernel itself finds them, and felt by what asks for more."""
    kernel = alice.kernel()
    status = json.loads(
        kernel.compute(
            "import json; print(json.dumps(dict(line.split(':\\t', 1) for line in open('/proc/self/status').read().splitlines())))"
        )
    )
    rights = {name: int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapBnd")}
    assert not any(rights.values()), f"expected no capabilities, there are {rights}"
    assert status["NoNewPrivs"].strip() == "1" and status["Seccomp"].strip() == "2"
    # Control groups of the first and of the second kind.
    read = "print(next(open(path).read().strip() for path in {} if os.path.exists(path)))"
    memory = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
    pids = ["/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"]
    assert kernel.compute("import os; " + read.format(memory)) == str(512 << 20)
    assert kernel.compute(read.format(pids)) == "2048"
    greedy = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'bytearray(700 << 20)']).returncode"
    assert kernel.compute(greedy) == "-9", "expected that a process that wants more memory is killed"
    become_root = (
        "subprocess.run('su -c id || sudo -n id', shell=True, stdin=subprocess.DEVNULL, capture_output=True).returncode"
    )
    assert kernel.compute(become_root) != "0", "expected that nobody becomes root"


def test_only_the_proxy_is_published(docker_hub: DockerInstallation) -> None:
    """The hub, the proxy's API and the filter have no port of the host."""
    hub = docker_hub
    published = {service: hub.docker("port", hub.container(service)) for service in hub.services}
    assert published == {"hub": "", "proxy": f"8000/tcp -> 127.0.0.1:{hub.ports[0]}", "engine": ""}


def test_no_secret_is_shown_to_who_may_ask_the_engine(docker_hub: DockerInstallation) -> None:
    """Neither in what it tells of containers, nor in their environments, nor in the hub's image."""
    hub = docker_hub
    image = hub.inspect(hub.container("hub"))[0]["Config"]["Image"]
    shown = {
        "docker inspect": hub.docker("inspect", *map(hub.container, hub.services)),
        "docker history": hub.docker("history", "--no-trunc", image),
        "docker compose config": hub.compose("config"),
        "environments": "".join(hub.docker("exec", hub.container(service), "env") for service in ("hub", "proxy")),
    }
    names = hub.on_host("ls", f"{hub.directory}/secrets").split()
    secrets = {name: hub.secret(name).strip() for name in names}
    found = [f"{name} in {place}" for place, text in shown.items() for name, value in secrets.items() if value in text]
    assert not found, f"expected no secret where everybody who may ask the engine reads, found {found}"
    assert not in_image(hub, image, list(secrets.values())), "expected no secret in a layer of the hub's image"


def in_image(hub: DockerInstallation, image: str, texts: list[str]) -> bool:
    """Whether a layer or the description of an image has one of the texts."""
    patterns = [option for text in texts for option in ("-e", text)]
    script = 'image=$1; shift; docker save "$image" | grep --quiet --text --fixed-strings "$@" && echo found || true'
    return hub.on_host("sh", "-c", script, "sh", image, *patterns) == "found"


def test_five_people_notice_neither_a_restart_nor_a_change_nor_another_image(docker_hub: DockerInstallation) -> None:
    """All compute on open connections; what the build was told is not in the image, and going back needs no build."""
    hub = docker_hub
    people = [hub.user(name) for name in ("alice", "bob", "frank", "gina", "heidi")]
    before = {service: hub.pid(service) for service in hub.services}
    image = hub.inspect(hub.container("hub"))[0]["Image"]
    with uninterrupted(*people):
        hub.play("restart_hub")
        hub.play(hub_announcement="Closed on Friday")
        hub.play(
            hub_announcement="Closed on Friday",
            hub_packages=["cowsay==6.1"],
            hub_docker_build_environment={"HUBWRIGHT_BUILD_TOKEN": SECRET},
        )
        assert hub.python("hub", "import cowsay; print(cowsay.__version__)") == "6.1"
        new = hub.inspect(hub.container("hub"))[0]
        assert new["Image"] != image
    assert "Closed on Friday" in people[0].home()
    assert {service: hub.pid(service) for service in ("proxy", "engine")} == {
        service: before[service] for service in ("proxy", "engine")
    }, "expected that only the hub is another process"
    assert not in_image(hub, new["Config"]["Image"], [SECRET]), (
        "expected nothing of the build's environment in the image"
    )
    for person in people[2:]:
        person.stop_server()
    play = hub.play()
    assert "Make the image" not in play.changed, "expected that going back needs no build"
    assert hub.inspect(hub.container("hub"))[0]["Image"] == image


def test_images_that_can_not_be_had_leave_the_hub_alone(docker_hub: DockerInstallation, alice: HubUser) -> None:
    """Each is named with the reason, before anything that runs is touched."""
    hub = docker_hub
    before = hub.files(), [hub.pid(service) for service in hub.services]
    unknown = hub.variables()["hub_image"].rpartition(":")[0] + ":no-such-tag"
    closed = "127.0.0.1:9/somebody/proxy:1"
    with uninterrupted(alice):
        play = hub.play(fails=True, hub_image=unknown, hub_docker_proxy_image=closed)
        play.must_say(f"The image {unknown} could not be pulled", f"The image {closed} could not be pulled")
        play.must_say("connection refused", "Nothing that runs was touched", "docker login")
        play = hub.play(fails=True, hub_packages=["hubwright-no-such-package==1.0"])
        play.must_say(
            "The hub's image could not be made", "hubwright-no-such-package==1.0", "Nothing that runs was touched"
        )
    assert (hub.files(), [hub.pid(service) for service in hub.services]) == before


def test_a_filter_that_is_killed_comes_back(docker_hub: DockerInstallation) -> None:
    """By itself; meanwhile nobody but who starts or stops a server notices."""
    hub = docker_hub
    bob = hub.user("bob")
    bob.stop_server()
    hub.kill(hub.pid("engine"))

    def starts() -> bool:
        try:
            return bool(bob.start_server())
        except urllib.error.HTTPError:
            return False

    wait_until("bob's server can be started again", starts)
    assert bob.kernel().compute("6 * 7") == "42"


@contextlib.contextmanager
def small_disk(hub: DockerInstallation) -> Iterator[None]:
    """Inside, the hub's directory is on a file system of its own of 80 MB."""
    script = (
        'mkdir "$0.small" && mount -t tmpfs -o size=80m,mode=0700 tmpfs "$0.small" && cp -a "$0/." "$0.small"'
        ' && mount --bind "$0.small" "$0"'
    )
    hub.compose("stop", "hub")
    hub.on_host("sh", "-c", script, hub.directory)
    hub.compose("start", "hub")
    try:
        wait_until("the hub answers", hub.answers)
        yield
    finally:
        hub.compose("stop", "hub")
        script = 'umount "$0" && cp -a "$0.small/." "$0" && umount "$0.small" && rmdir "$0.small"'
        hub.on_host("sh", "-c", script, hub.directory)
        hub.compose("start", "hub")
        wait_until("the hub answers", hub.answers)


def test_a_full_disk_is_named_and_mended(docker_hub: DockerInstallation, alice: HubUser) -> None:
    """A run refuses to begin, the status says why; who works goes on, and the next run finds all in order."""
    hub = docker_hub
    with uninterrupted(alice), small_disk(hub):
        before = hub.files()
        # It ends with an error, since the disk is full then, which the play has to say.
        hub.on_host("sh", "-c", 'cat /dev/zero >"$0/filler" 2>/dev/null || true', hub.directory)
        try:
            hub.play(fails=True, hub_announcement="Never seen").must_say(f"0 MB free at {hub.directory}", "Make room")
            hub.play("status", fails=True).must_say(f"0 MB free at {hub.directory}")
        finally:
            hub.on_host("rm", f"{hub.directory}/filler")
        assert hub.files() == before, "expected that nothing was touched"
        assert not hub.refuses("bob"), "expected that people can sign in again"
        assert hub.play().changes == 0, "expected that nothing is left to do"
