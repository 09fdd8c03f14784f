# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hub needs to know of a host. Only looks. Private to the collection."""

from __future__ import annotations

import datetime
import glob
import ipaddress
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

LARGEST = 1024 * 1024  # bytes of a JSON file or certificate that is read
_LISTENING = "0A"  # state of a socket in /proc/net/tcp
_SECONDS = 30  # for a program that only looks
_ASK_PYTHON = (
    "import importlib.util as u, platform; print(platform.python_version(), u.find_spec('ensurepip') is not None)"
)

_Address: t.TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"


@dataclass(frozen=True)
class Listener:
    """A listening TCP socket."""

    address: _Address
    port: int
    inode: str


@dataclass(frozen=True)
class Holder:
    """The process that has a socket open."""

    pid: int
    command: str  #: its arguments, joined by blanks
    own: bool  #: its program or one of its arguments lies below the hub's directory


def account() -> dict[str, t.Any]:
    """Return uid, gid, user and home of this process, and the name of the host."""
    uid = os.geteuid()
    try:
        found = pwd.getpwuid(uid)
        user, home = found.pw_name, found.pw_dir
    except KeyError:  # containers run with numbers that have no name
        user, home = str(uid), os.environ.get("HOME", "/")
    return {"uid": uid, "gid": os.getegid(), "user": user, "home": home, "hostname": socket.gethostname()}


def service_manager() -> str:
    """Return ``systemd`` when it manages this host, else ``none``."""
    return "systemd" if os.path.isdir("/run/systemd/system") else "none"


def python(interpreter: str) -> dict[str, t.Any]:
    """Return path, version and whether it can make virtual environments, of a Python interpreter.

    :raises HubError: when it is missing or does not run.
    """
    path = shutil.which(interpreter) or ""
    advice = "Install it or give the absolute path of another."
    if not path:
        raise HubError(f"The interpreter {interpreter!r} was not found on this host, expected a Python.", advice)
    try:
        done = subprocess.run(
            [path, "-I", "-c", _ASK_PYTHON], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HubError(f"The interpreter {path} does not run: {error}.", advice) from None
    answer = done.stdout.split()
    if done.returncode or len(answer) != 2:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise HubError(f"The interpreter {path} is no working Python, it ended with {done.returncode}: {said}.", advice)
    return {"path": path, "version": answer[0], "has_venv": answer[1] == "True"}


# --- Ports ---


def ports(asked: Sequence[Mapping[str, t.Any]], directory: str) -> dict[str, dict[str, t.Any]]:
    """Return for each ``address:port`` whether it is free, and else who holds it as far as this account may see.

    :raises HubError: with all addresses and ports that are none.
    """
    problems: list[str] = []
    wanted: list[tuple[str, _Address, int]] = []
    for item in asked:
        address = _address(item["address"])
        if address is None:
            problems.append(f"The address {item['address']!r} is no IP address, expected one like 127.0.0.1 or ::1.")
        elif not 1 <= item["port"] <= 65535:
            problems.append(f"The port {item['port']} does not exist, expected 1 to 65535.")
        else:
            wanted.append((f"{item['address']}:{item['port']}", address, item["port"]))
    if problems:
        raise HubError(" ".join(problems), problems=problems)
    if not wanted:
        return {}
    found = {
        name: [listener for listener in listeners() if listener.port == port and overlap(listener.address, address)]
        for name, address, port in wanted
    }
    inodes = {listener.inode for sockets in found.values() for listener in sockets}
    holders = _holders(inodes, directory) if inodes else {}
    result: dict[str, dict[str, t.Any]] = {}
    for name, sockets in found.items():
        known = [holders[listener.inode] for listener in sockets if listener.inode in holders]
        result[name] = {
            "free": not sockets,
            "pid": known[0].pid if known else None,
            "command": known[0].command if known else None,
            # A foreign process on one address is enough to keep the hub from this port.
            "own": len(known) == len(sockets) > 0 and all(holder.own for holder in known),
        }
    return result


def _address(text: str) -> _Address | None:
    if text in ("", "*"):
        return ipaddress.ip_address("::")
    if text == "localhost":
        return ipaddress.ip_address("127.0.0.1")
    try:
        return _plain(ipaddress.ip_address(text))
    except ValueError:
        return None


def _plain(address: _Address) -> _Address:
    """Return 127.0.0.1 for ::ffff:127.0.0.1."""
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address


def overlap(one: _Address, other: _Address) -> bool:
    """True when both cannot be bound on the same port: equal, or one of them means all addresses."""
    if one == other or one == ipaddress.ip_address("::") or other == ipaddress.ip_address("::"):
        return True  # :: takes the addresses of version 4 too unless it is told otherwise
    return one.version == other.version and (one.is_unspecified or other.is_unspecified)


def listeners() -> list[Listener]:
    """Return the listening TCP sockets of this network namespace."""
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as stream:
                lines = stream.readlines()[1:]
        except FileNotFoundError:
            continue  # no IP of this version
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTENING:
                address, _colon, port = fields[1].partition(":")
                found.append(Listener(_from_kernel(address), int(port, 16), fields[9]))
    return found


def _from_kernel(text: str) -> _Address:
    """Return the address that the kernel writes as words of 32 bits in the processor's byte order."""
    words = [bytes.fromhex(text[start : start + 8]) for start in range(0, len(text), 8)]
    little = sys.byteorder == "little"
    return _plain(ipaddress.ip_address(b"".join(word[::-1] if little else word for word in words)))


def _holders(inodes: set[str], directory: str) -> dict[str, Holder]:
    """Return the process behind each socket, of those that this account may look into."""
    links = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[str, Holder] = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            for descriptor in os.scandir(f"/proc/{pid}/fd"):
                inode = links.get(os.readlink(descriptor.path))
                if inode and inode not in found:
                    found[inode] = _holder(pid, directory)
        except OSError:
            continue  # ended meanwhile, or somebody else's
        if len(found) == len(inodes):
            break
    return found


def _holder(pid: str, directory: str) -> Holder:
    with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as stream:
        arguments = [argument for argument in stream.read().split("\0") if argument]
    program = os.readlink(f"/proc/{pid}/exe")
    own = bool(directory) and any(_below(part, directory) for part in [program, *arguments])
    return Holder(int(pid), " ".join(arguments), own)


def _below(argument: str, directory: str) -> bool:
    """True for the directory or a path in it, also as in ``--config=/srv/hub/config.py``."""
    path = argument.partition("=")[2] if argument.startswith("-") else argument
    directory = directory.rstrip("/")
    return path == directory or path.startswith(directory + "/")


# --- Files ---


def find(directory: str, patterns: Sequence[str]) -> list[str]:
    """Return what matches the shell patterns below the directory, relative to it and sorted."""
    return sorted({match for pattern in patterns for match in glob.glob(pattern, root_dir=directory)})


def in_use(directory: str, found: Sequence[str]) -> list[str]:
    """Return those of ``found`` (relative to ``directory``) from whose own directory a process runs."""
    homes = {path: os.path.join(directory, os.path.dirname(path)) for path in found}
    running: set[str] = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as stream:
                running.update(stream.read().split("\0")[:2])  # an interpreter and its script
        except OSError:
            continue  # ended meanwhile
    return [path for path, home in homes.items() if any(_below(argument, home) for argument in running)]


def read_json(path: str) -> tuple[t.Any, str]:
    """Return the content of a JSON file, or None, and what is to be said about it; a missing file is no news."""
    try:
        return json.loads(_bytes(path)), ""
    except FileNotFoundError:
        return None, ""
    except (OSError, ValueError, RecursionError) as error:
        return None, f"{path} is not read: {error}. It counts as missing."


def _bytes(path: str) -> bytes:
    # A pipe without a writer would wait for ever.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
        content = stream.read(LARGEST + 1) or b""
    if len(content) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST} bytes")
    return content


