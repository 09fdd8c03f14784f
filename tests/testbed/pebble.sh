#!/usr/bin/env bash
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A certificate authority that speaks ACME: Debian's pebble, until it is killed.
#
#   pebble.sh DIRECTORY PORT CHALLENGE_PORT
#
# It answers at https://localhost:PORT/dir, with a certificate that DIRECTORY/ca.pem vouches for, and looks for the answers
# to its http-01 challenges at CHALLENGE_PORT instead of 80. PORT + 1 is its management interface. It forgets everything.
set -euo pipefail
[ $# = 3 ] || {
    echo "usage: $0 DIRECTORY PORT CHALLENGE_PORT" >&2
    exit 2
}
directory=$1
packages=$("$(dirname "${BASH_SOURCE[0]}")/debian_programs.sh" pebble)
mkdir -p "$directory"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout "$directory/key.pem" -out "$directory/ca.pem" 2>"$directory/openssl.log" || {
    cat "$directory/openssl.log" >&2
    exit 1
}
cat >"$directory/config.json" <<CONFIGURATION
{"pebble": {"listenAddress": "127.0.0.1:$2", "managementListenAddress": "127.0.0.1:$(($2 + 1))",
            "certificate": "$directory/ca.pem", "privateKey": "$directory/key.pem",
            "httpPort": $3, "tlsPort": 9, "ocspResponderURL": "", "externalAccountBindingRequired": false}}
CONFIGURATION
# It looks at once, does not refuse at random, and asks again each time.
export PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0
exec "$packages/usr/bin/pebble" -config "$directory/config.json"
