# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role hub_kubernetes applies: every branch of its templates, checked against the APIs of Kubernetes."""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import typing as t

import kubernetes_validate
import pytest
import yaml
from made_once import made_once

PROJECT = pathlib.Path(__file__).parents[2]
ROLE = PROJECT / "roles" / "hub_kubernetes"
# All whose schemas there are, 1.25 the oldest.
VERSIONS = kubernetes_validate.utils.all_versions()
_DEFAULTS = yaml.safe_load((PROJECT / "roles/hub/defaults/main.yml").read_text(encoding="utf-8"))
DEFAULT_IMAGE = _DEFAULTS["hub_image"].replace("{{ hub_version }}", _DEFAULTS["hub_version"])
schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)
CLUSTER = {
    "version": "1.33.1",
    "apis": ["v1", "apps/v1", "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1", "gateway.networking.k8s.io/v1"],
    "namespace_exists": True,
    "denied": [],
    "storage_classes": [{"name": "standard", "default": True, "expands": False}],
    "objects": [],
    "deployments": {},
    "configurations": {},
    "record": {},
    "missing_secrets": [],
    "missing_claims": [],
    "state_claims": {},
    "claims": [],
    "all_claims": [],
    "pods": [],
    "quotas": [],
    "routes": {},
    "image_tags": {"images": {}, "problems": {}, "without_lookup": []},
}
CONTAINER = {
    "name": "side",
    "image": "example.org/side:1",
    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    },
}
PROBE = {"httpGet": {"path": "/", "port": 80}}
GPU = {"node_selector": {"gpu": "yes"}, "tolerations": [{"key": "gpu", "operator": "Exists"}]}
# The key of nodes that nothing chooses.
NO_CHOICE = hashlib.sha256(b"[{}, []]").hexdigest()[:8]
SMALL_CLAIMS = {
    **CLUSTER,
    "storage_classes": [
        {"name": "standard", "default": True, "expands": False},
        {"name": "grows", "default": False, "expands": True},
    ],
    "claims": [
        {"name": f"claim-{user}", "user": user, "server": "", "size": size, "storage_class": kind, "phase": "Bound"}
        for user, size, kind in (("ada", "5Gi", "grows"), ("bob", "5Gi", "standard"), ("eve", "20Gi", "grows"))
    ],
}
OWN_CERTIFICATE = {"hub_tls": "files", "hub_tls_certificate": "/etc/ssl/hub.pem", "hub_tls_key": "/etc/ssl/hub.key"}
# Name -> variables that differ from the defaults.
VARIANTS: dict[str, dict[str, t.Any]] = {
    "plain": {},
    "other_name": {"hub_name": "course"},
    "base_url": {"hub_base_url": "/lab/", "hub_port": 80},
    "node_port": {"hub_kubernetes_service": "NodePort", "hub_kubernetes_node_port": 32020},
    "load_balancer": {
        "hub_kubernetes_service": "LoadBalancer",
        "hub_kubernetes_load_balancer_sources": ["192.0.2.0/24"],
        "hub_kubernetes_service_annotations": {"example.org/kind": "internal"},
    },
    "ingress": {"hub_kubernetes_ingress": True, "hub_public_url": "https://hub.example.org"},
    "issuer": {
        "hub_kubernetes_ingress": True,
        "hub_public_url": "https://hub.example.org",
        "hub_kubernetes_issuer": "ClusterIssuer/letsencrypt",
        "hub_kubernetes_ingress_class": "nginx",
        "hub_kubernetes_ingress_annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "64m"},
    },
    "tls_secret": {
        "hub_kubernetes_ingress": True,
        "hub_public_url": "https://hub.example.org",
        "hub_kubernetes_tls_secret": "certificate",
    },
    "own_certificate": {**OWN_CERTIFICATE, "hub_kubernetes_service": "LoadBalancer"},
    "redirect": {**OWN_CERTIFICATE, "hub_port": 443, "hub_kubernetes_redirect_port": 80},
    "acme": {
        **OWN_CERTIFICATE,
        "hub_port": 443,
        "hub_kubernetes_redirect_port": 80,
        "hub_certificate_source": "acme",
    },
    "gateway": {
        "hub_kubernetes_gateway": {"name": "front", "namespace": "gateways", "section": "https"},
        "hub_public_url": "https://hub.example.org",
    },
    "database": {"hub_database": "postgresql"},
    "outer_database": {
        "hub_database": "postgresql",
        "hub_database_host": "db.example.org",
        "hub_database_password": "secret",
    },
    "classes": {"hub_kubernetes_state_class": "standard", "hub_kubernetes_state_size": "5Gi"},
    "environment": {
        "hub_kubernetes_environment": {
            "HTTPS_PROXY": "http://proxy:3128",
            "NUMBER": 1,
            "OAUTH": {"secretKeyRef": {"name": "oauth", "key": "secret"}},
        }
    },
    "pods": {
        "hub_kubernetes_hub_volumes": [{"name": "theme", "configMap": {"name": "theme"}}],
        "hub_kubernetes_hub_mounts": [{"name": "theme", "mountPath": "/srv/theme"}],
        "hub_kubernetes_hub_init_containers": [{**CONTAINER, "name": "before"}],
        "hub_kubernetes_hub_containers": [{**CONTAINER, "livenessProbe": PROBE, "readinessProbe": PROBE}],
        "hub_kubernetes_node_selector": {"pool": "core"},
        "hub_kubernetes_tolerations": [{"key": "core", "operator": "Exists", "effect": "NoSchedule"}],
        "hub_kubernetes_priority_class": "core",
        "hub_kubernetes_pull_secrets": ["registry"],
        "hub_kubernetes_labels": {"team": "teaching"},
        "hub_kubernetes_pull_policy": "Always",
    },
    "files": {
        "hub_extra_files": {"themes/dark.css": {"content": "body {}"}, "key": {"content": "x", "mode": "0400"}},
        "hub_templates": {"page.html": "<p>one</p>"},
    },
    "no_uid": {"hub_kubernetes_uid": 0, "hub_database": "postgresql", "hub_kubernetes_prepull_new_nodes": True},
    "new_nodes": {
        "hub_kubernetes_prepull_new_nodes": True,
        "hub_kubernetes_pull_secrets": ["registry"],
        "hub_kubernetes_labels": {"team": "teaching"},
        "hub_kubernetes_user_node_selector": {"pool": "users"},
        "hub_kubernetes_user_init_containers": [{**CONTAINER, "name": "before", "image": "example.org/before:1"}],
        "hub_kubernetes_user_containers": [CONTAINER],
        "hub_profiles": {
            "gpu": {"display_name": "GPU", "image": "example.org/gpu:1", "settings": GPU},
            # YAML reads this as a number when nothing quotes it.
            "old": {"display_name": "Old", "image": "1234567890:10"},
        },
    },
    "known_nodes": {
        "hub_image": "example.org/notebook:2",
        "__hub_kubernetes_cluster": {
            **CLUSTER,
            "record": {"images.json": json.dumps([{"key": NO_CHOICE, "images": ["example.org/notebook:2"]}])},
        },
    },
    "placeholders": {
        "hub_kubernetes_placeholders": 3,
        "hub_kubernetes_placeholder_priority_class": "room",
        "hub_memory_guarantee": "1G",
        "hub_cpu_guarantee": 0.5,
        "hub_kubernetes_user_extra_resources": {"nvidia.com/gpu": 1},
        "hub_kubernetes_user_node_selector": {"pool": "users"},
        "hub_kubernetes_user_tolerations": [{"key": "users", "operator": "Exists", "effect": "NoSchedule"}],
        "hub_kubernetes_user_scheduler": "packing",
        "hub_kubernetes_pack_users": True,
        "hub_kubernetes_pull_secrets": ["registry"],
    },
    "sized_placeholders": {
        "hub_name": "course",
        "hub_kubernetes_placeholders": 1,
        "hub_kubernetes_placeholder_priority_class": "room",
        "hub_kubernetes_placeholder_requests": {"memory": "2Gi", "cpu": "500m"},
    },
    "small_claims": {"__hub_kubernetes_cluster": SMALL_CLAIMS},
    "growing_claims": {"__hub_kubernetes_cluster": SMALL_CLAIMS, "hub_kubernetes_resize_claims": True},
    "refused_to_grow": {
        # As the module answers for a single claim, with an account that may not see storage classes.
        "__hub_kubernetes_cluster": {
            **SMALL_CLAIMS,
            "storage_classes": None,
            "claims": SMALL_CLAIMS["claims"][1:],
        },
        "hub_kubernetes_resize_claims": True,
        "__hub_kubernetes_resized": {"changed": False, "result": {}, "error": {"msg": "only dynamically provisioned"}},
    },
    "own_account": {"hub_kubernetes_service_account": "hub-account"},
    "no_policies": {"hub_kubernetes_network_policies": False},
    "closed": {
        "hub_kubernetes_outside": False,
        "hub_kubernetes_user_egress": [{"to": [{"ipBlock": {"cidr": "192.0.2.1/32"}}]}],
    },
    "open": {"hub_kubernetes_blocked_networks": []},
    "static": {"hub_kubernetes_static_claim": "homes"},
    "forgets": {"hub_storage": "none"},
    "deletes_claims": {"hub_settings_extra": {"KubeSpawner": {"delete_pvc": True}}},
}
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.set_fact:
        __hub_kubernetes_plan: "{{ hub_description | hubwright.jupyterhub.hub_settings('kubernetes', hub_kubernetes__places) }}"
    - ansible.builtin.set_fact:
        found: >-
          {{ {'objects': hub_kubernetes__objects if applied else [], 'pulls': hub_kubernetes__pull_definitions if applied else [],
              'resizes': hub_kubernetes__resizes if applied else [], 'claims': hub_kubernetes__claim_lines if applied else '',
              'problems': (hub_kubernetes__problems or '').splitlines()} }}
    # One call for all: each of them costs half a second.
    - ansible.builtin.copy:
        dest: "{{ playbook_dir }}/found.json"
        mode: "0600"
        content: "{{ dict(ansible_play_hosts | zip(ansible_play_hosts | map('extract', hostvars, 'found'))) | to_json }}"
      run_once: true
