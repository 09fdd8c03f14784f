# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python text for a diff, without the secrets in it. Private to the collection.

Works on any file, since the one that is replaced may be anybody's: what does not compile is not shown at all.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import typing as t
import warnings
from collections.abc import Iterator, Mapping

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._findings import is_secret

MASK = "'********'"
# A secret's place, address or age is no secret, and is what a reader of a diff looks for.
_ABOUT_A_SECRET = re.compile(
    r"(file|path|dir|directory|ur[il]|name|class|hook|scopes?|seconds|minutes|days|age|expires(_in)?|ssl_key|tls_key)$",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(://[^\s:/@'\"]*:)[^\s'\"]+(@)")
_PASSWORD = re.compile(r"://[^\s:/@]*:([^\s]+)@")
_PAIR = re.compile(r"([\w.-]+)(\\?['\"]?\s*[=:]\s*)(?=\S)(?!//)")
_RANDOM = re.compile(r"(?<![\w:])[0-9a-fA-F]{32,}(?!\w)")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")


def masked(text: str) -> str:
    """Return the text with the values of secret-looking traits, variables, keys and arguments replaced.

    References (``_env``, ``_file``, ``os.environ[...]``) and names of variables stay: they hold no secret.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the style of a foreign file is no news here
            tree = ast.parse(text)
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        comments = [token for token in tokens if token.type == tokenize.COMMENT]
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError):
        return f"({text.count(chr(10))} lines that are not Python: not shown, since secrets cannot be told apart)\n"
    source = _Source(text)
    for token in comments:
        line, column = token.start
        start = source.offset(line, len(token.line[:column].encode()))
        source.replace(start, start + len(token.string.encode()), _masked_text(token.string))
    for node in ast.walk(tree):
        for value in _secrets(node):
            for part in _not_harmless(value):
                source.replace(*source.span(part), MASK)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))):
            start, end = source.span(node)
            literal = source.bytes[start:end].decode()
            shown = _masked_literal(literal)
            if shown != literal:
                source.replace(start, end, shown)
    return source.text()


def secret_name(name: str, parent: str = "") -> bool:
    """True for names of values that nobody should see; ``parent`` is the class of a trait."""
    return is_secret(name, parent) and not _ABOUT_A_SECRET.search(name)


class _Source:
    """Text with replacements; of two that overlap the outer one counts."""

    def __init__(self, text: str) -> None:
        self.bytes = text.encode(errors="surrogatepass")
        self._starts = [0]
        for line in self.bytes.split(b"\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._replaced: list[tuple[int, int, str]] = []

    def offset(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column

    def span(self, node: ast.expr) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self.offset(node.lineno, node.col_offset), self.offset(end_line, end_column)

    def replace(self, start: int, end: int, text: str) -> None:
        self._replaced.append((start, end, text))

    def text(self) -> str:
        parts, done = [], 0
        for start, end, text in sorted(self._replaced, key=lambda item: (item[0], -item[1])):
            if start >= done:
                parts += [self.bytes[done:start], text.encode(errors="surrogatepass")]
                done = end
        return b"".join([*parts, self.bytes[done:]]).decode(errors="surrogatepass")


def _secrets(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the expressions that a node gives to secret-looking names."""
    match node:
        case ast.Assign(targets=targets, value=value):
            if any(_named_secret(target) for target in targets):
                yield value
        case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
            if _named_secret(target):
                yield value
        case ast.AugAssign(target=target, value=value):
            if _named_secret(target):
                yield value
        case ast.Dict(keys=keys, values=values):
            yield from (value for key, value in zip(keys, values, strict=True) if key and _named_secret(key))
        case ast.keyword(arg=str(name), value=value):
            if secret_name(name):
                yield value
        case ast.Call(func=ast.Name(id="_env" | "_file")):
            return  # the name of a setting beside the place of its value
        case ast.Call(args=arguments):
            # os.environ.setdefault("API_TOKEN", "...")
            for index, argument in enumerate(arguments):
                if _named_secret(argument) and isinstance(argument, ast.Constant):
                    yield from arguments[index + 1 :]
                    break
        case ast.Compare(left=left, comparators=others):
            if any(_named_secret(side) for side in (left, *others) if not isinstance(side, ast.Constant)):
                yield from (side for side in (left, *others) if isinstance(side, ast.Constant))
        case ast.arguments():
            plain = [*node.posonlyargs, *node.args]
            pairs = list(zip(reversed(plain), reversed(node.defaults), strict=False))
            pairs += [(arg, value) for arg, value in zip(node.kwonlyargs, node.kw_defaults, strict=True) if value]
            yield from (value for arg, value in pairs if secret_name(arg.arg))


def _named_secret(target: ast.expr) -> bool:
    match target:
        case ast.Name(id=name) | ast.Constant(value=str(name)):
            return secret_name(name)
        case ast.Attribute(value=ast.Attribute(attr=parent), attr=name):
            return secret_name(name, parent)
        case ast.Attribute(attr=name):
            return secret_name(name)
        case ast.Subscript(value=value, slice=index):
            return _named_secret(index) or _named_secret(value)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return any(_named_secret(element) for element in elements)
        case ast.Starred(value=value):
            return _named_secret(value)
    return False


def _not_harmless(value: ast.expr) -> Iterator[ast.expr]:
    """Yield the value unless it only says where the secret is."""
    match value:
        case ast.Name() | ast.Attribute() | ast.Constant(value=None | bool()) | ast.Call(args=[], keywords=[]):
            return
        case ast.Call(func=ast.Name(id="_env" | "_file")):
            return
        case ast.Subscript(value=ast.Attribute(attr="environ")):
            return
        case ast.Call(func=ast.Attribute(attr="getenv" | "get" | "read" | "strip"), args=[ast.Constant()]):
            return
    yield value


def _masked_literal(literal: str) -> str:
    """Return a string literal without secrets; all of it goes when only its text tells that there is one."""
    if _PRIVATE_KEY.search(literal) or any(secret_name(found[1]) for found in _PAIR.finditer(literal)):
        return MASK
    return _RANDOM.sub("********", _ADDRESS.sub(r"\1********\2", literal))


def _masked_text(comment: str) -> str:
    for found in _PAIR.finditer(comment):
        name, _dot, trait = found[1].rpartition(".")
        if secret_name(trait, name):
            comment = comment[: found.end()] + "********"
            break
    return _RANDOM.sub("********", _ADDRESS.sub(r"\1********\2", comment))


def secret_texts(value: t.Any, name: str = "", parent: str = "") -> Iterator[str]:
    """Yield the texts of settings that nobody should see: under secret-looking names, and passwords in addresses.

    References are left out: they only say where the secret is.
    """
    match value:
        case {"env": str()} | {"file": str()} if len(value) == 1:
            return
        case Mapping():
            for key, inner in value.items():
                hidden = secret_name(name, parent)
                yield from secret_texts(inner, name if hidden else str(key), parent if hidden else name)
        case list() | tuple():
            for inner in value:
                yield from secret_texts(inner, name, parent)
        case str() if secret_name(name, parent):
            yield value
        case str():
            yield from (found[1] for found in _PASSWORD.finditer(value))
