# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the accounts that user servers may become: a JSON mapping of name to user and group number.

accounts.py HOMES [NAME...]

An account counts when it has the home that HOMES says, ``/home/{username}`` for example. A directory service may not
list everybody it knows, so each NAME is asked for by itself. Root never counts: its server would be root in a
container that was given rights.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import pwd
import sys

homes, *names = sys.argv[1:]
known = pwd.getpwall()
for name in names:
    with contextlib.suppress(KeyError):
        known.append(pwd.getpwnam(name))
accounts = {
    account.pw_name: [account.pw_uid, account.pw_gid]
    for account in known
    if account.pw_uid and account.pw_gid and pathlib.Path(homes.replace("{username}", account.pw_name)).is_dir()
}
print(json.dumps(accounts, indent=1, sort_keys=True))
