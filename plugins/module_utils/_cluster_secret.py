# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub's secrets in a Secret of the cluster: made once, kept, never shown. Private to the collection."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import secrets
import string
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import Cluster, Object, Refused
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

_ALPHABET = string.ascii_letters + string.digits
_SALT = "digest_key"
"""Key of a random value that makes the digests useless for guessing short passwords."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What has to be written, and what the Secret is then."""

    data: dict[str, str]
    """Every key with its value, as it will be."""
    made: list[str]
    """Keys that are generated now."""
    changed: list[str]
    """Keys whose value becomes another one."""

    def digest(self, names: t.Iterable[str]) -> str:
        """A short text that changes when one of these values does."""
        key = self.data[_SALT].encode()
        text = "\0".join(f"{name}={self.data.get(name, '')}" for name in sorted(names))
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:16]


def plan(found: t.Mapping[str, str], given: t.Mapping[str, str], wanted: t.Mapping[str, t.Mapping[str, t.Any]]) -> Plan:
    """Compare.

    :param found: what is in the Secret.
    :param given: values of a Secret of somebody else, which win over generated ones.
    :param wanted: name -> ``value`` (empty: keep what is there, or generate one), ``length`` and ``encoding``.
    """
    data, made, changed = dict(found), [], []
    for name, wish in {**wanted, _SALT: {"value": "", "length": 32, "encoding": "hex"}}.items():
        value = wish["value"] or given.get(name) or ""
        if value:
            if name in found and found[name] != value:
                changed.append(name)
            elif name not in found:
                made.append(name)
            data[name] = value
        elif not found.get(name):
            made.append(name)
            data[name] = _generated(wish)
    return Plan(data, sorted(made), sorted(changed))


def _generated(wish: t.Mapping[str, t.Any]) -> str:
    if wish["encoding"] == "hex":
        return secrets.token_hex(wish["length"])
    return "".join(secrets.choice(_ALPHABET) for _character in range(wish["length"]))


def values(secret: Object | None) -> dict[str, str]:
    """The texts of a Secret."""
    data = (secret or {}).get("data") or {}
    return {name: base64.b64decode(value).decode(errors="replace") for name, value in data.items()}


def ensure(
    cluster: Cluster,
    namespace: str,
    name: str,
    labels: t.Mapping[str, str],
    wanted: t.Mapping[str, t.Mapping[str, t.Any]],
    existing: str = "",
    check_mode: bool = False,
) -> Plan:
    """Make the Secret what it has to be, unless it is; what else is in it stays.

    :param existing: name of a Secret of somebody else from which values are taken; it is not changed.
    """
    base = f"/api/v1/namespaces/{namespace}/secrets"
    try:
        given: dict[str, str] = {}
        if existing:
            theirs = cluster.find(f"{base}/{existing}")
            if theirs is None:
                raise HubError(
                    f"There is no Secret {existing} in the namespace {namespace}, from which secrets are to be taken.",
                    f"Make it first, with some of the keys {', '.join(sorted(wanted))}.",
                )
            given = values(theirs)
        secret = cluster.find(f"{base}/{name}")
        to_do = plan(values(secret), given, wanted)
        if check_mode or not (to_do.made or to_do.changed or _lacks(secret, labels)):
            return to_do
        body = {"metadata": {"name": name, "labels": dict(labels)}, "data": _encoded(to_do.data)}
        if secret is None:
            cluster.create(base, {"type": "Opaque", **body})
        else:
            cluster.merge(f"{base}/{name}", body)
    except Refused as error:
        raise HubError(
            f"The Secret {name} of the namespace {namespace} can not be read or written: {error.reason}.",
            "Give the account of the kubeconfig the right to get, create and patch secrets there.",
        ) from error
    return to_do


def _lacks(secret: Object | None, labels: t.Mapping[str, str]) -> bool:
    found = (secret or {"metadata": {}})["metadata"].get("labels") or {}
    return any(found.get(name) != value for name, value in labels.items())


def _encoded(data: t.Mapping[str, str]) -> dict[str, str]:
    return {name: base64.b64encode(value.encode()).decode() for name, value in data.items()}
