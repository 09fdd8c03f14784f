# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notebook images as an administrator promotes and rolls them back, under people who are at work.

Two hubs of one engine: production, and staging with the accounts of its host. Each test begins with what the one before has left.
What an image is, people see by the variable RELEASE.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import pathlib
import subprocess
import typing as t

import pytest
from docker_installation import DockerInstallation
from hub_user import HubUser
from installation import PROJECT, Installation, Play, uninterrupted, wait_until

LIVE, OLD, NEW = "molecule-notebook", "molecule-notebook_old", "molecule-notebook_new"
STAGING_LIVE = "molecule-notebook-staging:live"
GPU, COURSE = "molecule-gpu:live", "127.0.0.1:5000/hubwright/molecule-course"
#: Of the account of staging, as names of containers spell it.
SPELLED = "hubwright-2deva"
#: Seconds without activity after which a server counts as idle; those at work tell of it every three.
IDLE = 30
# As start-notebook.sh, for images that work on their own, and not where the hub mounts /data.
BELOW_THE_HUB = (
    r"""RUN printf '%s\n' '#!/bin/bash' 'grep -q " /data " /proc/self/mounts && {{ {} }}' """
    r"""'exec tini -g -- start.sh "$@"' >/tmp/start && chmod 755 /tmp/start"""
)
START = ('ENTRYPOINT ["/tmp/start"]', 'CMD ["start-notebook.py"]')


@pytest.fixture(scope="module")
def production(installation: Installation) -> DockerInstallation:
    """The hub that people use."""
    assert isinstance(installation, DockerInstallation), "expected a scenario with a Docker host"
    return installation


@pytest.fixture(scope="module")
def staging(production: DockerInstallation) -> DockerInstallation:
    """The hub on which an image has to prove itself."""
    name = f"{production.host}-staging"
    return dataclasses.replace(
        production, host=name, url="http://127.0.0.1:18410", directory=f"/srv/{name}", ports=[18410]
    )


@pytest.fixture(scope="module")
def ada(production: DockerInstallation) -> HubUser:
    """Somebody whose server runs the first release all the time."""
    person = started(production, "ada")
    assert release(person) == "a"
    return person


def started(hub: Installation, name: str, profile: str = "") -> HubUser:
    """A person whose server runs."""
    person = hub.user(name)
    person.timeout = 600
    person.start_server({"profile": profile} if profile else None)
    return person


def release(person: HubUser) -> str:
    """What the person's server runs."""
    return person.kernel().compute("import os; print(os.environ['RELEASE'])")


def image(release: str, *lines: str, name: str = "") -> str:
    """Name of a new image, that nobody has promoted yet."""
    name = name or f"molecule-candidate:{release}"
    command = [str(PROJECT / "tests" / "testbed" / "notebook_image.sh"), release, name, *lines]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return name


