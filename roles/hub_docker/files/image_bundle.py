# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images in a directory that can be carried into a closed network.

image_bundle.py read DIRECTORY                 print what is in it: a JSON mapping of image name to its entry
image_bundle.py save DIRECTORY SOCKET IMAGE    put an image of the engine there
image_bundle.py keep DIRECTORY IMAGE...        remove all others
image_bundle.py check DIRECTORY SOCKET IMAGE   fail when its archive is not what was saved, or of another kind of machine
image_bundle.py load DIRECTORY SOCKET IMAGE    give the engine the image; a name that is there already is never moved

Each image is one archive of `docker save`, saved by its id: an archive that brings names along would move the live reference of
a notebook image past its smoke test. The names are in manifest.json, checksums in SHA256SUMS too. Says `changed` when it changed
something. A file is complete or not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import typing as t

CHUNK = 1 << 20
LOADED = re.compile(r"^Loaded image(?: ID)?: (\S+)$", re.MULTILINE)
Manifest = dict[str, dict[str, t.Any]]


def docker(socket: str, *arguments: str) -> str:
    """What the command docker prints; ends with the engine's own words when it fails."""
    done = subprocess.run(
        ["docker", f"--host=unix://{socket}", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr.strip() or f"docker {arguments[0]} ended with {done.returncode}.")
    return done.stdout.strip()


def inspect(socket: str, image: str) -> dict[str, t.Any] | None:
    """What the engine knows of an image, None when it has none of that name or id."""
    command = ["docker", f"--host=unix://{socket}", "image", "inspect", image]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "No such image" not in done.stderr:
        sys.exit(done.stderr.strip())
    return json.loads(done.stdout)[0] if not done.returncode else None


def place(path: pathlib.Path, text: str) -> None:
    """Write a file that is complete or as it was."""
    new = path.with_name(f"{path.name}.new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


def read(directory: pathlib.Path) -> Manifest:
    """The entries whose archive is there."""
    path = directory / "manifest.json"
    try:
        entries: Manifest = json.loads(path.read_text(encoding="utf-8"))["images"]
        return {name: entry for name, entry in entries.items() if _size(directory / entry["archive"]) == entry["size"]}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        sys.exit(
            f"{path} is damaged ({error}); expected the manifest that save_images.yml writes. Save the images again."
        )


def _size(path: pathlib.Path) -> int:
    return path.stat().st_size if path.exists() else -1


def write(directory: pathlib.Path, entries: Manifest) -> None:
    """The manifest, and the same checksums as sha256sum --check reads them."""
    sums = sorted({f"{entry['sha256']}  {entry['archive']}\n" for entry in entries.values()})
    place(directory / "SHA256SUMS", "".join(sums))
    place(directory / "manifest.json", json.dumps({"format": 1, "images": entries}, indent=2, sort_keys=True) + "\n")


def save(directory: pathlib.Path, socket: str, name: str) -> None:
    """Put an image of the engine into the directory."""
    image = inspect(socket, name)
    if not image:
        sys.exit(f"The engine has no image {name}.")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    archive = directory / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}.tar"
    new = archive.with_name(f"{archive.name}.new")
    digest = hashlib.sha256()
    command = ["docker", f"--host=unix://{socket}", "image", "save", image["Id"]]
    with new.open("wb") as file, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        while chunk := process.stdout.read(CHUNK):
            file.write(chunk)
            digest.update(chunk)
        said = process.stderr.read().decode()
        file.flush()
        os.fsync(file.fileno())
    if process.returncode:
        new.unlink()
        sys.exit(said.strip())
    new.rename(archive)
    entries = read(directory)
    entries[name] = {
        "archive": archive.name,
        "architecture": image["Architecture"],
        "id": image["Id"],
        "sha256": digest.hexdigest(),
        "size": archive.stat().st_size,
    }
    write(directory, entries)
    print("changed")


def keep(directory: pathlib.Path, names: t.Sequence[str]) -> None:
    """Remove what is of no other image, and what a run that was killed left behind."""
    entries = {name: entry for name, entry in read(directory).items() if name in names}
    kept = {entry["archive"] for entry in entries.values()}
    for path in [*directory.glob("*.tar"), *directory.glob("*.new")]:
        if path.name not in kept:
            path.unlink()
            print("changed")
    write(directory, entries)


def check(directory: pathlib.Path, socket: str, name: str) -> None:
    """Is the archive what was saved, and for this engine?"""
    entry = read(directory)[name]
    architecture = docker(socket, "version", "--format", "{{.Server.Arch}}")
    if architecture != entry["architecture"]:
        sys.exit(f"The image {name} is for {entry['architecture']}, the engine runs on {architecture}.")
    digest = hashlib.sha256()
    with (directory / entry["archive"]).open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != entry["sha256"]:
        sys.exit(
            f"{directory / entry['archive']} is damaged: its SHA-256 is {digest.hexdigest()}, expected {entry['sha256']}."
        )


def load(directory: pathlib.Path, socket: str, name: str) -> None:
    """Give the engine an image, and its name if there is none of that name."""
    entry = read(directory)[name]
    image = inspect(socket, entry["id"])
    if not image:
        said = docker(socket, "image", "load", "--input", str(directory / entry["archive"]))
        loaded = LOADED.findall(said)
        # An engine with another kind of image store calls the same image by another id.
        image = inspect(socket, loaded[-1]) if loaded else None
        if not image:
            sys.exit(f"The engine did not say which image is in {directory / entry['archive']}; it said: {said}")
        print("changed")
    if not inspect(socket, name):
        docker(socket, "image", "tag", image["Id"], name)
        print("changed")


def main(what: str, folder: str, *rest: str) -> None:
    """Do what the command line says."""
    directory = pathlib.Path(folder)
    if what == "read":
        print(json.dumps(read(directory)))
    elif what == "save":
        save(directory, *rest)
    elif what == "keep":
        keep(directory, rest)
    elif what == "check":
        check(directory, *rest)
    else:
        load(directory, *rest)


main(*sys.argv[1:])
