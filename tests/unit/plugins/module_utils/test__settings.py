# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a description becomes, checked by the real classes of JupyterHub 5.5 and 6.1."""

from __future__ import annotations

import pathlib
import typing as t

import descriptions
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_once import made_once

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _checking, _renamed, _settings
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._description import problems
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._rendering import Layer, render

CASES = [(platform, name) for platform in descriptions.PLATFORMS for name in descriptions.SIGN_INS]

# What the classes say by themselves, whatever they are told.
SAID = {
    "native": "The shared database session at Authenticator.db is deprecated",
    "dummy": "Using testing authenticator DummyAuthenticator! This is not meant for production!",
}

# One of everything that makes a difference to a user server.
SERVER = {
    "extra_env": {"EMAIL": "{username}@example.org", "FORMAT": '{"a": 1}', "LEVEL": 3},
    "extra_volumes": {"data": {"mount": "/data", "source": "data-{username}", "read_only": True}},
    "cull_kernels_timeout": 60,
    "memory_limit": "1.5G",
    "memory_guarantee": "512Mi",
    "cpu_limit": 2,
    "cpu_guarantee": 0.5,
    "storage_size": "5G",
    "named_servers": 2,
}


def plan_of(platform: str, **overrides: t.Any) -> dict[str, t.Any]:
    places = descriptions.PLACES if platform == "local" else None
    return _settings.plan(descriptions.description(**overrides), platform, places)


def settings_of(platform: str, **overrides: t.Any) -> dict[str, dict[str, t.Any]]:
    return descriptions.settings_of(plan_of(platform, **overrides))


@pytest.fixture(scope="module")
def made(hub_environment: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, t.Any]]:
    """What the real classes make of every way to sign in on every platform; asked once for all tests."""
    described = {f"{p} {name}": (descriptions.sign_in(name, p, **SERVER), p) for p, name in CASES}
    return dict(
        made_once(
            tmp_path_factory,
            f"settings-{hub_environment.name}",
            lambda folder: descriptions.made_from(hub_environment, folder, described),
        )
    )


# --- the real classes


@pytest.mark.parametrize(("platform", "name"), CASES)
def test_the_real_classes_accept_it_and_have_nothing_to_say(
    made: dict[str, dict[str, t.Any]], platform: str, name: str
) -> None:
    """Application, authenticator and spawner are made as the hub makes them: no unknown trait, nothing deprecated."""
    said = [" ".join(text.split()) for text in made[f"{platform} {name}"]["said"]]
    expected = SAID.get(name.partition(",")[0])
    assert [text.partition(", and will")[0] for text in said] == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("name", "allowed", "everybody"),
    [
        ("shared-password", ["ada", "grace"], False),
        ("native", ["grace"], True),
        ("native, listed", ["ada", "grace"], False),
        ("temporary", [], True),
        ("dummy", ["ada", "grace"], False),
        ("google", ["ada"], True),
        ("openshift", [], False),
        ("oauth", ["ada", "grace"], False),
        ("lti 1.3", [], True),
        ("class, entry point", ["ada"], False),
    ],
)
def test_who_the_authenticator_lets_in(
    made: dict[str, dict[str, t.Any]], name: str, allowed: list[str], everybody: bool
) -> None:
    authenticator = made[f"local {name}"]
    assert (authenticator["allowed"], authenticator["everybody"]) == (allowed, everybody)


@pytest.mark.parametrize("platform", descriptions.PLATFORMS)
def test_environment_variables_mean_the_same_on_every_spawner(made: dict[str, dict[str, t.Any]], platform: str) -> None:
    """Only ``{username}`` is replaced, by the name itself; other braces arrive as they are."""
    assert made[f"{platform} shared-password"]["server"]["environment"] == {
        "EMAIL": "ada-l@example.org",
        "FORMAT": '{"a": 1}',
        "LEVEL": "3",
        "JUPYTERHUB_ACTIVITY_INTERVAL": "300",
    }


def test_docker_mounts_the_users_volume_and_the_others(made: dict[str, dict[str, t.Any]]) -> None:
    assert made["docker shared-password"]["server"]["volumes"] == {
        "jupyterhub-user-ada-2dl": {"bind": "/home/jovyan", "mode": "rw"},
        "data-ada-2dl": {"bind": "/data", "mode": "ro"},
    }


