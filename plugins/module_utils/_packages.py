# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pip requirements of a hub. Private to the collection."""

from __future__ import annotations

import re
import typing as t

# Tested together with JupyterHub 5.5 and 6.1. jupyterhub itself is pinned by hub_version.
PINS = {
    "dockerspawner": "14.0.0",
    "jupyterhub-idle-culler": "2.0.0",
    "jupyterhub-kubespawner": "7.1.0",
    "jupyterhub-ldapauthenticator": "2.0.2",
    "jupyterhub-ltiauthenticator": "1.6.3",
    "jupyterhub-nativeauthenticator": "1.3.0",
    "jupyterhub-tmpauthenticator": "1.0.0",
    "jupyterlab": "4.6.6",
    "notebook": "7.6.5",
    "oauthenticator": "17.4.0",
    "psycopg2-binary": "2.9.13",
}

SPAWNERS = {"docker": "dockerspawner", "system-user": "dockerspawner", "kube": "jupyterhub-kubespawner"}


def _name(requirement: str) -> str:
    """Canonical project name of a requirement: ``JupyterHub_X[all]==1`` -> ``jupyterhub-x``."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;@]", requirement.strip(), maxsplit=1)[0]).lower()


def requirements(version: str, names: t.Iterable[str], extra: t.Iterable[str]) -> list[str]:
    """Pinned requirements, sorted.

    :param version: JupyterHub release.
    :param names: names of ``PINS`` or whole requirements.
    :param extra: what the description asks for; wins over a pin of the same project.
    """
    wanted = {"jupyterhub": f"jupyterhub=={version}"}
    for item in [*names, *extra]:
        wanted[_name(item)] = f"{item}=={PINS[item]}" if item in PINS else item.strip()
    return [wanted[name] for name in sorted(wanted)]
