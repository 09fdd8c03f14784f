# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values files as sites have them: the same hub comes out, nothing is lost, and no list shows a secret."""

from __future__ import annotations

import pathlib
import typing as t

import descriptions
import generate_chart_docs
import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.hubwright.jupyterhub.plugins.filter.hub_from_chart_values import FilterModule
from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _chart_table, _description

ROOT = pathlib.Path(__file__).parents[4]
CONFIGURATIONS = ROOT / "tests" / "unit" / "configurations"
FILES = [
    CONFIGURATIONS / "zero_to_jupyterhub" / "values.yaml",
    *sorted((CONFIGURATIONS / "chart_values").glob("*.yaml")),
]
translate = FilterModule().filters()["hub_from_chart_values"]
SPECS = {
    **descriptions.OPTIONS,
    **yaml.safe_load((ROOT / "roles" / "hub_kubernetes" / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))[
        "argument_specs"
    ]["main"]["options"],
}


def values_of(name: str) -> dict[str, t.Any]:
    found: dict[str, t.Any] = yaml.safe_load(
        (CONFIGURATIONS / "chart_values" / f"{name}.yaml").read_text(encoding="utf-8")
    )
    return found


def why(result: dict[str, t.Any], kind: str = "decide") -> dict[str, str]:
    return {entry["value"]: entry["why"] for entry in result[kind]}


def leaves(values: t.Any, path: str = "") -> t.Iterator[str]:
    """Paths of everything that a site gave."""
    if isinstance(values, dict) and values:
        for key, value in values.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    elif values not in (None, "", [], {}):
        yield path


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_that_was_given_is_lost(path: pathlib.Path) -> None:
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    result = translate(values)
    said = [entry["value"] for name in ("translated", "decide", "impossible") for entry in result[name]]
    lost = [
        leaf
        for leaf in leaves(values)
        if not any(leaf == one or leaf.startswith((f"{one}.", f"{one}[")) for one in said)
    ]
    assert not lost, f"expected each of them in a list: {lost}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_variables_are_ours_and_of_their_types(path: pathlib.Path) -> None:
    variables = translate(yaml.safe_load(path.read_text(encoding="utf-8")))["variables"]
    types = {"str": str, "int": int, "float": (int, float), "bool": bool, "list": (list, tuple), "dict": dict}
    for name, value in variables.items():
        assert name in SPECS, f"expected a variable of ours, got {name}"
        assert isinstance(value, types[SPECS[name].get("type", "str")]), f"{name} is {value!r}"
        choices = SPECS[name].get("choices")
        assert not choices or value in choices, f"{name} is {value!r}, expected one of {choices}"


