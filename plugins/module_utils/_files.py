# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories, files and generated secrets of a host as one desired state. Private to the collection.

``wanted`` checks what was asked for, ``observe`` looks at the host, ``plan`` compares the two, ``apply`` does what
the plan says. The plan alone decides what changed and what the diff shows.
"""

from __future__ import annotations

import contextlib
import grp
import math
import os
import pwd
import re
import secrets
import shutil
import stat
import string
import typing as t
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._replacing import give, replace

_MODE = re.compile(r"(?:0?[0-7]{3}|[0-7]{4}|0[0-7]{4})")
_ALPHABET = string.ascii_letters + string.digits
_SYSTEM = re.compile(
    r"/(bin|boot|dev|etc|home|lib\w*|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr(/\w+)?"
    r"|var(/(cache|lib|log|mail|opt|run|spool|tmp))?)?"
)


@dataclass(frozen=True)
class Entry:
    """One path as it is wanted."""

    path: str  #: absolute, without . and .. and // in it
    kind: str  #: directory, file, secret or absent
    mode: int = 0
    owner: str = ""  #: name or number; empty: what is there stays, what is new belongs to this process
    group: str = ""
    content: str | None = None  #: of a file, or the explicit value of a secret; None for a secret: generate it once
    sensitive: bool = False  #: the content stays out of the diff
    keep: bool = False  #: write the content only when there is no file
    length: int = 0  #: of a generated secret, in bytes
    encoding: str = ""  #: of a generated secret: hex or alnum

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"{self.kind} {self.path}"


@dataclass(frozen=True)
class State:
    """What is at a path; a symbolic link is itself, not what it points to."""

    kind: str  #: missing, directory, file, link or other
    mode: int = 0
    uid: int = 0
    gid: int = 0
    content: bytes | None = None  #: of a file that is wanted as a file or a secret
    target: str = ""  #: of a link


@dataclass(frozen=True)
class Observed:
    """What is on the host, as far as the wanted entries need it."""

    states: Mapping[str, State]  #: every wanted path and all directories above it
    mounts: frozenset[str] = frozenset()  #: mount points
    homes: frozenset[str] = frozenset()  #: home directories of people and of the account that runs this
    uid: int = 0  #: of the account that runs this
    users: Mapping[str, int] = field(default_factory=dict)  #: wanted owner -> uid, when there is one
    groups: Mapping[str, int] = field(default_factory=dict)  #: wanted group -> gid, when there is one


@dataclass(frozen=True)
class Change:
    """One path that is not as it is wanted."""

    entry: Entry
    action: str  #: create, write, generate, attributes or remove
    before: str  #: for the diff
    after: str
    uid: int | None = None  #: to be set; None: not asked for
    gid: int | None = None


@dataclass(frozen=True)
class Plan:
    """Everything that has to change, in the order in which it is done."""

    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.changes)

    @property
    def changed_paths(self) -> list[str]:
        return [change.entry.path for change in self.changes]

    @property
    def generated(self) -> list[str]:
        """Paths of the secrets that are made now."""
        return [change.entry.path for change in self.changes if change.action == "generate"]

    @property
    def diff(self) -> list[dict[str, str]]:
        return [
            {
                "before_header": change.entry.path,
                "after_header": change.entry.path,
                "before": change.before,
                "after": change.after,
            }
            for change in self.changes
        ]


# --- What was asked for ---


def wanted(
    directories: Sequence[Mapping[str, t.Any]],
    files: Sequence[Mapping[str, t.Any]],
    secret_files: Sequence[Mapping[str, t.Any]],
    absent: Sequence[str],
    owner: str = "",
    group: str = "",
) -> list[Entry]:
    """Return what the options of the module ask for as entries.

    :raises HubError: with all that is wrong in the options themselves, as ``problems``.
    """
    problems: list[str] = []
    entries: list[Entry] = []
    for kind, items in (("directory", directories), ("secret", secret_files), ("file", files)):
        for item in items:
            path = _path(item["path"], kind, problems)
            mode = _mode(item["mode"], f"{kind} {path}", problems)
            common: dict[str, t.Any] = {
                "mode": mode,
                "owner": item.get("owner") or owner,
                "group": item.get("group") or group,
            }
            if kind == "directory":
                entries.append(Entry(path, kind, **common))
            elif kind == "file":
                hidden = item.get("secret_content")
                content = item.get("content") if hidden is None else hidden
                if content is None or (hidden is not None and item.get("content") is not None):
                    problems.append(f"The file {path} needs either content or secret_content, got none or both.")
                    continue
                entries.append(
                    Entry(
                        path,
                        kind,
                        **common,
                        content=content,
                        sensitive=hidden is not None or bool(item.get("sensitive")),
                        keep=bool(item.get("keep")),
                    )
                )
            else:
                entries.append(_secret(path, item, common, problems))
    entries.extend(Entry(_path(path, "absent", problems), "absent") for path in absent)
    problems.extend(_contradictions(entries))
    _refuse(problems)
    return entries


def _secret(path: str, item: Mapping[str, t.Any], common: dict[str, t.Any], problems: list[str]) -> Entry:
    value, length = item.get("value") or "", item.get("length", 32)
    if "\0" in value or (value and not value.strip()):
        problems.append(f"The value of the secret {path} is blank or holds a NUL character, expected text.")
    if not 16 <= length <= 1024:
        problems.append(f"The length of the secret {path} is {length} bytes, expected 16 to 1024.")
    content = None
    if value:
        content = value if value.endswith("\n") else value + "\n"
    return Entry(
        path, "secret", **common, content=content, sensitive=True, length=length, encoding=item.get("encoding", "hex")
    )


def _path(path: str, kind: str, problems: list[str]) -> str:
    """Return the path without a slash at its end and without doubled ones."""
    said = f"The path {path!r} ({kind})"
    if not path.startswith("/"):
        problems.append(f"{said} is not absolute, expected one that begins with a slash.")
        return path
    if not path.isprintable():
        problems.append(f"{said} holds characters that cannot be printed.")
    if {".", ".."} & set(path.split("/")):
        problems.append(f"{said} holds . or .. as a part, expected the path itself: {os.path.normpath(path)!r}.")
    return "/" + "/".join(part for part in path.split("/") if part)


def _mode(mode: t.Any, name: str, problems: list[str]) -> int:
    if isinstance(mode, str) and _MODE.fullmatch(mode):
        return int(mode, 8)
    found = f"the number {mode}" if isinstance(mode, int) else repr(mode)
    problems.append(f'The mode of {name} is {found}, expected an octal number in quotes, for example "0640".')
    return 0


def _contradictions(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield what cannot be true of a host at the same time."""
    kinds: dict[str, str] = {}
    for entry in entries:
        if entry.path in kinds:
            yield f"The path {entry.path} is asked for twice, as {kinds[entry.path]} and as {entry.kind}."
        kinds.setdefault(entry.path, entry.kind)
        if entry.path == "/":
            yield "The path / is the root of the host, which is not this module's to change."
    for entry in entries:
        for parent in _above(entry.path):
            above = kinds.get(parent, "directory")
            if above == "absent" and entry.kind != "absent":
                yield f"The {entry.name} is below {parent}, which is to be absent."
            elif above in ("file", "secret"):
                yield f"The {entry.name} is below {parent}, which is to be a {above}."