"""
Object = dict[str, t.Any]
Rendered = t.Callable[[str], dict[str, t.Any]]

every_variant = pytest.mark.parametrize("variant", VARIANTS)


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """What the role makes of each variant, by the role's own variables and templates."""
    found = made_once(tmp_path_factory, "manifests", lambda folder: run(folder, VARIANTS))
    # Tests change what they get.
    return lambda variant: copy.deepcopy(found[variant])


def run(folder: pathlib.Path, variants: dict[str, dict[str, t.Any]], applied: bool = True) -> dict[str, t.Any]:
    """Render each variant as one host of an inventory.

    :param applied: also what would be applied, not only what is wrong.
    """
    (folder / "templates").symlink_to(ROLE / "templates")
    files = [PROJECT / "roles/hub/defaults/main.yml", PROJECT / "roles/hub/vars/main.yml", ROLE / "defaults/main.yml"]
    play = yaml.safe_load(PLAY)
    play[0]["vars_files"] = [str(path) for path in sorted((ROLE / "vars" / "main").glob("*.yml"))]
    (folder / "play.yml").write_text(yaml.safe_dump(play), encoding="utf-8")
    common: dict[str, t.Any] = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "hub_sign_in": "shared-password",
        "hub_users": ["ada"],
        "hub_platform": "kubernetes",
        "applied": applied,
        "hub_kubernetes_image": "example.org/hub:1",
        "__hub_kubernetes_cluster": CLUSTER,
        "__hub_kubernetes_resized": {},
        # Texts that YAML would take for numbers.
        "__hub_kubernetes_secret": {
            "digests": {"hub": "7951576267158025", "proxy": "0123456701234567", "database": "1_2"}
        },
        "__hub_kubernetes_tls": {"digests": {"proxy": "1234567"}},
        "__hub_kubernetes_config": {"text": "c = get_config()\n"},
    }
    defaults: dict[str, t.Any] = {}
    for path in files:
        defaults |= yaml.safe_load(path.read_text(encoding="utf-8"))
    inventory = {"all": {"hosts": variants, "vars": {**defaults, **common}}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    program = pathlib.Path(sys.executable).with_name("ansible-playbook")
    command = [
        str(program),
        "-i",
        str(folder / "hosts.yml"),
        str(folder / "play.yml"),
        "-e",
        f"role_path={ROLE}",
        "--forks=4",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ, timeout=600)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    found: dict[str, t.Any] = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return found


def objects(rendered: Rendered, variant: str) -> dict[str, Object]:
    """Kind/name -> object."""
    found: list[Object] = rendered(variant)["objects"]
    named = {f"{each['kind']}/{each['metadata']['name']}": each for each in found}
    assert len(named) == len(found), "two objects have one name"
    return named


def pods(found: dict[str, Object]) -> dict[str, Object]:
    """Deployment, DaemonSet or StatefulSet -> what its pods are made from."""
    kinds = ("Deployment", "DaemonSet", "StatefulSet")
    return {name: each["spec"]["template"] for name, each in found.items() if each["kind"] in kinds}


@functools.cache
def complaint(text: str, version: str) -> str:
    """What the schemas of a version say of an object in JSON; most objects are the same in several variants."""
    try:
        kubernetes_validate.validate(json.loads(text), version, strict=True)
    except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
        return f"{version}: {error}: {text}"
    return ""


@every_variant
def test_every_object_is_what_the_apis_expect(
    rendered: Rendered, variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The library would read a megabyte for each object.
    monkeypatch.setattr(kubernetes_validate.utils, "schema_contents", schema_contents)
    assert len(VERSIONS) >= 10
    # HTTPRoute is an API that is added to clusters.
    several = [*rendered(variant)["objects"], *rendered(variant)["pulls"]]
    texts = [json.dumps(each, sort_keys=True) for each in several if each["kind"] != "HTTPRoute"]
    assert [said for text in texts for version in VERSIONS if (said := complaint(text, version))] == []


def test_a_field_that_does_not_exist_would_be_found(rendered: Rendered) -> None:
    deployment = objects(rendered, "plain")["Deployment/hub"]
    deployment["spec"]["template"]["spec"]["automountServiceAccount"] = True
    assert "automountServiceAccount" in complaint(json.dumps(deployment), VERSIONS[-1])


def test_checkov_finds_nothing_that_is_not_explained(rendered: Rendered, tmp_path: pathlib.Path) -> None:
    """What it finds and we keep is in tests/checkov.yaml, with the reason."""
    seen: set[str] = set()
    for variant in VARIANTS:
        texts = [json.dumps(each, sort_keys=True) for each in rendered(variant)["objects"]]
        new = [text for text in texts if text not in seen]
        seen.update(new)
        (tmp_path / f"{variant}.yaml").write_text("\n---\n".join(new), encoding="utf-8")
    # What has to be found.
    container = {"name": "planted", "image": "planted:1", "securityContext": {"privileged": True}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "planted"}, "spec": {"containers": [container]}}
    (tmp_path / "planted.yaml").write_text(json.dumps(pod), encoding="utf-8")
    program = pathlib.Path(os.environ["HUBWRIGHT_CHECKOV"]) / "bin" / "checkov"
    command = [program, "--config-file", PROJECT / "tests" / "checkov.yaml", "--directory", tmp_path]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=600)
    found = json.loads(done.stdout)
    failed = [
        (each["file_path"], each["check_id"], each["check_name"], each["resource"])
        for each in found["results"]["failed_checks"]
    ]
    assert found["summary"]["passed"] > 10 * len(VARIANTS)
    assert "CKV_K8S_16" in [check for path, check, _name, _resource in failed if path == "/planted.yaml"]
    unexplained = sorted(
        {f"{path}: {check} {name}" for path, check, name, _resource in failed if path != "/planted.yaml"}
    )
    assert unexplained == []


