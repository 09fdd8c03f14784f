# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the text of a jupyterhub_config.py so that every mistake in it is found, not only the first one.

Each statement is run on its own: one that fails becomes a finding with its line, and the rest goes on. Statements that
could not be run for a reason that lies in this place (an environment variable, a file, a package that is not here)
are no errors, and neither is what follows from them. Private to the collection.

Runs in the hub's own interpreter (Python 3.10 or newer, with traitlets); those are imported inside the functions only.
"""

from __future__ import annotations

import ast
import builtins
import copy
import os
import re
import signal
import sys
import types
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._findings import Finding, masked

_REPORT = "__hubwright_report__"
_DONE = "__hubwright_done__"
_MOST_SYNTAX_ERRORS = 50
_STATEMENT = re.compile(
    r"(c\.|import |from |def |class |async |if |for |while |with |try\b|return\b|@|del |raise |pass\b|"
    r"[A-Za-z_][\w.]*(\[[^\]]*\])?\s*(=(?!=)|\+=|\())"
)
_HEADER = re.compile(r"\s*(if|elif|else|for|while|with|try|except|finally|def|class|async)\b")
_BOUND_NAME = re.compile(r"(?:^|[\s;(,])([A-Za-z_]\w*)\s*=(?!=)|\b(?:def|class|import|as)\s+([A-Za-z_]\w*)")


class TimeLimit(BaseException):
    """The configuration took too long; not an Exception, so that no handler in the file swallows it."""


class Placeholder(str):
    """Value of an environment variable that is not set here: a text that also works where a number is made of it."""

    def __new__(cls, name: str) -> Placeholder:  # noqa: PYI034 - typing.Self needs 3.11
        self = super().__new__(cls, f"hubwright-placeholder-{name}")
        return self

    def __int__(self) -> int:
        return 8000

    def __float__(self) -> float:
        return 1.0


class Execution:
    """What running the text has given."""

    def __init__(self, config: t.Any) -> None:
        self.config = config
        self.findings: list[Finding] = []
        self.lines: dict[str, tuple[str, int]] = {}
        """``Section.trait`` -> file and line of the statement that set it last."""
        self.doubtful = False
        """Something depended on this place: a variable, a file or a package that is not here."""
        self.placeholders: set[str] = set()
        self.empty: list[str] = []
        """Variables that were asked for without a default and are not set here: the file got None."""
        self.namespace: dict[str, t.Any] = {}


def run(text: str, name: str, directory: str, seconds: float) -> Execution:
    """Run a configuration.

    :param text: the whole file.
    :param name: file name, used in messages and as ``__file__`` in ``directory``.
    :param seconds: after this time the statement that still runs is reported and the rest is left out.
    """
    from traitlets.config import Config

    runner = _Runner(Execution(Config()), directory or os.getcwd())
    path = os.path.join(runner.directory, name)

    def too_long(_signal: int, _frame: t.Any) -> None:
        raise TimeLimit

    previous = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    environment = os.environ.__class__
    try:
        os.environ.__class__ = _recording(environment, runner)
        runner.file(text, path, name)
    except TimeLimit:
        runner.add("error", f"the file is still running after {seconds:.0f} seconds", "", runner.current)
        runner.execution.doubtful = True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        os.environ.__class__ = environment
    runner.finish()
    return runner.execution


class _Runner:
    def __init__(self, execution: Execution, directory: str) -> None:
        self.execution = execution
        self.directory = directory
        self.current: tuple[str, int] = ("", 0)
        self.names: dict[str, str] = {}  # path -> name in messages
        self.lost: set[str] = set()  # names that a statement would have bound if it had run
        self.made_up: set[str] = set()  # names bound by a statement that got a stand-in
        self.binding: tuple[str, ...] = ()
        self.stood_in = False  # the current statement got a stand-in
        self.missing: list[str] = []  # what the current statement looked for in vain
        self.told: set[str] = set()
        self.seen: dict[str, t.Any] = {}
        self.assignments: dict[str, dict[str, list[int]]] = {}
        self.detached: list[tuple[t.Any, tuple[str, int]]] = []
        self.depth = 0
        sys.addaudithook(self.audit)
        self.listening = True

    def add(self, severity: str, message: str, hint: str, place: tuple[str, int], where: str = "") -> None:
        finding = Finding(severity, message, hint, where, place[1] or None, place[0])
        if finding not in self.execution.findings:
            self.execution.findings.append(finding)

    def audit(self, event: str, arguments: tuple[t.Any, ...]) -> None:
        """Notice files that the configuration opens and that are not here."""
        if event == "open" and self.listening and self.depth and isinstance(arguments[0], (str, bytes)):
            path = os.fsdecode(arguments[0])
            mode = arguments[1] or "r"
            if "r" in str(mode) and not os.path.exists(path) and not path.endswith((".pyc", ".so")):
                self.missing.append(f"the file {path}")

    # one file

    def file(self, text: str, path: str, name: str) -> None:
        self.names[path] = name
        tree, bad_names = _parsed(text, lambda line, message: self.syntax(message, (name, line)))
        self.lost |= bad_names
        self.assignments[name] = _assignments(tree)
        namespace = self.execution.namespace if self.depth else {}
        outer = {key: namespace.get(key) for key in ("__file__",)}
        namespace.update(
            c=self.execution.config,
            get_config=lambda: self.execution.config,
            load_subconfig=lambda sub, folder=None: self.subconfig(sub, folder),
            __file__=path,
            __name__="__main__" if not self.depth else namespace.get("__name__", "__main__"),
        )
        if not self.depth:
            del namespace["c"]  # the file itself says c = get_config(), or traitlets' loader gave it
            namespace["c"] = self.execution.config
            self.execution.namespace = namespace
        builtins.__dict__[_REPORT] = self.report
        builtins.__dict__[_DONE] = self.done
        code = compile(_guarded(tree), path, "exec")
        self.depth += 1
        try:
            exec(code, namespace)  # noqa: S102 - a configuration is Python that the hub runs, too
        finally:
            self.depth -= 1
            namespace.update({key: value for key, value in outer.items() if value is not None})

    def subconfig(self, name: str, folder: str | None = None) -> None:
        path = os.path.join(folder or self.directory, name)
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
        place = self.current
        self.file(text, path, os.path.basename(path))
        self.note_changes()
        self.current = place

    def syntax(self, message: str, place: tuple[str, int]) -> None:
        self.add("error", f"Python can not read this: {message}", "Correct the line.", place)

    # what the guarded statements call

    def done(self, line: int, bound: tuple[str, ...]) -> None:
        """Before a statement: what has changed belongs to the one before."""
        self.note_changes()
        self.missing.clear()
        self.stood_in = False
        self.binding = bound
        frame = sys._getframe(1)
        self.current = (self.names.get(frame.f_code.co_filename, self.current[0]), line)

    def report(self, error: BaseException, line: int, bound: tuple[str, ...], used: tuple[str, ...], kind: str) -> None:
        """A statement failed."""
        if isinstance(error, (TimeLimit, KeyboardInterrupt)):
            raise error
        if error.__dict__.get("_hubwright_told"):
            return
        frame = sys._getframe(1)
        name = self.names.get(frame.f_code.co_filename, "")
        place = (name, self.innermost(error, frame.f_code.co_filename) or line)
        self.lost.update(bound)
        self.note_changes()
        self.tell(error, place, used, kind)
        self.missing.clear()

    def innermost(self, error: BaseException, filename: str) -> int:
        line, trace = 0, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == filename and trace.tb_frame.f_code.co_name == "<module>":
                line = trace.tb_lineno
            trace = trace.tb_next
        return line

    def tell(self, error: BaseException, place: tuple[str, int], used: tuple[str, ...], kind: str) -> None:
        """Say what happened; whatever lies in this place rather than in the file is no error."""
        text = masked(str(error), dict(os.environ), secret=True) if not isinstance(error, KeyError) else str(error)
        text = f"{type(error).__name__}: {' '.join(text.split())}"
        text = text if len(text) <= 200 else text[:197] + "..."
        if isinstance(error, ImportError):
            self.execution.doubtful = True
            module = getattr(error, "name", "") or ""
            message = f"imports {module or 'a module'}, which can not be imported here ({text})"
            self.add("warning", message, "The hub does not start without it: install it where the hub runs.", place)
        elif isinstance(error, NameError) and (getattr(error, "name", "") or "") in self.lost:
            self.execution.doubtful = True  # follows from what was reported before
        elif self.lost.intersection(used) or self.missing or self.from_nothing(error, used):
            self.execution.doubtful = True
            if self.missing:
                self.once("warning", f"needs {self.missing[0]}, which is not here", place)
            elif not self.lost.intersection(used):
                message = f"could not be run with a stand-in for an environment variable ({text.partition(':')[0]})"
                self.add("unsure", message, "Set the variable for the check.", place)
        elif isinstance(error, SystemExit):
            self.execution.doubtful = True
            self.add("error" if kind == "Expr" else "unsure", "the file ends the program (sys.exit)", "", place)
        elif isinstance(error, OSError) or _of_this_place(error):
            self.execution.doubtful = True
            self.once("warning", f"could not be run here ({text})", place)
        elif kind == "Raise":
            self.execution.doubtful = True
            self.add("unsure", f"the file stops itself here ({text})", "", place)
        else:
            self.add("error", f"the hub stops here with {text}", "Correct the statement.", place)

    def once(self, severity: str, message: str, place: tuple[str, int]) -> None:
        """Say something about this place, once for all statements that fail for the same reason."""
        if message not in self.told:
            self.told.add(message)
            self.add(severity, message, "It must be there when the hub starts.", place)

    def from_nothing(self, error: BaseException, used: tuple[str, ...]) -> bool:
        """Whether a stand-in, or the None of a variable that is not set, made the statement fail."""
        if self.stood_in or self.made_up.intersection(used):
            return True
        text = f"{error} {error.args}"
        return "hubwright-placeholder-" in text or bool(self.execution.empty and "None" in text)

    def environment_asked(self, name: str) -> None:
        """A variable that is not set was read as if it were."""
        self.execution.doubtful = True
        self.execution.placeholders.add(name)
        self.stood_in = True
        self.made_up.update(self.binding)
        if name not in self.told:
            self.told.add(name)
            message = f"reads the environment variable {name}, which is not set here"
            self.add("warning", message, "It must be set where the hub runs.", self.current)

    # which statement set what

    def note_changes(self) -> None:
        config = self.execution.config
        own = self.execution.namespace.get("c")
        if own is not config and _is_config(own) and own and all(own is not other for other, _place in self.detached):
            self.detached.append((own, self.current))
        for source in (config, *(other for other, _place in self.detached)):
            for section, traits in list(dict.items(source)):
                if not _is_config(traits):
                    self.set(section, traits)
                    continue
                for trait, value in list(dict.items(traits)):
                    self.set(f"{section}.{trait}", value)

    def set(self, key: str, value: t.Any) -> None:
        state = (id(value), _lazy_state(value))
        if self.seen.get(key, (None, None))[0] != state and self.current[1]:
            self.seen[key] = (state, value)
            name, line = self.current
            explicit = self.assignments.get(name, {}).get(key, [])
            inside = [number for number in explicit if number >= line]
            nearest = line if not explicit else line if line in explicit else (inside or explicit)[0]
            self.execution.lines[key] = (name, nearest)

    def finish(self) -> None:
        """After the last statement: report what went into the void, and keep it for the check of the settings."""
        self.note_changes()
        self.listening = False
        builtins.__dict__.pop(_REPORT, None)
        builtins.__dict__.pop(_DONE, None)
        for own, place in self.detached:
            message = "c is not the hub's configuration here, so nothing that is set on it takes effect"
            hint = "Do not import get_config: JupyterHub gives it to the file. Write c = get_config() and no more."
            self.add("error", message, hint, place, "c")
            self.execution.config.merge(own)


def _is_config(value: t.Any) -> bool:
    from traitlets.config import Config

    return isinstance(value, Config)


def _lazy_state(value: t.Any) -> t.Any:
    from traitlets.config.loader import LazyConfigValue

    if not isinstance(value, LazyConfigValue):
        return None
    update = value._update
    return (len(value._extend), len(value._prepend), len(value._inserts), None if update is None else len(update))


def _of_this_place(error: BaseException) -> bool:
    """Whether an error tells of a command that failed or of a file that is not here."""
    if type(error).__name__ in ("CalledProcessError", "TimeoutExpired"):
        return True
    paths = re.findall(r"(?<![\w:/])/[\w.@+-]+(?:/[\w.@+-]+)*", str(error))
    return any(not os.path.exists(path.rstrip(".")) for path in paths)


def _recording(base: type, runner: _Runner) -> type:
    """The class of os.environ, with placeholders for what the configuration reads and nobody has set."""

    def from_configuration() -> bool:
        if not runner.depth:
            return False
        frame: types.FrameType | None = sys._getframe(2)
        if frame is not None and frame.f_code.co_filename == os.getenv.__code__.co_filename:
            frame = frame.f_back
        file = frame.f_code.co_filename if frame is not None else ""
        return file in runner.names or (bool(runner.directory) and file.startswith(runner.directory + os.sep))

    class Recording(base):  # type: ignore[misc]
        def __getitem__(self, key: str) -> str:
            try:
                return str(super().__getitem__(key))
            except KeyError:
                if not from_configuration():
                    raise
                runner.environment_asked(key)
                return Placeholder(key)

        def __contains__(self, key: object) -> bool:
            there = bool(super().__contains__(key))
            if not there and from_configuration():
                runner.missing.append(f"the environment variable {key}")
            return there

        def get(self, key: str, default: t.Any = None) -> t.Any:
            if super().__contains__(key):
                return super().__getitem__(key)
            if default is None and from_configuration():
                runner.missing.append(f"the environment variable {key}")
                if key not in runner.execution.empty:
                    runner.execution.empty.append(key)
            return default

        def pop(self, key: str, *default: t.Any) -> t.Any:
            if super().__contains__(key) or default or not from_configuration():
                return super().pop(key, *default)
            runner.environment_asked(key)
            return Placeholder(key)

    return Recording


# syntax


def _parsed(text: str, tell: t.Callable[[int, str], None]) -> tuple[ast.Module, set[str]]:
    """The tree of a text; statements that Python can not read are told and left out."""
    lines = text.splitlines()
    names: set[str] = set()
    blanked: set[int] = set()
    for _attempt in range(len(lines) + _MOST_SYNTAX_ERRORS):
        try:
            return ast.parse("\n".join(lines) + "\n"), names
        except SyntaxError as error:
            line = min(max(error.lineno or 1, 1), max(len(lines), 1))
            first, last = _statement_around(lines, line - 1)
            follows = blanked.intersection(range(first - 1, last + 2))
            own = _begins(lines[first], None) and not isinstance(error, IndentationError)
            if own or not follows:
                tell(line, error.msg)
            for match in _BOUND_NAME.finditer("\n".join(lines[first : last + 1])):
                names.add(match[1] or match[2])
            _blank(lines, first, last)
            blanked.update(range(first, last + 1))
        except (ValueError, RecursionError, MemoryError) as error:
            tell(1, f"{type(error).__name__}: {error}")
            return ast.Module([], []), names
    return ast.Module([], []), names


def _statement_around(lines: list[str], at: int) -> tuple[int, int]:
    """First and last line (from 0) of the broken statement: brackets that are open, but never over a new statement."""
    first = at
    while first > 0 and _depths(lines, first)[first] > 0 and not _begins(lines[first], 0 if first == at else None):
        first -= 1
    depth = 0
    for last in range(first, len(lines)):
        depth += _balance(lines[last])
        if depth <= 0 and last >= at:
            return first, last
        if last + 1 < len(lines) and last >= at and _begins(lines[last + 1], _indent(lines[first])):
            return first, last
    return first, at


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _begins(line: str, at_most: int | None) -> bool:
    """Whether a line looks like the beginning of a statement, indented no deeper than ``at_most``."""
    stripped = line.lstrip()
    return bool(_STATEMENT.match(stripped)) and (at_most is None or _indent(line) <= at_most)


def _balance(line: str) -> int:
    """Brackets opened less brackets closed, outside of texts and comments."""
    bare = re.sub(r"'(\\.|[^'\\])*'|\"(\\.|[^\"\\])*\"|#.*", "", line)
    return sum(bare.count(mark) for mark in "([{") - sum(bare.count(mark) for mark in ")]}")


def _depths(lines: list[str], until: int) -> list[int]:
    """Open brackets at the beginning of each line; a new statement at the left edge begins at none."""
    depths, depth = [], 0
    for number in range(until + 1):
        if _begins(lines[number], 0):
            depth = 0
        depths.append(depth)
        depth = max(depth + _balance(lines[number]), 0)
    return depths


def _blank(lines: list[str], first: int, last: int) -> None:
    """Replace a statement by one of the same shape: a header keeps its body, the rest becomes ``pass``."""
    head = lines[first]
    indent = head[: _indent(head)]
    deeper = next((line for line in lines[last + 1 :] if line.strip()), "")
    if not head.strip() or head.strip() in ("pass", "if True:"):
        replacement = ""
    elif _HEADER.match(head) and _indent(deeper) > len(indent):
        replacement = f"{indent}if True:"
    else:
        replacement = f"{indent}pass"
    for number in range(first, last + 1):
        lines[number] = ""
    lines[first] = replacement


# guards


class _Bound(ast.NodeVisitor):
    """Names that a statement binds and names that it uses."""

    def __init__(self) -> None:
        self.bound: set[str] = set()
        self.used: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        (self.used if isinstance(node.ctx, ast.Load) else self.bound).add(node.id)

    def visit_FunctionDef(self, node: t.Any) -> None:
        self.bound.add(node.name)
        self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef
    visit_ClassDef = visit_FunctionDef

    def visit_alias(self, node: ast.alias) -> None:
        self.bound.add(node.asname or node.name.partition(".")[0])


def _guarded(tree: ast.Module) -> ast.Module:
    """The tree with every statement in a try of its own, except in functions, classes and bodies of a try."""
    tree = copy.deepcopy(tree)
    tree.body = _guard_all(tree.body)
    return ast.fix_missing_locations(tree)


def _guard_all(body: list[ast.stmt]) -> list[ast.stmt]:
    guarded: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            guarded.append(statement)
            continue
        for field in ("body", "orelse", "finalbody"):
            inner = getattr(statement, field, None)
            plain = isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            if (
                isinstance(inner, list)
                and inner
                and not plain
                and not (isinstance(statement, ast.Try) and field == "body")
            ):
                setattr(statement, field, _guard_all(inner))
        for handler in getattr(statement, "handlers", ()):
            handler.body = _guard_all(handler.body)
        for case in getattr(statement, "cases", ()):
            case.body = _guard_all(case.body)
        guarded.append(_guard(statement))
    return guarded


def _guard(statement: ast.stmt) -> ast.stmt:
    names = _Bound()
    names.visit(statement)
    compound = hasattr(statement, "body")
    line = ast.Constant(statement.lineno)
    used = () if compound else tuple(sorted(names.used))
    error = "__hubwright_error__"
    report = ast.Expr(
        ast.Call(
            ast.Name(_REPORT, ast.Load()),
            [
                ast.Name(error, ast.Load()),
                line,
                _constants(sorted(names.bound)),
                _constants(used),
                ast.Constant(type(statement).__name__),
            ],
            [],
        )
    )
    before = ast.Expr(
        ast.Call(ast.Name(_DONE, ast.Load()), [line, _constants(sorted(names.bound) if not compound else ())], [])
    )
    guard = ast.Try(
        [before, statement], [ast.ExceptHandler(ast.Name("BaseException", ast.Load()), error, [report])], [], []
    )
    return ast.copy_location(guard, statement)


def _constants(names: t.Iterable[str]) -> ast.expr:
    return ast.Tuple([ast.Constant(name) for name in names], ast.Load())


def _assignments(tree: ast.Module) -> dict[str, list[int]]:
    """``Section.trait`` -> lines where the text itself names it: assignments and calls such as ``append``."""
    found: dict[str, list[int]] = {}
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = list(node.targets)
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
            targets = [node.target]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            targets = [node.func.value]
        for target in targets:
            path = _path(target)
            line: int = target.lineno
            for length in (2, 3):
                if len(path) >= length and path[0] == "c":
                    found.setdefault(".".join(path[1:length]), []).append(line)
    return {key: sorted(lines) for key, lines in found.items()}


def _path(node: ast.expr) -> list[str]:
    """``c.Class.trait`` or ``c['Class']['trait']`` as a list of names; empty for anything else."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        return [*_path(node.value), node.attr] if _path(node.value) else []
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return [*_path(node.value), node.slice.value] if _path(node.value) else []
    return []


def configurables(namespace: t.Mapping[str, t.Any]) -> list[type]:
    """Configurable classes that the file defines or imports."""
    from traitlets.config import Configurable

    members = [value for value in namespace.values() if isinstance(value, type)]
    for module in [value for value in namespace.values() if isinstance(value, types.ModuleType)]:
        members.extend(value for value in vars(module).values() if isinstance(value, type))
    return [cls for cls in members if issubclass(cls, Configurable)]