def test_the_hub_of_a_course_comes_out() -> None:
    result = translate(values_of("course"))
    variables = result["variables"]
    expected = {
        "hub_sign_in": "google",
        "hub_users": ["ann@example.org", "bob@example.org"],
        "hub_admins": ["teacher@example.org"],
        "hub_auth_state": True,
        "hub_named_servers": 3,
        "hub_concurrent_spawn_limit": 200,
        "hub_cull_timeout": 7200,
        "hub_log_level": "DEBUG",
        "hub_image": "quay.io/example/course:2026-09-01",
        "hub_default_page": "lab",
        "hub_memory_guarantee": "512M",
        "hub_cpu_limit": 2.0,
        "hub_storage_class": "fast",
        "hub_storage_volume": "claim-{user_server}",
        "hub_public_url": "https://hub.example.org",
        "hub_extra_volumes": {"material": {"mount": "/srv/material", "source": "course-material", "read_only": True}},
        "hub_kubernetes_ingress": True,
        "hub_kubernetes_ingress_class": "nginx",
        "hub_kubernetes_issuer": "ClusterIssuer/letsencrypt",
        "hub_kubernetes_ingress_annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "64m"},
        "hub_kubernetes_tls_secret": "hub-certificate",
        "hub_kubernetes_service": "ClusterIP",
        "hub_kubernetes_pull_secrets": ["registry"],
        "hub_kubernetes_user_node_selector": {"hub.jupyter.org/node-purpose": "user"},
        "hub_kubernetes_prepull": "never",
        "hub_kubernetes_prepull_new_nodes": True,
        "hub_kubernetes_user_egress": [{"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}], "ports": [{"port": 5432}]}],
        "hub_kubernetes_environment": {
            "COURSE": "algebra",
            "TOKEN": {"secretKeyRef": {"name": "grades", "key": "token"}},
        },
        "hub_extra_files": {"motd.txt": {"content": "Hello", "mode": "0444"}},
        "hub_start_timeout": 300,
    }
    assert {name: variables.get(name) for name in expected} == expected
    assert variables["hub_oauth"] == {
        "client_id": "1234.apps.example.org",
        "client_secret": "{{ vault_hub_oauth_client_secret }}",
        "callback_url": "https://hub.example.org/hub/oauth_callback",
        "hosted_domains": ["example.org"],
        "login_service": "Example University",
    }
    assert set(variables["hub_extra_config"]) == {"announcement", "10-labels", "20-chart"}
    profiles = variables["hub_profiles"]
    assert list(profiles) == ["00-small", "01-large", "02-choose"] and profiles["00-small"]["default"] is True
    assert profiles["01-large"]["memory_limit"] == "16G" and profiles["01-large"]["environment"] == {"GPU": "1"}
    assert profiles["01-large"]["settings"] == {"extra_resource_limits": {"nvidia.com/gpu": "1"}}
    assert not result["impossible"]
    questions = why(result)
    for value in (
        "scheduling.userScheduler",
        "scheduling.userPlaceholder",
        "hub.extraConfig.20-chart",
        "hub.extraFiles.logo",
        "hub.services.grader.admin",
        "hub_template_vars",
        "proxy.chp.networkPolicy",
        "scheduling.podPriority",
        "scheduling.corePods.nodeAffinity.matchNodePurpose",
        "singleuser.profileList[2].profile_options",
    ):
        assert questions.get(value), f"expected a question about {value}, there are {sorted(questions)}"


def test_its_description_is_accepted() -> None:
    result = translate(values_of("course"))
    given = {name: value for name, value in result["variables"].items() if name in descriptions.OPTIONS}
    text = yaml.safe_dump(given)
    for name, value in result["secrets"].items():
        text = text.replace("{{ " + name + " }}", value)
    given = {name.removeprefix("hub_"): value for name, value in yaml.safe_load(text).items()}
    assert _description.problems(descriptions.description(**given), "kubernetes") == []


def test_secrets_go_to_the_vault_only() -> None:
    result = translate(values_of("course"))
    assert set(result["secrets"]) == {
        "vault_hub_cookie_secret",
        "vault_hub_crypt_key",
        "vault_hub_oauth_client_secret",
        "vault_hub_proxy_token",
        "vault_hub_services_grader_api_token",
    }
    elsewhere = str({name: value for name, value in result.items() if name != "secrets"})
    for secret in result["secrets"].values():
        assert secret not in elsewhere
    assert result["variables"]["hub_services"]["grader"]["api_token"] == "{{ vault_hub_services_grader_api_token }}"


def test_the_hub_of_a_department_comes_out() -> None:
    result = translate(values_of("department"))
    variables, questions = result["variables"], why(result)
    expected = {
        "hub_base_url": "/jupyter/",
        "hub_database": "postgresql",
        "hub_database_host": "db.example.org",
        "hub_database_port": 5433,
        "hub_database_name": "hubs",
        "hub_database_user": "hub",
        "hub_database_password": "{{ vault_hub_database_password }}",
        "hub_sign_in": "gitlab",
        "hub_oauth": {"url": "https://git.example.org", "allowed_groups": ["physics"]},
        "hub_tls": "offload",
        "hub_public_url": "http://hub.example.org",
        "hub_cull": False,
        "hub_storage": "persistent",
        "hub_kubernetes_static_claim": "homes",
        "hub_kubernetes_static_sub_path": "home/{username}",
        "hub_kubernetes_gateway": {"name": "public", "namespace": "gateways"},
        "hub_kubernetes_node_port": 30080,
        "hub_kubernetes_image": "quay.io/jupyterhub/k8s-hub:4.2.0",
        "hub_extra_env": {"GRANT_SUDO": "yes"},
        "hub_kubernetes_environment": {"HTTP_PROXY": "http://proxy.example.org:3128"},
    }
    assert {name: variables.get(name) for name in expected} == expected
    assert result["secrets"]["vault_hub_database_password"] == "s@cret"
    assert variables["hub_settings_extra"] == {
        "KubeSpawner": {"http_timeout": 90, "uid": 0, "fs_gid": 100},
        "Spawner": {"cmd": ["start-singleuser.sh"]},
    }
    assert "hub_storage_volume" not in variables, "expected no template of claims where there is one for all"
    for value, word in {
        "singleuser.image.tag": "latest",
        "singleuser.extraEnv": "TOKEN",
        "singleuser.storage.extraVolumes": "scratch",
        "singleuser.allowPrivilegeEscalation": "restricted",
        "singleuser.networkPolicy": "switched off",
        "proxy.https.hosts": "old.example.org",
        "httpRoute.hostnames": "https://",
        "hub.config.Tracker.api_token": "secret",
    }.items():
        assert word in questions.get(value, ""), f"expected a question about {value} that says {word}, got {questions}"
    assert "something" not in str(result)


def test_what_remains_of_a_first_try_is_named() -> None:
    result = translate(values_of("dummy"))
    questions = why(result)
    for value, word in {
        "auth": "1.0",
        "hub.cookieSecret": "64",
        "proxy.secretToken": "64",
        "hub.unheardOf.of": "no such value",
        "proxy.https.type": "Ingress",
        "hub.config.JupyterHub.authenticator_class": "hub_dummy_accepted",
        "hub.config.DummyAuthenticator.password": "shared-password",
        "hub.allowNamedServers": "hub_named_servers",
        "singleuser.image.tag": "Only a part",
        "singleuser.networkPolicy": "privateIPs",
    }.items():
        assert word in questions.get(value, ""), f"expected a question about {value} that says {word}, got {questions}"
    assert "PostgreSQL" in why(result, "impossible")["hub.db.type"]
    assert result["variables"]["hub_extra_config"] == {"chart": "c.JupyterHub.shutdown_on_logout = True"}
    assert result["variables"]["hub_storage"] == "none"
    assert "letmein" not in str(result)


@pytest.mark.parametrize(
    ("values", "variables", "question"),
    [
        ({"hub": {"db": {"type": "sqlite-pvc"}}}, {"hub_database": "sqlite"}, ""),
        ({"hub": {"db": {"type": "sqlite-memory"}}}, {}, ""),
        ({"hub": {"db": {"type": "other"}}}, {}, "hub.db.type"),
        ({"hub": {"db": {"url": "mysql://a/b"}}}, {}, "hub.db.url"),
        ({"hub": {"db": {"password": "p"}}}, {"hub_database_password": "{{ vault_hub_database_password }}"}, ""),
        ({"hub": {"namedServerLimitPerUser": 2}}, {"hub_named_servers": None}, ""),
        ({"hub": {"networkPolicy": {"enabled": False}}}, {}, "hub.networkPolicy"),
        ({"hub": {"serviceAccount": {"create": False}}}, {}, "hub.serviceAccount"),
        ({"hub": {"config": {"CryptKeeper": {"keys": ["a", "b"]}}}}, {}, "hub.config.CryptKeeper.keys"),
        (
            {"hub": {"config": {"Authenticator": {"username_map": {"a": "b"}}}}},
            {"hub_authenticator_settings": {"username_map": {"a": "b"}}},
            "hub.config",
        ),
        (
            {"hub": {"config": {"JupyterHub": {"authenticator_class": "my.Own", "base_url": "/x/"}}}},
            {"hub_sign_in": "class", "hub_authenticator_class": "my.Own", "hub_base_url": "/x/"},
            "hub.config.JupyterHub.authenticator_class",
        ),
        ({"hub": {"extraFiles": {"a": {"mountPath": "a.json", "data": {"b": 1}}}}}, {}, "hub.extraFiles.a"),
        ({"hub": {"image": {"name": "hub"}}}, {}, "hub.image.name"),
        ({"singleuser": {"storage": {"type": "odd"}}}, {}, "singleuser.storage.type"),
        (
            {"singleuser": {"storage": {"extraVolumeMounts": [{"name": "home", "mountPath": "/a"}]}}},
            {},
            "singleuser.storage.extraVolumeMounts",
        ),
        (
            {"singleuser": {"networkPolicy": {"egressAllowRules": {"nonPrivateIPs": False}}}},
            {"hub_kubernetes_outside": False},
            "",
        ),
        (
            {"singleuser": {"profileList": {"a": {"display_name": "Ä", "allowed_groups": ["x"]}}}},
            {"hub_profiles": {"00-": {"display_name": "Ä", "groups": ["x"]}}},
            "",
        ),
        ({"ingress": {"tls": [{"hosts": ["a"]}]}}, {}, "ingress.tls"),
        ({"httpRoute": {"gateway": {"name": "a"}}}, {"hub_kubernetes_gateway": None}, ""),
        (
            {"scheduling": {"userPods": {"nodeAffinity": {"matchNodePurpose": "ignore"}}}},
            {"hub_kubernetes_user_node_selector": None},
            "",
        ),
        ({"debug": {"enabled": False}}, {"hub_log_level": None}, ""),
        ({"rbac": {"create": False}}, {}, "rbac"),
        ({"hub": {"serviceAccount": {"create": False, "name": "own"}}}, {"hub_kubernetes_service_account": "own"}, ""),
        ({"hub": {"serviceAccount": {"create": True}}}, {"hub_kubernetes_service_account": None}, ""),
        ({"singleuser": {"extraEnv": {"A": {"name": "A", "value": 1}}}}, {"hub_extra_env": {"A": "1"}}, ""),
    ],
)
def test_single_values(values: dict[str, t.Any], variables: dict[str, t.Any], question: str) -> None:
    result = translate(values)
    assert {name: result["variables"].get(name) for name in variables} == variables
    assert not question or question in why(result), f"expected a question about {question}, got {result['decide']}"


def test_defaults_of_the_chart_that_are_other_ones_here_are_set() -> None:
    result = translate({})
    assert result["variables"] == {
        "hub_concurrent_spawn_limit": 64,
        "hub_consecutive_failure_limit": 5,
        "hub_kubernetes_service": "LoadBalancer",
        "hub_memory_guarantee": "1G",
        "hub_start_timeout": 300,
        "hub_storage_volume": "claim-{user_server}",
    }
    assert why(result) == {"hub.config": _chart_table.NO_SIGN_IN}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1], "expected the mapping of a values file"),
        ({"basehub": {"hub": {}}}, "give the mapping below basehub"),
        ({"replicaCount": 1}, "None of replicaCount is a value of the chart"),
    ],
)
def test_another_file_is_refused(values: t.Any, said: str) -> None:
    with pytest.raises(AnsibleFilterError, match=said):
        translate(values)


def test_each_row_names_a_variable_of_ours() -> None:
    unknown = {row.variable for row in _chart_table.ROWS if row.variable and row.variable not in SPECS}
    assert not unknown, f"expected variables of the roles, not {unknown}"
    assert len(_chart_table.BY_VALUE) == len(_chart_table.ROWS), "expected one row for each value"
    assert {row.value.partition(".")[0] for row in _chart_table.ROWS} <= _chart_table.SECTIONS


def test_the_page_has_the_same_table() -> None:
    current = generate_chart_docs.PAGE.read_text(encoding="utf-8")
    assert generate_chart_docs.page(current) == current, "docs/from-the-chart.md is not up to date: run `make docs`"
    with pytest.raises(ValueError, match="has no table"):
        generate_chart_docs.page("nothing")
