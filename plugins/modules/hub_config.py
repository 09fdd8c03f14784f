#!/usr/bin/python
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: hub_config
short_description: Render, check and place the configuration of a JupyterHub
version_added: 0.1.0
description:
  - Writes C(jupyterhub_config.py) from settings in JupyterHub's own names and from fragments of Python.
  - Before the live file is touched, the new one is checked against the classes of the hub that will read it, all of
    them. Unknown classes and traits, wrong types and choices, removed options, Python that does not compile and more
    are reported together.
  - The live file is replaced in one step. A run that is killed leaves the old file or the new one.
  - Works for any hub and needs no role of this collection.
extends_documentation_fragment:
  - ansible.builtin.files
  - hubwright.jupyterhub._attributes
options:
  state:
    description:
      - V(present) renders, checks and places the file.
      - V(checked) checks the file that is there, whoever wrote it, and never changes anything.
      - V(rendered) renders and checks, and returns the text, for a place that is no file of this host. Nothing is
        written. Values that look secret are refused, since the text is a result of the task.
      - V(absent) removes the file and the previous one kept beside it.
    type: str
    choices: [present, checked, rendered, absent]
    default: present
  path:
    description:
      - Absolute path of the configuration file. Its directory has to exist, except with O(state=rendered), for which
        it is the path that the hub will see.
      - A symbolic link is refused; give the path that it points to.
    type: path
    required: true
  layers:
    description:
      - Settings, each with a name that says where they come from and is written into the file.
      - A later layer wins, trait by trait.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: One line of text, for example C(platform defaults).
        type: str
        required: true
      settings:
        description: As O(settings).
        type: raw
        required: true
  settings:
    description:
      - A mapping of classes to mappings of traits to values, short for one more layer named C(settings).
      - Values are written as Python literals.
      - A mapping with the one key C(env) and a name stands for an environment variable of the hub, one with the one
        key C(file) and an absolute path for the content of that file without one line end after it, at any depth. The
        hub looks them up when it starts, so that no secret is in the configuration.
      - A mapping with the one key C(literal) stands for what it holds, as it is.
    type: raw
  fragments:
    description:
      - Python that is run after all settings, as a mapping of names to text, sorted by name.
    type: dict
    default: {}
  interpreter:
    description:
      - Python interpreter of the hub's environment, whose classes the file is checked against.
      - Either this or O(image) is needed unless O(state=absent).
    type: path
  image:
    description: Container image of the hub, whose classes the file is checked against.
    type: str
  engine:
    description: Program that runs O(image).
    type: str
    choices: [docker, podman]
    default: docker
  mounts:
    description:
      - What the hub's container will see of the host, as a mapping of the path in the container to the path on the host,
        so that the check of O(image) finds the files that the configuration refers to.
      - They can not be changed by the check. Those that are not on the host yet are left out.
    type: dict
    default: {}
    version_added: 0.2.0
  cluster:
    description:
      - Run O(image) as a pod of a Kubernetes cluster instead of in a container engine of this host. The pod satisfies the
        pod security standard "restricted" and is removed afterwards, also in check mode.
      - What is known of an image is kept by its name, so a tag should stand for one image for ever.
    type: dict
    version_added: 0.2.0
    suboptions:
      kubeconfig:
        description: Kubeconfig on this host. Without it, E(KUBECONFIG) or C(~/.kube/config).
        type: path
      context:
        description: Context of the kubeconfig. Without it, the current one.
        type: str
      namespace:
        description: Namespace of the pod.
        type: str
        required: true
      labels:
        description: Labels of the pod.
        type: dict
        default: {}
      uid:
        description: Number of the user and the group of the pod. V(0) leaves both to the image, or to the cluster.
        type: int
        default: 0
      seccomp:
        description:
          - Ask for the seccomp profile C(RuntimeDefault), which the standard "restricted" demands. OpenShift sets a profile
            itself, and its security context constraint C(restricted) refuses a pod that asks for one.
        type: bool
        default: true
      secret:
        description: Secret that is mounted into the pod when it is there, so that files in it are found.
        type: str
      secret_path:
        description: Where O(cluster.secret) is mounted.
        type: str
        default: /etc/jupyterhub/secrets
      environment:
        description: Environment variables of the pod, as Kubernetes has them.
        type: list
        elements: dict
        default: []
      pull_policy:
        description: When the node pulls the image.
        type: str
        choices: [Always, IfNotPresent, Never]
        default: IfNotPresent
      pull_secrets:
        description: Names of Secrets with which the node pulls it.
        type: list
        elements: str
        default: []
      node_selector:
        description: Labels of the nodes that the pod may run on.
        type: dict
        default: {}
      tolerations:
        description: Taints of nodes that the pod tolerates.
        type: list
        elements: dict
        default: []
  compare_with:
    description: With O(state=rendered), the text that is in use, which decides what changed and what the diff shows.
    type: str
    default: ""
    version_added: 0.2.0
  environment:
    description:
      - Environment variables that the file is given while it is checked. The values are never shown.
    type: dict
    default: {}
  timeout:
    description: Seconds that the check may take.
    type: int
    default: 120
  cache_directory:
    description:
      - Directory for what is known of the classes of each hub environment, which makes later checks fast. Check mode
        writes into it when it is there, and does not make it.
      - V(/var/cache/hubwright) for root and V(~/.cache/hubwright) for others when left out.
    type: path
  fail_on:
    description: The least that stops the module. What cannot be decided never does.
    type: str
    choices: [error, warning]
    default: error
  backup:
    description: Keep the last file that was replaced beside the new one, with C(.previous) after its name.
    type: bool
    default: true
  mode:
    description: Octal number in quotes.
    type: raw
    default: "0640"
