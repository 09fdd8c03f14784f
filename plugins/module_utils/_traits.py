# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings against an inventory of traits: names, classes in use, sign-in, values. Private to the collection.

Both checks run through ``check``: the one on the controller judges values by their types as data, the one in the
hub's interpreter by the real classes. So both use the same words, and the controller says when it can not decide.
Runs in the hub's own interpreter too: Python 3.10, standard library only.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _declared, _renamed
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._findings import Finding, is_secret, shown
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._trait_values import (
    UNKNOWN,
    expected,
    fits,
    without_references,
)

Settings = t.Mapping[str, t.Mapping[str, t.Any]]
Inventory = t.Mapping[str, t.Any]

ROLES = {"spawners": "spawner_class", "authenticators": "authenticator_class", "proxies": "proxy_class"}
KINDS = {"spawners": "Spawner", "authenticators": "Authenticator", "proxies": "Proxy"}
# settings of Jupyter Server, which a hub's configuration file often carries by mistake
USER_SERVER_CLASSES = {
    "ServerApp", "NotebookApp", "LabApp", "SingleUserNotebookApp", "SingleUserLabApp", "JupyterHubSingleUser",
    "ContentsManager", "FileContentsManager", "MappingKernelManager", "KernelSpecManager", "ServerProxy",
    "MultiKernelManager", "IdentityProvider", "TerminalManager", "ResourceUseDisplay", "NotebookNotary",
}  # fmt: skip
# classes whose package may be missing, so that "no such class" would be the wrong advice
PACKAGES = {
    "KubeSpawner": "jupyterhub-kubespawner",
    "DockerSpawner": "dockerspawner",
    "SwarmSpawner": "dockerspawner",
    "SystemUserSpawner": "dockerspawner",
    "WrapSpawner": "wrapspawner",
    "ProfilesSpawner": "wrapspawner",
    "SudoSpawner": "sudospawner",
    "SystemdSpawner": "jupyterhub-systemdspawner",
    "BatchSpawnerBase": "batchspawner",
    "SlurmSpawner": "batchspawner",
    "YarnSpawner": "jupyterhub-yarnspawner",
    "SSHSpawner": "sshspawner",
    "NomadSpawner": "jupyterhub-nomad",
    "OAuthenticator": "oauthenticator",
    "GenericOAuthenticator": "oauthenticator",
    "GitHubOAuthenticator": "oauthenticator",
    "GitLabOAuthenticator": "oauthenticator",
    "GoogleOAuthenticator": "oauthenticator",
    "OpenShiftOAuthenticator": "oauthenticator",
    "AzureAdOAuthenticator": "oauthenticator",
    "LDAPAuthenticator": "jupyterhub-ldapauthenticator",
    "NativeAuthenticator": "jupyterhub-nativeauthenticator",
    "FirstUseAuthenticator": "jupyterhub-firstuseauthenticator",
    "TmpAuthenticator": "jupyterhub-tmpauthenticator",
    "LTI11Authenticator": "jupyterhub-ltiauthenticator",
    "LTI13Authenticator": "jupyterhub-ltiauthenticator",
    "KerberosAuthenticator": "jupyterhub-kerberosauthenticator",
    "RemoteUserAuthenticator": "jhub_remote_user_authenticator",
    "TraefikProxy": "jupyterhub-traefik-proxy",
    "TraefikFileProviderProxy": "jupyterhub-traefik-proxy",
}
_TRUSTED_ADMISSION = re.compile(
    r"(jupyterhub|oauthenticator|ldapauthenticator|nativeauthenticator|tmpauthenticator|ltiauthenticator)\."
)
# packages whose constructors are known to take every value of the right type, but for what _type_decides says
_PLAIN_CONSTRUCTOR = re.compile(r"(traitlets|jupyterhub|dockerspawner|kubespawner|oauthenticator)\.")


@dataclasses.dataclass(frozen=True)
class Judgement:
    """What a judge says about one value."""

    verdict: str
    """``fine``, ``wrong``, ``unsure`` (the check itself failed) or ``undecided`` (ask the real classes)."""
    message: str = ""
    notes: tuple[str, ...] = ()
    """Warnings that the class gives when it gets the value."""


