# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of modules that reach a Kubernetes cluster. Private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors ARGUMENTS of module_utils/_cluster.py."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - Kubeconfig on the host that runs the module. Without it, E(KUBECONFIG) or C(~/.kube/config).
    type: path
  context:
    description: Context of the kubeconfig. Without it, the current one.
    type: str
  namespace:
    description: Namespace of the hub.
    type: str
    required: true
requirements:
  - kubernetes (Python library)
notes:
  - Tested with Kubernetes 1.20. Uses no API that needs another version.
"""
