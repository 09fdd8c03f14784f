# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters as playbooks use them, with values from a vault, from the command line and from templates."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t

import descriptions
import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.hubwright.jupyterhub.plugins.filter.hub_settings import FilterModule

FILTERS = FilterModule().filters()
ROOT = pathlib.Path(__file__).parents[4]
PLAYBOOK = """
- name: Use the filters
  hosts: localhost
  gather_facts: false
  vars:
    hub_sign_in: oauth
    hub_users: [ada, "{{ second }}"]
    hub_admins: [grace]
    second: Bob
    hub_groups:
      - name: lab
        users: "{{ hub_users }}"
    hub_oauth:
      client_id: hub
      client_secret: !vault |
        @secret@
      authorize_url: https://login.example.org/authorize
      token_url: "https://login.example.org/{{ 'token' }}"
      userdata_url: https://login.example.org/userinfo
      username_claim: login
    hub_extra_env:
      PLAIN: 1
      VAULTED: !vault |
        @secret@
      UNSAFE: !unsafe "{{ not_a_template }}"
    hub_user_env: [COURSE]
    hub_profiles:
      vaulted:
        display_name: "{{ second }}'s"
        memory_limit: 1G
        environment:
          KEY: !vault |
            @secret@
    hub_services:
      grader:
        scopes: ["list:users"]
        api_token: !vault |
          @secret@
    hub_extra_config:
      hook: "x = '{{ second }}'\\n"
    hub_settings_extra:
      JupyterHub:
        template_vars: {secret: !vault "@quoted@"}
  roles:
    - hubwright.jupyterhub.hub
  tasks:
    - name: Keep the answers
      ansible.builtin.copy:
        dest: "{{ directory }}/{{ item.key }}.json"
        content: "{{ item.value | to_json }}"
        mode: "0600"
      loop: "{{ answers | dict2items }}"
      no_log: true
      vars:
        answers:
          plan: "{{ hub_description | hubwright.jupyterhub.hub_settings('docker') }}"
          problems: "{{ hub_description | combine({'port': 0}) | hubwright.jupyterhub.hub_problems('docker') }}"
          revoked: "{{ {'users': ['ada', 'eve']} | hubwright.jupyterhub.hub_revoked(people) }}"
          first: "{{ none | hubwright.jupyterhub.hub_revoked(people) }}"
        people: "{{ (hub_description | hubwright.jupyterhub.hub_settings('docker')).people }}"
"""


def run(directory: pathlib.Path, *command: str) -> str:
    """Run a command of Ansible on this checkout; returns what it printed."""
    done = subprocess.run(
        [str(pathlib.Path(sys.executable).parent / command[0]), *command[1:]],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".dev"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_DEPRECATION_WARNINGS": "1",
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, t.Any]:
    """What the filters answer in a playbook."""
    directory = tmp_path_factory.mktemp("playbook")
    (directory / "password").write_text("vault's password\n")
    password = ("--vault-password-file", str(directory / "password"))
    encrypted = run(directory, "ansible-vault", "encrypt_string", *password, "sesame {{ x }}")
    lines = encrypted[encrypted.index("$ANSIBLE_VAULT") :].split("\n")
    lines = [
        line.strip()
        for line in lines
        if line.strip() and set(line.strip()) <= set("$ANSIBLE_VAULT;1.AES256abcdef0123456789")
    ]
    text = "\n".join(
        line.replace("@secret@", f"\n{line[: len(line) - len(line.lstrip())]}".join(lines))
        for line in PLAYBOOK.replace("@quoted@", "\\n".join(lines)).splitlines()
    )
    (directory / "playbook.yml").write_text(text)
    said = run(
        directory, "ansible-playbook", *password, "-e", f"directory={directory}", "-e", "hub_name=class", "playbook.yml"
    )
    found = {
        name: json.loads((directory / f"{name}.json").read_text()) for name in ("plan", "problems", "revoked", "first")
    }
    return {**found, "said": said}


def test_the_play_says_nothing_of_secrets_and_nothing_of_old_ways(answers: dict[str, t.Any]) -> None:
    assert "sesame" not in answers["said"]
    assert "DEPRECATION" not in answers["said"]


def test_secrets_of_a_vault_are_where_secrets_belong(answers: dict[str, t.Any]) -> None:
    secrets = answers["plan"]["secrets"]
    assert secrets["oauth_client_secret"]["value"] == "sesame {{ x }}"
    assert secrets["service_grader_token"]["value"] == "sesame {{ x }}"


def test_settings_are_plain_values(answers: dict[str, t.Any]) -> None:
    settings = descriptions.settings_of(answers["plan"])
    assert settings["Authenticator"]["allowed_users"] == ["ada", "bob", "grace"]
    assert settings["GenericOAuthenticator"]["token_url"] == "https://login.example.org/token"
    assert settings["Spawner"]["environment"] == {
        "JUPYTERHUB_ACTIVITY_INTERVAL": "300",
        "PLAIN": "1",
        "UNSAFE": "{{ not_a_template }}",
        "VAULTED": "sesame {{ x }}",
    }
    assert settings["JupyterHub"]["template_vars"] == {"secret": "sesame {{ x }}"}
    assert settings["DockerSpawner"]["network_name"] == "class"


