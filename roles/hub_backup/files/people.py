"""Writes a list of people, in the form of hub_userlist, when it is not that of the last time.

Standard input is JSON: directory, lines and check, with which nothing is written. A list has its time in its name, and `latest`
is a link to the newest one. Prints the path of that, and whether it is new, as JSON.
"""

import datetime
import json
import os
import pathlib
import sys

given = json.load(sys.stdin)
directory = pathlib.Path(given["directory"])
text = "".join(f"{line}\n" for line in given["lines"])
latest = directory / "latest"
differs = not latest.is_file() or latest.read_text(encoding="utf-8") != text
if differs and not given["check"]:
    os.umask(0o077)
    directory.mkdir(parents=True, exist_ok=True)
    moment = datetime.datetime.now(datetime.timezone.utc)
    path = directory / f"{moment:%Y-%m-%dT%H-%M-%S.%f}Z.txt"
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new = directory / ".latest"
    new.unlink(missing_ok=True)
    new.symlink_to(path.name)
    new.replace(latest)
print(json.dumps({"changed": differs, "path": str(latest)}))