@every_variant
def test_every_service_has_both_probes(rendered: Rendered, variant: str) -> None:
    for name, template in pods(objects(rendered, variant)).items():
        containers = template["spec"]["containers"] if name.startswith("Deployment/") else []
        assert all({"livenessProbe", "readinessProbe"} <= container.keys() for container in containers)


def test_the_proxy_ends_tls_where_nothing_in_front_does(rendered: Rendered) -> None:
    """Only its own container has the key; who comes with HTTP is sent to the public port."""
    found = objects(rendered, "redirect")
    spec = found["Deployment/proxy"]["spec"]["template"]["spec"]
    assert {"name": "tls", "secret": {"secretName": "proxy-tls", "defaultMode": 0o444}} in spec["volumes"]
    assert "proxy-tls" not in json.dumps(found["Deployment/hub"])
    proxy = spec["containers"][0]
    assert {"--ssl-cert=/etc/tls/tls.crt", "--ssl-key=/etc/tls/tls.key", "--redirect-to=443"} <= {*proxy["command"]}
    assert proxy["readinessProbe"]["httpGet"]["scheme"] == proxy["livenessProbe"]["httpGet"]["scheme"] == "HTTPS"
    ports = {
        each["name"]: (each["port"], each["targetPort"]) for each in found["Service/proxy-public"]["spec"]["ports"]
    }
    assert ports == {"https": (443, "http"), "http": (80, "redirect")}
    opened = found["NetworkPolicy/proxy"]["spec"]["ingress"][0]["ports"]
    assert [each["port"] for each in opened] == ["http", "redirect"]
    quiet = objects(rendered, "own_certificate")
    assert [each["name"] for each in quiet["Service/proxy-public"]["spec"]["ports"]] == ["https"]
    assert "ssl" not in json.dumps(objects(rendered, "plain")["Deployment/proxy"])