@pytest.mark.parametrize("platform", ["kubernetes", "openshift"])
def test_the_pod_of_a_user_server(made: dict[str, dict[str, t.Any]], platform: str) -> None:
    pod = made[f"{platform} shared-password"]["server"]["pod"]
    container = pod["spec"]["containers"][0]
    assert pod["metadata"]["name"] == "jupyter-ada-l"
    assert pod["metadata"]["labels"].items() >= {"app": "jupyterhub", "component": "singleuser-server"}.items()
    assert container["image"] == "quay.io/jupyterhub/singleuser:6.1.1"
    assert container["resources"] == {
        "limits": {"cpu": 2.0, "memory": 3 * 2**29},
        "requests": {"cpu": 0.5, "memory": 2**29},
    }
    # KubeSpawner would leave the arguments out beside the image's own command.
    assert container["args"][:2] == ["jupyterhub-singleuser", "--MappingKernelManager.cull_idle_timeout=60"]
    assert container["volumeMounts"] == [
        {"name": "home", "mountPath": "/home/jovyan"},
        {"name": "data", "mountPath": "/data", "readOnly": True},
    ]
    assert pod["spec"]["volumes"] == [
        {"name": "home", "persistentVolumeClaim": {"claimName": "claim-ada-l"}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-ada-l"}},
    ]
    assert pod["spec"]["automountServiceAccountToken"] is False
    # Pod security standard "restricted"; an account of its own only where no security context constraint chooses one.
    restricted = {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
    }
    own = platform == "kubernetes"
    numbered = {"seccompProfile": {"type": "RuntimeDefault"}, "runAsUser": 1000}
    assert container["securityContext"] == {**restricted, **(numbered if own else {})}
    assert pod["spec"].get("securityContext") == ({"fsGroup": 100} if own else None)


def test_the_claim_of_a_users_files_has_the_size_in_powers_of_1024(made: dict[str, dict[str, t.Any]]) -> None:
    claim = made["kubernetes shared-password"]["server"]["claim"]
    assert claim["metadata"]["name"] == "claim-ada-l"
    assert claim["spec"] == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}


@pytest.mark.parametrize(
    ("platform", "name"), [("local", "shared-password"), ("docker", "ldap, search"), ("kubernetes", "oauth")]
)
def test_the_check_of_a_configuration_has_no_complaint(
    hub_environment: pathlib.Path, tmp_path: pathlib.Path, platform: str, name: str
) -> None:
    """What hub_config says about our own rendering, profiles included."""
    profiles = {"a": {"display_name": "A"}, "b": {"display_name": "B", "settings": {"debug": True}}}
    description = descriptions.sign_in(name, platform, **SERVER, profiles=profiles, user_env=["COURSE"])
    plan = _settings.plan(description, platform, {**descriptions.PLACES, "secrets": str(tmp_path)})
    for secret, wanted in plan["secrets"].items():
        (tmp_path / secret).write_text(wanted["value"] or secret * 5)
    rendering = render([Layer(**layer) for layer in plan["layers"]], plan["fragments"])
    source = _checking.Source(
        rendering.text,
        settings=rendering.settings,
        origins=rendering.origins,
        lines=rendering.lines,
        fragments=rendering.fragments,
    )
    # Each setting is tried alone, and an outside proxy without its token asks for this variable.
    variables = {"CONFIGPROXY_AUTH_TOKEN": "x"}
    target = _checking.Target(interpreter=str(hub_environment / "bin" / "python"), environment=variables)
    verdict = _checking.check(source, target, str(tmp_path / "cache"))
    assert [str(finding) for finding in verdict.findings if finding.severity != "unsure"] == []


@pytest.mark.parametrize(("platform", "name"), CASES)
def test_only_todays_names_are_written(platform: str, name: str) -> None:
    rendered = descriptions.settings_of(
        _settings.plan(descriptions.sign_in(name, platform, **SERVER), platform, descriptions.PLACES)
    )
    old = {(renamed.cls, renamed.trait) for renamed in _renamed.TABLE}
    assert len(old) > 50
    assert not old & {(class_name, trait) for class_name, traits in rendered.items() for trait in traits}


