# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers and fragments to the text of jupyterhub_config.py, and back. Private to the collection.

Data never becomes code: names must be identifiers, values are written as literals or as references that are
looked up when the hub starts.
"""

from __future__ import annotations

import ast
import keyword
import math
import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

COLUMNS = 120  # a value whose line would be longer is laid out one element a line
DEPTH = 90  # Python's own parser gives up at 200 open brackets

_FIRST_LINE = "# Managed by the module hubwright.jupyterhub.hub_config: what is edited here is lost on its next run.\n"
_HEADER = (
    _FIRST_LINE
    + "# To change it, change the settings and fragments given to that module (the hub description) and run it again.\n"
    + "c = get_config()  # noqa: F821\n"
)
_HELPERS = {
    "_env": '''

def _env(name, setting):
    """Return the environment variable that a setting refers to."""
    import os

    if name not in os.environ:
        this = globals().get("__file__", "jupyterhub_config.py")
        raise RuntimeError(f"{this}: {setting} needs the environment variable {name}, which is not set")
    return os.environ[name]
''',
    "_file": '''

def _file(path, setting):
    """Return the text of the file that a setting refers to, without one line end after it."""
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read().removesuffix("\\n")
    except (OSError, ValueError) as error:
        this = globals().get("__file__", "jupyterhub_config.py")
        raise RuntimeError(f"{this}: {setting} needs the file {path}, which cannot be read: {error}") from None
''',
}
_REFERENCES = {"env": "_env", "file": "_file"}
_FRAGMENT = re.compile(r"^# --- fragment (.+) ---\n(.*?)^# --- end of fragment \1 ---$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Layer:
    """Settings with a name that says where they come from."""

    name: str  #: one printable line, written into the file as a comment
    settings: Mapping[str, Mapping[str, t.Any]]  #: {class: {trait: value}}


@dataclass(frozen=True)
class Rendering:
    """A rendered configuration and the way back from its lines to where they came from."""

    text: str
    settings: dict[str, dict[str, t.Any]]  #: all layers as one, values as they were given
    origins: dict[str, str]  #: "Class.trait" -> name of the layer that won
    lines: dict[str, int]  #: "Class.trait" -> line of its assignment, from 1
    fragments: dict[str, tuple[int, int]]  #: key -> first line of the fragment, number of its lines


def render(layers: Sequence[Layer], fragments: Mapping[str, str]) -> Rendering:
    """Return the configuration file for these layers; a later layer wins trait by trait.

    A mapping with exactly the one key ``env`` or ``file`` and a string is a reference, at any depth; ``literal``
    gives its value as it is. Fragments come last, sorted by key, as they are.

    :raises HubError: for everything that cannot be written, in one go, as ``problems``.
    """
    problems: list[str] = []
    settings, origins = _merged(layers, problems)
    literals: dict[str, _Node] = {}
    helpers: set[str] = set()
    for class_name, traits in settings.items():
        for trait, value in traits.items():
            name = f"{class_name}.{trait}"
            try:
                literals[name] = _node(value, name, helpers)
            except HubError as error:
                problems.append(f"{error} (layer {origins[name]!r})")
    problems.extend(_fragment_problems(fragments))
    if problems:
        raise HubError(
            "The configuration cannot be written:\n" + "\n".join(f"- {problem}" for problem in problems),
            problems=problems,
        )

    text = _Text(_HEADER)
    for helper in sorted(helpers):
        text.add(_HELPERS[helper])
    lines: dict[str, int] = {}
    for name in dict.fromkeys(layer.name for layer in layers):
        won = sorted((key.split(".") for key, origin in origins.items() if origin == name))
        if not won:
            continue
        text.add(f"\n# --- settings of layer {name} ---\n")
        for class_name, trait in won:
            key = f"{class_name}.{trait}"
            lines[key] = text.line
            text.add("\n".join(_laid_out(literals[key], f"c.{key} = ")) + "\n")
    places: dict[str, tuple[int, int]] = {}
    for key in sorted(fragments):
        body = fragments[key].rstrip("\n") + "\n"
        text.add(f"\n# --- fragment {key} ---\n")
        first = text.line
        text.add(body)
        places[key] = (first, text.line - first)
        text.add(f"# --- end of fragment {key} ---\n")
    return Rendering(text.text(), settings, origins, lines, places)


def read_settings(text: str) -> dict[str, dict[str, t.Any]] | None:
    """Return the settings of a file that ``render`` made, references as mappings; None for any other file."""
    if not text.startswith(_FIRST_LINE):
        return None
    settings: dict[str, dict[str, t.Any]] = {}
    try:
        # Fragments are anybody's Python: they are cut off, so that one that does not compile spoils nothing.
        tree = ast.parse(text.partition("\n# --- fragment ")[0])
        for statement in tree.body:
            match statement:
                case ast.Assign(
                    targets=[ast.Attribute(value=ast.Attribute(value=ast.Name(id="c"), attr=class_name), attr=trait)]
                ):
                    settings.setdefault(class_name, {})[trait] = _value(statement.value)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # the first line is ours, the rest was edited
    return settings


def read(text: str) -> Rendering | None:
    """Return the rendering of a file that ``render`` made and nobody edited since; None for any other file."""
    settings = read_settings(text)
    if settings is None:
        return None
    before_fragments = text.partition("\n# --- fragment ")[0]
    layers = []
    for section in before_fragments.split("\n# --- settings of layer ")[1:]:
        name, _end, body = section.partition(" ---\n")
        traits = re.findall(r"^c\.(\w+)\.(\w+) = ", body, re.MULTILINE)
        layer: dict[str, dict[str, t.Any]] = {}
        for class_name, trait in traits:
            if trait in settings.get(class_name, {}):
                layer.setdefault(class_name, {})[trait] = settings[class_name][trait]
        layers.append(Layer(name, layer))
    fragments = {found[1]: found[2] for found in _FRAGMENT.finditer(text)}
    try:
        made = render(layers, fragments)
    except HubError:
        return None
    return made if made.text == text else None


def changed_names(before: str, after: str) -> list[str]:
    """Return "Class.trait" and "fragment KEY" of what differs between two rendered texts; values are left out.

    A text that is not ours counts as empty.
    """
    old, new = _named(before), _named(after)
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def _named(text: str) -> dict[str, str]:
    named = {
        f"{class_name}.{trait}": repr(value)  # text, since 1 == True and 1 == 1.0
        for class_name, traits in (read_settings(text) or {}).items()
        for trait, value in traits.items()
    }
    if text.startswith(_FIRST_LINE):
        named |= {f"fragment {found[1]}": found[2] for found in _FRAGMENT.finditer(text)}
    return named


def _merged(layers: Sequence[Layer], problems: list[str]) -> tuple[dict[str, dict[str, t.Any]], dict[str, str]]:
    """Return the settings as one mapping and the layer that each trait comes from."""
    settings: dict[str, dict[str, t.Any]] = {}
    origins: dict[str, str] = {}
    for layer in layers:
        if not _one_line(layer.name):
            problems.append(f"The name of a layer is {layer.name!r}, expected one line of printable text.")
            continue
        where = f"layer {layer.name!r}"
        if not isinstance(layer.settings, Mapping):
            found = _kind(layer.settings)
            problems.append(f"The settings of {where} are {found}, expected {{class: {{trait: value}}}}.")
            continue
        for class_name, traits in layer.settings.items():
            if not _identifier(class_name):
                problems.append(
                    f"The class {class_name!r} of {where} is not the bare name of a class, expected one like "
                    "JupyterHub or DockerSpawner: letters, digits, underscores, without the module before it."
                )
            elif not isinstance(traits, Mapping):
                problems.append(f"{class_name} of {where} is {_kind(traits)}, expected a mapping {{trait: value}}.")
            else:
                for trait, value in traits.items():
                    if not _identifier(trait):
                        problems.append(
                            f"The trait {trait!r} of {class_name} in {where} is not a name, expected letters, "
                            "digits and underscores, not beginning with a digit or an underscore."
                        )
                        continue
                    settings.setdefault(class_name, {})[trait] = value
                    origins[f"{class_name}.{trait}"] = layer.name
    return settings, origins


def _fragment_problems(fragments: Mapping[str, str]) -> list[str]:
    problems = []
    for key, body in fragments.items():
        if not _one_line(key):
            problems.append(f"The key {key!r} of a fragment is not one line of printable text.")
        elif not isinstance(body, str):
            problems.append(f"The fragment {key!r} is {_kind(body)}, expected Python as text.")
        elif not _encodable(body):
            problems.append(f"The fragment {key!r} holds half a surrogate pair, which no UTF-8 file can hold.")
    return problems


def _identifier(name: object) -> bool:
    """True for names that stay themselves in source: Python folds other letters, and c.__class__ is no trait."""
    return (
        isinstance(name, str)
        and name.isascii()
        and name.isidentifier()
        and not name.startswith("_")
        and not keyword.iskeyword(name)
    )


def _one_line(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip()) and text.isprintable()


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: object) -> str:
    """Say what a value is without showing text: in the wrong place it may be a secret."""
    if value is None:
        return "empty"
    return f"the number {value}" if type(value) in (int, float) else f"of type {type(value).__name__}"


class _Text:
    """Text that knows the number of its next line."""

    def __init__(self, text: str) -> None:
        self._parts: list[str] = []
        self.line = 1
        self.add(text)

    def add(self, text: str) -> None:
        self._parts.append(text)
        self.line += len(re.findall(r"\r\n|\r|\n", text))  # Python counts a lone carriage return too

    def text(self) -> str:
        return "".join(self._parts)


@dataclass(frozen=True)
class _Group:
    """A container, still to be laid out."""

    opening: str
    closing: str
    items: list[tuple[str, _Node]]  #: text before the element ("'key': "), element
    width: int  #: of all of it on one line


_Node: t.TypeAlias = "str | _Group"


def _group(opening: str, closing: str, items: list[tuple[str, _Node]]) -> _Group:
    width = len(opening) + len(closing) + 2 * max(len(items) - 1, 0)
    width += sum(len(lead) + (len(node) if isinstance(node, str) else node.width) for lead, node in items)
    return _Group(opening, closing, items, width)


def _node(value: t.Any, setting: str, helpers: set[str], depth: int = 0, literal: bool = False) -> _Node:
    """Return the expression of a value; adds the helpers that it needs."""
    if depth > DEPTH:
        raise HubError(f"{setting} is nested deeper than {DEPTH} levels, or holds itself.")

    def inner(element: t.Any) -> _Node:
        return _node(element, setting, helpers, depth + 1, literal)

    # Methods of the plain types: subclasses (tagged strings, enumerations) have a repr that is no literal.
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, int):
        # Python refuses to convert very long decimal numbers.
        return hex(value) if value.bit_length() > 2000 else int.__repr__(value)
    if isinstance(value, float):
        return _float(value, setting)
    if isinstance(value, str):
        return str.__repr__(value)
    if isinstance(value, bytes):
        return bytes.__repr__(value)
    if isinstance(value, Mapping):
        if not literal and len(value) == 1:
            ((key, only),) = value.items()
            if key == "literal":
                return _node(only, setting, helpers, depth + 1, literal=True)
            if key in _REFERENCES and isinstance(only, str):
                return _reference(key, only, setting, helpers)
        return _group("{", "}", [(f"{_key(key, setting)}: ", inner(element)) for key, element in value.items()])
    if isinstance(value, list):
        return _group("[", "]", [("", inner(element)) for element in value])
    if isinstance(value, tuple):
        return _group("(", ",)" if len(value) == 1 else ")", [("", inner(element)) for element in value])
    if isinstance(value, set):
        # Sets have no order of their own: sorted by their text, the file is stable.
        elements: list[tuple[str, _Node]] = [("", text) for text in sorted(_key(key, setting) for key in value)]
        return _group("{", "}", elements) if elements else "set()"
    raise HubError(
        f"{setting} holds a value {_kind(value)}, expected text, numbers, booleans, lists and mappings.",
        "What only Python can say belongs into a fragment.",
    )


def _float(value: float, setting: str) -> str:
    if math.isnan(value):
        raise HubError(f"{setting} holds nan, which is not a number that a setting can have.")
    if math.isinf(value):
        return "1e999" if value > 0 else "-1e999"
    return float.__repr__(value)


def _key(key: t.Any, setting: str) -> str:
    """Return the literal of a key of a mapping, or of an element of a set."""
    if isinstance(key, tuple):
        return "(" + "".join(f"{_key(element, setting)}, " for element in key).rstrip(" ") + ")"
    text = _node(key, setting, set())
    if not isinstance(text, str):
        raise HubError(f"{setting} has a key {_kind(key)}, expected text or a number.")
    return text


def _reference(key: str, target: str, setting: str, helpers: set[str]) -> str:
    advice = f"For the plain mapping {{{key}: {target!r}}} write {{literal: {{{key}: {target!r}}}}}."
    if "\0" in target or not _encodable(target):
        raise HubError(f"{setting} refers to {target!r}, which is no name that a system can have.", advice)
    if key == "env" and (not target or "=" in target):
        raise HubError(f"{setting} refers to the environment variable {target!r}, which is no name of one.", advice)
    if key == "file" and not target.startswith("/"):
        raise HubError(f"{setting} refers to the file {target!r}, expected an absolute path.", advice)
    helper = _REFERENCES[key]
    helpers.add(helper)
    return f"{helper}({str.__repr__(target)}, {setting!r})"


def _flat(node: _Node) -> str:
    if isinstance(node, str):
        return node
    return node.opening + ", ".join(lead + _flat(element) for lead, element in node.items) + node.closing


def _laid_out(node: _Node, lead: str, indent: int = 0, tail: str = "") -> list[str]:
    """Return the lines of an expression: one when it fits, else one element a line."""
    if isinstance(node, str) or not node.items or indent + len(lead) + node.width + len(tail) <= COLUMNS:
        return [" " * indent + lead + _flat(node) + tail]
    lines = [" " * indent + lead + node.opening]
    for inner_lead, element in node.items:
        lines.extend(_laid_out(element, inner_lead, indent + 4, ","))
    lines.append(" " * indent + node.closing.lstrip(",") + tail)
    return lines


def _value(node: ast.expr) -> t.Any:
    """Return what was given for an expression that ``_node`` wrote."""
    match node:
        case ast.Call(func=ast.Name(id="_env"), args=[ast.Constant(value=str(target)), *_]):
            return {"env": target}
        case ast.Call(func=ast.Name(id="_file"), args=[ast.Constant(value=str(target)), *_]):
            return {"file": target}
        case ast.List(elts=elements):
            return [_value(element) for element in elements]
        case ast.Tuple(elts=elements):
            return tuple(_value(element) for element in elements)
        case ast.Dict(keys=keys, values=values) if None not in keys:
            pairs = zip(keys, values, strict=True)
            found = {ast.literal_eval(t.cast(ast.expr, key)): _value(value) for key, value in pairs}
            if len(found) == 1:
                ((key, value),) = found.items()
                if key == "literal" or (key in _REFERENCES and isinstance(value, str)):
                    return {"literal": ast.literal_eval(node)}  # plain data that looks like a reference
            return found
    return ast.literal_eval(node)
