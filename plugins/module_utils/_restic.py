# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups by restic: one snapshot for all volumes of a run. Private to the collection.

A snapshot is restic's own, and any restic can restore it. Its tags say which directory of it is whose, so that nothing else has to be kept.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
import os
import re
import subprocess
import tempfile
import time
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import (
    _repository,
    _restore,
    _retention,
    _tables,
    _times,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._backup import Outcome
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volumes import Volume

_TAG = "hubwright"
_UNREADABLE = 3  # restic's exit status: there is a snapshot, and something is missing in it
Key = tuple[str, str]  # user, name of the volume


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """One run, with the directory and origin of each volume."""

    id: str
    time: str
    volumes: dict[Key, dict[str, str]]


class Restic:
    """A repository of restic.

    :param environment: variables for it, such as credentials; never shown.
    :raises HubError: the password file can not be used.
    """

    def __init__(self, repository: str, password_file: str, environment: t.Mapping[str, t.Any]) -> None:
        if not os.access(password_file, os.R_OK):
            raise HubError(f"restic.password_file is {password_file}, which can not be read.")
        if os.stat(password_file).st_mode & 0o077:
            raise HubError(f"restic.password_file is {password_file}, which others may read.", "Give it mode 0600.")
        self._environment = {
            **os.environ,
            **{str(name): str(value) for name, value in environment.items()},
            "RESTIC_REPOSITORY": repository,
            "RESTIC_PASSWORD_FILE": password_file,
        }

    def run(self, *arguments: str, fine: t.Sequence[int] = (0,)) -> subprocess.CompletedProcess[str]:
        """A finished command.

        :raises HubError: restic is missing, or ended with a status that is not ``fine``.
        """
        command = ["restic", *arguments]
        try:
            done = subprocess.run(
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="surrogateescape",
                check=False,
            )
        except FileNotFoundError:
            raise HubError("There is no program restic on this host.", "Install the package restic.") from None
        if done.returncode not in fine:
            said = " ".join(done.stderr.split()) or f"status {done.returncode}"
            raise HubError(f"`restic {arguments[0]}` failed: {said[-600:]}")
        return done

    def prepare(self, create: bool) -> bool:
        """Make the repository when it is missing, and remove locks of runs that were killed; False when it is missing still."""
        done = self.run("cat", "config", fine=range(256))
        if done.returncode:
            if not re.search(
                r"unable to open config file|repository does not exist|Is there a repository", done.stderr
            ):
                self.run("cat", "config")  # a wrong password, or nothing answers: says so
            if not create:
                return False
            self.run("init")
        self.run("unlock")  # of those that no process holds any more
        return True

    def snapshots(self, hub: str) -> list[Snapshot]:
        """Those of a hub, the oldest first."""
        listed = json.loads(self.run("snapshots", "--json", "--host", _repository.quoted(hub), "--tag", _TAG).stdout)
        found = []
        for each in listed or []:
            moment = _times.moment(each["time"])
            volumes = dict(_untagged(tag) for tag in each["tags"] if tag != _TAG)
            stamp = moment.astimezone(datetime.timezone.utc).strftime(_retention.TIME)
            found.append((moment, Snapshot(each["id"], stamp, volumes)))
        return [snapshot for _moment, snapshot in sorted(found, key=lambda pair: pair[0])]


def _tagged(key: Key, volume: Volume, path: str) -> str:
    text = json.dumps([*key, volume.kind, volume.reference, path])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _untagged(tag: str) -> tuple[Key, dict[str, str]]:
    user, name, kind, reference, path = json.loads(base64.urlsafe_b64decode(tag))
    return (user, name), {"kind": kind, "reference": reference, "path": path}


def back_up(
    restic: Restic, hub: str, volumes: t.Mapping[Key, Volume], keep: t.Mapping[str, int], check: bool
) -> tuple[list[Outcome], dict[str, t.Any]]:
    """Outcomes of all volumes, and the sums that restic gives."""
    begin = time.monotonic()
    outcomes = {key: Outcome(*key) for key in volumes}
    there = restic.prepare(create=not check)
    snapshots = restic.snapshots(hub) if there else []
    paths: dict[Key, str] = {}
    for key, volume in volumes.items():
        latest = [snapshot for snapshot in snapshots if key in snapshot.volumes]
        outcomes[key].previous = latest[-1].time if latest else ""
        try:
            with volume.opened():
                paths[key] = volume.place(create=False)
        except HubError as error:
            outcomes[key].error = str(error)
    summary: dict[str, t.Any] = {}
    if paths and not there:
        for key in paths:
            outcomes[key].outcome = "new"
    elif paths:
        summary = _snapshot(restic, hub, snapshots, volumes, paths, outcomes, check)
    if not check:
        _forget(restic, hub, keep, [outcomes[key] for key in paths])
    sums = {
        "files": summary.get("total_files_processed", 0)
        + summary.get("dirs_unmodified", 0)
        + summary.get("dirs_new", 0),
        "bytes": summary.get("total_bytes_processed", 0),
        "written": summary.get("data_added", 0),
    }
    for outcome in outcomes.values():
        outcome.seconds = round(time.monotonic() - begin, 3)
    return list(outcomes.values()), sums


def _snapshot(
    restic: Restic,
    hub: str,
    snapshots: t.Sequence[Snapshot],
    volumes: t.Mapping[Key, Volume],
    paths: t.Mapping[Key, str],
    outcomes: t.Mapping[Key, Outcome],
    check: bool,
) -> dict[str, t.Any]:
    tags = [word for key, path in paths.items() for word in ("--tag", _tagged(key, volumes[key], path))]
    # The one with most of these directories: restic's own choice needs all of them to be the same, and else reads everything.
    parent = max(snapshots, key=lambda each: len(each.volumes.keys() & paths.keys()), default=None)
    command = ["backup", "--json", "--host", _repository.quoted(hub), "--tag", _TAG, *tags]
    command += ["--parent", parent.id] if parent and parent.volumes.keys() & paths.keys() else []
    command += ["--dry-run"] if check else []
    with tempfile.NamedTemporaryFile() as names:
        names.write(b"".join(os.fsencode(path) + b"\0" for path in paths.values()))
        names.flush()
        done = restic.run(*command, "--files-from-raw", names.name, fine=(0, _UNREADABLE))
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    summary: dict[str, t.Any] = next(line for line in lines if line["message_type"] == "summary")
    covered = parent is not None and paths.keys() <= parent.volumes.keys()
    # Above a volume there are directories of the host, which others change.
    changed = not covered or bool(summary["files_new"] or summary["files_changed"] or summary["data_added"] > 4096)
    latest = parent
    if not changed and not check:
        restic.run("forget", summary["snapshot_id"])
    elif not check:
        latest = restic.snapshots(hub)[-1]
    warning = f"restic could not read everything: {' '.join(done.stderr.split())[:600]}" if done.returncode else ""
    for key in paths:
        outcome = outcomes[key]
        outcome.outcome, outcome.warning = "new" if changed else "unchanged", warning
        if latest and not (check and changed):
            outcome.time, outcome.archive, outcome.kind = latest.time, latest.id, "snapshot"
    return summary


def _forget(restic: Restic, hub: str, keep: t.Mapping[str, int], outcomes: t.Sequence[Outcome]) -> None:
    """A snapshot goes when none of its volumes needs it by the rules, which are those of archives."""
    snapshots = restic.snapshots(hub)
    wanted: set[str] = set()
    for key in {key for snapshot in snapshots for key in snapshot.volumes}:
        own = [snapshot for snapshot in snapshots if key in snapshot.volumes]
        backups = [_retention.Backup(snapshot.time, "", 0) for snapshot in own]
        gone = set(_retention.removable(backups, keep, 100))
        wanted.update(snapshot.id for snapshot in own if snapshot.time not in gone)
    removed = [snapshot for snapshot in snapshots if snapshot.id not in wanted]
    if not removed:
        return
    restic.run("forget", "--prune", *(snapshot.id for snapshot in removed))
    for outcome in outcomes:
        outcome.removed = [each.time for each in removed if (outcome.user, outcome.name) in each.volumes]


# --- Restore


def choose(restic: Restic, hub: str, key: Key, wanted: str) -> Snapshot:
    """The snapshot of a time, or the last one before it, that has this volume.

    :raises HubError: there is none.
    """
    _restore.check_time(wanted)
    own = [snapshot for snapshot in restic.snapshots(hub) if key in snapshot.volumes]
    fitting = [snapshot for snapshot in own if wanted == "latest" or snapshot.time <= wanted]
    if not fitting:
        there = f"the first is of {own[0].time}" if own else "there is none at all"
        raise HubError(f"There is no backup of {key[0]} ({key[1]}) of {wanted}: {there}.")
    return fitting[-1]


class Restore(_restore.Exchange):
    """One volume of a snapshot, and the files of it that are wanted.

    :raises HubError: a wanted file is not in it, or it is too large.
    """

    def __init__(self, restic: Restic, snapshot: Snapshot, key: Key, wish: _restore.Wish) -> None:
        super().__init__(wish)
        self._restic, self._id = restic, snapshot.id
        self._path = snapshot.volumes[key]["path"]
        self.files, self.size = self._listed(snapshot.time)
        if wish.max_size is not None and self.size > wish.max_size:
            raise HubError(
                f"The backup of {snapshot.time} holds {self.size} bytes, and max_size is {wish.max_size}.",
                "Give a greater max_size if that is right.",
            )

    def _wanted(self) -> list[str]:
        return [os.path.join(self._path, path) for path in self.paths] or [self._path]

    def _listed(self, moment: str) -> tuple[int, int]:
        """Number and size of the files that are wanted."""
        files = size = 0
        for path, name in zip(self._wanted(), self.paths or [""], strict=True):
            found = [
                json.loads(line)
                for line in self._restic.run("ls", "--json", "--recursive", self._id, path).stdout.splitlines()
            ]
            own = [node for node in found if node.get("path") == path or node.get("path", "").startswith(path + "/")]
            if not own:
                raise HubError(f"paths has {name!r}, which is not in the backup of {moment}.")
            files += len(own)
            size += sum(node.get("size", 0) for node in own)
        return files, size

    def extract(self, staging: str) -> _restore.Result:
        """Let restic write it, checking each file, and move it up to where it belongs."""
        include = [word for path in self._wanted() for word in ("--include", re.sub(r"([\\*?\[])", r"\\\1", path))]
        below = os.path.join(staging, ".restic")
        os.mkdir(below, 0o700)
        self._restic.run("restore", self._id, "--verify", "--target", below, *include)
        content = below + self._path
        if not os.path.isdir(content):
            raise HubError(f"restic restored nothing of {self._path}. Nothing was touched.")
        self._give(content)
        aside = f"{staging}-1"  # what a killed run leaves is found by this name too
        os.rename(content, aside)
        _restore.remove(staging)
        os.rename(aside, staging)
        return _restore.Result(self.files, self.size)

    def _give(self, content: str) -> None:
        """Let the new owner have what was the old one's."""
        wish, old = self._wish, os.stat(content)
        if wish.owner is None and wish.group is None:
            return
        for directory, _names, files, descriptor in os.fwalk(content, topdown=False):
            links = [name for name in _names if os.path.islink(os.path.join(directory, name))]
            for name in [*files, *links, "."]:
                found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                uid = wish.owner if wish.owner is not None and found.st_uid == old.st_uid else -1
                gid = wish.group if wish.group is not None and found.st_gid == old.st_gid else -1
                if (uid, gid) != (-1, -1):
                    os.chown(name, uid, gid, dir_fd=descriptor, follow_symlinks=False)
                    if not os.path.islink(os.path.join(directory, name)):
                        os.chmod(name, found.st_mode & 0o7777, dir_fd=descriptor)


# --- What is there


def look(restic: Restic, hub: str, users: t.Sequence[str], verify: bool) -> dict[str, t.Any]:
    """What volume_backup_info says of a repository of restic."""
    if not restic.prepare(create=False):
        raise HubError("There is no repository of restic at restic.repository.")
    snapshots = restic.snapshots(hub)
    problem = ""
    if verify:
        try:
            restic.run("check", "--read-data")
        except HubError as error:
            problem = error.message
    now = datetime.datetime.now(datetime.timezone.utc)
    keys = sorted({key for snapshot in snapshots for key in snapshot.volumes if not users or key[0] in users})
    volumes: list[dict[str, t.Any]] = []
    for key in keys:
        own = [snapshot for snapshot in snapshots if key in snapshot.volumes]
        last = own[-1]
        volumes.append(
            {
                "user": key[0],
                "name": key[1],
                "source": {field: last.volumes[key][field] for field in ("kind", "reference")},
                "last": "" if problem else last.time,
                "checked": last.time,
                "age": int((now - _retention.moment(last.time)).total_seconds()),
                "bytes": 0,
                "stored": 0,
                "backups": [_backup(snapshot, problem) for snapshot in own],
            }
        )
    problems = [problem] if problem else []
    problems += [f"There is no backup of {user}." for user in sorted(set(users) - {key[0] for key in keys})]
    rows = [(each["user"], each["name"], each["last"], len(each["backups"])) for each in volumes]
    report = _tables.table(("user", "volume", "last good backup", "backups"), rows, ("backups",))
    return {"volumes": volumes, "problems": problems, "report": [*report, *problems]}


def _backup(snapshot: Snapshot, problem: str) -> dict[str, t.Any]:
    found = {"time": snapshot.time, "kind": "snapshot", "archive": snapshot.id, "base": snapshot.time}
    return {**found, "files": 0, "bytes": 0, "stored": 0, "encrypted": True, "problem": problem}