def test_the_culler_understands_its_arguments(hub_environment: pathlib.Path) -> None:
    description = descriptions.description(cull_users=True, cull_named_servers=True, cull_admins=False, cull_timeout=77)
    understood = descriptions.run_in_hub(
        hub_environment,
        "import json, sys; from jupyterhub_idle_culler import IdleCuller; culler = IdleCuller();"
        "culler.parse_command_line(json.load(sys.stdin)); print(json.dumps(culler.config['IdleCuller']))",
        _settings.culler_arguments(description),
    )
    assert understood == {
        "timeout": 77,
        "cull_every": 600,
        "max_age": 0,
        "concurrency": 10,
        "cull_users": True,
        "cull_admin_users": False,
        "remove_named_servers": True,
    }


def test_defaults_of_the_culler() -> None:
    assert _settings.culler_arguments(descriptions.description()) == [
        "--timeout=3600",
        "--cull-every=600",
        "--concurrency=10",
        "--max-age=0",
        "--cull-admin-users=True",
    ]
    assert _settings.culler_arguments(descriptions.description(cull=False)) == []


# --- platforms


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        (
            "local",
            {
                "bind_url": "http://127.0.0.1:8000/jupyter/",
                "hub_bind_url": "http://127.0.0.1:8081",
                "db_url": "sqlite:////opt/hub/state/jupyterhub.sqlite",
                "cookie_secret_file": "/opt/hub/secrets/cookie_secret",
                "spawner_class": "simple",
            },
        ),
        (
            "docker",
            {
                "bind_url": "http://0.0.0.0:8000/jupyter/",
                "hub_bind_url": "http://0.0.0.0:8081",
                "hub_connect_url": "http://hub:8081",
                "db_url": "sqlite:////srv/jupyterhub/state/jupyterhub.sqlite",
                "cookie_secret_file": "/run/secrets/cookie_secret",
                "spawner_class": "docker",
            },
        ),
        (
            "kubernetes",
            {
                "bind_url": "http://0.0.0.0:8000/jupyter/",
                "hub_bind_url": "http://0.0.0.0:8081",
                "hub_connect_url": "http://class-hub:8081",
                "db_url": "sqlite:////srv/jupyterhub/jupyterhub.sqlite",
                "cookie_secret_file": "/etc/jupyterhub/secrets/cookie_secret",
                "spawner_class": "kubespawner.KubeSpawner",
            },
        ),
    ],
)
def test_the_hub_and_its_proxy_are_apart(platform: str, expected: dict[str, t.Any]) -> None:
    rendered = settings_of(platform, name="class", base_url="/jupyter/")
    hub = rendered["JupyterHub"]
    assert {name: hub.get(name) for name in expected} == expected
    assert hub["cleanup_servers"] is False
    assert rendered["ConfigurableHTTPProxy"]["should_start"] is False
    assert rendered["ConfigurableHTTPProxy"]["auth_token"]["file"].endswith("/proxy_token")


@pytest.mark.parametrize(
    ("overrides", "url"),
    [
        ({"address": "::1"}, "http://[::1]:8000/"),
        ({"tls": "files", "port": 443}, "https://127.0.0.1:443/"),
        ({"tls": "offload", "address": "0.0.0.0"}, "http://0.0.0.0:8000/"),
    ],
)
def test_where_the_public_port_listens(overrides: dict[str, t.Any], url: str) -> None:
    hub = settings_of("local", **overrides)["JupyterHub"]
    assert hub["bind_url"] == url
    secure = {"cookie_options": {"secure": True}} if overrides.get("tls") == "offload" else None
    assert hub.get("tornado_settings") == secure


@pytest.mark.parametrize(
    ("platform", "spawner", "expected"),
    [
        ("local", "", "simple"),
        ("local", "system-user", "localprocess"),
        ("docker", "", "docker"),
        ("docker", "system-user", "docker-system-user"),
        ("openshift", "", "kubespawner.KubeSpawner"),
        ("openshift", "simple", "simple"),
    ],
)
def test_the_spawner_of_a_platform(platform: str, spawner: str, expected: str) -> None:
    assert settings_of(platform, spawner=spawner)["JupyterHub"]["spawner_class"] == expected


def test_no_engine_removes_a_running_server_on_docker() -> None:
    """The spawner removes what it stops; an engine with live-restore that starts would remove what runs (moby 46308)."""
    settings = settings_of("docker", name="class")["DockerSpawner"]
    assert (settings["remove"], settings["extra_host_config"]["auto_remove"]) == (True, False)


