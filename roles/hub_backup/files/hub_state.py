"""Look at a hub's own state, or copy it: look|copy, with what to do as JSON on standard input.

Prints JSON: the users in the hub's database, the servers that it believes to run, the directories of users, the number of the
account that owns the state. `copy` makes STAGING, which only root can look into: secrets, configuration, records, and the
database as it was at one moment, while the hub goes on.
"""

import contextlib
import json
import os
import pathlib
import pwd
import shutil
import sqlite3
import subprocess
import sys
import urllib.parse

os.umask(0o077)
asked = json.load(sys.stdin)
directory = pathlib.Path(asked["directory"])
staging = pathlib.Path(asked["staging"])
database = directory / "state" / "jupyterhub.sqlite"
# Copies made before an upgrade, marks of services that started, and the database's own files: it is copied apart.
LEFT_OUT = ("*.before-*", "*.restored.dump*", "*.started", "jupyterhub.sqlite*")
COPIED = ("secrets", "etc", "bin", "state", "compose.yaml", "env/current")


@contextlib.contextmanager
def readable():
    """A database that can not be read ends this in words."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        sys.exit(
            f"{database} can not be read: {error}. Nothing was touched, earlier backups are as they were."
            " Bring the hub of before back with restore.yml, hub_backup_restore=hub and hub_backup_restore_over=true."
        )


def account_of(path):
    """Number and name of who owns a file; the name is empty where the host has none."""
    owner = path.stat()
    name = ""
    with contextlib.suppress(KeyError):
        name = pwd.getpwuid(owner.st_uid).pw_name
    return {"uid": owner.st_uid, "gid": owner.st_gid, "name": name}


def run(command, **how):
    """Run a command; its failure ends this with its own words."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, **how)
    if done.returncode:
        sys.exit(f"{' '.join(command[:1] + command[-3:])}: {done.stderr.decode(errors='replace').strip()}")
    return done


def known(path):
    """Users and servers of a SQLite database."""
    with contextlib.closing(
        sqlite3.connect(f"file:{urllib.parse.quote(str(path))}?mode=ro", uri=True, timeout=60)
    ) as there:
        users = [name for (name,) in there.execute("SELECT name FROM users ORDER BY name")]
        servers = there.execute(
            "SELECT users.name, spawners.name FROM spawners JOIN users ON users.id = spawners.user_id"
            " WHERE spawners.server_id IS NOT NULL ORDER BY users.name, spawners.name"
        )
        return {"users": users, "servers": [{"user": user, "name": name} for user, name in servers]}


def copy_sqlite(target):
    """SQLite's own online copy: what is written meanwhile is in it as a whole or not at all."""
    with (
        readable(),
        contextlib.closing(sqlite3.connect(database, timeout=60)) as there,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        there.backup(copy)
        said = copy.execute("PRAGMA integrity_check").fetchone()[0]
        if said != "ok":
            raise sqlite3.DatabaseError(said)
    shutil.copystat(database, target)
    os.chown(target, database.stat().st_uid, database.stat().st_gid)


def copy_state():
    """Everything but users' files into STAGING."""
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(mode=0o700, parents=True)
    for name in COPIED:
        if (directory / name).exists():
            (staging / name).parent.mkdir(exist_ok=True)
            run(["cp", "-a", str(directory / name), str(staging / name)])
    for pattern in LEFT_OUT:
        for path in (staging / "state").glob(pattern):
            path.unlink()
    if database.exists() and asked["database"] == "sqlite":
        copy_sqlite(staging / "state" / "jupyterhub.sqlite")
    if asked["dump"]:
        with (staging / "database.dump").open("xb") as dump:
            run(asked["dump"], stdout=dump)
    for number, path in enumerate(asked["files"]):
        if os.path.exists(path):
            (staging / "files").mkdir(exist_ok=True)
            run(["cp", "-aL", path, str(staging / "files" / str(number))])
    record = {name: asked[name] for name in ("hub", "platform", "database", "files")}
    (staging / "hub_state.json").write_text(json.dumps({**record, **found}, indent=1) + "\n", encoding="utf-8")


if not (directory / "state").is_dir():
    sys.exit(
        f"There is no hub in {directory}: it has no state. Bring the hub up with site.yml, or restore it with restore.yml."
    )
found = {"users": [], "servers": [], "account": account_of(directory / "state")}
if asked["database"] == "sqlite" and database.exists():
    with readable():
        found.update(known(database))
elif asked["query"]:
    found.update(json.loads(run(asked["query"], stdout=subprocess.PIPE).stdout))

# Of system users, each in the directory that the host says; of others, what is in the hub's own directory of users.
homes = []
for user in found["users"] if asked["homes"] else []:
    with contextlib.suppress(KeyError):
        account = pwd.getpwnam(user)
        home = account.pw_dir if asked["homes"] == "passwd" else asked["homes"].replace("{username}", user)
        if os.path.isdir(home):
            numbers = {"uid": account.pw_uid, "gid": account.pw_gid}
            homes.append({"user": user, "name": "home", "kind": "user", "volume": home, **numbers})
found["homes"] = homes
if sys.argv[1] == "copy":
    copy_state()
parent = asked["users_directory"]
found["directories"] = (
    [entry.path for entry in os.scandir(parent) if entry.is_dir(follow_symlinks=False)] if parent else []
)
print(json.dumps(found))
