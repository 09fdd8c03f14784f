#!/usr/bin/env bash
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The Kubernetes cluster of the tests.
#
#   cluster.sh up               bring it up, with stand-ins for the images; print the names of the hub's images, one a line
#   cluster.sh down             take it down, if `up` brought it up
#   cluster.sh kubectl ...      kubectl as its administrator
#   cluster.sh address          address of a node, where NodePorts listen
#   cluster.sh env              lines for a shell that point clients at it
#
# A cluster that KUBECONFIG names is taken as it is; kind.sh makes one where images can be pulled. Else the one whose
# scripts are in shared/testbed/kubernetes, beside the checkout or a directory above it, or in the directory that HUBWRIGHT_TESTBED names,
# whose node runs containers on this machine's Docker engine. There is no third way: no cluster is a failure.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../.." && pwd)
testbed=${HUBWRIGHT_TESTBED:-$project/../shared/testbed/kubernetes}
above=$project
while [ -z "${HUBWRIGHT_TESTBED:-}" ] && [ ! -x "$testbed/cluster" ] && [ "$above" != / ]; do
    above=$(dirname "$above")
    for found in "${above%/}"/shared/testbed/kubernetes "${above%/}"/*/shared/testbed/kubernetes; do
        [ ! -x "$found/cluster" ] || testbed=$found
    done
done

given() { [ -n "${KUBECONFIG:-}" ]; }

client() {
    given || eval "$("$testbed/cluster" env)"
    command -v kubectl >/dev/null || { echo "cluster.sh: there is no kubectl in PATH; install it" >&2; exit 1; }
}

case ${1:-} in
up)
    if ! given && [ ! -x "$testbed/cluster" ]; then
        cat >&2 <<END
cluster.sh: there is no cluster for the tests. Expected one of these:
  export KUBECONFIG=...             any cluster of Kubernetes 1.20 or later that enforces network policies; tests/testbed/kind.sh makes one
  $testbed/cluster    a script that brings one up on this machine's Docker engine
END
        exit 1
    fi
    "$here/images.sh" jupyterhub/singleuser:6.1.1 jupyterhub/singleuser:5.5.4 jupyterhub/configurable-http-proxy:5.3.0 library/postgres:15 >/dev/null
    packages=(jupyterhub jupyterhub-kubespawner jupyterhub-idle-culler jupyterhub-nativeauthenticator oauthenticator psycopg2-binary)
    cd "$project"
    newest=$("$here/hub_image.sh" requirements-hub-6.1.txt "${packages[@]}")
    older=$("$here/hub_image.sh" requirements-hub-5.5.txt "${packages[@]}")
    # A cluster of containers has images of its own.
    if given && [ -x "$here/kind.sh" ]; then
        "$here/kind.sh" load "$newest" "$older"
    elif ! given; then
        PSP=0 "$testbed/cluster" up >&2
    fi
    client
    kubectl get --raw /readyz >/dev/null || { echo "cluster.sh: the cluster does not answer; look at $(kubectl config view --minify -o 'jsonpath={.clusters[0].cluster.server}')" >&2; exit 1; }
    printf '%s\n' "$newest" "$older"
    ;;
down) given || [ ! -x "$testbed/cluster" ] || "$testbed/cluster" wipe ;;
kubectl)
    shift
    client
    exec kubectl "$@"
    ;;
address)
    client
    kubectl get nodes -o 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}'
    ;;
env)
    client
    printf 'export KUBECONFIG=%q PATH=%q\n' "${KUBECONFIG:-}" "$PATH"
    ;;
*)
    sed -n 's/^#   //p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
