# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module says about itself. Private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes; a module adds its own ``support`` to each."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the changed status prediction without changing the target.
  diff_mode:
    description: Returns details on what has changed, or what would be changed in check mode, when in diff mode.
  idempotent:
    description: When run twice in a row, with nothing else changing the target, the second run reports no change.
"""

    # For modules that only look.
    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the changed status prediction without changing the target.
    support: full
    details:
      - It only looks and changes nothing.
  diff_mode:
    description: Returns details on what has changed, or what would be changed in check mode, when in diff mode.
    support: N/A
    details:
      - It changes nothing, so there is nothing to compare.
  idempotent:
    description: When run twice in a row, with nothing else changing the target, the second run reports no change.
    support: full
    details:
      - It changes nothing.
"""
