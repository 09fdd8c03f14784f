# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values against the type of a trait, as far as that can be known without the class. Private to the collection.

A type is a mapping read from the inventory: ``{"kind": "list", "of": {"kind": "text"}, "none": true}``.
Runs in the hub's own interpreter too: Python 3.10, standard library only.
"""

from __future__ import annotations

import math
import typing as t

BYTE_SUFFIXES = "KMGT"


class _Unknown:
    """A value that is only known when the hub runs."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()
_REFERENCES = {"env", "file"}


def without_references(value: t.Any) -> t.Any:
    """``{env: NAME}`` and ``{file: PATH}`` become UNKNOWN, ``{literal: X}`` becomes X, at any depth."""
    if isinstance(value, t.Mapping):
        if len(value) == 1:
            ((key, inner),) = value.items()
            if key in _REFERENCES and isinstance(inner, str):
                return UNKNOWN
            if key == "literal":
                return inner
        return {key: without_references(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_references(inner) for inner in value]
    return value


def fits(kind: t.Mapping[str, t.Any], value: t.Any, top: bool = True) -> bool | None:
    """Whether a trait of this type accepts the value; None when only the class itself knows.

    ``top`` is False inside a container, where a single text is no longer taken for a list of one.
    """
    if value is UNKNOWN:
        return True
    if value is None and kind.get("none"):
        return True
    judge = _JUDGES.get(kind["kind"])
    if judge is None or not isinstance(value, (str, int, float, list, dict, set, tuple, type(None))):
        return None
    return judge(kind, value, top)


def expected(kind: t.Mapping[str, t.Any]) -> str:
    """The type in words: ``a whole number from 1``, ``a list of texts``."""
    words = _WORDS.get(kind["kind"], _unknown_in_words)(kind)
    return f"{words} or None" if kind.get("none") and kind["kind"] != "any" else words


def _text(_kind: t.Mapping[str, t.Any], value: t.Any, _top: bool) -> bool | None:
    return isinstance(value, str)


def _text_or_false(_kind: t.Mapping[str, t.Any], value: t.Any, _top: bool) -> bool | None:
    return value is False or isinstance(value, str)


def _any_text(_kind: t.Mapping[str, t.Any], _value: t.Any, _top: bool) -> bool | None:
    return True


def _bool(_kind: t.Mapping[str, t.Any], value: t.Any, _top: bool) -> bool | None:
    return isinstance(value, bool) or (isinstance(value, int) and value in (0, 1))


def _in_bounds(kind: t.Mapping[str, t.Any], value: float) -> bool:
    low, high = kind.get("min"), kind.get("max")
    return not (low is not None and value < low) and not (high is not None and value > high)


def _int(kind: t.Mapping[str, t.Any], value: t.Any, _top: bool) -> bool | None:
    if isinstance(value, float) and not value.is_integer():
        return False
    return isinstance(value, (int, float)) and _in_bounds(kind, value)


def _cast_int(kind: t.Mapping[str, t.Any], value: t.Any, _top: bool) -> bool | None:
    try:
        return _in_bounds(kind, int(value))
    except (TypeError, ValueError, OverflowError):
        return False


def _float(kind: t.Mapping[str, t.Any], value: t.Any, _top: bool) -> bool | None:
    if isinstance(value, int) and not -(10**300) < value < 10**300:
        return None
    return isinstance(value, (int, float)) and _in_bounds(kind, value)


def _bytes(_kind: t.Mapping[str, t.Any], value: t.Any, _top: bool) -> bool | None:
    if isinstance(value, (int, float)):
        return True if math.isfinite(value) else None
    if not isinstance(value, str):
        return False
    try:
        number = float(value[:-1])
    except ValueError:
        return False
    if not math.isfinite(number):
        return None
    return value[-1] in BYTE_SUFFIXES


def _all(verdicts: t.Iterable[bool | None]) -> bool | None:
    """False when one is False, else None when one is None, else True."""
    result: bool | None = True
    for verdict in verdicts:
        if verdict is False:
            return False
        if verdict is None:
            result = None
    return result


def _elements(kind: t.Mapping[str, t.Any], values: t.Sequence[t.Any]) -> bool | None:
    if not kind.get("minlen", 0) <= len(values) <= kind.get("maxlen", math.inf):
        return False
    inner = kind.get("of")
    return True if inner is None else _all(fits(inner, value, False) for value in values)


def _list(kind: t.Mapping[str, t.Any], value: t.Any, top: bool) -> bool | None:
    if isinstance(value, str) and (top or kind.get("single")):
        return _elements(kind, [value])
    return _elements(kind, value) if isinstance(value, (list, tuple)) else False


def _set(kind: t.Mapping[str, t.Any], value: t.Any, top: bool) -> bool | None:
    if isinstance(value, str) and top:
        return _elements(kind, [value])
    if not isinstance(value, (list, tuple, set)):
        return False
    if any(isinstance(item, (list, dict, set)) for item in value):
        return None
    return _elements(kind, list(value))


def _tuple(kind: t.Mapping[str, t.Any], value: t.Any, _top: bool) -> bool | None:
    if not isinstance(value, (list, tuple)):
        return False
    members = kind.get("members") or []
    if not members:
        return True
    if len(value) != len(members):
        return False
    return _all(fits(member, item, False) for member, item in zip(members, value, strict=True))


def _dict(kind: t.Mapping[str, t.Any], value: t.Any, _top: bool) -> bool | None:
    if not isinstance(value, dict):
        return False
    verdicts: list[bool | None] = []
    for key, item in value.items():
        if kind.get("keys"):
            verdicts.append(fits(kind["keys"], key, False))
        inner = (kind.get("per_key") or {}).get(key, kind.get("values"))
        if inner:
            verdicts.append(fits(inner, item, False))
    return _all(verdicts)


def _union(kind: t.Mapping[str, t.Any], value: t.Any, _top: bool) -> bool | None:
    verdicts = [fits(member, value, False) for member in kind["members"]]
    if True in verdicts:
        first = verdicts.index(True)
        # a member that may raise something else before another member accepts is for the class to judge
        return None if None in verdicts[:first] else True
    return None if None in verdicts else False


def _choice(kind: t.Mapping[str, t.Any], value: t.Any, _top: bool) -> bool | None:
    return not isinstance(value, (list, dict, set)) and value in kind["choices"]


def _choice_of_text(kind: t.Mapping[str, t.Any], value: t.Any, _top: bool) -> bool | None:
    return isinstance(value, str) and value.lower() in [choice.lower() for choice in kind["choices"]]


def _callable(_kind: t.Mapping[str, t.Any], _value: t.Any, _top: bool) -> bool | None:
    return False


_JUDGES: dict[str, t.Callable[[t.Mapping[str, t.Any], t.Any, bool], bool | None]] = {
    "any": _any_text,
    "any_text": _any_text,
    "bool": _bool,
    "bytes": _bytes,
    "callable": _callable,
    "cast_int": _cast_int,
    "choice": _choice,
    "choice_of_text": _choice_of_text,
    "dict": _dict,
    "float": _float,
    "int": _int,
    "list": _list,
    "set": _set,
    "text": _text,
    "text_or_false": _text_or_false,
    "tuple": _tuple,
    "union": _union,
}


def _unknown_in_words(_kind: t.Mapping[str, t.Any]) -> str:
    return "another kind of value"


def _bounds_in_words(kind: t.Mapping[str, t.Any]) -> str:
    low, high = kind.get("min"), kind.get("max")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return f" from {low}" if low is not None else f" up to {high}" if high is not None else ""


def _plural(kind: t.Mapping[str, t.Any] | None) -> str:
    if kind is None or kind["kind"] == "any":
        return ""
    words = {"text": "texts", "int": "whole numbers", "dict": "mappings", "list": "lists", "float": "numbers"}
    return " of " + (words.get(kind["kind"]) or f"entries, each {expected(kind)}")


def _list_in_words(kind: t.Mapping[str, t.Any]) -> str:
    least = f", at least {kind['minlen']} long" if kind.get("minlen") else ""
    single = "a text or " if kind.get("single") else ""
    return f"{single}a {kind['kind']}{_plural(kind.get('of'))}{least}"


def _dict_in_words(kind: t.Mapping[str, t.Any]) -> str:
    inner = kind.get("values")
    return f"a mapping{' to ' + expected(inner) if inner and inner['kind'] != 'any' else ''}"


def _union_in_words(kind: t.Mapping[str, t.Any]) -> str:
    words: list[str] = []
    for member in kind["members"]:
        word = expected(member)
        if word not in words:
            words.append(word)
    return " or ".join(words)


_WORDS: dict[str, t.Callable[[t.Mapping[str, t.Any]], str]] = {
    "any": lambda _kind: "any value",
    "any_text": lambda _kind: "any value",
    "bool": lambda _kind: "True or False",
    "bytes": lambda _kind: "a number of bytes or a text such as 512M or 1.5G (suffix K, M, G or T)",
    "callable": lambda _kind: "a callable",
    "cast_int": lambda kind: "a whole number" + _bounds_in_words(kind),
    "choice": lambda kind: "one of " + ", ".join(map(repr, kind["choices"])),
    "choice_of_text": lambda kind: "one of " + ", ".join(map(repr, kind["choices"])),
    "class": lambda _kind: "the short name of an installed class, or a class path such as package.module.Class",
    "dict": _dict_in_words,
    "float": lambda kind: "a number" + _bounds_in_words(kind),
    "int": lambda kind: "a whole number" + _bounds_in_words(kind),
    "list": _list_in_words,
    "set": _list_in_words,
    "text": lambda _kind: "a text",
    "text_or_false": lambda _kind: "a text or False",
    "tuple": lambda kind: f"a list of exactly {len(kind.get('members') or [])}" if kind.get("members") else "a list",
    "union": _union_in_words,
}
