# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real small hubs for tests: JupyterHub, a separate proxy, user servers as processes, all on loopback.

``running_hub`` starts one and kills everything that belongs to it at the end. People:

* ``admin`` is an administrator; everybody may sign in with any password;
* a server of ``slow*`` starts only when ``Hub.let_start`` was called for its owner;
* a server of ``broken*`` never starts, the hub says ``No seat is free``.
"""

from __future__ import annotations

import contextlib
import html
import http.cookiejar
import json
import os
import pathlib
import random
import re
import secrets
import signal
import socket
import subprocess
import tempfile
import time
import typing as t
import urllib.error
import urllib.parse
import urllib.request

MARKER = "HUBWRIGHT_TEST_HUB"
START_TIMEOUT = 90.0
BASE_URL = "/classroom/"
# Of the processes that pytest-xdist runs side by side.
THIS_PROCESS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
PROCESSES = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
OPERATOR_SCOPES = (
    "admin:users",
    "admin:servers",
    "admin:groups",
    "list:services",
    "read:services",
    "read:hub",
    "proxy",
)

CONFIG = """
import asyncio, os
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{public_port}{base_url}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.JupyterHub.db_url = "sqlite:///{directory}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = "{directory}/cookie_secret"
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.allow_named_servers = True
c.JupyterHub.cleanup_servers = False
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 1, "slow_stop_timeout": 1}}
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_api_port}"
c.ConfigurableHTTPProxy.auth_token = os.environ["CONFIGPROXY_AUTH_TOKEN"]
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {{"admin"}}
c.Spawner.cmd = ["{environment}/bin/jupyterhub-singleuser"]
c.Spawner.args = ["--allow-root"]
c.Spawner.default_url = "/api"
c.LocalProcessSpawner.interrupt_timeout = 2
c.Spawner.environment = {{
    "{marker}": "{directory}",
    "JUPYTERHUB_SINGLEUSER_APP": "jupyter_server.serverapp.ServerApp",
}}
c.SimpleLocalProcessSpawner.home_dir_template = "{directory}/homes/{{username}}"
c.JupyterHub.services = [
    {{"name": "administrator", "api_token": os.environ["ADMINISTRATOR_TOKEN"]}},
    {{"name": "operator", "api_token": os.environ["OPERATOR_TOKEN"]}},
]
c.JupyterHub.load_roles = [
    {{"name": "admin", "services": ["administrator"]}},
    {{"name": "operator", "services": ["operator"], "scopes": {operator_scopes!r}}},
]

async def before_start(spawner):
    name = spawner.user.name
    if name.startswith("broken"):
        raise RuntimeError("No seat is free")
    while name.startswith("slow") and not os.path.exists(f"{directory}/may-start-{{name}}"):
        await asyncio.sleep(0.05)

c.Spawner.pre_spawn_hook = before_start
"""


class HubNotReady(AssertionError):
    """A part of the hub did not come up, or a condition did not come true; carries the logs."""


def until(condition: t.Callable[[], t.Any], what: str, timeout: float = START_TIMEOUT) -> t.Any:
    """Wait for ``condition`` to return something true and return that; fail with ``what`` after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise HubNotReady(f"after {timeout:.0f} s still not: {what}")


def free_port() -> int:
    """A TCP port on loopback that nobody listens on.

    Below those that the kernel hands out, so that no connection takes it meanwhile, and of test processes that run side
    by side each has ports of its own.
    """
    while True:
        port = random.randrange(20000 + THIS_PROCESS, 32768, PROCESSES)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


class Page(t.NamedTuple):
    """What a browser has in front of it: status, address after all redirects, text."""

    status: int
    url: str
    text: str

    @property
    def path(self) -> str:
        """Path of the address."""
        return urllib.parse.urlsplit(self.url).path


