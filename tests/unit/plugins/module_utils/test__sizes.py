# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._sizes import ACCEPTED, quantity, readable, to_bytes


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, 0),
        (1073741824, 2**30),
        ("1024", 1024),
        ("1024B", 1024),
        ("1024b", 1024),
        ("1K", 2**10),
        ("1k", 2**10),
        ("1Ki", 2**10),
        ("1KiB", 2**10),
        ("512M", 512 * 2**20),
        ("512Mi", 512 * 2**20),
        ("2G", 2**31),
        ("2GB", 2**31),
        ("2 Gi", 2**31),
        (" 2G ", 2**31),
        ("1.5G", 3 * 2**29),
        ("1T", 2**40),
        ("1152921504606846975", 2**60 - 1),
        ("1Ti", 2**40),
    ],
)
def test_size_in_bytes(size: str | int, expected: int) -> None:
    assert to_bytes(size, "hub_memory_limit") == expected


@pytest.mark.parametrize("size", ["", "2Q", "G", "-1", -1, "1,5G", "1.5.2G", "two", True, "1G 2G", "1e3", "٣G", "0x10"])
def test_anything_else_is_refused_by_the_name_of_its_variable(size: str | int) -> None:
    with pytest.raises(HubError) as caught:
        to_bytes(size, "hub_memory_limit")
    assert str(caught.value) == f"hub_memory_limit is {size!r}; expected {ACCEPTED}."


@given(st.integers(min_value=0, max_value=2**60))
def test_what_we_write_means_the_same_bytes(size: int) -> None:
    assert to_bytes(readable(size), "x") == size
    assert to_bytes(quantity(size), "x") == size


@pytest.mark.parametrize(
    ("size", "hub", "kubernetes"),
    [
        (0, "0", "0"),
        (1000, "1000", "1000"),
        (2**31, "2G", "2Gi"),
        (3 * 2**29, "1536M", "1536Mi"),
        (2**40, "1T", "1Ti"),
    ],
)
def test_the_largest_exact_unit_is_written(size: int, hub: str, kubernetes: str) -> None:
    assert (readable(size), quantity(size)) == (hub, kubernetes)
