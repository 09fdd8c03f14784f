# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cache of the configuration check: inventories of traits and records of clean texts. Private to the collection.

No value of a setting is ever stored. A cache that can not be read or written is no error: the check is done again.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import tempfile
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _probe_inventory

_INSTALLED = (".dist-info", ".egg-info", ".egg-link", ".pth")
_PACKAGES = ("lib*/python3*/site-packages", "lib*/python3*/dist-packages", "local/lib/python3*/dist-packages")
RECORDS = 40
INVENTORIES = 8


def digest(parts: t.Iterable[str | list[str]]) -> str:
    """One short hexadecimal name for all of these texts."""
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()[:40]


def environment_of(interpreter: str) -> list[str]:
    """What tells one environment from another, read without starting its interpreter.

    The interpreter's own path and target, and names, versions and times of what is installed in its directories;
    those of the base installation too when the environment uses them.
    """
    parts = [interpreter, os.path.realpath(interpreter)]
    for directory in _package_directories(interpreter):
        try:
            names = sorted(name for name in os.listdir(directory) if name.endswith(_INSTALLED))
            parts.append(f"{directory} {os.stat(directory).st_mtime_ns}")
            parts.extend(names)
        except OSError:
            continue
    return parts


def _package_directories(interpreter: str) -> list[str]:
    prefix = os.path.dirname(os.path.dirname(os.path.abspath(interpreter)))
    settings = _pyvenv(os.path.join(prefix, "pyvenv.cfg"))
    prefixes = [prefix]
    if not settings:
        prefixes.append(os.path.dirname(os.path.dirname(os.path.realpath(interpreter))))
    elif settings.get("include-system-site-packages", "").lower() == "true":
        prefixes += [os.path.dirname(settings.get("home", "")), "/usr", "/usr/local"]
    found: list[str] = []
    for place in prefixes:
        for pattern in _PACKAGES:
            found.extend(sorted(glob.glob(os.path.join(glob.escape(place), pattern))))
    return list(dict.fromkeys(found))


def _pyvenv(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8") as stream:
            pairs = [line.partition("=") for line in stream]
    except (OSError, UnicodeDecodeError):
        return {}
    return {key.strip().lower(): value.strip() for key, mark, value in pairs if mark}


def default_directory() -> str:
    """Where inventories and records are kept when nobody says: of the machine for root, else of the account."""
    return "/var/cache/hubwright" if os.geteuid() == 0 else os.path.expanduser("~/.cache/hubwright")


class Cache:
    """Files of one hub environment in the cache directory."""

    def __init__(self, directory: str, fingerprint: str) -> None:
        self.directory = directory
        self.fingerprint = fingerprint

    def inventory(self) -> dict[str, t.Any] | None:
        """The inventory of this environment, None when there is none or it can not be used."""
        data = self._read(f"{self.fingerprint}.json")
        needed = (
            "classes",
            "entry_points",
            "versions",
            "admits_by_default",
            "core",
            "paths",
            "scopes",
            "service_fields",
        )
        if not isinstance(data, dict) or data.get("format") != _probe_inventory.FORMAT:
            return None
        return data if all(key in data for key in needed) else None

    def keep_inventory(self, inventory: t.Mapping[str, t.Any]) -> None:
        """Store the inventory of this environment."""
        self._write(f"{self.fingerprint}.json", inventory)
        self._bound("[0-9a-f]*.json", INVENTORIES)

    def record(self, key: str) -> dict[str, t.Any] | None:
        """The record of a text that was clean before, None when there is none."""
        data = self._read(f"record-{key}.json")
        if not isinstance(data, dict) or not isinstance(data.get("findings"), list):
            return None
        return data if isinstance(data.get("versions"), dict) else None

    def keep_record(self, key: str, record: t.Mapping[str, t.Any]) -> None:
        """Remember that a text is clean."""
        self._write(f"record-{key}.json", record)
        self._bound("record-*.json", RECORDS)

    def _read(self, name: str) -> t.Any:
        try:
            with open(os.path.join(self.directory, name), encoding="utf-8") as stream:
                return json.load(stream)
        except (OSError, ValueError):
            return None

    def _write(self, name: str, data: t.Any) -> None:
        try:
            os.makedirs(self.directory, mode=0o700, exist_ok=True)
            descriptor, path = tempfile.mkstemp(prefix=".new-", dir=self.directory)  # mode 0600
        except OSError:
            return
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                json.dump(data, stream)
            os.replace(path, os.path.join(self.directory, name))
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(path)

    def _bound(self, pattern: str, most: int) -> None:
        paths = glob.glob(os.path.join(glob.escape(self.directory), pattern))
        dated: list[tuple[float, str]] = []
        for path in paths:
            with contextlib.suppress(OSError):
                dated.append((os.stat(path).st_mtime, path))
        for _time, path in sorted(dated)[: max(len(dated) - most, 0)]:
            with contextlib.suppress(OSError):
                os.unlink(path)
