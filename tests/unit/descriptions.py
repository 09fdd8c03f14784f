# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Complete hub descriptions for tests, and real hubs that run what a description becomes."""

from __future__ import annotations

import contextlib
import copy
import json
import pathlib
import runpy
import secrets
import shutil
import subprocess
import tempfile
import types
import typing as t

import hubs
import yaml

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _settings
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._description import problems
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._rendering import Layer, render

SPECS = pathlib.Path(__file__).parents[2] / "roles" / "hub" / "meta" / "argument_specs.yml"
PLATFORMS = ("local", "docker", "kubernetes", "openshift")
CLIENT = {"client_id": "hub", "client_secret": "provider's secret"}
PROVIDER = {
    "authorize_url": "https://login.example.org/authorize",
    "token_url": "https://login.example.org/token",
    "userdata_url": "https://login.example.org/userinfo",
    "username_claim": "preferred_username",
}


# Options of the role hub, as its argument_specs describe them.
_SPECS = yaml.safe_load(SPECS.read_text(encoding="utf-8"))["argument_specs"]
OPTIONS: dict[str, dict[str, t.Any]] = _SPECS["main"]["options"]


def _defaults() -> dict[str, t.Any]:
    values = {name.removeprefix("hub_"): option.get("default") for name, option in OPTIONS.items()}
    values["image"] = values["image"].replace("{{ hub_version }}", values["version"])
    values["platform"] = "local"
    return values


_DEFAULTS = _defaults()


def description(**overrides: t.Any) -> dict[str, t.Any]:
    """The defaults of the role, signed in with a shared password by the user ada; ``overrides`` win."""
    unknown = set(overrides) - set(_DEFAULTS) - {"userlist_text"}
    assert not unknown, f"no such variables: {unknown}"
    return copy.deepcopy({**_DEFAULTS, "sign_in": "shared-password", "users": ["ada"], **overrides})


# One description of every way to sign in, each with everything that way can be told.
SIGN_INS: dict[str, dict[str, t.Any]] = {
    "shared-password": {"sign_in": "shared-password", "admins": ["grace"]},
    "shared-password, no admins": {"sign_in": "shared-password"},
    "native": {"sign_in": "native", "users": [], "admins": ["grace"], "native": {"open_signup": True}},
    "native, listed": {"sign_in": "native", "admins": ["grace"], "native": {"minimum_password_length": 12}},
    "pam": {
        "sign_in": "pam",
        "admins": ["grace"],
        "pam": {"service": "sshd", "open_sessions": True, "allowed_groups": ["users"]},
    },
    "pam, admin groups": {"sign_in": "pam", "users": [], "pam": {"admin_groups": ["sudo"]}},
    "temporary": {"sign_in": "temporary", "users": []},
    "dummy": {"sign_in": "dummy", "admins": ["grace"], "dummy_accepted": True},
    "github": {
        "sign_in": "github",
        "admins": ["grace"],
        "oauth": {
            **CLIENT,
            "url": "https://github.example.org",
            "allowed_organizations": ["numbers", "numbers:theory"],
            "login_service": "Example",
        },
    },
    "gitlab": {
        "sign_in": "gitlab",
        "oauth": {
            **CLIENT,
            "url": "https://gitlab.example.org",
            "allowed_groups": ["numbers"],
            "allowed_projects": [7],
            "scope": ["read_user", "read_api"],
        },
    },
    "google": {"sign_in": "google", "allow_all": True, "oauth": {**CLIENT, "hosted_domains": ["example.org"]}},
    "openshift": {
        "sign_in": "openshift",
        "users": [],
        "oauth": {
            **CLIENT,
            "url": "https://api.example.org:6443",
            "allowed_groups": ["numbers"],
            "admin_groups": ["staff"],
        },
    },
    "oauth": {
        "sign_in": "oauth",
        "admins": ["grace"],
        "auth_state": True,
        "oauth": {
            **CLIENT,
            **PROVIDER,
            "callback_url": "https://hub.example.org/hub/oauth_callback",
            "scope": ["openid", "groups"],
            "groups_claim": "groups",
            "allowed_groups": ["numbers"],
            "admin_groups": ["staff"],
        },
    },
    "oauth, id token": {
        "sign_in": "oauth",
        "oauth": {**CLIENT, **PROVIDER, "userdata_url": "", "userdata_from_id_token": True},
    },
    "ldap": {
        "sign_in": "ldap",
        "ldap": {
            "server": "ldap.example.org",
            "bind_dn_template": ["uid={username},ou=people,dc=example,dc=org"],
            "allowed_groups": ["cn=numbers,ou=groups,dc=example,dc=org"],
        },
    },
    "ldap, search": {
        "sign_in": "ldap",
        "ldap": {
            "server": "ldap.example.org",
            "port": 1389,
            "tls": "before_bind",
            "lookup_dn": True,
            "search_user": "cn=reader,dc=example,dc=org",
            "search_password": "directory's secret",
            "user_search_base": "ou=people,dc=example,dc=org",
            "user_attribute": "uid",
        },
    },
    "lti 1.1": {
        "sign_in": "lti",
        "allow_all": True,
        "users": [],
        "lti": {"version": "1.1", "consumers": {"moodle": "consumer's secret", "canvas": "another secret"}},
    },
    "lti 1.3": {
        "sign_in": "lti",
        "allow_all": True,
        "users": [],
        "lti": {
            "issuer": "https://moodle.example.org",
            "authorize_url": "https://moodle.example.org/auth",
            "jwks_url": "https://moodle.example.org/certs",
            "client_ids": ["hub"],
            "username_key": "email",
        },
    },
    "class": {
        "sign_in": "class",
        "authenticator_class": "jupyterhub.authenticators.shared.SharedPasswordAuthenticator",
        "authenticator_settings": {"user_password": "longer than eight"},
    },
    "class, entry point": {
        "sign_in": "class",
        "authenticator_class": "shared-password",
        "authenticator_packages": ["my-package==1.0"],
        "authenticator_settings": {"user_password": "longer than eight"},
    },
}