attributes:
  check_mode:
    support: full
    details:
      - The file is checked as otherwise.
  diff_mode:
    support: full
    details:
      - Values of traits, keys and variables whose names look secret are masked. A file that is replaced and is no
        Python is not shown.
  idempotent:
    support: full
notes:
  - The file is run to be checked, since it is Python.
author:
  - Hubwright maintainers (@hubwright)
seealso:
  - module: hubwright.jupyterhub.hub_files
"""

EXAMPLES = r"""
- name: Configure a hub in a virtual environment
  hubwright.jupyterhub.hub_config:
    path: /etc/jupyterhub/jupyterhub_config.py
    interpreter: /opt/jupyterhub/bin/python
    owner: root
    group: jupyterhub
    settings:
      JupyterHub:
        bind_url: http://127.0.0.1:8000
        authenticator_class: native
        db_url:
          file: /var/lib/jupyterhub/database_url
      Authenticator:
        admin_users: [alice]
        allowed_users: [alice, bob]
      Spawner:
        default_url: /lab
        environment:
          literal:
            env: production
    fragments:
      10-greeting: |
        c.JupyterHub.template_vars = {"announcement": "Maintenance on Friday"}
  notify: Restart the hub

- name: Configure a hub in a container, defaults first, then what this site wants
  hubwright.jupyterhub.hub_config:
    path: /srv/hub/jupyterhub_config.py
    image: quay.io/jupyterhub/jupyterhub:5.5
    environment:
      OAUTH_CLIENT_SECRET: "{{ vault_oauth_client_secret }}"
    layers:
      - name: defaults
        settings:
          JupyterHub:
            authenticator_class: github
          GitHubOAuthenticator:
            client_secret:
              env: OAUTH_CLIENT_SECRET
      - name: this site
        settings: "{{ site_hub_settings }}"

- name: Say everything that is wrong with a file that somebody else wrote
  hubwright.jupyterhub.hub_config:
    state: checked
    path: /srv/jupyterhub/jupyterhub_config.py
    interpreter: /opt/tljh/hub/bin/python3
"""

RETURN = r"""
path:
  description: The configuration file.
  returned: always
  type: str
  sample: /etc/jupyterhub/jupyterhub_config.py
previous:
  description: The file that was replaced; null when none was or it was not kept.
  returned: success
  type: str
  sample: /etc/jupyterhub/jupyterhub_config.py.previous
changes:
  description:
    - Names of the traits that were added, removed or changed, without their values, and of the fragments.
    - A file that this module did not write counts as empty.
  returned: when O(state=present) or O(state=rendered)
  type: list
  elements: str
  sample: [Authenticator.allowed_users, fragment 10-greeting]
text:
  description: The configuration.
  returned: when O(state=rendered)
  type: str
findings:
  description: Everything that the check has to say.
  returned: when the file was checked, also when the module fails because of them
  type: list
  elements: dict
  contains:
    severity:
      description: V(error), V(warning), or V(unsure) for what could not be decided.
      type: str
    message:
      description: What was found and what was expected.
      type: str
    hint:
      description: What to do next.
      type: str
    where:
      description: Class and trait, or empty for a statement.
      type: str
    line:
      description: Line of the file, or null.
      type: int
    origin:
      description: Layer, fragment or file that it comes from.
      type: str
checked_with:
  description: What the file was checked with.
  returned: when the file was checked
  type: str
