# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts containers as a hub does, with the real DockerSpawner; runs in the environment of a hub.

On standard input a list of ``{"user": ..., "server": ..., "traits": {...}}``, on standard output the same with the
container's ``id``, ``name`` and the API ``token`` that it was given.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import typing as t

from dockerspawner import DockerSpawner
from jupyterhub import orm
from jupyterhub.objects import Hub
from jupyterhub.user import User


async def start(db: t.Any, wanted: dict[str, t.Any]) -> dict[str, t.Any]:
    """Create and start the container of one user server."""
    owner = orm.User.find(db, wanted["user"])
    if owner is None:
        owner = orm.User(name=wanted["user"])
        db.add(owner)
        db.commit()
    user = User(owner, {"spawner_class": DockerSpawner, "config": None})
    user._new_orm_spawner(wanted["server"], wanted["server"])
    spawner = user._new_spawner(wanted["server"], hub=Hub(), cmd=["sleep", "infinity"], **wanted["traits"])
    spawner.api_token = secrets.token_hex()
    container = await spawner.create_object()
    spawner.object_id = container["Id"]
    await spawner.start_object()
    return {**wanted, "id": container["Id"], "name": spawner.container_name, "token": spawner.api_token}


async def main() -> None:
    """Start what is asked for, one after the other."""
    db = orm.new_session_factory("sqlite:///:memory:")()
    print(json.dumps([await start(db, wanted) for wanted in json.load(sys.stdin)]))


if __name__ == "__main__":
    asyncio.run(main())
