# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a certificate and its key can serve a hub. Only looks. Private to the collection."""

from __future__ import annotations

import datetime
import filecmp
import ipaddress
import itertools
import os
import re
import shutil
import ssl
import stat
import subprocess
import typing as t
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _host

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_SECONDS = 30  # for a program that only looks


@dataclass(frozen=True)
class Link:
    """One certificate of a chain."""

    subject: str
    issuer: str
    not_before: datetime.datetime
    not_after: datetime.datetime


def look(certificate: str, key: str, names: Sequence[str], now: datetime.datetime) -> dict[str, t.Any]:
    """Return what a certificate says and what keeps it and its key from serving a hub under these names.

    :param key: path of the private key.
    :param names: host names and addresses that people use; each has to be covered.
    """
    found = _host.certificate(certificate, now)
    chain = [] if found["error"] else list(_chain(certificate))
    unreadable = f"{found['error']}; expected a certificate with its chain, PEM. Put it there."
    return {
        "not_after": found["not_after"],
        "days_left": found["days_left"],
        "names": found["names"],
        "self_signed": bool(chain) and chain[0].subject == chain[0].issuer,
        "problems": [
            *([unreadable] if found["error"] else []),
            *(_key_problems(certificate, key, readable=not found["error"])),
            *(_date_problems(certificate, chain, now)),
            *(_name_problems(certificate, found["names"], names) if chain else []),
            *(_chain_problems(certificate, chain)),
        ],
        "warnings": list(_key_warnings(key)),
    }


def same(one: str, other: str) -> bool:
    """Have two files the same content? A file that is missing has not."""
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def covers(pattern: str, name: str) -> bool:
    """Is a name of a certificate, perhaps ``*.example.org``, meant for this host name or address?"""
    pattern, name = pattern.lower().rstrip("."), name.lower().rstrip(".")
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:] and not _is_address(name)
    if _is_address(name):
        return _is_address(pattern) and ipaddress.ip_address(pattern) == ipaddress.ip_address(name)
    return pattern == name


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# --- what is wrong, one sentence each ---


def _key_problems(certificate: str, key: str, *, readable: bool) -> Iterator[str]:
    if not os.path.exists(key):
        yield f"{key} does not exist; expected the private key of the certificate, PEM. Put it there."
    elif readable:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # An empty password keeps OpenSSL from asking the terminal for one.
            context.load_cert_chain(certificate, key, password="")
        except ssl.SSLError as error:
            # The last one: a key of another kind.
            if error.reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"):
                yield (
                    f"The key {key} does not belong to the certificate {certificate}; expected the key that the "
                    "certificate was made for. Put that key there, or get a certificate for this one."
                )
            else:
                yield (
                    f"The key {key} can not be used with {certificate} ({error.reason or error}); expected an "
                    "unencrypted private key, PEM, which belongs to the certificate. Put it there."
                )
        except OSError as error:
            yield f"The key {key} can not be read: {error.strerror}. Let the account that runs this read it."


def _key_warnings(key: str) -> Iterator[str]:
    if os.path.exists(key) and stat.S_IMODE(os.stat(key).st_mode) & 0o007:
        yield f"Everybody on this host may read the key {key}. Take that right away: chmod o= {key}."


def _date_problems(certificate: str, chain: Sequence[Link], now: datetime.datetime) -> Iterator[str]:
    for number, link in enumerate(chain):
        which = certificate if number == 0 else f"of {link.subject} in {certificate}"
        if link.not_after < now:
            yield (
                f"The certificate {which} ended on {link.not_after:%Y-%m-%d %H:%M} UTC; expected one that is valid now. "
                "Renew it."
            )
        elif link.not_before > now:
            yield (
                f"The certificate {which} is valid from {link.not_before:%Y-%m-%d %H:%M} UTC on; expected one that is "
                f"valid now. Look at the clock of this host, it says {now:%Y-%m-%d %H:%M} UTC."
            )


def _name_problems(certificate: str, found: Sequence[str], wanted: Sequence[str]) -> Iterator[str]:
    for name in wanted:
        if not any(covers(pattern, name) for pattern in found):
            yield (
                f"The certificate {certificate} is for {', '.join(found) or 'no host name at all'}; expected {name}, "
                "which people use. Get a certificate for that name, or change hub_public_url."
            )


def _chain_problems(certificate: str, chain: Sequence[Link]) -> Iterator[str]:
    for link, above in itertools.pairwise(chain):
        if link.issuer != above.subject:
            yield (
                f"In {certificate} the certificate of {link.subject} is followed by that of {above.subject}; expected "
                f"that of {link.issuer}, which signed it. Put the certificate of the hub first, and below each one the "
                "authority that signed it."
            )


# --- reading ---


def _chain(path: str) -> Iterator[Link]:
    with open(path, "rb") as stream:
        content = stream.read(_host.LARGEST)
    for pem in _PEM.findall(content):
        yield _decoded(pem)


def _decoded(pem: bytes) -> Link:
    try:
        from cryptography import x509
    except ImportError:
        return _decoded_by_openssl(pem)
    found = x509.load_pem_x509_certificate(pem)
    if hasattr(found, "not_valid_after_utc"):
        dates = found.not_valid_before_utc, found.not_valid_after_utc
    else:
        dates = (
            found.not_valid_before.replace(tzinfo=datetime.timezone.utc),
            found.not_valid_after.replace(tzinfo=datetime.timezone.utc),
        )
    return Link(found.subject.rfc4514_string(), found.issuer.rfc4514_string(), *dates)


def _decoded_by_openssl(pem: bytes) -> Link:
    program = shutil.which("openssl") or "openssl"
    options = ["-noout", "-subject", "-issuer", "-startdate", "-enddate", "-nameopt", "RFC2253"]
    done = subprocess.run([program, "x509", *options], input=pem, capture_output=True, timeout=_SECONDS, check=True)
    said = dict(line.partition("=")[::2] for line in done.stdout.decode("utf-8", "replace").splitlines())
    dates = (_host._openssl_time(said[name].removesuffix(" GMT")) for name in ("notBefore", "notAfter"))
    return Link(said["subject"].strip(), said["issuer"].strip(), *dates)
