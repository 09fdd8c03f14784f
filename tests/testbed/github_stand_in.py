# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands for a GitHub Enterprise server: what a sign-in asks of it, and nothing else.

    github_stand_in.py ADDRESS PORT CLIENT_ID CLIENT_SECRET ORGANISATION=PERSON,PERSON...

Who comes to the authorize page is the person that the cookie ``person`` names; the page asks nothing and sends back at
once. Members are shown only to a token whose scope has ``read:org``, as GitHub does for members who are not public.
Wrong client credentials get GitHub's own answer, which has the status 200.
"""

from __future__ import annotations

import http.cookies
import http.server
import json
import secrets
import sys
import typing as t
import urllib.parse


class GitHub(http.server.ThreadingHTTPServer):
    """What it knows: one application, organisations, and what it has given out."""

    def __init__(self, address: tuple[str, int], client: tuple[str, str], organisations: dict[str, set[str]]) -> None:
        super().__init__(address, Page)
        self.client = client
        self.organisations = organisations
        self.given: dict[str, tuple[str, str]] = {}  # code or token -> person, scope


class Page(http.server.BaseHTTPRequestHandler):
    """One request."""

    server: GitHub

    def do_GET(self) -> None:
        """The authorize page and the API."""
        url = urllib.parse.urlsplit(self.path)
        asked = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/login/oauth/authorize":
            self._authorize(asked)
            return
        person, scope = self.server.given.get(self.headers.get("Authorization", "").rpartition(" ")[2], ("", ""))
        if not person:
            self._answer(401, {"message": "Bad credentials"})
        elif url.path == "/api/v3/user":
            self._answer(200, {"login": person, "id": sum(person.encode()), "email": None, "name": person.title()})
        elif url.path.startswith("/api/v3/orgs/"):
            organisation, _members, member = url.path.removeprefix("/api/v3/orgs/").split("/")
            known = "read:org" in scope and member in self.server.organisations.get(organisation, set())
            self._answer(204 if known else 404, None if known else {"message": "Not Found"})
        else:
            self._answer(404, {"message": "Not Found"})

    def do_POST(self) -> None:
        """The exchange of a code for a token."""
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        if (form.get("client_id", ""), form.get("client_secret", "")) != self.server.client:
            message = "The client_id and/or client_secret passed are incorrect."
            self._answer(200, {"error": "incorrect_client_credentials", "error_description": message})
            return
        person, scope = self.server.given.pop(form.get("code", ""), ("", ""))
        if not person:
            message = "The code passed is incorrect or expired."
            self._answer(200, {"error": "bad_verification_code", "error_description": message})
            return
        token = secrets.token_hex(20)
        self.server.given[token] = (person, scope)
        self._answer(200, {"access_token": token, "token_type": "bearer", "scope": scope})

    def _authorize(self, asked: t.Mapping[str, str]) -> None:
        cookie = http.cookies.SimpleCookie(self.headers.get("Cookie", "")).get("person")
        if asked.get("client_id") != self.server.client[0] or not cookie:
            self._answer(404, {"message": "Not Found"})
            return
        code = secrets.token_hex(10)
        self.server.given[code] = (cookie.value, asked.get("scope", ""))
        query = urllib.parse.urlencode({"code": code, "state": asked.get("state", "")})
        self.send_response(302)
        self.send_header("Location", f"{asked['redirect_uri']}?{query}")
        self.end_headers()

    def _answer(self, status: int, body: t.Any) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if content:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    address, port, client_id, client_secret, *organisations = sys.argv[1:]
    members = {name: set(people.split(",")) for name, _equals, people in (one.partition("=") for one in organisations)}
    GitHub((address, int(port)), (client_id, client_secret), members).serve_forever()
