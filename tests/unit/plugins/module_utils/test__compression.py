"""Compression by each of the ways there are, and data that is damaged."""

from __future__ import annotations

import os
import pathlib
import shutil
import typing as t

import pytest

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _compression

CONTENT = os.urandom(100_000) + b"z" * 3_000_000 + b"end"


@pytest.fixture(params=["library", "program", "gzip"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "program":
        monkeypatch.setattr(_compression, "library", lambda: None)
    return "gzip" if request.param == "gzip" else "zstd"


def compressed(kind: str, content: bytes, path: pathlib.Path) -> bytes:
    with path.open("wb") as stream:
        compressor = _compression.compressor(kind, stream.fileno())
        for start in range(0, len(content), _compression.BLOCK):
            block = bytearray(content[start : start + _compression.BLOCK])
            compressor.write(block, len(block))
        compressor.finish()
        compressor.close()
    return path.read_bytes()


def back(kind: str, data: bytes, size: int = 10_000) -> bytes:
    chunks = (data[start : start + size] for start in range(0, len(data), size))
    return b"".join(bytes(piece) for piece in _compression.decompressed(kind, chunks))


@pytest.mark.parametrize("content", [b"", b"x", CONTENT], ids=["empty", "little", "much"])
def test_there_and_back(kind: str, content: bytes, tmp_path: pathlib.Path) -> None:
    data = compressed(kind, content, tmp_path / "data")
    assert back(kind, data) == content
    assert len(data) < 200_000


def test_what_is_damaged_is_found(kind: str, tmp_path: pathlib.Path) -> None:
    data = compressed(kind, CONTENT, tmp_path / "data")
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    for damaged in (bytes(flipped), data[:-1], data[: len(data) // 2], data + b"more", b"nonsense", b""):
        with pytest.raises(_compression.Damaged):
            back(kind, damaged)


def test_a_disk_that_is_full_is_an_error(kind: str) -> None:
    with open("/dev/full", "wb") as stream:
        compressor = _compression.compressor(kind, stream.fileno())
        block = bytearray(os.urandom(_compression.BLOCK))
        try:
            with pytest.raises(OSError):
                for _number in range(20):
                    compressor.write(block, len(block))
                compressor.finish()
        finally:
            compressor.close()


def test_what_there_is_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _compression.choose("auto") == _compression.choose("zstd") == "zstd"
    assert _compression.choose("gzip") == "gzip"

    def missing(_name: str) -> t.NoReturn:
        raise OSError("no such library")

    monkeypatch.setattr(_compression.ctypes, "CDLL", missing)
    _compression.library.cache_clear()
    assert _compression.library() is None
    assert _compression.choose("auto") == "zstd"  # the program
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert _compression.choose("auto") == "gzip"
    monkeypatch.undo()
    _compression.library.cache_clear()