Judge = t.Callable[[t.Sequence[str], str, str, t.Any], Judgement]
"""(full names of the classes that read it, section, trait, value) -> judgement"""
Opinion = t.Callable[[str, t.Mapping[str, t.Any]], "bool | None"]
"""(full name of the authenticator, its merged settings) -> may anybody sign in, None when undecided"""


def check_settings(
    settings: Settings, inventory: Inventory, origins: t.Mapping[str, str]
) -> tuple[list[Finding], bool]:
    """Check settings without the real classes.

    :param settings: ``{class: {trait: value}}``; references ``{env:}`` and ``{file:}`` stand for unknown values.
    :param inventory: what ``_probe_inventory`` has read from the hub's environment.
    :param origins: ``Class.trait`` -> name of the layer it came from.
    :return: the findings, and whether they are all there is: False means that a setting needs the real classes.
    """
    plain = {section: without_references(dict(traits)) for section, traits in settings.items()}
    proxy = plain.get("ConfigurableHTTPProxy", {})
    if proxy.get("should_start") is False and "auth_token" in settings["ConfigurableHTTPProxy"]:
        del proxy["should_start"]  # the class wants a token for that, and one is given
    findings, decided = check(
        plain, inventory, lambda *what: judge_by_type(inventory, *what), opinion_by_type(inventory)
    )
    return [with_origin(finding, origins) for finding in findings], decided


def with_origin(finding: Finding, origins: t.Mapping[str, str]) -> Finding:
    """The finding with the layer that its setting came from, or any setting of its class."""
    name = finding.where.removeprefix("c.")
    origin = origins.get(name) or next((layer for key, layer in origins.items() if key.startswith(f"{name}.")), "")
    return dataclasses.replace(finding, origin=origin) if origin else finding


def check(
    settings: Settings,
    inventory: Inventory,
    judge: Judge,
    opinion: Opinion,
    wrong: set[tuple[str, str]] | None = None,
) -> tuple[list[Finding], bool]:
    """The whole check with the given judges; see check_settings for the result.

    :param wrong: gets (section, trait) of every setting that is found wrong, while the check goes on.
    """
    return _Check(settings, inventory, judge, opinion, set() if wrong is None else wrong).run()


