# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only exception that leaves the core. Private to the collection."""

from __future__ import annotations

import typing as t


class HubError(Exception):
    """Something that a person has to mend.

    :param message: what was found, what was expected and where.
    :param hint: what to do next; shown after the message.
    :param facts: returned beside the message, for example ``problems=[...]``.
    """

    def __init__(self, message: str, hint: str = "", **facts: t.Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()