def test_the_fragment_of_the_profiles_is_python_with_plain_literals(
    answers: dict[str, t.Any], tmp_path: pathlib.Path
) -> None:
    namespace = descriptions.run_fragment(answers["plan"]["fragments"]["00-profiles"], tmp_path)
    assert namespace["USER_ENV"] == ["COURSE"]
    assert namespace["PROFILES"] == {
        "vaulted": {
            "display_name": "Bob's",
            "description": "",
            "default": False,
            "groups": [],
            "traits": {"mem_limit": "1G"},
            "environment": {"KEY": "sesame {{ x }}"},
        }
    }
    assert answers["plan"]["fragments"]["hook"] == "x = 'Bob'\n"


def test_problems_and_people(answers: dict[str, t.Any]) -> None:
    assert answers["problems"] == ["hub_port is 0; expected 1 to 65535."]
    assert answers["revoked"] == {"users": ["eve"], "admins": [], "groups": {}}
    assert answers["first"] == {"users": [], "admins": [], "groups": {}}
    assert answers["plan"]["people"]["groups"] == {"lab": ["ada", "bob"]}


# --- without a playbook


def test_the_filters_answer_what_the_core_answers() -> None:
    description = descriptions.description()
    assert FILTERS["hub_problems"](description, "docker") == []
    plan = FILTERS["hub_settings"](description, "local", descriptions.PLACES)
    assert descriptions.settings_of(plan)["JupyterHub"]["hub_bind_url"] == "http://127.0.0.1:8081"
    assert FILTERS["hub_revoked"](None, plan["people"]) == {"users": [], "admins": [], "groups": {}}


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "hub_settings",
            (descriptions.description(), "podman"),
            "platform is 'podman'; expected one of local, docker, kubernetes, openshift.",
        ),
        (
            "hub_problems",
            (descriptions.description(), "Docker"),
            "platform is 'Docker'; expected one of local, docker, kubernetes, openshift.",
        ),
        (
            "hub_settings",
            (descriptions.description(userlist="/nowhere/people.txt"), "docker"),
            (
                "hub_userlist is '/nowhere/people.txt'; it can not be read: [Errno 2] No such file or directory: "
                "'/nowhere/people.txt'."
            ),
        ),
        (
            "hub_problems",
            ({"sign_in": "dummy"}, "docker"),
            (
                "The mapping lacks 'name', expected all that the role hubwright.jupyterhub.hub describes. Use its variable "
                "hub_description."
            ),
        ),
    ],
)
def test_a_filter_fails_in_words(name: str, arguments: tuple[t.Any, ...], message: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        FILTERS[name](*arguments)
    assert str(caught.value) == message


def test_a_userlist_is_read_where_the_playbook_runs(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "people.txt"
    path.write_text("# staff\nGrace admin\n\nbob\n")
    description = descriptions.description(userlist=str(path))
    assert FILTERS["hub_problems"](description, "docker") == []
    assert FILTERS["hub_settings"](description, "docker")["people"] == {
        "users": ["ada", "bob", "grace"],
        "admins": ["grace"],
        "groups": {},
    }


def test_what_is_wrong_with_a_userlist_is_said_beside_everything_else(tmp_path: pathlib.Path) -> None:
    missing, wrong = tmp_path / "missing.txt", tmp_path / "wrong.txt"
    wrong.write_text("ada boss\n")
    assert FILTERS["hub_problems"](descriptions.description(userlist=str(wrong), port=0), "docker") == [
        "hub_port is 0; expected 1 to 65535.",
        f"{wrong} line 1 is 'ada boss'; expected 'name' or 'name admin'.",
    ]
    assert FILTERS["hub_problems"](descriptions.description(userlist=str(missing), port=0), "docker") == [
        f"hub_userlist is {str(missing)!r}; it can not be read: [Errno 2] No such file or directory: {str(missing)!r}.",
        "hub_port is 0; expected 1 to 65535.",
    ]


def test_files_and_secrets_get_their_places() -> None:
    named = {"cookie_secret": {"value": "", "length": 32}, "/etc/other": {"content": "x", "mode": "0640"}}
    assert FILTERS["hub_paths"](named, "/srv/secrets", owner="root", group="") == [
        {"path": "/srv/secrets/cookie_secret", "value": "", "length": 32, "owner": "root"},
        {"path": "/etc/other", "content": "x", "mode": "0640", "owner": "root"},
    ]


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_a_filter_is_documented(name: str, tmp_path: pathlib.Path) -> None:
    documentation = json.loads(run(tmp_path, "ansible-doc", "-t", "filter", "--json", f"hubwright.jupyterhub.{name}"))
    described = documentation[f"hubwright.jupyterhub.{name}"]
    assert described["doc"]["short_description"]
    assert yaml.safe_load(described["examples"])
    assert described["return"]["_value"]["type"] in ("dict", "list")
