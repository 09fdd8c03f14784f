"""Serve the answers to an authority's challenges until their directory goes: DIRECTORY ADDRESS PORT."""

import http.server
import os
import pathlib
import socket
import sys
import time

directory, address, port = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
PREFIX = "/.well-known/acme-challenge/"


class Answers(http.server.BaseHTTPRequestHandler):
    """Nothing but the files of the directory."""

    def do_GET(self) -> None:
        """Answer one request."""
        name = self.path.removeprefix(PREFIX)
        path = directory / os.path.basename(name)
        found = self.path.startswith(PREFIX) and "/" not in name and path.is_file()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/octet-stream")
        self.end_headers()
        if found:
            self.wfile.write(path.read_bytes())

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


class Server(http.server.ThreadingHTTPServer):
    """On addresses of both versions."""

    address_family = socket.AF_INET6 if ":" in address else socket.AF_INET


try:
    server = Server((address, port), Answers)
except OSError as error:
    sys.exit(f"Port {port} on {address} can not be used to answer the authority: {error.strerror}.")
server.timeout = 0.5
deadline = time.monotonic() + 300
while directory.is_dir() and time.monotonic() < deadline:
    server.handle_request()
