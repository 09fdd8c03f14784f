# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker hub that ends TLS itself, and one behind a web server of somebody else's."""

from __future__ import annotations

import contextlib
import datetime
import json
import pathlib
import re
import ssl
import subprocess
import typing as t
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from acme_authority import authority, listens, process
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from docker_installation import DockerInstallation
from hub_user import HubUser
from installation import PATIENCE, PROJECT, Installation, uninterrupted, wait_until

TESTBED = PROJECT / "tests" / "testbed"
BEHIND_A_FRONT = (PROJECT / "docs" / "behind-a-front.md").read_text(encoding="utf-8")
PEBBLE, FRONT, FRONT_HTTP = 18610, 18620, 18621  # ports


# Of the scenario's inventory.
CERTIFICATES = "/srv/molecule-docker-tls-certificate"
REDIRECT_PORT = 18601


@pytest.fixture
def hub(hub: Installation) -> DockerInstallation:
    """The hub of the scenario, with a Compose project."""
    assert isinstance(hub, DockerInstallation)
    return hub


def containers(hub: DockerInstallation) -> dict[str, str]:
    """Service of the project -> id and start of its container."""
    name = '{{index .Config.Labels "com.docker.compose.service"}} {{.Id}} {{.State.StartedAt}}'
    ids = hub.docker("ps", "--quiet", f"--filter=label=com.docker.compose.project={hub.host}").split()
    lines = hub.docker("inspect", "--format", name, *ids).splitlines()
    return {line.partition(" ")[0]: line.partition(" ")[2] for line in lines}


def served(port: int) -> x509.Certificate:
    """The certificate that a port of this machine shows."""
    return x509.load_pem_x509_certificate(ssl.get_server_certificate(("localhost", port)).encode())


def names(certificate: x509.Certificate) -> list[str]:
    """The host names and addresses that it is for."""
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in found]


