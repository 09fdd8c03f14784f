# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of plain text. Private to the collection."""

from __future__ import annotations

import typing as t

GAP = "  "


def table(columns: t.Sequence[str], rows: t.Iterable[t.Sequence[t.Any]], right: t.Collection[str] = ()) -> list[str]:
    """Lines of an aligned table, without blanks at their ends; what is not known reads ``-``.

    :param columns: the headings, with a rule below them.
    :param right: columns whose cells stand at the right, as numbers do.
    """
    cells = [tuple(columns)] + [tuple(one_line(cell) or "-" for cell in row) for row in rows]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    cells.insert(1, tuple("-" * width for width in widths))
    return [
        GAP.join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, cell, width in zip(columns, row, widths, strict=True)
        ).rstrip()
        for row in cells
    ]


def one_line(value: t.Any) -> str:
    """The value as text without line breaks and needless blanks; empty for None."""
    return "" if value is None else " ".join(str(value).split())