def sign_in(name: str, platform: str = "local", **overrides: t.Any) -> dict[str, t.Any]:
    """The description of ``SIGN_INS[name]`` that suits ``platform``."""
    values = {**SIGN_INS[name], **overrides}
    if platform != "local":
        values.setdefault("public_url", "https://hub.example.org")
    elif values["sign_in"] == "pam":
        values.setdefault("spawner", "system-user")
    return description(**values)


PLACES = {
    "secrets": "/opt/hub/secrets",
    "state": "/opt/hub/state",
    "files": "/opt/hub/files",
    "users": "/opt/hub/users",
    "singleuser": "/opt/hub/venv/bin/jupyterhub-singleuser",
    "hub_port": 8081,
    "proxy_api_port": 8001,
}


def settings_of(plan: t.Mapping[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """All layers of a plan as one, as JupyterHub gets them."""
    merged: dict[str, dict[str, t.Any]] = {}
    for layer in plan["layers"]:
        for name, traits in layer["settings"].items():
            merged.setdefault(name, {}).update(traits)
    return merged


def text_of(plan: t.Mapping[str, t.Any]) -> str:
    """The configuration file of a plan."""
    return render([Layer(**layer) for layer in plan["layers"]], plan["fragments"]).text


def run_fragment(text: str, directory: pathlib.Path) -> dict[str, t.Any]:
    """The names that a fragment defines, run as the configuration file runs it."""
    path = directory / "fragment.py"
    path.write_text(text)
    return runpy.run_path(
        str(path), {"c": types.SimpleNamespace(Spawner=types.SimpleNamespace(), KubeSpawner=types.SimpleNamespace())}
    )


def run_in_hub(environment: pathlib.Path, program: str, given: t.Any) -> t.Any:
    """Run ``program`` with the interpreter of a hub environment: JSON on its input, JSON from its last line."""
    done = subprocess.run(
        [str(environment / "bin" / "python"), "-c", program],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


class DescribedHub(hubs.Hub):
    """A real hub on loopback that runs what a description becomes on ``local``.

    ``describe`` gives it another description; ``start`` then runs that, with the database it had before.
    """

    def __init__(self, environment: pathlib.Path, proxy_environment: pathlib.Path, directory: pathlib.Path) -> None:
        self.description = description()
        self._variables: dict[str, str] = {}
        super().__init__(environment, proxy_environment, directory)

    def describe(self, **overrides: t.Any) -> None:
        """Write configuration and secrets of this description; call it while the hub is stopped."""
        settings = overrides.pop("settings_extra", {})
        spawner = {"args": ["--allow-root"], **settings.get("Spawner", {})}
        self.description = description(
            **{"base_url": hubs.BASE_URL, "default_page": "/api", "cull": False, **overrides},
            port=self.public_port,
            settings_extra={**settings, "Spawner": spawner},
        )
        self.description["extra_env"] = {
            hubs.MARKER: str(self.directory),
            "JUPYTERHUB_SINGLEUSER_APP": "jupyter_server.serverapp.ServerApp",
            **self.description["extra_env"],
        }
        assert problems(self.description, "local") == []
        self.write_config()

    def write_config(self, extra: str = "") -> None:
        places = {
            **{name: str(self.directory / name) for name in ("secrets", "state", "files", "users")},
            "singleuser": str(self.environment / "bin" / "jupyterhub-singleuser"),
            "hub_port": self.hub_port,
            "proxy_api_port": self.proxy_api_port,
        }
        for name in ("secrets", "state", "files/templates", "users"):
            (self.directory / name).mkdir(exist_ok=True, parents=True)
        plan = _settings.plan(self.description, "local", places)
        for name, secret in plan["secrets"].items():
            path = self.directory / "secrets" / name
            path.touch(mode=0o600)
            path.write_text(secret["value"] or path.read_text() or self._generated(name))
        for path, file in plan["files"].items():
            (self.directory / "files" / path).write_text(file["content"])
        (self.directory / "jupyterhub_config.py").write_text(text_of(plan) + extra + "\n")

    def _generated(self, name: str) -> str:
        known = {"proxy_token": self._proxy_token, "operator_token": self.token, "cookie_secret": "ab" * 32}
        return known.get(name) or secrets.token_hex(32)

    def secret(self, name: str) -> str:
        """The text of a secret's file."""
        return (self.directory / "secrets" / name).read_text()

    def forget(self) -> None:
        """Start over: no database, no secrets but those that hub and proxy know each other by, an empty log."""
        for name in ("state", "secrets"):
            shutil.rmtree(self.directory / name, ignore_errors=True)
        (self.directory / "hub.log").write_text("")

    def start_again(self, **overrides: t.Any) -> str:
        """Restart the hub with another description; returns what it logged while it came up."""
        self.stop()
        (self.directory / "hub.log").write_text("")
        self.describe(**overrides)
        self.start()
        return self.whole_log()

    @contextlib.contextmanager
    def variables(self, **variables: str) -> t.Iterator[None]:
        """Start the hub with these environment variables for a while."""
        self._variables = variables
        try:
            yield
        finally:
            self._variables = {}

    def _popen(self, name: str, command: list[str], **variables: str) -> subprocess.Popen[bytes]:
        return super()._popen(name, command, **variables, **self._variables)

    until = staticmethod(hubs.until)

    def whole_log(self) -> str:
        """Everything that the hub logged since ``start_again``."""
        return (self.directory / "hub.log").read_text(errors="replace")

    def signed_in(self, name: str, password: str) -> bool:
        """Does the hub let ``name`` in with this password?"""
        browser = self.browser()
        page = browser.submit(browser.get(f"hub/login?next={hubs.BASE_URL}hub/token"), username=name, password=password)
        return page.status == 200 and page.path.endswith("/hub/token")

    def user(self, name: str) -> dict[str, t.Any]:
        """What the hub says of a user."""
        status, model = self.api("GET", f"/users/{name}")
        assert status == 200, model
        return dict(model)


@contextlib.contextmanager
def described_hub(environment: pathlib.Path, proxy_environment: pathlib.Path) -> t.Iterator[DescribedHub]:
    """A hub that is stopped, behind a proxy that runs; everything ends with the context."""
    with tempfile.TemporaryDirectory(prefix="hubwright-hub-") as name:
        hub = DescribedHub(environment, proxy_environment, pathlib.Path(name))
        try:
            hub.start_proxy()
            yield hub
        finally:
            hub.close()


# Runs inside a hub environment: for each configuration file the real application, authenticator and spawner are made
# from it as the hub makes them. Answers with everything they complain about and with what a server would be started as.
# KubeSpawner asks no cluster here: reading its address is left out, everything else is its own code.
CLASSES = """
import asyncio, json, logging, sys, types, warnings
import kubespawner.spawner
from jupyterhub import orm
from jupyterhub.app import JupyterHub
from kubernetes_asyncio.client import ApiClient
from traitlets.config.loader import PyFileConfigLoader

kubespawner.spawner.load_config = lambda *args, **kwargs: None

class Kept(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())

async def look(path, session):
    app = JupyterHub(config=PyFileConfigLoader(path).load_config())
    app.log.handlers[:], app.log.propagate = [Kept(logging.WARNING)], False
    authenticator = app.authenticator_class(parent=app, _deprecated_db_session=session)
    authenticator.check_allow_config()
    # a process of an account of its own needs one that exists
    name = "nobody" if app.spawner_class.__name__ == "LocalProcessSpawner" else "ada-l"
    user = types.SimpleNamespace(name=name, escaped_name=name, id=1, url=f"/user/{name}/", settings={}, groups=[],
                                 admin=False, authenticator=authenticator)
    hub = types.SimpleNamespace(api_url="http://hub:8081/hub/api", base_url="/hub/", public_host="", api_token="x")
    kube = {"_mock": True} if app.spawner_class.__name__ == "KubeSpawner" else {}
    orm_spawner = types.SimpleNamespace(name="", server=None, user_options={}, oauth_client=None)
    spawner = app.spawner_class(parent=app, user=user, hub=hub, orm_spawner=orm_spawner, **kube)
    spawner.api_token = "x"
    used = {cls.__name__ for made in (app, authenticator, spawner) for cls in type(made).__mro__}
    said.extend(f"{name} is not in use" for name in app.config
                if name not in used | {"ConfigurableHTTPProxy", "CryptKeeper"})
    await spawner._run_apply_user_options({})
    server = {"environment": {name: spawner.get_env()[name] for name in spawner.environment}}
    if kube:
        pod = await spawner.get_pod_manifest()
        server["pod"] = ApiClient.sanitize_for_serialization(ApiClient.__new__(ApiClient), pod)
        server["claim"] = ApiClient.sanitize_for_serialization(ApiClient.__new__(ApiClient), spawner.get_pvc_manifest())
    elif hasattr(spawner, "volume_binds"):
        server["volumes"] = spawner.volume_binds
    return {"server": server, "allowed": sorted(authenticator.allowed_users), "everybody": authenticator.allow_all}

answers = {}
for name, path in json.load(sys.stdin).items():
    said = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        session = orm.new_session_factory("sqlite://")()
        try:
            answers[name] = asyncio.run(look(path, session))
        except Exception as error:
            answers[name] = {}
            said.append(repr(error))
        finally:
            session.close()
            JupyterHub.clear_instance()
    # not what libraries below JupyterHub say to programmers
    words = ("Authenticator", "Spawner", "JupyterHub", "trait")
    said.extend(str(warning.message) for warning in caught if any(word in str(warning.message) for word in words))
    answers[name]["said"] = said
print(json.dumps(answers))
"""


def made_from(
    environment: pathlib.Path, directory: pathlib.Path, described: t.Mapping[str, tuple[dict[str, t.Any], str]]
) -> dict[str, dict[str, t.Any]]:
    """What the real classes of a hub environment make of descriptions (name -> description and platform)."""
    places = {**PLACES, "secrets": str(directory)}
    files = {}
    for number, (name, (values, platform)) in enumerate(described.items()):
        plan = _settings.plan(values, platform, places)
        for secret, wanted in plan["secrets"].items():
            (directory / secret).write_text(wanted["value"] or secret * 5)
        path = directory / f"config_{number}.py"
        path.write_text(text_of(plan))
        files[name] = str(path)
    return dict(run_in_hub(environment, CLASSES, files))
