"""Takes rights away from people who left the description, in the hub's pod: BASE_URL REVOKED.

REVOKED is JSON with users (removed from the hub) and groups (name to people who left it).
A restart with the new list stops new sign-ins; sessions that are open end only when the hub forgets the person.
"""

import json
import pathlib
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

base, revoked = sys.argv[1], json.loads(sys.argv[2])
token = pathlib.Path("/etc/jupyterhub/secrets/operator_token").read_text(encoding="ascii").strip()
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(method, path, body=None):
    """One request to the hub; what is not there any more is fine."""
    data = None if body is None else json.dumps(body).encode()
    url = f"http://127.0.0.1:8081{base}hub/api/{path}"
    request = urllib.request.Request(url, data, {"Authorization": f"token {token}"}, method=method)
    try:
        with opener.open(request, timeout=60) as answer:
            return json.loads(answer.read() or "null")
    except urllib.error.HTTPError as error:
        if error.code != 404:
            sys.exit(f"The hub refuses to {method} {path}: {error.code} {error.read().decode(errors='replace')}")
        return None


for name in revoked["users"]:
    quoted = urllib.parse.quote(name, safe="")
    user = call("GET", f"users/{quoted}") or {}
    for server in user.get("servers") or {}:
        call("DELETE", f"users/{quoted}/servers/{urllib.parse.quote(server, safe='')}")
    # The hub forgets nobody whose server still stops.
    deadline = time.monotonic() + 120
    while (call("GET", f"users/{quoted}") or {}).get("servers") and time.monotonic() < deadline:
        time.sleep(0.5)
    call("DELETE", f"users/{quoted}")
for group, names in revoked["groups"].items():
    call("DELETE", f"groups/{urllib.parse.quote(group, safe='')}/users", {"users": names})