versions:
  description: Versions of JupyterHub and its parts that the file was checked for.
  returned: when the file was checked
  type: dict
problems:
  description: Everything that cannot be written into a configuration file.
  returned: when the module fails because of it
  type: list
  elements: str
"""

import copy
import dataclasses
import os
import stat
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._checking import (
    Finding,
    Source,
    Target,
    Verdict,
    check,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._checking_cache import default_directory
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._checking_pod import place
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._cluster import POD_ARGUMENTS
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._masking import masked, secret_texts
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._module import run
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._rendering import (
    Layer,
    Rendering,
    changed_names,
    read,
    render,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._replacing import replace, stage

ARGUMENTS: dict[str, t.Any] = {
    "state": {"type": "str", "default": "present", "choices": ["present", "checked", "rendered", "absent"]},
    "path": {"type": "path", "required": True},
    "layers": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"name": {"type": "str", "required": True}, "settings": {"type": "raw", "required": True}},
    },
    "settings": {"type": "raw"},
    "fragments": {"type": "dict", "default": {}},
    "interpreter": {"type": "path"},
    "image": {"type": "str"},
    "engine": {"type": "str", "default": "docker", "choices": ["docker", "podman"]},
    "mounts": {"type": "dict", "default": {}},
    "cluster": {
        "type": "dict",
        "options": {
            **POD_ARGUMENTS,
            "secret": {"type": "str", "no_log": False},
            "secret_path": {"type": "str", "default": "/etc/jupyterhub/secrets", "no_log": False},
            "environment": {"type": "list", "elements": "dict", "default": []},
        },
    },
    "compare_with": {"type": "str", "default": ""},
    "environment": {"type": "dict", "default": {}, "no_log": True},
    "timeout": {"type": "int", "default": 120},
    "cache_directory": {"type": "path"},
    "fail_on": {"type": "str", "default": "error", "choices": ["error", "warning"]},
    "backup": {"type": "bool", "default": True},
    "mode": {"type": "raw", "default": "0640"},
}


@dataclasses.dataclass(frozen=True)
class Live:
    """The file that is there, or not."""

    path: str
    content: bytes | None

    @property
    def text(self) -> str:
        """Its text; empty when it is missing or not UTF-8."""
        try:
            return (self.content or b"").decode()
        except UnicodeDecodeError:
            return ""

    @property
    def shown(self) -> str:
        if self.content and not self.text:
            return f"({len(self.content)} bytes that are not UTF-8: not shown)\n"
        return masked(self.text)


def work(module: AnsibleModule) -> dict[str, t.Any]:
    params = copy.deepcopy(module.params)
    _hide(module)
    if params["state"] == "rendered":
        return _only_rendered(module, params)
    live = _live(params["path"], params["state"], module)
    if params["state"] == "absent":
        return _absent(module, live)
    if params["state"] == "checked":
        return {"changed": False, "path": live.path, "previous": None} | _checked(module, params, _read(live, params))
    source = _rendered(live.path, params)
    said = _checked(module, params, source)
    return _present(module, params, live, source.text) | said


def _hide(module: AnsibleModule) -> None:
    """Keep secrets out of what is reported; a value that is part of a path is none, and would spoil the path."""
    params = module.params
    settings = [params["settings"], *(layer["settings"] for layer in params["layers"])]
    values = module.no_log_values | {text for item in settings for text in secret_texts(item)}
    params["fragments"] = {key: masked(body) for key, body in params["fragments"].items() if isinstance(body, str)}
    params["environment"] = dict.fromkeys(params["environment"], "********")
    shown = [params["path"], params["interpreter"] or "", params["image"] or "", params["cache_directory"] or ""]
    module.no_log_values = {value for value in values if len(value) >= 4 and not any(value in text for text in shown)}


def _only_rendered(module: AnsibleModule, params: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the text instead of placing it; what nobody should see must not be in a result."""
    if module.no_log_values:
        raise HubError(
            "The settings hold a value that looks secret. Here the text of the configuration is a result that others may read.",
            "Give it as a reference, {file: PATH} or {env: NAME}.",
        )
    source = _rendered(params["path"], params)
    said = _checked(module, params, source)
    live = Live(params["path"], params["compare_with"].encode())
    changes = changed_names(live.text, source.text)
    changed = source.text != live.text
    diff = [_diff(live, live.shown, masked(source.text), changes)] if module._diff and changed else []
    made = {
        "changed": changed,
        "path": live.path,
        "previous": None,
        "changes": changes,
        "text": source.text,
        "diff": diff,
    }
    return made | said


# --- What is there ---


