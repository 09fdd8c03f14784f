# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What OpenShift adds: the Route, the policy's numbers, image streams and what follows their tags."""

from __future__ import annotations

import json
import pathlib
import subprocess
import typing as t

from hub_user import HubUser
from installation import wait_until, working
from kubernetes_installation import CLUSTER
from openshift_installation import OpenShiftInstallation


def test_people_come_through_the_route(openshift_hub: OpenShiftInstallation) -> None:
    """The router vouches for the host with a certificate, and nobody stays with HTTP."""
    hub = openshift_hub
    assert hub.status(f"{hub.url}/hub/health") == (200, "")
    status, target = hub.status(f"http://{hub.url.removeprefix('https://')}/hub/login")
    assert status in (301, 302) and target == f"{hub.url}/hub/login"


def test_pods_run_with_the_numbers_of_the_policy(openshift_hub: OpenShiftInstallation, alice: HubUser) -> None:
    """Nothing asks for numbers of its own, and a server whose number nobody foresaw computes and keeps files."""
    hub = openshift_hub
    numbers = hub.numbers()
    for service, container in hub.containers.items():
        found = int(hub.kubectl("exec", f"deployment/{service}", f"--container={container}", "--", "id", "-u"))
        assert found in numbers, f"expected that the {service} has a number of {numbers}, it has {found}"
    kernel = alice.kernel()
    assert int(kernel.compute("import os; os.getuid()")) in numbers
    assert kernel.compute("os.getgid(), os.environ['HOME']") == "(0, '/opt/app-root/src')"
    kernel.compute("open('made.txt', 'w').write('by a kernel')")
    assert alice.read("made.txt") == "by a kernel"


def test_the_database_runs_with_a_number_of_the_policy(openshift_hub: OpenShiftInstallation, alice: HubUser) -> None:
    """An image made for a number of its own keeps the hub's database all the same."""
    hub = openshift_hub
    database = ("exec", f"deployment/{hub.named('database')}", "--container=database", "--")
    assert int(hub.kubectl(*database, "id", "-u")) in hub.numbers()
    query = ("psql", "--username=postgres", "--dbname=jupyterhub", "--no-psqlrc", "--tuples-only", "--no-align")
    assert alice.name in hub.kubectl(*database, *query, "--command=SELECT name FROM users").splitlines()