def test_system_users_on_docker_become_accounts_of_the_host() -> None:
    plan = plan_of("docker", spawner="system-user")
    settings = plan["layers"][0]["settings"]
    assert settings["SystemUserSpawner"] == {
        "host_homedir_format_string": "/home/{username}",
        "image_homedir_format_string": "/home/{username}",
        "run_as_root": True,
    }
    limits = settings["DockerSpawner"]["extra_host_config"]
    assert (limits["cap_drop"], limits["cap_add"]) == (["ALL"], ["CHOWN", "SETGID", "SETUID"])
    assert limits["security_opt"] == ["no-new-privileges"]
    assert settings["DockerSpawner"]["volumes"] == {}, "expected no volume beside the home of the host"
    assert "'/srv/jupyterhub/host/accounts.json'" in plan["fragments"]["00-system-users"]


@pytest.mark.parametrize(("platform", "spawner"), [("docker", ""), ("local", "system-user")])
def test_no_other_server_begins_with_rights(platform: str, spawner: str) -> None:
    plan = plan_of(platform, spawner=spawner)
    assert "00-system-users" not in plan["fragments"]
    assert "cap_add" not in str(plan["layers"])


@pytest.mark.parametrize("platform", descriptions.PLATFORMS)
def test_a_hub_that_is_drained_says_why_and_starts_nothing(platform: str) -> None:
    plan = plan_of(platform, drain="Back at <noon>.", announcement="<b>New</b>", extra_config={"zoo": "pass"})
    assert plan["layers"][1]["settings"]["JupyterHub"]["template_vars"] == {
        "announcement": "Back at &lt;noon&gt;.<br><b>New</b>"
    }
    assert max(plan["fragments"]) == "~drain", "expected that no other fragment comes after it"
    assert "'Back at <noon>.'" in plan["fragments"]["~drain"]
    assert "~drain" not in plan_of(platform)["fragments"]


def test_several_hubs_share_a_namespace() -> None:
    spawner = settings_of("kubernetes", name="class")["KubeSpawner"]
    assert spawner["pod_name_template"] == "class-jupyter-{user_server}"
    assert spawner["pvc_name_template"] == "class-claim-{user_server}"
    assert spawner["common_labels"] == {"app": "class", "release": "class"}
    docker = settings_of("docker", name="class")["DockerSpawner"]
    assert (docker["prefix"], docker["network_name"]) == ("class-user", "class")
    assert docker["volumes"] == {"class-user-{username}": "/home/jovyan"}


@pytest.mark.parametrize("platform", ["docker", "kubernetes"])
def test_without_storage_nothing_of_a_user_is_mounted(platform: str) -> None:
    rendered = settings_of(platform, storage="none")
    if platform == "docker":
        assert rendered["DockerSpawner"]["volumes"] == {}
    else:
        assert (rendered["KubeSpawner"]["volumes"], rendered["KubeSpawner"]["volume_mounts"]) == ([], [])
        assert "storage_pvc_ensure" not in rendered["KubeSpawner"]


def test_storage_of_a_user_can_be_chosen() -> None:
    docker = settings_of("docker", storage_volume="files-{username}", storage_mount="/work")["DockerSpawner"]
    assert docker["volumes"] == {"files-{username}": "/work"}
    kube = settings_of("kubernetes", storage_volume="files-{username}", storage_mount="/work", storage_class="fast")
    assert kube["KubeSpawner"]["pvc_name_template"] == "files-{username}"
    assert kube["KubeSpawner"]["storage_class"] == "fast"
    assert kube["KubeSpawner"]["volume_mounts"] == [{"name": "home", "mountPath": "/work"}]
    assert kube["KubeSpawner"]["delete_pvc"] is False


@pytest.mark.parametrize(
    ("overrides", "url"),
    [
        ({}, "postgresql+psycopg2://jupyterhub@database:5432/jupyterhub"),
        ({"database_host": "db.example.org", "database_port": 5433}, "postgresql+psycopg2://jupyterhub@db.example.org:5433/jupyterhub"),
        ({"database_host": "fd00::7", "database_user": "a@b/c", "database_name": "hub 1"}, "postgresql+psycopg2://a%40b%2Fc@[fd00::7]:5432/hub%201"),
    ],
)  # fmt: skip
def test_the_url_of_the_database_has_no_password(overrides: dict[str, t.Any], url: str) -> None:
    hub = settings_of("docker", database="postgresql", database_password="secret", **overrides)["JupyterHub"]
    assert hub["db_url"] == url


# --- people, services and roles


