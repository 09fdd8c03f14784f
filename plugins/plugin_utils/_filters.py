# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What filters have in common. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError


def checked(function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    """The function with HubError turned into what a filter raises."""

    def call(*args: t.Any, **kwargs: t.Any) -> t.Any:
        try:
            return function(*args, **kwargs)
        except HubError as error:
            raise AnsibleFilterError(str(error)) from None  # Ansible would say the cause a second time

    return call
