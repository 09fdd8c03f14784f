# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import getpass
import ipaddress
import os
import pathlib
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _host
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.timezone.utc)
END = datetime.datetime(2027, 2, 5, 3, 4, 9, tzinfo=datetime.timezone.utc)


def listening(address: str, family: socket.AddressFamily = socket.AF_INET) -> tuple[socket.socket, int]:
    """A socket of this very process that listens, and its port."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.bind((address, 0))
    sock.listen()
    return sock, sock.getsockname()[1]


def asked(address: str, port: int, directory: str = "") -> dict[str, t.Any]:
    return _host.ports([{"address": address, "port": port}], directory)[f"{address}:{port}"]


# --- Account, service manager, interpreter ---


def test_the_account_is_the_one_that_runs_this() -> None:
    found = _host.account()
    assert (found["uid"], found["user"]) == (os.geteuid(), getpass.getuser())
    assert found["home"] == pwd.getpwuid(os.geteuid()).pw_dir
    assert found["hostname"] == socket.gethostname()


def test_the_service_manager_is_systemd_only_where_it_manages_the_host() -> None:
    assert _host.service_manager() == ("systemd" if pathlib.Path("/run/systemd/system").is_dir() else "none")


def test_an_interpreter_is_described_by_asking_it() -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    assert _host.python(sys.executable) == {"path": sys.executable, "version": version, "has_venv": True}


def test_an_interpreter_is_found_by_its_name(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my-python").write_text("#!/bin/sh\necho 3.12.1 False\n")
    (tmp_path / "my-python").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert _host.python("my-python") == {"path": f"{tmp_path}/my-python", "version": "3.12.1", "has_venv": False}


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "was not found on this host, expected a Python"),
        ("#!/bin/sh\necho broken >&2\nexit 3\n", "is no working Python, it ended with 3: broken."),
        ("#!/bin/sh\n", "is no working Python, it ended with 0: nothing."),
        ("#!/no/such/program\n", "does not run: "),
    ],
)
def test_an_interpreter_that_is_none_is_refused(tmp_path: pathlib.Path, script: str | None, said: str) -> None:
    path = tmp_path / "python3"
    if script is not None:
        path.write_text(script)
        path.chmod(0o755)
    with pytest.raises(HubError) as caught:
        _host.python(str(path))
    assert str(path) in str(caught.value)
    assert said in str(caught.value)
    assert str(caught.value).endswith("Install it or give the absolute path of another.")


# --- Ports ---


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("0.0.0.0", "127.0.0.1", True),
        ("0.0.0.0", "::1", False),
        ("::", "127.0.0.1", True),
        ("::", "::1", True),
        ("::", "0.0.0.0", True),
        ("::1", "127.0.0.1", False),
    ],
)
def test_which_addresses_are_in_each_others_way(one: str, other: str, expected: bool) -> None:
    addresses = ipaddress.ip_address(one), ipaddress.ip_address(other)
    assert _host.overlap(*addresses) is expected
    assert _host.overlap(*reversed(addresses)) is expected


@pytest.mark.parametrize("bound", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "", "*", "::", "localhost", "::ffff:127.0.0.1"])
def test_a_port_that_somebody_listens_on_is_not_free_and_its_holder_is_told(bound: str, address: str) -> None:
    sock, port = listening(bound)
    with sock:
        answer = asked(address, port)
        assert (answer["free"], answer["pid"], answer["own"]) == (False, os.getpid(), False)
        assert answer["command"].split()[0] == pathlib.Path("/proc/self/cmdline").read_text().split("\0")[0]
    assert asked(address, port) == {"free": True, "pid": None, "command": None, "own": False}


def test_version_six_of_the_address_is_looked_at_too() -> None:
    sock, port = listening("::1", socket.AF_INET6)
    with sock:
        assert asked("::1", port)["pid"] == os.getpid()
        assert asked("127.0.0.1", port)["free"]


def test_a_connection_that_does_not_listen_keeps_no_port() -> None:
    server, port = listening("127.0.0.1")
    with server, socket.create_connection(("127.0.0.1", port)) as client:
        assert asked("127.0.0.1", client.getsockname()[1])["free"]


@pytest.mark.parametrize(("below", "own"), [("hub", True), ("other", False), ("hu", False)])
def test_a_process_of_the_hubs_directory_is_its_own(tmp_path: pathlib.Path, below: str, own: bool) -> None:
    program = tmp_path / "hub" / "serve.py"
    program.parent.mkdir()
    program.write_text(
        "import socket, sys\n"
        "sock = socket.create_server(('127.0.0.1', 0))\n"
        "print(sock.getsockname()[1], flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        answer = asked("127.0.0.1", port, str(tmp_path / below))
        assert (answer["pid"], answer["own"]) == (process.pid, own)
        assert answer["command"].endswith(f" {program}")
        process.terminate()


def test_all_wrong_addresses_and_ports_are_said_at_once() -> None:
    with pytest.raises(HubError) as caught:
        _host.ports(
            [{"address": "hub.example.org", "port": 1}, {"address": "", "port": 0}, {"address": "", "port": 70000}], ""
        )
    assert caught.value.facts["problems"] == [
        "The address 'hub.example.org' is no IP address, expected one like 127.0.0.1 or ::1.",
        "The port 0 does not exist, expected 1 to 65535.",
        "The port 70000 does not exist, expected 1 to 65535.",
    ]


# --- Files ---


def test_what_is_found_is_sorted_told_once_and_relative(tmp_path: pathlib.Path) -> None:
    for name in ("env/b/complete", "env/a/complete", "env/c/half", "secrets/token"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = _host.find(str(tmp_path), ["secrets/*", "env/*/complete", "env/a/*", "nothing/*"])
    assert found == ["env/a/complete", "env/b/complete", "secrets/token"]


@pytest.mark.parametrize("words", [["{env}/bin/python"], [sys.executable, "{env}/bin/script"]])
def test_an_environment_is_in_use_while_a_process_runs_from_it(tmp_path: pathlib.Path, words: list[str]) -> None:
    for name in ("env/a", "env/ab"):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "complete").touch()
    environment = tmp_path / "env" / "a"
    (environment / "bin" / "python").symlink_to(sys.executable)
    code = "print(flush=True); input()"
    (environment / "bin" / "script").write_text(code)
    command = [word.format(env=environment) for word in words]
    command += ["-c", code] if len(words) == 1 else []
    found = _host.find(str(tmp_path), ["env/*/complete"])
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        assert _host.in_use(str(tmp_path), found) == ["env/a/complete"]
        process.communicate(b"\n")
    assert _host.in_use(str(tmp_path), found) == []


@pytest.mark.parametrize(
    ("content", "expected", "said"),
    [
        (b'{"a": [1]}', {"a": [1]}, ""),
        (b"", None, "is not read: "),
        (b'{"a"', None, "is not read: "),
        (b"\xff\xfe", None, "is not read: "),
        (b"[" * 200_000, None, "is not read: "),
        (b" " * (_host.LARGEST + 1), None, "it is larger than 1048576 bytes"),
    ],
    ids=["good", "empty", "cut", "binary", "deep", "large"],
)
def test_a_damaged_json_file_counts_as_missing_and_is_told(
    tmp_path: pathlib.Path, content: bytes, expected: t.Any, said: str
) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content)
    found, warning = _host.read_json(str(path))
    assert found == expected
    assert said in warning
    assert bool(warning) is (expected is None)


def test_a_missing_json_file_is_no_news_and_a_directory_is(tmp_path: pathlib.Path) -> None:
    assert _host.read_json(str(tmp_path / "none")) == (None, "")
    assert f"{tmp_path} is not read: " in _host.read_json(str(tmp_path))[1]


def test_a_pipe_does_not_make_it_wait(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is not read: " in _host.read_json(str(tmp_path / "pipe"))[1]


def test_free_bytes_are_those_of_the_nearest_directory_that_exists(tmp_path: pathlib.Path) -> None:
    below = _host.free_bytes(str(tmp_path / "not" / "yet"))
    assert 0 < below <= shutil.disk_usage(tmp_path).total


# --- Certificates ---


def pem(names: list[x509.GeneralName]) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hub")])
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(NOW - datetime.timedelta(days=400))
        .not_valid_after(END)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


NAMES = [
    x509.DNSName("hub.example.org"),
    x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
    x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
]


@pytest.mark.parametrize(
    ("names", "expected"), [(NAMES, ["hub.example.org", "192.0.2.1", "2001:db8::1"]), ([], [])], ids=["some", "none"]
)
def test_both_readers_of_certificates_tell_the_same(names: list[x509.GeneralName], expected: list[str]) -> None:
    content = pem(names)
    assert _host._decoded(content) == (END, expected)
    assert _host._decoded_by_openssl(content) == (END, expected)


@pytest.mark.parametrize(
    ("now", "days"), [(NOW, 75), (END - datetime.timedelta(hours=1), 0), (END + datetime.timedelta(hours=1), -1)]
)
def test_the_days_that_are_left(tmp_path: pathlib.Path, now: datetime.datetime, days: int) -> None:
    path = tmp_path / "hub.pem"
    path.write_bytes(pem(NAMES) + pem([]))
    assert _host.certificate(str(path), now) == {
        "not_after": "2027-02-05T03:04:09Z",
        "days_left": days,
        "names": ["hub.example.org", "192.0.2.1", "2001:db8::1"],
        "error": None,
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "does not exist"),
        (b"-----BEGIN PRIVATE KEY-----\n", "it holds no certificate in PEM form"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read as a certificate: "),
    ],
)
def test_what_is_wrong_with_a_certificate_is_told(tmp_path: pathlib.Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "hub.pem"
    if content is not None:
        path.write_bytes(content)
    found = _host.certificate(str(path), NOW)
    assert said in found["error"]
    assert found | {"error": None} == {"not_after": None, "days_left": None, "names": [], "error": None}


def test_openssl_says_what_is_wrong_and_its_absence_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="."):
        _host._decoded_by_openssl(b"-----BEGIN CERTIFICATE-----\nAAAA\n")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ValueError, match="neither Python's cryptography nor the program openssl"):
        _host._decoded_by_openssl(pem([]))


def test_looking_changes_nothing(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("{")
    before = path.stat()
    _host.read_json(str(path))
    _host.certificate(str(path), NOW)
    _host.free_bytes(str(tmp_path / "x"))
    assert (path.stat().st_mtime_ns, stat.S_IMODE(path.stat().st_mode)) == (
        before.st_mtime_ns,
        stat.S_IMODE(before.st_mode),
    )
    assert [child.name for child in tmp_path.iterdir()] == ["state.json"]
