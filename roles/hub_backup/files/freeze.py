"""Let user servers stand still for as long as their files are read, or go on: freeze|thaw, what as JSON on standard input.

`containers` are paused by the engine. Of `users`, all processes that know the hub at `api_url` as theirs get SIGSTOP: the server, its
kernels and what they started have that in their environment. Whatever happens to the run, a watch lets all of them go on after
`limit` seconds. Prints what stands still.
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
# While this file is there, what it names stands still.
mark = pathlib.Path(asked["mark"])
run = os.urandom(8).hex()


def processes_of(users):
    """Numbers of the processes of users' servers."""
    wanted = {f"JUPYTERHUB_USER={user}".encode() for user in users}
    api_url = f"JUPYTERHUB_API_URL={asked['api_url']}".encode()
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        # One that has ended meanwhile, or that belongs to somebody whose processes this account may not see.
        with contextlib.suppress(OSError):
            environment = set((entry / "environ").read_bytes().split(b"\0"))
            if environment & wanted and api_url in environment:
                found.append(int(entry.name))
    return found


def send(processes, number):
    """A signal to all of them; one that has ended meanwhile is left out."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


def runs(process):
    """Whether a process has not got its signal yet; one that waits for its disk can not do anything else either."""
    with contextlib.suppress(OSError):  # it has ended meanwhile
        state = pathlib.Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
        return state not in "DTtXZ"
    return False


def write(containers, processes):
    """The mark, as a whole or not at all; the identity tells a watch that it is its own."""
    mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
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


if mark.exists():
    thaw()  # when freezing, of a run that was killed
if sys.argv[1] == "freeze":
    processes = []
    write(asked["containers"], processes)
    watch()
    # One that was stopped in this moment has nothing to pause.
    paused = [
        container
        for container in asked["containers"]
        if subprocess.run([*asked["docker"], "pause", container], capture_output=True, check=False).returncode == 0
    ]
    # Until nothing is left that could have started something meanwhile. Written first: the watch has to know of all.
    while new := sorted(set(processes_of(asked["users"])) - set(processes)):
        processes += new
        write(paused, processes)
        send(new, signal.SIGSTOP)
    write(paused, processes)
    deadline = time.monotonic() + 10
    while any(map(runs, processes)) and time.monotonic() < deadline:
        time.sleep(0.01)
    print(json.dumps({"containers": paused, "processes": len(processes)}))
