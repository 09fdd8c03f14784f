# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an administrator reads about a role's variables is what the role does."""

from __future__ import annotations

import functools
import pathlib
import typing as t

import generate_role_docs
import jinja2
import jinja2.nodes
import pytest
import yaml

ROLES = sorted(path.parent.parent for path in generate_role_docs.ROLES.glob("*/meta/main.yml"))
PREFIXES = tuple(f"{role.name}_" for role in ROLES)
# Keys whose value is an expression without braces, and keys of a task that make variables.
CONDITIONS = {"when", "that", "until", "failed_when", "changed_when"}
SET_FACT = {"set_fact", "ansible.builtin.set_fact"}

every_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def load(path: pathlib.Path) -> t.Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def options(role: pathlib.Path) -> dict[str, dict[str, t.Any]]:
    return generate_role_docs.options_of(load(role / "meta" / "argument_specs.yml"))


def yaml_files(role: pathlib.Path) -> list[pathlib.Path]:
    return [path for part in ("tasks", "handlers", "vars") for path in sorted((role / part).rglob("*.yml"))]


def templates(role: pathlib.Path) -> list[pathlib.Path]:
    return [path for path in sorted((role / "templates").rglob("*")) if path.is_file()]


def mappings(node: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """Every mapping in a YAML document, at any depth."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from mappings(child)


def expressions(node: t.Any, key: str = "") -> t.Iterator[str]:
    """Every text of a YAML document that Ansible evaluates, as a Jinja template."""
    if isinstance(node, dict):
        for name, child in node.items():
            yield from expressions(child, str(name))
    elif isinstance(node, list):
        for child in node:
            yield from expressions(child, key)
    elif isinstance(node, str):
        yield f"{{{{ {node} }}}}" if key in CONDITIONS and "{{" not in node else node


def variables_used(text: str) -> set[str]:
    """Names that ``text`` reads and does not set itself; filters of any name are accepted."""
    names = list(jinja2.Environment(extensions=["jinja2.ext.do"]).parse(text).find_all(jinja2.nodes.Name))
    return {name.name for name in names if name.ctx == "load"} - {name.name for name in names if name.ctx != "load"}


@functools.cache
def declared() -> frozenset[str]:
    """Names that exist when a role of the collection runs: options, variables, results and facts of all of them."""
    names: set[str] = set()
    for role in ROLES:
        names |= set(options(role))
        for path in yaml_files(role):
            document = load(path) or {}
            if "vars" in path.relative_to(role).parts:
                names |= set(document)
            for mapping in mappings(document):
                names |= {mapping["register"]} if isinstance(mapping.get("register"), str) else set()
                names |= {mapping["loop_var"]} if isinstance(mapping.get("loop_var"), str) else set()
                names |= set(mapping["vars"]) if isinstance(mapping.get("vars"), dict) else set()
                names |= {name for key in SET_FACT & set(mapping) for name in mapping[key]}
    return frozenset(names)


def test_there_are_roles() -> None:
    assert {"hub", "hub_local", "hub_docker"} <= {role.name for role in ROLES}


@every_role
def test_generated_files_are_up_to_date(role: pathlib.Path) -> None:
    stale = [
        str(path.relative_to(role.parent))
        for path, text in generate_role_docs.generated_files(role).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    assert not stale, f"run `make docs`: {stale} differ from roles/{role.name}/meta/argument_specs.yml"


@every_role
def test_defaults_are_those_of_the_specification(role: pathlib.Path) -> None:
    documented = {name: option["default"] for name, option in options(role).items() if "default" in option}
    assert (load(role / "defaults" / "main.yml") or {}) == documented


@every_role
def test_options_are_described_and_begin_with_the_name_of_the_role(role: pathlib.Path) -> None:
    for name, option in generate_role_docs._flat(options(role)):
        assert name.startswith(f"{role.name}_"), name
        assert all(text.strip() for text in generate_role_docs.sentences(option) or [""]), f"{name} has no description"


@every_role
def test_variables_used_are_declared(role: pathlib.Path) -> None:
    sources = {path: list(expressions(load(path))) for path in yaml_files(role)}
    sources |= {path: [path.read_text(encoding="utf-8")] for path in templates(role)}
    unknown = {
        f"{path.relative_to(role)}: {name}"
        for path, texts in sources.items()
        for text in texts
        for name in variables_used(text) - declared()
        if name.lstrip("_").startswith(PREFIXES)
    }
    assert not unknown


@every_role
def test_options_are_used(role: pathlib.Path) -> None:
    used: set[str] = set()
    for path in [file for each in ROLES for file in yaml_files(each)]:
        used |= {name for text in expressions(load(path)) for name in variables_used(text)}
    for path in [file for each in ROLES for file in templates(each)]:
        used |= variables_used(path.read_text(encoding="utf-8"))
    assert not set(options(role)) - used


@pytest.mark.parametrize(
    ("text", "comment", "cell"),
    [
        ("Path V(/srv) of O(hub_x=y).", "Path /srv of hub_x=y.", "Path `/srv` of `hub_x=y`."),
        (r"C(f(x\)) and B(bold)", "f(x) and bold", "`f(x)` and `bold`"),
        ("V(<name>-x) or V(a|b)", "<name>-x or a|b", r"`<name>-x` or `a\|b`"),
        ("a <b> | c", "a <b> | c", r"a \<b> \| c"),
        (
            "See L(the docs,https://example.org/x).",
            "See the docs (https://example.org/x).",
            "See [the docs](https://example.org/x).",
        ),
        ("HTTP(S) and PVC(s)", "HTTP(S) and PVC(s)", "HTTP(S) and PVC(s)"),
    ],
)
def test_markup_becomes_a_comment_and_a_cell(text: str, comment: str, cell: str) -> None:
    assert generate_role_docs.plain(text) == comment
    assert generate_role_docs.markdown(text) == cell


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1.3",
        "0640",
        "{{ hub_version }}",
        "two\nlines\n",
        "yes",
        [],
        ["a", "b"],
        {},
        {"a": {"b": [1]}},
        None,
        0,
        True,
    ],
)
def test_defaults_survive_being_written(value: t.Any) -> None:
    text = generate_role_docs.defaults_text({"x": {"default": value, "description": "Text."}})
    assert yaml.safe_load(text) == {"x": value}


def test_readme_keeps_what_people_wrote_and_asks_for_the_markers() -> None:
    new = generate_role_docs.readme_text(
        "Before\n<!-- begin variables -->\nold\n<!-- end variables -->\nAfter\n", {"x": {}}
    )
    assert new.startswith("Before\n<!-- begin variables -->\n| Variable |") and new.endswith(
        "<!-- end variables -->\nAfter\n"
    )
    assert "old" not in new
    with pytest.raises(ValueError, match="<!-- begin variables -->"):
        generate_role_docs.readme_text("no table", {})


@every_role
def test_each_variable_is_defined_in_one_place(role: pathlib.Path) -> None:
    """Of two the one in the file that is read last would be taken."""
    seen: dict[str, str] = {}
    for path in [*sorted((role / "defaults").rglob("*.yml")), *sorted((role / "vars").rglob("*.yml"))]:
        for name in load(path) or {}:
            assert name not in seen, f"{name} is in {seen[name]} and in {path}"
            seen[name] = str(path)
