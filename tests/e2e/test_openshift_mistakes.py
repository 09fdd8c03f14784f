# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each thing wrong once: told with the cluster's own reason, and the hub goes on as it was."""

from __future__ import annotations

import pathlib
import ssl
import subprocess
import typing as t

import pytest
from installation import Installation, wait_until
from kubernetes_installation import Object
from openshift_installation import OpenShiftInstallation

NO_IMAGE = "127.0.0.1:5000/jupyterhub/no-such-image:1"
MISTAKES: dict[str, tuple[dict[str, t.Any], tuple[str, ...]]] = {
    "no such tag, no such stream, a key without a certificate": (
        {
            "hub_kubernetes_image": "hub:9",
            "hub_image": "no-such-stream:1",
            "hub_openshift_key": "a key",
        },
        (
            *("hub_kubernetes_image is hub:9", "has no image with the tag 9; it has current"),
            *(
                "hub_image or the image of one of hub_profiles is no-such-stream:1",
                "it has database, hub, hub-base, notebook, notebook-base, proxy",
            ),
            "hub_openshift_certificate is empty",
        ),
    ),
    "an image that can not be imported": (
        {"hub_openshift_image_streams": {"lab": {"1": NO_IMAGE}}},
        (f"OpenShift can not import {NO_IMAGE} into lab:1", "not found"),
    ),
}


@pytest.fixture
def untouched(openshift_hub: OpenShiftInstallation) -> t.Iterator[OpenShiftInstallation]:
    """The hub, of which the test must not change a pod."""
    hub = openshift_hub
    pods = [hub.pid(service) for service in hub.services]
    yield hub
    assert [hub.pid(service) for service in hub.services] == pods, "expected that the same pods go on"
    assert hub.answers()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(untouched: OpenShiftInstallation, mistake: str) -> None:
    """With what was found and what there is."""
    given, said = MISTAKES[mistake]
    untouched.play(fails=True, **given).must_say(*said)


def test_missing_rights_are_named(untouched: OpenShiftInstallation) -> None:
    """As the cluster says it."""
    with untouched.visitor() as path:
        play = untouched.play(fails=True, hub_kubernetes_kubeconfig=path)
    play.must_say("cannot get resource", "imagestreams")


def test_a_host_that_is_taken_is_named(openshift_hub: OpenShiftInstallation) -> None:
    """By the router; the pods stay. The next run mends the Route."""
    hub = openshift_hub
    pods = [hub.pid(service) for service in hub.services]
    taken = {
        "apiVersion": "route.openshift.io/v1",
        "kind": "Route",
        "metadata": {"name": "taken", "namespace": "default"},
        "spec": {"host": "taken.apps.osbed.local", "to": {"kind": "Service", "name": "kubernetes"}},
    }
    with hub.having(taken, "default"):
        # Of two Routes the older one has the host.
        hub.kubectl("delete", "route", "jupyterhub")
        play = hub.play(fails=True, hub_openshift_host="taken.apps.osbed.local")
    play.must_say("the router refuses the Route jupyterhub for taken.apps.osbed.local: HostAlreadyClaimed")
    hub.kubectl("delete", "route", "jupyterhub")
    assert [hub.pid(service) for service in hub.services] == pods, "expected that the same pods go on"


def test_a_certificate_and_rights_of_ones_own(changed_hub: Installation, tmp_path: pathlib.Path) -> None:
    """Instead of the router's, and its key is not shown, not even as a difference; a hook may make other objects.

    The run makes the Route again that the test before removed.
    """
    hub = changed_hub
    assert isinstance(hub, OpenShiftInstallation)
    host = hub.route_host
    files = {"certificate": tmp_path / "certificate.pem", "key": tmp_path / "key.pem"}
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", f"-subj=/CN={host}", "-addext", f"subjectAltName=DNS:{host}"),
            *(f"-keyout={files['key']}", f"-out={files['certificate']}"),
        ],
        check=True,
        capture_output=True,
    )
    given = {f"hub_openshift_{name}": path.read_text() for name, path in files.items()}
    account = hub.objects("deployments", "component=hub")[0]["spec"]["template"]["spec"]["serviceAccountName"]
    may = ("auth", "can-i", "create", "configmaps", f"--as=system:serviceaccount:{hub.namespace}:{account}")
    assert hub.kubectl(*may, fails=True) == "no"
    play = hub.play("site", "--diff", hub_openshift_edit=True, **given)
    assert hub.kubectl(*may) == "yes"
    assert given["hub_openshift_key"].splitlines()[1] not in play.text, "expected that the key is not shown"

    def served() -> bytes:
        return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((host, 443)))

    wanted = ssl.PEM_cert_to_DER_cert(given["hub_openshift_certificate"])
    wait_until("the router has the certificate", lambda: served() == wanted)


def test_what_the_policy_refuses_is_put_back(openshift_hub: OpenShiftInstallation) -> None:
    """A number that is not the project's: in the cluster's words, and the hub is back as it was."""
    hub = openshift_hub

    def pod() -> tuple[Object, list[Object]]:
        spec = hub.objects("deployments", "component=hub")[0]["spec"]["template"]["spec"]
        return spec["securityContext"], spec["containers"]

    before = pod()
    hub.play(fails=True, hub_openshift_uid=1000).must_say("runAsUser", "must be in the ranges")
    hub.settled()
    assert pod() == before
