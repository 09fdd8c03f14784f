"""Prints the accounts of the host that have these names, JSON on standard input: a mapping of name to uid, gid and home."""

import contextlib
import json
import pwd
import sys

found = {}
for name in json.load(sys.stdin):
    # A directory service may not list everybody it knows, so each is asked for.
    with contextlib.suppress(KeyError):
        account = pwd.getpwnam(name)
        found[name] = {"uid": account.pw_uid, "gid": account.pw_gid, "home": account.pw_dir}
print(json.dumps(found))
