# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compression of archives, with what the system has: libzstd, the program zstd, or gzip. Private to the collection.

libzstd is called directly: it is there wherever the package manager needs it (Debian, Fedora and their relatives),
compresses in threads of its own while Python reads on, and saves one process per archive, which is what many small
volumes would wait for.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import shutil
import subprocess
import typing as t
import zlib

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

BLOCK = 1024 * 1024
_PIECE = 256 * 1024  # stays in the cache of a processor
# On files of notebooks level 1 takes half the time of 3 for archives that are 2 % larger.
_LEVEL = 1
# Parameters of ZSTD_CCtx_setParameter; these numbers are part of libzstd's stable interface since 1.4.
_COMPRESSION_LEVEL, _CHECKSUM, _WORKERS, _JOB_SIZE = 100, 201, 400, 401
_CONTINUE, _END = 0, 2
_ALL = 3  # of ZSTD_CCtx_reset: what it was at, and the parameters


_Pieces: t.TypeAlias = t.Generator[memoryview, None, None]


class Damaged(Exception):
    """Compressed data that is not what was written."""


class _Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer, which are alike."""

    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("position", ctypes.c_size_t)]


@functools.cache
def library() -> ctypes.CDLL | None:
    """libzstd, 1.4 or later; None where it is not."""
    try:
        found = ctypes.CDLL("libzstd.so.1")
        found.ZSTD_compressStream2.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
        found.ZSTD_compressStream2.restype = ctypes.c_size_t
        found.ZSTD_decompressStream.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
        found.ZSTD_decompressStream.restype = ctypes.c_size_t
        found.ZSTD_CCtx_setParameter.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
        found.ZSTD_CCtx_setParameter.restype = ctypes.c_size_t
        found.ZSTD_CCtx_reset.argtypes = [ctypes.c_void_p, ctypes.c_int]
        found.ZSTD_CCtx_reset.restype = ctypes.c_size_t
        found.ZSTD_isError.argtypes = [ctypes.c_size_t]
        found.ZSTD_getErrorName.argtypes = [ctypes.c_size_t]
        found.ZSTD_getErrorName.restype = ctypes.c_char_p
        for name in ("ZSTD_createCCtx", "ZSTD_createDCtx"):
            getattr(found, name).argtypes = []
            getattr(found, name).restype = ctypes.c_void_p
        for name in ("ZSTD_freeCCtx", "ZSTD_freeDCtx"):
            getattr(found, name).argtypes = [ctypes.c_void_p]
    except (OSError, AttributeError):  # not there, or too old
        return None
    return found


def _address(buffer: bytearray) -> int:
    return ctypes.addressof((ctypes.c_char * len(buffer)).from_buffer(buffer))


def choose(wanted: str) -> str:
    """``zstd`` or ``gzip`` for the option compression.

    :raises HubError: zstd was asked for and is not there.
    """
    there = library() is not None or shutil.which("zstd") is not None
    if wanted == "zstd" and not there:
        raise HubError(
            "compression is zstd, and this host has neither libzstd nor the program zstd.", "Install one, or use gzip."
        )
    return "zstd" if there and wanted != "gzip" else "gzip"


class Compressor(t.Protocol):
    """Writes what it is given to a file descriptor."""

    def write(self, buffer: bytearray, size: int) -> None:
        """Compress the first ``size`` bytes."""

    def finish(self, buffer: bytearray | None = None, size: int = 0) -> None:
        """Compress the first ``size`` bytes too, and write what is left."""

    def close(self) -> None:
        """Free what it holds, whatever happened."""


def compressor(kind: str, target: int, workers: int = 1) -> Compressor:
    """The fastest there is."""
    if kind == "gzip":
        return _Gzip(target)
    loaded = library()
    return _Library(loaded, target, workers) if loaded else _Program(target)


class _Gzip:
    def __init__(self, target: int) -> None:
        self._target = target
        self._state = zlib.compressobj(6, zlib.DEFLATED, 31)

    def write(self, buffer: bytearray, size: int) -> None:
        write_all(self._target, self._state.compress(memoryview(buffer)[:size]))

    def finish(self, buffer: bytearray | None = None, size: int = 0) -> None:
        if buffer:
            self.write(buffer, size)
        write_all(self._target, self._state.flush())

    def close(self) -> None:
        pass


class _Program:
    def __init__(self, target: int) -> None:
        command = ["zstd", f"-{_LEVEL}", "-T0", "--check", "--quiet", "--stdout"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=target, stderr=subprocess.PIPE)

    def write(self, buffer: bytearray, size: int) -> None:
        stdin = t.cast("t.IO[bytes]", self._process.stdin)
        try:
            write_all(stdin.fileno(), memoryview(buffer)[:size])
        except BrokenPipeError:
            self.finish()

    def finish(self, buffer: bytearray | None = None, size: int = 0) -> None:
        if buffer and size:
            self.write(buffer, size)
        _out, said = self._process.communicate()
        if self._process.returncode:
            raise OSError(0, f"zstd failed: {said.decode(errors='replace').strip()}")

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


class _Library:
    _idle: t.ClassVar[list[int]] = []  #: contexts without threads, whose memory the next archive takes over

    def __init__(self, loaded: ctypes.CDLL, target: int, workers: int) -> None:
        self._library, self._target, self._workers = loaded, target, workers
        self._context: int | None = None
        self._space = bytearray(_PIECE)
        self._out = _Buffer(_address(self._space), _PIECE, 0)
        self._in = _Buffer(None, 0, 0)

    def _begin(self, workers: int) -> None:
        self._workers = workers
        self._context = self._idle.pop() if self._idle and not workers else self._library.ZSTD_createCCtx()
        for parameter, value in (
            (_COMPRESSION_LEVEL, _LEVEL),
            (_CHECKSUM, 1),
            (_WORKERS, workers),
            (_JOB_SIZE, BLOCK),  # what threads hold is a few times this
        ):
            # A library without threads refuses workers, and works all the same.
            self._library.ZSTD_CCtx_setParameter(self._context, parameter, value)

    def write(self, buffer: bytearray, size: int) -> None:
        if self._context is None:
            self._begin(self._workers)
        self._in.data, self._in.size, self._in.position = _address(buffer), size, 0
        while self._in.position < size:
            self._step(_CONTINUE)

    def finish(self, buffer: bytearray | None = None, size: int = 0) -> None:
        if self._context is None:  # all of it is here, which is not worth a thread
            self._begin(0)
        self._in.data, self._in.size, self._in.position = _address(buffer) if buffer else None, size, 0
        while self._step(_END):
            pass
        self._flush()

    def _step(self, what: int) -> int:
        left: int = self._library.ZSTD_compressStream2(
            self._context, ctypes.byref(self._out), ctypes.byref(self._in), what
        )
        if self._library.ZSTD_isError(left):
            raise OSError(0, f"libzstd: {self._library.ZSTD_getErrorName(left).decode()}")
        if self._out.position == self._out.size:
            self._flush()
        return left

    def _flush(self) -> None:
        write_all(self._target, memoryview(self._space)[: self._out.position])
        self._out.position = 0

    def close(self) -> None:
        if self._context is None:
            return
        if self._workers or self._idle:
            self._library.ZSTD_freeCCtx(self._context)
        else:
            self._library.ZSTD_CCtx_reset(self._context, _ALL)
            self._idle.append(self._context)
        self._context = None


def write_all(target: int, data: bytes | memoryview) -> None:
    """Write all of it, however little the system takes at once."""
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]


# --- The way back


def decompressed(kind: str, chunks: t.Iterable[bytes]) -> _Pieces:
    """The content of compressed chunks, in pieces that are valid until the next one.

    :raises Damaged: it is not what a compressor wrote, or there is too little or too much of it.
    """
    if kind == "gzip":
        return _from_gzip(chunks)
    loaded = library()
    return _from_library(loaded, chunks) if loaded else _from_program(chunks)


def _from_gzip(chunks: t.Iterable[bytes]) -> _Pieces:
    state = zlib.decompressobj(31)
    for chunk in chunks:
        left = chunk
        while left:
            if state.eof:
                raise Damaged("there is something after its end")
            try:
                piece = state.decompress(left, BLOCK)
            except zlib.error as error:
                raise Damaged(f"gzip: {error}") from None
            if piece:
                yield memoryview(piece)
            left = state.unused_data or state.unconsumed_tail
    if not state.eof:
        raise Damaged("its end is missing")


def _from_library(loaded: ctypes.CDLL, chunks: t.Iterable[bytes]) -> _Pieces:
    context = loaded.ZSTD_createDCtx()
    space = bytearray(_PIECE)
    given, made = _Buffer(None, 0, 0), _Buffer(_address(space), _PIECE, 0)
    left = 1
    try:
        for chunk in chunks:
            given.data = ctypes.cast(ctypes.c_char_p(chunk), ctypes.c_void_p)
            given.size, given.position = len(chunk), 0
            # A full output means that there may be more of it without more input.
            while given.position < given.size or made.position == made.size:
                made.position = 0
                left = loaded.ZSTD_decompressStream(context, ctypes.byref(made), ctypes.byref(given))
                if loaded.ZSTD_isError(left):
                    raise Damaged(f"zstd: {loaded.ZSTD_getErrorName(left).decode()}")
                if made.position:
                    yield memoryview(space)[: made.position]
                elif given.position == given.size:
                    break
            made.position = 0
        if left:
            raise Damaged("its end is missing")
    finally:
        loaded.ZSTD_freeDCtx(context)


def _from_program(chunks: t.Iterable[bytes]) -> _Pieces:
    import threading

    process = subprocess.Popen(
        ["zstd", "--decompress", "--quiet", "--stdout"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    stdin, stdout, stderr = (t.cast("t.IO[bytes]", each) for each in (process.stdin, process.stdout, process.stderr))

    def feed() -> None:
        with contextlib.suppress(BrokenPipeError), stdin:  # it has said why it ended
            for chunk in chunks:
                stdin.write(chunk)

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        while piece := stdout.read(BLOCK):
            yield memoryview(piece)
        said = stderr.read().decode(errors="replace").strip()
        if process.wait():
            raise Damaged(f"zstd: {said}")
    finally:
        process.kill()
        feeder.join()
        for stream in (stdout, stderr):
            stream.close()
        process.wait()
