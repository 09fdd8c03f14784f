#!/usr/bin/env bash
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The Kubernetes cluster of the tests.
#
#   cluster.sh up               bring it up, with stand-ins for the images; print the names of the hub's images, one a line
#   cluster.sh openshift        bring it up with the APIs of OpenShift, which builds the hub's images, and a policy for pods like its restricted-v2
#   cluster.sh osbed ...        what serves these APIs: check --namespace NAME, status
#   cluster.sh authority        certificate of the authority that vouches for the router of OpenShift
#   cluster.sh down             take it down, if `up` brought it up
#   cluster.sh kill-agent       end the agent of the node as a crash does, and start it again
#   cluster.sh kubectl ...      kubectl as its administrator
#   cluster.sh address          address of a node, where NodePorts listen
#   cluster.sh env              lines for a shell that point clients at it
#
# A cluster that KUBECONFIG names is taken as it is; kind.sh makes one where images can be pulled. Else the one whose
# scripts are in shared/testbed/kubernetes, beside the checkout or a directory above it, or in the directory that HUBWRIGHT_TESTBED names,
# whose node runs containers on this machine's Docker engine. There is no third way: no cluster is a failure. OpenShift's
# APIs come from shared/testbed/openshift, beside it.
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

osbed() {
    local program=$testbed/../openshift/osbed
    [ -x "$program" ] || { echo "cluster.sh: there is no $program, which serves the APIs of OpenShift" >&2; exit 1; }
    # It unpacks sources with what tarfile has from Python 3.11.4 on; Debian's is 3.11.2.
    PYTHONPATH=$here/newer_tarfile OSBED_PYTHON=$(command -v python) "$program" "$@"
}

case ${1:-} in
up | openshift)
    if ! given && [ ! -x "$testbed/cluster" ]; then
        cat >&2 <<END
cluster.sh: there is no cluster for the tests. Expected one of these:
  export KUBECONFIG=...             any cluster of Kubernetes 1.20 or later that enforces network policies; tests/testbed/kind.sh makes one
  $testbed/cluster    a script that brings one up on this machine's Docker engine
END
        exit 1
    fi
    images=(jupyterhub/singleuser:6.1.1 jupyterhub/singleuser:5.5.4 jupyterhub/configurable-http-proxy:5.3.0 library/postgres:15)
    # On OpenShift hub and notebook are built upon it.
    [ "$1" = up ] || images=(jupyterhub/configurable-http-proxy:5.3.0 library/postgres:15 ubi9/python-312:9.8)
    "$here/images.sh" "${images[@]}" >/dev/null
    hubs=()
    packages=(jupyterhub jupyterhub-kubespawner jupyterhub-idle-culler jupyterhub-nativeauthenticator oauthenticator psycopg2-binary)
    cd "$project"
    [ "$1" = openshift ] || for release in 6.1 5.5; do
        hubs+=("$("$here/hub_image.sh" "requirements-hub-$release.txt" "${packages[@]}")")
    done
    # A cluster of containers has images of its own.
    if given && [ -x "$here/kind.sh" ]; then
        "$here/kind.sh" load "${hubs[@]}"
    elif ! given; then
        policies=0
        [ "$1" = up ] || policies=1
        # One that runs is left alone: written anew, its configuration would end what routes to services.
        "$testbed/cluster" status >&2 || PSP=$policies "$testbed/cluster" up >&2
    fi
    client
    kubectl get --raw /readyz >/dev/null || { echo "cluster.sh: the cluster does not answer; look at $(kubectl config view --minify -o 'jsonpath={.clusters[0].cluster.server}')" >&2; exit 1; }
    # An OpenShift that KUBECONFIG names has them.
    if [ "$1" = openshift ] && ! { given && kubectl get --raw /apis/route.openshift.io/v1 >/dev/null 2>&1; }; then
        if ! command -v haproxy >/dev/null || ! command -v git >/dev/null; then
            apt-get update -q >&2
            DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends haproxy git >&2
        fi
        # On a busy machine its APIs may take longer than it waits for them.
        osbed up >&2 || osbed up >&2
    fi
    [ "$1" = openshift ] || printf '%s\n' "${hubs[@]}"
    ;;
authority) echo "${OSBED:-$HOME/.cache/osbed}/pki/ca.crt" ;;
osbed)
    shift
    client
    osbed "$@"
    ;;
down)
    if given || [ ! -x "$testbed/cluster" ]; then exit; fi
    # It would serve a cluster that is not there any more.
    if [ -e "${OSBED:-$HOME/.cache/osbed}/run/standin.pid" ]; then
        client
        osbed down --wipe >&2
    fi
    "$testbed/cluster" wipe
    ;;
kill-agent)
    if given; then
        # Nodes of kind are containers, whose service manager starts it again.
        for node in $(kubectl get nodes -o 'jsonpath={.items[*].metadata.name}'); do docker exec "$node" pkill -9 -x kubelet; done
        exit
    fi
    client
    file=$(dirname "$KUBECONFIG")/run/kubelet.pid
    pid=$(cat "$file")
    mapfile -d '' -t line <"/proc/$pid/cmdline"
    kill -9 "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    setsid "${line[@]}" >/dev/null 2>&1 </dev/null &
    echo $! >"$file"
    ;;
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