def _live(path: str, state: str, module: AnsibleModule) -> Live:
    """Return the file at the path.

    :raises HubError: when something else is there, or no directory for it.
    """
    if not path.startswith("/"):
        raise HubError(f"The path {path!r} is not absolute, expected one that begins with a slash.")
    parent = os.path.dirname(path)
    try:
        if state == "present" and not stat.S_ISDIR(os.stat(parent).st_mode):
            raise NotADirectoryError
    except FileNotFoundError:
        if not module.check_mode:
            raise HubError(f"The directory {parent} of {path} does not exist.", "Make it first.") from None
        module.warn(f"The directory {parent} of {path} does not exist yet; an earlier task has to make it.")
        return Live(path, None)
    except NotADirectoryError:
        raise HubError(f"{parent} is not a directory, expected the one for {path}.") from None
    except OSError as error:
        raise HubError(f"The directory {parent} of {path} cannot be looked at: {error.strerror}.") from None
    try:
        found = os.lstat(path).st_mode
        if stat.S_ISLNK(found) and state == "present":
            raise HubError(
                f"{path} is a symbolic link to {os.readlink(path)}, expected a file: links are not followed.",
                "Give the path that it points to, or remove it.",
            )
        if stat.S_ISDIR(found) or not (stat.S_ISREG(found) or stat.S_ISLNK(found)):
            kind = "a directory" if stat.S_ISDIR(found) else "no plain file"
            raise HubError(f"{path} is {kind}, expected the configuration file.")
        if state == "absent" and stat.S_ISLNK(found):
            return Live(path, b"")
        with open(path, "rb") as stream:
            return Live(path, stream.read())
    except (FileNotFoundError, NotADirectoryError):
        return Live(path, None)
    except OSError as error:
        raise HubError(f"{path} cannot be read: {error.strerror}.", "Run this as an account that may.") from None


def _read(live: Live, params: dict[str, t.Any]) -> Source:
    """Return the file that is there, to be checked."""
    given = [name for name in ("layers", "settings", "fragments") if params[name]]
    if given:
        raise HubError(
            f"state=checked looks at the file that is there, got {' and '.join(given)} too.",
            "Leave them out, or use state=present in check mode.",
        )
    if live.content is None:
        raise HubError(f"{live.path} does not exist, expected a configuration file to check.")
    if live.content and not live.text:
        raise HubError(f"{live.path} is not UTF-8 text, which Python expects of a configuration file.")
    made = read(live.text)
    return _source(live.path, made) if made else Source(live.text, live.path, os.path.dirname(live.path))


def _source(path: str, made: Rendering) -> Source:
    return Source(made.text, path, os.path.dirname(path), made.settings, made.origins, made.lines, made.fragments)


# --- What is wanted ---


def _rendered(path: str, params: dict[str, t.Any]) -> Source:
    layers = [Layer(layer["name"], layer["settings"]) for layer in params["layers"]]
    if params["settings"] is not None:
        layers.append(Layer("settings", params["settings"]))
    return _source(path, render(layers, params["fragments"]))


def _cache_directory(module: AnsibleModule) -> str:
    """Check mode leaves no directory behind that a later task has to make."""
    wanted = module.params["cache_directory"] or default_directory()
    if module.check_mode and not os.path.isdir(wanted):
        return str(module.tmpdir)
    return str(wanted)


def _checked(module: AnsibleModule, params: dict[str, t.Any], source: Source) -> dict[str, t.Any]:
    """Return what the check says, for the result.

    :raises HubError: with all findings when one of them has to stop the module.
    """
    if params["timeout"] < 1:
        raise HubError(f"The timeout is {params['timeout']} seconds, expected 1 or more.")
    verdict = check(
        source=source,
        target=Target(
            interpreter=params["interpreter"] or "",
            image=params["image"] or "",
            engine=params["engine"],
            environment={name: str(value) for name, value in params["environment"].items()},
            mounts={inside: str(outside) for inside, outside in params["mounts"].items()},
            timeout=params["timeout"],
            pod=place(params["cluster"]),
        ),
        cache_directory=_cache_directory(module),
    )
    facts = _facts(verdict)
    stops = ("error",) if params["fail_on"] == "error" else ("error", "warning")
    if any(finding.severity in stops for finding in verdict.findings):
        raise HubError(_listed(source.name, verdict.findings), path=source.name, **facts)
    for finding in verdict.findings:
        if finding.severity == "warning":
            module.warn(str(finding))
    return facts


def _facts(verdict: Verdict) -> dict[str, t.Any]:
    return {
        "findings": [dataclasses.asdict(finding) for finding in verdict.findings],
        "checked_with": verdict.checked_with,
        "versions": dict(verdict.versions),
    }