def test_a_second_run_changes_nothing_and_no_field_is_lost(
    openshift_hub: OpenShiftInstallation, tmp_path: pathlib.Path
) -> None:
    """Neither an object nor a pod; and the cluster has every field of every manifest."""
    hub = openshift_hub
    before, pods = hub.files(), [hub.pid(service) for service in hub.services]
    play = hub.play(environment={"ANSIBLE_VERBOSITY": "3", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"})
    assert play.changes == 0, f"expected no change, these tasks changed something: {play.changed}"
    assert (hub.files(), [hub.pid(service) for service in hub.services]) == (before, pods)
    shown = play.text.partition("Apply the manifests]")[2].partition(" => ")[2]
    given: t.Any = json.JSONDecoder().raw_decode(shown)[0]["invocation"]["module_args"]["definition"]
    manifests = tmp_path / "manifests.yaml"
    manifests.write_text("\n---\n".join(json.dumps(each) for each in given), encoding="utf-8")
    assert {"Route", "Deployment", "RoleBinding"} <= {each["kind"] for each in given}
    checked = subprocess.run([CLUSTER, "osbed", "check", str(manifests)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, f"expected that no field is unknown or dropped: {checked.stdout}{checked.stderr}"


def another(image: str, name: str, line: str) -> str:
    """An image on the node that differs from another one by a line."""
    made = f"hubwright.test/{name}:next"
    command = ["docker", "build", "--quiet", f"--tag={made}", "-"]
    subprocess.run(command, input=f"FROM {image}\n{line}\n", text=True, check=True, capture_output=True)
    return made


def promote(hub: OpenShiftInstallation, stream: str, tag: str, image: str) -> None:
    """Import an image into a tag of its own, and make another tag that image."""
    before = hub.image_of(stream, tag)
    hub.tag(stream, "next", {"kind": "DockerImage", "name": image})
    hub.tag(stream, tag, {"kind": "ImageStreamTag", "name": f"{stream}:next"})
    wait_until("the tag is another image", lambda: hub.image_of(stream, tag) != before)


def test_servers_follow_the_tag_of_a_stream(openshift_hub: OpenShiftInstallation) -> None:
    """The next server runs what the tag is then, without a run and a restart; a later run does not take it back."""
    hub = openshift_hub
    before, hub_pod = hub.image_of("notebook", "1"), hub.pid("hub")
    made = another(before, "notebook", "ENV MARK=second")
    bob = hub.user("bob")
    bob.stop_server()
    promote(hub, "notebook", "1", made)
    bob.start_server()
    assert bob.kernel().compute("import os; os.environ['MARK']") == "'second'"
    assert hub.play().changes == 0
    assert hub.image_of("notebook", "1") != before and hub.pid("hub") == hub_pod
    bob.stop_server()
    hub.tag("notebook", "1", {"kind": "ImageStreamImage", "name": f"notebook@{hub.earlier('notebook', '1')}"})
    bob.start_server()
    assert bob.kernel().compute("import os; os.environ.get('MARK', 'none')") == "'none'"


def test_the_hub_follows_the_tag_of_a_stream(openshift_hub: OpenShiftInstallation, alice: HubUser) -> None:
    """OpenShift makes another pod; user servers go on, and a run has nothing to change."""
    hub = openshift_hub
    before, pod = hub.image_of("hub", "current"), hub.pid("hub")
    made = another(before, "hub-next", "LABEL next=true")
    with working(alice):
        promote(hub, "hub", "current", made)
        wait_until("another pod is ready", lambda: hub.pid("hub") not in (0, pod))
        hub.settled()
    images = {
        container["image"]
        for kind in ("initContainers", "containers")
        for container in hub.objects("deployments", "component=hub")[0]["spec"]["template"]["spec"][kind]
        if container["name"] != "database-copy"
    }
    assert images == {hub.image_of("hub", "current")} and before not in images
    assert hub.play().changes == 0


def test_an_image_is_promoted_after_a_test_and_rolled_back(openshift_hub: OpenShiftInstallation) -> None:
    """By the playbooks, in a pod of the project; what does not work is refused, and the history is the stream's own."""
    hub = openshift_hub
    before = hub.image_of("notebook", "1")
    # As an administrator who has built them, in tags of their own.
    for tag, line in (("good", "ENV MARK=third"), ("bad", 'CMD []\nENTRYPOINT ["false"]')):
        hub.tag("notebook", tag, {"kind": "DockerImage", "name": another(before, f"notebook-{tag}", line)})
    refused = hub.play("promote_image", fails=True, notebook_image_candidate="notebook:bad")
    refused.must_say("ended with code 1 before it answered. It was not promoted")
    assert hub.image_of("notebook", "1") == before, "expected that what does not work is not live"
    hub.play("promote_image", notebook_image_candidate="notebook:good").must_say("for servers that start from now on")
    assert hub.image_of("notebook", "1") == hub.image_of("notebook", "good")
    again = hub.play("promote_image", notebook_image_candidate="notebook:good")
    assert again.changes == 0, f"expected no change, these tasks changed something: {again.changed}"
    bob = hub.user("bob")
    bob.stop_server()
    bob.start_server()
    assert bob.kernel().compute("import os; os.environ['MARK']") == "'third'"
    bob.stop_server()
    hub.play("roll_back_image")
    assert hub.image_of("notebook", "1") == before
    bob.start_server()
    assert bob.kernel().compute("import os; os.environ.get('MARK', 'none')") == "'none'"