class Lookup:
    """Questions to an inventory."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.classes: t.Mapping[str, t.Any] = inventory["classes"]

    def mro(self, name: str) -> list[str]:
        """Full names of the class and its parents, as far as they have traits."""
        return [base for base in self.classes[name]["mro"] if base in self.classes]

    def sections(self, name: str) -> list[str]:
        """The names under which a class reads its configuration, nearest last."""
        return [self.classes[base]["name"] for base in reversed(self.mro(name)) if self.classes[base]["section"]]

    def traits(self, name: str) -> dict[str, t.Any]:
        """All configurable traits of a class."""
        merged: dict[str, t.Any] = {}
        for base in reversed(self.mro(name)):
            merged.update(self.classes[base]["traits"])
        return {trait: data for trait, data in merged.items() if data is not None}

    def handled(self, name: str) -> set[str]:
        """Traits whose values a class looks at on its own."""
        return {trait for base in self.mro(name) for trait in self.classes[base]["handled"]}

    def aliases(self, name: str) -> dict[str, str]:
        """Old names that a class still understands."""
        merged: dict[str, str] = {}
        for base in reversed(self.mro(name)):
            merged.update(self.classes[base]["aliases"])
        return merged

    def resolve(self, group: str, value: t.Any) -> str | None:
        """Full name of the class that a setting such as ``spawner_class`` names; None when not in the inventory."""
        if not isinstance(value, str):
            return None
        name = self.inventory["entry_points"].get(group, {}).get(value.lower()) or self.inventory["paths"].get(value)
        return name if name in self.classes else None


class _Check:
    def __init__(
        self, settings: Settings, inventory: Inventory, judge: Judge, opinion: Opinion, wrong: set[tuple[str, str]]
    ) -> None:
        self.settings = settings
        self.inventory = inventory
        self.lookup = Lookup(inventory)
        self.judge = judge
        self.opinion = opinion
        self.findings: list[Finding] = []
        self.decided = True
        self.wrong = wrong
        self.roles: dict[str, str | None] = {}

    def run(self) -> tuple[list[Finding], bool]:
        for group in ROLES:
            self.roles[group] = self._class_in_use(group)
        in_use = [name for name in self.roles.values() if name]
        self.in_use = [*self.inventory["core"], *in_use]
        for section, traits in self.settings.items():
            if isinstance(traits, t.Mapping):
                self._section(section, traits)
        hub = {trait: v for trait, v in self._merged("jupyterhub.app.JupyterHub").items() if v is not UNKNOWN}
        hub = {trait: value for trait, value in hub.items() if ("JupyterHub", trait) not in self.wrong}
        self.findings.extend(_declared.check(hub, self.inventory))
        self._sign_in()
        return self.findings, self.decided

    def _add(self, severity: str, where: str, message: str, hint: str = "") -> None:
        self.findings.append(Finding(severity, message, hint, f"c.{where}"))

    def _merged(self, name: str) -> dict[str, t.Any]:
        """What a class reads, from all of its sections."""
        if name not in self.lookup.classes:
            return {}
        merged: dict[str, t.Any] = {}
        for section in self.lookup.sections(name):
            merged.update(self.settings.get(section, {}))
        return merged

    # classes

    def _class_in_use(self, group: str) -> str | None:
        trait = ROLES[group]
        value = self.settings.get("JupyterHub", {}).get(trait)
        if value is None:
            return self.inventory["defaults"].get(group) or None
        if value is UNKNOWN:
            return None
        name = self.lookup.resolve(group, value)
        if name is None and isinstance(value, str):
            self._unresolved(group, trait, value)
        elif name is None:
            self.decided = False
        elif KINDS[group] not in self.lookup.sections(name):
            message = f"{value} is the name of something else, expected one of the {group}"
            short_names = sorted(self.inventory["entry_points"].get(group, {}))
            self._add("error", f"JupyterHub.{trait}", message, f"Installed are {', '.join(short_names)}.")
            return None
        return name

    def _unresolved(self, group: str, trait: str, value: str) -> None:
        broken = self.inventory["unimportable"].get(value.lower()) or (
            value if value in self.inventory["unimportable"].values() else ""
        )
        short_names = sorted(self.inventory["entry_points"].get(group, {}))
        if broken:
            message = f"the class {broken} is installed but can not be imported"
            self._add("error", f"JupyterHub.{trait}", message, "Install what its package needs.")
        elif "." in value and value not in self.inventory.get("missing", ()):
            self.decided = False
        else:
            close = difflib.get_close_matches(value, [*short_names, *self.inventory["paths"]], 1, 0.7)
            hint = f"Did you mean {close[0]}?" if close else f"Installed are {', '.join(short_names)}."
            package = PACKAGES.get(value.rpartition(".")[2])
            if package and not close:
                hint = f"Install the package {package} into the hub's environment."
            message = f"no class {value!r} can be imported in the hub's environment"
            self._add("error", f"JupyterHub.{trait}", message, hint)

    def _section(self, section: str, traits: t.Mapping[str, t.Any]) -> None:
        users = [name for name in self.in_use if name in self.lookup.classes and section in self.lookup.sections(name)]
        if users:
            for trait, value in traits.items():
                self._trait(users, section, trait, value)
            return
        if not traits:
            return
        installed = [name for name, data in self.lookup.classes.items() if data["name"] == section]
        if installed:
            self._not_in_use(section, installed[0], len(traits))
        else:
            self._unknown_class(section)

    def _not_in_use(self, section: str, name: str, count: int) -> None:
        if None in self.roles.values() or any(
            "WrapSpawner" in self.lookup.sections(used) for used in self.in_use if used in self.lookup.classes
        ):
            return  # a class that is only known when the hub runs, or one that builds others, may read it
        parents = set(self.lookup.sections(name))
        group = next((group for group, kind in KINDS.items() if kind in parents), "")
        used = self.roles.get(group)
        instead = f": the hub uses {used.rpartition('.')[2]}" if used else ": the hub does not use this class"
        number = "its setting has" if count == 1 else f"its {count} settings have"
        hint = f"Set c.JupyterHub.{ROLES[group]} or remove it." if group else "Remove it."
        self._add("warning", section, f"{number} no effect{instead}", hint)

    def _unknown_class(self, section: str) -> None:
        if section in USER_SERVER_CLASSES:
            message = "no effect: this class belongs to the user servers, the hub does not read it"
            self._add("warning", section, message, "Put it into jupyter_server_config.py of the notebook image.")
            return
        known = {data["name"] for data in self.lookup.classes.values() if data["section"]}
        used = {name for cls in self.in_use if cls in self.lookup.classes for name in self.lookup.sections(cls)}
        close = _closest(section, used) or _closest(section, known)
        if section in PACKAGES:
            message = f"no effect: the class comes with the package {PACKAGES[section]}, which is not installed"
            self._add("warning", section, message, "Install the package or remove the setting.")
        elif close:
            self._add("error", section, "there is no such class", f"Did you mean {close}?")
        elif None in self.roles.values():
            self._add("unsure", section, "no class of this name is known here")
        else:
            message = "there is no such class in the hub's environment, so nothing reads it"
            self._add("error", section, message, "Correct the name or install the package of the class.")

    # traits

    def _trait(self, users: t.Sequence[str], section: str, trait: str, value: t.Any) -> None:
        if trait[:1].isupper():
            return  # a section inside a section, for a class built by this one
        where = f"{section}.{trait}"
        names = {self.lookup.classes[base]["name"] for user in users for base in self.lookup.mro(user)}
        row = _renamed.find(names, trait, self.inventory["versions"])
        readers = [user for user in users if trait in self.lookup.traits(user)]
        aliases = {old: new for user in users for old, new in self.lookup.aliases(user).items()}
        if row is not None:
            self._add(row.severity, where, row.found, row.advice)
        elif trait in aliases:
            self._add("warning", where, "an old name that still works", f"Use {section}.{aliases[trait]}.")
        if not readers:
            if row is None and trait not in aliases:
                self.wrong.add((section, trait))
                self._unknown_trait(users, section, trait)
            return
        if row is not None and row.severity == "error":
            self.wrong.add((section, trait))
            return
        if value is UNKNOWN:
            return
        self._value(readers, section, trait, value, quiet=row is not None or trait in aliases)

    def _unknown_trait(self, users: t.Sequence[str], section: str, trait: str) -> None:
        own = {name for user in users for name in self.lookup.traits(user)}
        elsewhere = [
            self.lookup.classes[name]["name"]
            for name in self.in_use
            if name in self.lookup.classes and trait in self.lookup.traits(name)
        ]
        close = _closest(trait, own)
        fixed = [
            self.lookup.classes[user]["name"]
            for user in users
            for base in self.lookup.mro(user)
            if self.lookup.classes[base]["traits"].get(trait)
        ]
        if fixed:
            self._add("warning", f"{section}.{trait}", f"no effect: {fixed[0]} decides this itself", "Remove it.")
            return
        if elsewhere:
            hint = f"{elsewhere[-1]} has it: use c.{elsewhere[-1]}.{trait}."
        elif close:
            hint = f"Did you mean {close}?"
        else:
            hint = f"See the settings of {section} in its documentation, or remove it."
        self._add("error", f"{section}.{trait}", "there is no such setting", hint)

    def _value(self, readers: t.Sequence[str], section: str, trait: str, value: t.Any, quiet: bool) -> None:
        where = f"{section}.{trait}"
        data = self.lookup.traits(readers[-1])[trait]
        problem = _beyond_types(trait, data["type"], value)
        judgement = Judgement("wrong", problem) if problem else self.judge(readers, section, trait, value)
        if judgement.verdict == "wrong":
            self.wrong.add((section, trait))
            self._add("error", where, judgement.message)
        elif judgement.verdict == "unsure":
            self._add("unsure", where, judgement.message)
        elif judgement.verdict == "undecided":
            self.decided = False
        if not quiet and judgement.verdict != "wrong":
            for note in judgement.notes:
                self._add("warning", where, note)

    # sign-in

    def _sign_in(self) -> None:
        name = self.roles["authenticators"]
        version = re.match(r"\d+", str(self.inventory["versions"].get("jupyterhub", "")))
        if name is None or name not in self.lookup.classes or not version or int(version[0]) < 5:
            return
        sections = self.lookup.sections(name)
        settings = self._merged(name)
        aliases = self.lookup.aliases(name)
        # A wrong value does not hide a right one of another section.
        merged = {
            aliases.get(trait, trait): value
            for section in sections
            for trait, value in self.settings.get(section, {}).items()
            if (section, trait) not in self.wrong
        }
        if "NullAuthenticator" in sections or any(
            value is UNKNOWN and _admits(trait) for trait, value in merged.items()
        ):
            return
        if "OAuthenticator" in sections and any(value for trait, value in merged.items() if trait.startswith("admin_")):
            return
        providers = merged.get("idps")
        if isinstance(providers, t.Mapping) and any(
            str(key).startswith("allow") and value
            for provider in providers.values()
            if isinstance(provider, t.Mapping)
            for key, value in provider.items()
        ):
            return
        admitted = self.opinion(name, merged)
        if admitted is None:
            self.decided = False
        if admitted is not False:
            return
        own = [base for base in self.lookup.mro(name) if self.lookup.classes[base]["admits"]]
        trusted = all(_TRUSTED_ADMISSION.match(base) for base in own)
        skipped = any((section, trait) in self.wrong and _admits(trait) for section in sections for trait in settings)
        cls = self.lookup.classes[name]["name"]
        message = f"nobody may sign in: {cls} has no setting that allows anybody"
        if merged.get("admin_users"):
            message += ", and admin_users alone allows nobody"
        hint = (
            "Set c.Authenticator.allowed_users to the names of the people, or c.Authenticator.allow_all = True, "
            "or an allow setting of this class."
        )
        self._add("error" if trusted and not skipped else "unsure", "JupyterHub.authenticator_class", message, hint)


def _admits(trait: str) -> bool:
    return trait.startswith(("allow", "any_allow")) or trait in ("whitelist", "admin_users", "idps")


def _closest(name: str, known: t.Collection[str]) -> str:
    """The known name that was probably meant, or an empty text; capitals do not count."""
    folded = {other.lower(): other for other in known}
    match = difflib.get_close_matches(name.lower(), list(folded), 1, 0.75)
    return folded[match[0]] if match else ""


def _beyond_types(trait: str, kind: t.Mapping[str, t.Any], value: t.Any) -> str:
    """Values that the class takes when it is built but that fail as soon as they are used."""
    if kind["kind"] == "any" and trait.endswith("_hook") and value is not None and not callable(value):
        return f"expected a callable, found {shown(value)}"
    port = trait == "port" or trait.endswith("_port")
    if port and isinstance(value, int) and not isinstance(value, bool) and not 0 <= value <= 65535:
        return f"expected a port from 0 to 65535, found {shown(value)}"
    return ""


def wrong_type(section: str, trait: str, kind: t.Mapping[str, t.Any], value: t.Any) -> str:
    """The sentence for a value that the type of the trait refuses."""
    secret = is_secret(section, trait)
    inner = _misfit(kind, value)
    if inner:
        key, inner_kind, inner_value = inner
        found = shown(inner_value, secret or is_secret(str(key)))
        return f"expected {expected(inner_kind)} for {key}, found {found}"
    return f"expected {expected(kind)}, found {shown(value, secret)}"


def _misfit(kind: t.Mapping[str, t.Any], value: t.Any) -> tuple[str, t.Mapping[str, t.Any], t.Any] | None:
    """The entry of a list or mapping that does not fit, when the container itself is right."""
    if kind["kind"] in ("list", "set") and isinstance(value, (list, tuple)) and kind.get("of"):
        for number, item in enumerate(value, 1):
            if fits(kind["of"], item, False) is False:
                return f"entry {number}", kind["of"], item
    if kind["kind"] == "dict" and isinstance(value, dict):
        for key, item in value.items():
            inner = (kind.get("per_key") or {}).get(key, kind.get("values"))
            if inner and fits(inner, item, False) is False:
                return repr(key), inner, item
    return None


# Settings that a class looks at on its own, and the values of which the type alone is known to be enough.
_TYPE_IS_ENOUGH: dict[tuple[str, str], t.Callable[[t.Any], bool]] = {
    ("JupyterHub", "ip"): lambda value: True,
    ("JupyterHub", "port"): lambda value: True,
    ("JupyterHub", "base_url"): lambda value: True,
    ("JupyterHub", "db_url"): lambda value: True,
    ("JupyterHub", "bind_url"): lambda value: value.startswith("http://"),
    ("Application", "log_level"): lambda value: True,
    ("Spawner", "ip"): lambda value: not value.startswith("["),
    ("Spawner", "default_url"): lambda value: "%U" not in value,
    ("Spawner", "notebook_dir"): lambda value: "%U" not in value,
    ("Spawner", "options_from_form"): lambda value: True,
    ("DockerSpawner", "image"): lambda value: True,
    ("DockerSpawner", "cpu_limit"): lambda value: True,
    ("DockerSpawner", "mem_limit"): lambda value: True,
    ("DockerSpawner", "allowed_images"): lambda value: (
        value == "*" if isinstance(value, str) else all(isinstance(name, str) for name in value)
    ),
    ("KubeSpawner", "image_pull_secrets"): lambda value: not isinstance(value, str),
    ("Authenticator", "allowed_users"): lambda value: (
        not isinstance(value, str) and all(isinstance(name, str) and len(name) > 1 for name in value)
    ),
    ("ConfigurableHTTPProxy", "debug"): lambda value: True,
    ("ConfigurableHTTPProxy", "concurrency"): lambda value: value > 0,
}


def judge_by_type(inventory: Inventory, readers: t.Sequence[str], section: str, trait: str, value: t.Any) -> Judgement:
    """Judge a value without its class: by the type of the trait, and undecided where code has a say."""
    lookup = Lookup(inventory)
    verdicts: list[str] = []
    message = ""
    for reader in readers:
        kind = lookup.traits(reader)[trait]["type"]
        if kind["kind"] == "class":
            verdicts.append("fine" if lookup.resolve(_group(trait), value) else "undecided")
            continue
        known = fits(kind, value)
        if known is False:
            message = wrong_type(section, trait, kind, value)
        verdicts.append({True: "fine", False: "wrong", None: "undecided"}[known])
        if known and not _type_decides(lookup, reader, trait, value):
            verdicts.append("undecided")
    for verdict in ("wrong", "undecided"):
        if verdict in verdicts:
            return Judgement(verdict, message)
    return Judgement("fine")


def _type_decides(lookup: Lookup, reader: str, trait: str, value: t.Any) -> bool:
    """Whether no code of the class has a say in a value of the right type."""
    if trait in lookup.aliases(reader):
        return False
    bases = lookup.mro(reader)
    names = {lookup.classes[base]["name"] for base in bases}
    if "ConfigurableHTTPProxy" in names and trait == "should_start" and not value:
        return False  # wants a token in the environment
    if "KubeSpawner" in names and isinstance(value, str) and "{" in value:
        return False  # names made of templates are expanded when it is built
    owner = next(base for base in bases if trait in lookup.classes[base]["traits"])
    own_constructor = any(lookup.classes[base]["builds"] and not _PLAIN_CONSTRUCTOR.match(base) for base in bases)
    if own_constructor and not _PLAIN_CONSTRUCTOR.match(owner):
        return False
    return trait not in lookup.handled(reader) or _enough(lookup, reader, trait, value)


def _enough(lookup: Lookup, reader: str, trait: str, value: t.Any) -> bool:
    """Whether every class that looks at this trait is known to accept the value as it is."""
    for base in lookup.mro(reader):
        if trait in lookup.classes[base]["handled"]:
            rule = _TYPE_IS_ENOUGH.get((lookup.classes[base]["name"], trait))
            try:
                if rule is None or not rule(value):
                    return False
            except (TypeError, AttributeError):
                return False
    return True


def _group(trait: str) -> str:
    return next((group for group, name in ROLES.items() if name == trait), "")


def opinion_by_type(inventory: Inventory) -> Opinion:
    """Whether anybody may sign in, from the allow settings alone."""
    lookup = Lookup(inventory)

    def opinion(name: str, merged: t.Mapping[str, t.Any]) -> bool | None:
        if "any_allow_config" in merged:
            return bool(merged["any_allow_config"])
        allowing = {trait: data for trait, data in lookup.traits(name).items() if data.get("allow")}
        # A text is taken for the one entry of a list or set, an empty one too.
        if any(
            merged.get(trait) or (merged.get(trait) == "" and data["type"]["kind"] in ("list", "set"))
            for trait, data in allowing.items()
        ):
            return True
        if inventory["admits_by_default"].get(name):
            return None if any(trait in merged for trait in allowing) else True
        return False if name in inventory["admits_by_default"] else None

    return opinion
