# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times as hubs, engines and programs write them. Private to the collection."""

from __future__ import annotations

import datetime
import re

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.](\d+))?(Z|[+-]\d\d:\d\d)?")


def moment(text: str) -> datetime.datetime:
    """A time such as ``2026-11-21T09:15:02.123456789Z``; without a zone it is UTC.

    Python 3.10 itself knows no Z, and takes three or six digits of a second only.

    :raises ValueError: when the text is no such time.
    """
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no time; expected one such as 2026-11-21T09:15:02.123456Z")
    day, time, fraction, zone = found.groups()
    offset = "+00:00" if zone in (None, "Z") else zone
    return datetime.datetime.fromisoformat(f"{day}T{time}.{(fraction or '')[:6]:0<6}{offset}")