def test_admins_are_a_fixed_list_so_that_the_right_can_be_taken_away() -> None:
    roles = settings_of("local", admins=["Grace"])["JupyterHub"]["load_roles"]
    assert {"name": "admin", "users": ["grace"]} in roles
    assert {"name": "admin", "users": []} in settings_of("local")["JupyterHub"]["load_roles"]


@pytest.mark.parametrize(
    ("name", "listed"),
    [("shared-password", True), ("oauth", True), ("pam, admin groups", True), ("native", False), ("github", False)],
)
def test_the_authenticator_lists_admins_only_where_it_must(name: str, listed: bool) -> None:
    settings = descriptions.settings_of(_settings.plan(descriptions.sign_in(name), "local", descriptions.PLACES))
    assert ("admin_users" in settings["Authenticator"]) == listed


@pytest.mark.parametrize("name", ["oauth", "openshift", "pam, admin groups"])
def test_groups_that_make_admins_are_not_undone_by_a_fixed_list(name: str) -> None:
    settings = descriptions.settings_of(_settings.plan(descriptions.sign_in(name), "local", descriptions.PLACES))
    assert "admin" not in [role["name"] for role in settings["JupyterHub"]["load_roles"]]


def test_people_who_are_blocked_are_spelled_as_the_hub_spells_them() -> None:
    """The hub does not change the names on this list before it compares."""
    assert settings_of("local", blocked_users=["Mallory", "eve"])["Authenticator"]["blocked_users"] == [
        "eve",
        "mallory",
    ]


def test_people_of_a_userlist_restrict_native_accounts_too() -> None:
    authenticator = settings_of("local", sign_in="native", users=[], userlist="x", userlist_text="ada\n")[
        "Authenticator"
    ]
    assert (authenticator["allowed_users"], authenticator["allow_all"]) == (["ada"], False)


def test_groups_have_their_members() -> None:
    plan = _settings.plan(
        descriptions.description(groups=[{"name": "lab", "users": ["Bob", "ada"]}, {"name": "empty"}]), "docker"
    )
    assert plan["people"] == {"users": ["ada"], "admins": [], "groups": {"lab": ["ada", "bob"], "empty": []}}
    assert descriptions.settings_of(plan)["JupyterHub"]["load_groups"] == {
        "lab": {"users": ["ada", "bob"]},
        "empty": {"users": []},
    }


def test_services_and_roles_of_the_description() -> None:
    services = {
        "grader": {"url": "http://127.0.0.1:9", "scopes": ["list:users"], "api_token": "t" * 32, "display": False}
    }
    plan = _settings.plan(descriptions.description(services=services, roles={"ta": {"users": ["ada"]}}), "docker")
    hub = descriptions.settings_of(plan)["JupyterHub"]
    token = {"file": "/run/secrets/service_grader_token"}
    assert {"name": "grader", "url": "http://127.0.0.1:9", "display": False, "api_token": token} in hub["services"]
    assert {"name": "service-grader", "scopes": ["list:users"], "services": ["grader"]} in hub["load_roles"]
    assert {"name": "ta", "users": ["ada"]} in hub["load_roles"]
    assert plan["secrets"]["service_grader_token"] == {"value": "t" * 32, "length": 32, "encoding": "hex"}


@pytest.mark.parametrize(("platform", "starts"), [("local", False), ("docker", True), ("kubernetes", True)])
def test_the_culler_has_exactly_the_rights_it_needs(platform: str, starts: bool) -> None:
    hub = settings_of(platform)["JupyterHub"]
    culler = next(service for service in hub["services"] if service["name"] == "idle-culler")
    assert ("command" in culler) == starts
    scopes = {role["name"]: role.get("scopes") for role in hub["load_roles"]}
    assert scopes["idle-culler"] == ["list:users", "read:users:activity", "read:servers", "delete:servers"]
    users = settings_of(platform, cull_users=True)["JupyterHub"]["load_roles"]
    assert next(role for role in users if role["name"] == "idle-culler")["scopes"][-1] == "admin:users"


def test_a_proxy_that_starts_may_ask_for_its_routes_and_nothing_else() -> None:
    """With the token that it shares with the hub, where the platform's role lets it ask."""
    hub = settings_of("docker")["JupyterHub"]
    assert {"name": "hubwright-proxy", "api_token": {"file": "/run/secrets/proxy_token"}} in hub["services"]
    assert {"name": "hubwright-proxy", "scopes": ["proxy"], "services": ["hubwright-proxy"]} in hub["load_roles"]
    assert "hubwright-proxy" in str(settings_of("kubernetes")["JupyterHub"]["load_roles"])
    assert "hubwright-proxy" in str(settings_of("openshift")["JupyterHub"]["load_roles"])


