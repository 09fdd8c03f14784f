# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that can serve a hub and those that can not, made with real keys."""

from __future__ import annotations

import dataclasses
import datetime
import ipaddress
import pathlib
import stat
import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _certificates
from ansible_collections.hubwright.jupyterhub.tests.unit import module_processes

NOW = datetime.datetime(2026, 11, 21, 12, 0, tzinfo=datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclasses.dataclass
class Made:
    """A certificate and the key that signs others in its name."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def make(
    name: str,
    above: Made | None = None,
    hosts: t.Sequence[str] = (),
    begin: datetime.datetime = NOW - DAY,
    end: datetime.datetime = NOW + 90 * DAY,
) -> Made:
    key = new_key()
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer = above.certificate.subject if above else subject
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), begin, end)
    if hosts:
        names = [_general_name(host) for host in hosts]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Made(builder.sign(above.key if above else key, hashes.SHA256()), key)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def key_pem(key: t.Any, password: bytes = b"") -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return pem


@pytest.fixture
def place(tmp_path: pathlib.Path) -> t.Callable[[bytes, bytes], tuple[str, str]]:
    """Write a certificate file and a key file; their paths."""

    def write(certificate: bytes, key: bytes) -> tuple[str, str]:
        (tmp_path / "full.pem").write_bytes(certificate)
        (tmp_path / "key.pem").write_bytes(key)
        (tmp_path / "key.pem").chmod(0o600)
        return f"{tmp_path}/full.pem", f"{tmp_path}/key.pem"

    return write


Place: t.TypeAlias = "t.Callable[[bytes, bytes], tuple[str, str]]"
ROOT = make("Root")
MIDDLE = make("Middle", ROOT)
LEAF = make("hub", MIDDLE, ["hub.example.org", "192.0.2.1"])


def test_a_good_certificate_has_no_problem(place: Place) -> None:
    paths = place(LEAF.pem + MIDDLE.pem, key_pem(LEAF.key))
    assert _certificates.look(*paths, ["hub.example.org", "192.0.2.1"], NOW) == {
        "not_after": "2027-02-19T12:00:00Z",
        "days_left": 90,
        "names": ["hub.example.org", "192.0.2.1"],
        "self_signed": False,
        "problems": [],
        "warnings": [],
    }


def test_a_self_signed_one_is_told(place: Place) -> None:
    own = make("localhost", hosts=["localhost"])
    found = _certificates.look(*place(own.pem, key_pem(own.key)), ["localhost"], NOW)
    assert (found["self_signed"], found["problems"]) == (True, [])


@pytest.mark.parametrize(
    ("certificate", "key", "names", "said"),
    [
        (make("a", end=NOW - DAY).pem, None, [], ["ended on 2026-11-20 12:00 UTC; expected one that is valid now"]),
        (
            make("a", begin=NOW + DAY).pem,
            None,
            [],
            ["is valid from 2026-11-22 12:00 UTC on", "the clock of this host, it says 2026-11-21 12:00 UTC"],
        ),
        (LEAF.pem, new_key(), [], ["does not belong to the certificate"]),
        (LEAF.pem, rsa.generate_private_key(65537, 2048), [], ["does not belong to the certificate"]),
        (LEAF.pem, LEAF.key, ["other.example.org"], ["is for hub.example.org, 192.0.2.1; expected other.example.org"]),
        (make("a").pem, None, ["hub.example.org"], ["is for no host name at all; expected hub.example.org"]),
        (LEAF.pem + ROOT.pem, LEAF.key, [], ["CN=hub is followed by that of CN=Root; expected that of CN=Middle"]),
        (
            LEAF.pem + make("Middle", ROOT, end=NOW - DAY).pem,
            LEAF.key,
            [],
            ["The certificate of CN=Middle in ", "ended on 2026-11-20"],
        ),
        (b"nothing", LEAF.key, ["hub.example.org"], ["it holds no certificate in PEM form; expected a certificate"]),
    ],
    ids=["over", "not yet", "key", "kind of key", "name", "no name", "order", "authority over", "no certificate"],
)
def test_what_keeps_it_from_serving(
    place: Place, certificate: bytes, key: t.Any, names: list[str], said: list[str]
) -> None:
    paths = place(certificate, key_pem(key or new_key()))
    problems = _certificates.look(*paths, names, NOW)["problems"]
    wanted = [problem for problem in problems if all(words in problem for words in said)]
    assert len(wanted) == 1, problems
    # Each says what to do.
    assert all(problem.count(". ") >= 1 or problem.endswith("Put it there.") for problem in problems)


def test_a_key_that_can_not_be_used_is_told_without_asking_for_a_password(place: Place) -> None:
    problems = _certificates.look(*place(LEAF.pem, key_pem(LEAF.key, b"secret")), [], NOW)["problems"]
    assert len(problems) == 1 and "expected an unencrypted private key, PEM" in problems[0]


def test_missing_files_are_told_together(tmp_path: pathlib.Path) -> None:
    problems = _certificates.look(f"{tmp_path}/a.pem", f"{tmp_path}/a.key", ["hub.example.org"], NOW)["problems"]
    assert [problem.partition(";")[0] for problem in problems] == [
        f"{tmp_path}/a.pem does not exist",
        f"{tmp_path}/a.key does not exist",
    ]


def test_a_key_that_everybody_may_read_is_warned_about(place: Place, tmp_path: pathlib.Path) -> None:
    paths = place(LEAF.pem, key_pem(LEAF.key))
    (tmp_path / "key.pem").chmod(0o644)
    found = _certificates.look(*paths, [], NOW)
    assert found["problems"] == []
    assert [f"chmod o= {tmp_path}/key.pem" in warning for warning in found["warnings"]] == [True]


@pytest.mark.parametrize(
    ("pattern", "name", "covered"),
    [
        ("hub.example.org", "HUB.example.org.", True),
        ("hub.example.org", "example.org", False),
        ("*.example.org", "hub.example.org", True),
        ("*.example.org", "a.hub.example.org", False),
        ("*.example.org", "example.org", False),
        ("*.0.2.1", "192.0.2.1", False),
        ("2001:DB8::1", "2001:db8:0::1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("hub.example.org", "192.0.2.1", False),
    ],
)
def test_names_that_a_certificate_covers(pattern: str, name: str, covered: bool) -> None:
    assert _certificates.covers(pattern, name) == covered


def test_both_readers_tell_the_same() -> None:
    for made in (LEAF, MIDDLE, ROOT, make("a, b+c")):
        one, other = _certificates._decoded(made.pem), _certificates._decoded_by_openssl(made.pem)
        assert (one.not_before, one.not_after) == (other.not_before, other.not_after)
        assert (one.subject == one.issuer) == (other.subject == other.issuer)
    assert _certificates._decoded_by_openssl(LEAF.pem).issuer == _certificates._decoded_by_openssl(MIDDLE.pem).subject


def test_the_module_says_whether_the_copies_are_the_same(place: Place, tmp_path: pathlib.Path) -> None:
    certificate, key = place(LEAF.pem, key_pem(LEAF.key))
    mode = stat.S_IMODE((tmp_path / "key.pem").stat().st_mode)

    def served(**arguments: str) -> bool:
        return bool(
            module_processes.run("hub_certificate_info", certificate=certificate, key=key, **arguments)["served"]
        )

    copies = {"served_certificate": f"{tmp_path}/copy.pem", "served_key": key}
    assert not served() and not served(**copies)
    (tmp_path / "copy.pem").write_bytes(LEAF.pem)
    assert served(**copies)
    (tmp_path / "copy.pem").write_bytes(MIDDLE.pem)
    assert not served(**copies)
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == mode


def test_the_module_wants_absolute_paths() -> None:
    result = module_processes.run("hub_certificate_info", certificate="full.pem", key="/key.pem")
    assert result["failed"] and "'full.pem' is not absolute" in result["msg"]
