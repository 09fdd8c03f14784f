# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures the collection's code that runs in the interpreter of a hub environment of the tests.

`make` installs it into those environments, where each start of Python imports it. The check of a configuration starts the
hub's interpreter with ``-B -c`` and a bare environment, so a file beside the interpreter says whether and where to measure.
"""

from __future__ import annotations

import os
import sys

_SETTINGS = os.path.join(sys.prefix, "coveragerc")

if {"-B", "-c"} <= set(sys.orig_argv) and os.path.exists(_SETTINGS):
    import coverage

    os.environ["COVERAGE_PROCESS_START"] = _SETTINGS
    coverage.process_startup()
    del os.environ["COVERAGE_PROCESS_START"]
    _kill = os.killpg

    def _save_and_kill(group: int, number: int) -> None:
        """The check ends by killing its own process group: the figures are saved before."""
        measured = coverage.Coverage.current()
        if measured:
            measured.stop()
            measured.save()
        _kill(group, number)

    os.killpg = _save_and_kill