def test_one_pod_on_openshift() -> None:
    """Nothing is asked of the cluster; what runs beside the hub is reached without it, and is no pod."""
    changed = {
        "spawner": "simple",
        "extra_env": {"HOME_OF": "{username}"},
        "profiles": {"big": {"display_name": "Big", "image": "example.org/big:1"}},
        "memory_limit": "1G",
        "storage": "none",
    }
    description = descriptions.description(**changed)
    plan = _settings.plan(description, "openshift")
    settings = plan["layers"][0]["settings"]
    assert "KubeSpawner" not in settings
    assert settings["JupyterHub"]["hub_connect_url"] == "http://127.0.0.1:8081"
    assert settings["ConfigurableHTTPProxy"]["api_url"] == "http://127.0.0.1:8001"
    assert settings["SimpleLocalProcessSpawner"] == {"home_dir_template": "/srv/users/{username}"}
    assert "PATH" in settings["LocalProcessSpawner"]["env_keep"]
    assert plan["layers"][1]["settings"]["Spawner"]["environment"]["HOME_OF"] == "{username}"
    assert "example.org/big:1" not in plan["fragments"]["00-profiles"]
    assert 'name != "pid"' in plan["fragments"]["00-one-pod"]
    assert "00-one-pod" not in _settings.plan(descriptions.description(), "openshift")["fragments"]
    said = plan["unsupported"]
    assert [sentence.partition(" ")[0] for sentence in said] == [
        "hub_memory_limit",
        "The",
        "hub_spawner:",
        "hub_spawner:",
    ]
    assert _settings.unsupported(descriptions.description(), "openshift") == []


def test_on_openshift_a_seccomp_profile_is_asked_for_only_when_wanted() -> None:
    """The constraint "restricted" refuses pods that ask for one."""
    description = descriptions.description()

    def context(**places: t.Any) -> dict[str, t.Any]:
        layers = _settings.plan(description, "openshift", places)["layers"]
        found: dict[str, t.Any] = layers[0]["settings"]["KubeSpawner"]["container_security_context"]
        return found

    assert "seccompProfile" not in context() and "seccompProfile" not in context(seccomp=False)
    assert context(seccomp=True)["seccompProfile"] == {"type": "RuntimeDefault"}


def test_in_a_pod_the_culler_asks_the_hub_beside_it() -> None:
    plan = _settings.plan(descriptions.description(base_url="/lab/"), "kubernetes")
    services = next(layer for layer in plan["layers"] if layer["name"] == "hub description")["settings"]["JupyterHub"][
        "services"
    ]
    culler = next(service for service in services if service["name"] == "idle-culler")
    assert culler["command"][-1] == "--url=http://127.0.0.1:8081/lab/hub/api"


def test_without_culling_there_is_no_culler() -> None:
    plan = _settings.plan(descriptions.description(cull=False), "docker")
    hub = descriptions.settings_of(plan)["JupyterHub"]
    assert [service["name"] for service in hub["services"]] == ["hubwright", "hubwright-proxy"]
    assert "culler_token" not in plan["secrets"]
    assert plan["culler"] == []


# --- user servers and look


@pytest.mark.parametrize(
    ("page", "url"), [("lab", "/lab"), ("classic", "/tree"), ("/lab/tree/a.ipynb", "/lab/tree/a.ipynb")]
)
def test_what_a_server_opens_with(page: str, url: str) -> None:
    assert settings_of("docker", default_page=page)["Spawner"]["default_url"] == url


def test_limits_and_timeouts_of_a_server() -> None:
    spawner = settings_of("docker", memory_limit="1536M", cpu_limit=1, start_timeout=90, http_timeout=20)["Spawner"]
    assert spawner["mem_limit"] == "1536M"
    assert spawner["cpu_limit"] == 1.0
    assert (spawner["start_timeout"], spawner["http_timeout"]) == (90, 20)
    default = settings_of("docker")["Spawner"]
    assert (default["start_timeout"], default["http_timeout"]) == (120, 60)
    assert not {"mem_limit", "mem_guarantee", "cpu_limit", "cpu_guarantee", "args"} & set(default)


