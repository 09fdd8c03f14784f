"""Let user servers stand still for as long as their files are read, or go on: freeze|thaw, what as JSON on standard input.

`containers` are paused by the engine, `processes` and all that they started get SIGSTOP. Whatever happens to the run, a watch lets all
of them go on after `limit` seconds. Prints what was frozen.
"""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

asked = json.load(sys.stdin)
# While this file is there, the servers that it names stand still.
mark = pathlib.Path(asked["mark"])
run = os.urandom(8).hex()


def with_children(first):
    """Process numbers, each followed by those of what it started."""
    parents = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            # The name, in brackets, may hold anything.
            parents.setdefault(int((entry / "stat").read_text().rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found = list(first)
    for process in found:
        found += parents.get(process, [])
    return found


def send(processes, number):
    """A signal to all of them; one that has ended meanwhile is left out."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


def write(containers, processes):
    """The mark, as a whole or not at all; the identity tells a watch that it is its own."""
    new = mark.with_suffix(".new")
    new.write_text(json.dumps({"run": run, "containers": containers, "processes": processes}), encoding="utf-8")
    new.replace(mark)


def is_mine():
    """Whether what this run froze still stands still."""
    try:
        return json.loads(mark.read_text(encoding="utf-8"))["run"] == run
    except FileNotFoundError:
        return False


def thaw():
    """Let everything that the mark names go on. A container that is gone or goes on already is no failure."""
    frozen = json.loads(mark.read_text(encoding="utf-8"))
    for container in frozen["containers"]:
        subprocess.run([*asked["docker"], "unpause", container], capture_output=True, check=False)
    send(frozen["processes"], signal.SIGCONT)
    mark.unlink(missing_ok=True)


def watch():
    """In the background, until the mark is gone or the time is over."""
    if os.fork():
        return
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    deadline = time.monotonic() + asked["limit"]
    while is_mine() and time.monotonic() < deadline:
        time.sleep(0.2)
    if is_mine():
        thaw()
    os._exit(0)


if sys.argv[1] == "thaw":
    if mark.exists():
        thaw()
else:
    if mark.exists():
        thaw()  # of a run that was killed
    processes = with_children(asked["processes"])
    mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write(asked["containers"], processes)
    watch()
    paused = []
    for container in asked["containers"]:
        # One that was stopped in this moment has nothing to pause.
        if subprocess.run([*asked["docker"], "pause", container], capture_output=True, check=False).returncode == 0:
            paused.append(container)
    # The server first: it can start nothing new. Then again what was started meanwhile.
    send(processes, signal.SIGSTOP)
    send(set(with_children(asked["processes"])) - set(processes), signal.SIGSTOP)
    processes = with_children(asked["processes"])
    write(paused, processes)
    print(json.dumps({"containers": paused, "processes": len(processes)}))
