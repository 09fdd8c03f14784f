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
      - Needed with O(engine=archive), and only with that.
    type: path
  hub:
    description: Name of the hub, which is the first level of directories in the repository.
    type: str
    required: true
  engine:
    description:
      - V(archive) writes one compressed tar archive per volume and time, with a manifest, that plain C(tar) restores.
      - V(restic) uses the program C(restic), 0.14 or newer, with an encrypted and deduplicated repository of its own. All volumes of a run
        are one snapshot. It follows paths and not descriptors, so a user whose server runs could swap a directory for a link
        meanwhile, it leaves holes of sparse files out only from 0.15 on, and it says how many files and bytes there are for all volumes only.
    type: str
    choices: [archive, restic]
    default: archive
  restic:
    description: Where the repository of restic is, needed for O(engine=restic).
    type: dict
    suboptions:
      repository:
        description: Repository as restic names it, such as V(/srv/restic) or V(sftp:backup@host:/srv/restic). It is made when it is missing.
        type: str
        required: true
      password_file:
        description: File with the repository's password, that nobody else may read.
        type: path
        required: true
      environment:
        description: Environment variables for restic, such as credentials of an object store. The values are never shown.
        type: dict
        default: {}
  socket:
    description:
      - Path of the Docker engine's socket, for Docker volumes. When left out, what E(DOCKER_HOST) says, or C(/var/run/docker.sock).
      - E(DOCKER_HOST) may name an engine that is elsewhere (C(tcp://), with E(DOCKER_TLS_VERIFY) and E(DOCKER_CERT_PATH), or C(ssh://)).
    type: path
  helper:
    description:
      - Whether a container reads and writes Docker volumes. It runs Python as root with no network, a root file system that can not
        be written, and the capabilities that this takes. To read, all volumes are in one container, which can not write them. What a
        killed run leaves ends by itself within a minute.
      - V(auto) does so where this host can not read a volume itself, with an engine elsewhere or in a virtual machine, with a volume of
        another driver or with options, and when the module does not run as root.
      - V(never) fails there. With O(engine=restic) there is no container.
    type: str
    choices: [auto, always, never]
    default: auto
    version_added: 0.2.0
  helper_image:
    description: Image for that container, with Python 3.10 or later, such as the notebook image. The engine has to have it; none is pulled.
    type: str
    version_added: 0.2.0
  cluster:
    description:
      - The Kubernetes cluster of persistent volume claims, and the pods that have them mounted meanwhile. Such a pod satisfies the pod
        security standard "restricted", has no token, needs no network, and is removed afterwards. It goes where the claim
        is in use. What a killed run leaves ends by itself within a minute, and the next run removes it.
      - The account of the kubeconfig needs what C(edit) gives in the namespace. Needs the Python library C(kubernetes).
    type: dict
    version_added: 0.2.0
    suboptions:
      kubeconfig:
        description: Kubeconfig on this host. Without it, E(KUBECONFIG) or C(~/.kube/config).
        type: path
      context:
        description: Context of the kubeconfig. Without it, the current one.
        type: str
      namespace:
        description: Namespace of the claims.
        type: str
        required: true
      labels:
        description: Labels of the pod.
        type: dict
        default: {}
      image:
        description: Image with Python 3.10 or later, such as that of the hub.
        type: str
        required: true
      uid:
        description: Number of the account that user servers have; V(0) leaves it to the cluster, as OpenShift wants it.
        type: int
        default: 1000
      seccomp:
        description:
          - Ask for the seccomp profile C(RuntimeDefault), which the standard "restricted" demands. OpenShift sets a profile
            itself, and its security context constraint C(restricted) refuses a pod that asks for one.
        type: bool
        default: true
      group:
        description: Number of the group that the cluster gives the volumes to; V(0) leaves that to the cluster.
        type: int
        default: 100
      pull_policy:
        description: When the node pulls the image.
        type: str
        choices: [Always, IfNotPresent, Never]
        default: IfNotPresent
      pull_secrets:
        description: Names of Secrets with which the node pulls it.
        type: list
        elements: str
        default: []
      node_selector:
        description: Labels of the nodes that the pod may run on.
        type: dict
        default: {}
      tolerations:
        description: Taints of nodes that the pod tolerates.
        type: list
        elements: dict
        default: []
      timeout:
        description: Seconds for a pod to come up.
        type: int
        default: 300
notes:
  - With V(archive), a backup is C(REPOSITORY/HUB/USER/TIME.tar.zst), with the manifest C(TIME.json) and the list of files C(TIME.files.zst) beside it.
    Volumes of another name than V(home) have a directory of that name below the user's. Characters of a user's name that
    are no letter, digit, C(.), C(_), C(-) or C(@) are percent-encoded in the directory's name.
  - Where the system has neither libzstd nor the program C(zstd), archives are C(.tar.gz).
"""
