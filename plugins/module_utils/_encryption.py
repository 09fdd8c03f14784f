# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encryption of archives by a program that people know how to decrypt with. Private to the collection."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import threading
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._compression import BLOCK
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError

SUFFIX = {"age": ".age", "gpg": ".gpg", "": ""}


def check(program: str, recipients: t.Sequence[str]) -> None:
    """Refuse what can not work, before a volume is read.

    :raises HubError: the program is missing, or does not know a recipient.
    """
    if not recipients:
        raise HubError("encryption.recipients is empty, expected at least one public key.")
    for recipient in recipients:
        if recipient.startswith("-"):
            raise HubError(f"encryption.recipients has {recipient!r}, which is no public key.")
    _present(program)
    done = subprocess.run(encrypting(program, recipients), input=b"", capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise HubError(f"encryption: {program} refuses the recipients {', '.join(recipients)}: {said}")


def _present(program: str) -> None:
    if not shutil.which(program):
        raise HubError(f"There is no program {program} on this host.", f"Install the package {program}.")


def encrypting(program: str, recipients: t.Sequence[str]) -> list[str]:
    """The command that encrypts its input."""
    each = [word for recipient in recipients for word in ("--recipient", recipient)]
    if program == "age":
        return ["age", "--encrypt", *each]
    # The administrator has chosen the keys by naming them; there is nobody to ask whether they are trusted.
    return [
        "gpg",
        "--batch",
        "--quiet",
        "--no-auto-key-locate",
        "--trust-model",
        "always",
        "--compress-algo",
        "none",
        "--encrypt",
        *each,
    ]


@contextlib.contextmanager
def encrypted(program: str, recipients: t.Sequence[str], target: int) -> t.Iterator[int]:
    """A descriptor that takes what shall be in ``target`` encrypted.

    :raises OSError: the program failed.
    """
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(
            encrypting(program, recipients), stdin=subprocess.PIPE, stdout=target, stderr=said
        ) as process:
            stdin = t.cast("t.IO[bytes]", process.stdin)
            try:
                yield stdin.fileno()
            except BaseException:
                process.kill()
                raise
            stdin.close()
        if process.returncode:
            said.seek(0)
            raise OSError(0, f"{program} failed: {said.read().decode(errors='replace').strip()}")


@contextlib.contextmanager
def decrypted(program: str, identity: str, chunks: t.Iterable[bytes]) -> t.Iterator[t.Iterator[bytes]]:
    """What is in encrypted chunks.

    :raises HubError: the program refuses it.
    """
    if program == "age" and not identity:
        raise HubError("The backup is encrypted with age.", "Give the file with the private key as identity_file.")
    _present(program)
    command = (
        ["age", "--decrypt", "--identity", identity] if program == "age" else ["gpg", "--batch", "--quiet", "--decrypt"]
    )
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said)
        stdin, stdout = (t.cast("t.IO[bytes]", each) for each in (process.stdin, process.stdout))

        def feed() -> None:
            with contextlib.suppress(BrokenPipeError), stdin:  # it has said why it ended
                for chunk in chunks:
                    stdin.write(chunk)

        def content() -> t.Iterator[bytes]:
            while piece := stdout.read(BLOCK):
                yield piece
            if process.wait():
                said.seek(0)
                text = said.read().decode(errors="replace").strip()
                raise HubError(f"The backup can not be decrypted: {program} says: {text}")

        feeder = threading.Thread(target=feed)
        feeder.start()
        try:
            yield content()
        finally:
            process.kill()
            stdout.close()
            feeder.join()
            process.wait()
