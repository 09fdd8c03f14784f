"""Keep a copy of what a role placed, or put it back: keep|put-back DIRECTORY PATH ... [UNIT ...].

PATH is a file or folder of DIRECTORY, relative to it; UNIT is an absolute path. The copy, in DIRECTORY/last-good, is complete
or as it was before. Files that came later than the copy stay; nothing refers to them. What keep finds on standard input becomes
DIRECTORY/etc/finished.json, the record of a run.
"""

import os
import pathlib
import shutil
import subprocess
import sys

what = sys.argv[1]
directory = pathlib.Path(sys.argv[2])
names = [name for name in sys.argv[3:] if not name.startswith("/")]
units = [pathlib.Path(name) for name in sys.argv[3:] if name.startswith("/")]
good, new = directory / "last-good", directory / "last-good.new"


def copy(source: pathlib.Path, folder: pathlib.Path) -> None:
    """Copy a file or folder into a folder, with owners, modes and times; one that is missing is left out."""
    if source.exists():
        subprocess.run(["cp", "-a", source, folder], check=True)


if what == "keep":
    if record := sys.stdin.read():
        finished = directory / "etc" / "finished.json"
        part = finished.with_suffix(".part")
        part.touch(mode=0o600)
        part.write_text(record, encoding="utf-8")
        part.replace(finished)
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    (new / "units").mkdir()
    for name in names:
        (new / name).parent.mkdir(parents=True, exist_ok=True)
        copy(directory / name, (new / name).parent)
    for unit in units:
        copy(unit, new / "units")
    shutil.rmtree(good, ignore_errors=True)
    os.rename(new, good)
else:
    for name in names:
        copy(good / name, (directory / name).parent)
    for unit in units:
        copy(good / "units" / unit.name, unit.parent)
