# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A values file of the chart zero-to-jupyterhub as variables of a hub. Private to the collection.

What each value means is in ``_chart_table``; here it is applied to what a site gave, and nothing of it is lost: every
value that was given is in exactly one of three lists.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _chart_table
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._chart_conversions import Decide, Impossible, Row
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

_TEMPLATE = re.compile(r"\{\{|\{%|\{#")
# Values that have rows of their own and rows for what is below them.
_DIVIDED = {
    row.value
    for row in _chart_table.ROWS
    if any(other.value.startswith(f"{row.value}.") for other in _chart_table.ROWS)
}
_UNKNOWN = "The chart has no such value in the releases that this table was made from; look up what it does."


def translate(values: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Variables for a hub that is like the chart's, and what is not in them.

    :param values: what ``helm get values`` shows, or the site's own values file.
    :returns: ``variables`` for group_vars, ``secrets`` for a vault, which the variables refer to, and the lists
        ``translated``, ``decide`` and ``impossible``. None of the lists holds a value that was given.
    :raises HubError: it is no values file of this chart.
    """
    if not isinstance(values, t.Mapping):
        raise HubError(f"The values are {type(values).__name__}; expected the mapping of a values file.")
    if values and not set(values) & _chart_table.SECTIONS:
        below = sorted(str(key) for key, value in values.items() if isinstance(value, t.Mapping) and "hub" in value)
        raise HubError(
            f"None of {', '.join(sorted(map(str, values)))} is a value of the chart; expected some of "
            f"{', '.join(sorted(_chart_table.SECTIONS))}.",
            f"The chart is a part of another one here: give the mapping below {below[0]}." if below else "",
        )
    translation = _Translation(values)
    for path, given in _given(values):
        translation.add(path, given)
    for path, default in _chart_table.DEFAULTS.items():
        if translation.look(path) is None and _chart_table.applies(path, translation.look):
            translation.add(path, default, note="Not given: the chart's default, which is another one here.")
    return translation.result()


def _given(values: t.Mapping[str, t.Any], parent: str = "") -> t.Iterator[tuple[str, t.Any]]:
    """Path and value of everything that was given: as deep as the table goes. Nothing and null are the chart's defaults."""
    for key, value in values.items():
        path = f"{parent}{key}"
        if value is None or value in ({}, [], ""):
            continue
        if isinstance(value, t.Mapping) and (path not in _chart_table.BY_VALUE or path in _DIVIDED):
            yield from _given(value, f"{path}.")
        else:
            yield path, value


def _row(path: str) -> Row | None:
    """The row of a value, or of the next one above it that has one."""
    while path:
        if path in _chart_table.BY_VALUE:
            return _chart_table.BY_VALUE[path]
        path = path.rpartition(".")[0]
    return None


class _Translation:
    """What has been found so far; the functions of the table write into it by ``set`` and ``secret``."""

    def __init__(self, values: t.Mapping[str, t.Any]) -> None:
        self.values = values
        self.variables: dict[str, t.Any] = {}
        self.secrets: dict[str, t.Any] = {}
        self.translated: list[dict[str, str]] = []
        self.decide: list[dict[str, str]] = []
        self.impossible: list[dict[str, str]] = []

    def add(self, path: str, given: t.Any, note: str = "") -> None:
        """Translate one value that was given; ``note`` replaces that of its row."""
        row = _row(path)
        if row is None:
            self.decide.append({"value": path, "variable": "", "why": _UNKNOWN})
            return
        try:
            row.convert(self, row, given)
        except Decide as decision:
            self.decide.append({"value": path, "variable": row.variable, "why": str(decision)})
        except Impossible as reason:
            self.impossible.append({"value": path, "why": str(reason)})
        else:
            self.translated.append({"value": path, "variable": row.variable, "note": note or row.note})

    # --- for the functions of the table

    def look(self, path: str) -> t.Any:
        """Another value that was given; None without it."""
        found: t.Any = self.values
        for key in path.split("."):
            found = found.get(key) if isinstance(found, t.Mapping) else None
        return found

    def set(self, variable: str, value: t.Any) -> None:
        """Give a variable its value; one of a mapping is ``hub_oauth.scope``. Mappings are merged."""
        name, _dot, below = variable.partition(".")
        if below:
            value = {below: value}
        known = self.variables.get(name)
        if isinstance(known, dict) and isinstance(value, t.Mapping):
            value = _merged(known, value)
        self.variables[name] = value
        if _TEMPLATE.search(_texts(value)):
            self.question(name, name, "It holds braces that Ansible takes for a template: write the text as !unsafe.")

    def secret(self, variable: str, value: t.Any) -> None:
        """Give a variable its value by way of a vault."""
        vaulted = "vault_" + re.sub(r"[^a-z0-9_]", "_", variable.lower())
        self.secrets[vaulted] = value
        name, _dot, below = variable.partition(".")
        reference: t.Any = f"{{{{ {vaulted} }}}}"
        for key in reversed(below.split(".") if below else []):
            reference = {key: reference}
        known = self.variables.get(name)
        if isinstance(known, dict) and isinstance(reference, dict):
            reference = _merged(known, reference)
        self.variables[name] = reference

    def question(self, path: str, variable: str, why: str) -> None:
        """Something about a value that the site has to decide, besides what is translated."""
        entry = {"value": path, "variable": variable, "why": why}
        if entry not in self.decide:
            self.decide.append(entry)

    def result(self) -> dict[str, t.Any]:
        """All of it, in the order of the file, the variables sorted."""
        if "hub_sign_in" not in self.variables and not self.look("hub.config.JupyterHub.authenticator_class"):
            self.question("hub.config", "hub_sign_in", _chart_table.NO_SIGN_IN)
        return {
            "variables": dict(sorted(self.variables.items())),
            "secrets": dict(sorted(self.secrets.items())),
            "translated": self.translated,
            "decide": self.decide,
            "impossible": self.impossible,
        }


def _merged(known: t.Mapping[str, t.Any], new: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Both mappings in one, as deep as both go."""
    result = dict(known)
    for key, value in new.items():
        old = result.get(key)
        deeper = isinstance(old, t.Mapping) and isinstance(value, t.Mapping)
        result[key] = _merged(old, value) if deeper else value  # type: ignore[arg-type]
    return result


def _texts(value: t.Any) -> str:
    """All texts of a value, without the references to a vault that ``secret`` made."""
    if isinstance(value, t.Mapping):
        return "\n".join(_texts(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return "\n".join(map(_texts, value))
    text = str(value) if isinstance(value, str) else ""
    return "" if text.startswith("{{ vault_") else text


def table(rows: t.Iterable[Row] = _chart_table.ROWS) -> str:
    """The table of docs/from-the-chart.md in Markdown, one part for each section of a values file."""
    parts: list[str] = []
    section = ""
    for row in rows:
        if row.value.partition(".")[0] != section:
            section = row.value.partition(".")[0]
            parts.append(f"\n### {section}\n\n| value of the chart | here | |\n|---|---|---|")
        here = f"`{row.variable}`" if row.variable else {"always": "nothing to do", "impossible": "–"}.get(row.kind, "")
        note = row.note.replace("|", r"\|")
        parts.append(f"| `{row.value}` | {here} | {note} |")
    return "\n".join(parts).lstrip("\n") + "\n"
