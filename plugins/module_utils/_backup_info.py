# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup repository holds. Private to the collection."""

from __future__ import annotations

import calendar
import os
import time
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import (
    _archive_reader,
    _repository,
    _retention,
    _tables,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._compression import Damaged
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._repository import Manifest, Place


def places(repository: str, hub: str, users: t.Sequence[str] = ()) -> list[Place]:
    """The volumes that have backups, by user and name.

    :raises HubError: there is no such repository, or nothing of this hub in it.
    """
    _repository.check(repository)
    top = os.path.join(repository, _repository.quoted(hub))
    try:
        names = sorted(os.listdir(top))
    except OSError as error:
        raise HubError(f"There are no backups of the hub {hub} in {repository}: {error.strerror} ({top}).") from None
    found = []
    for directory in names:
        user = _repository.unquoted(directory)
        path = os.path.join(top, directory)
        if directory.startswith(".") or not os.path.isdir(path) or (users and user not in users):
            continue
        volumes = [_repository.DEFAULT_NAME, *sorted(filter(_repository.NAME.fullmatch, os.listdir(path)))]
        each = [Place(repository, hub, user, name) for name in volumes]
        found += [place for place in each if place.times()]
    return found


def look(repository: str, hub: str, users: t.Sequence[str], verify: bool) -> dict[str, t.Any]:
    """Volumes, problems and the report.

    :param verify: read everything back.
    """
    now = time.time()
    volumes = [_volume(place, verify, now) for place in places(repository, hub, users)]
    problems = [problem for volume in volumes for problem in volume.pop("problems")]
    for user in sorted(set(users) - {volume["user"] for volume in volumes}):
        problems.append(f"There is no backup of {user}.")
    return {"volumes": volumes, "problems": problems, "report": [*_report(volumes), *problems]}


def _volume(place: Place, verify: bool, now: float) -> dict[str, t.Any]:
    manifests, problems = place.manifests()
    found: dict[str, str] = {}
    backups = []
    for manifest in manifests:
        problem = _problem(place, manifest, verify, found)
        found[manifest.time] = problem
        if problem:
            problems.append(problem)
        backups.append(
            {
                "time": manifest.time,
                "kind": manifest.kind,
                "archive": place.join(manifest.archive),
                "base": manifest.base,
                "files": manifest.files,
                "bytes": manifest.size,
                "stored": manifest.archive_bytes,
                "encrypted": bool(manifest.encryption),
                "problem": problem,
            }
        )
    good = [manifest for manifest in manifests if not found[manifest.time]]
    last = good[-1] if good else None
    checked = max(os.stat(place.join(f"{last.time}.json")).st_mtime, _seconds(last.started)) if last else 0.0
    return {
        "user": place.user,
        "name": place.name,
        "source": last.source if last else {},
        "last": last.time if last else "",
        "checked": time.strftime(_retention.TIME, time.gmtime(checked)) if last else "",
        "age": max(0, int(now - checked)),
        "bytes": last.size if last else 0,
        "stored": sum(manifest.archive_bytes for manifest in manifests),
        "backups": backups,
        "problems": problems,
    }


def _seconds(text: str) -> float:
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def _problem(place: Place, manifest: Manifest, verify: bool, found: t.Mapping[str, str]) -> str:
    """What is wrong with a backup, given what was found of earlier ones; empty when it can be restored."""
    try:
        place.chain(manifest)
        if verify:
            _read(place, manifest)
    except HubError as error:
        return error.message
    if manifest.previous and found.get(manifest.previous, "?"):
        return f"{place.join(manifest.archive)} needs the backup of {manifest.previous}, which is damaged."
    return ""


def _read(place: Place, manifest: Manifest) -> None:
    path = place.join(manifest.archive)
    place.removed(manifest)
    listed = dict(place.listed(manifest))
    if _archive_reader.checksum(path)[1] != manifest.archive_sha256:
        raise HubError(f"The archive {path} does not match its checksum: it is damaged.")
    if manifest.encryption:
        return
    try:
        with _archive_reader.opened(path, manifest.compression, "", "") as stream:
            _archive_reader.verify(stream, listed)
    except Damaged as error:
        raise HubError(f"The archive {path} is not what its list says: {error}.") from None


def _report(volumes: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    rows = [
        (
            volume["user"],
            volume["name"],
            volume["last"],
            f"{volume['age'] / 3600:.1f}" if volume["last"] else "",
            len(volume["backups"]),
            volume["bytes"],
            volume["stored"],
        )
        for volume in volumes
    ]
    columns = ("user", "volume", "last good backup", "hours ago", "backups", "bytes", "stored")
    return _tables.table(columns, rows, columns[3:])
