# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins of those whom a hub asks who somebody is, and people who sign in through them with a browser."""

from __future__ import annotations

import contextlib
import http.cookiejar
import json
import pathlib
import socket
import subprocess
import sys
import typing as t
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

from hub_user import PATIENCE, HubUser, Refused
from installation import wait_until

TESTBED = pathlib.Path(__file__).resolve().parents[1] / "testbed"


@contextlib.contextmanager
def running(address: str, port: int, *command: str) -> Iterator[None]:
    """A program of the testbed, from when it listens until the end of the context."""
    interpreter = [sys.executable] if command[0].endswith(".py") else []
    # The first time packages are fetched.
    process = subprocess.Popen([*interpreter, str(TESTBED / command[0]), *command[1:]], stdin=subprocess.DEVNULL)
    try:
        wait_until(f"{command[0]} listens at {address}:{port}", lambda: _listens(process, address, port), seconds=300)
        yield
    finally:
        process.terminate()
        process.wait()


def _listens(process: subprocess.Popen[bytes], address: str, port: int) -> bool:
    assert process.poll() is None, f"{process.args!r} ended with {process.returncode}, its messages are above"
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=5):
        return True
    return False


class Visitor(HubUser):
    """Somebody who signs in at a provider. What the hub says to those whom it does not let in is in ``Refused``."""

    def __init__(self, url: str, name: str, provider: str) -> None:
        super().__init__(url, name, "")
        self.provider = provider
        # Who is already signed in at the provider.
        self._cookies.set_cookie(
            http.cookiejar.Cookie(
                version=0,
                name="person",
                value=name,
                port=None,
                port_specified=False,
                domain=urllib.parse.urlsplit(provider).hostname or "",
                domain_specified=False,
                domain_initial_dot=False,
                path="/",
                path_specified=True,
                secure=False,
                expires=None,
                discard=True,
                comment=None,
                comment_url=None,
                rest={},
            )
        )

    def sign_in(self) -> None:
        """Follow the button of the sign-in page, and confirm one's name when the provider asks for it.

        :raises Refused: with the page of the hub that says so.
        """
        try:
            page = self._browser.open(f"{self.url}/hub/oauth_login?next=%2Fhub%2Fhome", timeout=PATIENCE)
            if page.geturl().startswith(self.provider):
                form = urllib.parse.urlencode({"sub": self.name}).encode()
                page = self._browser.open(page.geturl(), data=form, timeout=PATIENCE)
        except urllib.error.HTTPError as error:
            raise Refused(f"status {error.code}: {error.read().decode()}") from error
        assert page.geturl() == f"{self.url}/hub/home", f"expected to come to the home page, came to {page.geturl()}"


def opened(person: HubUser, path: str, **form: str) -> str:
    """A page of the hub, as the person sees it; with a form that is filled in and sent."""
    data = urllib.parse.urlencode({**form, "_xsrf": person._xsrf()}).encode() if form else None
    text: str = person._browser.open(person.url + path, data=data, timeout=PATIENCE).read().decode()
    return text


def ask(method: str, url: str, body: t.Any) -> t.Any:
    """A call of a provider's own API."""
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        text = answer.read()
    return json.loads(text) if text else None
