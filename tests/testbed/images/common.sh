# shellcheck shell=bash
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the scripts that make images share: the cache, a Docker engine, a Debian base image, building. To be sourced.
# Needs root on Debian; installs what is missing with apt-get.

cache=${HUBWRIGHT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hubwright}
machine_ca=/etc/ssl/certs/ca-certificates.crt
mkdir -p "$cache"

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
fail() {
    say "$@"
    exit 1
}
checksum() { sha256sum | cut -c 1-12; }

# need COMMAND PACKAGE
need() {
    ! command -v "$1" >/dev/null || return 0
    say "installing $2"
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$2"; } >&2 ||
        fail "apt-get could not install $2, which brings $1. Its messages are above."
}

# start_process NAME COMMAND...: run a command on its own, its output in the cache directory.
start_process() {
    local log=$cache/$1.log
    shift
    # It outlives this script, so it must not hold the lock (9) of whoever started it.
    setsid "$@" >"$log" 2>&1 </dev/null 9<&- &
}

# wait_for NAME COMMAND...: until the command succeeds; after a minute show the log of start_process.
wait_for() {
    local name=$1
    shift
    for _ in $(seq 300); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.2
    done
    tail -n 20 "$cache/$name.log" >&2
    fail "$name does not answer within a minute; the end of $cache/$name.log is above."
}

start_engine() {
    ! docker info >/dev/null 2>&1 || return 0
    need dockerd docker.io
    say "starting dockerd"
    start_process dockerd dockerd
    wait_for dockerd docker info
}

# The Debian image that all others are built from, named after what is in it.
debian_packages=ca-certificates,python3,python3-venv
debian_name() { echo "hubwright.test/debian:bookworm-$({ echo "$debian_packages" && cat "$machine_ca"; } | checksum)"; }

# Prints its name; builds it when the engine lacks it.
debian_image() {
    local image archive
    image=$(debian_name)
    archive=$cache/debian-${image##*:}.tar
    if ! docker image inspect "$image" >/dev/null 2>&1; then
        if [ ! -e "$archive" ]; then
            need mmdebstrap mmdebstrap
            say "building a Debian root file system (less than a minute, once)"
            rm -f "$cache"/debian-*.tar
            mmdebstrap --quiet --variant=minbase --include="$debian_packages" \
                --customize-hook="upload $machine_ca $machine_ca" bookworm "$archive.partial.tar" >&2
            mv "$archive.partial.tar" "$archive"
        fi
        docker import --change 'ENV LANG=C.UTF-8' --change 'CMD ["bash"]' "$archive" "$image" >/dev/null
    fi
    echo "$image"
}

# Pins of a requirements file, as pip's constraints; comments are no part of a recipe.
pins() { sed -E '/^(#|$)/d' "$1"; }

# build_image DIRECTORY REQUIREMENTS ARGUMENT=VALUE... -- IMAGE...: docker build of a directory, with constraints.txt in it.
# What is fetched meanwhile comes through the machine's network, so it trusts what the machine trusts.
build_image() {
    local directory=$1 requirements=$2 options=() context image
    shift 2
    context=$(mktemp -d "$cache/image.XXXXXX")
    cp -a "$directory/." "$context"
    pins "$requirements" >"$context/constraints.txt"
    while [ "$1" != -- ]; do
        options+=(--build-arg "$1")
        shift
    done
    shift
    say "building $1"
    for image in "$@"; do options+=(--tag "$image"); done
    # BuildKit is not everywhere.
    DOCKER_BUILDKIT=0 docker build --force-rm --build-arg "PIP_CERT=$machine_ca" --build-arg "NODE_EXTRA_CA_CERTS=$machine_ca" \
        "${options[@]}" "$context" >"$context.log" 2>&1 || {
        cat "$context.log" >&2
        rm -rf "$context" "$context.log"
        fail "$1 could not be built; the messages of docker build are above."
    }
    rm -rf "$context" "$context.log"
}
