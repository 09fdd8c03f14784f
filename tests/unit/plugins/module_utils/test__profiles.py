# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles and users' environment: the fragment on the real spawners and in real hubs."""

from __future__ import annotations

import os
import pathlib
import types
import typing as t

import descriptions
import pytest
from descriptions import DescribedHub

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _settings

PROFILES: dict[str, dict[str, t.Any]] = {
    "large": {
        "display_name": "Large <b>machine</b>",
        "description": 'For "big" data & more',
        "groups": ["lab"],
        "image": "large:1.0",
        "memory_limit": "4G",
        "cpu_limit": 2,
        "default_page": "classic",
        "environment": {"SIZE": "large", "OWNER": "{username}", "FORMAT": "{x}"},
    },
    "small": {"display_name": "Small", "default": True, "environment": {"SIZE": "small"}},
    "tiny": {"display_name": "Tiny", "memory_limit": "256M", "settings": {"http_timeout": 7}},
}
DESCRIBED: dict[str, t.Any] = {
    "profiles": PROFILES,
    "groups": [{"name": "lab", "users": ["ada"]}],
    "extra_env": {"EMAIL": "{username}@example.org"},
    "user_env": ["COURSE"],
    "memory_limit": "1G",
}
SHARED = {"shared_password": "open sesame"}


# --- the start page


Functions = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def functions(tmp_path: pathlib.Path) -> Functions:
    """The functions of the fragment that a description becomes."""

    def of(**overrides: t.Any) -> dict[str, t.Any]:
        description = descriptions.description(**{**DESCRIBED, **overrides})
        return descriptions.run_fragment(_settings.plan(description, "docker")["fragments"]["00-profiles"], tmp_path)

    return of


def spawner_of(*groups: str, admin: bool = False, **options: str) -> types.SimpleNamespace:
    user = types.SimpleNamespace(name="ada", admin=admin, groups=[types.SimpleNamespace(name=name) for name in groups])
    return types.SimpleNamespace(user=user, user_options=options)


@pytest.mark.parametrize(
    ("spawner", "seen"),
    [
        (spawner_of(), ["small", "tiny"]),
        (spawner_of("lab"), ["large", "small", "tiny"]),
        (spawner_of("other"), ["small", "tiny"]),
        (spawner_of(admin=True), ["large", "small", "tiny"]),
    ],
    ids=["somebody", "a member", "a member of another group", "an admin"],
)
def test_the_start_page_offers_what_a_person_may_choose(functions: Functions, spawner: t.Any, seen: list[str]) -> None:
    form = functions()["profile_form"](spawner)
    assert [key for key in PROFILES if f'value="{key}"' in form] == seen


def test_the_start_page_shows_texts_as_they_are_and_preselects(functions: Functions) -> None:
    form = functions()["profile_form"](spawner_of("lab"))
    assert "Large &lt;b&gt;machine&lt;/b&gt;" in form
    assert "For &quot;big&quot; data &amp; more" in form
    assert form.count(" checked") == 1 and 'value="small" checked' in form


@pytest.mark.parametrize(("last", "chosen"), [("tiny", "tiny"), ("large", "small"), ("gone", "small")])
def test_the_last_choice_is_preselected_while_it_is_permitted(functions: Functions, last: str, chosen: str) -> None:
    form = functions()["profile_form"](spawner_of(profile=last))
    assert f'value="{chosen}" checked' in form


@pytest.mark.parametrize("profiles", [{}, {"only": {"display_name": "Only"}}, {"large": PROFILES["large"]}])
def test_without_a_choice_there_is_no_page(functions: Functions, profiles: dict[str, t.Any]) -> None:
    assert functions(profiles=profiles)["profile_form"](spawner_of()) == ""


@pytest.mark.parametrize(
    ("form", "options"), [({"profile": ["tiny"]}, {"profile": "tiny"}), ({}, {}), ({"profile": [], "x": ["y"]}, {})]
)
def test_what_the_start_page_sends(functions: Functions, form: dict[str, list[str]], options: dict[str, str]) -> None:
    assert functions()["options_from_form"](form) == options


def test_the_first_profile_is_the_default_when_none_is_marked(functions: Functions) -> None:
    form = functions(profiles={"b": {"display_name": "B"}, "a": {"display_name": "A"}})["profile_form"](spawner_of())
    assert 'value="a" checked' in form


# --- the real spawners

