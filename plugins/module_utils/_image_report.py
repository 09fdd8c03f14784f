# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of the releases of notebook images, and of who runs which. Pure. Private to the collection."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _times
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._tables import table

COLUMNS = ("hub", "image", "release", "state", "since", "running", "stopped")
RIGHT = {"running", "stopped"}
NAMES_SHOWN = 10

# What notebook_image_info returns.
Image = t.Mapping[str, t.Any]


def report(hubs: t.Mapping[str, t.Mapping[str, Image]]) -> list[str]:
    """Lines of one table of releases, and below it one line for each image that some do not run in its live release.

    :param hubs: by the hub's host name, by live reference, what notebook_image_info returned.
    :raises HubError: it is no such mapping.
    """
    rows, notes = [], []
    for hub, images in sorted(_checked(hubs).items()):
        for image, found in images.items():
            rows += [_row(hub, image, release) for release in found["releases"]]
            if not found["live"]:
                notes.append(f"{hub}: no image is {image} yet.")
            if behind(found["servers"]):
                notes.append(f"{hub}: {_who(found['servers'])} of {image}.")
    lines = table(COLUMNS, rows, RIGHT) if rows else ["There is no release of any image."]
    return lines + ([""] + notes if notes else [])


def _checked(hubs: t.Any) -> t.Mapping[str, t.Mapping[str, Image]]:
    good = isinstance(hubs, t.Mapping) and all(
        isinstance(images, t.Mapping)
        and all(
            isinstance(found, t.Mapping) and {"live", "releases", "servers"} <= set(found) for found in images.values()
        )
        for images in hubs.values()
    )
    if not good:
        raise HubError(
            "notebook_image_report got something else than a mapping of hubs to images to what notebook_image_info returned."
        )
    return t.cast("t.Mapping[str, t.Mapping[str, Image]]", hubs)


def _row(hub: str, image: str, release: t.Mapping[str, t.Any]) -> list[t.Any]:
    state = "live" if release["live"] else "held" if release["held"] else "earlier"
    # One that has no name yet is known by its id.
    name = release["name"] or release["id"].rpartition(":")[2][:12]
    return [hub, image, name, state, release["time"], release["running"], release["stopped"]]


def behind(servers: t.Iterable[t.Mapping[str, t.Any]]) -> list[t.Mapping[str, t.Any]]:
    """User servers with an older release; one with an image that was never live is none of this image's."""
    return [server for server in servers if server["release"] and not server["live"]]


def _who(servers: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    old = behind(servers)
    known = len([server for server in servers if server["release"]])
    names = [title(server) + ("" if server["state"] == "running" else f" ({server['state']})") for server in old]
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    shown = ", ".join(names[:NAMES_SHOWN]) + more
    return f"{shown}: {len(old)} of {known} user servers have an older release"


def title(server: t.Mapping[str, t.Any]) -> str:
    """A user server in a word: ``ada``, or ``ada/gpu`` with the name of the server."""
    owner = server["user"] or server["container"]
    return f"{owner}/{server['server']}" if server["server"] else owner


def idle(
    servers: t.Iterable[t.Mapping[str, t.Any]],
    activity: t.Iterable[t.Mapping[str, t.Any]],
    seconds: float,
    now: datetime.datetime | None = None,
) -> list[t.Mapping[str, t.Any]]:
    """Those that run an older release and had no activity for so long.

    :param servers: ``servers`` of notebook_image_info.
    :param activity: ``servers`` of hub_info. One that the hub does not know, or that is just starting or stopping, is left alone.
    :param seconds: more than 0.
    """
    if seconds <= 0:
        raise HubError(f"notebook_image_idle got {seconds} seconds, expected more than 0.")
    since = (now or datetime.datetime.now(datetime.timezone.utc)) - datetime.timedelta(seconds=seconds)
    last = {
        (entry["user"], entry["name"]): _times.moment(entry["last_activity"] or entry["started"])
        for entry in activity
        if entry["ready"] and not entry["pending"] and (entry["last_activity"] or entry["started"])
    }
    return [
        server
        for server in behind(servers)
        if server["state"] == "running" and last.get((server["user"], server["server"]), since) < since
    ]
