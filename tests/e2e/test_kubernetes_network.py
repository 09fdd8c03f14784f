# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person's notebook can reach inside of the cluster: the hub and names, and nobody else."""

from __future__ import annotations

import json

from hub_user import HubUser
from kubernetes_installation import KubernetesInstallation, Object

METADATA = "169.254.169.254"
SERVER = "import http.server; http.server.ThreadingHTTPServer(('', 5432), http.server.SimpleHTTPRequestHandler).serve_forever()"
# Runs in a kernel: which of these does it reach?
REACH = """
import concurrent.futures, json, socket
def reach(target):
    try:
        socket.create_connection(target, timeout=5).close()
    except OSError:
        return False
    return True
targets = json.loads('''{targets}''')
with concurrent.futures.ThreadPoolExecutor(len(targets)) as pool:
    print(json.dumps(dict(zip(targets, pool.map(reach, map(tuple, targets.values()))))))
"""


def reached(kernel_of: HubUser, targets: dict[str, tuple[str, int]]) -> set[str]:
    """What of these a person's kernel reaches."""
    answer = json.loads(kernel_of.kernel().compute(REACH.format(targets=json.dumps(targets))))
    return {name for name, success in answer.items() if success}


def stranger(hub: KubernetesInstallation, **labels: str) -> Object:
    """A pod that listens where a database does."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "stranger", "labels": labels},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "stranger",
                    "image": hub.variables()["hub_image"],
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python3", "-c", SERVER],
                    "readinessProbe": {"tcpSocket": {"port": 5432}, "periodSeconds": 1},
                }
            ],
        },
    }


def test_a_notebook_reaches_the_hub_and_nobody_else(cluster_hub: KubernetesInstallation, alice: HubUser) -> None:
    """By its kernel's own sockets; what is closed does listen, as a pod finds that no policy keeps from it."""
    hub = cluster_hub
    bob = hub.user("bob")
    bob.start_server()
    with hub.having(stranger(hub)):
        hub.kubectl("wait", "pod/stranger", "--for=condition=Ready", "--timeout=180s")
        service = json.loads(hub.kubectl("get", "service", "proxy-api", "--output=json"))["spec"]["clusterIP"]
        proxy = hub.pods("proxy")[0]["status"]["podIP"]
        opened = {"the hub's API": ("hub", 8081)}
        closed = {
            "bob's server": (hub.address("jupyter-bob"), 8888),
            "the proxy's API": (proxy, 8001),
            "the proxy's API by its service": (service, 8001),
            "a database of somebody else": (hub.address("stranger"), 5432),
            "the metadata service": (METADATA, 80),
            "the cluster's API": (
                json.loads(hub.kubectl("get", "service", "kubernetes", "--namespace=default", "--output=json"))["spec"][
                    "clusterIP"
                ],
                443,
            ),
        }
        names = alice.kernel().compute("import socket; socket.gethostbyname('proxy-public') != ''")
        assert names == "True", "expected that names of the cluster are found"
        found = reached(alice, {**opened, **closed})
        assert found == set(opened), f"expected that a notebook reaches {set(opened)}, it reaches {found}"
        assert (
            alice.kernel().compute(
                "import urllib.request, json; print(json.load(urllib.request.urlopen('http://hub:8081/hub/api/'))['version'])"
            )
            == hub.version
        )
        # Without this, a closed port could as well be one where nobody listens.
        look = "import socket; socket.create_connection(('127.0.0.1', 5432), 5); print('listens')"
        assert hub.kubectl("exec", "stranger", "--", "python3", "-c", look) == "listens"


def test_a_label_opens_the_way_to_the_hub(cluster_hub: KubernetesInstallation) -> None:
    """A pod of somebody else does not reach the hub, until it has the label that the chart's users know."""
    hub = cluster_hub
    ask = "import socket; socket.create_connection(('hub', 8081), 5); print('reached')"
    with hub.having(stranger(hub)):
        hub.kubectl("wait", "pod/stranger", "--for=condition=Ready", "--timeout=180s")
        hub.kubectl("exec", "stranger", "--", "python3", "-c", ask, fails=True)
    with hub.having(stranger(hub, **{"hub.jupyter.org/network-access-hub": "true"})):
        hub.kubectl("wait", "pod/stranger", "--for=condition=Ready", "--timeout=180s")
        # The cluster needs a moment for the new pod's rules.
        hub.kubectl(
            "exec",
            "stranger",
            "--",
            "python3",
            "-c",
            f"import time\nfor _ in range(60):\n  try:\n    {ask}\n    break\n  except OSError:\n    time.sleep(1)\nelse:\n  raise SystemExit('never reached')",
        )
