# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notebook images for tests: the stand-in of quay.io/jupyterhub/singleuser, and images made from it in a moment."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
import pathlib
import subprocess
import tarfile
import uuid

TESTBED = pathlib.Path(__file__).resolve().parents[1] / "testbed"
# BuildKit is not everywhere.
ENVIRONMENT = os.environ | {"DOCKER_BUILDKIT": "0"}


def docker(*arguments: str, given: str | None = None, check: bool = True) -> str:
    """What a command of Docker prints."""
    done = subprocess.run(
        ["docker", *arguments], input=given, capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    assert not check or not done.returncode, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


@functools.cache
def singleuser(version: str) -> str:
    """Name of a notebook image with this JupyterHub, which the engine has."""
    name = f"jupyterhub/singleuser:{version}"
    image = subprocess.run([TESTBED / "images.sh", name], capture_output=True, text=True, check=True).stdout.strip()
    docker("pull", "--quiet", image)
    return image


def build(*lines: str, base: str = "") -> str:
    """Id of an image made by these lines of a Dockerfile, never one that was there before."""
    text = "\n".join([f"FROM {base or singleuser('6.1.1')}", *lines, f"LABEL test={uuid.uuid4().hex}"])
    return docker("build", "--quiet", "-", given=text)


def empty(reference: str, architecture: str) -> str:
    """A new image for an architecture, with nothing in it."""
    layer = b"\0" * 10240  # an archive without a file
    config = {"architecture": architecture, "os": "linux", "config": {}}
    config |= {"rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}}
    content = {
        "config.json": json.dumps(config).encode(),
        "layer.tar": layer,
        "manifest.json": json.dumps(
            [{"Config": "config.json", "RepoTags": [reference], "Layers": ["layer.tar"]}]
        ).encode(),
    }
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    subprocess.run(["docker", "load", "--quiet"], input=archive.getvalue(), capture_output=True, check=True)
    return reference


def image_id(reference: str) -> str:
    """Id of an image; empty when there is none."""
    return docker("image", "inspect", "--format", "{{.Id}}", reference, check=False)


def tags(repository: str) -> list[str]:
    """All tags of a repository of the engine, sorted."""
    return sorted(docker("image", "ls", "--format", "{{.Tag}}", repository).split())


def forget(*repositories: str) -> None:
    """Remove all tags of repositories, and their images where nothing else needs them."""
    names = docker(
        "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", *[f"--filter=reference={each}" for each in repositories]
    ).split()
    if names:
        docker("image", "rm", *names)