def ids(hub: DockerInstallation, *references: str) -> list[str]:
    """Ids of images; empty ones for names that are not there."""
    listed = hub.docker("image", "ls", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").splitlines()
    known = dict(line.split() for line in listed)
    return [known.get(each if ":" in each.rpartition("/")[2] else f"{each}:latest", "") for each in references]


def promote(hub: DockerInstallation, candidate: str, *arguments: str, **variables: t.Any) -> Play:
    """Run the playbook for an image of the engine."""
    return hub.play("promote_image", *arguments, notebook_image_candidate=candidate, **variables)


def only(hub: DockerInstallation) -> tuple[str, ...]:
    """Options for a run on one hub."""
    return "--limit", hub.host


def volumes(hub: DockerInstallation) -> list[str]:
    """Volumes of the hub's users."""
    return sorted(hub.docker("volume", "ls", "--quiet", f"--filter=name=^{hub.host}-user-").split())


def test_a_name_that_stages_share_is_refused(production: DockerInstallation) -> None:
    """What is tried out in staging would be live in production at once."""
    candidate = image("b")
    before = ids(production, LIVE, STAGING_LIVE)
    said = promote(production, candidate, fails=True, hub_image=LIVE)
    said.must_say(
        f"{production.host} of stage production starts from {LIVE} of the same engine",
        f"{production.host}-staging of stage staging starts from {LIVE} of the same engine",
        "nothing was touched",
    )
    assert ids(production, LIVE, STAGING_LIVE) == before


def test_servers_at_work_keep_their_image_and_new_ones_get_the_new_one(
    production: DockerInstallation, staging: DockerInstallation, ada: HubUser, tmp_path: pathlib.Path
) -> None:
    """Built from a directory, tried out in staging, then live in production."""
    started(production, "ben").write("notes.txt", "of ben")
    (tmp_path / "Dockerfile").write_text("FROM 127.0.0.1:5000/jupyterhub/singleuser:6.1.1\nENV RELEASE=b\n")
    first = ids(production, LIVE)[0]
    with uninterrupted(ada):
        said = production.play("promote_image", notebook_image_directory=str(tmp_path))
    said.must_say(f"{production.host}: ada, ben: 2 of 2 user servers have an older release of {LIVE}.")
    assert ids(production, OLD) == [first], f"expected that {OLD} is the release of before"
    second = ids(production, NEW)[0]
    assert ids(production, LIVE, STAGING_LIVE) == [second, second]
    assert release(started(production, "cyd")) == "b"
    assert not staging.runs_server_of(SPELLED), "expected that the server of the trial was stopped"


def test_only_servers_that_nobody_uses_are_restarted(production: DockerInstallation, ada: HubUser) -> None:
    """With the word for it: whoever computes goes on with the old image, the others have the new one, and their files."""
    ben = production.user("ben")
    cyd = production.user("cyd")

    def rests(person: HubUser) -> bool:
        model = person.server()
        assert model, f"expected that the server of {person.name} runs"
        last = datetime.datetime.fromisoformat(model["last_activity"])
        return datetime.datetime.now(datetime.timezone.utc) - last > datetime.timedelta(seconds=IDLE)

    candidate = image("c")
    with uninterrupted(ada):
        wait_until("ben and cyd are idle", lambda: rests(ben) and rests(cyd), 600)
        said = promote(production, candidate, notebook_image_restart_idle=IDLE)
    said.must_say(f"{production.host}: ada: 1 of 3 user servers have an older release of {LIVE}.")
    assert (release(ada), release(ben), release(cyd)) == ("a", "c", "c")
    assert ben.read("notes.txt") == "of ben"
    before = ids(production, LIVE, OLD)
    again = promote(production, candidate, *only(production), notebook_image_staging_skipped=True)
    assert again.changes == 0, f"expected no change at the second run, got {again.changed}"
    assert ids(production, LIVE, OLD) == before, "expected that the way back is what it was"


def test_the_way_back_holds_what_it_leaves(production: DockerInstallation, ada: HubUser) -> None:
    """One step back, what was left is not promoted unasked, and back to a release by its name."""
    first, second, third = ids(production, "molecule-candidate:a", NEW, "molecule-candidate:c")
    production.play("roll_back_image", *only(production)).must_say("held")
    assert ids(production, LIVE, OLD) == [second, first]

    said = promote(production, third, *only(production), fails=True, notebook_image_staging_skipped=True)
    said.must_say(f"-{third[7:19]} is held, since it was live and then rolled back")
    assert ids(production, LIVE, OLD) == [second, first]

    known = production.module("notebook_image_info", {"name": LIVE})["releases"]
    name = next(each["name"] for each in known if each["id"] == first)
    production.play("roll_back_image", *only(production), notebook_image_to=name)
    assert ids(production, LIVE) == [first]
    assert release(started(production, "dora")) == "a"
    assert release(production.user("ben")) == "c", "expected that a roll-back restarts nobody"
    assert release(ada) == "a"


def test_an_image_that_ends_below_the_hub_goes_no_further_than_staging(
    production: DockerInstallation, staging: DockerInstallation
) -> None:
    """It passes its own test; the real hub mounts more."""
    # Not at once: one that the hub finds ended when it asks for its address has been removed with its log before anybody looks.
    bad = image("bad", BELOW_THE_HUB.format("echo No license here.; sleep 20; exit 3;"), *START)
    before = ids(production, LIVE, OLD, STAGING_LIVE)
    said = promote(production, bad, fails=True)
    said.must_say(
        f"The hub {staging.host} could not start a server with the new image",
        "ended with code 3 before it was ready",
        "No license here.",
        f"{STAGING_LIVE} is what it was before",
        f"{production.host} keeps its image: {staging.host} of stage staging did not get through",
    )
    assert ids(production, LIVE, OLD, STAGING_LIVE) == before
    assert not staging.runs_server_of(SPELLED)
    promote(staging, bad, *only(staging), fails=True).must_say("is held, since it was live and then rolled back")


def test_an_image_that_is_too_slow_is_told_from_one_that_ends(staging: DockerInstallation) -> None:
    """So that somebody with a slow disk knows which limit to raise."""
    slow = image("slow", BELOW_THE_HUB.format("echo Reading a slow disk.; sleep 900;"), *START)
    before = ids(staging, STAGING_LIVE)
    said = promote(staging, slow, *only(staging), fails=True, notebook_image_spawn_timeout=45)
    said.must_say(
        "its server did not become ready in 45 s (limit notebook_image_spawn_timeout",
        "raise these limits",
        "Its log: Reading a slow disk.",
        f"{STAGING_LIVE} is what it was before",
    )
    assert ids(staging, STAGING_LIVE) == before
    assert not staging.runs_server_of(SPELLED)


def test_pruning_keeps_what_is_used(production: DockerInstallation, ada: HubUser) -> None:
    """A stopped container keeps its release until somebody asks; the files of its owner stay anyway."""
    second, third = ids(production, NEW, "molecule-candidate:c")
    options = {"notebook_image_staging_skipped": True, "notebook_image_force": True}
    promote(production, third, *only(production), **options)
    assert ids(production, LIVE) == [third], "expected that force promotes what was held"
    for name in (NEW, "molecule-candidate:b"):
        production.docker("image", "rm", name)
    stopped = f"{production.host}-user-zoe"
    production.docker(
        *("run", f"--name={stopped}", f"--network={production.host}", "--env=JUPYTERHUB_USER=zoe"),
        *(f"--volume={stopped}:/home/jovyan", "--entrypoint=true", second),
    )
    production.docker("cp", __file__, f"{stopped}:/home/jovyan/mine.py")
    before = volumes(production)
    releases = f"reference={LIVE}:latest-*"

    said = production.play("prune_images", *only(production), notebook_image_keep=1)
    assert said.changes == 0, f"expected that both old releases stay, got {said.changed}"
    said.must_say(f"used by the container {stopped}", f"used by the container {production.server_of('ada')}")

    production.play("prune_images", *only(production), notebook_image_keep=1, notebook_image_remove_stopped=True)
    assert not production.runs_server_of("zoe")
    kept = production.docker("image", "ls", "--no-trunc", "--quiet", f"--filter={releases}").split()
    assert set(kept) == {third, ids(production, "molecule-candidate:a")[0]}
    assert volumes(production) == before
    assert production.users_file("zoe", "mine.py")
    assert release(ada) == "a"


def test_the_image_of_a_profile_is_promoted_on_its_own(production: DockerInstallation) -> None:
    """Tried out through the hub by a user who is made for it and leaves nothing."""
    before, known = ids(production, LIVE, OLD), volumes(production)
    options = {"notebook_image_staging_skipped": True, "notebook_image_smoke_spawn": "always"}
    candidate = image("gpu-2")
    promote(
        production, candidate, *only(production), notebook_image_name=GPU, notebook_image_history_tags=[], **options
    )
    assert ids(production, LIVE, OLD) == before
    assert volumes(production) == known, "expected that the trial leaves no volume"
    assert not production.runs_server_of("hubwrightsmoke")
    assert release(started(production, "gina", "gpu")) == "gpu-2"


def test_a_live_reference_of_a_registry_is_what_the_registry_says(production: DockerInstallation) -> None:
    """With pull_policy: always, each start asks. The playbook site.yml neither minds nor comes between."""
    hal = started(production, "hal", "course")
    assert release(hal) == "course-1"
    hal.stop_server()
    candidate = image("course-2", name=f"{COURSE}:build-2")
    production.docker("push", "--quiet", candidate)
    test = {"jupyterhub_version": "6.1.1", "timeout": 600}
    promoted = production.module(
        "notebook_image",
        {"name": f"{COURSE}:live", "store": "registry", "plain_http": True, "candidate": candidate, "smoke_test": test},
    )
    assert promoted["changed"]
    again = production.play("site", *only(production))
    assert again.changes == 0, f"expected no change, got {again.changed}"
    hal.start_server({"profile": "course"})
    assert release(hal) == "course-2"

    said = promote(production, candidate, *only(production), fails=True, notebook_image_name=f"{COURSE}:live")
    said.must_say("pull_policy is always", "store: registry")


def test_a_closed_network_gets_all_images_from_a_directory(staging: DockerInstallation) -> None:
    """Saved, taken away from the engine, loaded again: the hub comes up, and nothing was pulled."""
    names = [STAGING_LIVE, *(f"molecule-closed/{each}" for each in ("hub:6.1.1", "proxy:5.3.0", "haproxy:3.2"))]
    before = ids(staging, *names)
    bundle = pathlib.Path(f"{staging.directory}-images")
    staging.play("save_images", *only(staging)).must_say("has 4 images")
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    assert sorted(manifest["images"]) == sorted(names)

    staging.play("teardown", *only(staging))
    staging.docker("image", "rm", *names[:1], *names[2:])  # the other hub runs the second one
    staging.docker("image", "inspect", before[-1], fails=True)
    staging.play("load_images", *only(staging))
    assert ids(staging, *names) == before
    staging.play("site", *only(staging))
    eva = started(staging, "hubwright-eva")
    assert release(eva) == "c"
    eva.stop_server()
