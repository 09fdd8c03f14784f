# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as Ansible runs it, a process of its own, against the classes of a real hub environment."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import random
import stat
import subprocess
import typing as t

import pytest

from ansible_collections.hubwright.jupyterhub.tests.unit import module_processes

SETTINGS: dict[str, t.Any] = {
    "JupyterHub": {"authenticator_class": "dummy", "port": 8000},
    "Authenticator": {"allowed_users": ["alice"], "admin_users": ["alice"]},
}


def run(**arguments: t.Any) -> dict[str, t.Any]:
    return module_processes.run("hub_config", **arguments)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """One cache of trait inventories for all tests, so that classes are imported once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def common(tmp_path: pathlib.Path, cache: pathlib.Path, newest_hub_environment: pathlib.Path) -> dict[str, t.Any]:
    return {
        "path": f"{tmp_path}/jupyterhub_config.py",
        "interpreter": f"{newest_hub_environment}/bin/python",
        "cache_directory": str(cache),
        "settings": SETTINGS,
    }


def live(arguments: dict[str, t.Any]) -> pathlib.Path:
    return pathlib.Path(arguments["path"])


def with_port(port: t.Any) -> dict[str, t.Any]:
    return {"settings": SETTINGS | {"JupyterHub": {"authenticator_class": "dummy", "port": port}}}


# --- present ---


def test_a_file_that_a_hub_reads_with_the_values_that_were_given(
    common: dict[str, t.Any], tmp_path: pathlib.Path, hub_environment: pathlib.Path
) -> None:
    (tmp_path / "token").write_text("from a file\n")
    result = run(
        **common
        | {
            "interpreter": f"{hub_environment}/bin/python",
            "settings": None,
            "environment": {"DATABASE": "sqlite:///x.sqlite"},
            "layers": [
                {"name": "defaults", "settings": SETTINGS},
                {
                    "name": "site",
                    "settings": {
                        "JupyterHub": {"port": 8010, "db_url": {"env": "DATABASE"}},
                        "ConfigurableHTTPProxy": {"auth_token": {"file": f"{tmp_path}/token"}},
                        "Spawner": {"environment": {"literal": {"env": "production"}}},
                    },
                },
            ],
            "fragments": {"10-ip": "c.JupyterHub.ip = '127.0.0.1'"},
        }
    )
    assert result["changed"], result
    assert result["findings"] == []
    assert result["versions"]["jupyterhub"]
    read = (
        "import json, sys; from traitlets.config.loader import PyFileConfigLoader as Loader;"
        "print(json.dumps(Loader(sys.argv[1]).load_config()))"
    )
    done = subprocess.run(
        [f"{hub_environment}/bin/python", "-c", read, common["path"]],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"DATABASE": "sqlite:///y.sqlite"},
    )
    assert json.loads(done.stdout) == {
        "JupyterHub": {
            "authenticator_class": "dummy",
            "port": 8010,
            "db_url": "sqlite:///y.sqlite",
            "ip": "127.0.0.1",
        },
        "Authenticator": {"allowed_users": ["alice"], "admin_users": ["alice"]},
        "ConfigurableHTTPProxy": {"auth_token": "from a file"},
        "Spawner": {"environment": {"env": "production"}},
    }


def test_check_mode_tells_what_the_run_then_does_and_a_second_run_changes_nothing(common: dict[str, t.Any]) -> None:
    foreseen = run(check=True, **common)
    assert foreseen["changed"]
    assert not live(common).exists()
    done = run(**common)
    assert done["diff"] == foreseen["diff"]
    assert done["changes"] == foreseen["changes"]
    assert done["changes"] == [
        "Authenticator.admin_users",
        "Authenticator.allowed_users",
        "JupyterHub.authenticator_class",
        "JupyterHub.port",
    ]
    assert stat.S_IMODE(live(common).stat().st_mode) == 0o640
    again = run(**common)
    assert (again["changed"], again["diff"], again["changes"], again["previous"]) == (False, [], [], None)
    assert again["checked_with"] != "classes"


def test_the_file_that_is_replaced_is_kept_once(common: dict[str, t.Any]) -> None:
    run(**common)
    first = live(common).read_text()
    result = run(**common | with_port(8001))
    assert result["previous"] == f"{common['path']}.previous"
    assert result["changes"] == ["JupyterHub.port"]
    assert pathlib.Path(result["previous"]).read_text() == first
    second = live(common).read_text()
    assert run(**common | with_port(8002))["changed"]
    assert pathlib.Path(result["previous"]).read_text() == second
    assert run(backup=False, **common | with_port(8003))["previous"] is None
    assert pathlib.Path(result["previous"]).read_text() == second
    assert sorted(path.name for path in live(common).parent.iterdir()) == [
        "jupyterhub_config.py",
        "jupyterhub_config.py.previous",
    ]


def test_check_mode_makes_no_cache(common: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    missing = tmp_path / "hub" / "cache"
    run(check=True, **common | {"cache_directory": str(missing)})
    assert not missing.parent.exists()


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_mode_that_drifted_is_a_change_of_its_own(common: dict[str, t.Any], check_mode: bool) -> None:
    run(**common)
    live(common).chmod(0o666)
    result = run(check=check_mode, **common)
    assert (result["changed"], result["changes"], result["previous"]) == (True, [], None)
    assert [(item["before"], item["after"]) for item in result["diff"]] == [({"mode": "0666"}, {"mode": "0640"})]
    assert stat.S_IMODE(live(common).stat().st_mode) == (0o666 if check_mode else 0o640)


def test_a_text_and_a_mode_that_both_change_are_both_in_the_diff(common: dict[str, t.Any]) -> None:
    run(**common)
    result = run(**common | with_port(8001) | {"mode": "0600"})
    assert [type(item["before"]) for item in result["diff"]] == [str, dict]
    assert stat.S_IMODE(live(common).stat().st_mode) == 0o600


def test_secrets_are_nowhere_in_the_result_and_their_change_is_told(common: dict[str, t.Any]) -> None:
    def secret(token: str) -> dict[str, t.Any]:
        return {
            "settings": SETTINGS | {"ConfigurableHTTPProxy": {"auth_token": token}},
            "environment": {"OTHER": "hunter2-environment"},
        }

    live(common).write_text("c = get_config()\nc.ConfigurableHTTPProxy.auth_token = 'hunter2-old'\n")
    first = run(**common | secret("hunter2-first"))
    assert "auth_token = '********'" in first["diff"][0]["before"]
    assert "hunter2" not in json.dumps(first)
    second = run(**common | secret("hunter2-second"))
    assert "hunter2" not in json.dumps(second)
    assert second["changes"] == ["ConfigurableHTTPProxy.auth_token"]
    assert second["diff"][0]["after"].endswith("# changed where it is masked: ConfigurableHTTPProxy.auth_token\n")
    assert "hunter2-second" in live(common).read_text()
    failed = run(**common | secret("hunter2-third") | {"fragments": {"x": "def (", "y": "password = 'hunter2-y'"}})
    assert failed["failed"]
    assert "hunter2" not in json.dumps(failed)


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"\xff\xfe hunter2", "(10 bytes that are not UTF-8: not shown)\n"),
        (b"def (\nhunter2", "(1 lines that are not Python: not shown, since secrets cannot be told apart)\n"),
    ],
)
def test_a_foreign_file_that_is_no_python_is_replaced_kept_and_not_shown(
    common: dict[str, t.Any], content: bytes, shown: str
) -> None:
    live(common).write_bytes(content)
    result = run(**common)
    assert result["diff"][0]["before"] == shown
    assert pathlib.Path(result["previous"]).read_bytes() == content


# --- Findings ---


@pytest.mark.parametrize("check_mode", [True, False])
def test_every_mistake_is_listed_with_its_place_and_the_live_file_is_not_touched(
    common: dict[str, t.Any], check_mode: bool
) -> None:
    run(**common)
    before = live(common).stat()
    result = run(
        check=check_mode,
        **common
        | {
            "layers": [{"name": "site", "settings": {"JupyterHub": {"prot": 1}, "Spawner": {"start_timeout": "soon"}}}],
            "settings": SETTINGS | {"JupyterHub": {"port": "eight", "authenticator_class": "dummy"}},
            "mode": "0600",
        },
    )
    assert result["failed"]
    errors = [finding for finding in result["findings"] if finding["severity"] == "error"]
    assert {(error["where"], error["origin"]) for error in errors} == {
        ("c.JupyterHub.prot", "site"),
        ("c.JupyterHub.port", "settings"),
        ("c.Spawner.start_timeout", "site"),
    }
    listed = result["msg"].splitlines()
    assert listed[0] == f"The configuration for {common['path']} is not usable, and nothing was touched:"
    assert sum(line.startswith("- error: ") for line in listed) == 3
    assert any("c.JupyterHub.prot" in line and "port" in line for line in listed)
    assert (live(common).stat().st_ino, live(common).stat().st_mode) == (before.st_ino, before.st_mode)
    assert not os.path.exists(f"{common['path']}.previous")


def test_a_mistake_in_a_fragment_is_placed_in_that_fragment(common: dict[str, t.Any]) -> None:
    result = run(**common | {"fragments": {"10-good": "x = 1", "20-bad": "y = 2\nc.JupyterHub.prot = 8000\n"}})
    assert result["failed"]
    (error,) = [finding for finding in result["findings"] if finding["severity"] == "error"]
    assert (error["where"], error["origin"]) == ("c.JupyterHub.prot", "fragment 20-bad")


def test_a_warning_warns_and_stops_only_when_asked_to(common: dict[str, t.Any]) -> None:
    useless = common | {"settings": SETTINGS | {"GitHubOAuthenticator": {"client_id": "x"}}}
    result = run(**useless)
    assert not result.get("failed"), result
    (warning,) = result["findings"]
    assert (warning["severity"], warning["where"]) == ("warning", "c.GitHubOAuthenticator")
    assert "GitHubOAuthenticator" in json.dumps(result["warnings"])
    live(common).unlink()
    stopped = run(fail_on="warning", **useless)
    assert stopped["failed"]
    assert "- warning: " in stopped["msg"]
    assert not live(common).exists()


# --- checked and absent ---


def test_a_file_of_somebody_else_is_checked_and_never_changed(common: dict[str, t.Any]) -> None:
    text = "c = get_config()\nc.JupyterHub.authenticator_class = 'dummy'\nc.Authenticator.allow_all = True\n"
    live(common).write_text(text)
    arguments = common | {"state": "checked", "settings": None}
    good = run(**arguments)
    assert (good["changed"], good["findings"]) == (False, [])
    live(common).write_text(text + "c.JupyterHub.prot = 1\n")
    bad = run(**arguments)
    assert bad["failed"]
    assert [(finding["where"], finding["line"]) for finding in bad["findings"]] == [("c.JupyterHub.prot", 4)]
    assert live(common).read_text() == text + "c.JupyterHub.prot = 1\n"


def test_a_file_of_ours_is_checked_with_all_that_is_known_of_it(common: dict[str, t.Any]) -> None:
    run(**common | {"settings": SETTINGS | {"ConfigurableHTTPProxy": {"auth_token": {"env": "NOT_SET_HERE"}}}})
    result = run(**common | {"state": "checked", "settings": None})
    assert (result.get("failed"), result["changed"], result["findings"]) == (None, False, [])


def test_absent_removes_the_file_and_the_previous_one(common: dict[str, t.Any]) -> None:
    run(**common)
    run(**common | with_port(8001))
    arguments = {"path": common["path"], "state": "absent"}
    foreseen = run(check=True, **arguments)
    assert live(common).exists()
    done = run(**arguments)
    assert foreseen["changed"] is done["changed"] is True
    assert foreseen["diff"] == done["diff"]
    assert list(live(common).parent.iterdir()) == []
    assert run(**arguments)["changed"] is False


# --- Wrong input ---


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"path": "jupyterhub_config.py"}, "The path 'jupyterhub_config.py' is not absolute"),
        ({"path": "{tmp}/no/x.py"}, "The directory {tmp}/no of {tmp}/no/x.py does not exist. Make it first."),
        ({"path": "{tmp}/file/x.py"}, "{tmp}/file is not a directory, expected the one for {tmp}/file/x.py."),
        ({"path": "{tmp}/directory"}, "{tmp}/directory is a directory, expected the configuration file."),
        ({"path": "{tmp}/pipe"}, "{tmp}/pipe is no plain file, expected the configuration file."),
        ({"path": "{tmp}/link"}, "{tmp}/link is a symbolic link to file, expected a file: links are not followed."),
        ({"settings": "port=1"}, "The settings of layer 'settings' are of type str, expected"),
        ({"settings": {"JupyterHub": 1}}, "JupyterHub of layer 'settings' is the number 1"),
        ({"layers": [{"name": "a\nb", "settings": {}}]}, "The name of a layer is 'a\\nb', expected one line"),
        ({"layers": [{"settings": {}}]}, "missing required arguments: name found in layers"),
        ({"fragments": {"x": ["y"]}}, "The fragment 'x' is of type list, expected Python as text."),
        ({"interpreter": None}, "Neither an interpreter nor an image is given to check the configuration with."),
        ({"image": "hub"}, "parameters are mutually exclusive: interpreter|image"),
        ({"interpreter": "/nowhere/python"}, "There is no Python at /nowhere/python"),
        ({"timeout": 0}, "The timeout is 0 seconds, expected 1 or more."),
        ({"owner": "no-such"}, "no-such"),
        ({"state": "checked"}, "state=checked looks at the file that is there, got settings too."),
        ({"state": "checked", "settings": None}, "{tmp}/x.py does not exist, expected a configuration file to check."),
        ({"state": "checked", "settings": None, "path": "{tmp}/binary"}, "{tmp}/binary is not UTF-8 text"),
        ({"state": "absent", "path": "{tmp}/directory"}, "{tmp}/directory is a directory, expected the configuration"),
    ],
)
def test_wrong_arguments_are_refused_and_nothing_is_touched(
    common: dict[str, t.Any], tmp_path: pathlib.Path, arguments: dict[str, t.Any], said: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "binary").write_bytes(b"\xff")
    os.mkfifo(tmp_path / "pipe")
    before = sorted(os.listdir(tmp_path))
    located = json.loads(json.dumps(arguments).replace("{tmp}", str(tmp_path)))
    result = run(**common | {"path": f"{tmp_path}/x.py"} | located)
    assert result["failed"]
    assert said.replace("{tmp}", str(tmp_path)) in result["msg"]
    assert sorted(os.listdir(tmp_path)) == before


def test_without_an_interpreter_and_an_image_nothing_can_be_checked(tmp_path: pathlib.Path) -> None:
    result = run(path=f"{tmp_path}/x.py", settings=SETTINGS)
    assert result["failed"]
    assert "state is present but any of the following are missing: interpreter, image" in result["msg"]


def test_in_check_mode_a_directory_that_an_earlier_task_would_have_made_is_a_warning(
    common: dict[str, t.Any], tmp_path: pathlib.Path
) -> None:
    result = run(check=True, **common | {"path": f"{tmp_path}/no/x.py"})
    assert result["changed"]
    assert "does not exist" in json.dumps(result["warnings"])


# --- Faults ---


def test_on_a_full_disk_the_old_file_stays_and_a_run_with_room_repairs(common: dict[str, t.Any]) -> None:
    people = [f"user{number:05}" for number in range(5000)]
    with module_processes.little_room(live(common).parent) as before:
        run(**common)
        old = live(common).read_text()
        result = run(before=before, **common | {"settings": SETTINGS | {"Authenticator": {"allowed_users": people}}})
        assert result["failed"]
        assert f"{common['path']} could not be replaced: " in result["msg"]
        assert live(common).read_text() == old
        assert {path.name for path in live(common).parent.iterdir()} <= {
            live(common).name,
            live(common).name + ".previous",
        }
        assert run(**common | with_port(8001))["changed"]


def test_a_run_that_is_killed_at_any_moment_leaves_the_old_or_the_new_file(common: dict[str, t.Any]) -> None:
    wanted = [common | with_port(8000), common | with_port(8001)]
    texts = []
    for arguments in wanted:
        run(**arguments)
        texts.append(live(common).read_text())
    moments = random.Random(20261121)
    for number in range(24):
        with module_processes.start("hub_config", wanted[number % 2]) as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=moments.uniform(0.1, 0.5))
            process.kill()
        assert live(common).read_text() in texts
    run(**common | with_port(8002))
    assert sorted(os.listdir(live(common).parent)) == ["jupyterhub_config.py", "jupyterhub_config.py.previous"]
    assert pathlib.Path(f"{common['path']}.previous").read_text() in texts
