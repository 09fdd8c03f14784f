# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module hub_image_build, and shows how the build gets on."""

from __future__ import annotations

from ansible_collections.hubwright.jupyterhub.plugins.plugin_utils._watched import WatchedAction


class ActionModule(WatchedAction):
    """The action of the module."""

    module = "hubwright.jupyterhub.hub_image_build"
    what = "the build"
