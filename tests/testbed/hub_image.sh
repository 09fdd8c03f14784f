#!/usr/bin/env bash
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A stand-in for a hub image, for tests where no image can be pulled: Debian, and the packages in /srv/venv.
#
#   hub_image.sh REQUIREMENTS PACKAGE...   print the name of the image; build it first when the engine lacks it
#
# REQUIREMENTS is a pip requirements file; of its packages those that are named are installed, with its pins.
# Starts a Docker engine where none answers (package docker.io, dockerd as a process), for which it needs root.
# The base file system is kept in HUBWRIGHT_CACHE (default ${XDG_CACHE_HOME:-$HOME/.cache}/hubwright).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/testbed/images/common.sh
source "$here/images/common.sh"

requirements=$1
shift
image=hubwright.test/hub:$({ debian_name && pins "$requirements" && cat "$here/images/hub/Dockerfile" && echo "$@"; } | checksum)

exec 9>"$cache/images.lock"
flock 9
start_engine
docker image inspect "$image" >/dev/null 2>&1 || {
    base=$(debian_image)
    build_image "$here/images/hub" "$requirements" "BASE=$base" "PACKAGES=$*" -- "$image"
}
echo "$image"