def _listed(path: str, findings: t.Sequence[Finding]) -> str:
    lines = [f"- {finding.severity}: {finding}" for finding in findings]
    return "\n".join([f"The configuration for {path} is not usable, and nothing was touched:", *lines])


# --- Doing it ---


def _present(module: AnsibleModule, params: dict[str, t.Any], live: Live, text: str) -> dict[str, t.Any]:
    content = text.encode()
    replaces = content != live.content
    changes = changed_names(live.text, text)
    attributes: dict[str, t.Any] = {"before": {}, "after": {}}
    changed = replaces
    if live.content is not None:
        arguments = module.load_file_common_arguments(params, path=live.path)
        changed = module.set_fs_attributes_if_different(arguments, changed, attributes)
    kept = None
    if replaces and not module.check_mode:
        try:
            kept = _keep(live.path) if params["backup"] and live.content is not None else None
            _place(module, params, live.path, content)
        except OSError as error:
            raise HubError(
                f"{live.path} could not be replaced: {error.strerror}. Its text is as it was.",
                "Mend that and run again.",
            ) from None
    diff: list[dict[str, t.Any]] = []
    if module._diff and replaces:
        diff.append(_diff(live, live.shown, masked(text), changes))
    if module._diff and attributes["before"] != attributes["after"]:
        diff.append(attributes | {"before_header": live.path, "after_header": live.path})
    return {"changed": changed, "path": live.path, "previous": kept, "changes": changes, "diff": diff}


def _diff(live: Live, before: str, after: str, changes: list[str]) -> dict[str, str]:
    if before == after:
        after += f"# changed where it is masked: {', '.join(changes)}\n"
    return {"before_header": live.path, "after_header": live.path, "before": before, "after": after}


def _place(module: AnsibleModule, params: dict[str, t.Any], path: str, content: bytes) -> None:
    """Put the file in place; it has its owner and mode from the first moment."""
    parent = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        staged = os.path.join(os.path.dirname(path), stage(parent, content))
        try:
            # An owner that does not exist shows here, before the live file is touched.
            module.set_fs_attributes_if_different(module.load_file_common_arguments(params, path=staged), False)
            if os.path.lexists(path):
                _move(module, staged, path, params["unsafe_writes"])
            else:
                os.rename(staged, path)  # atomic_move would open a new file to what the umask leaves, for a moment
            module.set_fs_attributes_if_different(module.load_file_common_arguments(params, path=path), False)
            os.fsync(parent)
        finally:
            if os.path.lexists(staged):
                os.unlink(staged)
    finally:
        os.close(parent)


def _move(module: AnsibleModule, staged: str, path: str, unsafe_writes: bool) -> None:
    try:
        module.atomic_move(staged, path, unsafe_writes=unsafe_writes)
    except OSError:
        raise
    except Exception as error:  # it has no type of its own
        cause = error.__cause__
        raise OSError(0, (isinstance(cause, OSError) and cause.strerror) or str(error).rstrip(".")) from error


def _keep(path: str) -> str:
    """Keep the file beside itself, without a moment in which it is missing; return where."""
    previous = path + ".previous"
    if os.path.lexists(previous):
        os.unlink(previous)
    try:
        os.link(path, previous)
    except OSError:  # a file system without hard links
        found = os.stat(path)
        with open(path, "rb") as stream:
            replace(previous, stream.read(), stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)
    return previous


def _absent(module: AnsibleModule, live: Live) -> dict[str, t.Any]:
    paths = [path for path in (live.path, live.path + ".previous") if os.path.lexists(path)]
    if not module.check_mode:
        for path in paths:
            try:
                os.unlink(path)
            except OSError as error:
                raise HubError(f"{path} could not be removed: {error.strerror}.") from None
    diff = [{"before_header": path, "after_header": path, "before": "present\n", "after": ""} for path in paths]
    return {"changed": bool(paths), "path": live.path, "previous": None, "diff": diff if module._diff else []}


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        add_file_common_args=True,
        supports_check_mode=True,
        mutually_exclusive=[("interpreter", "image"), ("interpreter", "cluster")],
        required_by={"cluster": "image"},
        required_if=[
            ("state", "rendered", ("interpreter", "image"), True),
            ("state", "present", ("interpreter", "image"), True),
            ("state", "checked", ("interpreter", "image"), True),
        ],
        no_log=True,  # settings do not belong into the system's log
    )
    run(module, work)


if __name__ == "__main__":
    main()