def works(user: HubUser) -> None:
    """The person signs in, computes on a web socket, and saves and reads a file of some size in a folder."""
    user.sign_in()
    user.start_server()
    assert user.kernel().compute("6 * 7") == "42"
    text = "0123456789" * 300_000
    user.write("large.txt", text)
    assert user.read("large.txt") == text
    insecure = [cookie.name for cookie in user._cookies if not cookie.secure]
    assert not insecure, f"expected that all cookies travel by HTTPS only, these do not: {insecure}"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Show where to, do not go there."""

    def redirect_request(self, *_arguments: t.Any) -> None:
        """Nothing."""


def answer(url: str) -> tuple[int, str]:
    """Status and Location."""
    try:
        with urllib.request.build_opener(NoRedirect).open(url, timeout=PATIENCE) as found:
            return found.status, ""
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Location", "")


# --- the hub's own front


def test_people_work_through_the_front(hub: DockerInstallation) -> None:
    works(HubUser(hub.url, "alice", hub.password("alice")))
    assert answer(f"http://localhost:{REDIRECT_PORT}/hub/login?a=b") == (308, f"{hub.url}/hub/login?a=b")
    assert answer(f"http://localhost:{hub.ports[0]}/hub/login") == (308, f"{hub.url}/hub/login")
    client = f"openssl s_client -connect localhost:{hub.ports[0]} -cipher ALL:@SECLEVEL=0 </dev/null"
    hub.on_host("sh", "-c", f"{client} -tls1_2")
    hub.on_host("sh", "-c", f"{client} -tls1_1", fails=True)
    hub.play("status").must_say("364 days", hub.url)


def test_only_the_front_has_the_key(hub: DockerInstallation) -> None:
    key = hub.on_host("cat", f"{CERTIFICATES}/privkey.pem")
    assert "PRIVATE KEY" in key
    secret = key.splitlines()[1]
    for service, container in containers(hub).items():
        inspected = hub.on_host("docker", "inspect", container.split()[0])
        assert secret not in inspected
        mounts = [mount["Source"] for mount in json.loads(inspected)[0]["Mounts"]]
        assert (f"{hub.directory}/certificate" in mounts) == (service == "front")
        if service == "front":
            settings = json.loads(inspected)[0]
            assert settings["HostConfig"]["ReadonlyRootfs"] and settings["HostConfig"]["CapDrop"] == ["ALL"]
            assert settings["Config"]["User"] == f"{hub.account}:{hub.account}"
    for path in (f"{hub.directory}/certificate/key.pem", f"{CERTIFICATES}/privkey.pem"):
        assert hub.on_host("stat", "--format=%a", path) == "600"


def test_a_renewal_interrupts_nobody(hub: DockerInstallation) -> None:
    alice = hub.user("alice")
    alice.start_server()
    before, running = served(hub.ports[0]), containers(hub)
    # The connections that it watches are open before the first reload and after the second.
    with uninterrupted(alice):
        # Another name is a reason, as is an end that is near.
        play = hub.play("renew_certificate", hub_certificate_names=["localhost", "127.0.0.1"])
        assert play.changed == ["Sign it with its own key", "Let the front serve it; open connections go on"]
        wait_until("the front serves the new certificate", lambda: served(hub.ports[0]) != before)
        assert names(served(hub.ports[0])) == ["localhost", "127.0.0.1"]
        # A second one does nothing, and the settings of the front are read again like its certificate.
        assert hub.play("renew_certificate").changes == 0
        play = hub.play(hub_docker_hsts_seconds=3600)
        assert "Let the front read again; open connections go on" in play.changed
        assert containers(hub) == running
    with urllib.request.urlopen(f"{hub.url}/hub/login", context=ssl._create_unverified_context()) as page:
        assert page.headers["Strict-Transport-Security"] == "max-age=3600"


def test_a_proxy_that_is_made_anew_knows_all_servers_at_once(changed_hub: Installation) -> None:
    hub = changed_hub
    assert isinstance(hub, DockerInstallation)
    alice = hub.user("alice")
    started = alice.start_server()["started"]
    hub.on_host("docker", "rm", "--force", containers(hub)["proxy"].split()[0])
    hub.play()
    assert alice.request("GET", "/user/alice/api/status")["started"]
    assert alice.start_server()["started"] == started


def expired(directory: pathlib.Path) -> dict[str, str]:
    """Variables for a certificate that is over, for another name, and a key that is not its own."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _number in range(2)]
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "old.example.org")])
    end = datetime.datetime(2024, 5, 6, 7, 8, 9)
    certificate = (
        x509.CertificateBuilder(name, name, keys[0].public_key(), 1, end - datetime.timedelta(days=90), end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("old.example.org")]), critical=False)
        .sign(keys[0], hashes.SHA256())
    )
    (directory / "old.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "other.key").write_bytes(
        keys[1].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (directory / "other.key").chmod(0o600)
    return {"hub_tls_certificate": f"{directory}/old.pem", "hub_tls_key": f"{directory}/other.key"}


def test_a_certificate_that_can_not_serve_is_refused(hub: DockerInstallation, tmp_path: pathlib.Path) -> None:
    files, running = hub.files(), containers(hub)
    certificate = hub.on_host("ls", "-l", "--time-style=full-iso", CERTIFICATES)
    play = hub.play(fails=True, hub_certificate_source="files", hub_log_level="DEBUG", **expired(tmp_path))
    play.must_say(
        f"The certificate {tmp_path}/old.pem ended on 2024-05-06 07:08 UTC; expected one that is valid now.",
        "is for old.example.org; expected localhost, which people use.",
        f"The key {tmp_path}/other.key does not belong to the certificate",
        "nothing was touched",
    )
    assert (play.changes, hub.files(), containers(hub)) == (0, files, running)
    assert hub.on_host("ls", "-l", "--time-style=full-iso", CERTIFICATES) == certificate


# --- an authority


def test_an_authority_gives_a_certificate(hub: DockerInstallation, tmp_path: pathlib.Path) -> None:
    with authority(tmp_path, PEBBLE, REDIRECT_PORT) as (variables, log):
        # The last is where the role itself answers as long as no front does.
        acme = {**variables, "hub_certificate_acme_port": REDIRECT_PORT}
        alice = hub.user("alice")
        with uninterrupted(alice):
            hub.play("renew_certificate", **acme)
            wait_until("the front serves it", lambda: "Pebble" in served(hub.ports[0]).issuer.rfc4514_string())
        assert hub.on_host("ls", f"{hub.directory}/challenges") == ""
        said = log.read_text(encoding="utf-8")
        assert f"http://localhost:{REDIRECT_PORT}/.well-known/acme-challenge/" in said
        assert hub.play("renew_certificate", **acme).changes == 0
        assert log.read_text(encoding="utf-8") == said, "expected that the authority is not asked again"

        first = served(hub.ports[0])
        hub.on_host("docker", "stop", containers(hub)["front"].split()[0])
        hub.play(**acme, hub_certificate_renew_days=3000)
        assert served(hub.ports[0]).serial_number != first.serial_number
        works(HubUser(hub.url, "alice", hub.password("alice")))

    # The authority is away, and the certificate is good: a warning is enough, but not for what is run to renew it.
    renewed = served(hub.ports[0])
    soon = {**acme, "hub_certificate_renew_days": 3000}
    words = ("was not renewed", f"got no certificate from https://localhost:{PEBBLE}/dir", "serves for another")
    hub.play(**soon).must_say(*words)
    hub.play("renew_certificate", fails=True, **soon).must_say(*words)
    assert served(hub.ports[0]) == renewed


# --- a web server of somebody else's, with the examples of the documentation


def example(language: str, hub: DockerInstallation) -> str:
    """The example for this web server, for the names, ports and files of this scenario."""
    found = re.search(rf"^```{language}\n(.*?)^```$", BEHIND_A_FRONT, re.MULTILINE | re.DOTALL)
    assert found, f"docs/behind-a-front.md has no example for {language}"
    text = found[1]
    for old, new in (
        ("127.0.0.1:8000", f"127.0.0.1:{hub.ports[0]}"),
        ("https://hub.example.org", f"https://localhost:{FRONT}"),
        ("hub.example.org", "localhost"),
        ("listen 80;", f"listen {FRONT_HTTP};"),
        ("listen 443", f"listen {FRONT}"),
        ("*:80>", f"*:{FRONT_HTTP}>"),
        ("*:443>", f"*:{FRONT}>"),
        ("/etc/ssl/hub", CERTIFICATES),
    ):
        text = text.replace(old, new)
    return text


def packages(*names: str) -> str:
    """The directory with the programs of Debian packages."""
    done = subprocess.run([TESTBED / "debian_programs.sh", *names], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


@contextlib.contextmanager
def nginx(hub: DockerInstallation, directory: pathlib.Path) -> Iterator[None]:
    """Debian's nginx with the example."""
    places = "".join(
        f"{kind}_temp_path {directory}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (directory / "nginx.conf").write_text(
        f"daemon off; pid {directory}/nginx.pid; events {{}}\n"
        f"http {{ access_log off; {places}\n{example('nginx', hub)}}}\n",
        encoding="utf-8",
    )
    program = f"{packages('nginx')}/usr/sbin/nginx"
    with process(program, "-e", "stderr", "-c", f"{directory}/nginx.conf", log=directory / "log"):
        yield


@contextlib.contextmanager
def apache(hub: DockerInstallation, directory: pathlib.Path) -> Iterator[None]:
    """Debian's Apache with the example."""
    root = packages("apache2-bin", "libapr1", "libaprutil1")
    modules = ("mpm_event", "authz_core", "alias", "headers", "proxy", "proxy_http", "ssl", "socache_shmcb")
    loaded = "".join(f"LoadModule {name}_module {root}/usr/lib/apache2/modules/mod_{name}.so\n" for name in modules)
    (directory / "apache.conf").write_text(
        f"ServerRoot {directory}\nDefaultRuntimeDir {directory}\nPidFile {directory}/pid\nErrorLog {directory}/log\n"
        f"ServerName localhost\nUser www-data\nGroup www-data\nListen {FRONT_HTTP}\nListen {FRONT}\n{loaded}{example('apache', hub)}",
        encoding="utf-8",
    )
    [libraries] = {str(path.parent) for path in pathlib.Path(root).glob("usr/lib/*/libapr-1.so.0")}
    command = (f"{root}/usr/sbin/apache2", "-D", "FOREGROUND", "-f", f"{directory}/apache.conf")
    with process(*command, log=directory / "log", LD_LIBRARY_PATH=libraries):
        yield


def test_people_work_behind_a_web_server(changed_hub: Installation, tmp_path: pathlib.Path) -> None:
    hub = changed_hub
    assert isinstance(hub, DockerInstallation)
    url = f"https://localhost:{FRONT}"
    hub.play(hub_tls="offload", hub_public_url=url)
    assert "front" not in containers(hub)
    for front in (nginx, apache):
        directory = tmp_path / front.__name__
        directory.mkdir()
        with front(hub, directory):
            try:
                wait_until(f"{front.__name__} listens", lambda: listens(FRONT), seconds=30)
                works(HubUser(url, "alice", hub.password("alice")))
                assert answer(f"http://localhost:{FRONT_HTTP}/hub/login?a=b") == (308, f"{url}/hub/login?a=b")
            except Exception as error:
                error.add_note((directory / "log").read_text(encoding="utf-8")[-2000:])
                raise
        wait_until(f"{front.__name__} is gone", lambda: not listens(FRONT), seconds=30)
