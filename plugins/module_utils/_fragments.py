# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python of the collection's own that a description puts into the hub's configuration. Private to the collection."""

from __future__ import annotations

import inspect
import pprint
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _profiles, _server_traits, _sign_in
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._platforms import Description, in_pods, spawner_of

# The class would ask the hub's own container, which knows no account of the host, and keep for ever what it was told once.
_SYSTEM_USERS = '''\
import json
import pathlib

from dockerspawner import SystemUserSpawner
from tornado import web


class HostUserSpawner(SystemUserSpawner):
    """Starts each server as the account of the host that has the user's name, with the numbers it has there now."""

    def _user_id_default(self):
        return -1

    def _group_id_default(self):
        return -1

    def start(self, **arguments):
        accounts = json.loads(pathlib.Path(ACCOUNTS).read_text(encoding="utf-8"))
        if self.user.name not in accounts:
            refusal = web.HTTPError(403, f"no account {self.user.name} on the host")
            refusal.jupyterhub_message = (
                f"There is no account {self.user.name} with the home directory {self.host_homedir} on the hub's host. "
                "Once an administrator has made it, the hub learns of it with the next run of its playbook."
            )
            raise refusal
        self.user_id, self.group_id = accounts[self.user.name]
        return super().start(**arguments)


if c.JupyterHub.spawner_class == "docker-system-user":
    c.JupyterHub.spawner_class = HostUserSpawner
'''

# The class would take a process of the new pod for the server that had the same number in the previous one, and end it.
_ONE_POD = '''\
from jupyterhub.spawner import SimpleLocalProcessSpawner


class PodSpawner(SimpleLocalProcessSpawner):
    """Starts servers as processes of the hub's pod, which are gone whenever the hub starts."""

    def load_state(self, state):
        super().load_state({name: value for name, value in state.items() if name != "pid"})


if c.JupyterHub.spawner_class == "simple":
    c.JupyterHub.spawner_class = PodSpawner
'''

# A refusal, which no JupyterHub takes for a failing spawner: one that counts failures would stop itself.
_DRAIN = """\
from tornado import web


def _refuse_while_draining(spawner):
    refusal = web.HTTPError(403, "draining")
    refusal.jupyterhub_message = MESSAGE
    raise refusal


c.Spawner.pre_spawn_hook = _refuse_while_draining
c.Spawner.consecutive_failure_limit = 0
"""


def fragments(description: Description, platform: str, where: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Name -> Python; they run in the order of their names."""
    found = {}
    # Keys that begin with a letter sort after ours.
    sign_in = _sign_in.kind(description).fragment
    if sign_in:
        found["00-sign-in"] = sign_in
    named = any("{username}" in str(value) for value in description["extra_env"].values())
    if description["profiles"] or description["user_env"] or (named and not in_pods(description, platform)):
        found["00-profiles"] = profiles_fragment(description, platform)
    if platform == "docker" and spawner_of(description, platform) == "system-user":
        found["00-system-users"] = _SYSTEM_USERS.replace("ACCOUNTS", repr(where["accounts"]))
    if platform == "openshift" and not in_pods(description, platform):
        found["00-one-pod"] = _ONE_POD
    found.update(description["extra_config"])
    if description["drain"]:
        # After all others, so that no other hook takes its place.
        found["~drain"] = _DRAIN.replace("MESSAGE", repr(description["drain"]))
    return found


_KNOWN_PROFILES = """

def known_to_kubespawner(spawner):
    \"\"\"KubeSpawner refuses a choice that is not in a list of its own; apply_user_options has judged it by then.\"\"\"
    return [{"slug": (spawner.user_options or {}).get("profile") or "default", "display_name": "chosen"}]


c.KubeSpawner.profile_list = known_to_kubespawner
"""


def profiles_fragment(description: Description, platform: str) -> str:
    """Python that offers the profiles and applies users' choices, on whatever spawner is in use."""
    pages, pods = {"lab": "/lab", "classic": "/tree"}, in_pods(description, platform)
    profiles = {}
    for key, profile in sorted(description["profiles"].items()):
        traits = {**_server_traits.resources(profile, f"hub_profiles.{key}."), **(profile.get("settings") or {})}
        if profile.get("image") and spawner_of(description, platform) in ("docker", "kube"):  # processes have none
            traits["image"] = profile["image"]
        if profile.get("default_page"):
            traits["default_url"] = pages.get(profile["default_page"], profile["default_page"])
        profiles[key] = {
            "display_name": profile["display_name"],
            "description": profile.get("description") or "",
            "default": bool(profile.get("default")),
            "groups": sorted(profile.get("groups") or []),
            "traits": traits,
            "environment": _server_traits.environment(profile.get("environment") or {}, pods),
        }
    code = inspect.getsource(_profiles).partition("import html\n")[2]
    for line, name, value in (
        ("PROFILES: dict[str, dict[str, t.Any]] = {}", "PROFILES", profiles),
        ("USER_ENV: list[str] = []", "USER_ENV", sorted(description["user_env"])),
        ("EXPANDS_BRACES: bool = False", "EXPANDS_BRACES", pods),
    ):
        code = code.replace(line, f"{name} = {pprint.pformat(value, sort_dicts=False, width=118)}")
    return (
        f"import html\n{code}\n\n"
        "c.Spawner.options_form = profile_form\n"
        "c.Spawner.options_from_form = options_from_form\n"
        "c.Spawner.apply_user_options = apply_user_options\n"
    ) + (_KNOWN_PROFILES if platform in ("kubernetes", "openshift") else "")
