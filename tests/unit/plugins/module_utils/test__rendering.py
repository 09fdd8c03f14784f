# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ast
import collections
import copy
import io
import keyword
import pathlib
import tokenize
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._masking import masked, secret_texts
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._rendering import (
    COLUMNS,
    DEPTH,
    Layer,
    Rendering,
    changed_names,
    read,
    read_settings,
    render,
)

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# --- What is generated ---

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True).filter(lambda name: not keyword.iskeyword(name))
KEYS = st.one_of(st.text(max_size=8), st.integers(), st.booleans(), st.none(), st.binary(max_size=4))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(st.characters(), max_size=30),  # with surrogates, control characters and changes of direction
    st.binary(max_size=10),
)


def nested(scalars: st.SearchStrategy[t.Any]) -> st.SearchStrategy[t.Any]:
    return st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=5),
            st.lists(inner, max_size=3).map(tuple),
            st.dictionaries(KEYS, inner, max_size=5),
        ),
        max_leaves=25,
    )


VALUES = st.one_of(nested(SCALARS), st.sets(st.integers() | st.text(max_size=5), max_size=5))
LITERALS = VALUES.map(lambda value: {"literal": value})
SETTINGS = st.dictionaries(NAMES, st.dictionaries(NAMES, LITERALS, min_size=1, max_size=3), max_size=4)
LAYER_NAMES = st.text(st.characters(), min_size=1, max_size=10).filter(lambda name: name.strip() and name.isprintable())
LAYERS = st.lists(st.builds(Layer, LAYER_NAMES, SETTINGS), max_size=4, unique_by=lambda layer: layer.name)
FRAGMENTS = st.dictionaries(LAYER_NAMES, st.text("ab#\n\r\f'\\ =", max_size=20), max_size=4)


def one(value: t.Any) -> Rendering:
    return render([Layer("settings", {"JupyterHub": {"trait": value}})], {})


def expressions(text: str) -> dict[str, ast.expr]:
    """The assigned expressions, by Python's own parser."""
    found = {}
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Attribute):
            found[ast.unparse(statement.targets[0])] = statement.value
    return found


