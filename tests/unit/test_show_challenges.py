# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the proxy of a cluster shows an authority that speaks ACME: the real proxy, with the script loaded into it."""

from __future__ import annotations

import http.client
import os
import pathlib
import subprocess
import typing as t

import hubs
import pytest
import registries

SCRIPT = pathlib.Path(__file__).parents[2] / "roles" / "hub_kubernetes" / "files" / "show_challenges.js"
ASKED = "/.well-known/acme-challenge/"


@pytest.fixture
def ask(proxy_environment: pathlib.Path, tmp_path: pathlib.Path) -> t.Iterator[t.Callable[[str], tuple[int, str, str]]]:
    """Status, place that one is led to, and content at an address of the port for HTTP."""
    (tmp_path / "shown").mkdir()
    files = registries.tls(tmp_path)["http"]["tls"]
    public, api, redirect = (hubs.free_port() for _port in range(3))
    command = [
        str(proxy_environment / "bin" / "configurable-http-proxy"),
        *("--ip=127.0.0.1", f"--port={public}", "--api-ip=127.0.0.1", f"--api-port={api}"),
        *(f"--ssl-cert={files['certificate']}", f"--ssl-key={files['key']}"),
        *(f"--redirect-port={redirect}", "--redirect-to=443"),
    ]
    environment = {
        "PATH": f"{proxy_environment}/bin:{os.environ['PATH']}",
        "NODE_OPTIONS": f"--require {SCRIPT}",
        "CHALLENGES": str(tmp_path / "shown"),
        "CONFIGPROXY_AUTH_TOKEN": "secret",
    }

    def answer(address: str) -> tuple[int, str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", redirect, timeout=10)
        connection.request("GET", address, headers={"Host": "hub.example.org"})
        found = connection.getresponse()
        return found.status, found.headers.get("Location", ""), found.read().decode()

    def listens() -> bool:
        try:
            answer("/")
        except OSError:
            return False
        return True

    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            hubs.until(listens, "the proxy listens")
            yield answer
        finally:
            process.terminate()


def test_it_shows_what_there_is_and_leads_everybody_else_to_https(
    ask: t.Callable[[str], tuple[int, str, str]], tmp_path: pathlib.Path
) -> None:
    (tmp_path / "shown" / "to-ken_1").write_text("to-ken_1.thumb", encoding="ascii")
    (tmp_path / "secret").write_text("secret", encoding="ascii")
    assert ask(f"{ASKED}to-ken_1") == (200, "", "to-ken_1.thumb")
    assert ask(f"{ASKED}other") == (404, "", "")
    for address in ("/hub/login", f"{ASKED}../secret", f"{ASKED}%2e%2e%2fsecret", ASKED):
        status, location, content = ask(address)
        assert status in (301, 302) and location.startswith("https://hub.example.org"), address
        assert "secret" not in content
