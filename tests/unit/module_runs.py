# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module in this process, which takes a tenth of the time of a process of its own.

Warnings of the module do not arrive here: whoever asserts something about them uses ``module_processes``.
"""

from __future__ import annotations

import contextlib
import io
import json
import types
import typing as t

from ansible.module_utils.testing import patch_module_args

SECRETS = ("token",)


def call(module: types.ModuleType, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """The result of ``module`` with ``options``; ``failed`` is there when it failed.

    :raises AssertionError: the result shows the value of a secret option.
    """
    out = io.StringIO()
    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True}
    with patch_module_args(arguments), contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        module.main()
    text = out.getvalue()
    for option in SECRETS:
        if options.get(option):
            assert str(options[option]) not in text, f"the result shows {option}"
    return dict(json.loads(text))