def test_the_proxy_can_answer_an_authority_when_that_gives_the_certificate(rendered: Rendered) -> None:
    found = objects(rendered, "acme")
    spec = found["Deployment/proxy"]["spec"]["template"]["spec"]
    assert {"name": "challenges", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}} in spec["volumes"]
    proxy = spec["containers"][0]
    assert {"name": "challenges", "mountPath": "/srv/challenges"} in proxy["volumeMounts"]
    environment = {each["name"]: each.get("value") for each in proxy["env"]}
    assert environment["CHALLENGES"] == "/srv/challenges"
    scripts = environment["NODE_OPTIONS"].replace("--require /etc/proxy/", "").split()
    config = next(each for name, each in found.items() if name.startswith("ConfigMap/proxy-config-"))
    assert scripts == ["ask_for_routes.js", "show_challenges.js"] == list(config["data"])
    assert "challenges" not in json.dumps(objects(rendered, "redirect")["Deployment/proxy"])


def test_placeholders_are_as_large_as_a_server_and_go_where_servers_go(rendered: Rendered) -> None:
    found = objects(rendered, "placeholders")["StatefulSet/user-placeholder"]["spec"]
    pod = found["template"]["spec"]
    assert found["replicas"] == 3 and pod["priorityClassName"] == "room" and pod["schedulerName"] == "packing"
    requests = pod["containers"][0]["resources"]["requests"]
    assert requests == {"cpu": "0.5", "memory": str(1 << 30), "nvidia.com/gpu": "1"}
    assert pod["nodeSelector"] == {"pool": "users"} and pod["tolerations"][0]["key"] == "users"
    assert pod["containers"][0]["image"] == DEFAULT_IMAGE
    terms = pod["affinity"]["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert terms[0]["podAffinityTerm"]["labelSelector"]["matchLabels"] == {"component": "singleuser-server"}
    sized = objects(rendered, "sized_placeholders")["StatefulSet/course-user-placeholder"]["spec"]["template"]["spec"]
    assert sized["containers"][0]["resources"]["requests"] == {"memory": "2Gi", "cpu": "500m"}
    assert "affinity" not in sized
    assert not [name for name in objects(rendered, "plain") if name.startswith("StatefulSet/")]


def test_claims_grow_when_that_is_said_and_their_class_allows_it(rendered: Rendered) -> None:
    quiet, growing, refused = (rendered(name) for name in ("small_claims", "growing_claims", "refused_to_grow"))
    assert quiet["resizes"] == [] and "2 claims of users are smaller than hub_storage_size, 10Gi" in quiet["claims"]
    assert [(each["metadata"]["name"], each["spec"]) for each in growing["resizes"]] == [
        ("claim-ada", {"resources": {"requests": {"storage": "10Gi"}}})
    ]
    assert "claim-bob of bob stays at 5Gi: its class standard does not let claims grow" in growing["claims"]
    assert "claim-ada of ada grows from 5Gi to 10Gi" in growing["claims"] and "eve" not in growing["claims"]
    assert [each["metadata"]["name"] for each in refused["resizes"]] == ["claim-bob"]
    assert "claim-bob of bob stays at 5Gi: only dynamically provisioned" in refused["claims"]


@every_variant
def test_nothing_is_wrong_with_the_variants(rendered: Rendered, variant: str) -> None:
    assert [problem for problem in rendered(variant)["problems"] if problem.strip()] == []


@every_variant
def test_everything_is_in_the_namespace_and_labelled(rendered: Rendered, variant: str) -> None:
    hub = VARIANTS[variant].get("hub_name", "jupyterhub")
    for each in objects(rendered, variant).values():
        assert each["metadata"]["namespace"] == hub
        labels = each["metadata"]["labels"]
        assert {labels["app"], labels["release"], labels["app.kubernetes.io/instance"]} == {hub}
        assert labels["app.kubernetes.io/managed-by"] == "hubwright" and labels["component"]


@every_variant
def test_pods_satisfy_the_standard_restricted(rendered: Rendered, variant: str) -> None:
    for template in pods(objects(rendered, variant)).values():
        spec = template["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["securityContext"].get("runAsUser") != 0
        assert not any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC"))
        allowed = {"name", "configMap", "secret", "persistentVolumeClaim", "emptyDir"}
        assert all(set(volume) <= allowed for volume in spec.get("volumes", []))
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@every_variant
def test_selectors_find_the_pods_and_only_the_hub_may_use_the_cluster(rendered: Rendered, variant: str) -> None:
    found = objects(rendered, variant)
    for each in found.values():
        selector = (
            each["spec"]["selector"]
            if each["kind"] == "Service"
            else (each.get("spec", {}).get("selector") or {}).get("matchLabels")
        )
        if selector:
            templates = [
                template
                for template in pods(found).values()
                if selector.items() <= template["metadata"]["labels"].items()
            ]
            assert len(templates) == 1, each["metadata"]["name"]
    for name, template in pods(found).items():
        assert template["spec"]["automountServiceAccountToken"] is name.endswith("hub")


@every_variant
def test_mounts_have_volumes_and_volumes_have_objects(rendered: Rendered, variant: str) -> None:
    found = objects(rendered, variant)
    for template in pods(found).values():
        volumes = {volume["name"]: volume for volume in template["spec"].get("volumes", [])}
        for container in [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]:
            assert {mount["name"] for mount in container.get("volumeMounts", [])} <= set(volumes)
        for volume in volumes.values():
            if "persistentVolumeClaim" in volume:
                assert f"PersistentVolumeClaim/{volume['persistentVolumeClaim']['claimName']}" in found
            if "configMap" in volume and volume["configMap"]["name"] != "theme":
                data = found[f"ConfigMap/{volume['configMap']['name']}"]["data"]
                assert {item["key"] for item in volume["configMap"].get("items", [])} <= set(data)


def test_names_are_those_of_the_chart_and_prefixed_for_another_hub(rendered: Rendered) -> None:
    plain, other = objects(rendered, "plain"), objects(rendered, "other_name")
    names = {
        "Deployment/hub",
        "Deployment/proxy",
        "Service/hub",
        "Service/proxy-public",
        "Service/proxy-api",
        "PersistentVolumeClaim/hub-db-dir",
    }
    assert names <= set(plain)
    assert {name.replace("/", "/course-") for name in names} <= set(other)
    assert not set(plain) & set(other)


def test_the_role_of_the_hub_is_as_small_as_the_description_allows(rendered: Rendered) -> None:
    def verbs(variant: str, resource: str) -> set[str]:
        rules = objects(rendered, variant)["Role/hub"]["rules"]
        return {verb for rule in rules if resource in rule["resources"] for verb in rule["verbs"]}

    assert verbs("plain", "pods") == {"get", "list", "watch", "create", "delete"}
    assert verbs("plain", "events") == {"get", "list", "watch"}
    assert verbs("plain", "persistentvolumeclaims") == {"get", "list", "watch", "create"}
    assert verbs("deletes_claims", "persistentvolumeclaims") >= {"delete"}
    assert verbs("static", "persistentvolumeclaims") == verbs("forgets", "persistentvolumeclaims") == set()
    assert verbs("plain", "secrets") == set()
    own = objects(rendered, "own_account")
    assert not {"Role", "RoleBinding", "ServiceAccount"} & {each["kind"] for each in own.values()}
    assert pods(own)["Deployment/hub"]["spec"]["serviceAccountName"] == "hub-account"


def test_probes_and_routes_honour_the_base_url(rendered: Rendered) -> None:
    found = objects(rendered, "base_url")
    container = pods(found)["Deployment/hub"]["spec"]["containers"][0]
    assert (
        container["readinessProbe"]["httpGet"]["path"]
        == container["livenessProbe"]["httpGet"]["path"]
        == "/lab/hub/health"
    )
    assert (
        "--error-target=http://hub:8081/lab/hub/error"
        in pods(found)["Deployment/proxy"]["spec"]["containers"][0]["command"]
    )
    assert found["Service/hub"]["metadata"]["annotations"]["prometheus.io/path"] == "/lab/hub/metrics"


def test_people_reach_the_hub_as_asked(rendered: Rendered) -> None:
    assert objects(rendered, "node_port")["Service/proxy-public"]["spec"]["ports"][0]["nodePort"] == 32020
    balancer = objects(rendered, "load_balancer")["Service/proxy-public"]
    assert balancer["spec"]["loadBalancerSourceRanges"] == ["192.0.2.0/24"]
    assert balancer["metadata"]["annotations"] == {"example.org/kind": "internal"}
    plain = objects(rendered, "ingress")["Ingress/jupyterhub"]["spec"]
    assert "tls" not in plain and plain["rules"][0]["host"] == "hub.example.org"
    issuer = objects(rendered, "issuer")["Ingress/jupyterhub"]
    assert issuer["spec"]["tls"] == [{"hosts": ["hub.example.org"], "secretName": "jupyterhub-tls"}]
    assert issuer["spec"]["ingressClassName"] == "nginx"
    assert issuer["metadata"]["annotations"] == {
        "cert-manager.io/cluster-issuer": "letsencrypt",
        "nginx.ingress.kubernetes.io/proxy-body-size": "64m",
    }
    assert objects(rendered, "tls_secret")["Ingress/jupyterhub"]["spec"]["tls"][0]["secretName"] == "certificate"
    route = objects(rendered, "gateway")["HTTPRoute/jupyterhub"]["spec"]
    assert route["parentRefs"] == [{"name": "front", "namespace": "gateways", "sectionName": "https"}]


def test_the_database_is_reached_by_the_hub_alone_and_its_password_is_no_text(rendered: Rendered) -> None:
    found = objects(rendered, "database")
    policy = found["NetworkPolicy/database"]["spec"]
    assert policy["ingress"][0]["from"] == [
        {"podSelector": {"matchLabels": {"app": "jupyterhub", "release": "jupyterhub", "component": "hub"}}}
    ]
    assert policy["policyTypes"] == ["Ingress", "Egress"] and "egress" not in policy
    for template in pods(found).values():
        for container in [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]:
            for variable in container.get("env", []):
                if "PASSWORD" in variable["name"] and variable["name"] != "POSTGRES_PASSWORD_FILE":
                    assert "secretKeyRef" in variable["valueFrom"]
    assert "Deployment/database" not in objects(rendered, "outer_database")
    assert not [name for name in objects(rendered, "outer_database") if name.startswith("PersistentVolumeClaim/")]


def test_user_servers_reach_what_they_may(rendered: Rendered) -> None:
    def egress(variant: str) -> list[Object]:
        rules: list[Object] = objects(rendered, variant)["NetworkPolicy/singleuser"]["spec"]["egress"]
        return rules

    dns = {(port["protocol"], port["port"]) for port in egress("plain")[0]["ports"]}
    assert dns == {(protocol, port) for protocol in ("TCP", "UDP") for port in (53, 5353)}
    outside = egress("plain")[-1]["to"][0]["ipBlock"]
    assert outside["cidr"] == "0.0.0.0/0" and {"169.254.0.0/16", "10.0.0.0/8"} <= set(outside["except"])
    assert egress("closed")[-1]["to"] == [{"ipBlock": {"cidr": "192.0.2.1/32"}}]
    assert not any(
        block.get("ipBlock", {}).get("cidr") == "0.0.0.0/0" for rule in egress("closed") for block in rule.get("to", [])
    )
    assert egress("open")[-1]["to"] == [{"ipBlock": {"cidr": "0.0.0.0/0"}}]
    assert not [name for name in objects(rendered, "no_policies") if name.startswith("NetworkPolicy/")]


def test_files_have_their_paths_and_modes(rendered: Rendered) -> None:
    found = objects(rendered, "files")
    volume = next(each for each in pods(found)["Deployment/hub"]["spec"]["volumes"] if each["name"] == "files")[
        "configMap"
    ]
    data = found[f"ConfigMap/{volume['name']}"]["data"]
    placed = {item["path"]: (data[item["key"]], oct(item["mode"])) for item in volume["items"]}
    assert placed["themes/dark.css"] == ("body {}", "0o640")
    assert placed["key"] == ("x", "0o400")
    assert placed["templates/page.html"] == ("<p>one</p>", "0o644")


def test_options_of_pods_arrive(rendered: Rendered) -> None:
    found = pods(objects(rendered, "pods"))
    hub = found["Deployment/hub"]["spec"]
    assert [each["name"] for each in hub["containers"]] == ["hub", "side"]
    assert [each["name"] for each in hub["initContainers"]] == ["database", "before"]
    assert {"name": "theme", "mountPath": "/srv/theme"} in hub["containers"][0]["volumeMounts"]
    for template in found.values():
        assert template["spec"]["nodeSelector"] == {"pool": "core"}
        assert template["spec"]["tolerations"][0]["key"] == "core"
        assert template["spec"]["priorityClassName"] == "core"
        assert template["spec"]["imagePullSecrets"] == [{"name": "registry"}]
        assert template["metadata"]["labels"]["team"] == "teaching"
        assert template["spec"]["containers"][0]["imagePullPolicy"] == "Always"
    variables = pods(objects(rendered, "environment"))["Deployment/hub"]["spec"]["containers"][0]["env"]
    assert {"name": "NUMBER", "value": "1"} in variables
    assert {"name": "OAUTH", "valueFrom": {"secretKeyRef": {"name": "oauth", "key": "secret"}}} in variables


def test_a_change_restarts_only_what_reads_it(rendered: Rendered) -> None:
    plain = pods(objects(rendered, "plain"))
    for variant in ("files", "environment", "closed", "node_port"):
        assert pods(objects(rendered, variant))["Deployment/proxy"] == plain["Deployment/proxy"], variant
    for variant in ("closed", "node_port", "load_balancer"):
        assert pods(objects(rendered, variant))["Deployment/hub"] == plain["Deployment/hub"], variant
    assert pods(objects(rendered, "files"))["Deployment/hub"] != plain["Deployment/hub"]


def test_nodes_keep_the_images_that_start_there(rendered: Rendered) -> None:
    found = objects(rendered, "new_nodes")
    keepers = [each for name, each in found.items() if name.startswith("DaemonSet/continuous-image-puller-")]
    specs = [each["spec"]["template"]["spec"] for each in keepers]
    plain = [spec for spec in specs if spec["nodeSelector"] == {"pool": "users"}]
    gpu = [spec for spec in specs if spec["nodeSelector"] == {"gpu": "yes"}]
    assert len(specs) == 2 and len(plain) == len(gpu) == 1

    def images(spec: Object) -> list[str]:
        return [each["image"] for each in spec["containers"]]

    beside = ["example.org/before:1", "example.org/side:1"]
    assert images(plain[0])[1:] == [*beside, "1234567890:10"]
    assert images(gpu[0]) == ["example.org/gpu:1", *beside]
    assert gpu[0]["tolerations"] == GPU["tolerations"] and "tolerations" not in plain[0]
    for spec in specs:
        assert spec["imagePullSecrets"] == [{"name": "registry"}] and spec["automountServiceAccountToken"] is False
    for each in keepers:
        assert each["metadata"]["labels"]["team"] == "teaching"
    assert not [name for name in objects(rendered, "plain") if name.startswith("DaemonSet/")]


def test_only_new_images_are_pulled_before_a_change(rendered: Rendered) -> None:
    def pulls(variant: str) -> list[Object]:
        several: list[Object] = rendered(variant)["pulls"]
        return several

    assert pulls("known_nodes") == []
    (plain,) = pulls("plain")
    assert plain["metadata"]["name"] == f"hook-image-puller-{NO_CHOICE}"
    assert [each["image"] for each in plain["spec"]["template"]["spec"]["containers"]] == [DEFAULT_IMAGE]
    (other,) = pulls("other_name")
    assert other["metadata"]["name"].startswith("course-hook-image-puller-")
    keepers = {name for name in objects(rendered, "new_nodes") if name.startswith("DaemonSet/")}
    assert len(pulls("new_nodes")) == 2 and not keepers & {
        f"DaemonSet/{e['metadata']['name']}" for e in pulls("new_nodes")
    }
    # Policies for hub, proxy and servers are not theirs.
    for variant in VARIANTS:
        for each in pulls(variant):
            labels = each["spec"]["template"]["metadata"]["labels"]
            for policy in objects(rendered, variant).values():
                if policy["kind"] == "NetworkPolicy":
                    assert not policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()


def test_without_a_number_the_cluster_chooses_it(rendered: Rendered) -> None:
    for template in pods(objects(rendered, "no_uid")).values():
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(template["spec"]["securityContext"])


BAD: dict[str, tuple[dict[str, t.Any], str]] = {
    "no_image": (
        {"hub_kubernetes_image": ""},
        "hub_kubernetes_image is empty; name an image that has jupyterhub==6.1.1",
    ),
    "latest": (
        {"hub_kubernetes_image": "example.org:5000/hub"},
        "hub_kubernetes_image is example.org:5000/hub; expected a tag",
    ),
    "namespace": (
        {"hub_kubernetes_namespace": "My_Course"},
        "hub_kubernetes_namespace is My_Course; expected a DNS label",
    ),
    "size": ({"hub_kubernetes_state_size": "1 GB"}, "hub_kubernetes_state_size is 1 GB; expected an amount"),
    "unit": (
        {"hub_kubernetes_hub_resources": {"requests": {"memory": "512MB"}}},
        "hub_kubernetes_hub_resources.requests.memory is 512MB; expected an amount",
    ),
    "resources": (
        {"hub_kubernetes_proxy_resources": {"request": {}}},
        "hub_kubernetes_proxy_resources has the key request",
    ),
    "class": (
        {"hub_storage_class": "fast"},
        "hub_storage_class is fast, which the cluster does not have. It has standard",
    ),
    "no_host": ({"hub_kubernetes_ingress": True}, "hub_public_url is empty; hub_kubernetes_ingress needs the host"),
    "no_gateway": (
        {"hub_kubernetes_gateway": {"section": "x"}, "hub_public_url": "https://hub.example.org"},
        "hub_kubernetes_gateway has no name",
    ),
    "bad_issuer": (
        {"hub_kubernetes_issuer": "letsencrypt"},
        "hub_kubernetes_issuer is letsencrypt; expected ClusterIssuer/<name>",
    ),
    "no_time": (
        {"hub_kubernetes_prepull_timeout": 0},
        "hub_kubernetes_prepull_timeout is 0; expected a number of seconds above 0",
    ),
    "puller": (
        {"hub_kubernetes_prepull_resources": {"limits": {"memory": "64MB"}}},
        "hub_kubernetes_prepull_resources.limits.memory is 64MB; expected an amount",
    ),
    "port": ({"hub_kubernetes_node_port": 32000}, "a node port needs hub_kubernetes_service: NodePort"),
    "tls": (
        {**OWN_CERTIFICATE, "hub_kubernetes_ingress": True, "hub_public_url": "https://hub.example.org"},
        "hub_tls is files, with which the proxy ends TLS, but the Ingress does that here; take hub_tls: offload",
    ),
    "acme": (
        {**OWN_CERTIFICATE, "hub_certificate_source": "acme"},
        "hub_certificate_source is acme and hub_kubernetes_redirect_port is 0; expected the port at which",
    ),
    "redirect": (
        {"hub_kubernetes_redirect_port": 80},
        "hub_kubernetes_redirect_port is 80, which takes hub_tls: files",
    ),
    "redirect_port": (
        {**OWN_CERTIFICATE, "hub_kubernetes_redirect_port": 8000},
        "hub_kubernetes_redirect_port is 8000, which is hub_port",
    ),
    "path": ({"hub_extra_files": {"/etc/motd": {"content": "x"}}}, "hub_extra_files has the path /etc/motd"),
    "rights": (
        {"__hub_kubernetes_cluster": {**CLUSTER, "denied": ["create roles"]}},
        "the account of the kubeconfig may not create roles in the namespace jupyterhub",
    ),
    "no_namespace": (
        {"__hub_kubernetes_cluster": {**CLUSTER, "namespace_exists": False}},
        "there is no namespace jupyterhub in the cluster",
    ),
    "old_cluster": (
        {"__hub_kubernetes_cluster": {**CLUSTER, "version": "1.19.3"}},
        "the cluster is Kubernetes 1.19.3; expected 1.20",
    ),
    "no_default": (
        {"hub_storage": "none", "__hub_kubernetes_cluster": {**CLUSTER, "storage_classes": []}},
        "hub_kubernetes_state_class is empty and the cluster has no default storage class",
    ),
    "no_secret": (
        {
            "hub_kubernetes_existing_secret": "mine",
            "__hub_kubernetes_cluster": {**CLUSTER, "missing_secrets": ["mine"]},
        },
        "there is no Secret mine in the namespace jupyterhub, which hub_kubernetes_existing_secret names",
    ),
    "no_claim": (
        {"hub_kubernetes_static_claim": "homes", "__hub_kubernetes_cluster": {**CLUSTER, "missing_claims": ["homes"]}},
        "there is no claim homes in the namespace jupyterhub, which hub_kubernetes_static_claim names",
    ),
    "no_route": (
        {
            "hub_kubernetes_gateway": {"name": "front"},
            "hub_public_url": "https://hub.example.org",
            "__hub_kubernetes_cluster": {**CLUSTER, "apis": ["v1"]},
        },
        "the cluster does not serve HTTPRoute",
    ),
    "no_priority_class": (
        {"hub_kubernetes_placeholders": 2, "hub_memory_guarantee": "1G"},
        "hub_kubernetes_placeholders is 2 and hub_kubernetes_placeholder_priority_class is empty",
    ),
    "no_room": (
        {"hub_kubernetes_placeholders": 2, "hub_kubernetes_placeholder_priority_class": "room"},
        "hub_kubernetes_placeholders is 2, but nothing is set aside for a user server; set hub_memory_guarantee",
    ),
    "negative_placeholders": (
        {"hub_kubernetes_placeholders": -1},
        "hub_kubernetes_placeholders is -1; expected 0 or more",
    ),
    "placeholder_amount": (
        {"hub_kubernetes_placeholder_requests": {"memory": "2 GB"}},
        "hub_kubernetes_placeholder_requests.memory is 2 GB; expected an amount",
    ),
    "shrinks": (
        {
            "__hub_kubernetes_cluster": {
                **CLUSTER,
                "state_claims": {"hub-db-dir": {"name": "hub-db-dir", "size": "2Gi", "storage_class": "standard"}},
            }
        },
        "the claim hub-db-dir has 2Gi, hub_kubernetes_state_size is 1Gi; a claim can only grow",
    ),
    "other_class": (
        {
            "hub_kubernetes_state_class": "standard",
            "__hub_kubernetes_cluster": {
                **CLUSTER,
                "state_claims": {"hub-db-dir": {"name": "hub-db-dir", "size": "1Gi", "storage_class": "slow"}},
            },
        },
        "the claim hub-db-dir has the storage class slow, hub_kubernetes_state_class is standard",
    ),
}


@pytest.fixture(scope="session")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    variants = {name: given for name, (given, _said) in BAD.items()}
    found = made_once(tmp_path_factory, "refused", lambda folder: run(folder, variants, applied=False))
    return lambda mistake: copy.deepcopy(found[mistake])


@pytest.mark.parametrize("mistake", BAD)
def test_a_mistake_is_named_before_anything_is_touched(refused: Rendered, mistake: str) -> None:
    problems = [problem.strip() for problem in refused(mistake)["problems"] if problem.strip()]
    assert len(problems) == 1
    assert problems[0].startswith(BAD[mistake][1]) or BAD[mistake][1] in problems[0]
