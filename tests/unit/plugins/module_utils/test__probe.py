"""The part of the check that runs in the hub's interpreter: one hub process, many configurations."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import typing as t

import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _findings
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._findings import Finding

TESTS = pathlib.Path(__file__).parents[2]
HEAD = 'c = get_config()\nc.JupyterHub.spawner_class = "docker"\nc.JupyterHub.authenticator_class = "dummy"\n'


class Hub:
    """A process of the hub's interpreter that checks one configuration after another."""

    def __init__(self, environment: pathlib.Path) -> None:
        self.process = subprocess.Popen(
            [str(environment / "bin" / "python"), str(TESTS / "configurations" / "real_verdicts.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(_search_path())},
        )
        self.inventory = self._line()

    def _line(self) -> t.Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def findings(
        self,
        text: str,
        directory: pathlib.Path | str = "/nowhere",
        name: str = "jupyterhub_config.py",
        seconds: float = 60,
    ) -> list[Finding]:
        assert self.process.stdin is not None
        request = {"text": text, "name": name, "directory": str(directory), "seconds": seconds}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return [Finding(**finding) for finding in self._line()]


def _search_path() -> list[str]:
    """Directories above ansible_collections, for an interpreter that has no Ansible."""
    here = pathlib.Path(os.path.abspath(_findings.__file__))
    return [str(parent) for parent in here.parents if (parent / "ansible_collections").is_dir()][:1]


@pytest.fixture(scope="module")
def hub(hub_environment: pathlib.Path) -> t.Iterator[Hub]:
    running = Hub(hub_environment)
    yield running
    running.process.kill()
    running.process.wait()


def errors(findings: list[Finding]) -> list[tuple[int | None, str]]:
    return sorted((finding.line, finding.where) for finding in findings if finding.severity == "error")


@pytest.mark.parametrize(
    ("statement", "where", "words"),
    [
        ("c.JupyterHub.spawner_class = 'dokcer'", "c.JupyterHub.spawner_class", "Did you mean docker?"),
        ("c.JupyterHub.spawner_class = 'no.such.Spawner'", "c.JupyterHub.spawner_class", "can be imported"),
        ("c.JupyterHub.authenticator_class = 'github'", "c.JupyterHub.authenticator_class", "nobody may sign in"),
        (
            "c.JupyterHub.spawner_class = 'oauthenticator.github.GitHubOAuthenticator'",
            "c.JupyterHub.spawner_class",
            "else",
        ),
        ("c.JupyterHub.spawner_class = 5", "c.JupyterHub.spawner_class", "expected"),
        ("c.JupyterHub.port = -5", "c.JupyterHub.port", "from 0 to 65535"),
        ("c.JupyterHub.image = 'x'", "c.JupyterHub.image", "use c.DockerSpawner.image"),
        ("c.JupyterHub.hub_ip = None", "c.JupyterHub.hub_ip", "expected a text, found nothing (None)"),
        ("c.JupyterHub.services = [{'name': 'x', 'comand': ['y']}]", "c.JupyterHub.services", "Did you mean command?"),
        ("c.JupyterHub.services = [{'name': 'x', 'api_token': 'short'}]", "c.JupyterHub.services", "at least 8"),
        ("c.JupyterHub.load_roles = [{'name': 'x'}]", "c.JupyterHub.load_roles", "3 to 255"),
        ("c.JupyterHub.load_roles = [{'name': 'abc', 'users': 'ada'}]", "c.JupyterHub.load_roles", "expected a list"),
        (
            "c.JupyterHub.load_roles = [{'name': 'abc', 'scopes': ['list:user']}]",
            "c.JupyterHub.load_roles",
            "Did you mean list:users?",
        ),
        ("c.JupyterHub.load_groups = {'abc': 'ada'}", "c.JupyterHub.load_groups", "expected"),
        ("c.DockerSpawner.volumes = ['/a:/b']", "c.DockerSpawner.volumes", "expected"),
        ("c.DockerSpawner.allowed_images = 'x'", "c.DockerSpawner.allowed_images", "the class refuses the value"),
        ("c.DockerSpawner.tls_verify = True", "c.DockerSpawner.tls_verify", "Use c.DockerSpawner.tls_config."),
        ("c.Spawner.environment = {'A': 1}; c.Spawner.args = {}", "c.Spawner.args", "expected a list of texts"),
        ("c.Spawner.environment.FOO = 'x'", "c.Spawner.environment", "is lost"),
        ("c['DockerSpawner']['imgae'] = 'x'", "c.DockerSpawner.imgae", "Did you mean image?"),
        ("setattr(c.DockerSpawner, 'imgae', 'x')", "c.DockerSpawner.imgae", "Did you mean image?"),
        ("c.DockerSpawner.update({'imgae': 'x'})", "c.DockerSpawner.imgae", "Did you mean image?"),
        ("for _ in (1,):\n    c.DockerSpawner.imgae = 'x'", "c.DockerSpawner.imgae", "Did you mean image?"),
        ("with open('/dev/null'):\n    c.DockerSpawner.imgae = 'x'", "c.DockerSpawner.imgae", "Did you mean image?"),
        ("c.DockerSpawner.port.append(1)", "c.DockerSpawner.port", "expected a whole number"),
        ("c.Authenticator.allowed_users.append('ada')", "c.Authenticator.allowed_users", "append"),
        ("c.NoSuchThing.x = 1", "c.NoSuchThing", "there is no such class"),
        ("int('x')", "", "ValueError"),
        ("import sys; sys.exit(1)", "", "ends the program"),
        ("nothing.here", "", "NameError"),
    ],
)
def test_mistake_is_an_error_at_its_line(statement: str, where: str, words: str, hub: Hub) -> None:
    findings = hub.findings(HEAD + "\n\n" + statement)
    found = [finding for finding in findings if finding.severity == "error"]
    assert [finding.where for finding in found] == [where]
    assert words in str(found[0])
    assert found[0].line == 6 + statement.count("\n")


@pytest.mark.parametrize(
    ("statement", "severity", "words"),
    [
        ("c.KubeSpawner.image = 'x'", "warning", "no effect: the hub uses DockerSpawner"),
        ("c.GitHubOAuthenticator.client_id = 'x'", "warning", "no effect: the hub uses DummyAuthenticator"),
        ("c.ServerApp.root_dir = '/'", "warning", "user servers"),
        ("c.SystemdSpawner.x = 1", "warning", "jupyterhub-systemdspawner, which is not installed"),
        ("c.DockerSpawner.container_image = 'x'", "warning", "Use c.DockerSpawner.image."),
        ("c.Authenticator.whitelist = {'ada'}", "warning", "Use c.Authenticator.allowed_users."),
        ("import no_such_package", "warning", "imports no_such_package"),
        ("import os; x = os.environ['NOT_SET']", "warning", "NOT_SET, which is not set here"),
        ("c.JupyterHub.port = int(__import__('os').environ['PORT_OF_HUB'])", "warning", "PORT_OF_HUB"),
        ("x = open('/no/such/file').read()", "warning", "/no/such/file, which is not here"),
        ("x = open('there.txt').read()", "warning", "there.txt"),
        ("import subprocess; subprocess.run(['false'], check=True)", "warning", "CalledProcessError"),
        ("import os; c.Spawner.default_url = os.environ.get('URL_OF_HUB')", "unsure", "not set here: URL_OF_HUB"),
        ("import os; x = bytes.fromhex(os.environ['KEY_OF_HUB'])", "unsure", "stand-in"),
        ("if True:\n    raise ValueError('set something')", "unsure", "stops itself"),
        ("if True:\n    import sys\n    sys.exit(1)", "error", "ends the program"),
    ],
)
def test_what_may_be_right_elsewhere_is_no_error(statement: str, severity: str, words: str, hub: Hub) -> None:
    findings = hub.findings(HEAD + statement)
    assert words in " ".join(str(finding) for finding in findings if finding.severity == severity)
    assert severity == "error" or not errors(findings)


def test_what_follows_from_a_lost_statement_is_not_reported(hub: Hub) -> None:
    text = HEAD + "import no_such_package\nclient = no_such_package.Client()\nc.DockerSpawner.image = client.image\n"
    findings = hub.findings(text)
    assert [(finding.severity, finding.line) for finding in findings] == [("warning", 4)]


def test_several_broken_lines_are_told_and_the_rest_is_checked(hub: Hub) -> None:
    text = HEAD + (
        "c.DockerSpawner.image = 'x\n"
        "if True\n"
        "    c.DockerSpawner.imgae = 'x'\n"
        "c.Spawner.args = [\n"
        "    'a'\n"
        "    'b' 'c' d\n"
        "]\n"
        "def broken(:\n"
        "    pass\n"
        "c.DockerSpawner.remove = 'x'\n"
    )
    found = errors(hub.findings(text))
    assert [line for line, where in found if not where] == [4, 5, 8, 11]
    assert [where for _line, where in found if where] == ["c.DockerSpawner.imgae", "c.DockerSpawner.remove"]


def test_configuration_that_is_not_the_hubs_is_told(hub: Hub) -> None:
    text = (
        "from traitlets.config import Config\nc = Config()\nc.JupyterHub.port = 'x'\nc.Authenticator.allow_all = True\n"
    )
    found = errors(hub.findings(text))
    assert ("c" in [where for _line, where in found]) and ("c.JupyterHub.port" in [where for _line, where in found])


CONFIGURATIONS = TESTS / "configurations"
CORRECT = sorted(
    path.relative_to(CONFIGURATIONS) for path in CONFIGURATIONS.rglob("*.py") if "get_config()" in path.read_text()
)


@pytest.mark.parametrize("path", CORRECT, ids=str)
def test_correct_configuration_has_no_errors(path: pathlib.Path, hub: Hub) -> None:
    whole = CONFIGURATIONS / path
    assert errors(hub.findings(whole.read_text(), whole.parent, whole.name)) == []


def test_subconfiguration_is_checked_with_its_own_lines(hub: Hub, tmp_path: pathlib.Path) -> None:
    (tmp_path / "more.py").write_text("c = get_config()\n\nc.DockerSpawner.imgae = 'x'\n")
    findings = hub.findings(HEAD + "load_subconfig('more.py')\nc.Spawner.args = 1\n", tmp_path)
    found = {finding.where: (finding.origin, finding.line) for finding in findings}
    assert found == {"c.DockerSpawner.imgae": ("more.py", 3), "c.Spawner.args": ("jupyterhub_config.py", 5)}


def test_nothing_is_written_beside_the_file(hub: Hub, tmp_path: pathlib.Path) -> None:
    (tmp_path / "helper.py").write_text("NAME = 'an/image'\n")
    text = (
        "import os, sys\nsys.path.insert(0, os.path.dirname(__file__))\nimport helper\nprint('noise')\n"
        "open('written.txt', 'w').write('x')\nc.DockerSpawner.image = helper.NAME\n"
    )
    hub.findings(HEAD + text, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ""] == ["helper.py"]


def test_file_that_never_ends_is_told_with_its_line(hub: Hub) -> None:
    text = HEAD + "import time\nwhile True:\n    time.sleep(0.01)\nc.DockerSpawner.imgae = 1\n"
    ((line, where),) = errors(hub.findings(text, seconds=1))
    assert line in (5, 6) and where == ""