def test_named_servers_are_off_unless_asked_for() -> None:
    assert "allow_named_servers" not in settings_of("docker")["JupyterHub"]
    hub = settings_of("docker", named_servers=2)["JupyterHub"]
    assert (hub["allow_named_servers"], hub["named_server_limit_per_user"]) == (True, 2)


def test_kernels_are_culled_by_the_server_itself() -> None:
    spawner = settings_of("docker", cull_kernels_timeout=60, cull_kernels_every=30, cull_kernels_connected=True)[
        "Spawner"
    ]
    assert spawner["args"] == [
        "--MappingKernelManager.cull_idle_timeout=60",
        "--MappingKernelManager.cull_interval=30",
        "--MappingKernelManager.cull_connected=True",
    ]


def test_the_look_of_the_pages() -> None:
    plan = _settings.plan(
        descriptions.description(
            announcement="<b>Down on Friday</b>",
            template_vars={"course": "Numbers"},
            templates={"page.html": "x"},
            logo="images/Logo.SVG",
            extra_files={"roster.csv": {"content": "ada"}, "key": {"content": "k", "mode": "0600"}},
        ),
        "docker",
    )
    hub = descriptions.settings_of(plan)["JupyterHub"]
    assert hub["template_vars"] == {"course": "Numbers", "announcement": "<b>Down on Friday</b>"}
    assert hub["template_paths"] == ["/srv/jupyterhub/files/templates"]
    assert hub["logo_file"] == "/srv/jupyterhub/files/logo.svg"
    assert plan["files"] == {
        "templates/page.html": {"content": "x", "mode": "0644"},
        "roster.csv": {"content": "ada", "mode": "0640"},
        "key": {"content": "k", "mode": "0600"},
    }


# --- secrets, layers, what can not be honoured


def test_secrets_left_out_are_asked_to_be_generated() -> None:
    plan = _settings.plan(descriptions.description(auth_state=True, database="postgresql"), "docker")
    secrets = plan["secrets"]
    assert {name: secret["value"] for name, secret in secrets.items()} == dict.fromkeys(
        (
            *("cookie_secret", "proxy_token", "operator_token", "culler_token", "crypt_key"),
            *("shared_password", "shared_admin_password", "database_password"),
        ),
        "",
    )
    assert secrets["cookie_secret"] == {"value": "", "length": 32, "encoding": "hex"}
    assert secrets["shared_password"]["length"] >= 8
    assert secrets["shared_admin_password"]["length"] >= 32
    assert descriptions.settings_of(plan)["CryptKeeper"]["keys"] == [{"file": "/run/secrets/crypt_key"}]


def test_secrets_given_are_kept() -> None:
    given = {"cookie_secret": "ab" * 32, "proxy_token": "cd" * 32, "crypt_key": "ef" * 32}
    secrets = _settings.secrets(descriptions.description(auth_state=True, **given))
    assert {name: secrets[name]["value"] for name in given} == given


def test_any_trait_wins_over_the_description() -> None:
    extra = {"Spawner": {"start_timeout": 7}, "JupyterHub": {"shutdown_on_logout": True}}
    plan = _settings.plan(descriptions.description(settings_extra=extra), "docker")
    assert [layer["name"] for layer in plan["layers"]] == ["platform docker", "hub description", "hub_settings_extra"]
    merged = descriptions.settings_of(plan)
    assert merged["Spawner"]["start_timeout"] == 7
    assert merged["Spawner"]["http_timeout"] == 60
    assert merged["JupyterHub"]["shutdown_on_logout"] is True


def test_python_of_the_description_comes_after_ours() -> None:
    plan = _settings.plan(
        descriptions.description(profiles={"a": {"display_name": "A"}}, extra_config={"hook": "x = 1\n"}), "docker"
    )
    assert sorted(plan["fragments"]) == ["00-profiles", "hook"]
    assert plan["fragments"]["hook"] == "x = 1\n"
    assert _settings.plan(descriptions.description(), "docker")["fragments"] == {}


