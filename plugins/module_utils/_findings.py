# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the check of a configuration has to say, and how it shows values. Private to the collection.

Runs in the hub's own interpreter too: Python 3.10, standard library only.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

SHOWN_LENGTH = 60
_SECRET_NAME = re.compile(
    r"secret|token|passw|passphrase|credential|private|crypt|(^|_|[a-z])keys?($|_)", re.IGNORECASE
)
_URL_PASSWORD = re.compile(r"(//[^/\s:@]*):[^/\s@]+@")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One mistake, one piece of advice, or one thing that could not be decided."""

    severity: str
    """``error``, ``warning`` or ``unsure`` (could not be decided here, never a reason to stop)."""
    message: str
    """What was found and what was expected, one sentence."""
    hint: str = ""
    """What to do next."""
    where: str = ""
    """``c.DockerSpawner.image``, ``c.KubeSpawner``, or empty for a statement."""
    line: int | None = None
    """Line in the checked file, from 1."""
    origin: str = ""
    """Name of the layer, ``fragment KEY``, or name of the file."""
    fragment_line: int | None = None
    """Line in the fragment, from 1, when it came from one."""

    def __str__(self) -> str:
        place = self.origin
        # a layer has no lines: nobody edits the file that was made of it
        line = self.fragment_line or (self.line if "." in self.origin or not self.origin else None)
        if line is not None:
            place = f"{self.origin} line {line}".strip()
        text = ": ".join(part for part in (place, self.where, self.message) if part)
        text = text if text.endswith((".", "!", "?")) else text + "."
        return f"{text} {self.hint}".rstrip()


def is_secret(*names: str) -> bool:
    """True when one of the names of a class, trait or key suggests a value that nobody should see."""
    return any(_SECRET_NAME.search(name) for name in names)


def shown(value: t.Any, secret: bool = False) -> str:
    """The value in words: kind always, the value itself only when it is short, plain and no secret."""
    if value is None:
        return "nothing (None)"
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, (int, float)):
        kind = "the number"
        return kind if secret else f"{kind} {value!r}"
    if isinstance(value, str):
        if secret:
            return "a text"
        text = repr(_URL_PASSWORD.sub(r"\1:***@", value))
        return f"the text {text if len(text) <= SHOWN_LENGTH else text[: SHOWN_LENGTH - 3] + '...'}"
    if isinstance(value, (bytes, bytearray)):
        return f"{len(value)} bytes"
    if isinstance(value, (list, tuple, set, frozenset)):
        name = type(value).__name__
        return f"a {name} of {len(value)}" if value else f"an empty {name}"
    if isinstance(value, dict):
        return f"a mapping of {len(value)}" if value else "an empty mapping"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if callable(value):
        return "a callable"
    kind = type(value).__name__
    return f"{'an' if kind[:1].lower() in 'aeiou' else 'a'} {kind} object"


def masked(text: str, value: t.Any, secret: bool = False) -> str:
    """A foreign text (the words of a class) without the parts of ``value`` that nobody should see.

    Texts under keys that suggest a secret go away always, every text of the value when ``secret``;
    the rest is one line of at most 300 characters.
    """
    text = _URL_PASSWORD.sub(r"\1:***@", text)
    for hidden in sorted(_secret_texts(value, secret), key=len, reverse=True):
        text = text.replace(hidden, "***")
    text = " ".join(text.split())
    return text if len(text) <= 300 else text[:297] + "..."


def _secret_texts(value: t.Any, secret: bool) -> t.Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _secret_texts(item, secret or is_secret(str(key)))
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _secret_texts(item, secret)
    elif secret and isinstance(value, (str, bytes)) and value:
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        yield text
        yield repr(value)[1:-1]
    elif secret and isinstance(value, (int, float)) and not isinstance(value, bool):
        yield str(value)
