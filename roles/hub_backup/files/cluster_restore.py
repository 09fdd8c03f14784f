"""Make a hub's own state, restored into DIRECTORY, ready for another place: no server of before runs any more.

Prints its secrets as JSON, name to value.
"""

import contextlib
import json
import pathlib
import sqlite3
import sys

directory = pathlib.Path(sys.argv[1])
database = directory / "state" / "jupyterhub.sqlite"
# The hub's account could have left a link there.
if database.is_file() and not database.is_symlink():
    with contextlib.closing(sqlite3.connect(database)) as there:
        there.execute("DELETE FROM servers WHERE id IN (SELECT server_id FROM spawners)")
        there.execute("UPDATE spawners SET server_id = NULL, state = NULL, started = NULL")
        there.commit()
# A database in a pod of its own is restored there, before the hub starts.
dump = directory / "database.dump"
if dump.is_file() and not dump.is_symlink():
    (directory / "state").mkdir(mode=0o700, exist_ok=True)
    dump.rename(directory / "state" / "jupyterhub.restored.dump")
found = {}
for path in sorted((directory / "secrets").iterdir()):
    if path.is_file() and not path.is_symlink():
        found[path.name] = path.read_text(encoding="utf-8").rstrip("\n")
print(json.dumps(found))
