# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import json
import os
import pathlib
import pwd
import random
import re
import stat
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._files import (
    Observed,
    Plan,
    State,
    apply,
    observe,
    plan,
    wanted,
)
from ansible_collections.hubwright.jupyterhub.tests.unit.module_processes import ENVIRONMENT, little_room

HOME = pwd.getpwuid(os.geteuid()).pw_dir


def entries(**lists: t.Any) -> list[t.Any]:
    """Entries as the module hands them over, with its defaults."""
    modes = {"directories": "0755", "files": "0640", "secret_files": "0600"}
    given = {kind: [{"mode": mode} | item for item in lists.get(kind, [])] for kind, mode in modes.items()}
    return wanted(**given, absent=[str(path) for path in lists.get("absent", [])], owner=lists.get("owner", ""))


def planned(check_mode: bool = False, **lists: t.Any) -> Plan:
    asked = entries(**lists)
    return plan(observe(asked), asked, check_mode)


def applied(**lists: t.Any) -> Plan:
    made = planned(**lists)
    apply(made)
    return made


def mode(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# --- The state that is wanted ---


def test_everything_is_made_and_a_second_run_finds_nothing_to_do(tmp_path: pathlib.Path) -> None:
    hub = tmp_path / "srv" / "hub"
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").write_text("x")
    lists = {
        "directories": [{"path": f"{hub}/", "mode": "0750"}],
        "files": [{"path": f"{hub}/userlist", "content": "alice admin\n"}, {"path": f"{hub}/empty", "content": ""}],
        "secret_files": [{"path": f"{hub}/cookie"}, {"path": f"{hub}/password", "value": "given"}],
        "absent": [tmp_path / "old", tmp_path / "never"],
    }
    made = applied(**lists)
    assert made.changed_paths == [
        str(path)
        for path in (
            tmp_path / "srv",
            hub,
            hub / "cookie",
            hub / "password",
            hub / "userlist",
            hub / "empty",
            tmp_path / "old",
        )
    ]
    assert made.generated == [f"{hub}/cookie"]
    assert (mode(tmp_path / "srv"), mode(hub), mode(hub / "userlist"), mode(hub / "cookie")) == (
        0o755,
        0o750,
        0o640,
        0o600,
    )
    assert (hub / "userlist").read_text() == "alice admin\n"
    assert (hub / "empty").read_bytes() == b""
    assert (hub / "password").read_text() == "given\n"
    assert re.fullmatch(r"[0-9a-f]{64}\n", (hub / "cookie").read_text())
    assert not (tmp_path / "old").exists()
    assert not list(hub.glob(".*"))
    again = planned(**lists)
    assert not again.changed
    assert again.diff == []


@pytest.mark.parametrize(
    ("encoding", "length", "pattern"),
    [
        ("hex", 32, r"[0-9a-f]{64}\n"),
        ("hex", 16, r"[0-9a-f]{32}\n"),
        ("alnum", 32, r"[0-9a-zA-Z]{43}\n"),
        ("alnum", 64, r"[0-9a-zA-Z]{86}\n"),
    ],
)
def test_a_generated_secret_has_the_strength_that_was_asked_for(
    tmp_path: pathlib.Path, encoding: str, length: int, pattern: str
) -> None:
    items = [{"path": f"{tmp_path}/{name}", "encoding": encoding, "length": length} for name in ("a", "b")]
    applied(secret_files=items)
    one, other = ((tmp_path / name).read_text() for name in ("a", "b"))
    assert re.fullmatch(pattern, one)
    assert re.fullmatch(pattern, other)
    assert one != other
    assert not planned(secret_files=items).changed


def test_an_explicit_value_replaces_a_secret_and_leaving_it_out_keeps_it(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "token"
    applied(secret_files=[{"path": str(path)}])
    value = "f" * 64
    made = applied(secret_files=[{"path": str(path), "value": value}])
    assert made.changed_paths == [str(path)]
    assert made.generated == []
    assert path.read_text() == value + "\n"
    assert not applied(secret_files=[{"path": str(path)}]).changed
    path.write_text(value)  # as a person might write it
    assert not applied(secret_files=[{"path": str(path), "value": value}]).changed


@pytest.mark.parametrize(
    ("content", "encoding", "said"),
    [
        ("", "hex", "is empty, expected 64 or more hex characters"),
        ("\n", "alnum", "is empty, expected 43 or more alnum characters"),
        ("abcd\n", "hex", "has 4 characters, expected 64 or more hex"),
        ("f" * 63, "hex", "holds other than pairs of hexadecimal digits"),
        ("g" * 64, "hex", "holds other than pairs of hexadecimal digits"),
        ("a" * 40 + "\n" + "a" * 40, "alnum", "holds other than one line of printable characters"),
        ("a b" * 40, "alnum", "holds other than one line of printable characters"),
        ("\0" * 64, "hex", "holds other than one line of printable characters"),
    ],
)
def test_a_damaged_secret_stops_the_run_and_a_value_mends_it(
    tmp_path: pathlib.Path, content: str, encoding: str, said: str
) -> None:
    path = tmp_path / "cookie"
    path.write_text(content)
    with pytest.raises(HubError) as caught:
        planned(secret_files=[{"path": str(path), "encoding": encoding}])
    assert f"The secret {path} {said}" in str(caught.value)
    assert "give its value, or remove the file" in str(caught.value)
    assert path.read_text() == content
    applied(secret_files=[{"path": str(path), "encoding": encoding, "value": "mended"}])
    assert path.read_text() == "mended\n"


def test_a_kept_file_is_written_once_and_keeps_its_mode_as_wanted(tmp_path: pathlib.Path) -> None:
    item = {"path": f"{tmp_path}/motd", "content": "first", "keep": True}
    applied(files=[item])
    (tmp_path / "motd").write_text("a person's own")
    assert not applied(files=[item | {"content": "second"}]).changed
    (tmp_path / "motd").chmod(0o666)
    assert applied(files=[item]).changes[0].action == "attributes"
    assert (tmp_path / "motd").read_text() == "a person's own"
    assert mode(tmp_path / "motd") == 0o640


@pytest.mark.parametrize("kind", ["directories", "files", "secret_files"])
def test_a_mode_that_drifted_is_put_back(tmp_path: pathlib.Path, kind: str) -> None:
    item = {"path": f"{tmp_path}/x", "mode": "0700"} | ({"content": ""} if kind == "files" else {})
    applied(**{kind: [item]})
    (tmp_path / "x").chmod(0o777)
    made = applied(**{kind: [item]})
    assert made.diff[0]["before"] == "mode: 0777\n"
    assert made.diff[0]["after"] == "mode: 0700\n"
    assert mode(tmp_path / "x") == 0o700


@pytest.mark.parametrize(
    ("text", "number"), [("0640", 0o640), ("640", 0o640), ("2750", 0o2750), ("02750", 0o2750), ("1777", 0o1777)]
)
def test_how_modes_may_be_written(tmp_path: pathlib.Path, text: str, number: int) -> None:
    applied(directories=[{"path": f"{tmp_path}/x", "mode": text}])
    assert mode(tmp_path / "x") == number


def test_the_owner_of_an_entry_comes_before_the_one_for_all(tmp_path: pathlib.Path) -> None:
    asked = entries(
        owner="root", files=[{"path": "/a", "content": ""}, {"path": "/b", "content": "", "owner": "daemon"}]
    )
    assert [entry.owner for entry in asked] == ["root", "daemon"]


def test_a_file_whose_content_changes_keeps_the_owner_that_nobody_asked_to_change() -> None:
    asked = entries(files=[{"path": "/srv/x", "content": "new"}])
    there = {"/srv/x": State("file", 0o640, 1234, 2345, b"old"), "/srv": State("directory")}
    (change,) = plan(Observed(there), asked).changes
    assert (change.uid, change.gid) == (1234, 2345)


def test_an_owner_that_drifted_is_a_change_of_attributes_with_both_in_the_diff() -> None:
    asked = entries(owner="hub", files=[{"path": "/srv/x", "content": "same"}])
    there = {"/srv/x": State("file", 0o640, 0, 0, b"same"), "/srv": State("directory")}
    made = plan(Observed(there, users={"hub": 998}), asked)
    assert made.changes[0].action == "attributes"
    assert made.diff == [
        {
            "before_header": "/srv/x",
            "after_header": "/srv/x",
            "before": "mode: 0640\nowner: 0\n",
            "after": "mode: 0640\nowner: hub\n",
        }
    ]


# --- Links ---


@pytest.mark.parametrize("kind", ["directories", "files", "secret_files"])
def test_a_link_at_a_path_that_is_written_is_refused(tmp_path: pathlib.Path, kind: str) -> None:
    target = tmp_path / "target"
    target.mkdir() if kind == "directories" else target.write_text("mine")
    (tmp_path / "link").symlink_to(target)
    item = {"path": f"{tmp_path}/link"} | ({"content": "x"} if kind == "files" else {})
    with pytest.raises(HubError, match=f"{tmp_path}/link is a symbolic link to {target}, .* links are not followed"):
        planned(**{kind: [item]})


def test_a_link_put_there_after_the_look_is_not_followed(tmp_path: pathlib.Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    victim.chmod(0o600)
    written = planned(files=[{"path": f"{tmp_path}/x", "content": "new"}])
    (tmp_path / "x").symlink_to(victim)
    apply(written)
    assert (victim.read_text(), (tmp_path / "x").read_text()) == ("mine", "new")
    changed = planned(files=[{"path": f"{tmp_path}/x", "content": "new", "mode": "0666"}])
    (tmp_path / "x").unlink()
    (tmp_path / "x").symlink_to(victim)
    with pytest.raises(HubError, match=f"{tmp_path}/x .* could not be changed"):
        apply(changed)
    assert mode(victim) == 0o600


def test_directories_above_may_be_links(tmp_path: pathlib.Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    applied(files=[{"path": f"{tmp_path}/link/x", "content": "new"}])
    assert (tmp_path / "real" / "x").read_text() == "new"


def test_what_is_to_be_absent_is_removed_without_following_links(tmp_path: pathlib.Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kept").write_text("x")
    (tmp_path / "tree" / "inner").mkdir(parents=True)
    (tmp_path / "tree" / "inner" / "link").symlink_to(tmp_path / "mine")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    (tmp_path / "dangling").symlink_to("nowhere")
    absent = [tmp_path / name for name in ("tree", "link", "dangling")]
    assert applied(absent=absent).changed_paths == [str(path) for path in absent]
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert (tmp_path / "mine" / "kept").exists()
    assert not planned(absent=absent).changed


# --- The diff ---


def test_secrets_are_in_no_diff(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("hunter1")
    (tmp_path / "secret").write_text("hunter1")
    made = planned(
        files=[
            {"path": f"{tmp_path}/file", "content": "hunter2", "sensitive": True},
            {"path": f"{tmp_path}/other", "secret_content": "hunter2"},
        ],
        secret_files=[{"path": f"{tmp_path}/secret", "value": "hunter2"}],
    )
    assert len(made.diff) == 3
    assert "hunter" not in repr(made.diff)
    assert all(item["before"] != item["after"] for item in made.diff)


def test_the_diff_of_a_file_shows_both_texts(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_bytes(b"old \xff\n")
    (tmp_path / "x").chmod(0o640)
    (item,) = planned(files=[{"path": f"{tmp_path}/x", "content": "new\n"}]).diff
    assert (item["before"], item["after"]) == ("mode: 0640\ncontent:\nold �\n", "mode: 0640\ncontent:\nnew\n")


# --- Wrong input ---


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        ({"files": [{"path": "etc/x", "content": ""}]}, "The path 'etc/x' (file) is not absolute"),
        ({"directories": [{"path": "/srv/../etc"}]}, "holds . or .. as a part, expected the path itself: '/etc'"),
        ({"absent": ["/srv/./x"]}, "The path '/srv/./x' (absent) holds . or .."),
        ({"files": [{"path": "/a\nb", "content": ""}]}, "holds characters that cannot be printed"),
        (
            {"directories": [{"path": "/srv/x", "mode": 493}]},
            "The mode of directory /srv/x is the number 493, expected",
        ),
        ({"directories": [{"path": "/srv/x", "mode": "u+x"}]}, "is 'u+x', expected an octal number in quotes"),
        ({"directories": [{"path": "/srv/x", "mode": "0788"}]}, "is '0788', expected an octal number in quotes"),
        ({"directories": [{"path": "/srv/x", "mode": None}]}, "is None, expected an octal number in quotes"),
        ({"files": [{"path": "/srv/x"}]}, "The file /srv/x needs either content or secret_content, got none or both"),
        ({"files": [{"path": "/srv/x", "content": "", "secret_content": ""}]}, "got none or both"),
        ({"secret_files": [{"path": "/srv/x", "length": 15}]}, "is 15 bytes, expected 16 to 1024"),
        ({"secret_files": [{"path": "/srv/x", "length": 1025}]}, "is 1025 bytes, expected 16 to 1024"),
        ({"secret_files": [{"path": "/srv/x", "value": " \n"}]}, "is blank or holds a NUL character"),
        ({"secret_files": [{"path": "/srv/x", "value": "a\0"}]}, "is blank or holds a NUL character"),
        ({"directories": [{"path": "/x"}, {"path": "/x/"}]}, "The path /x is asked for twice, as directory and as"),
        (
            {"directories": [{"path": "/x"}], "absent": ["/x"]},
            "The path /x is asked for twice, as directory and as absent",
        ),
        (
            {"files": [{"path": "/srv/x/y", "content": ""}], "absent": ["/srv/x"]},
            "The file /srv/x/y is below /srv/x, which is to be absent.",
        ),
        (
            {"files": [{"path": "/srv/x", "content": ""}], "directories": [{"path": "/srv/x/y"}]},
            "The directory /srv/x/y is below /srv/x, which is to be a file.",
        ),
        ({"directories": [{"path": "/"}]}, "The path / is the root of the host"),
        ({"absent": ["/"]}, "The path / is the root of the host"),
    ],
)
def test_contradictory_input_is_refused(lists: dict[str, t.Any], said: str) -> None:
    with pytest.raises(HubError) as caught:
        entries(**lists)
    assert said in str(caught.value)
    assert len(caught.value.facts["problems"]) == 1


def test_all_mistakes_are_said_at_once() -> None:
    with pytest.raises(HubError) as caught:
        entries(
            directories=[{"path": "x", "mode": "rwx"}],
            files=[{"path": "/f"}],
            secret_files=[{"path": "y", "length": 1}],
        )
    assert len(caught.value.facts["problems"]) == 5
    assert str(caught.value).startswith("Nothing was touched, since this is wrong:\n- The path 'x'")


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        ({"files": [{"path": "{tmp}/no/x", "content": ""}]}, "has no directory to be in: {tmp}/no is missing."),
        ({"secret_files": [{"path": "{tmp}/no/x"}]}, "The secret {tmp}/no/x has no directory to be in"),
        ({"files": [{"path": "{tmp}/dir", "content": ""}]}, "{tmp}/dir is a directory, expected a file."),
        ({"directories": [{"path": "{tmp}/file"}]}, "{tmp}/file is a file, expected a directory."),
        ({"directories": [{"path": "{tmp}/file/x"}]}, "{tmp}/file/x is below {tmp}/file, which is a file, expected"),
        ({"files": [{"path": "{tmp}/pipe", "content": ""}]}, "{tmp}/pipe is a other, expected a file."),
        ({"directories": [{"path": "{tmp}/x", "owner": "no-such"}]}, "is 'no-such', which this host does not know."),
        ({"directories": [{"path": "{tmp}/x", "group": "no-such"}]}, "The group of directory {tmp}/x is 'no-such'"),
    ],
)
def test_what_stands_in_the_way_on_the_host_is_said(tmp_path: pathlib.Path, lists: dict[str, t.Any], said: str) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    located = {
        kind: [item | {"path": item["path"].format(tmp=tmp_path)} for item in items] for kind, items in lists.items()
    }
    with pytest.raises(HubError) as caught:
        planned(**located)
    assert said.format(tmp=tmp_path) in str(caught.value)


def test_in_check_mode_what_an_earlier_task_would_have_made_is_a_warning(tmp_path: pathlib.Path) -> None:
    made = planned(check_mode=True, files=[{"path": f"{tmp_path}/no/x", "content": "", "owner": "no-such"}])
    assert made.changed_paths == [f"{tmp_path}/no/x"]
    assert len(made.warnings) == 2
    assert "is 'no-such', which this host does not know. Add it first." in made.warnings[1]


def test_only_root_may_give_files_away() -> None:
    asked = entries(owner="hub", directories=[{"path": "/srv/x"}])
    there = {"/srv/x": State("missing"), "/srv": State("directory")}
    with pytest.raises(HubError, match="Only root can give directory /srv/x to hub. Use become"):
        plan(Observed(there, uid=1000, users={"hub": 998}), asked)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/etc", "a directory of the system"),
        ("/usr/lib", "a directory of the system"),
        ("/var/lib", "a directory of the system"),
        ("/home/alice", "is or holds the home directory /home/alice of an account"),
        ("/data/people", "is or holds the home directory /data/people/bob of an account"),
        ("/mnt/hub", "is or holds the mount point /mnt/hub and is not removed. Unmount it first."),
        ("/srv/hub", "is or holds the mount point /srv/hub/users and is not removed"),
    ],
)
def test_what_is_never_removed(path: str, said: str) -> None:
    asked = entries(absent=[path])
    there = Observed(
        {path: State("directory")},
        mounts=frozenset({"/", "/mnt/hub", "/srv/hub/users"}),
        homes=frozenset({"/root", "/home/alice", "/data/people/bob"}),
    )
    with pytest.raises(HubError, match=said):
        plan(there, asked)


@pytest.mark.parametrize("path", ["/dev/shm", HOME, os.path.dirname(HOME)])
def test_mount_points_and_homes_of_this_very_host_are_recognized(path: str) -> None:
    with pytest.raises(HubError, match=r"is not removed|root of the host"):
        planned(absent=[path])


@pytest.mark.parametrize("path", ["/srv/hub", "/home/alice/hub", "/var/lib/jupyterhub", "/homes"])
def test_a_directory_beside_or_below_those_is_removed(path: str) -> None:
    there = Observed({path: State("directory")}, mounts=frozenset({"/", "/srv/hub2"}), homes=frozenset({"/home/alice"}))
    assert plan(there, entries(absent=[path])).changed_paths == [path]


# --- Faults ---


PROGRAM = """
import json, sys
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._files import apply, observe, plan, wanted
print("ready", flush=True)
for asked in json.load(sys.stdin):
    entries = wanted(**asked)
    try:
        apply(plan(observe(entries), entries))
    except HubError as error:
        print(json.dumps(error.facts | {"msg": str(error)}))
"""


def test_a_full_disk_leaves_every_file_old_or_new_and_running_again_repairs(tmp_path: pathlib.Path) -> None:
    with little_room(tmp_path) as before:
        (tmp_path / "one").write_text("old")
        (tmp_path / "two").write_text("old")
        files = [
            {"path": f"{tmp_path}/one", "content": "new", "mode": "0640"},
            {"path": f"{tmp_path}/two", "content": "x" * 100_000, "mode": "0640"},
        ]
        asked = {"directories": [], "files": files, "secret_files": [], "absent": []}
        done = subprocess.run(
            [*before, sys.executable, "-c", PROGRAM],
            input=json.dumps([asked]),
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
            check=True,
        )
        failure = json.loads(done.stdout.splitlines()[1])
        assert failure["path"] == f"{tmp_path}/two"
        assert failure["changed_paths"] == [f"{tmp_path}/one"]
        assert re.search(
            f"{tmp_path}/two .* could not be changed: (No space left on device|File too large)", failure["msg"]
        )
        assert ((tmp_path / "one").read_text(), (tmp_path / "two").read_text()) == ("new", "old")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]
        assert applied(files=[files[0], files[1] | {"content": "fits"}]).changed_paths == [f"{tmp_path}/two"]


