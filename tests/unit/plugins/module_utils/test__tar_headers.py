"""Headers there and back, and as others read them."""

from __future__ import annotations

import io
import tarfile
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _tar_headers as tar

parts = st.binary(min_size=1, max_size=80).filter(
    lambda part: not set(part) & set(b"/\0") and part not in (b".", b"..")
)
paths = st.lists(parts, max_size=6).map(b"/".join)
attributes = st.dictionaries(
    st.binary(min_size=1, max_size=30)
    .filter(lambda name: b"\0" not in name and b"\n" not in name)
    .map(b"user.".__add__),
    st.binary(max_size=200),
    max_size=3,
)
members = st.builds(
    tar.Member,
    path=paths.filter(bool),
    type=st.sampled_from([tar.FILE, tar.DIRECTORY, tar.SYMLINK, tar.LINK, tar.FIFO]),
    mode=st.integers(0, 0o7777),
    uid=st.integers(0, 2**32 - 2),
    gid=st.integers(0, 2**32 - 2),
    mtime=st.integers(-(2**40) * 10**9, 2**40 * 10**9),
    attributes=attributes,
)


def source(data: bytes) -> t.Callable[[int], bytes]:
    return io.BytesIO(data).read


@settings(deadline=None)
@given(members, st.integers(0, 2**60), paths.filter(bool))
def test_there_and_back(member: tar.Member, size: int, link: bytes) -> None:
    member.size = size if member.type == tar.FILE else 0
    member.link = link if member.type in (tar.SYMLINK, tar.LINK) else b""
    data = tar.header(member)
    assert len(data) % tar.SIZE == 0
    assert tar.read(source(data)) == member


@settings(deadline=None)
@given(members)
def test_tarfile_reads_the_same(member: tar.Member) -> None:
    data = tar.header(member) + tar.END
    with tarfile.open(fileobj=io.BytesIO(data), encoding="utf-8", errors="surrogateescape") as archive:
        (found,) = archive.getmembers()
    assert found.name.encode("utf-8", "surrogateescape") == b"./" + member.path
    assert (found.mode, found.uid, found.gid) == (member.mode, member.uid, member.gid)
    assert abs(found.mtime - member.mtime / 1e9) < 1 + abs(member.mtime / 1e9) * 1e-12


@settings(deadline=None)
@given(st.binary(max_size=2000))
def test_what_is_no_header_is_refused(data: bytes) -> None:
    padded = data + bytes(4096)
    try:
        assert tar.read(source(padded)) is None or data.strip(b"\0")
    except tar.Malformed:
        pass


@pytest.mark.parametrize(
    "name",
    [b"/etc", b"a", b"../a", b"./../a", b"./a/../b", b"./a//b", b"./a/./b", b".//a", b"./a/", b"", b"..", b"./a\0b"],
)
def test_names_that_are_not_ours(name: bytes) -> None:
    with pytest.raises(tar.Malformed, match="leads out of the volume or is foreign"):
        tar.safe(name)


@pytest.mark.parametrize("text", [b"user:rwx", b"owner::rwx", b"user:x:rwx", b"user:1:rw", b"user:99999999999:rwx"])
def test_lists_that_are_none(text: bytes) -> None:
    with pytest.raises(tar.Malformed, match="is no entry of an access control list"):
        tar.acl_value(text, lambda _kind, number: number)


@pytest.mark.parametrize(
    "records", [b"5 a=b", b"x path=a\n", b"99 path=a\n", b"8 pathaa\n", b"12 mtime=x.y\n", b"9 uid=-1\n"]
)
def test_records_that_are_broken(records: bytes) -> None:
    data = tar.header(tar.Member(b"a", tar.FILE, 0, 0, 0, 1))
    whole = tar._pax_header(len(records)) + records + bytes(-len(records) % 512) + data[-512:]
    with pytest.raises(tar.Malformed):
        tar.read(source(whole))


def test_an_end_after_records_is_refused() -> None:
    data = tar.header(tar.Member(b"a", tar.FILE, 0, 0, 0, 1))[:-512] + bytes(1024)
    with pytest.raises(tar.Malformed, match="an end in the middle"):
        tar.read(source(data))
