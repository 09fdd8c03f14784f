"""The whole check as a module uses it: real hubs, real files, the cache, and what happens when a part is missing."""

from __future__ import annotations

import os
import pathlib
import stat
import sys
import textwrap

import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _checking
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._checking import Finding, Source, Target, check
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

CONFIGURATIONS = pathlib.Path(__file__).parents[2] / "configurations"
HEAD = 'c = get_config()\nc.JupyterHub.spawner_class = "docker"\nc.JupyterHub.authenticator_class = "dummy"\n'


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One cache for all tests, as one host has."""
    return str(tmp_path_factory.mktemp("cache") / "checks")


def target_of(environment: pathlib.Path, **variables: str) -> Target:
    return Target(interpreter=str(environment / "bin" / "python"), environment=variables)


def verdict_on(text: str, environment: pathlib.Path, cache: str, **variables: str) -> list[Finding]:
    source = Source(textwrap.dedent(text), directory="/nowhere")
    return list(check(source, target_of(environment, **variables), cache).findings)


def errors(findings: list[Finding]) -> list[tuple[int | None, str]]:
    return [(finding.line, finding.where) for finding in findings if finding.severity == "error"]


def test_twelve_different_mistakes_are_found_in_one_run(hub_environment: pathlib.Path, cache: str) -> None:
    text = (CONFIGURATIONS / "twelve_mistakes.txt").read_text()
    findings = check(Source(text), target_of(hub_environment), cache).findings
    assert errors(list(findings)) == [
        (6, "c.JupyterHub.port"),
        (7, "c.JupyterHub.admin_acces"),
        (8, "c.DockerSpawner.imagee"),
        (9, "c.DockerSpawner.remove"),
        (10, "c.DockerSpawner.mem_limit"),
        (11, "c.DockerSpawnerr"),
        (12, "c.Spawner.pre_spawn_hook"),
        (13, "c.jupyterhub"),
        (14, "c.JupyterHub.tornado_settings"),
        (16, ""),
        (17, "c.JupyterHub.services"),
        (18, ""),
        (19, "c.DockerSpawner.pull_policy"),
    ]
    assert str(findings[2]) == (
        "jupyterhub_config.py line 8: c.DockerSpawner.imagee: there is no such setting. Did you mean image?"
    )


def test_correct_configuration_has_nothing_at_all_when_everything_is_there(
    newest_hub_environment: pathlib.Path, cache: str
) -> None:
    whole = CONFIGURATIONS / "docker_compose_native.py"
    source = Source(whole.read_text(), whole.name, str(whole.parent))
    target = target_of(newest_hub_environment, NOTEBOOK_IMAGE="an/image", HUB_NETWORK="a-network")
    assert check(source, target, cache).findings == ()


def test_values_of_a_chart_are_checked_when_they_are_there(
    newest_hub_environment: pathlib.Path, cache: str, tmp_path: pathlib.Path
) -> None:
    folder = CONFIGURATIONS / "zero_to_jupyterhub"
    (tmp_path / "secret").mkdir()
    (tmp_path / "config").mkdir()
    for name, text in (("proxy-api", "proxy-api"), ("hub", "hub")):
        (tmp_path / "config" / name).write_text(text)
    for name in ("hub.config.JupyterHub.cookie_secret", "hub.config.CryptKeeper.keys"):
        (tmp_path / "secret" / name).write_text("ab" * 32)
    values = (folder / "values.yaml").read_text().replace("c.KubeSpawner.extra_labels", "c.KubeSpawner.extra_lables")
    (tmp_path / "secret" / "values.yaml").write_text(values)
    target = target_of(
        newest_hub_environment,
        CHART_DIRECTORY=str(tmp_path),
        PROXY_API_SERVICE_PORT="8001",
        HUB_SERVICE_PORT="8081",
        CONFIGPROXY_AUTH_TOKEN="t" * 32,
    )
    path = folder / "jupyterhub_config.py"
    found = check(Source(path.read_text(), path.name, str(folder)), target, cache).findings
    assert [(finding.severity, finding.where, finding.hint) for finding in found] == [
        ("error", "c.KubeSpawner.extra_lables", "Did you mean extra_labels?")
    ]


def test_secrets_never_appear(newest_hub_environment: pathlib.Path, cache: str) -> None:
    secret = "hunter2-hunter2"
    text = HEAD + (
        f"c.JupyterHub.cookie_secret = '{secret}'\n"
        f"c.CryptKeeper.keys = {{'{secret}': 1}}\n"
        f"c.ConfigurableHTTPProxy.auth_token = ['{secret}']\n"
        f"c.JupyterHub.services = [{{'name': 'x', 'api_token': ['{secret}']}}]\n"
        f"c.JupyterHub.db_url = 5\n"
        f"c.DockerSpawner.tls_config = 'postgresql://me:{secret}@host'\n"
        f"c.Spawner.environment = {{'PASSWORD': '{secret}', 5: 6}}\n"
    )
    findings = verdict_on(text, newest_hub_environment, cache)
    assert len(errors(findings)) >= 5
    assert secret not in " ".join(str(finding) for finding in findings)
    assert not [path for path in pathlib.Path(cache).iterdir() if secret in path.read_text()]


def test_settings_are_checked_without_starting_python_once_the_inventory_is_known(
    hub_environment: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    settings = {
        "JupyterHub": {"spawner_class": "docker", "authenticator_class": "dummy"},
        "DockerSpawner": {"image": "x"},
    }
    text = HEAD + "c.DockerSpawner.image = 'x'\n"
    target, cache = target_of(hub_environment), str(tmp_path / "cache")
    first = check(Source(text, settings=settings), target, cache)
    same = check(Source(text, settings=settings), target, cache)
    settings["DockerSpawner"] = {"imgae": "x"}
    other = check(
        Source(
            text.replace("image", "imgae"),
            settings=settings,
            origins={"DockerSpawner.imgae": "hub_settings_extra"},
            lines={"DockerSpawner.imgae": 4},
        ),
        target,
        cache,
    )
    assert (first.checked_with, same.checked_with, other.checked_with) == ("classes", "record", "inventory")
    assert first.findings == same.findings == ()
    assert first.versions["jupyterhub"] == same.versions["jupyterhub"] == other.versions["jupyterhub"]
    assert [(finding.line, str(finding)) for finding in other.findings] == [
        (4, "hub_settings_extra: c.DockerSpawner.imgae: there is no such setting. Did you mean image?")
    ]
    assert check(Source(text, settings=settings), target, cache, refresh=True).checked_with == "classes"


def test_fragment_is_named_with_its_own_line(newest_hub_environment: pathlib.Path, cache: str) -> None:
    text = HEAD + "# fragment\nc.Spawner.start_timeout = 5\nc.DockerSpawner.imgae = 'x'\n"
    source = Source(text, settings={"JupyterHub": {"spawner_class": "docker"}}, fragments={"10-mine": (5, 2)})
    (finding,) = check(source, target_of(newest_hub_environment), cache).findings
    assert (finding.origin, finding.line) == ("fragment 10-mine", 6)
    assert str(finding).startswith("fragment 10-mine line 2: c.DockerSpawner.imgae:")


def test_references_are_not_values(newest_hub_environment: pathlib.Path, tmp_path: pathlib.Path) -> None:
    settings = {
        "JupyterHub": {"spawner_class": "docker", "authenticator_class": "github", "port": {"env": "PORT"}},
        "GitHubOAuthenticator": {"client_secret": {"file": "/run/secret"}, "allow_all": True},
        "DockerSpawner": {"extra_create_kwargs": {"literal": {"env": "x"}}, "imgae": {"env": "IMAGE"}},
    }
    cache = str(tmp_path / "cache")
    target = target_of(newest_hub_environment)
    with_classes = check(Source("c = get_config()\n", settings=settings), target, cache)
    with_inventory = check(Source("c = get_config()\n# again\n", settings=settings), target, cache)
    assert with_inventory.checked_with == "inventory"
    assert [finding.where for finding in with_classes.findings] == ["c.DockerSpawner.imgae"]
    assert [finding.where for finding in with_inventory.findings] == ["c.DockerSpawner.imgae"]


def test_cache_is_private_bounded_and_rebuilt(newest_hub_environment: pathlib.Path, tmp_path: pathlib.Path) -> None:
    cache = tmp_path / "cache"
    target = target_of(newest_hub_environment)
    check(Source(HEAD), target, str(cache))
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in cache.iterdir()} == {0o600}
    store = _checking._checking_cache.Cache(str(cache), "f" * 40)
    for number in range(60):
        store.keep_record(f"{number:040}", {"findings": [], "versions": {}})
    assert len(list(cache.glob("record-*.json"))) <= 40
    for path in cache.iterdir():
        path.write_text("{not json")
    assert check(Source(HEAD), target, str(cache)).checked_with == "classes"
    assert check(Source(HEAD), target, str(cache)).checked_with == "record"


def test_installed_package_makes_the_inventory_stale(tmp_path: pathlib.Path) -> None:
    python = tmp_path / "bin" / "python"
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    python.parent.mkdir()
    packages.mkdir(parents=True)
    python.symlink_to(sys.executable)
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\n")
    before = _checking._fingerprint(Target(interpreter=str(python)))
    assert before == _checking._fingerprint(Target(interpreter=str(python)))
    (packages / "jupyterhub-6.1.1.dist-info").mkdir()
    assert before != _checking._fingerprint(Target(interpreter=str(python)))


def _script(path: pathlib.Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("target", "message", "hint"),
    [
        (Target(), "Neither an interpreter nor an image", "Name the Python"),
        (Target(interpreter="/no/python"), "There is no Python at /no/python", "Install JupyterHub"),
        (Target(interpreter="/dev/null"), "There is no Python at /dev/null", "Install JupyterHub"),
        (Target(interpreter="SCRIPT:echo broken >&2; exit 3"), "(exit code 3): broken", "Python 3.10 or newer"),
        (Target(interpreter="SCRIPT:sleep 60", timeout=1), "took longer than 1 seconds", "allow more time"),
        (Target(interpreter=sys.executable), "JupyterHub can not be imported", "-m pip install jupyterhub"),
        (Target(image="x", engine="no-such-engine"), "The command no-such-engine can not be run", "Install no-such-"),
        (Target(image="x", engine="SCRIPT:echo No such image: x >&2; exit 1"), "image x is not on this host", "pull x"),
        (
            Target(image="x", engine="SCRIPT:echo Cannot connect to the Docker daemon >&2; exit 1"),
            "The container engine does not answer",
            "Start it",
        ),
    ],
)
def test_what_is_missing_is_named(target: Target, message: str, hint: str, tmp_path: pathlib.Path) -> None:
    fields = {field: getattr(target, field) for field in ("interpreter", "image", "engine", "timeout")}
    for field in ("interpreter", "engine"):
        if fields[field].startswith("SCRIPT:"):
            fields[field] = _script(tmp_path / "command", fields[field].removeprefix("SCRIPT:"))
    with pytest.raises(HubError) as caught:
        check(Source(HEAD), Target(**fields), str(tmp_path / "cache"))
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_image_is_run_without_network_and_mounts(newest_hub_environment: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """The engine is a stand-in that runs the hub's Python with the arguments meant for the image's."""
    engine = _script(
        tmp_path / "engine",
        f'echo "$@" >> {tmp_path}/calls\n'
        '[ "$1" = image ] && { echo sha256:1; exit 0; }\n'
        'while [ "$1" != --entrypoint ]; do shift; done\n'
        f'shift 3\nexec {newest_hub_environment}/bin/python "$@"',
    )
    target = Target(image="quay.io/a/hub", engine=engine, environment={"PROXY_TOKEN": "very-secret"})
    text = (
        HEAD + "import os\nc.ConfigurableHTTPProxy.auth_token = os.environ['PROXY_TOKEN']\nc.DockerSpawner.imgae = 1\n"
    )
    findings = check(Source(text), target, str(tmp_path / "cache")).findings
    assert [finding.where for finding in findings] == ["c.DockerSpawner.imgae"]
    calls = (tmp_path / "calls").read_text()
    assert "--network none" in calls and "--rm" in calls and "--env PROXY_TOKEN" in calls
    assert "very-secret" not in calls and "-v " not in calls and "--mount" not in calls


def test_container_that_takes_too_long_is_removed(tmp_path: pathlib.Path) -> None:
    engine = _script(
        tmp_path / "engine",
        f'echo "$@" >> {tmp_path}/calls\n[ "$1" = image ] && {{ echo sha256:1; exit 0; }}\n[ "$1" = rm ] || sleep 60',
    )
    with pytest.raises(HubError, match="took longer"):
        check(Source(HEAD), Target(image="x", engine=engine, timeout=1), str(tmp_path / "cache"))
    calls = (tmp_path / "calls").read_text().splitlines()
    name = calls[1].split("--name ")[1].split()[0]
    assert calls[-1] == f"rm -f {name}"


def test_processes_that_the_file_starts_do_not_stay(
    newest_hub_environment: pathlib.Path, cache: str, tmp_path: pathlib.Path
) -> None:
    text = HEAD + (
        f"import subprocess\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(subprocess.Popen(['sleep', '300']).pid))\n"
    )
    check(Source(text), target_of(newest_hub_environment), cache)
    status = pathlib.Path(f"/proc/{(tmp_path / 'pid').read_text()}/stat")
    assert not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


def test_environment_of_the_controller_does_not_reach_the_file(
    newest_hub_environment: pathlib.Path, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "ONLY_ON_THE_CONTROLLER", "x")
    findings = verdict_on(HEAD + "import os\nx = os.environ['ONLY_ON_THE_CONTROLLER']\n", newest_hub_environment, cache)
    assert [finding.severity for finding in findings] == ["warning"]
