# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restarts, changes and upgrades while people work: they notice nothing, and only what has to restart does."""

from __future__ import annotations

import os
import pathlib
import ssl
import subprocess
import urllib.error
import urllib.parse
import urllib.request
import uuid

from acme_authority import authority
from cryptography import x509
from hub_user import HubUser
from installation import PROJECT, uninterrupted, wait_until, working
from kubernetes_installation import CLUSTER, KubernetesInstallation

PEBBLE, CHALLENGES = 18640, 8090  # ports
PROMOTED = "127.0.0.1:5000/hubwright/molecule-cluster"


def pids(hub: KubernetesInstallation) -> dict[str, int]:
    """A number of the container of each service."""
    return {service: hub.pid(service) for service in hub.services}


def kept(hub: KubernetesInstallation) -> list[str]:
    """Nodes on which a pod keeps the images of user servers."""
    pods = hub.pods("continuous-image-puller")
    assert all(pod["spec"]["containers"][0]["image"] == hub.variables()["hub_image"] for pod in pods)
    return sorted(pod["spec"]["nodeName"] for pod in pods if pod["status"]["phase"] == "Running")


def pulled_before_the_switch(hub: KubernetesInstallation, text: str) -> bool:
    """Does a play say of each node that it has the image, before anything is applied?"""
    before = text.partition("Apply the manifests")[0]
    return all(f"{node}: ready, 1 image" in before for node in hub.nodes())


def test_two_people_notice_neither_a_restart_nor_a_change(cluster_hub: KubernetesInstallation) -> None:
    """Both compute on open connections; check mode tells beforehand; going back is a change like any other.

    The nodes have the images already: nothing is pulled, and what keeps them there for new nodes is placed beside the hub.
    """
    hub = cluster_hub
    people = [hub.user(name) for name in ("alice", "bob")]
    before, files = pids(hub), hub.files()
    with uninterrupted(*people):
        foreseen = hub.play("site", "--check", "--diff", hub_announcement="Closed on Friday")
        foreseen.must_say("Restarts: hub; user servers and open connections go on", "Closed on Friday")
        assert foreseen.changes
        assert (hub.files(), pids(hub)) == (files, before), "expected that check mode touches nothing"
        hub.play("restart_hub")
        changes = {"hub_announcement": "Closed on Friday", "hub_kubernetes_prepull_new_nodes": True}
        assert "Have nodes pull" not in hub.play(**changes).text, "expected that images that nodes have are not pulled"
        assert "Closed on Friday" in people[0].home()
        wait_until("every node keeps the images", lambda: kept(hub) == sorted(hub.nodes()))
        again = hub.play(**changes)
        assert again.changes == 0, f"expected no change at the second run, got {again.changed}"
        again.must_say(f"http://NODE:{hub.variables()['hub_kubernetes_node_port']}/")
    after = pids(hub)
    assert after["proxy"] == before["proxy"], "expected that the proxy is the same container"
    assert after["hub"] not in (0, before["hub"])


def test_an_agent_of_a_node_that_is_killed_is_not_noticed(cluster_hub: KubernetesInstallation, alice: HubUser) -> None:
    """Kernels go on without it. When it is back servers start, and there is nothing to mend."""
    hub = cluster_hub
    before = pids(hub)
    with working(alice):
        subprocess.run([CLUSTER, "kill-agent"], check=True)
        # Before Kubernetes 1.21 no pod counts as ready until the new agent has asked it: the first connections are refused.
        wait_until("the hub answers", hub.answers)
        bob = hub.user("bob")
        bob.stop_server()
        bob.start_server()
        assert bob.kernel().compute("6 * 7") == "42"
        assert hub.play().changes == 0
    assert pids(hub) == before, "expected that hub and proxy are the same containers"


def test_a_configuration_that_does_not_start_goes_back(cluster_hub: KubernetesInstallation, alice: HubUser) -> None:
    """The check can not foresee it. The hub's own words are in the message, and the hub of before answers again."""
    hub = cluster_hub
    with uninterrupted(alice):
        play = hub.play(fails=True, hub_extra_config=hub.failing_at_start(), hub_announcement="Never seen")
    play.must_say("the licence server is away", "The previous configuration is back and the hub answers")
    assert "Never seen" not in alice.home()
    assert not hub.refuses("bob"), "expected that people can sign in"


def test_nodes_have_a_promoted_image_before_its_name_moves(cluster_hub: KubernetesInstallation) -> None:
    """They pull it by its digest. Where nodes do not reach the registry, each of them says so and the name stays as it is."""
    hub, live, candidate = cluster_hub, f"{PROMOTED}:live", f"{PROMOTED}:build"
    make = [str(PROJECT / "tests" / "testbed" / "notebook_image.sh"), uuid.uuid4().hex, candidate]
    for command in (make, ["docker", "push", "--quiet", candidate]):
        subprocess.run(command, check=True, capture_output=True, text=True)
    before, built = digest(live), digest(candidate)
    # A cluster of containers has images of its own, and this machine's registry is not on its loopback address.
    reached = "KUBECONFIG" not in os.environ
    play = hub.play(
        "promote_image",
        fails=not reached,
        hub_image=live,
        hub_settings_extra={"KubeSpawner": {"image_pull_policy": "Always"}},
        notebook_image_candidate=candidate,
        notebook_image_registry={"plain_http": True},
        # In a pod beside those of users.
        notebook_image_smoke_test=reached,
    )
    said = "ready, 1 image" if reached else f"failed, {PROMOTED}@{built}: "
    play.must_say(
        *(f"{node}: {said}" for node in hub.nodes()), f"{live} is {built}" if reached else "Nothing was switched"
    )
    assert digest(live) == (built if reached else before)
    if reached:
        pulled = play.text.partition("Make it live")[0]
        assert all(f"{node}: {said}" in pulled for node in hub.nodes()), "expected that nodes pull it first"


