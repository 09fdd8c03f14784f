# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the table of docs/from-the-chart.md, from the rows that the filter hub_from_chart_values uses; `make docs` runs it."""

from __future__ import annotations

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".dev"))

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _chart_values

PAGE = ROOT / "docs" / "from-the-chart.md"
BEGIN = "<!-- begin values -->\n"
END = "<!-- end values -->\n"


def page(current: str) -> str:
    """``current`` with a fresh table between the two markers; everything outside them is kept."""
    before, begin, rest = current.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} has no table: add a line {BEGIN.strip()} and, below it, a line {END.strip()}")
    return f"{before}{BEGIN}\n{_chart_values.table()}\n{END}{after}"


def main() -> int:
    """Write the page when it changed."""
    current = PAGE.read_text(encoding="utf-8")
    text = page(current)
    if text != current:
        PAGE.write_text(text, encoding="utf-8")
        print(f"written: {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
