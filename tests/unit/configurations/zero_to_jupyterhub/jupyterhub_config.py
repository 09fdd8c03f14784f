"""A hub in a cluster; most settings come from a file of values that is only there in the cluster."""

import os
import sys

c = get_config()  # noqa: F821
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from z2jh import get_name, get_name_env, secret, set_config_if_not_none, value

c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.ConfigurableHTTPProxy.api_url = f"http://{get_name('proxy-api')}:{get_name_env('proxy-api', '_SERVICE_PORT')}"
c.ConfigurableHTTPProxy.should_start = False
c.JupyterHub.cleanup_servers = False
c.JupyterHub.last_activity_interval = 60
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
c.JupyterHub.hub_bind_url = "http://:8081"
c.JupyterHub.hub_connect_url = f"http://{get_name('hub')}:{get_name_env('hub', '_SERVICE_PORT')}"

for trait, key in (
    ("concurrent_spawn_limit", "hub.concurrentSpawnLimit"),
    ("base_url", "hub.baseUrl"),
    ("allow_named_servers", "hub.allowNamedServers"),
    ("template_vars", "hub.templateVars"),
    ("db_url", "hub.db.url"),
):
    set_config_if_not_none(c.JupyterHub, trait, key)

labels = c.KubeSpawner.common_labels = {}
labels["app"] = value("nameOverride", "jupyterhub")
c.KubeSpawner.namespace = os.environ.get("POD_NAMESPACE", "default")

for trait, key in (
    ("start_timeout", "singleuser.startTimeout"),
    ("image_pull_policy", "singleuser.image.pullPolicy"),
    ("fs_gid", "singleuser.fsGid"),
    ("mem_limit", "singleuser.memory.limit"),
    ("mem_guarantee", "singleuser.memory.guarantee"),
    ("cpu_limit", "singleuser.cpu.limit"),
    ("profile_list", "singleuser.profileList"),
    ("environment", "singleuser.extraEnv"),
):
    set_config_if_not_none(c.KubeSpawner, trait, key)

image = value("singleuser.image.name")
if image:
    tag = value("singleuser.image.tag")
    c.KubeSpawner.image = f"{image}:{tag}" if tag else image
c.KubeSpawner.allow_privilege_escalation = value("singleuser.allowPrivilegeEscalation")
if value("singleuser.storage.type") == "dynamic":
    claim = value("singleuser.storage.dynamic.pvcNameTemplate")
    c.KubeSpawner.pvc_name_template = claim
    c.KubeSpawner.storage_pvc_ensure = True
    set_config_if_not_none(c.KubeSpawner, "storage_capacity", "singleuser.storage.capacity")
    c.KubeSpawner.volumes = [{"name": "home", "persistentVolumeClaim": {"claimName": claim}}]
    c.KubeSpawner.volume_mounts = [{"mountPath": "/home/jovyan", "name": "home"}]
c.KubeSpawner.volumes.extend(value("singleuser.storage.extraVolumes", []))
c.KubeSpawner.node_affinity_preferred.append(
    {
        "weight": 100,
        "preference": {
            "matchExpressions": [{"key": "hub.jupyter.org/node-purpose", "operator": "In", "values": ["user"]}]
        },
    }
)

c.JupyterHub.services = []
c.JupyterHub.load_roles = []
if value("cull.enabled", False):
    command = ["python3", "-m", "jupyterhub_idle_culler", f"--timeout={value('cull.timeout')}"]
    c.JupyterHub.services.append({"name": "culler", "command": command})
    scopes = ["list:users", "read:users:activity", "read:servers", "delete:servers"]
    c.JupyterHub.load_roles.append({"name": "culler", "scopes": scopes, "services": ["culler"]})

c.JupyterHub.cookie_secret = secret("hub.config.JupyterHub.cookie_secret")
c.CryptKeeper.keys = secret("hub.config.CryptKeeper.keys").split(";")
for name, traits in value("hub.config", {}).items():
    c[name].update(traits)
for _key, text in sorted(value("hub.extraConfig", {}).items()):
    exec(text)