def digest(reference: str) -> str:
    """What a name of the registry is; empty when there is none."""
    repository, _colon, tag = reference.removeprefix("127.0.0.1:5000/").rpartition(":")
    kinds = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
    request = urllib.request.Request(
        f"http://127.0.0.1:5000/v2/{repository}/manifests/{tag}", headers={"Accept": kinds}, method="HEAD"
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return str(answer.headers["Docker-Content-Digest"])
    except urllib.error.HTTPError:
        return ""


def test_the_proxy_ends_tls(cluster_hub: KubernetesInstallation, tmp_path: pathlib.Path) -> None:
    """With a certificate that the run makes once; the hub does not restart for it."""
    hub = cluster_hub
    before = hub.pid("hub")
    certificate = tmp_path / "hub.pem"
    given = {"hub_tls_certificate": str(certificate), "hub_tls_key": str(tmp_path / "hub.key")}
    given |= {"hub_tls": "files", "hub_certificate_source": "self-signed"}
    play = hub.play("site", "--diff", **given)
    key = (tmp_path / "hub.key").read_text(encoding="ascii").splitlines()[1]
    assert key not in play.text, "expected that the key is not shown"
    assert served(hub) == x509.load_pem_x509_certificate(certificate.read_bytes())
    alice = HubUser(hub.url.replace("http://", "https://"), "alice", hub.password("alice"))
    alice.sign_in()
    assert "alice" in alice.home()
    assert hub.play(**given).changes == 0
    assert hub.pid("hub") == before, "expected that the hub was not restarted"


def test_an_authority_gives_the_proxy_its_certificate(
    cluster_hub: KubernetesInstallation, tmp_path: pathlib.Path
) -> None:
    """At first, when no proxy answers it, and again when the certificate ends; the hub does not restart for it."""
    hub = cluster_hub
    before = hub.pid("hub")
    name = hub.kubectl("get", "service", hub.named("proxy-public"), "--output=jsonpath={.spec.clusterIP}")
    certificate = tmp_path / "hub.pem"
    with authority(tmp_path, PEBBLE, CHALLENGES) as (given, log):
        given |= {"hub_tls_certificate": str(certificate), "hub_tls_key": str(tmp_path / "hub.key"), "hub_tls": "files"}
        given |= {"hub_certificate_names": [name], "hub_kubernetes_redirect_port": CHALLENGES}
        hub.play(**given)
        first = served(hub)
        assert "Pebble" in first.issuer.rfc4514_string()
        assert f"http://{name}:{CHALLENGES}/.well-known/acme-challenge/" in log.read_text(encoding="utf-8")
        assert hub.play(**given).changes == 0
        soon = {**given, "hub_certificate_renew_days": 3000}
        hub.play("renew_certificate", **soon)
        assert served(hub).serial_number != first.serial_number
        assert hub.kubectl("exec", f"deployment/{hub.named('proxy')}", "--", "ls", "/srv/challenges") == ""
    assert hub.play("renew_certificate", **given).changes == 0
    hub.play("renew_certificate", fails=True, **soon).must_say("was not renewed", "got no certificate from")
    hub.play()
    assert hub.kubectl("get", "secret", hub.named("proxy-tls"), "--ignore-not-found") == "", "expected no unused key"
    assert hub.pid("hub") == before, "expected that the hub was not restarted"


def served(hub: KubernetesInstallation) -> x509.Certificate:
    """The certificate that the proxy shows."""
    address = urllib.parse.urlsplit(hub.url)
    return x509.load_pem_x509_certificate(
        ssl.get_server_certificate((str(address.hostname), address.port or 443)).encode()
    )


def test_a_new_release_of_the_hub_interrupts_nobody(changed_hub: KubernetesInstallation) -> None:
    """From 5.5 to 6.1 with its database; kernels stay open, and alice is still signed in."""
    hub = changed_hub
    known = hub.variables()
    images = (hub.scratch / "images").read_text(encoding="utf-8").split()
    hub.play("teardown", hub_kubernetes_remove_users_claims=True)
    older = {"hub_version": "5.5.4", "hub_image": known["hub_image"].replace("6.1.1", "5.5.4")}
    play = hub.play(**older, hub_kubernetes_image=images[1])
    assert pulled_before_the_switch(hub, play.text), f"expected that nodes pull {older['hub_image']} first: {play.text}"
    alice = hub.user("alice")
    assert alice.request("GET", "/hub/api/")["version"] == "5.5.4"
    alice.start_server()
    alice.write("before.txt", "written under the older hub")
    with uninterrupted(alice):
        play = hub.play()
        assert alice.request("GET", "/hub/api/")["version"] == "6.1.1"
    assert pulled_before_the_switch(hub, play.text), f"expected that nodes pull {known['hub_image']} first: {play.text}"
    assert alice.read("before.txt") == "written under the older hub"
    assert hub.play().changes == 0, "expected that nothing is left to do"
