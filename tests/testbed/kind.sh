#!/usr/bin/env bash
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A cluster for the tests on a machine that reaches the internet, by kind (https://kind.sigs.k8s.io), which has to be installed.
#
#   kind.sh up              make the cluster; print its kubeconfig, for KUBECONFIG
#   kind.sh load IMAGE...   give it images of this machine's Docker engine, and the stand-ins of images.sh
#   kind.sh down            remove it
#
# Without a cluster of kind in KUBECONFIG, `load` does nothing: another cluster gets its images in its own way.
set -euo pipefail
name=hubwright
case ${1:-} in
up)
    kubeconfig=${HUBWRIGHT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hubwright}/kind.kubeconfig
    mkdir -p "$(dirname "$kubeconfig")"
    kind get clusters 2>/dev/null | grep -qx "$name" || kind create cluster --name "$name" --wait 180s --kubeconfig "$kubeconfig" >&2
    kind export kubeconfig --name "$name" --kubeconfig "$kubeconfig" >&2
    echo "$kubeconfig"
    ;;
load)
    shift
    [ "$(kubectl config current-context 2>/dev/null)" = "kind-$name" ] || exit 0
    for image in "$@" 127.0.0.1:5000/jupyterhub/singleuser:{6.1.1,5.5.4} 127.0.0.1:5000/jupyterhub/configurable-http-proxy:5.3.0 127.0.0.1:5000/library/postgres:15; do
        kind load docker-image --name "$name" "$image" >&2
    done
    ;;
down) kind delete cluster --name "$name" >&2 ;;
*)
    sed -n 's/^#   //p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
