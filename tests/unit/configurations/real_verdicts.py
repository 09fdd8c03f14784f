"""Runs in a hub's interpreter: one request for _probe.check a line in, the findings of the real classes out."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import tempfile

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _probe, _probe_inventory, _probe_values


def main() -> None:
    """Answer until standard input ends; the first line out is the inventory."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    inventory = _probe_inventory.Inventory()
    classes = _probe_values.RealClasses(inventory.classes)
    _probe.add_admissions(inventory, classes)
    print(json.dumps(inventory.data), file=answers, flush=True)
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        for line in sys.stdin:
            findings, _doubtful = _probe.check(json.loads(line), inventory, classes)
            print(json.dumps([dataclasses.asdict(finding) for finding in findings]), file=answers, flush=True)
        os.chdir("/")


main()