def _above(path: str) -> list[str]:
    """Return the directories above a path, the nearest first, without /."""
    parts = path.split("/")[1:]
    return ["/" + "/".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        listed = "\n".join(f"- {problem}" for problem in problems)
        raise HubError(f"Nothing was touched, since this is wrong:\n{listed}", problems=list(problems))


# --- What is there ---


def observe(entries: Sequence[Entry]) -> Observed:
    """Look at every wanted path, at the directories above it, and at the accounts and mounts that matter."""
    states: dict[str, State] = {}
    asked = {entry.path for entry in entries}
    for entry in entries:
        states[entry.path] = _state(entry.path, entry.kind in ("file", "secret") and not entry.keep)
        for parent in _above(entry.path):
            if parent not in asked and parent not in states:
                states[parent] = _state(parent, False)
    for path, state in list(states.items()):
        # A directory above may be reached through a link; only the wanted path itself must not be one.
        if state.kind == "link" and path not in asked and os.path.isdir(path):
            states[path] = State("directory")
    return Observed(
        states,
        _mounts() if any(entry.kind == "absent" for entry in entries) else frozenset(),
        _homes() if any(entry.kind == "absent" for entry in entries) else frozenset(),
        os.geteuid(),
        _ids({entry.owner for entry in entries}, lambda name: pwd.getpwnam(name).pw_uid),
        _ids({entry.group for entry in entries}, lambda name: grp.getgrnam(name).gr_gid),
    )


def _state(path: str, with_content: bool) -> State:
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return State("missing")
    except OSError as error:
        raise HubError(f"{path} cannot be looked at: {error.strerror}.", "Run this as an account that may.") from None
    common: dict[str, t.Any] = {"mode": stat.S_IMODE(found.st_mode), "uid": found.st_uid, "gid": found.st_gid}
    if stat.S_ISDIR(found.st_mode):
        return State("directory", **common)
    if stat.S_ISLNK(found.st_mode):
        return State("link", **common, target=os.readlink(path))
    if not stat.S_ISREG(found.st_mode):
        return State("other", **common)
    return State("file", **common, content=_read(path) if with_content else None)


def _read(path: str) -> bytes:
    try:
        # A link or a pipe may have been put there since the look.
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            return stream.read()
    except OSError as error:
        raise HubError(f"{path} cannot be read: {error.strerror}.", "Run this as an account that may.") from None


def _ids(names: set[str], look_up: Callable[[str], int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in names - {""}:
        try:
            found[name] = look_up(name)
        except KeyError:
            if name.isascii() and name.isdigit():
                found[name] = int(name)
    return found


def _mounts() -> frozenset[str]:
    """Mount points of this process's view, bind mounts too."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as stream:
        fields = [line.split(" ")[4] for line in stream]
    return frozenset(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), name) for name in fields)


def _homes() -> frozenset[str]:
    """Homes of people and of root; that of a service account is where the service keeps its own files."""
    return frozenset(
        os.path.normpath(account.pw_dir)
        for account in pwd.getpwall()
        if account.pw_dir.startswith("/") and (account.pw_uid in (0, os.geteuid()) or 1000 <= account.pw_uid < 65534)
    )


# --- What has to change ---


def plan(observed: Observed, entries: Sequence[Entry], check_mode: bool = False) -> Plan:
    """Return what has to change so that the host is as wanted.

    :param check_mode: accounts and directories that are missing are then a warning, since an earlier task would
        have made them.
    :raises HubError: with all that stands in the way on the host, as ``problems``.
    """
    problems: list[str] = []
    unsure: list[str] = []
    changes: list[Change] = []
    missing = problems if not check_mode else unsure
    entries = _with_parents(observed, entries)
    made = {entry.path for entry in entries if entry.kind == "directory"}
    for entry in entries:
        state = observed.states[entry.path]
        if obstacle := _obstacle(observed, entry, state):
            problems.append(obstacle)
            continue
        if entry.kind in ("file", "secret"):
            parent = os.path.dirname(entry.path)
            if parent != "/" and parent not in made and observed.states[parent].kind == "missing":
                missing.append(f"The {entry.name} has no directory to be in: {parent} is missing. List it too.")
        for what, name, known in (("owner", entry.owner, observed.users), ("group", entry.group, observed.groups)):
            if name and name not in known:
                missing.append(f"The {what} of {entry.name} is {name!r}, which this host does not know. Add it first.")
        if not _may_own(observed, entry, state):
            problems.append(f"Only root can give {entry.name} to {entry.owner}. Use become, or leave owner out.")
        if change := _change(observed, entry, state):
            changes.append(change)
    _refuse(problems)
    return Plan(tuple(changes), tuple(dict.fromkeys(unsure)))


def _with_parents(observed: Observed, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries in the order in which they are made, with the missing directories above directories."""
    directories = {entry.path: entry for entry in entries if entry.kind == "directory"}
    for path in list(directories):
        for parent in _above(path):
            if parent not in directories and observed.states[parent].kind == "missing":
                directories[parent] = Entry(parent, "directory", 0o755)
    ordered = [directories[path] for path in sorted(directories, key=lambda path: path.split("/"))]
    for kind in ("secret", "file", "absent"):
        ordered.extend(entry for entry in entries if entry.kind == kind)
    return ordered


def _obstacle(observed: Observed, entry: Entry, state: State) -> str:
    """Return why this entry must not be touched, or nothing."""
    if entry.kind == "absent":
        return _keeps(observed, entry.path)
    for parent in _above(entry.path):
        found = observed.states[parent].kind
        if found not in ("directory", "missing"):
            return f"The {entry.name} is below {parent}, which is a {found}, expected a directory."
    if state.kind == "link":
        return (
            f"{entry.path} is a symbolic link to {state.target}, expected a {entry.kind}: links are not followed. "
            "Give the path that it points to, or remove it."
        )
    expected = "directory" if entry.kind == "directory" else "file"
    if state.kind not in ("missing", expected):
        return f"{entry.path} is a {state.kind}, expected a {expected}. Move it away."
    if entry.kind == "secret" and entry.content is None and state.kind == "file":
        return _damage(entry, state.content or b"")
    return ""


def _keeps(observed: Observed, path: str) -> str:
    """Return why a tree is not removed: a slip here would cost more than a hub."""
    below = path + "/"
    if _SYSTEM.fullmatch(path):
        return f"{path} is a directory of the system and is not removed."
    if home := next((home for home in sorted(observed.homes) if home == path or home.startswith(below)), ""):
        return f"{path} is or holds the home directory {home} of an account and is not removed."
    if mount := next((mount for mount in sorted(observed.mounts) if mount == path or mount.startswith(below)), ""):
        return f"{path} is or holds the mount point {mount} and is not removed. Unmount it first."
    return ""


def _may_own(observed: Observed, entry: Entry, state: State) -> bool:
    present = observed.uid if state.kind == "missing" else state.uid
    return observed.uid == 0 or not entry.owner or observed.users.get(entry.owner, present) == present


def _damage(entry: Entry, content: bytes) -> str:
    """Return what is wrong with a secret that is there and is to be kept, or nothing."""
    text = content.decode("latin-1").removesuffix("\n").removesuffix("\r")
    size = _size(entry)
    if not text:
        found = "is empty"
    elif not (text.isascii() and text.isprintable()) or " " in text:
        found = "holds other than one line of printable characters"
    elif entry.encoding == "hex" and not re.fullmatch(r"(?:[0-9a-fA-F]{2})+", text):
        found = "holds other than pairs of hexadecimal digits"
    elif len(text) < size:
        found = f"has {len(text)} characters"
    else:
        return ""
    return (
        f"The secret {entry.path} {found}, expected {size} or more {entry.encoding} characters. It was cut short or "
        "made by hand: give its value, or remove the file and a new one is generated (what the old one signed or "
        "encrypted is then void)."
    )


def _size(entry: Entry) -> int:
    """Characters of a generated secret; letters and digits carry fewer bits than a byte."""
    return entry.length * 2 if entry.encoding == "hex" else math.ceil(entry.length * 8 / math.log2(len(_ALPHABET)))


def _change(observed: Observed, entry: Entry, state: State) -> Change | None:
    uid, gid = observed.users.get(entry.owner), observed.groups.get(entry.group)
    if entry.kind == "absent":
        if state.kind == "missing":
            return None
        return Change(entry, "remove", f"state: {state.kind}\n", "state: missing\n")
    if state.kind == "missing":
        action = {"directory": "create", "file": "write"}.get(entry.kind, "write" if entry.content else "generate")
        return Change(entry, action, "state: missing\n", _shown(entry, None, writes=True), uid, gid)
    writes = (
        entry.kind != "directory"
        and not entry.keep
        and entry.content is not None
        and not _same(entry, entry.content.encode(errors="surrogateescape"), state.content or b"")
    )
    moved = (
        state.mode != entry.mode or (entry.owner != "" and uid != state.uid) or (entry.group != "" and gid != state.gid)
    )
    if not writes and not moved:
        return None
    before, after = _shown(entry, state, writes, after=False), _shown(entry, state, writes)
    if writes:  # a new file takes the place of the old one and gets its owner
        uid, gid = uid if entry.owner else state.uid, gid if entry.group else state.gid
    return Change(entry, "write" if writes else "attributes", before, after, uid, gid)


def _same(entry: Entry, new: bytes, old: bytes) -> bool:
    # A secret that a person wrote without a line end is the same secret.
    return new == old or (entry.kind == "secret" and new.removesuffix(b"\n") == old)


def _shown(entry: Entry, state: State | None, writes: bool, after: bool = True) -> str:
    """Return one side of the diff: attributes, and the content if that is written and may be shown."""
    if after or state is None:
        mode, owner, group = entry.mode, entry.owner, entry.group
        content = (entry.content or "").encode(errors="surrogateescape")
    else:
        mode, content = state.mode, state.content or b""
        owner = str(state.uid) if entry.owner else ""
        group = str(state.gid) if entry.group else ""
    lines = [f"mode: {mode:04o}"] + [f"{key}: {name}" for key, name in (("owner", owner), ("group", group)) if name]
    if writes and entry.kind != "directory":
        if entry.sensitive:
            lines.append(f"content: {'wanted' if after else 'present'}, not shown")
        else:
            lines.extend(["content:", content.decode(errors="replace")])
    return "\n".join(lines).rstrip("\n") + "\n"


# --- Doing it ---


def apply(to_do: Plan) -> None:
    """Do what the plan says, in its order.

    Every file is the old or the new one at any time, also after a kill or on a full disk; running again repairs.

    :raises HubError: with the path that stopped it, and as ``changed_paths`` what was done before.
    """
    done: list[str] = []
    for change in to_do.changes:
        entry = change.entry
        try:
            _do(change)
        except OSError as error:
            raise HubError(
                f"{entry.path} ({entry.kind}) could not be changed: {error.strerror}. It is as it was.",
                f"Mend that and run again: {len(done)} of {len(to_do.changes)} changes are done, the rest follows.",
                changed=bool(done),
                path=entry.path,
                changed_paths=done,
            ) from None
        done.append(entry.path)


def _do(change: Change) -> None:
    entry = change.entry
    match change.action:
        case "remove":
            _remove(entry.path)
        case "create":
            with contextlib.suppress(FileExistsError):
                os.mkdir(entry.path, 0o700)  # nobody else gets in before it has its owner
            _set_attributes(change)
        case "attributes":
            _set_attributes(change)
        case "generate":
            replace(entry.path, (_generated(entry) + "\n").encode(), entry.mode, change.uid, change.gid)
        case _:
            content = (entry.content or "").encode(errors="surrogateescape")
            replace(entry.path, content, entry.mode, change.uid, change.gid)


def _generated(entry: Entry) -> str:
    if entry.encoding == "hex":
        return secrets.token_hex(entry.length)
    return "".join(secrets.choice(_ALPHABET) for _character in range(_size(entry)))


def _remove(path: str) -> None:
    try:
        if stat.S_ISDIR(os.lstat(path).st_mode):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    except FileNotFoundError:
        pass  # somebody was faster
    except NotADirectoryError:
        os.unlink(path)


def _set_attributes(change: Change) -> None:
    # By descriptor: a link put there since the look would lead elsewhere.
    descriptor = os.open(change.entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        give(descriptor, change.uid, change.gid)
        os.fchmod(descriptor, change.entry.mode)  # after the owner, which takes set-id bits away
    finally:
        os.close(descriptor)