def test_what_local_can_not_honour_is_said_and_nothing_else() -> None:
    description = descriptions.description(
        memory_limit="1G",
        cpu_guarantee=1,
        extra_volumes={"a": {"mount": "/a"}},
        storage="none",
        profiles={"a": {"display_name": "A", "image": "x:1"}},
    )
    assert _settings.plan(description, "local", descriptions.PLACES)["unsupported"] == [
        "hub_memory_limit is told to user servers but not enforced on local.",
        "hub_cpu_guarantee is told to user servers but not enforced on local.",
        "hub_extra_volumes has no effect on local: user servers see the host's own directories.",
        "hub_storage: none has no effect on local: users' directories are kept.",
        "The image of a profile has no effect on local.",
    ]
    assert _settings.plan(description, "docker")["unsupported"] == []
    assert _settings.plan(descriptions.description(), "local", descriptions.PLACES)["unsupported"] == []


# --- for every description

word = st.text("abcdefghij", min_size=1, max_size=6)
sizes = st.sampled_from(["", "512M", "1.5Gi", "1073741824", "2T"])
described = st.fixed_dictionaries(
    {"name": st.sampled_from(sorted(descriptions.SIGN_INS)), "platform": st.sampled_from(descriptions.PLATFORMS)},
    optional={
        "scale": st.sampled_from(["small", "medium", "large"]),
        "blocked_users": st.lists(word),
        "memory_limit": sizes,
        "cpu_limit": st.floats(0, 64),
        "extra_env": st.dictionaries(word, st.text() | st.integers() | st.booleans()),
        "user_env": st.lists(word),
        "cull": st.booleans(),
        "cull_users": st.booleans(),
        "cull_kernels_timeout": st.integers(0, 10),
        "auth_state": st.booleans(),
        "database": st.sampled_from(["sqlite", "postgresql"]),
        "storage": st.sampled_from(["persistent", "none"]),
        "announcement": st.text(),
        "template_vars": st.dictionaries(word, st.text() | st.lists(st.integers())),
        "profiles": st.dictionaries(
            word,
            st.fixed_dictionaries(
                {"display_name": st.text()},
                optional={
                    "description": st.text() | st.none(),
                    "groups": st.lists(word),
                    "memory_limit": sizes,
                    "environment": st.dictionaries(word, st.text()),
                    "image": st.just("x:1"),
                },
            ),
        ),
        "services": st.dictionaries(word, st.fixed_dictionaries({}, optional={"scopes": st.just(["list:users"])})),
        "extra_volumes": st.dictionaries(word, st.builds(lambda path: {"mount": f"/data/{path}"}, word), max_size=1),
        "settings_extra": st.dictionaries(st.just("Spawner"), st.dictionaries(st.just("debug"), st.booleans())),
    },
)


@settings(max_examples=60, deadline=None)
@given(described)
def test_a_good_description_always_becomes_the_same_configuration(values: dict[str, t.Any]) -> None:
    """No description that is accepted fails later, and the order of its keys changes no byte of the file."""
    name, platform = values.pop("name"), values.pop("platform")
    description = descriptions.sign_in(name, platform, **values, database_host="db", database_password="secret")
    found = problems(description, platform)
    if platform in ("kubernetes", "openshift") and name.startswith("pam"):
        assert len(found) == 1
        return
    assert found == []
    text = descriptions.text_of(_settings.plan(description, platform, descriptions.PLACES))
    turned = {
        key: dict(reversed(value.items())) if isinstance(value, dict) else value
        for key, value in reversed(description.items())
    }
    assert descriptions.text_of(_settings.plan(turned, platform, descriptions.PLACES)) == text
    compile(text, "jupyterhub_config.py", "exec")


def test_a_role_on_kubernetes_adds_what_only_it_knows() -> None:
    places = {
        "database": "course-database",
        "claim": "homes",
        "sub_path": "people/{username}",
        "spawner": {"node_selector": {"pool": "users"}},
    }
    plan = _settings.plan(descriptions.description(database="postgresql"), "kubernetes", places)
    layers = {layer["name"]: layer["settings"] for layer in plan["layers"]}
    spawner = layers["platform kubernetes"]["KubeSpawner"]
    assert spawner["node_selector"] == {"pool": "users"}
    assert spawner["volumes"] == [{"name": "home", "persistentVolumeClaim": {"claimName": "homes"}}]
    assert spawner["volume_mounts"] == [{"name": "home", "mountPath": "/home/jovyan", "subPath": "people/{username}"}]
    assert not {"storage_pvc_ensure", "pvc_name_template", "storage_capacity"} & set(spawner)
    assert "@course-database:5432/" in layers["hub description"]["JupyterHub"]["db_url"]
