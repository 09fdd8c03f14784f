#!/usr/bin/env bash
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A registry on 127.0.0.1:5000 for images that can not be pulled: starts Debian's docker-registry unless it answers already.
#
#   registry.sh     print its address; start it first when it does not answer
#
# Its images are kept in HUBWRIGHT_CACHE/registry (default ${XDG_CACHE_HOME:-$HOME/.cache}/hubwright), its log beside it.
# The package is unpacked there, not installed: no service of the machine is touched.
set -euo pipefail
# shellcheck source=tests/testbed/images/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/images/common.sh"

address=127.0.0.1:5000
directory=$cache/registry
program=$directory/package/usr/bin/docker-registry

answers() { curl --silent --fail --noproxy '*' --max-time 5 "http://$address/v2/"; }

get_program() {
    [ ! -x "$program" ] || return 0
    say "unpacking docker-registry"
    rm -rf "$directory/package" "$directory/download"
    mkdir -p "$directory/download"
    (
        cd "$directory/download"
        # _apt can not write into somebody's home.
        apt-get download -qq -o APT::Sandbox::User=root docker-registry ||
            { apt-get update -q && apt-get download -qq -o APT::Sandbox::User=root docker-registry; }
    ) >&2 || fail "apt-get could not download docker-registry; its messages are above."
    dpkg -x "$directory"/download/docker-registry_*.deb "$directory/package"
    rm -rf "$directory/download"
}

need curl curl
mkdir -p "$directory"
exec 9>"$directory/lock"
flock 9
if ! answers >/dev/null; then
    get_program
    cat >"$directory/config.yml" <<CONFIGURATION
version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: $directory/storage}
  delete: {enabled: true}
http: {addr: $address}
CONFIGURATION
    say "starting a registry on $address"
    start_process registry "$program" serve "$directory/config.yml"
    wait_for registry answers
fi
echo "$address"
