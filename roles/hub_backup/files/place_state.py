"""Put a hub's own state, as hub_state.py copied it, where a hub that is brought up next finds it.

What to do is JSON on standard input: `source`, the restored copy, on the same file system as `directory`; `account`,
the name of the account that runs the hub here, empty for the number of before. Prints what it did. What is there
already is put aside.

The record of the last run comes last: without it the hub does not count as restored, and this can be run again.
"""

import contextlib
import json
import os
import pathlib
import pwd
import shutil
import sqlite3
import sys
import time

os.umask(0o077)
asked = json.load(sys.stdin)
source = pathlib.Path(asked["source"])
directory = pathlib.Path(asked["directory"])
record = json.loads((source / "hub_state.json").read_text(encoding="utf-8"))
done = []


def renumber(old, new):
    """Give what belonged to the hub's account to the account of this machine."""
    for top, folders, files in os.walk(source):
        for name in folders + files:
            path = os.path.join(top, name)
            owner = os.lstat(path)
            if owner.st_uid == old[0] or owner.st_gid == old[1]:
                os.lchown(path, new[0] if owner.st_uid == old[0] else -1, new[1] if owner.st_gid == old[1] else -1)


def forget_servers(database):
    """No server of before runs any more. A hub that believes otherwise would stop whatever has such a process number today."""
    owner = database.stat()
    with contextlib.closing(sqlite3.connect(database)) as there:
        there.execute("DELETE FROM servers WHERE id IN (SELECT server_id FROM spawners)")
        there.execute("UPDATE spawners SET server_id = NULL, state = NULL, started = NULL")
        there.commit()
    os.chown(database, owner.st_uid, owner.st_gid)


def place(name, target=None):
    """Move one file or folder to where the hub has it; in one step, after what was there was moved away."""
    there = directory / (target or name)
    if not (source / name).exists():
        return
    there.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if there.exists():
        aside.mkdir(mode=0o700, exist_ok=True)
        (aside / there.name).parent.mkdir(exist_ok=True)
        there.rename(aside / there.name)
    (source / name).rename(there)
    done.append(str(there))


# That of a cluster's hub whose database is no file has none.
(source / "state").mkdir(mode=0o700, exist_ok=True)
if asked["account"]:
    account = pwd.getpwnam(asked["account"])
    before = (record["account"]["uid"], record["account"]["gid"])
    if before != (account.pw_uid, account.pw_gid):
        renumber(before, (account.pw_uid, account.pw_gid))
elif asked.get("owner"):  # of another platform, where it belonged to whoever ran the backup
    there = (source / "state").stat()
    renumber((there.st_uid, there.st_gid), (int(asked["owner"]), int(asked["owner"])))
database = source / "state" / "jupyterhub.sqlite"
# The hub's account could have left a link there.
if database.is_file() and not database.is_symlink():
    forget_servers(database)

aside = directory / time.strftime("before-restore-%Y%m%dT%H%M%SZ", time.gmtime())
finished = directory / "etc" / "finished.json"
if finished.exists():
    aside.mkdir(mode=0o700, exist_ok=True)
    finished.rename(aside / finished.name)
place("state")
place("database.dump", "state/jupyterhub.restored.dump")
place("secrets")
for number, path in enumerate(record["files"]):
    copy = source / "files" / str(number)
    # The site's own certificate stays when there is one.
    if copy.exists() and not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.move(copy, path)
        done.append(path)
(directory / "etc").mkdir(mode=0o755, exist_ok=True)
# Until users' files are back too.
(directory / "restoring.json").write_text(json.dumps({"from": record["hub"]}), encoding="utf-8")
place("etc/finished.json")
shutil.rmtree(source)
print(json.dumps({"placed": done, "aside": str(aside) if aside.exists() else ""}))