class Browser:
    """A person's browser: keeps cookies, follows redirects, fills in forms."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.cookies)
        )

    def get(self, path: str, data: list[tuple[str, str]] | None = None) -> Page:
        """Open ``path`` below the hub's public address; with ``data`` send it as a form."""
        request = urllib.request.Request(
            urllib.parse.urljoin(self.url, path), data=urllib.parse.urlencode(data).encode() if data else None
        )
        try:
            answer = self._opener.open(request, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return Page(answer.status, answer.url, answer.read().decode("utf-8", "replace"))

    def submit(self, page: Page, **fields: str) -> Page:
        """Send the form on ``page`` with its hidden fields and ``fields``."""
        hidden = re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.text)
        return self.get(page.url, [(name, html.unescape(value)) for name, value in hidden] + list(fields.items()))


class Hub:
    """A running hub. ``url`` is its public address, ``token`` that of a service with the role ``admin``."""

    def __init__(self, environment: pathlib.Path, proxy_environment: pathlib.Path, directory: pathlib.Path) -> None:
        self.environment = environment
        self.proxy_environment = proxy_environment
        self.directory = directory
        self.token = secrets.token_hex(16)
        self.operator_token = secrets.token_hex(16)
        self._proxy_token = secrets.token_hex(16)
        self.public_port, self.hub_port, self.proxy_api_port = free_port(), free_port(), free_port()
        self.origin = f"http://127.0.0.1:{self.public_port}"
        self.url = self.origin + BASE_URL
        self.direct_url = f"http://127.0.0.1:{self.hub_port}{BASE_URL}"
        self._hub: subprocess.Popen[bytes] | None = None
        self._proxy: subprocess.Popen[bytes] | None = None
        self.write_config()

    def write_config(self, extra: str = "") -> None:
        """Write the hub's configuration; ``extra`` is Python that is run last."""
        text = CONFIG.format(
            public_port=self.public_port,
            hub_port=self.hub_port,
            proxy_api_port=self.proxy_api_port,
            base_url=BASE_URL,
            directory=self.directory,
            environment=self.environment,
            marker=MARKER,
            operator_scopes=list(OPERATOR_SCOPES),
        )
        (self.directory / "jupyterhub_config.py").write_text(text + extra + "\n")

    @contextlib.contextmanager
    def configured(self, extra: str) -> t.Iterator[None]:
        """Restart the hub with more configuration, and without it at the end; user servers keep running."""
        self.stop()
        self.write_config(extra)
        self.start()
        try:
            yield
        finally:
            self.stop()
            self.write_config()
            self.start()

    def _popen(self, name: str, command: list[str], **variables: str) -> subprocess.Popen[bytes]:
        keep = {key: os.environ[key] for key in ("LANG", "LC_ALL", "TZ") if key in os.environ}
        path = os.pathsep.join(
            [str(self.environment / "bin"), str(self.proxy_environment / "bin"), "/usr/local/bin:/usr/bin:/bin"]
        )
        with open(self.directory / f"{name}.log", "ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**keep, "PATH": path, "HOME": str(self.directory), MARKER: str(self.directory), **variables},
            )

    def start_proxy(self) -> None:
        """Start the proxy and wait until it answers."""
        self._proxy = self._popen(
            "proxy",
            [
                str(self.proxy_environment / "bin" / "configurable-http-proxy"),
                *("--ip", "127.0.0.1", "--port", str(self.public_port)),
                *("--api-ip", "127.0.0.1", "--api-port", str(self.proxy_api_port)),
            ],
            CONFIGPROXY_AUTH_TOKEN=self._proxy_token,
        )
        until(
            lambda: self._alive(self._proxy, "proxy") and self._status(self.origin + "/_chp_healthz") == 200, "proxy up"
        )

    def start(self) -> None:
        """Start the hub and wait until it answers through the proxy."""
        self._hub = self._popen(
            "hub",
            [str(self.environment / "bin" / "jupyterhub"), "-f", str(self.directory / "jupyterhub_config.py")],
            CONFIGPROXY_AUTH_TOKEN=self._proxy_token,
            ADMINISTRATOR_TOKEN=self.token,
            OPERATOR_TOKEN=self.operator_token,
        )
        until(lambda: self._alive(self._hub, "hub") and self._status(self.url + "hub/health") == 200, "hub up")

    def stop(self) -> None:
        """Stop the hub; proxy and user servers keep running."""
        self._end(self._hub)

    def stop_proxy(self) -> None:
        """Stop the proxy: nothing listens on the public address any more."""
        self._end(self._proxy)
        until(lambda: self._status(self.origin + "/_chp_healthz") == 0, "proxy down", 20)

    def close(self) -> None:
        """End every process that this hub started, user servers included, and wait until they are gone."""
        for process in (self._hub, self._proxy):
            self._end(process)
        for pid in self._left_over():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until(lambda: not self._left_over(), f"processes of {self.directory} ended", 20)

    @staticmethod
    def _end(process: subprocess.Popen[bytes] | None) -> None:
        """End a process with its group: the proxy's command may be a wrapper. User servers have groups of their own."""
        if process and process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(20)

    def _left_over(self) -> list[int]:
        """Processes whose environment says that they belong to this hub."""
        wanted = f"{MARKER}={self.directory}".encode()
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with contextlib.suppress(OSError):
                    if wanted in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
        return found

    def _alive(self, process: subprocess.Popen[bytes] | None, name: str) -> bool:
        if process is None or process.poll() is not None:
            raise HubNotReady(f"the {name} ended while it started:\n{self.log(name)}")
        return True

    def log(self, name: str = "hub") -> str:
        """The last lines that ``hub`` or ``proxy`` wrote."""
        return "\n".join((self.directory / f"{name}.log").read_text(errors="replace").splitlines()[-60:])

    @staticmethod
    def _status(url: str) -> int:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def let_start(self, user: str) -> None:
        """Let the pending and all later servers of ``user`` (``slow*``) start."""
        (self.directory / f"may-start-{user}").touch()

    def api(self, method: str, path: str, body: t.Any = None, token: str | None = None) -> tuple[int, t.Any]:
        """Ask the REST API directly: status and decoded answer. Nothing of the collection is in between."""
        request = urllib.request.Request(
            f"{self.url}hub/api{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {token or self.token}"},
        )
        try:
            answer = urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            text = answer.read().decode()
            return answer.status, json.loads(text) if text[:1] in ("{", "[") else text

    def token_with(self, *scopes: str, owner: str = "admin") -> str:
        """A new token of ``owner`` with exactly these scopes."""
        status, answer = self.api("POST", f"/users/{owner}/tokens", {"scopes": list(scopes), "note": "test"})
        assert status == 201, answer
        return str(answer["token"])

    def server(self, user: str, name: str = "") -> dict[str, t.Any]:
        """What the hub says of a server of ``user``; empty when there is no record of it."""
        _status, model = self.api("GET", f"/users/{user}?include_stopped_servers=1")
        return dict(model.get("servers", {}).get(name, {}))

    def browser(self) -> Browser:
        """A browser that nobody is signed in with."""
        return Browser(self.url)

    def sign_in(self, name: str) -> Browser:
        """A browser with which ``name`` signed in through the form; a user who did not exist is created."""
        browser = self.browser()
        page = browser.submit(browser.get("hub/login?next=" + BASE_URL + "hub/home"), username=name, password="x")
        assert page.path.endswith("/hub/home"), page
        return browser


@contextlib.contextmanager
def running_hub(environment: pathlib.Path, proxy_environment: pathlib.Path) -> t.Iterator[Hub]:
    """A hub of the virtual environment ``environment`` behind a proxy of ``proxy_environment``.

    :raises HubNotReady: it did not come up; the message has the end of its log.
    """
    with tempfile.TemporaryDirectory(prefix="hubwright-hub-") as name:
        hub = Hub(environment, proxy_environment, pathlib.Path(name))
        try:
            hub.start_proxy()
            hub.start()
            yield hub
        finally:
            hub.close()
