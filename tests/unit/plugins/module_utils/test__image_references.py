# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of images mean what Docker takes them for."""

from __future__ import annotations

import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _releases
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._image_references import parse

DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("text", "host", "repository", "whole"),
    [
        ("notebook", "", "notebook", "notebook:latest"),
        ("notebook_old:1", "", "notebook_old", "notebook_old:1"),
        ("team/notebook", "", "team/notebook", "team/notebook:latest"),
        ("docker.io/library/debian:12", "", "debian", "debian:12"),
        ("docker.io/team/notebook", "", "team/notebook", "team/notebook:latest"),
        ("quay.io/team/notebook:live", "quay.io", "quay.io/team/notebook", "quay.io/team/notebook:live"),
        ("127.0.0.1:5000/notebook", "127.0.0.1:5000", "127.0.0.1:5000/notebook", "127.0.0.1:5000/notebook:latest"),
        ("localhost/a/b/c:x", "localhost", "localhost/a/b/c", "localhost/a/b/c:x"),
        (f"quay.io/a@{DIGEST}", "quay.io", "quay.io/a", f"quay.io/a@{DIGEST}"),
        (f"quay.io/a:live@{DIGEST}", "quay.io", "quay.io/a", f"quay.io/a@{DIGEST}"),
    ],
)
def test_a_name_is_read_as_docker_does(text: str, host: str, repository: str, whole: str) -> None:
    found = parse(text, "name")
    assert (found.host, found.repository, str(found)) == (host, repository, whole)


@pytest.mark.parametrize(
    "text",
    ["", "Notebook", "a b", "notebook:", "notebook:a b", "/notebook", "a//b", "quay.io/", "a@sha256:12", "a@", "-a"],
)
def test_what_is_no_name_is_said(text: str) -> None:
    with pytest.raises(HubError, match="name is .*no name of an image.*Expected something like notebook:latest"):
        parse(text, "name")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"quay.io/a@{DIGEST}", "can never be another image.*quay.io/a:live"),
        (f"a:{'x' * 100}", "expected a tag of at most"),
        ("a:live-20261125T101500Z-0d4c1f2a9b3c", "not the tag of a release"),
    ],
)
def test_a_name_that_can_have_no_history_is_refused(text: str, message: str) -> None:
    with pytest.raises(HubError, match=message):
        _releases.checked(parse(text, "name"))
