# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to sign in, each through the hub's pages and with a server that starts; accounts of the host in containers.

The providers listen on the address that the host has in the hub's network: the hub reaches them there, and so does a
browser on the host.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import typing as t
import urllib.error
from collections.abc import Iterator

import pytest
from docker_installation import DockerInstallation
from hub_user import HubUser, Refused
from installation import Installation
from providers import Visitor, ask, opened, running

GITHUB_PORT, OIDC_PORT, LDAP_PORT = 18810, 18811, 18812
# In the directory. Dora is in no list of the hub's.
PASSWORDS = {name: f"Secret-of-{name}" for name in ("alice", "bob", "dora", "admin", "hubwright-ann", "hubwright-ben")}
ACCOUNTS = ("hubwright-ann", "hubwright-ben")


@pytest.fixture
def changed(changed_hub: Installation) -> DockerInstallation:
    """The hub as the test before left it."""
    assert isinstance(changed_hub, DockerInstallation), "expected a scenario with a Docker host"
    return changed_hub


@pytest.fixture(scope="module")
def address(installation: Installation) -> str:
    """The host's address in the hub's network."""
    template = "{{ (index .IPAM.Config 0).Gateway }}"
    return installation.on_host("docker", "network", "inspect", "--format", template, installation.host)


@pytest.fixture(scope="module")
def github(address: str) -> Iterator[str]:
    """A GitHub with one application and one organisation."""
    members = "physics=ada"
    with running(address, GITHUB_PORT, "github_stand_in.py", address, str(GITHUB_PORT), "hub", "the-secret", members):
        yield f"http://{address}:{GITHUB_PORT}"


@pytest.fixture(scope="module")
def oidc(address: str) -> Iterator[str]:
    """An OpenID Connect provider with three people."""
    with running(address, OIDC_PORT, "oidc_provider.sh", address, str(OIDC_PORT)):
        url = f"http://{address}:{OIDC_PORT}"
        for name, groups in {"sue": ["students"], "tom": ["staff"], "mallory": ["others"]}.items():
            ask("PUT", f"{url}/users/{name}", {"preferred_username": name, "groups": groups})
        yield url


