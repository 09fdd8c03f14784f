#!/usr/bin/python
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: hub_image_build
short_description: Have OpenShift build an image, and a tag of an image stream hold it
version_added: 0.2.0
description:
  - Makes an ImageStream and a BuildConfig, has the image built when the tag does not hold just this, and waits for the end.
  - A build starts when the source, the way it is built or the base image differs from what the tag's image was made of. That is
    written in labels of the image, so it is known as long as the image is there. Other resources or another O(timeout) start none.
  - A build of the same that runs already, of another run or of a trigger, is waited for in place of a second one.
  - A line about the build is shown about every ten seconds.
  - When a build fails, the tag is what it was. The next run tries again.
  - Needs no right beyond what the role C(edit) has in the project.
extends_documentation_fragment:
  - hubwright.jupyterhub._attributes
  - hubwright.jupyterhub._cluster
options:
  name:
    description:
      - Tag of an image stream of the project, such as V(notebook:2026-11). Without a tag V(latest) is meant.
      - A new tag in place of the previous one leaves the previous one with its image.
    type: str
    required: true
  state:
    description:
      - V(present) has the image built.
      - V(absent) removes the stream with all its tags, the BuildConfig, its builds, and the stream with its imported base.
    type: str
    choices: [present, absent]
    default: present
  build_config:
    description:
      - Name of the BuildConfig. The name of the stream when left out.
      - Tags of one stream that are built side by side need names of their own.
    type: str
  labels:
    description: Labels of ImageStream and BuildConfig. Builds get those of the BuildConfig.
    type: dict
    default: {}
  local_lookup:
    description: Let pods of the project name the stream's tags as their image, such as C(notebook:2026-11).
    type: bool
    default: true
  directory:
    description:
      - Directory with the sources, on the host of this task. Its files are uploaded.
      - Of modes only counts whether a file is a program, and times and owners do not count.
    type: path
  files:
    description:
      - Further files of the sources, text by path. They win over files of O(directory) and need none.
      - A text that begins with C(#!) becomes a program.
    type: dict
    default: {}
  exclude:
    description: Patterns of names, or of paths below O(directory), that are no part of the sources.
    type: list
    elements: str
    default: [.git, __pycache__]
  git:
    description: Repository with the sources, that the cluster clones.
    type: dict
    suboptions:
      uri:
        description: Address of the repository, without a password.
        type: str
        required: true
      ref:
        description:
          - Commit, tag or branch. Name a commit or a tag. A branch that moves on is not noticed, except with O(force).
        type: str
        required: true
      context_dir:
        description: Directory of the repository that has the sources.
        type: str
        default: ''
      secret:
        description: Name of a Secret of the project with the credentials for the repository.
        type: str
        default: ''
  dockerfile:
    description:
      - Text of a Dockerfile. Alone it is the whole source. Otherwise it takes the place of the one of O(directory), O(files) or O(git).
    type: str
    default: ''
  strategy:
    description: V(docker) runs a Dockerfile. V(source) runs the S2I scripts of O(base) or of the sources.
    type: str
    choices: [docker, source]
    default: docker
  base:
    description:
      - Image that is built upon, required with O(strategy=source). It takes the place of the last C(FROM) of a Dockerfile.
      - Without a slash it is a tag of an image stream, such as V(python:3.12-ubi9).
      - With a slash it is an image of a registry. It is imported into the stream O(build_config) with C(-base) once, and again when this is
        another name, or with O(force).
    type: str
    default: ''
  base_namespace:
    description: Project of the image stream of O(base). C(openshift) has those that come with the cluster. This project when left out.
    type: str
    default: ''
  dockerfile_path:
    description: Path of the Dockerfile in the sources. C(Dockerfile) when left out.
    type: str
    default: ''
  build_args:
    description: Build arguments of the Dockerfile, by name. Whoever may look into the project reads them.
    type: dict
    default: {}
  environment:
    description: Environment variables of the build and of the image, by name. Whoever may look into the project reads them.
    type: dict
    default: {}
  resources:
    description: Resources of the build, as Kubernetes has them, for example with C(limits.memory) V(1Gi).
    type: dict
    default: {}
  pull_secret:
    description: Name of a Secret of the project with which images of registries are pulled for the build.
    type: str
    default: ''
  timeout:
    description:
      - Seconds that the build may take. Then the cluster ends it. This call waits up to 600 seconds more for builds that run before it.
    type: int
    default: 3600
  triggers:
    description:
      - When the cluster builds by itself. V(ImageChange) is when O(base) becomes another image, and then such an image is no reason for
        this module to build. V(ConfigChange) is when the BuildConfig is made.
      - Not possible with O(directory) or O(files), which the cluster does not have.
    type: list
    elements: str
    choices: [ConfigChange, ImageChange]
    default: []
  force:
    description: Import the base again, and build, although nothing differs.
    type: bool
    default: false
  adopt:
    description: Take over, or with O(state=absent) remove, a BuildConfig or stream of this name that this module did not make.
    type: bool
    default: false
  progress_file:
    description: File to make, which gets the lines and an empty one at the end. In tasks it need not be given to see them.
    type: path
attributes:
  check_mode:
    support: full
    details:
      - Says what would be built and why. Whether a new O(base) can be imported shows only when it is.
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - Except with O(force).
author:
  - Hubwright maintainers (@hubwright)
seealso:
  - module: hubwright.jupyterhub.hub_image_stream
  - module: hubwright.jupyterhub.notebook_image
"""

EXAMPLES = r"""
- name: Build a notebook image from a directory
  hubwright.jupyterhub.hub_image_build:
    namespace: course
    name: notebook:2026-11
    directory: "{{ playbook_dir }}/notebook"
    base: registry.access.redhat.com/ubi9/python-312:1
    resources:
      limits: {memory: 1Gi}
  register: course_image

- name: Build another one from a repository with a requirements.txt, upon the first
  hubwright.jupyterhub.hub_image_build:
    namespace: course
    name: statistics:1.4
    git:
      uri: https://git.example.org/course/statistics.git
      ref: v1.4
    strategy: source
    base: notebook:2026-11
    triggers: [ConfigChange, ImageChange]
"""

RETURN = r"""
image:
  description: The image as a node pulls it, by its digest. Empty in check mode when there is none yet.
  returned: success and O(state=present)
  type: str
  sample: image-registry.openshift-image-registry.svc:5000/course/notebook@sha256:4f53cda1...
id:
  description: Name of the image in the cluster, its digest.
  returned: success and O(state=present)
  type: str
name:
  description: The tag with its stream.
  returned: success
  type: str
  sample: notebook:2026-11
base:
  description: The base image as it is pulled. Empty without O(base).
  returned: success and O(state=present)
  type: str
build:
  description: Name of the build that was waited for. Empty when there was none.
  returned: success and O(state=present), or a build failed
  type: str
  sample: notebook-3
seconds:
  description: How long the build took, waiting for others included. V(0) without one.
  returned: success and O(state=present)
  type: float
reasons:
  description: Why it was, or would be, built. Empty when it was not.
  returned: success and O(state=present)
  type: list
  elements: str
  sample: [the source differs]
log:
  description: The last lines of the build.
  returned: a build failed
  type: list
  elements: str
"""

import json
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import (
    _cluster,
    _image_build,
    _image_build_files,
    _image_build_objects,
    _progress,
)
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._module import run

GIT: dict[str, t.Any] = {
    "uri": {"type": "str", "required": True},
    "ref": {"type": "str", "required": True},
    "context_dir": {"type": "str", "default": ""},
    "secret": {"type": "str", "default": "", "no_log": False},
}
ARGUMENTS: dict[str, t.Any] = {
    **_cluster.ARGUMENTS,
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "build_config": {"type": "str"},
    "labels": {"type": "dict", "default": {}},
    "local_lookup": {"type": "bool", "default": True},
    "directory": {"type": "path"},
    "files": {"type": "dict", "default": {}},
    "exclude": {"type": "list", "elements": "str", "default": list(_image_build_files.EXCLUDE)},
    "git": {"type": "dict", "options": GIT},
    "dockerfile": {"type": "str", "default": ""},
    "strategy": {"type": "str", "default": "docker", "choices": ["docker", "source"]},
    "base": {"type": "str", "default": ""},
    "base_namespace": {"type": "str", "default": ""},
    "dockerfile_path": {"type": "str", "default": ""},
    "build_args": {"type": "dict", "default": {}},
    "environment": {"type": "dict", "default": {}},
    "resources": {"type": "dict", "default": {}},
    "pull_secret": {"type": "str", "default": "", "no_log": False},
    "timeout": {"type": "int", "default": 3600},
    "triggers": {"type": "list", "elements": "str", "default": [], "choices": ["ConfigChange", "ImageChange"]},
    "force": {"type": "bool", "default": False},
    "adopt": {"type": "bool", "default": False},
    "progress_file": {"type": "path"},
}
# Options that are fields of a description as they are.
_SAME = (
    "local_lookup",
    "dockerfile",
    "strategy",
    "base",
    "base_namespace",
    "dockerfile_path",
    "resources",
    "pull_secret",
    "timeout",
    "triggers",
)


def work(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    with _progress.lines(params["progress_file"]) as say:
        description = _description(params)
        where = _image_build.Run(
            _cluster.connect(params), params["namespace"], module.check_mode, params["force"], params["adopt"], say
        )
        if params["state"] == "absent":
            return _result(module, description, _image_build.remove(where, description))
        outcome = _image_build.build(where, description)
    facts = {key: getattr(outcome, key) for key in ("image", "id", "base", "build", "seconds", "reasons")}
    return {**_result(module, description, outcome), **facts}


def _result(
    module: AnsibleModule, description: _image_build_objects.Description, outcome: _image_build.Outcome
) -> dict[str, t.Any]:
    result: dict[str, t.Any] = {"changed": outcome.changed, "name": description.name}
    if module._diff:
        before, after = (json.dumps(each, indent=2, sort_keys=True) + "\n" for each in (outcome.before, outcome.after))
        result["diff"] = {"before": before, "after": after, "before_header": description.name}
    return result


def _description(params: dict[str, t.Any]) -> _image_build_objects.Description:
    stream, tag = _image_build_objects.stream_tag(params["name"], "name")
    name = params["build_config"] or stream
    if params["state"] == "absent":
        return _image_build_objects.Description(stream, tag, name)
    if params["git"] and (params["directory"] or params["files"]):
        raise HubError("git is given with directory or files, expected one source.", "Give one of them.")
    files = None
    if params["directory"] or params["files"]:
        further = dict(params["files"])
        if params["dockerfile"]:
            further[params["dockerfile_path"] or "Dockerfile"] = params["dockerfile"]
        files = _image_build_files.look(params["directory"] or "", further, params["exclude"])
    texts: dict[str, t.Any] = {option: _texts(params[option]) for option in ("labels", "build_args", "environment")}
    description = _image_build_objects.Description(
        stream,
        tag,
        name,
        files=files,
        git=_image_build_objects.Git(**params["git"]) if params["git"] else None,
        **texts,
        **{option: params[option] for option in _SAME},
    )
    _image_build_objects.check(description)
    return description


def _texts(values: t.Mapping[str, t.Any]) -> dict[str, str]:
    """As people write them in YAML: ``true`` is no Python there."""
    return {str(key): str(value).lower() if isinstance(value, bool) else str(value) for key, value in values.items()}


def main() -> None:
    run(AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True), work)


if __name__ == "__main__":
    main()
