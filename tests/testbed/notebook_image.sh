#!/usr/bin/env bash
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A notebook image of a moment: the stand-in of quay.io/jupyterhub/singleuser with one small layer.
#
#   notebook_image.sh RELEASE NAME [LINE...]   build it as NAME; print its id
#
# RELEASE is what the environment variable RELEASE in it says; each LINE is a further one of its Dockerfile.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -ge 2 ] || {
    echo "usage: $0 RELEASE NAME [LINE...]" >&2
    exit 2
}
release=$1 name=$2
shift 2
base=$("$here/images.sh" jupyterhub/singleuser:6.1.1)
docker image inspect "$base" >/dev/null 2>&1 || docker pull --quiet "$base" >/dev/null
# BuildKit is not everywhere.
printf '%s\n' "FROM $base" "ENV RELEASE=$release" "$@" | DOCKER_BUILDKIT=0 docker build --quiet --tag "$name" -
