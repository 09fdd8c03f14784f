"""Runs before the hub in its pod: DIRECTORY copy|put-back.

copy: a SQLite database that this JupyterHub is going to upgrade is copied beside itself first.
put-back: a database that a newer JupyterHub has upgraded is set aside, and the copy from before that takes its place.
Both do nothing when there is nothing to do.
"""

import os
import pathlib
import sqlite3
import sys
import time

import alembic.config
import alembic.script
import jupyterhub

directory, what = pathlib.Path(sys.argv[1]), sys.argv[2]
database = directory / "jupyterhub.sqlite"


def revision(path):
    """The version of a database's tables; empty when it has none yet."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        try:
            return connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        except (sqlite3.OperationalError, TypeError):
            return ""


def copy(source, target):
    """Copy a database whole, whatever else has it open; the copy is complete or not there."""
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    with sqlite3.connect(source) as opened, sqlite3.connect(part) as made:
        opened.backup(made)
    os.replace(part, target)


if not database.exists():
    sys.exit(0)
settings = alembic.config.Config()
settings.set_main_option("script_location", str(pathlib.Path(jupyterhub.__file__).parent / "alembic"))
scripts = alembic.script.ScriptDirectory.from_config(settings)
known = {script.revision for script in scripts.walk_revisions()}
current = revision(database)

if what == "copy" and current in known and current != scripts.get_current_head():
    target = directory / f"jupyterhub.sqlite.before-{jupyterhub.__version__}"
    copy(database, target)
    print(f"The database is going to be upgraded by JupyterHub {jupyterhub.__version__}; the copy of before is {target.name}.")
if what == "put-back" and current and current not in known:
    copies = [path for path in directory.glob("jupyterhub.sqlite.before-*") if revision(path) in known]
    if not copies:
        sys.exit(f"The database was upgraded by a newer JupyterHub than {jupyterhub.__version__}, and there is no copy of before.")
    newest = max(copies, key=lambda path: path.stat().st_mtime)
    aside = directory / f"jupyterhub.sqlite.set-aside-{time.strftime('%Y%m%d-%H%M%S')}"
    os.replace(database, aside)
    copy(newest, database)
    print(f"{newest.name} is the database again; what the newer JupyterHub had is in {aside.name}.")
