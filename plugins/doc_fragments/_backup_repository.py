# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of modules that work with a backup repository. Private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors ARGUMENTS of module_utils/_backup_options.py."""

    DOCUMENTATION = r"""
options:
  repository:
    description:
      - Directory that holds the backups, absolute, on the host that runs the module. It is made with mode 0700 when it is missing, and
        refused when other accounts may write into it.
    type: path
    required: true
  hub:
    description: Name of the hub, which is the first level of directories in the repository.
    type: str
    required: true
  socket:
    description:
      - Path of the Docker engine's socket, for Docker volumes. When left out, what E(DOCKER_HOST) says, or C(/var/run/docker.sock).
    type: path
notes:
  - A backup is C(REPOSITORY/HUB/USER/TIME.tar.zst), with the manifest C(TIME.json) and the list of files C(TIME.files.zst) beside it.
    Volumes of another name than V(home) have a directory of that name below the user's. Characters of a user's name that
    are no letter, digit, C(.), C(_), C(-) or C(@) are percent-encoded in the directory's name.
  - Where the system has neither libzstd nor the program C(zstd), archives are C(.tar.gz).
"""
