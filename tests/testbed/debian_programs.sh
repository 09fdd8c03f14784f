#!/usr/bin/env bash
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Programs of Debian packages without installing them: no service starts, and nothing of the machine changes.
#
#   debian_programs.sh PACKAGE...     unpack them into a directory of their own; print its name
#
# What a package depends on has to be on the machine or among the names. The directories are kept in HUBWRIGHT_CACHE/debian
# (default ${XDG_CACHE_HOME:-$HOME/.cache}/hubwright). Needs Debian and its mirror, for the first time only.
set -euo pipefail
[ $# -gt 0 ] || {
    echo "usage: $0 PACKAGE..." >&2
    exit 2
}
cache=${HUBWRIGHT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hubwright}/debian
mkdir -p "$cache"
directory=$cache/$(IFS=+ && echo "$*")
exec 9>"$directory.lock"
flock 9
if [ ! -d "$directory" ]; then
    work=$(mktemp -d "$cache/new.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/download"
    (
        cd "$work/download"
        # _apt can not write into somebody's home.
        apt-get download -qq -o APT::Sandbox::User=root "$@" ||
            { apt-get update -q && apt-get download -qq -o APT::Sandbox::User=root "$@"; }
    ) >&2 || {
        echo "$0: apt-get could not download $*; its messages are above." >&2
        exit 1
    }
    mkdir "$work/root"
    for package in "$work"/download/*.deb; do dpkg -x "$package" "$work/root"; done
    mv "$work/root" "$directory"
fi
echo "$directory"
