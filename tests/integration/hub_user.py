# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A person who uses a hub, as a program: signs in through the page, starts a server, computes, keeps files.

For tests and benchmarks of any platform. As a command:

    hub_user.py URL NAME PASSWORD compute             sign in, start, let a kernel compute, write and read a file
    hub_user.py URL NAME PASSWORD refused             exit 0 when the sign-in is refused
    hub_user.py URL NAME PASSWORD steady -- COMMAND   run COMMAND while a kernel connection stays open and the server
                                                      is asked 20 times a second; exit 1 when anything was lost
"""

from __future__ import annotations

import argparse
import http.cookiejar
import json
import re
import ssl
import subprocess
import sys
import threading
import time
import typing as t
import urllib.error
import urllib.parse
import urllib.request
import uuid

import websocket

PROBES_PER_SECOND = 20
# Seconds for one answer: time enough for a machine that is busy with other things.
PATIENCE = 90


class Refused(Exception):
    """The hub did not let the person in."""


class HubUser:
    """One person with a browser's cookies."""

    def __init__(self, url: str, name: str, password: str, timeout: float = 120) -> None:
        self.url = url.rstrip("/")
        self.name = name
        self.password = password
        self.timeout = timeout
        self.token = ""
        # The certificates of test hubs are their own.
        self._tls = ssl._create_unverified_context()
        self._cookies = http.cookiejar.CookieJar()
        self._browser = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self._cookies), urllib.request.HTTPSHandler(context=self._tls)
        )

    def _xsrf(self) -> str:
        """The newest XSRF cookie of the hub's own pages."""
        found = [c for c in self._cookies if c.name == "_xsrf" and c.path.endswith("/hub/")]
        return found[-1].value or "" if found else ""

    def sign_in(self) -> None:
        """Fill in the sign-in page.

        :raises Refused: when the page comes back with an error.
        """
        page = self._browser.open(f"{self.url}/hub/login", timeout=PATIENCE).read().decode()
        form = {"username": self.name, "password": self.password, "_xsrf": self._xsrf()}
        try:
            answer = self._browser.open(
                f"{self.url}/hub/login?next={urllib.parse.quote('/hub/home')}",
                data=urllib.parse.urlencode(form).encode(),
                timeout=PATIENCE,
            )
        except urllib.error.HTTPError as error:
            raise Refused(f"{self.name}: status {error.code}") from error
        page = answer.read().decode()
        if "/hub/login" in answer.geturl():
            raise Refused(f"{self.name}: {re.sub(r'<[^>]+>', ' ', page)[:200]}")

    def page(self, path: str) -> tuple[str, str]:
        """Where a path leads in this session, below the hub's address, and the page that is there."""
        answer = self._browser.open(self.url + path, timeout=PATIENCE)
        return answer.geturl().removeprefix(self.url), answer.read().decode()

    def home(self) -> str:
        """The hub's home page in this session; empty when the session is not signed in any more."""
        path, page = self.page("/hub/home")
        return "" if path.startswith("/hub/login") else page

    def request(self, method: str, path: str, body: t.Any = None) -> t.Any:
        """A REST call with the person's own token: ``path`` begins with ``/hub/api`` or ``/user``."""
        if not self.token:
            made = self._browser.open(
                urllib.request.Request(
                    f"{self.url}/hub/api/users/{self.name}/tokens?_xsrf={urllib.parse.quote(self._xsrf())}",
                    data=b"{}",
                    headers={"Content-Type": "application/json"},
                    method="POST",
                ),
                timeout=PATIENCE,
            )
            self.token = json.load(made)["token"]
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE, context=self._tls) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def server(self) -> dict[str, t.Any] | None:
        """The default server as the hub describes it, or None."""
        servers: dict[str, t.Any] = self.request("GET", f"/hub/api/users/{self.name}")["servers"]
        return servers.get("")

    def start_server(self, user_options: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Start the default server and wait until it is ready."""
        if not self.server():
            self.request("POST", f"/hub/api/users/{self.name}/server", user_options or {})
        deadline = time.monotonic() + self.timeout
        while time.monotonic() < deadline:
            server = self.server()
            if server and server["ready"]:
                return server
            time.sleep(0.3)
        raise TimeoutError(f"the server of {self.name} was not ready after {self.timeout} s")

    def stop_server(self) -> None:
        """Stop the default server and wait until it is gone."""
        if self.server():
            self.request("DELETE", f"/hub/api/users/{self.name}/server")
        deadline = time.monotonic() + self.timeout
        while self.server():
            if time.monotonic() > deadline:
                raise TimeoutError(f"the server of {self.name} did not stop in {self.timeout} s")
            time.sleep(0.3)

    def kernel(self) -> Kernel:
        """Start a kernel and connect to it."""
        return Kernel(self, self.request("POST", f"/user/{self.name}/api/kernels", {"name": "python3"})["id"])

    def write(self, path: str, text: str) -> None:
        """Save a text file through the server."""
        body = {"type": "file", "format": "text", "content": text}
        self.request("PUT", f"/user/{self.name}/api/contents/{urllib.parse.quote(path)}", body)

    def read(self, path: str) -> str:
        """Read a text file through the server."""
        answer = self.request("GET", f"/user/{self.name}/api/contents/{urllib.parse.quote(path)}?format=text&type=file")
        return str(answer["content"])


class Kernel:
    """One open connection to one kernel."""

    def __init__(self, user: HubUser, kernel_id: str) -> None:
        address = user.url.replace("http", "ws", 1) + f"/user/{user.name}/api/kernels/{kernel_id}/channels"
        self.socket = websocket.create_connection(
            address,
            header=[f"Authorization: token {user.token}"],
            sslopt={"cert_reqs": ssl.CERT_NONE, "check_hostname": False},
            timeout=PATIENCE,
        )

    def compute(self, code: str) -> str:
        """Run code; the text it printed and its result."""
        message_id = uuid.uuid4().hex
        header = {"msg_id": message_id, "username": "", "session": uuid.uuid4().hex, "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        message = {
            "header": {**header, "msg_type": "execute_request"},
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
        }
        self.socket.send(json.dumps(message))
        text = ""
        while True:
            received = self.socket.recv()
            if not received:
                raise ConnectionError("the connection to the kernel was closed by the other side")
            answer = json.loads(received)
            if answer["parent_header"].get("msg_id") != message_id:
                continue
            kind = answer["msg_type"]
            if kind == "stream":
                text += answer["content"]["text"]
            elif kind == "execute_result":
                text += answer["content"]["data"]["text/plain"]
            elif kind == "error":
                raise RuntimeError("\n".join(answer["content"]["traceback"]))
            elif kind == "status" and answer["content"]["execution_state"] == "idle":
                return text.strip()


class Steady:
    """Asks a user's server 20 times a second, from a thread, and counts what was lost."""

    def __init__(self, user: HubUser) -> None:
        self.user = user
        self.asked = 0
        self.lost: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> t.Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(1 / PROBES_PER_SECOND):
            self.asked += 1
            try:
                self.user.request("GET", f"/user/{self.user.name}/api/status")
            except (OSError, ValueError) as error:
                self.lost.append(f"{time.strftime('%H:%M:%S')} {error}")


def _compute(user: HubUser) -> None:
    user.sign_in()
    user.start_server()
    found = user.kernel().compute("sum(range(10)) * 2")
    if found != "90":
        sys.exit(f"the kernel of {user.name} computed {found!r}, expected '90'")
    text = f"written by {user.name} in {uuid.uuid4().hex}"
    user.write("kept.txt", text)
    if user.read("kept.txt") != text:
        sys.exit(f"kept.txt of {user.name} holds something else than what was written")
    print(f"{user.name} computed and wrote a file")


def _steady(user: HubUser, command: list[str]) -> None:
    user.sign_in()
    started = user.start_server()["started"]
    kernel = user.kernel()
    kernel.compute("marker = 41")
    with Steady(user) as steady:
        status = subprocess.run(command, check=False).returncode
    if status:
        sys.exit(f"the command ended with status {status}")
    if kernel.compute("marker + 1") != "42":
        sys.exit("the kernel forgot what it knew")
    if not user.home():
        sys.exit("the session had to sign in again")
    if user.start_server()["started"] != started:
        sys.exit("the server was started again")
    if steady.lost:
        sys.exit(f"{len(steady.lost)} of {steady.asked} requests were lost: {steady.lost[:5]}")
    print(f"0 of {steady.asked} requests were lost, the kernel answered on the same connection")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("name")
    parser.add_argument("password")
    parser.add_argument("what", choices=["compute", "refused", "steady"])
    parser.add_argument("command", nargs="*", help="after --")
    arguments = parser.parse_args()
    user = HubUser(arguments.url, arguments.name, arguments.password)
    if arguments.what == "steady":
        _steady(user, arguments.command)
    elif arguments.what == "compute":
        _compute(user)
    else:
        try:
            user.sign_in()
        except Refused as error:
            print(f"refused, as expected: {error}")
        else:
            sys.exit(f"{user.name} was let in")


if __name__ == "__main__":
    main()
