"""Stand-in for pip's installer, which ansible-test would download: pip as it comes with Python installs the pinned pip."""

from __future__ import annotations

import ensurepip
import pathlib
import runpy
import sys

# Options of the installer that pip itself does not know.
FOREIGN_OPTIONS = ("--no-setuptools", "--no-wheel")

bundled = pathlib.Path(ensurepip.__file__).parent / "_bundled"
system = pathlib.Path("/usr/share/python-wheels")
wheels = [*bundled.glob("pip-*.whl"), *system.glob("pip-*.whl")]
sys.path.insert(0, str(wheels[0]))
sys.argv = ["pip", "install", *(argument for argument in sys.argv[1:] if argument not in FOREIGN_OPTIONS)]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
