# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new backup of one volume. Private to the collection."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import time
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import (
    _archive_reader,
    _compression,
    _disk,
    _encryption,
    _read_back,
    _repository,
    _retention,
    _volume_reader,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._archive_writer import Known
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._repository import Manifest, Place
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volume_reader import Reader
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._volumes import Volume

_ATTEMPTS = 3


@dataclasses.dataclass(frozen=True)
class Rules:
    """How to back up; see the options of volume_backup."""

    verify: bool = True
    on_changed: str = "warn"
    compression: str = "zstd"
    full_after: int = 13
    full_percent: int = 30
    keep: t.Mapping[str, int] = dataclasses.field(default_factory=dict)
    size_drop: int = 50
    encryption: str = ""
    recipients: t.Sequence[str] = ()
    lock_timeout: float = 600
    workers: int = 1


@dataclasses.dataclass
class Outcome:
    """What became of one volume."""

    user: str
    name: str
    outcome: str = "failed"
    error: str = ""
    time: str = ""
    archive: str = ""
    kind: str = ""
    files: int = 0
    bytes: int = 0
    written: int = 0
    changed: list[str] = dataclasses.field(default_factory=list)
    skipped: list[str] = dataclasses.field(default_factory=list)
    removed: list[str] = dataclasses.field(default_factory=list)
    warning: str = ""
    seconds: float = 0.0
    previous: str = ""  #: time of the backup before

    def describe(self, place: Place, manifest: Manifest) -> None:
        """Say what the latest backup is."""
        self.time, self.kind, self.archive = manifest.time, manifest.kind, place.join(manifest.archive)
        self.files, self.bytes, self.skipped = manifest.files, manifest.size, manifest.skipped


def back_up(place: Place, volume: Volume, rules: Rules, check: bool) -> Outcome:
    """Bring the backups of a volume up to date; whatever fails is in the outcome.

    :param check: only say what would be done.
    """
    begin = time.monotonic()
    result = Outcome(place.user, place.name)
    try:
        with _volume_reader.reader(volume) as top:
            if check:
                _look(place, volume, rules, top, result)
            else:
                place.create()
                with place.locked(rules.lock_timeout):
                    place.clean()
                    _bring_up_to_date(place, volume, rules, top, result)
                    _thin_out(place, rules, result)
            _say_unreadable(top, result)
    except HubError as error:
        result.outcome, result.error = "failed", str(error)
    except OSError as error:
        where = f" ({error.filename!r})" if error.filename else ""
        result.outcome = "failed"
        result.error = (
            f"{volume.kind} {volume.reference}: {error.strerror or error}{where}. Earlier backups are as they were."
        )
    place.forget()
    result.seconds = round(time.monotonic() - begin, 3)
    return result


def _say_unreadable(top: Reader, result: Outcome) -> None:
    if top.unreadable:
        text = f"{len(top.unreadable)} or more files may not be read and are left out, such as {top.unreadable[0]}."
        result.warning = f"{result.warning} {text}".strip()


def _look(place: Place, volume: Volume, rules: Rules, top: Reader, result: Outcome) -> None:
    latest = place.latest()
    found = top.fingerprint()
    result.outcome = "new"
    if latest:
        result.previous = latest.time
        if _as_in(place, latest, volume, rules, found.value()):
            result.outcome = "unchanged"
            result.describe(place, latest)
    result.files, result.bytes = found.files, found.size


def _as_in(place: Place, latest: Manifest, volume: Volume, rules: Rules, fingerprint: str) -> bool:
    """Is the latest backup what a new one would be, and is it there?"""
    if not fingerprint or fingerprint != latest.fingerprint or not _continues(latest, volume, rules):
        return False
    with contextlib.suppress(HubError):  # damaged: a new one is needed
        place.chain(latest)
        return True
    return False


def _continues(latest: Manifest, volume: Volume, rules: Rules) -> bool:
    return latest.source == _source(volume) and latest.encryption == rules.encryption


def _source(volume: Volume) -> dict[str, str]:
    return {"kind": volume.kind, "reference": volume.reference}


def _bring_up_to_date(place: Place, volume: Volume, rules: Rules, top: Reader, result: Outcome) -> None:
    latest = place.latest()
    if latest:
        result.previous = latest.time
        if _as_in(place, latest, volume, rules, top.fingerprint().value()):
            _still(place, latest, result)
            return
    for attempt in range(1, _ATTEMPTS + 1):
        with _Staged(place) as staged:
            chain, known = _base(place, latest, volume, rules)
            manifest = _write(place, volume, rules, top, staged, chain, known)
            result.changed = manifest.changed_while_read
            if latest and chain and not manifest.members and not manifest.removed:
                _still(place, latest, result)
                return
            if manifest.changed_while_read and rules.on_changed != "warn":
                if attempt < _ATTEMPTS:
                    continue
                if rules.on_changed == "fail":
                    files = ", ".join(manifest.changed_while_read[:5])
                    raise HubError(
                        f"Files changed each of {_ATTEMPTS} times while they were read: {files}.",
                        "Stop the user's server, or take on_changed: warn.",
                    )
            staged.publish(manifest)
            result.outcome = "new"
            result.written = staged.size
            result.describe(place, manifest)
            return


def _still(place: Place, latest: Manifest, result: Outcome) -> None:
    result.outcome = "unchanged"
    result.describe(place, latest)
    os.utime(place.join(f"{latest.time}.json"))  # when it was last found to be up to date


def _base(
    place: Place, latest: Manifest | None, volume: Volume, rules: Rules
) -> tuple[list[Manifest], dict[str, Known]]:
    """What an increment goes on from, and what is known by that; empty when a full archive is due."""
    if latest is None or not _continues(latest, volume, rules):
        return [], {}
    with contextlib.suppress(HubError):  # damaged: begin anew
        chain = place.chain(latest)
        grown = sum(part.archive_bytes for part in chain[1:])
        if len(chain) <= rules.full_after and grown * 100 <= chain[0].archive_bytes * rules.full_percent:
            return chain, place.known(chain)[0]
    return [], {}


@t.final
class _Staged:
    """The files of a backup before they have their names."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.time = place.next_time(time.time())
        self.size = 0
        self._names: dict[str, str] = {}

    def __enter__(self) -> _Staged:
        return self

    def __exit__(self, *_error: object) -> None:
        for staged in self._names:
            with contextlib.suppress(FileNotFoundError):  # it has its name by now
                os.unlink(self._place.join(staged))

    @contextlib.contextmanager
    def file(self, name: str) -> t.Iterator[int]:
        """A descriptor to write a file that will be called so."""
        staged = f".new-{name}"
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._place.join(staged), flags, 0o600)
        self._names[staged] = name
        try:
            yield descriptor
            self.size += os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    def path(self, name: str) -> str:
        """Where a file is for now."""
        return self._place.join(f".new-{name}")

    def publish(self, manifest: Manifest) -> None:
        """Let the backup appear: everything is on the disk, and the manifest comes last."""
        if not manifest.removed:
            os.unlink(self.path(f"{self.time}.removed"))
            del self._names[f".new-{self.time}.removed"]
        with self.file(f"{self.time}.json") as descriptor:
            _compression.write_all(descriptor, manifest.to_json())
        _disk.sync([self._place.join(staged) for staged in self._names])
        for staged, name in self._names.items():
            os.rename(self._place.join(staged), self._place.join(name))


def _write(
    place: Place,
    volume: Volume,
    rules: Rules,
    top: Reader,
    staged: _Staged,
    chain: list[Manifest],
    known: dict[str, Known],
) -> Manifest:
    """Write archive and lists, read them back, and return the manifest."""
    begin = time.time()
    reading = None
    suffix = {"zstd": ".zst", "gzip": ".gz"}[rules.compression]
    archive = f"{staged.time}.tar{suffix}{_encryption.SUFFIX[rules.encryption]}"
    listing = f"{staged.time}.files{suffix}"
    with staged.file(archive) as target, staged.file(listing) as listed, staged.file(f"{staged.time}.removed") as gone:
        with contextlib.ExitStack() as stack:
            sink = target
            if rules.encryption:
                sink = stack.enter_context(_encryption.encrypted(rules.encryption, rules.recipients, target))
            output = _compression.compressor(rules.compression, sink, rules.workers)
            if rules.verify and not rules.encryption:
                output = reading = _read_back.ReadBack(output, staged.path(archive), rules.compression)
            stack.callback(output.close)
            lines = _compression.compressor(rules.compression, listed, 0)
            stack.callback(lines.close)
            written = top.write(output, lines, known)
        removed = b"".join(b"./%s\0" % os.fsencode(path) for path in written.removed)
        _compression.write_all(gone, removed)
    archive_bytes, archive_sha256 = _checked(reading) if reading else _archive_reader.checksum(staged.path(archive))
    return Manifest(
        format=_repository.FORMAT,
        hub=place.hub,
        user=place.user,
        name=place.name,
        source=_source(volume),
        time=staged.time,
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin)),
        seconds=round(time.time() - begin, 3),
        kind="increment" if chain else "full",
        base=chain[0].time if chain else staged.time,
        previous=chain[-1].time if chain else "",
        files=written.files,
        size=written.size,
        owner=top.owner,
        group=top.group,
        members=written.members,
        content=written.content,
        archive=archive,
        archive_bytes=archive_bytes,
        archive_sha256=archive_sha256,
        compression=rules.compression,
        encryption=rules.encryption,
        listing=listing,
        listing_sha256=_archive_reader.checksum(staged.path(listing))[1],
        removed=len(written.removed),
        removed_sha256=hashlib.sha256(removed).hexdigest(),
        fingerprint=written.fingerprint,
        changed_while_read=written.notes.changed,
        skipped=written.notes.skipped,
    )


def _checked(reading: _read_back.ReadBack) -> tuple[int, str]:
    """Size and checksum of an archive that decompresses to what was compressed."""
    try:
        return reading.result()
    except _compression.Damaged as error:
        raise HubError(
            f"The new archive could not be read back: {error}.", "Look at the disk; nothing was published."
        ) from None


def _thin_out(place: Place, rules: Rules, result: Outcome) -> None:
    """Remove what need not be kept, and say when the content has become suspiciously small."""
    manifests, problems = place.manifests()
    backups = [_retention.Backup(each.time, each.previous, each.size) for each in manifests]
    warnings = problems[:]
    drop = _retention.dropped(backups, rules.size_drop)
    if drop:
        before, after = drop
        warnings.append(
            f"The content shrank from {before.size} bytes ({before.time}) to {after.size} ({after.time}): "
            "no backup before that is removed. If that is right, run once with a greater size_drop."
        )
    elif result.changed:
        warnings.append(
            f"{len(result.changed)} or more files changed while they were read, such as {result.changed[0]}."
        )
    result.warning = " ".join(warnings)
    if problems:
        return  # what can not be read may be what others need
    removable = _retention.removable(backups, rules.keep, rules.size_drop)
    if removable:
        _repository.sync_directory(place.path)  # the new one has its name for good before an old one goes
    for moment in removable:
        place.remove(moment)
        result.removed.append(moment)
