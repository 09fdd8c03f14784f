# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of site.yml costs that finds nothing to do, on any platform."""

from __future__ import annotations

import shutil

import bench_hub
import measuring
from measuring import Broken, Row, at_most, median

PING = """
- hosts: hubs
  gather_facts: false
  tasks:
    - ansible.builtin.ping:
"""


def no_change(hub: bench_hub.Hub, runs: int, calls: int, cpu_of_pings: float = 0) -> list[Row]:
    """Module calls and CPU.

    :param calls: goal for the number of module calls.
    :param cpu_of_pings: goal for the CPU, in plays with one ping; 0 for none.
    """
    names = module_calls(hub)
    ping = hub.temporary / "ping.yml"
    ping.write_text(PING, encoding="utf-8")
    pings, sites = [], []
    for _number in range(runs):
        pings.append(hub.play(ping))
        sites.append(hub.play("site.yml"))
        if "changed=0 " not in sites[-1].output:
            raise Broken(f"site.yml changed something at a second run:\n{sites[-1].output[-3000:]}")
    ratio = median(site.cpu / ping.cpu for site, ping in zip(sites, pings))
    what = "CPU of site.yml without a change, in pings"
    note = f"CPU {median(run.cpu for run in sites):.2f} s, {median(run.wall for run in sites):.1f} s by the clock"
    return [
        at_most("module calls of site.yml without a change", len(names), calls, "", ", ".join(names)),
        Row("play with one ping, to compare with", f"CPU {median(run.cpu for run in pings):.2f} s"),
        at_most(what, ratio, cpu_of_pings, "", note)
        if cpu_of_pings
        else Row(what, f"{measuring.number(ratio)} ({note})"),
    ]


def module_calls(hub: bench_hub.Hub) -> list[str]:
    """Names of the modules that site.yml starts, one for each process.

    Ansible is told to keep what it sends to a host, in a directory of ours: each module call leaves one AnsiballZ file.
    That counts what really ran, also the calls that an action such as copy makes on its own. It makes a run slower, so
    CPU is measured in others.
    """
    kept = hub.temporary / "kept"
    hub.play("site.yml", ANSIBLE_KEEP_REMOTE_FILES="1", ANSIBLE_REMOTE_TMP=str(kept))
    found = [path.stem.removeprefix("AnsiballZ_") for path in kept.rglob("AnsiballZ_*.py")]
    shutil.rmtree(kept)
    if not found:
        raise Broken("site.yml left no module behind, so that its module calls cannot be counted")
    return sorted(found)