def free_bytes(directory: str) -> int:
    """Return what this account may still write to the file system of a directory that may not exist yet."""
    path = os.path.abspath(directory)
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    found = os.statvfs(path)
    return found.f_frsize * found.f_bavail


# --- Certificates ---


def certificate(path: str, now: datetime.datetime) -> dict[str, t.Any]:
    """Return the end, the days left and the names of the first certificate of a PEM file, or what is wrong with it."""
    empty: dict[str, t.Any] = {"not_after": None, "days_left": None, "names": [], "error": None}
    try:
        content = _bytes(path)
        if b"-----BEGIN CERTIFICATE-----" not in content:
            raise ValueError("it holds no certificate in PEM form")
        not_after, names = _decoded(content)
    except FileNotFoundError:
        return empty | {"error": f"{path} does not exist"}
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return empty | {"error": f"{path} cannot be read as a certificate: {error}"}
    return {
        "not_after": not_after.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "days_left": (not_after - now).days,
        "names": names,
        "error": None,
    }


def _decoded(content: bytes) -> tuple[datetime.datetime, list[str]]:
    try:
        from cryptography import x509
    except ImportError:
        return _decoded_by_openssl(content)
    found = x509.load_pem_x509_certificate(content)
    not_after = (
        found.not_valid_after_utc
        if hasattr(found, "not_valid_after_utc")
        else found.not_valid_after.replace(tzinfo=datetime.timezone.utc)
    )
    try:
        extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return not_after, []
    return not_after, [str(name.value) for name in extension if isinstance(name, (x509.DNSName, x509.IPAddress))]


def _decoded_by_openssl(content: bytes) -> tuple[datetime.datetime, list[str]]:
    program = shutil.which("openssl")
    if not program:
        raise ValueError("neither Python's cryptography nor the program openssl is there to read it")
    done = subprocess.run(
        [program, "x509", "-noout", "-enddate", "-ext", "subjectAltName"],
        input=content,
        capture_output=True,
        timeout=_SECONDS,
        check=False,
    )
    text = done.stdout.decode("utf-8", "replace")
    end = re.search(r"^notAfter=(.+) GMT$", text, re.MULTILINE)
    if not end:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["openssl said nothing"]
        raise ValueError(said[0])
    return _openssl_time(end[1]), list(_openssl_names(text))


def _openssl_time(text: str) -> datetime.datetime:
    """Return the time that openssl writes as ``Nov 21 03:34:00 2026``, whatever the language of this host is."""
    month, day, clock, year = text.split()
    number = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"].index(month) + 1
    hour, minute, second = (int(part) for part in clock.split(":"))
    return datetime.datetime(int(year), number, int(day), hour, minute, second, tzinfo=datetime.timezone.utc)


def _openssl_names(text: str) -> Iterator[str]:
    for kind, name in re.findall(r"(DNS|IP Address):([^,\s]+)", text):
        yield name if kind == "DNS" else str(ipaddress.ip_address(name))