STARTS = """
import asyncio, json, logging, sys, types
import kubespawner.spawner
from jupyterhub.app import JupyterHub
from tornado.web import HTTPError
from traitlets.config.loader import PyFileConfigLoader

kubespawner.spawner.load_config = lambda *args, **kwargs: None

async def starts(path, wanted):
    app = JupyterHub(config=PyFileConfigLoader(path).load_config())
    app.log.handlers[:], app.log.propagate = [logging.NullHandler()], False
    user = types.SimpleNamespace(name="ada", escaped_name="ada", id=1, url="/user/ada/", settings={})
    stored = types.SimpleNamespace(name="", server=None, user_options={})
    kube = {"_mock": True} if app.spawner_class.__name__ == "KubeSpawner" else {}
    hub = types.SimpleNamespace(api_url="http://hub:8081/hub/api", base_url="/hub/", public_host="", api_token="x")
    spawner = app.spawner_class(parent=app, user=user, hub=hub, orm_spawner=stored, **kube)
    spawner.api_token = "x"
    answers = []
    for options, groups, admin in wanted:
        user.groups = [types.SimpleNamespace(name=name) for name in groups]
        user.admin = admin
        # as the hub does: options that are given are stored, without any the stored ones are taken
        if options is None:
            options = stored.user_options
        else:
            stored.user_options = options
        refused = ""
        try:
            await spawner._run_apply_user_options(options)
        except HTTPError as error:
            refused = f"{error.status_code} {error.log_message}"
        if kube and not refused:
            # Its own start looks at them too, and ends where it does not know a profile.
            spawner.user_options = options
            await spawner.load_user_options()
        env = spawner.get_env()
        answers.append({
            "refused": refused,
            "environment": {name: env[name] for name in spawner.environment if name != "JUPYTERHUB_ACTIVITY_INTERVAL"},
            "image": getattr(spawner, "image", None),
            "mem_limit": spawner.mem_limit,
            "cpu_limit": spawner.cpu_limit,
            "default_url": spawner.default_url,
            "http_timeout": spawner.http_timeout,
        })
    return answers

path, wanted = json.load(sys.stdin)
print(json.dumps(asyncio.run(starts(path, wanted))))
"""
Start = tuple[t.Any, list[str], bool]  # user options or None, groups, administrator
G = 2**30


def started(
    environment: pathlib.Path, directory: pathlib.Path, platform: str, starts: list[Start], **overrides: t.Any
) -> list[dict[str, t.Any]]:
    """What one spawner object of the real class is told by these starts, one after the other."""
    description = descriptions.description(**{**DESCRIBED, **overrides})
    plan = _settings.plan(description, platform, {**descriptions.PLACES, "secrets": str(directory)})
    for name in plan["secrets"]:
        (directory / name).write_text(name * 5)
    path = directory / "jupyterhub_config.py"
    path.write_text(descriptions.text_of(plan))
    return list(descriptions.run_in_hub(environment, STARTS, [str(path), starts]))


