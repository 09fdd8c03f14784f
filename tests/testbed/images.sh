#!/usr/bin/env bash
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Stand-ins for the images that the roles name, where no image can be pulled: built from Debian, PyPI and npm, and served
# by a registry on this machine, so that unchanged roles pull them.
#
#   images.sh [NAME...]     build and push what the registry lacks; print the full names, one a line
#
# NAME is a name without the registry, as in the list below; without a name all of them. In HUBWRIGHT_CACHE (default
# ${XDG_CACHE_HOME:-$HOME/.cache}/hubwright) are the registry's images and a Debian root file system. A second tag of each
# image is the checksum of all that it was built from: what is up to date costs one question to the registry.
# Starts a Docker engine where none answers (package docker.io, dockerd as a process). Needs root and Debian 12.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/testbed/images/common.sh
source "$here/images/common.sh"
project=$(cd "$here/../.." && pwd)

# NAME:TAG DIRECTORY BASE [CONSTRAINTS] [ARGUMENT=VALUE...]; a base is Debian or another image of this list.
# In the last three is the release that Debian 12 has: HAProxy 2.6, PostgreSQL 15, nginx 1.22.
list="
jupyterhub/jupyterhub:6.1.1              hub        debian requirements-hub-6.1.txt PACKAGES=jupyterhub
jupyterhub/jupyterhub:5.5.4              hub        debian requirements-hub-5.5.txt PACKAGES=jupyterhub
jupyterhub/base-notebook:1               lab        debian requirements-hub-6.1.txt
jupyterhub/singleuser:6.1.1              singleuser jupyterhub/base-notebook:1 requirements-hub-6.1.txt
jupyterhub/singleuser:5.5.4              singleuser jupyterhub/base-notebook:1 requirements-hub-5.5.txt
jupyterhub/configurable-http-proxy:5.3.0 proxy      debian - NODE_VERSION=24.19.0 PROXY_VERSION=5.3.0
library/haproxy:3.2-alpine               haproxy    debian
library/postgres:15                      postgres   debian
library/nginx:1.22                       nginx      debian
ubi9/python-312:9.8                      python     debian
"

# The fields of an image of the list: directory base constraints arguments.
entry() { awk -v name="$1" '$1 == name { $1 = ""; print; found = 1 } END { exit !found }' <<<"$list"; }

# The requirements file whose pins an image gets; "-" and nothing mean none.
requirements() { if [ "${1:--}" = - ]; then echo /dev/null; else echo "$project/$1"; fi; }

# Prints the checksum of everything that makes an image what it is.
recipe() {
    local directory base file arguments
    read -r directory base file arguments <<<"$(entry "$1")"
    {
        if [ "$base" = debian ]; then debian_name; else recipe "$base"; fi
        pins "$(requirements "$file")"
        echo "$arguments"
        # Directories are copied into the image with their modes.
        (cd "$here/images/$directory" && find . -type f -printf '%P %m\n' | sort && find . -type f -print0 | sort -z | xargs -0 cat)
    } | checksum
}

# The digest under which the registry has an image; fails when it has none.
digest() {
    curl --silent --fail --head --noproxy '*' -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' \
        "http://$registry/v2/${1%:*}/manifests/${1##*:}" | tr -d '\r' | sed -n 's/^Docker-Content-Digest: //Ip'
}

present() {
    local known
    known=$(digest "$1") && [ "$known" = "$(digest "${1%:*}:$2")" ]
}

build() {
    local name=$1 tag=$2 directory base file arguments
    read -r directory base file arguments <<<"$(entry "$name")"
    if [ "$base" = debian ]; then
        base=$(debian_image)
    else
        ensure "$base"
        base=$registry/$base
    fi
    # shellcheck disable=SC2086 # several arguments
    build_image "$here/images/$directory" "$(requirements "$file")" "BASE=$base" $arguments \
        -- "$registry/$name" "$registry/${name%:*}:$tag"
    # The checksum goes last: it says that the other tag is there.
    docker push --quiet "$registry/$name" >/dev/null
    docker push --quiet "$registry/${name%:*}:$tag" >/dev/null
}

# Builds and pushes an image unless the registry has it as it should be.
ensure() {
    local tag
    tag=recipe-$(recipe "$1")
    present "$1" "$tag" || build "$1" "$tag"
}

for name in "$@"; do
    entry "$name" >/dev/null || fail "there is no stand-in for $name. There are:$(awk 'NF { print "\n  " $1 }' ORS= <<<"$list")"
done
[ $# -gt 0 ] || readarray -t names < <(awk 'NF { print $1 }' <<<"$list")
[ $# = 0 ] || names=("$@")

exec 9>"$cache/images.lock"
flock 9
start_engine
registry=$("$here/registry.sh")
for name in "${names[@]}"; do
    ensure "$name"
    echo "$registry/$name"
done
