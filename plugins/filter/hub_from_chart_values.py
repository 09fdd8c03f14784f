# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter hub_from_chart_values; documented in hub_from_chart_values.yml."""

from __future__ import annotations

import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _chart_values
from ansible_collections.hubwright.jupyterhub.plugins.plugin_utils._filters import checked


def hub_from_chart_values(values: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Variables of a hub that is like the chart's, and what is not in them."""
    return _chart_values.translate(values)


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Name and function."""
        return {"hub_from_chart_values": checked(hub_from_chart_values)}
