# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a build gets: when they are the same, and that they arrive."""

from __future__ import annotations

import io
import os
import pathlib
import shutil
import tarfile

import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _image_build_files
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError


@pytest.fixture
def sources(tmp_path: pathlib.Path) -> pathlib.Path:
    top = tmp_path / "sources"
    (top / "below").mkdir(parents=True)
    (top / "Dockerfile").write_text("FROM base\n")
    (top / "below" / "start").write_text("#!/bin/sh\n")
    (top / "below" / "start").chmod(0o755)
    (top / "link").symlink_to("below/start")
    (top / "empty").mkdir()
    (top / ".git").mkdir()
    (top / ".git" / "HEAD").write_text("ref\n")
    return top


def digest(top: pathlib.Path) -> str:
    return _image_build_files.look(str(top), {}, _image_build_files.EXCLUDE).digest


def test_a_copy_elsewhere_with_other_times_and_modes_is_the_same(sources: pathlib.Path, tmp_path: pathlib.Path) -> None:
    before = digest(sources)
    copy = tmp_path / "copy"
    shutil.copytree(sources, copy, symlinks=True)
    (copy / "Dockerfile").chmod(0o600)
    (copy / ".git" / "HEAD").write_text("another\n")
    os.utime(copy / "Dockerfile", (1, 1))
    assert digest(copy) == before and before.startswith("sha256:")


def test_content_name_program_link_and_directory_count(sources: pathlib.Path) -> None:
    seen = {digest(sources)}

    def differs() -> None:
        now = digest(sources)
        assert now not in seen
        seen.add(now)

    (sources / "Dockerfile").write_text("FROM other\n")
    differs()
    (sources / "Dockerfile").chmod(0o755)
    differs()
    (sources / "Dockerfile").rename(sources / "Containerfile")
    differs()
    (sources / "empty").rmdir()
    differs()
    (sources / "link").unlink()
    (sources / "link").symlink_to("Containerfile")
    differs()


def test_the_archive_has_it_all_and_is_always_the_same(sources: pathlib.Path) -> None:
    found = _image_build_files.look(
        str(sources), {"Dockerfile": "FROM mine\n", "hooks/run": "#!/bin/sh\n"}, _image_build_files.EXCLUDE
    )
    data = found.archive()
    os.utime(sources / "below" / "start", (1, 1))
    assert found.archive() == data
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = {member.name: member for member in archive}
        assert set(members) == {"Dockerfile", "below", "below/start", "empty", "hooks/run", "link"} == set(found.names)
        content = archive.extractfile("Dockerfile")
        assert content and content.read() == b"FROM mine\n"
    assert members["below/start"].mode == 0o755 == members["hooks/run"].mode and members["Dockerfile"].mode == 0o644
    assert members["link"].linkname == "below/start" and members["empty"].isdir()


def test_texts_alone_make_sources() -> None:
    assert _image_build_files.look("", {"Dockerfile": "FROM base"}, ()).names == ["Dockerfile"]


def test_a_file_that_changes_meanwhile_is_noticed(sources: pathlib.Path) -> None:
    found = _image_build_files.look(str(sources), {}, ())
    (sources / "Dockerfile").write_text("FROM other\n")
    with pytest.raises(HubError, match=r"Dockerfile changed while it was read\. Run it again"):
        found.archive()


def test_what_no_build_can_get_is_refused(sources: pathlib.Path) -> None:
    with pytest.raises(HubError, match="none, which is no directory on the host of this task"):
        _image_build_files.look(str(sources / "none"), {}, ())
    for path in ("/etc/passwd", "../up", ""):
        with pytest.raises(HubError, match="expected one below the top of the sources"):
            _image_build_files.look("", {path: "text"}, ())
    os.mkfifo(sources / "pipe")
    with pytest.raises(HubError, match=r"pipe is neither a file nor a directory nor a link.*with exclude"):
        _image_build_files.look(str(sources), {}, ())
    assert _image_build_files.look(str(sources), {}, ("pi*",)).names