def test_where_nothing_can_be_written_the_path_is_named() -> None:
    with pytest.raises(HubError, match=r"/proc/hubwright \(directory\) could not be changed: ") as caught:
        applied(directories=[{"path": "/proc/hubwright"}])
    assert caught.value.facts == {"changed": False, "path": "/proc/hubwright", "changed_paths": []}


def test_a_run_that_is_killed_at_any_moment_leaves_the_old_or_the_new_file(tmp_path: pathlib.Path) -> None:
    contents = [letter * 400_000 for letter in "ab"]
    path = tmp_path / "x"
    asked = [
        {
            "directories": [],
            "files": [{"path": str(path), "content": content, "mode": "0640"}],
            "secret_files": [],
            "absent": [],
        }
        for content in contents
    ]
    path.write_text(contents[0])
    moments = random.Random(20261121)
    seen = set()
    for kill in range(300):
        # On a busy machine many kills meet a run that is at the same place.
        if kill >= 25 and seen == set(contents):
            break
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
        ) as process:
            assert process.stdin and process.stdout
            assert process.stdout.readline() == "ready\n"
            process.stdin.write(json.dumps(asked * 12))
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=moments.uniform(0.02, 0.2))
            process.kill()
        found = path.read_text()
        assert found in contents
        seen.add(found)
    assert seen == set(contents), "no kill met a run that had written something"
    applied(files=[asked[0]["files"][0] | {"content": "last"}])
    assert [child.name for child in tmp_path.iterdir()] == ["x"]


def test_the_leftover_of_a_killed_run_goes_and_that_of_a_living_one_stays(tmp_path: pathlib.Path) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as alive:
        with subprocess.Popen(["true"]) as ended:
            ended.wait()
        for pid in (alive.pid, ended.pid):
            (tmp_path / f".hubwright-{pid}.new").touch()
        applied(files=[{"path": f"{tmp_path}/x", "content": "new"}])
        assert sorted(path.name for path in tmp_path.iterdir()) == [f".hubwright-{alive.pid}.new", "x"]
