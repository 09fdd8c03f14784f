"""Asks the hub in its pod, or lets it stop and start servers: look|stop|start|copy BASE_URL [SERVERS [SECONDS]].

`look` prints the users and servers that the hub knows as JSON, and the folders of users whose servers run in its
own pod. SERVERS is JSON, a list of mappings with user and name.
`copy` prints the hub's database as base64, as it was at one moment, while the hub goes on.
"""

import base64
import contextlib
import json
import pathlib
import sqlite3
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

what, base = sys.argv[1:3]
servers = json.loads(sys.argv[3]) if len(sys.argv) > 3 else []
patience = float(sys.argv[4]) if len(sys.argv) > 4 else 120
secrets = pathlib.Path("/etc/jupyterhub/secrets")
homes = pathlib.Path("/srv/users")
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(method, path):
    """What the hub answers; None for something that is not there."""
    token = (secrets / "operator_token").read_text(encoding="ascii").strip()
    data = b"" if method == "POST" else None
    request = urllib.request.Request(
        f"http://127.0.0.1:8081{base}hub/api/{path}", data, {"Authorization": f"token {token}"}, method=method
    )
    try:
        with opener.open(request, timeout=60) as answer:
            return json.loads(answer.read() or "null")
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        sys.exit(f"The hub refuses to {method} {path}: {error.code} {error.read().decode(errors='replace')}")


def everybody():
    """All people of the hub, page by page."""
    found = []
    while page := call("GET", f"users?limit=200&offset={len(found)}"):
        found += page
    return found


def path_of(server):
    """Where the hub's API has a server."""
    user = urllib.parse.quote(server["user"], safe="")
    name = urllib.parse.quote(server["name"], safe="")
    return f"users/{user}/servers/{name}" if server["name"] else f"users/{user}/server"


def state_of(server):
    """started, stopped, or pending."""
    user = call("GET", f"users/{urllib.parse.quote(server['user'], safe='')}?include_stopped_servers=1") or {}
    found = (user.get("servers") or {}).get(server["name"])
    if not found or not (found.get("ready") or found.get("pending")):
        return "stopped"
    return "pending" if found.get("pending") else "started"


def bring(method, wanted):
    """All of the servers to a state."""
    for server in servers:
        if state_of(server) != wanted:
            call(method, path_of(server))
    deadline = time.monotonic() + patience
    while left := [server for server in servers if state_of(server) != wanted]:
        if time.monotonic() > deadline:
            names = ", ".join("/".join(filter(None, [server["user"], server["name"]])) for server in left)
            sys.exit(f"The servers of {names} were not {wanted} within {patience:.0f} s.")
        time.sleep(1)


if what == "look":
    people = everybody()
    running = [
        {"user": person["name"], "name": name, "ready": server["ready"], "last_activity": server["last_activity"]}
        for person in people
        for name, server in (person.get("servers") or {}).items()
    ]
    users = [{"name": person["name"], "admin": person["admin"]} for person in people]
    folders = [path.name for path in homes.iterdir() if path.is_dir()] if homes.is_dir() else []
    # What a file system keeps for itself is nobody's.
    folders = sorted(name for name in folders if name != "lost+found" and not name.startswith("."))
    print(json.dumps({"running": True, "users": users, "servers": running, "folders": folders}))
elif what == "copy":
    with tempfile.TemporaryDirectory() as folder:
        target = pathlib.Path(folder, "copy")
        with (
            contextlib.closing(sqlite3.connect("/srv/jupyterhub/jupyterhub.sqlite", timeout=60)) as there,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            there.backup(copy)
            said = copy.execute("PRAGMA integrity_check").fetchone()[0]
        if said != "ok":
            sys.exit(f"The hub's database is damaged: {said}")
        print(base64.b64encode(target.read_bytes()).decode())
else:
    bring(*{"stop": ("DELETE", "stopped"), "start": ("POST", "started")}[what])
