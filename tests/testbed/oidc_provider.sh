#!/usr/bin/env bash
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# An OpenID Connect provider that believes everybody: oidc-provider-mock, until it is killed. It knows no client at first.
#
#   oidc_provider.sh ADDRESS PORT
#
# It has a virtual environment of its own in HUBWRIGHT_CACHE (default ${XDG_CACHE_HOME:-$HOME/.cache}/hubwright).
set -euo pipefail
[ $# = 2 ] || {
    echo "usage: $0 ADDRESS PORT" >&2
    exit 2
}
requirements=$(dirname "${BASH_SOURCE[0]}")/oidc_provider.txt
cache=${HUBWRIGHT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hubwright}
mkdir -p "$cache"
environment=$cache/oidc-provider-$(sha256sum <"$requirements" | cut -c 1-12)
(
    flock 9
    if [ ! -e "$environment/finished" ]; then
        python3 -m venv --clear "$environment"
        "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
        touch "$environment/finished"
    fi
) 9>"$environment.lock" >&2
export PYTHONWARNINGS=ignore
exec "$environment/bin/oidc-provider-mock" --host "$1" --port "$2" --require-registration true