@pytest.mark.parametrize("platform", descriptions.PLATFORMS)
def test_nothing_of_a_start_leaks_into_the_next(
    hub_environment: pathlib.Path, tmp_path: pathlib.Path, platform: str
) -> None:
    """Default, a restricted profile, the default again, another one: each start has its own values only."""
    default, large, again, tiny = started(
        hub_environment,
        tmp_path,
        platform,
        [
            ({}, [], False),
            ({"profile": "large", "env": {"COURSE": "{numbers}"}}, ["lab"], False),
            ({}, ["lab"], False),
            ({"profile": "tiny"}, [], True),
        ],
    )
    image = None if platform == "local" else "quay.io/jupyterhub/singleuser:6.1.1"
    assert default == again == {
        "refused": "",
        "environment": {"EMAIL": "ada@example.org", "SIZE": "small"},
        "image": image,
        "mem_limit": G,
        "cpu_limit": 0.0 if platform == "docker" else None,  # each spawner's own "no limit"
        "default_url": "/lab",
        "http_timeout": 60,
    }  # fmt: skip
    assert large == {
        **default,
        "environment": {
            "EMAIL": "ada@example.org", "SIZE": "large", "OWNER": "ada", "FORMAT": "{x}", "COURSE": "{numbers}",
        },
        "image": image and "large:1.0",
        "mem_limit": 4 * G,
        "cpu_limit": 2.0,
        "default_url": "/tree",
    }  # fmt: skip
    assert tiny == {**default, "environment": {"EMAIL": "ada@example.org"}, "mem_limit": G // 4, "http_timeout": 7}


@pytest.mark.parametrize(
    ("options", "groups", "message"),
    [
        ({"profile": "large"}, [], "400 There is no profile 'large' for you; permitted: small, tiny."),
        ({"profile": "huge"}, ["lab"], "400 There is no profile 'huge' for you; permitted: large, small, tiny."),
        ({"profile": ["tiny"]}, [], "400 There is no profile ['tiny'] for you; permitted: small, tiny."),
        ({"env": {"PATH": "/evil", "COURSE": "x"}}, [], "400 You may not set PATH; permitted: COURSE."),
        ({"env": {"LD_PRELOAD": "", "PATH": ""}}, [], "400 You may not set LD_PRELOAD, PATH; permitted: COURSE."),
        ({"env": ["COURSE"]}, [], "400 The option env is not a mapping of names to values."),
    ],
)
def test_what_a_user_may_not_choose_is_refused_in_words(
    newest_hub_environment: pathlib.Path,
    tmp_path: pathlib.Path,
    options: dict[str, t.Any],
    groups: list[str],
    message: str,
) -> None:
    before, refused, after = started(
        newest_hub_environment, tmp_path, "docker", [({}, [], False), (options, groups, False), (None, [], False)]
    )
    assert refused["refused"] == message
    # The hub stored the bad choice; a start without options must not repeat it.
    assert {**after, "environment": {**after["environment"], "COURSE": None}} == {
        **before,
        "environment": {**before["environment"], "COURSE": None},
    }


def test_a_remembered_choice_lasts_as_long_as_the_right_to_it(
    newest_hub_environment: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    member, again, left = started(
        newest_hub_environment,
        tmp_path,
        "docker",
        [({"profile": "large"}, ["lab"], False), (None, ["lab"], False), (None, [], False)],
    )
    assert member == again
    assert (left["refused"], left["environment"]["SIZE"]) == ("", "small")


def test_a_profile_with_a_setting_that_the_spawner_does_not_have_is_not_started_without_it(
    newest_hub_environment: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    profiles = {"a": {"display_name": "A"}, "b": {"display_name": "B", "settings": {"node_selector": {"gpu": "yes"}}}}
    good, bad = started(
        newest_hub_environment,
        tmp_path,
        "docker",
        [({}, [], False), ({"profile": "b"}, [], False)],
        profiles=profiles,
    )
    assert good["refused"] == ""
    assert bad["refused"] == (
        "400 The profile sets node_selector, which DockerSpawner does not have; tell an administrator."
    )


def test_somebody_without_a_profile_gets_a_plain_server(
    newest_hub_environment: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (plain,) = started(
        newest_hub_environment, tmp_path, "docker", [({}, [], False)], profiles={"large": PROFILES["large"]}
    )
    assert (plain["refused"], plain["environment"], plain["mem_limit"]) == ("", {"EMAIL": "ada@example.org"}, G)


# --- real hubs, real servers


@pytest.fixture(scope="module")
def hub(hub_environment: pathlib.Path, proxy_environment: pathlib.Path) -> t.Iterator[DescribedHub]:
    with descriptions.described_hub(hub_environment, proxy_environment) as hub:
        yield hub


def environment_of(hub: DescribedHub, user: str) -> dict[str, str]:
    """The environment in which the process of a user's server really runs."""
    pid = pid_of(hub, user)
    entries = (pathlib.Path("/proc") / str(pid) / "environ").read_bytes().decode().split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def pid_of(hub: DescribedHub, user: str) -> int:
    """The process of a user's server, as the hub keeps it."""
    program = (
        "import json, sqlite3, sys; path, user = json.load(sys.stdin);"
        "rows = sqlite3.connect(path).execute('select s.state from spawners s join users u on u.id = s.user_id"
        " where u.name = ?', (user,)); print(rows.fetchone()[0])"
    )
    path = hub.directory / "state" / "jupyterhub.sqlite"
    return int(descriptions.run_in_hub(hub.environment, program, [str(path), user])["pid"])


def start(hub: DescribedHub, user: str, options: dict[str, t.Any] | None = None) -> tuple[int, t.Any]:
    """Start a user's server by the REST API and wait until it is up."""
    status, answer = hub.api("POST", f"/users/{user}/server", options)
    assert status < 500, f"{answer}\n{hub.log()}"
    if status in (201, 202):
        hub.until(lambda: hub.server(user).get("ready"), f"server of {user} up")
    return status, answer


def stop(hub: DescribedHub, user: str) -> None:
    hub.api("DELETE", f"/users/{user}/server")
    hub.until(lambda: not hub.user(user)["servers"], f"server of {user} down")


def test_choices_of_the_start_reach_the_users_process(hub: DescribedHub) -> None:
    hub.start_again(**{**SHARED, **DESCRIBED, "users": ["ada", "bob"]})

    # somebody outside the group: refused in words, and nothing is started
    status, answer = start(hub, "bob", {"profile": "large"})
    assert (status, answer["message"]) == (400, "There is no profile 'large' for you; permitted: small, tiny.")
    status, answer = start(hub, "bob", {"env": {"LD_PRELOAD": "/evil.so"}})
    assert (status, answer["message"]) == (400, "You may not set LD_PRELOAD; permitted: COURSE.")
    assert hub.user("bob")["servers"] == {}

    # a start without options after a refused one takes the default
    assert start(hub, "bob")[0] in (201, 202)
    assert environment_of(hub, "bob")["SIZE"] == "small"

    # a member of the group, with a variable of her own
    assert start(hub, "ada", {"profile": "large", "env": {"COURSE": "numbers"}})[0] in (201, 202)
    found = environment_of(hub, "ada")
    assert {name: found.get(name) for name in ("SIZE", "OWNER", "EMAIL", "COURSE", "FORMAT")} == {
        "SIZE": "large",
        "OWNER": "ada",
        "EMAIL": "ada@example.org",
        "COURSE": "numbers",
        "FORMAT": "{x}",
    }
    assert found["MEM_LIMIT"] == str(4 * G)
    assert found["JUPYTERHUB_ACTIVITY_INTERVAL"] == "300"

    # another choice: nothing of the last start is left
    stop(hub, "ada")
    assert start(hub, "ada", {"profile": "small"})[0] in (201, 202)
    found = environment_of(hub, "ada")
    assert (found["SIZE"], found["MEM_LIMIT"]) == ("small", str(G))
    assert not {"COURSE", "OWNER"} & set(found)

    for user in ("ada", "bob"):
        stop(hub, user)


def test_a_withdrawn_profile_does_not_keep_a_user_from_starting(hub: DescribedHub) -> None:
    """Across a restart of the hub, with the choice that it remembered in its database."""
    hub.start_again(**{**SHARED, **DESCRIBED})
    assert start(hub, "ada", {"profile": "tiny"})[0] in (201, 202)
    assert environment_of(hub, "ada")["MEM_LIMIT"] == str(G // 4)
    stop(hub, "ada")
    hub.start_again(**{**SHARED, **DESCRIBED, "profiles": {"small": PROFILES["small"]}})
    assert start(hub, "ada")[0] in (201, 202)
    assert (environment_of(hub, "ada")["SIZE"], environment_of(hub, "ada")["MEM_LIMIT"]) == ("small", str(G))
    stop(hub, "ada")


def test_every_user_has_a_directory_whose_files_stay(hub: DescribedHub) -> None:
    hub.start_again(**SHARED, users=["ada", "bob"])
    homes = {user: hub.directory / "users" / user for user in ("ada", "bob")}
    for user, home in homes.items():
        assert start(hub, user)[0] in (201, 202)
        process = pathlib.Path(f"/proc/{pid_of(hub, user)}")
        assert (process / "cwd").readlink() == home
        assert process.stat().st_uid == os.getuid()
        found = environment_of(hub, user)
        assert (found["HOME"], found["USER"], found["SHELL"]) == (str(home), user, "/bin/bash")
        (home / "notes.txt").write_text(user)
    for user, home in homes.items():
        stop(hub, user)
        assert start(hub, user)[0] in (201, 202)
        assert (home / "notes.txt").read_text() == user
        stop(hub, user)


def test_what_names_an_account_that_has_none_reaches_user_servers(hub: DescribedHub) -> None:
    """nss_wrapper's variables and the loader's are passed on when the hub has them; without them nothing happens."""
    hub.start_again(**SHARED)
    assert start(hub, "ada")[0] in (201, 202)
    assert not {"NSS_WRAPPER_PASSWD", "NSS_WRAPPER_GROUP", "LD_PRELOAD"} & set(environment_of(hub, "ada"))
    stop(hub, "ada")
    libraries = str(hub.directory / "lib")
    wrapper = {"NSS_WRAPPER_PASSWD": "/p", "NSS_WRAPPER_GROUP": "/g", "LD_PRELOAD": "", "LD_LIBRARY_PATH": libraries}
    with hub.variables(**wrapper):
        hub.start_again(**SHARED)
        assert start(hub, "ada")[0] in (201, 202)
        found = environment_of(hub, "ada")
        assert {name: found.get(name) for name in wrapper} == wrapper
        assert "CONFIGPROXY_AUTH_TOKEN" not in found
        stop(hub, "ada")
