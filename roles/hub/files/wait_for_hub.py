"""Wait until the hub answers: URL SECONDS VERSION [COMMAND...]. A last try is made when the time is over.

VERSION is the JupyterHub that it has to be, empty for any; URL ends in hub/health then. COMMAND prints when the hub was
started. A hub that has ended twice meanwhile will not answer later either, and is not waited for any longer.
"""

import json
import ssl
import subprocess
import sys
import time
import urllib.request

ENDED_TWICE = 3  # starts that were seen

url, seconds, version, *command = sys.argv[1:]
deadline = time.monotonic() + float(seconds)
# Only this machine is asked; the certificate is for the public name.
context = ssl._create_unverified_context()
# A proxy that the environment names is for other hosts.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
starts = set()
asked = time.monotonic()


def start():
    """What the command prints; nothing when it can not tell."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


while True:
    late = time.monotonic() > deadline
    try:
        opener.open(url, timeout=5).close()
        break
    except OSError as error:
        if late:
            sys.exit(f"{url} did not answer within {seconds} s: {error}")
    if command and time.monotonic() - asked >= 1:
        starts.add(start())
        asked = time.monotonic()
        if len(starts - {""}) >= ENDED_TWICE:
            sys.exit(f"{url} did not answer: the hub ended twice while it was waited for")
    time.sleep(0.2)
if version:
    with opener.open(f"{url.removesuffix('health')}api", timeout=30) as answer:
        found = json.load(answer)["version"]
    if found != version:
        sys.exit(f"The hub is JupyterHub {found}; expected {version}, which is hub_version.")
