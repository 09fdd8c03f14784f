# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module volume_backup, and shows a line for each volume as soon as it is done."""

from __future__ import annotations

import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.plugin_utils._watched import WatchedAction


class ActionModule(WatchedAction):
    """The action of the module."""

    module = "hubwright.jupyterhub.volume_backup"
    what = "the backup"

    def is_short(self, arguments: dict[str, t.Any]) -> bool:
        """One volume needs no lines, and restic writes none."""
        volumes = arguments.get("volumes")
        return arguments.get("engine") == "restic" or not isinstance(volumes, list) or len(volumes) < 2
