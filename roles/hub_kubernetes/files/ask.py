"""Asks the hub how it is, in its pod: BASE_URL. Prints JSON as the module hub_info returns it."""

import json
import pathlib
import sys
import urllib.request

base = sys.argv[1]
token = pathlib.Path("/etc/jupyterhub/secrets/operator_token").read_text(encoding="ascii").strip()
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(path):
    """What the hub answers."""
    request = urllib.request.Request(
        f"http://127.0.0.1:8081{base}hub/api/{path}", headers={"Authorization": f"token {token}"}
    )
    with opener.open(request, timeout=30) as answer:
        return json.load(answer)


def everybody():
    """All people of the hub, page by page."""
    found = []
    while page := get(f"users?limit=200&offset={len(found)}"):
        found += page
    return found


version = get("info")["version"]
try:
    get("proxy")
    proxy = "ok"
except OSError:
    proxy = "down"
people = everybody()
servers = [
    {"user": person["name"], "name": name, "last_activity": server["last_activity"]}
    for person in people
    for name, server in (person.get("servers") or {}).items()
]
answer = {"running": True, "version": version, "proxy": proxy, "users_count": len(people), "servers": servers}
print(json.dumps({**answer, "servers_running": len(servers)}))
