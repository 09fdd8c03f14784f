# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes as people write them. Private to the collection."""

from __future__ import annotations

import re

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[KMGT]?)i?B?", re.IGNORECASE | re.ASCII)

ACCEPTED = "a number of bytes, or a number with K, M, G, T, Ki, Mi, Gi or Ti (powers of 1024)"


def to_bytes(size: str | int, variable: str) -> int:
    """``"512Mi"`` -> 536870912.

    K, M, G and T are powers of 1024 too, as in JupyterHub and Docker.

    :param variable: named in the message of the HubError for anything else.
    """
    if isinstance(size, int) and not isinstance(size, bool) and size >= 0:
        return size
    found = _SIZE.fullmatch(str(size).strip())
    if not found:
        raise HubError(f"{variable} is {size!r}; expected {ACCEPTED}.")
    number, unit = found["number"], _UNITS[found["unit"].upper()]
    return int(number) * unit if number.isdecimal() else int(float(number) * unit)


def readable(size: int) -> str:
    """Bytes in JupyterHub's own notation, with the largest unit that is exact: ``2147483648`` -> ``"2G"``."""
    for unit in "TGMK":
        if size and size % _UNITS[unit] == 0:
            return f"{size // _UNITS[unit]}{unit}"
    return str(size)


def quantity(size: int) -> str:
    """Bytes as Kubernetes writes them, where a plain ``G`` is a power of 1000: ``2147483648`` -> ``"2Gi"``."""
    text = readable(size)
    return text if text.isdecimal() else f"{text}i"
