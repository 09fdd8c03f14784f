"""Stop every process that runs from the environments below DIRECTORY: the user servers and their kernels.

A hub leaves them running when it stops, so removing the hub has to end them. Says how many there were.
"""

import os
import pathlib
import signal
import sys
import time

directory = sys.argv[1].rstrip("/") + "/"


def running() -> list[int]:
    """Process ids, without this one and its parents."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        # A script shows its interpreter first and itself second.
        if any(word.startswith(os.fsencode(directory)) for word in words[:2]) and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


first = running()
for number, deadline in ((signal.SIGTERM, time.monotonic() + 10), (signal.SIGKILL, time.monotonic() + 15)):
    for process in running():
        try:
            os.kill(process, number)
        except ProcessLookupError:
            pass
    while running() and time.monotonic() < deadline:
        time.sleep(0.2)
print(len(first))
sys.exit(1 if running() else 0)
