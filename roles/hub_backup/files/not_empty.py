"""Says which of these volumes, JSON on standard input, have something in them: directories by their path, others of the engine.

The arguments are the command of the engine.
"""

import json
import os
import subprocess
import sys


def directory(volume):
    """Where its files are; empty for a volume that is not there."""
    if volume.startswith("/"):
        return volume
    asked = [*sys.argv[1:], "volume", "inspect", "--format", "{{.Mountpoint}}", volume]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def filled(volume):
    """Whether there is anything in it."""
    there = directory(volume)
    return bool(there) and os.path.isdir(there) and any(True for _entry in os.scandir(there))


print(json.dumps([volume for volume in json.load(sys.stdin) if filled(volume)]))
