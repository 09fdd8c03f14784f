# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters about releases of notebook images; documented in the files of their names."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _image_report
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError


def notebook_image_report(hubs: t.Mapping[str, t.Any]) -> list[str]:
    """What notebook_image_info found, by hub and image, as the lines of one table."""
    try:
        return _image_report.report(hubs)
    except HubError as error:
        raise AnsibleFilterError(str(error)) from error


def notebook_image_idle(
    servers: t.Iterable[t.Mapping[str, t.Any]], activity: t.Iterable[t.Mapping[str, t.Any]], seconds: float
) -> list[t.Mapping[str, t.Any]]:
    """User servers with an older release that nobody used for so long."""
    try:
        return _image_report.idle(servers, activity, seconds)
    except HubError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Name and function."""
        return {"notebook_image_report": notebook_image_report, "notebook_image_idle": notebook_image_idle}
