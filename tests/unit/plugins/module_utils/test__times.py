# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times as hubs, engines and programs write them."""

from __future__ import annotations

import datetime

import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._times import moment

UTC = datetime.timezone.utc


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21T09:15:02.123456789Z", datetime.datetime(2026, 11, 21, 9, 15, 2, 123456, UTC)),
        ("2026-11-21T09:15:02Z", datetime.datetime(2026, 11, 21, 9, 15, 2, 0, UTC)),
        ("2026-11-21T09:15:02.5", datetime.datetime(2026, 11, 21, 9, 15, 2, 500000, UTC)),
        ("2026-11-21 10:15:02.5+01:00", datetime.datetime(2026, 11, 21, 9, 15, 2, 500000, UTC)),
    ],
)
def test_each_way_is_understood(text: str, expected: datetime.datetime) -> None:
    assert moment(text) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-21", "2026-13-21T09:15:02Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        moment(text)
