# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What README.md and docs/ show works: every example is read, checked or run, every link and command leads somewhere.

A comment in the line before a YAML block says what it is: ``<!-- group_vars -->`` variables of a hub, with the platform
if it is not ``local``; ``<!-- inventory -->``; ``<!-- playbook -->``; ``<!-- tasks -->``.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import pathlib
import re
import subprocess
import sys
import typing as t

import module_processes
import module_runs
import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from descriptions import OPTIONS, description

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _checking, _description, _settings, _traits
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._rendering import Layer, render

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "roles").glob("*/README.md"))]
KINDS = ("group_vars", "inventory", "playbook", "tasks")
FENCE = re.compile(
    r"^(?:<!-- (?P<mark>[a-z_ -]+) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
PLATFORM_OPTIONS: dict[str, dict[str, t.Any]] = {
    name: option
    for specs in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml"))
    if specs.parents[1].name != "hub"
    for entry_point in yaml.safe_load(specs.read_text(encoding="utf-8"))["argument_specs"].values()
    for name, option in (entry_point.get("options") or {}).items()
}
PLACES = {name: f"/srv/hub/{name}" for name in ("secrets", "state", "files", "users", "singleuser")}
ENVIRONMENT = {
    **os.environ,
    "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
    "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".dev"),
    "ANSIBLE_LOCALHOST_WARNING": "0",
}


class _Loader(yaml.SafeLoader):
    """YAML with Ansible's tag for texts whose braces are not its own."""


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


@dataclasses.dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: pathlib.Path
    line: int
    mark: str
    language: str
    text: str

    @property
    def kind(self) -> str:
        return self.mark.partition(" ")[0]

    @property
    def platform(self) -> str:
        return self.mark.partition(" ")[2] or "local"

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def data(self) -> t.Any:
        return yaml.load(self.text, _Loader)


def blocks() -> t.Iterator[Block]:
    """All fenced blocks of all pages."""
    for page in PAGES:
        content = page.read_text(encoding="utf-8")
        for found in FENCE.finditer(content):
            line = content.count("\n", 0, found.start()) + 1
            # The generated page shows the examples of the plugins, which are tasks.
            mark = "tasks" if page.name == "modules.md" and found["language"] == "yaml" else found["mark"] or ""
            yield Block(page, line, mark, found["language"], found["text"])


BLOCKS = list(blocks())
YAML_BLOCKS = [block for block in BLOCKS if block.language == "yaml"]


def of_kind(kind: str) -> pytest.MarkDecorator:
    """The test runs for each YAML block of a kind."""
    found = [block for block in YAML_BLOCKS if block.kind == kind]
    return pytest.mark.parametrize("block", found, ids=[block.name for block in found])


every_page = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


def described(block: Block) -> dict[str, t.Any]:
    """The block's variables on top of a description that is complete without them."""
    own = {name.removeprefix("hub_"): value for name, value in block.data.items() if name in OPTIONS}
    if "sign_in" in own:
        # The example stands for itself: nobody else may make up for people whom it forgets.
        own = {"users": [], **own}
    if own.get("userlist"):
        own["userlist_text"] = "ada\n"
    return description(**own)


def plan_of(block: Block) -> dict[str, t.Any]:
    return _settings.plan(described(block), block.platform, {**PLACES, "hub_port": 8081, "proxy_api_port": 8001})


def problems_of(variables: dict[str, t.Any], options: dict[str, t.Any]) -> list[str]:
    """What Ansible says of the types, choices and keys of variables; nobody has to give all of them."""
    optional = {name: {**option, "required": False} for name, option in options.items() if name in variables}
    result = ArgumentSpecValidator(optional).validate(variables)
    return list(result.error_messages)


def test_every_yaml_block_says_what_it_is() -> None:
    assert not [block.name for block in YAML_BLOCKS if block.kind not in KINDS]
    assert not [block.name for block in BLOCKS if block.mark and block.language != "yaml"]


@pytest.mark.parametrize("block", YAML_BLOCKS, ids=[block.name for block in YAML_BLOCKS])
def test_yaml_can_be_read(block: Block) -> None:
    assert block.data


@of_kind("group_vars")
def test_variables_exist_and_have_values_of_their_type(block: Block) -> None:
    variables = block.data
    assert not sorted(set(variables) - set(OPTIONS) - set(PLATFORM_OPTIONS))
    assert not problems_of({name: variables[name] for name in variables if name in OPTIONS}, OPTIONS)
    assert not problems_of({name: variables[name] for name in variables if name in PLATFORM_OPTIONS}, PLATFORM_OPTIONS)


@of_kind("group_vars")
def test_description_has_no_problem(block: Block) -> None:
    assert not _description.problems(described(block), block.platform)


@pytest.fixture(scope="session")
def inventory(newest_hub_environment: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, t.Any]:
    """What the classes of a real hub accept."""
    target = _checking.Target(interpreter=str(newest_hub_environment / "bin" / "python"))
    return _checking.inventory_of(target, str(tmp_path_factory.mktemp("cache")))


@of_kind("group_vars")
def test_jupyterhub_accepts_what_the_description_becomes(block: Block, inventory: dict[str, t.Any]) -> None:
    plan = plan_of(block)
    rendering = render([Layer(**layer) for layer in plan["layers"]], plan["fragments"])
    compile(rendering.text, block.name, "exec")
    findings, _decided = _traits.check_settings(rendering.settings, inventory, rendering.origins)
    # A class that the example itself installs is not in the environment of the tests.
    foreign = block.data.get("hub_authenticator_class", "")
    wrong = [str(found) for found in findings if found.severity == "error" and not (foreign and foreign in str(found))]
    assert not wrong


def ansible(program: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(pathlib.Path(sys.executable).parent / program), *options]
    return subprocess.run(command, env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True, check=False)


@of_kind("inventory")
def test_inventory_has_hubs_with_known_variables(block: Block, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text(block.text, encoding="utf-8")
    listed = ansible("ansible-inventory", "-i", str(path), "--list")
    assert listed.returncode == 0, listed.stderr
    inventory = json.loads(listed.stdout)
    hosts = inventory["_meta"]["hostvars"]
    assert hosts and set(hosts) == {
        host for group, members in inventory.items() if group.endswith("_hubs") for host in members.get("hosts", [])
    }
    for variables in hosts.values():
        known = {*OPTIONS, *PLATFORM_OPTIONS}
        assert not [name for name in variables if not name.startswith("ansible_") and name not in known]
    ports = [vars.get(name) for vars in hosts.values() for name in vars if name.endswith("_port")]
    assert len(ports) == len(set(ports)), "two hubs of one machine want the same port"


def test_playbooks_and_tasks_have_no_syntax_error(tmp_path: pathlib.Path) -> None:
    """In one process, since Ansible takes a second to start; its message names the file."""
    paths = []
    for block in YAML_BLOCKS:
        if block.kind in ("playbook", "tasks"):
            paths.append(tmp_path / f"{block.name.replace('/', '-').replace(':', '-')}.yml")
            data = block.data if block.kind == "playbook" else [{"hosts": "localhost", "tasks": block.data}]
            paths[-1].write_text(yaml.safe_dump(data), encoding="utf-8")
    assert paths
    checked = ansible("ansible-playbook", "-i", "localhost,", "--syntax-check", *map(str, paths))
    assert checked.returncode == 0, checked.stderr


def tasks_of(block: Block) -> t.Iterator[dict[str, t.Any]]:
    """Tasks of a playbook or a list of tasks, each with the play's defaults for its module."""
    for play in block.data if block.kind == "playbook" else [{"tasks": block.data}]:
        defaults = play.get("module_defaults", {})
        for task in play.get("tasks", []):
            yield {name: {**defaults.get(name, {}), **value} for name, value in task.items() if isinstance(value, dict)}


MODULE_TASKS = [
    (block, name.rpartition(".")[2], arguments)
    for block in YAML_BLOCKS
    if block.kind in ("playbook", "tasks")
    for task in tasks_of(block)
    for name, arguments in task.items()
    if name.startswith("hubwright.jupyterhub.")
]


def evaluated(module: str, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
    """The arguments with something of the option's type in place of ``"{{ ... }}"``."""
    source = (ROOT / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8")
    options = yaml.safe_load(source.partition('DOCUMENTATION = r"""')[2].partition('"""')[0]).get("options", {})
    values: dict[str, t.Any] = {"dict": {"a": "b"}, "list": []}
    return {
        name: values.get(options.get(name, {}).get("type"), value) if str(value).startswith("{{") else value
        for name, value in arguments.items()
    }


@pytest.mark.parametrize(
    ("block", "module", "arguments"),
    MODULE_TASKS,
    ids=[f"{block.name}-{name}" for block, name, _arguments in MODULE_TASKS],
)
def test_modules_are_called_with_options_that_they_have(block: Block, module: str, arguments: dict[str, t.Any]) -> None:
    # An option of ours that nobody has makes the module list the ones that exist, before it does anything.
    called = importlib.import_module(f"{module_processes.MODULES}.{module}")
    result = module_runs.call(called, check=True, **evaluated(module, arguments), no_such_option=True)
    unknown = re.search(r"Unsupported parameters for .*?: (.*?)\. Supported", result["msg"])
    assert unknown and unknown[1] == "no_such_option", result["msg"]


def test_findings_that_are_shown_are_those_of_the_module(
    newest_hub_environment: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    page = ROOT / "docs" / "configuration-check.md"
    python, text = (
        next(block for block in BLOCKS if block.page == page and block.language == kind) for kind in ("python", "text")
    )
    path = tmp_path / "jupyterhub_config.py"
    path.write_text(python.text, encoding="utf-8")
    result = module_processes.run(
        "hub_config",
        state="checked",
        path=str(path),
        interpreter=str(newest_hub_environment / "bin" / "python"),
        cache_directory=str(tmp_path / "cache"),
    )
    said = [line for line in result["msg"].replace(f"{tmp_path}/", "").splitlines() if line.startswith("- ")]
    assert said == text.text.splitlines()


def headings(page: pathlib.Path) -> set[str]:
    """Anchors of a page, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@every_page
def test_links_lead_somewhere(page: pathlib.Path) -> None:
    broken = []
    for found in LINK.finditer(
        re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    ):
        target, _hash, anchor = found["target"].partition("#")
        if re.match(r"[a-z]+:", target):
            assert target.startswith("https://"), target
            continue
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (anchor and anchor not in headings(path)):
            broken.append(found["target"])
    assert not broken


@every_page
def test_make_targets_exist(page: pathlib.Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|^\$ |&& )make ([a-z-]+)", text, flags=re.MULTILINE))
    assert named <= targets


@every_page
def test_variables_and_modules_that_are_named_exist(page: pathlib.Path) -> None:
    text = page.read_text(encoding="utf-8")
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
    inventories = {path.stem for path in (ROOT / "plugins" / "inventory").glob("*.py")}
    filters = {path.stem for path in (ROOT / "plugins" / "filter").glob("*.yml")}
    roles = {path.name for path in (ROOT / "roles").iterdir()}
    known = {*OPTIONS, *PLATFORM_OPTIONS, *modules, *inventories, *filters, *roles, "hub_description"}
    named = {name for name in re.findall(r"`(hub_[a-z_]+)", text) if not name.endswith("_")}
    assert not sorted(named - known)


def test_every_page_is_linked_from_the_readme_or_another_page() -> None:
    linked = {
        (page.parent / found["target"].partition("#")[0]).resolve()
        for page in PAGES
        for found in LINK.finditer(page.read_text(encoding="utf-8"))
        if found["target"].partition("#")[0]
    }
    assert not [str(page.relative_to(ROOT)) for page in PAGES[1:] if page not in linked]


def test_messages_that_trouble_explains_are_said_somewhere() -> None:
    said = " ".join(
        path.read_text(encoding="utf-8")
        for folder in ("plugins", "roles", "playbooks")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in {".py", ".yml", ".j2"}
    )
    messages = re.findall(
        r"^\| `(.+?)` \|", (ROOT / "docs" / "trouble.md").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert messages
    parts = [part.strip() for message in messages for part in message.split("...") if part.strip()]
    assert not [part for part in parts if part not in said]
