"""Runs before the hub in its pod: DIRECTORY URL SECONDS copy|put-back.

Waits until the database answers, at most for these seconds. Then
copy: a database that this JupyterHub is going to upgrade is copied first.
put-back: a database that a newer JupyterHub has upgraded becomes what it was before.
Both do nothing when there is nothing to do. SQLite is copied here; what PostgreSQL needs is done by the container that
runs next, for which a file in DIRECTORY is left, copy-wanted or put-back-wanted.
"""

import os
import pathlib
import sqlite3
import sys
import time

import alembic.config
import alembic.script
import jupyterhub
import sqlalchemy

directory, url, seconds, what = pathlib.Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4]
sqlite = url.startswith("sqlite")


def revision(address):
    """The version of a database's tables; empty when it has none yet."""
    engine = sqlalchemy.create_engine(address)
    with engine.connect() as connection:
        if not sqlalchemy.inspect(connection).has_table("alembic_version"):
            return ""
        return connection.execute(sqlalchemy.text("SELECT version_num FROM alembic_version")).scalar() or ""


def wait():
    """The version of the hub's tables, as soon as the database answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return revision(url)
        except sqlalchemy.exc.OperationalError as error:
            if time.monotonic() > deadline:
                sys.exit(f"The database did not answer within {seconds:.0f} s: {error.orig}")
        time.sleep(1)


def copy(source, target):
    """Copy a SQLite database whole; the copy is complete or not there."""
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    with sqlite3.connect(source) as opened, sqlite3.connect(part) as made:
        opened.backup(made)
    os.replace(part, target)


for name in ("copy-wanted", "put-back-wanted"):
    (directory / name).unlink(missing_ok=True)
database = directory / "jupyterhub.sqlite"
if sqlite and not database.exists():
    sys.exit(0)
current = wait()
settings = alembic.config.Config()
settings.set_main_option("script_location", str(pathlib.Path(jupyterhub.__file__).parent / "alembic"))
scripts = alembic.script.ScriptDirectory.from_config(settings)
known = {script.revision for script in scripts.walk_revisions()}

if what == "copy" and current in known and current != scripts.get_current_head():
    print(f"JupyterHub {jupyterhub.__version__} is going to upgrade the database, which is copied first.")
    if sqlite:
        copy(database, directory / f"jupyterhub.sqlite.before-{jupyterhub.__version__}")
    else:
        (directory / "copy-wanted").touch()
if what == "put-back" and current and current not in known:
    print(
        f"The database was upgraded by a newer JupyterHub than {jupyterhub.__version__}: the copy of before takes its place."
    )
    if sqlite:
        copies = [
            path for path in directory.glob("jupyterhub.sqlite.before-*") if revision(f"sqlite:///{path}") in known
        ]
        if not copies:
            sys.exit("There is no copy of the database from before.")
        os.replace(database, directory / f"jupyterhub.sqlite.set-aside-{time.strftime('%Y%m%d-%H%M%S')}")
        copy(max(copies, key=lambda path: path.stat().st_mtime), database)
    else:
        (directory / "put-back-wanted").touch()
