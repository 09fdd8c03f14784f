# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the collection as a whole: metadata, documentation, and nothing left behind by whoever built it."""

from __future__ import annotations

import ast
import importlib.util
import json
import pathlib
import re
import subprocess
import typing as t

import generate_module_docs
import pytest
import yaml
from packaging.requirements import SpecifierSet
from packaging.version import Version

from ansible_collections.hubwright.jupyterhub.plugins.doc_fragments import _backup_repository, _image_store
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import POD_ARGUMENTS

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "plugins" / "modules").glob("*.py"))
FILTERS = sorted((ROOT / "plugins" / "filter").glob("*.py"))
# The checkout and the home directory of whoever runs the tests: neither belongs into a file of the project.
PATHS_OF_A_MACHINE = re.compile(rf"(?<![\w}}])(?:{re.escape(str(ROOT))}|{re.escape(str(pathlib.Path.home()))})/")


def read_yaml(name: str) -> t.Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def files() -> list[pathlib.Path]:
    """Text files that belong to the project, as git sees them."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file() and name != "LICENSE"]


def constants(path: pathlib.Path) -> dict[str, str]:
    """Text constants of a Python file, by name."""
    return {
        target.id: str(node.value.value)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def filter_names() -> list[str]:
    """Names of all filters that the collection offers."""
    names: list[str] = []
    for path in FILTERS:
        spec = importlib.util.spec_from_file_location(f"filters_{path.stem}", path)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        names += module.FilterModule().filters()
    return names


def test_version_is_the_newest_release_or_the_one_being_prepared() -> None:
    version = Version(read_yaml("galaxy.yml")["version"])
    releases = [Version(release) for release in read_yaml("changelogs/changelog.yaml")["releases"]]
    fragments = list((ROOT / "changelogs" / "fragments").glob("*.y*ml"))
    if fragments:
        assert not releases or version > max(releases)
    else:
        assert version == max(releases)


def test_the_pinned_ansible_satisfies_what_the_collection_asks_for() -> None:
    core = re.search(r"^ansible-core==(.+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert core
    floor = read_yaml("meta/runtime.yml")["requires_ansible"]
    assert core[1] in SpecifierSet(floor)
    assert re.fullmatch(r">=\d+\.\d+\.\d+", floor)


@pytest.mark.parametrize(("name", "wanted"), sorted(read_yaml("galaxy.yml")["dependencies"].items()))
def test_dependencies_are_satisfied_by_the_pinned_ansible(name: str, wanted: str) -> None:
    import ansible

    manifest = (
        pathlib.Path(ansible.__file__).parents[1] / "ansible_collections" / name.replace(".", "/") / "MANIFEST.json"
    )
    installed = json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"]
    assert installed in SpecifierSet(wanted), f"{name} {installed} is installed, galaxy.yml wants {wanted}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_module_is_documented_with_examples_and_results(path: pathlib.Path) -> None:
    texts = constants(path)
    documentation = yaml.safe_load(texts["DOCUMENTATION"])
    assert documentation["module"] == path.stem
    assert documentation["description"]
    examples = yaml.safe_load(texts["EXAMPLES"])
    assert any(f"hubwright.jupyterhub.{path.stem}" in task for task in examples)
    assert yaml.safe_load(texts["RETURN"])


def suboptions_of_cluster() -> dict[str, dict[str, t.Any]]:
    """Where the option ``cluster`` of modules that run a pod is described, and its suboptions."""
    texts = {"hub_config": constants(ROOT / "plugins" / "modules" / "hub_config.py")["DOCUMENTATION"]}
    for fragment in (_image_store, _backup_repository):
        texts[fragment.__name__.rpartition(".")[2]] = fragment.ModuleDocFragment.DOCUMENTATION
    return {name: yaml.safe_load(text)["options"]["cluster"]["suboptions"] for name, text in texts.items()}


# Fragments of documentation are merged by option, so that suboptions have to be said again.
@pytest.mark.parametrize("option", sorted(set(POD_ARGUMENTS) - {"namespace", "uid"}))
def test_pods_are_described_alike(option: str) -> None:
    described = {name: suboptions.get(option) for name, suboptions in suboptions_of_cluster().items()}
    first, *others = described.values()
    assert first and all(other == first for other in others), described


@pytest.mark.parametrize("name", filter_names())
def test_filter_is_documented_with_an_example(name: str) -> None:
    document = read_yaml(f"plugins/filter/{name}.yml")
    assert document["DOCUMENTATION"]["name"] == name
    assert document["DOCUMENTATION"]["description"]
    assert f"hubwright.jupyterhub.{name}" in document["EXAMPLES"]
    assert document["RETURN"]


@pytest.mark.parametrize(
    "page", ["README.md", *(str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("docs/*.md")))]
)
def test_playbooks_and_roles_that_are_mentioned_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    mentioned = set(re.findall(r"\b(?:playbooks/\w+\.yml|roles/\w+)\b", text))
    assert not [name for name in sorted(mentioned) if not (ROOT / name).exists()]


def test_nothing_mentions_the_machine_it_was_made_on() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if PATHS_OF_A_MACHINE.search(line)
    ]
    assert not found


def test_reference_of_modules_is_up_to_date() -> None:
    assert generate_module_docs.PAGE.read_text(encoding="utf-8") == generate_module_docs.page(), "run `make docs`"


def test_roles_pin_their_images() -> None:
    latest = re.compile(r"[\w./-]+:latest\b")
    found = [
        f"{path.relative_to(ROOT)}: {match}"
        for path in files()
        if path.is_relative_to(ROOT / "roles") and path.suffix in {".yml", ".j2"}
        for match in latest.findall(path.read_text(encoding="utf-8"))
    ]
    assert not found


def test_what_make_leaves_behind_is_neither_committed_nor_published() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    unpublished = read_yaml("galaxy.yml")["build_ignore"]
    assert {"/.dev/", "/.ansible/", "/tests/output/"} <= set(ignored)
    assert {".dev", ".ansible", "tests/output"} <= set(unpublished)
