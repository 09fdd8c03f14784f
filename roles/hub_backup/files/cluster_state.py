"""Write a hub's own state, as it was read from a cluster, where it is backed up next. What to do is JSON on standard input:
`staging`, a directory that is made anew and that nobody else can look into; `files`, path to content as base64."""

import base64
import json
import os
import pathlib
import shutil
import sys

os.umask(0o077)
asked = json.load(sys.stdin)
staging = pathlib.Path(asked["staging"])
shutil.rmtree(staging, ignore_errors=True)  # of a run that was killed; what can not be removed fails below
staging.mkdir(mode=0o700, parents=True)
for name, content in asked["files"].items():
    path = staging / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(base64.b64decode(content))