@pytest.fixture(scope="module")
def directory(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    """An LDAP server whose certificate is vouched for by the authorities that the hub is given."""
    directory = Directory(address, tmp_path_factory.mktemp("directory"))
    directory.server.enter_context(directory.running("genuine"))
    authorities = pathlib.Path("/etc/ssl/certs/ca-certificates.crt").read_text(encoding="utf-8")
    own = (directory.path / "genuine" / "ca.pem").read_text(encoding="utf-8")
    directory.bundle.write_text(authorities + own, encoding="utf-8")
    with directory.server:
        yield directory


class Directory:
    """Debian's slapd, and how the hub finds people in it."""

    def __init__(self, address: str, path: pathlib.Path) -> None:
        self.address = address
        self.path = path
        self.bundle = path / "authorities.pem"
        self.server = contextlib.ExitStack()

    def running(self, name: str) -> t.ContextManager[None]:
        """One server, with a certificate of its own."""
        people = [f"{person}={password}" for person, password in PASSWORDS.items()]
        return running(
            *(self.address, LDAP_PORT + 1),
            *("directory.sh", str(self.path / name), self.address, str(LDAP_PORT), *people),
        )

    def variables(self, **more: t.Any) -> dict[str, t.Any]:
        """The description of a hub that asks it."""
        options = {
            "server": self.address,
            "port": LDAP_PORT + 1,
            "tls": "on_connect",
            "bind_dn_template": ["uid={username},ou=people,dc=example,dc=org"],
        }
        return {"hub_sign_in": "ldap", "hub_ldap": options, "hub_docker_ca_bundle": str(self.bundle), **more}


def computes(person: HubUser) -> None:
    """The person's server starts and computes."""
    person.start_server()
    assert person.kernel().compute("6 * 7") == "42"
    person.stop_server()


def refusal(url: str, name: str, provider: str) -> str:
    """What the hub says to somebody whom it does not let in."""
    with pytest.raises(Refused) as refused:
        Visitor(url, name, provider).sign_in()
    return str(refused.value)


def visitor(hub: Installation, name: str, provider: str) -> Visitor:
    """Somebody who has signed in at a provider."""
    person = Visitor(hub.url, name, provider)
    person.sign_in()
    return person


# --- accounts that the hub keeps


def sign_up(hub: Installation, name: str, password: str) -> None:
    """Fill in the sign-up page."""
    person = HubUser(hub.url, name, password)
    opened(person, "/hub/signup")
    opened(person, "/hub/signup", username=name, signup_password=password, signup_password_confirmation=password)


def test_native_somebody_signs_up_an_admin_authorises(hub: Installation) -> None:
    """Nobody gets in before an admin says so; the admin of the description needs nobody."""
    sign_up(hub, "admin", "the-admins-own-password")
    sign_up(hub, "carol", "carols-own-password")
    assert hub.refuses("carol", "carols-own-password"), "expected that carol waits until an admin authorises her"
    admin = hub.user("admin", "the-admins-own-password")
    assert "/hub/admin" in admin.home(), "expected that the admin sees the admin panel"
    assert "carol" in opened(admin, "/hub/authorize"), "expected that the admin sees who waits"
    opened(admin, "/hub/authorize/carol")
    assert hub.refuses("carol", "the-admins-own-password"), "expected that the password of somebody else is refused"
    carol = hub.user("carol", "carols-own-password")
    assert "/hub/admin" not in carol.home(), "expected that carol is no admin"
    computes(carol)


# --- OAuth


def oidc_variables(oidc: str, client: dict[str, str], secret: str) -> dict[str, t.Any]:
    """A hub that asks the provider."""
    return {
        "hub_sign_in": "oauth",
        "hub_admins": [],
        "hub_oauth": {
            "client_id": client["client_id"],
            "client_secret": secret,
            "login_service": "the university",
            "authorize_url": f"{oidc}/oauth2/authorize",
            "token_url": f"{oidc}/oauth2/token",
            "userdata_url": f"{oidc}/userinfo",
            "scope": ["openid", "profile"],
            "username_claim": "preferred_username",
            "groups_claim": "groups",
            "allowed_groups": ["students"],
            "admin_groups": ["staff"],
        },
    }


def test_oidc_groups_of_the_provider_decide(hub: Installation, oidc: str) -> None:
    """Members of one group sign in, members of another administer, all others are told that they may not."""
    client = ask(
        *("POST", f"{oidc}/oauth2/clients"),
        {"redirect_uris": [f"{hub.url}/hub/oauth_callback"], "token_endpoint_auth_method": "client_secret_post"},
    )
    hub.play(**oidc_variables(oidc, client, "not-the-secret"))
    said = refusal(hub.url, "sue", oidc)
    assert said.startswith("status 500"), "expected that nobody is let in"
    assert '"error": "invalid_client"' in hub.log(), "expected that the log names the client that is refused"
    hub.play(**oidc_variables(oidc, client, client["client_secret"]))
    assert "the university" in opened(HubUser(hub.url, "", ""), "/hub/login"), (
        "expected the provider's name on the page"
    )
    sue = visitor(hub, "sue", oidc)
    assert "/hub/admin" not in sue.home()
    computes(sue)
    assert "/hub/admin" in visitor(hub, "tom", oidc).home(), "expected that a member of staff administers"
    assert "status 403" in refusal(hub.url, "mallory", oidc)


def github_variables(github: str, secret: str) -> dict[str, t.Any]:
    """A hub that asks GitHub."""
    options = {"url": github, "client_id": "hub", "client_secret": secret, "allowed_organizations": ["physics"]}
    return {"hub_sign_in": "github", "hub_users": ["bert"], "hub_admins": ["grace"], "hub_oauth": options}


def test_github_members_and_named_people_sign_in(changed: DockerInstallation, github: str) -> None:
    """Members of the organisation, people of the list and admins come in; a wrong secret is told and named."""
    hub = changed
    hub.play(**github_variables(github, "not-the-secret"))
    told = "The client_id and/or client_secret passed are incorrect."
    assert told in refusal(hub.url, "ada", github), "expected that the page names the client's secret"
    assert told in hub.log(), "expected that the log does so too"
    hub.play(**github_variables(github, "the-secret"))
    ada = visitor(hub, "ada", github)
    assert "/hub/admin" not in ada.home()
    computes(ada)
    visitor(hub, "bert", github)
    assert "/hub/admin" in visitor(hub, "grace", github).home(), "expected that grace administers"
    assert "status 403" in refusal(hub.url, "eve", github), "expected that others are told that they may not"


# --- a directory


def test_ldap_the_list_decides_who_comes_in(changed: DockerInstallation, directory: Directory) -> None:
    """A right password alone lets nobody in; who leaves the list is out at once; admins' guests come in when told so."""
    hub = changed
    people = directory.variables(hub_users=["alice", "bob"], hub_admins=["admin"])
    hub.play(**people)
    alice = hub.user("alice", PASSWORDS["alice"])
    computes(alice)
    assert "/hub/admin" not in alice.home()
    assert hub.refuses("alice", PASSWORDS["bob"]), "expected that the password of somebody else is refused"
    with pytest.raises(Refused):
        HubUser(hub.url, "alice", "").sign_in()
    assert hub.refuses("dora", PASSWORDS["dora"]), "expected that who is not in the list is refused"
    bob = hub.user("bob", PASSWORDS["bob"])
    admin = hub.user("admin", PASSWORDS["admin"])
    assert "/hub/admin" in admin.home(), "expected that the admin sees the admin panel"
    admin.request("POST", "/hub/api/users/dora")
    assert hub.refuses("dora", PASSWORDS["dora"]), "expected that the list decides, whatever the hub remembers"
    hub.play(**{**people, "hub_users": ["alice"], "hub_allow_existing_users": True})
    assert not bob.home(), "expected that bob's open session has ended"
    assert hub.refuses("bob", PASSWORDS["bob"]), "expected that bob can not sign in again"
    assert not hub.user("dora", PASSWORDS["dora"]).home().count("/hub/admin")
    assert alice.home(), "expected that alice noticed nothing"


# --- accounts of the host


@pytest.fixture
def accounts(installation: Installation) -> Iterator[None]:
    """Ann's home is closed to others; Ben comes later."""
    installation.on_host("useradd", "--create-home", "--shell", "/bin/bash", "hubwright-ann")
    installation.on_host("chmod", "700", "/home/hubwright-ann")
    yield
    for name in ACCOUNTS:
        installation.on_host("sh", "-c", 'userdel --remove "$0" 2>/dev/null || true', name)


WHO = """
import os, pwd
with open("/proc/self/status") as file:
    capabilities = [line.split()[1] for line in file if line.startswith(("CapEff", "CapPrm", "CapAmb"))]
print(pwd.getpwuid(os.getuid()).pw_name, os.getuid(), os.getgid(), os.getcwd(), *sorted(os.listdir("/home")), *set(capabilities))
"""


def test_system_users_are_their_accounts_of_the_host(
    changed: DockerInstallation, directory: Directory, accounts: None
) -> None:
    """The directory says who somebody is; server and files are the account's of the host, and nobody else's."""
    hub = changed
    described = directory.variables(hub_users=list(ACCOUNTS), hub_spawner="system-user")
    hub.play(**described)
    ann = hub.user("hubwright-ann", PASSWORDS["hubwright-ann"])
    ann.start_server()
    numbers = hub.on_host("id", "-u", "hubwright-ann"), hub.on_host("id", "-g", "hubwright-ann")
    expected = f"hubwright-ann {' '.join(numbers)} /home/hubwright-ann hubwright-ann jovyan 0000000000000000"
    said = ann.kernel().compute(WHO)
    assert said == expected, f"expected {expected!r}, the kernel says {said!r}"
    ann.write("mine.txt", "from the notebook")
    shown = hub.on_host("stat", "--format=%U %G", "/home/hubwright-ann/mine.txt")
    assert shown == "hubwright-ann hubwright-ann", f"expected a file of ann on the host, it belongs to {shown}"
    assert hub.on_host("cat", "/home/hubwright-ann/mine.txt") == "from the notebook"
    # The hub knows the numbers and nothing else of the host.
    hub.docker("exec", hub.container("hub"), "cat", "/etc/shadow", fails=True)
    ben = hub.user("hubwright-ben", PASSWORDS["hubwright-ben"])
    with pytest.raises(urllib.error.HTTPError) as refused:
        ben.start_server()
    assert "There is no account hubwright-ben" in json.load(refused.value)["message"]
    hub.on_host("test", "!", "-e", "/home/hubwright-ben")
    runs = hub.pid("hub")
    hub.on_host("useradd", "--create-home", "--shell", "/bin/bash", "hubwright-ben")
    again = hub.play(**described)
    assert again.changed == ["Place everything else"], (
        f"expected that only the new account changes, got {again.changed}"
    )
    assert hub.pid("hub") == runs, "expected that the hub learns of it without a restart"
    computes(ben)


CREATE = """
import json, os, sys, urllib.request
name, body = sys.argv[1:]
request = urllib.request.Request(f"http://engine:2375/containers/create?name={name}", body.encode(), {"Content-Type": "application/json"})
try:
    print(urllib.request.urlopen(request).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


@pytest.mark.parametrize(
    ("passes", "options"),
    [
        (True, {"Binds": ["/home/ann:/home/ann:rw"], "CapAdd": ["CHOWN", "SETGID", "SETUID"]}),
        (True, {"Binds": ["/home/ann@example.org:/home/ann:rw"]}),
        (False, {"Binds": ["/home:/home:rw"]}),
        (False, {"Binds": ["/home/:/home:rw"]}),
        (False, {"Binds": ["/home/..:/home:rw"]}),
        (False, {"Binds": ["/home/ann/../../etc:/home/ann:rw"]}),
        (False, {"Binds": ["/home/ann/.ssh:/home/ann:rw"]}),
        (False, {"Binds": ["/home/ann:/home/ann:rw", "/etc:/mnt:rw"]}),
        (False, {"Binds": ["/etc:/home/ann:rw"]}),
        (False, {"CapAdd": ["SYS_ADMIN"]}),
        (False, {"CapAdd": ["CHOWN", "DAC_READ_SEARCH"]}),
        (False, {"CapAdd": ["ALL"]}),
        (False, {"CapAdd": ["CHOWN"], "capadd": ["SYS_ADMIN"]}),
        (False, {"Privileged": True}),
    ],
)
def test_system_users_filter_lets_homes_through_and_nothing_else(
    changed: DockerInstallation, passes: bool, options: dict[str, t.Any]
) -> None:
    """Asked by the hub itself: a container without an image is refused by the engine (404) or by the filter (403)."""
    host = {"NetworkMode": changed.host, **options}
    body = json.dumps({"Image": "hubwright.test/not-there:1", "User": "0", "HostConfig": host})
    name = f"{changed.host}-user-ann"
    said = changed.docker("exec", changed.container("hub"), "python3", "-c", CREATE, name, body)
    assert said == ("404" if passes else "403")


def test_pam_and_homes_without_names_are_refused(changed: DockerInstallation) -> None:
    """Before anything is touched, with the ways out."""
    people = {"hub_users": list(ACCOUNTS), "hub_spawner": "system-user"}
    said = changed.play(**people, hub_sign_in="pam", hub_docker_homes="/home", fails=True)
    said.must_say("hub_sign_in is pam", "Choose ldap, oauth", "hub_docker_homes is /home; expected")


def test_an_impostor_of_the_directory_gets_no_password(changed: DockerInstallation, directory: Directory) -> None:
    """A server with a certificate that nobody vouches for is not asked, although it knows the password."""
    assert not changed.refuses("hubwright-ann", PASSWORDS["hubwright-ann"])
    directory.server.close()
    with directory.running("impostor"):
        assert changed.refuses("hubwright-ann", PASSWORDS["hubwright-ann"])
    assert "certificate verify failed" in changed.log(), "expected that the log says why"
