#!/usr/bin/env bash
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A cluster for the tests on a machine that reaches the internet, by kind (https://kind.sigs.k8s.io), whose network enforces policies.
#
#   kind.sh install         download kind and kubectl of the releases below into /usr/local/bin
#   kind.sh up              make the cluster; print its kubeconfig, for KUBECONFIG
#   kind.sh load IMAGE...   give it images of this machine's Docker engine, and the stand-ins of images.sh
#   kind.sh down            remove it
#
# Without a cluster of kind in KUBECONFIG, `load` does nothing: another cluster gets its images in its own way.
set -euo pipefail
cluster=hubwright
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kind_release=v0.30.0
kubectl_release=v1.34.0
case ${1:-} in
install)
    command -v curl >/dev/null || apt-get install -qy --no-install-recommends curl ca-certificates >&2
    curl --silent --show-error --fail --location --output /usr/local/bin/kind "https://kind.sigs.k8s.io/dl/$kind_release/kind-linux-amd64"
    curl --silent --show-error --fail --location --output /usr/local/bin/kubectl "https://dl.k8s.io/release/$kubectl_release/bin/linux/amd64/kubectl"
    chmod 0755 /usr/local/bin/kind /usr/local/bin/kubectl
    ;;
up)
    kubeconfig=${HUBWRIGHT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hubwright}/kind.kubeconfig
    mkdir -p "$(dirname "$kubeconfig")"
    # Starts a Docker engine where none answers.
    # shellcheck source=tests/testbed/images/common.sh
    (source "$here/images/common.sh" && start_engine) >&2
    kind get clusters 2>/dev/null | grep -qx "$cluster" || kind create cluster --name "$cluster" --wait 180s --kubeconfig "$kubeconfig" >&2
    kind export kubeconfig --name "$cluster" --kubeconfig "$kubeconfig" >&2
    echo "$kubeconfig"
    ;;
load)
    shift
    [ "$(kubectl config current-context 2>/dev/null)" = "kind-$cluster" ] || exit 0
    for image in "$@" 127.0.0.1:5000/jupyterhub/singleuser:{6.1.1,5.5.4} 127.0.0.1:5000/jupyterhub/configurable-http-proxy:5.3.0 127.0.0.1:5000/library/postgres:15; do
        kind load docker-image --name "$cluster" "$image" >&2
    done
    ;;
down) kind delete cluster --name "$cluster" >&2 ;;
*)
    sed -n 's/^#   //p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