def same(one: t.Any, other: t.Any) -> bool:
    """Equal and of the same types all the way down: 1 is not True here, and the order of keys counts."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return same(list(one), list(other)) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(same(*pair) for pair in zip(one, other, strict=True))
    return repr(one) == repr(other) if isinstance(one, float) else one == other


class Section(dict[str, t.Any]):
    """Stands for a traitlets Config: attributes are keys, sections appear on their own."""

    def __getattr__(self, name: str) -> t.Any:
        return self.setdefault(name, Section())

    def __setattr__(self, name: str, value: t.Any) -> None:
        self[name] = value


def executed(text: str, path: str = "/etc/hub.py") -> dict[str, t.Any]:
    config = Section()
    exec(compile(text, path, "exec"), {"get_config": lambda: config, "__file__": path})  # noqa: S102
    return {name: dict(section) for name, section in config.items()}


# --- Values ---


@given(VALUES)
def test_any_data_is_read_back_by_python_as_it_was(value: t.Any) -> None:
    expression = expressions(one({"literal": value}).text)["c.JupyterHub.trait"]
    assert same(ast.literal_eval(expression), value)


@given(LAYERS)
def test_running_the_file_gives_the_layers_merged_trait_by_trait(layers: list[Layer]) -> None:
    merged: dict[str, dict[str, t.Any]] = {}
    for layer in layers:
        for class_name, traits in layer.settings.items():
            merged.setdefault(class_name, {}).update(copy.deepcopy(dict(traits)))
    made = render(layers, {})
    assert same(made.settings, merged)
    plain = {name: {trait: value["literal"] for trait, value in traits.items()} for name, traits in merged.items()}
    found = executed(made.text)
    assert found.keys() == plain.keys()
    for name, traits in plain.items():
        assert found[name].keys() == traits.keys()
        assert all(same(found[name][trait], value) for trait, value in traits.items())


@given(LAYERS, FRAGMENTS)
def test_the_maps_point_at_the_lines_that_hold_the_thing(layers: list[Layer], fragments: dict[str, str]) -> None:
    made = render(layers, fragments)
    lines = io.StringIO(made.text, newline=None).read().split("\n")  # as Python counts lines
    assert made.lines.keys() == made.origins.keys()
    for name, line in made.lines.items():
        assert lines[line - 1].startswith(f"c.{name} = ")
        above = [text for text in lines[: line - 1] if text.startswith("# --- settings of layer ")]
        assert above[-1] == f"# --- settings of layer {made.origins[name]} ---"
    assert list(made.fragments) == sorted(fragments)
    for key, (first, count) in made.fragments.items():
        assert lines[first - 2] == f"# --- fragment {key} ---"
        assert lines[first + count - 1] == f"# --- end of fragment {key} ---"
        body = io.StringIO(fragments[key].rstrip("\n") + "\n", newline=None).read()
        assert "\n".join(lines[first - 1 : first + count - 1]) + "\n" == body


@given(LAYERS, FRAGMENTS)
def test_the_same_input_gives_the_same_bytes(layers: list[Layer], fragments: dict[str, str]) -> None:
    shuffled = [
        Layer(layer.name, {name: dict(reversed(traits.items())) for name, traits in reversed(layer.settings.items())})
        for layer in layers
    ]
    first = render(layers, fragments)
    assert render(shuffled, dict(reversed(fragments.items()))).text.encode() == first.text.encode()


@given(LAYERS)
def test_reading_a_rendered_file_gives_settings_that_render_the_same(layers: list[Layer]) -> None:
    made = render(layers, {"broken": "def ("})
    found = read_settings(made.text)
    assert found is not None
    again = render([Layer("again", found)], {})
    assert {name: ast.dump(value) for name, value in expressions(again.text).items()} == {
        name: ast.dump(value) for name, value in expressions(made.text.partition("\n# --- fragment")[0]).items()
    }


@given(LAYERS, FRAGMENTS)
def test_a_rendered_file_tells_all_that_its_rendering_knew(layers: list[Layer], fragments: dict[str, str]) -> None:
    made = render(layers, fragments)
    found = read(made.text)
    assert found is not None
    assert (found.text, found.lines, found.origins, found.fragments) == (
        made.text,
        made.lines,
        made.origins,
        made.fragments,
    )
    assert read(made.text + "x = 1\n") is None


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (float("inf"), "1e999"),
        (float("-inf"), "-1e999"),
        (2**40, "1099511627776"),
        ("a\nb", r"'a\nb'"),
        ("\u202eabc\x1b", r"'\u202eabc\x1b'"),
        ("\ud800", r"'\ud800'"),
        ("Zoë", "'Zoë'"),
        ((1,), "(1,)"),
        (set(), "set()"),
        ({"b", "a"}, "{'a', 'b'}"),
        ({"b": 1, "a": 2}, "{'b': 1, 'a': 2}"),
        ({8000: "web"}, "{8000: 'web'}"),
        ({"literal": {"env": "HOME"}}, "{'env': 'HOME'}"),
        ({"literal": [{"file": "/a"}]}, "[{'file': '/a'}]"),
        ({"literal": {"literal": 1}}, "{'literal': 1}"),
        ({"env": {"A": "1"}}, "{'env': {'A': '1'}}"),
        ({"env": "A", "more": 1}, "{'env': 'A', 'more': 1}"),
    ],
)
def test_how_a_value_is_written(value: t.Any, written: str) -> None:
    assert f"\nc.JupyterHub.trait = {written}\n" in one(value).text


def test_integers_of_any_size_survive() -> None:
    value = 7**20_000
    assert ast.literal_eval(expressions(one(value).text)["c.JupyterHub.trait"]) == value


def test_subclasses_of_plain_types_are_written_as_the_plain_type() -> None:
    class Tagged(str):
        def __repr__(self) -> str:
            return "Tagged()"

    assert "c.JupyterHub.trait = {'a': 'b'}" in one(collections.OrderedDict({Tagged("a"): Tagged("b")})).text


def test_containers_longer_than_a_line_have_one_element_a_line() -> None:
    users = [f"user{number:03}" for number in range(40)]
    text = one([{"name": "a", "members": users}, {"name": "b"}]).text
    assert "\n    {\n        'name': 'a',\n        'members': [\n            'user000',\n" in text
    assert "\n    {'name': 'b'},\n]\n" in text
    assert max(map(len, text.splitlines())) <= COLUMNS


@pytest.mark.parametrize("length", range(80, 100))
def test_a_line_is_used_up_to_the_last_column_and_no_further(length: int) -> None:
    line = next(line for line in one(["x" * length]).text.splitlines() if line.startswith("c.JupyterHub.trait"))
    whole = f"c.JupyterHub.trait = [{'x' * length!r}]"
    assert line == (whole if len(whole) <= COLUMNS else "c.JupyterHub.trait = [")


def test_the_deepest_nesting_that_is_accepted_is_one_that_python_reads() -> None:
    value: t.Any = "x" * COLUMNS
    for _level in range(DEPTH):
        value = [value]
    assert ast.literal_eval(expressions(one(value).text)["c.JupyterHub.trait"]) == value
    with pytest.raises(HubError, match=f"JupyterHub.trait is nested deeper than {DEPTH} levels"):
        one([value])


# --- References ---


def test_references_are_looked_up_when_the_file_runs(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_NAME", "from the environment")
    (tmp_path / "password").write_text("from a file\n\n")
    value = {"deep": [{"env": "A_NAME"}, ({"file": str(tmp_path / "password")},)]}
    assert executed(one(value).text) == {
        "JupyterHub": {"trait": {"deep": ["from the environment", ("from a file\n",)]}}
    }
    assert read_settings(one(value).text) == {"JupyterHub": {"trait": value}}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            {"env": "NOT_SET_1"},
            "/etc/hub.py: JupyterHub.trait needs the environment variable NOT_SET_1, which is not set",
        ),
        ({"file": "/nowhere/x"}, "/etc/hub.py: JupyterHub.trait needs the file /nowhere/x, which cannot be read: "),
    ],
)
def test_a_missing_reference_says_which_setting_of_which_file_needs_it(value: t.Any, said: str) -> None:
    with pytest.raises(RuntimeError) as caught:
        executed(one([value]).text)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(("value", "helpers"), [(1, 0), ({"env": "A"}, 1), ({"file": "/a"}, 1)])
def test_helpers_are_written_only_when_used(value: t.Any, helpers: int) -> None:
    assert one(value).text.count("\ndef _") == helpers


# --- Wrong input ---


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (None, "The settings of layer 'x' are empty, expected {class: {trait: value}}."),
        ("port=1", "The settings of layer 'x' are of type str, expected {class: {trait: value}}."),
        ({"JupyterHub": 8000}, "JupyterHub of layer 'x' is the number 8000, expected a mapping {trait: value}."),
        ({"JupyterHub": None}, "JupyterHub of layer 'x' is empty, expected a mapping {trait: value}."),
        (
            {"jupyterhub.app.JupyterHub": {"port": 1}},
            "The class 'jupyterhub.app.JupyterHub' of layer 'x' is not the bare",
        ),
        ({"A=1;B": {"port": 1}}, "The class 'A=1;B' of layer 'x' is not the bare name of a class"),
        ({"class": {"port": 1}}, "The class 'class' of layer 'x'"),
        ({"__class__": {"port": 1}}, "The class '__class__' of layer 'x'"),
        ({1: {"port": 1}}, "The class 1 of layer 'x'"),
        ({"JupyterHub": {"po rt": 1}}, "The trait 'po rt' of JupyterHub in layer 'x' is not a name"),
        ({"JupyterHub": {"__class__": 1}}, "The trait '__class__' of JupyterHub in layer 'x' is not a name"),
        ({"JupyterHub": {"ﬁle": 1}}, "The trait 'ﬁle' of JupyterHub in layer 'x' is not a name"),
        ({"JupyterHub": {"x": float("nan")}}, "JupyterHub.x holds nan, which is not a number"),
        ({"JupyterHub": {"x": [{float("nan"): 1}]}}, "JupyterHub.x holds nan"),
        ({"JupyterHub": {"x": object}}, "JupyterHub.x holds a value of type type, expected text, numbers"),
        ({"JupyterHub": {"x": {frozenset(): 1}}}, "JupyterHub.x holds a value of type frozenset"),
        ({"JupyterHub": {"x": {"env": ""}}}, "JupyterHub.x refers to the environment variable '', which is no name"),
        ({"JupyterHub": {"x": {"env": "A=B"}}}, "JupyterHub.x refers to the environment variable 'A=B'"),
        (
            {"JupyterHub": {"x": {"file": "a"}}},
            "JupyterHub.x refers to the file 'a', expected an absolute path. For the",
        ),
        ({"JupyterHub": {"x": {"file": "/\0"}}}, "JupyterHub.x refers to '/\\x00', which is no name"),
    ],
)
def test_what_cannot_be_written_is_refused(settings: t.Any, said: str) -> None:
    with pytest.raises(HubError) as caught:
        render([Layer("x", settings)], {})
    (problem,) = caught.value.facts["problems"]
    assert problem.startswith(said)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("fragments", "said"),
    [
        ({"a\nb": "x"}, r"The key 'a\nb' of a fragment is not one line of printable text."),
        ({" ": "x"}, "The key ' ' of a fragment is not one line"),
        ({"a": ["x"]}, "The fragment 'a' is of type list, expected Python as text."),
        ({"a": "\ud800"}, "The fragment 'a' holds half a surrogate pair"),
    ],
)
def test_a_wrong_fragment_is_refused(fragments: t.Any, said: str) -> None:
    with pytest.raises(HubError) as caught:
        render([], fragments)
    assert caught.value.facts["problems"][0].startswith(said)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(HubError) as caught:
        render(
            [Layer("a\nb", {}), Layer("x", {"A b": {}, "A": {"x": float("nan"), "y": {1, 2}, "z": object()}})],
            {"f": 1},  # type: ignore[dict-item]
        )
    assert len(caught.value.facts["problems"]) == 5


def test_data_that_holds_itself_is_refused() -> None:
    value: list[t.Any] = []
    value.append(value)
    with pytest.raises(HubError, match="or holds itself"):
        one(value)


# --- The way back ---


@pytest.mark.parametrize("text", ["", "c.JupyterHub.port = 1\n", "\0", one(1).text + "def (", "# " + one(1).text])
def test_a_file_that_is_not_ours_has_no_settings(text: str) -> None:
    assert read_settings(text) is None


def test_names_of_what_changed_are_told_without_values() -> None:
    before = render([Layer("x", {"A": {"same": 1, "other": 1, "gone": 1}})], {"f": "1", "g": "1"})
    after = render([Layer("y", {"A": {"same": 1, "other": True, "new": 1}})], {"f": "2", "g": "1"})
    assert changed_names(before.text, after.text) == ["A.gone", "A.new", "A.other", "fragment f"]
    assert changed_names("c.A.same = 1\n", after.text) == ["A.new", "A.other", "A.same", "fragment f", "fragment g"]


# --- Masking ---


@pytest.mark.parametrize(
    "line",
    [
        "c.JupyterHub.cookie_secret = b'hunter2'",
        "c.JupyterHub.services = [{'name': 'x', 'api_token': 'hunter2'}]",
        "c.JupyterHub.api_tokens = {'hunter2': 'alice'}",
        "c.JupyterHub.db_url = 'postgresql://hub:hunter2@db/hub'",
        "c.JupyterHub.db_url = 'postgresql://hub:hu@hunter2@db/hub'",
        "c.CryptKeeper.keys = ['hunter2']",
        "c.X.password: str = 'hunter2'",
        "c.X.headers = {'Authorization-Token': f'{1}hunter2'}",
        "x = dict(password='hunter2')",
        "c.X.update({'client_secret': 'hunter2'})",
        "import os; os.environ['API_TOKEN'] = 'hunter2'",
        "import os; os.environ.setdefault('API_TOKEN', 'hunter2')",
        "import os; password = os.environ.get('PASSWORD', 'hunter2')",
        "def f(a, *, password='hunter2'): pass",
        "def f(a, token='hunter2'): pass",
        "if password == 'hunter2': pass",
        "user, password = 'me', 'hunter2'",
        "c.X.tail = 'password=hunter2'",
        "c.X.tail = '''\nuser: me\npassword: hunter2\n'''",
        "c.X.tail = '''-----BEGIN RSA PRIVATE KEY-----\nhunter2\n'''",
        "# c.JupyterHub.cookie_secret = 'hunter2'",
        "x = 1  # password: hunter2",
        "c.X.password = (\n    'one'\n    'hunter2'\n)",
        "password = 'hunter2'\r\nx = 1\r\n",
        "ä = 'ü'; password = 'hunter2'",
        "password = 'hunter2",
        "def (\npassword hunter2",
        "\0 hunter2",
    ],
)
def test_no_secret_is_left_in_a_masked_text(line: str) -> None:
    assert "hunter2" not in masked(line)


def test_long_random_numbers_are_masked_whatever_their_name_is() -> None:
    assert masked("c.X.anything = '" + "facade00" * 4 + "'\n") == "c.X.anything = '********'\n"


@pytest.mark.parametrize(
    "text",
    [
        "c.JupyterHub.cookie_secret_file = '/srv/cookie_secret'\n",
        "c.X.token_url = 'https://idp/token'\n",
        "c.X.client_secret = _env('SECRET', 'X.client_secret')\n",
        "c.X.client_secret = os.environ['SECRET']\n",
        "c.X.password = None\n",
        "c.X.password = password\n",
        "c.DockerSpawner.image = 'hub@sha256:" + "0a" * 32 + "'\n",
        "c.JupyterHub.bind_url = 'http://127.0.0.1:8000'\n",
        "c.Authenticator.allowed_users = {'alice', 'bob'}\n",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert masked(text) == text


@given(LAYERS, FRAGMENTS)
def test_masking_never_fails_and_leaves_python_that_is_python(layers: list[Layer], fragments: dict[str, str]) -> None:
    shown = masked(render(layers, {}).text)
    ast.parse(shown)
    assert isinstance(masked(render(layers, fragments).text), str)


@given(st.text(st.characters(), max_size=60))
def test_masking_takes_any_text(text: str) -> None:
    assert isinstance(masked(text), str)


def test_comments_survive_masking() -> None:
    text = "# first\nc.X.a = 1  # second\n"
    tokens = tokenize.generate_tokens(io.StringIO(masked(text)).readline)
    assert [token.string for token in tokens if token.type == tokenize.COMMENT] == ["# first", "# second"]


@pytest.mark.parametrize(
    ("settings", "texts"),
    [
        ({"JupyterHub": {"cookie_secret": "abc", "port": "8000"}}, ["abc"]),
        ({"JupyterHub": {"services": [{"name": "x", "api_token": "abc"}]}}, ["abc"]),
        ({"JupyterHub": {"cookie_secret": {"file": "/a"}, "db_url": "postgresql://u:abc@h/d"}}, ["abc"]),
        ({"CryptKeeper": {"keys": ["abc", {"env": "K"}]}}, ["abc"]),
        ({"Spawner": {"environment": {"API_TOKEN": {"literal": "abc"}}}}, ["abc"]),
    ],
)
def test_secrets_in_settings_are_found(settings: t.Any, texts: list[str]) -> None:
    assert list(secret_texts(settings)) == texts
