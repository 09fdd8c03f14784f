# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives programs whose PYTHONPATH names this directory a tarfile that refuses what is hostile, which Python has from 3.11.4 on."""

import sys
import tarfile

if not hasattr(tarfile, "data_filter"):
    from backports import tarfile as newer

    sys.modules["tarfile"] = newer
