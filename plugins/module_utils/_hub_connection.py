# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options with which a module reaches a hub's REST API, as in doc fragment _hub_api. Private to the collection."""

from __future__ import annotations

import os
import stat
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._hub_api import HubApi

TOKEN_VARIABLES = ("HUBWRIGHT_TOKEN", "JUPYTERHUB_API_TOKEN")

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "url": {"type": "str", "required": True},
    "token": {"type": "str", "no_log": True},
    "token_file": {"type": "path"},
    "timeout": {"type": "float", "default": 30},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
}
MUTUALLY_EXCLUSIVE = [("token", "token_file")]


def connect(module: AnsibleModule) -> HubApi:
    """The hub that the module's options name.

    :raises HubError: an option cannot be used, or the token file cannot be read.
    """
    token = module.params["token"] or ""
    if not token and module.params["token_file"]:
        token = _token_from_file(module, module.params["token_file"])
    if not token:
        token = next((os.environ[name] for name in TOKEN_VARIABLES if os.environ.get(name)), "").strip()
    if token:
        module.no_log_values.add(token)
    return HubApi(
        module.params["url"],
        token,
        timeout=module.params["timeout"],
        validate_certs=module.params["validate_certs"],
        ca_path=module.params["ca_path"],
    )


def _token_from_file(module: AnsibleModule, path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            token = file.read(4096).strip()
    except UnicodeDecodeError:
        raise HubError(f"token_file {path} has characters beyond ASCII, expected one line with a token.") from None
    except OSError as error:
        raise HubError(f"token_file {path} cannot be read on the host of this task: {error.strerror}.") from None
    if not token:
        raise HubError(f"token_file {path} is empty, expected one line with a token.")
    if mode & 0o007:
        module.warn(f"token_file {path} has mode {mode:04o}: every account of this host can use it, expected 0600.")
    return token
