# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each value of the chart zero-to-jupyterhub is here. Private to the collection.

One row for each value; docs/from-the-chart.md is made from the same rows. Chart 1.0 to 4.3.
"""

from __future__ import annotations

import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._chart_conversions import (
    Convert,
    Row,
    as_list,
    as_text,
    config,
    cpu,
    database,
    database_url,
    debug,
    decide,
    default_url,
    extra_config,
    files,
    gateway,
    hosts,
    https_type,
    hub_environment,
    image,
    impossible,
    ingress_annotations,
    ingress_tls,
    named_servers,
    names_of_secrets,
    network,
    node_purpose,
    nothing,
    only,
    profiles,
    pulled_before,
    same,
    service_account,
    services,
    storage,
    token,
    trait,
    user_environment,
    user_network,
    user_volumes,
)

SECTIONS = frozenset(
    {
        *("auth", "cull", "custom", "debug", "enabled", "fullnameOverride", "global", "httpRoute", "hub"),
        *("imagePullSecret", "imagePullSecrets", "ingress", "nameOverride", "prePuller", "proxy", "rbac"),
        *("scheduling", "singleuser"),
    }
)
NO_SIGN_IN = (
    "No authenticator is named, and the chart's own accepts any name with any password. Choose how people sign in."
)


def _ours(value: str, variable: str, note: str = "", convert: Convert = same) -> Row:
    return Row(value, variable, note, convert)


def _always(value: str, note: str, convert: Convert = nothing) -> Row:
    return Row(value, "", note, convert, kind="always")


def _open(value: str, note: str, variable: str = "") -> Row:
    return Row(value, variable, note, decide, kind="decide")


def _never(value: str, note: str) -> Row:
    return Row(value, "", note, impossible, kind="impossible")


_K = "hub_kubernetes_"
_PROBES = "The role's own, which honour hub_base_url."
_REPLICAS = "There is one replica: a budget would only keep nodes from being emptied."
_SCHEDULER = "No scheduler comes with the hub; the cluster's own prefers nodes with user servers, or name another by hub_kubernetes_user_scheduler."
_OWN_POLICIES = "Open more by the labels hub.jupyter.org/network-access-*, or by a NetworkPolicy of your own beside it."
_PULLS = "What user servers start is pulled with their tolerations, by pods of the role's own."
_AUTOHTTPS = "There is no pod of its own for certificates: an Ingress or a Gateway ends TLS."

# Values that mean something although they are not given, since it is something else here.
DEFAULTS: dict[str, t.Any] = {
    "hub.concurrentSpawnLimit": 64,
    "hub.consecutiveFailureLimit": 5,
    "proxy.service.type": "LoadBalancer",
    "singleuser.memory.guarantee": "1G",
    "singleuser.startTimeout": 300,
    # Here the name of a hub that is not called jupyterhub is a part of the names of its claims.
    "singleuser.storage.dynamic.pvcNameTemplate": "claim-{user_server}",
}


def applies(value: str, look: t.Callable[[str], t.Any]) -> bool:
    """Whether the chart uses a default that it has."""
    return "pvcNameTemplate" not in value or look("singleuser.storage.type") in (None, "dynamic")


ROWS: tuple[Row, ...] = (
    _always("enabled", "A mark for charts that have this one inside."),
    _open("custom", "Only your own fragments read it: write its values into them.", "hub_extra_config"),
    _ours("fullnameOverride", "hub_name", "All names begin with it, unless it is jupyterhub."),
    _ours("nameOverride", "hub_name", "All names begin with it, unless it is jupyterhub."),
    _open(
        "imagePullSecret", "Make the Secret (kubectl create secret docker-registry) and name it.", f"{_K}pull_secrets"
    ),
    _ours("imagePullSecrets", f"{_K}pull_secrets", "", names_of_secrets),
    # --- hub
    _ours(
        "hub.config",
        "hub_sign_in",
        "People, sign-in and hub by their variables, other traits as hub_authenticator_settings and hub_settings_extra.",
        config,
    ),
    _ours("hub.extraConfig", "hub_extra_config", "Sorted by key, as there. Checked before it is used.", extra_config),
    _ours(
        "hub.extraFiles", "hub_extra_files", "Text only. Files for jupyterhub_config.d become hub_extra_config.", files
    ),
    _open(
        "hub.extraConfigMap", "Gone from the chart since 1.0. Write the values where they are used.", "hub_extra_config"
    ),
    _ours(
        "hub.baseUrl",
        "hub_base_url",
        "With a slash at both ends.",
        lambda to, row, given: to.set(row.variable, f"/{str(given).strip('/')}/".replace("//", "/")),
    ),
    _ours("hub.publicURL", "hub_public_url", "Without a path."),
    _ours("hub.cookieSecret", "hub_cookie_secret", "With it people stay signed in.", token),
    _ours("hub.concurrentSpawnLimit", "hub_concurrent_spawn_limit"),
    _ours("hub.consecutiveFailureLimit", "hub_consecutive_failure_limit"),
    _ours("hub.activeServerLimit", "hub_active_server_limit"),
    _ours("hub.allowNamedServers", "hub_named_servers", "The number that one person may have.", named_servers),
    _ours("hub.namedServerLimitPerUser", "hub_named_servers", "", named_servers),
    _ours(
        "hub.authenticatePrometheus",
        "hub_settings_extra",
        "JupyterHub.authenticate_prometheus",
        trait("JupyterHub.authenticate_prometheus"),
    ),
    _ours(
        "hub.redirectToServer",
        "hub_settings_extra",
        "JupyterHub.redirect_to_server",
        trait("JupyterHub.redirect_to_server"),
    ),
    _ours(
        "hub.shutdownOnLogout",
        "hub_settings_extra",
        "JupyterHub.shutdown_on_logout",
        trait("JupyterHub.shutdown_on_logout"),
    ),
    _open("hub.templatePaths", "Pages are given as text: put each file's into the mapping.", "hub_templates"),
    _ours("hub.templateVars", "hub_template_vars"),
    _ours("hub.services", "hub_services", "A token goes to the vault.", services),
    _ours("hub.loadRoles", "hub_roles"),
    _ours("hub.db.type", "hub_database", "sqlite or postgresql; an address of PostgreSQL is taken apart.", database),
    _ours("hub.db.url", "hub_database_host", "And _port, _name, _user and _password.", database_url),
    _ours(
        "hub.db.password",
        "hub_database_password",
        "Into the vault.",
        lambda to, row, given: to.secret(row.variable, given),
    ),
    _always("hub.db.upgrade", "A new release upgrades the database, after a copy of it."),
    _ours("hub.db.pvc.storage", f"{_K}state_size"),
    _ours("hub.db.pvc.storageClassName", f"{_K}state_class"),
    _always(
        "hub.db.pvc.accessModes", "ReadWriteOnce.", only(["ReadWriteOnce"], "The claim of the hub is ReadWriteOnce.")
    ),
    _open("hub.db.pvc.subPath", "The claim is the hub's alone; a hub that moves brings its database along."),
    _open(
        "hub.db.pvc.selector", "A claim for a certain volume is made beforehand, with the name that the role gives it."
    ),
    _open("hub.db.pvc.annotations", "Annotate the claim once by kubectl; the role leaves that alone."),
    _ours("hub.image.name", f"{_K}image", "It has to have JupyterHub hub_version.", image(f"{_K}image")),
    _ours("hub.image.tag", f"{_K}image", "", image(f"{_K}image")),
    _ours("hub.image.pullPolicy", f"{_K}pull_policy"),
    _ours("hub.image.pullSecrets", f"{_K}pull_secrets", "", names_of_secrets),
    _ours("hub.resources", f"{_K}hub_resources"),
    _ours("hub.extraEnv", f"{_K}environment", "Texts and valueFrom.", hub_environment),
    _ours("hub.extraVolumes", f"{_K}hub_volumes", "", as_list),
    _ours("hub.extraVolumeMounts", f"{_K}hub_mounts", "", as_list),
    _ours("hub.initContainers", f"{_K}hub_init_containers", "", as_list),
    _ours("hub.extraContainers", f"{_K}hub_containers", "", as_list),
    _ours("hub.nodeSelector", f"{_K}node_selector", "Of hub, proxy and database."),
    _ours("hub.tolerations", f"{_K}tolerations", "Of hub, proxy and database."),
    _open("hub.existingSecret", "Its keys are other ones here, those of the hub's own Secret.", f"{_K}existing_secret"),
    _ours("hub.labels", f"{_K}labels", "Of all objects."),
    _open("hub.annotations", "Pods of the hub have none of a site's own."),
    _open("hub.command", "The role starts the hub."),
    _open("hub.args", "Options of the hub are traits.", "hub_settings_extra"),
    _open("hub.lifecycle", "Write it as a container of its own.", f"{_K}hub_containers"),
    _open("hub.extraPodSpec", "Only what has a variable can be changed in the hub's pod."),
    _always("hub.deploymentStrategy", "Recreate."),
    _always("hub.revisionHistoryLimit", "The role keeps what it needs to put a release back."),
    _ours("hub.fsGid", f"{_K}uid", "Numbers of user and group are the same."),
    _open(
        "hub.podSecurityContext",
        "The pod passes the standard restricted; the number of its user is a variable.",
        f"{_K}uid",
    ),
    _open(
        "hub.containerSecurityContext",
        "The container passes the standard restricted; the number of its user is a variable.",
        f"{_K}uid",
    ),
    _always("hub.livenessProbe", _PROBES),
    _always("hub.readinessProbe", _PROBES),
    _always("hub.pdb", _REPLICAS),
    _always("hub.networkPolicy", _OWN_POLICIES, network),
    _ours(
        "hub.serviceAccount",
        f"{_K}service_account",
        "The role's own, with a Role of the namespace, or one that is there.",
        service_account,
    ),
    _always(
        "hub.service",
        "ClusterIP.",
        only({"type": "ClusterIP"}, "Only the proxy is reachable from outside; make a Service of your own beside it."),
    ),
    _open("hub.imagePullSecret", "Make the Secret and name it.", f"{_K}pull_secrets"),
    _always(
        "rbac",
        "A Role and a RoleBinding of the namespace.",
        only(
            {"create": True},
            "Without it, name an account that is there and has the rights: hub_kubernetes_service_account.",
        ),
    ),
    # --- proxy
    _ours("proxy.secretToken", "hub_proxy_token", "", token),
    _ours("proxy.service.type", f"{_K}service", "The chart's default is LoadBalancer."),
    _ours("proxy.service.annotations", f"{_K}service_annotations"),
    _ours("proxy.service.loadBalancerSourceRanges", f"{_K}load_balancer_sources"),
    _open("proxy.service.loadBalancerIP", "Clouds take it as an annotation today.", f"{_K}service_annotations"),
    _ours("proxy.service.nodePorts.http", f"{_K}node_port"),
    _open("proxy.service.nodePorts.https", _AUTOHTTPS, f"{_K}ingress"),
    _ours("proxy.service.labels", f"{_K}labels", "Of all objects."),
    _open("proxy.service.extraPorts", "The Service has one port; make one of your own beside it."),
    _always("proxy.service.disableHttpPort", "There is one port.", only(False, _AUTOHTTPS)),
    _always("proxy.https.enabled", "See proxy.https.type."),
    _ours("proxy.https.type", "hub_tls", "offload; files for certificates of one's own at the proxy.", https_type),
    _ours("proxy.https.hosts", "hub_public_url", "", hosts),
    _open(
        "proxy.https.letsencrypt",
        "cert-manager gets the certificate of an Ingress; `hub_certificate_source: acme` one for the proxy itself.",
        f"{_K}issuer",
    ),
    _open("proxy.https.manual", "Put both into files that hub_tls_certificate and hub_tls_key name.", "hub_tls"),
    _open("proxy.https.secret", "For an Ingress; the keys are tls.crt and tls.key.", f"{_K}tls_secret"),
    _ours("proxy.chp.image.name", f"{_K}proxy_image", "", image(f"{_K}proxy_image")),
    _ours("proxy.chp.image.tag", f"{_K}proxy_image", "", image(f"{_K}proxy_image")),
    _ours("proxy.chp.image.pullPolicy", f"{_K}pull_policy"),
    _ours("proxy.chp.image.pullSecrets", f"{_K}pull_secrets", "", names_of_secrets),
    _ours("proxy.chp.resources", f"{_K}proxy_resources"),
    _ours("proxy.chp.nodeSelector", f"{_K}node_selector", "Of hub, proxy and database."),
    _ours("proxy.chp.tolerations", f"{_K}tolerations", "Of hub, proxy and database."),
    _open("proxy.chp.extraCommandLineFlags", "The proxy's options are the role's."),
    _open("proxy.chp.extraEnv", "The proxy's options are the role's."),
    _open("proxy.chp.defaultTarget", "The hub is the default target."),
    _open("proxy.chp.errorTarget", "The hub is the error target."),
    _open("proxy.chp.extraPodSpec", "Only what has a variable can be changed in the proxy's pod."),
    _always("proxy.chp.containerSecurityContext", "It passes the standard restricted."),
    _always("proxy.chp.livenessProbe", _PROBES),
    _always("proxy.chp.readinessProbe", _PROBES),
    _always("proxy.chp.pdb", _REPLICAS),
    _always("proxy.chp.revisionHistoryLimit", "The role keeps what it needs to put a release back."),
    _always("proxy.chp.networkPolicy", _OWN_POLICIES, network),
    _always("proxy.deploymentStrategy", "Recreate."),
    _open("proxy.annotations", "Pods of the proxy have none of a site's own."),
    _ours("proxy.labels", f"{_K}labels", "Of all objects."),
    _always("proxy.pdb", _REPLICAS),
    _ours("proxy.nodeSelector", f"{_K}node_selector", "Of hub, proxy and database."),
    _always("proxy.networkPolicy", _OWN_POLICIES, network),
    _always("proxy.containerSecurityContext", "It passes the standard restricted."),
    _never("proxy.traefik", _AUTOHTTPS),
    _never("proxy.secretSync", _AUTOHTTPS),
    # --- user servers
    _ours("singleuser.image.name", "hub_image", "Tags other than latest.", image("hub_image")),
    _ours("singleuser.image.tag", "hub_image", "", image("hub_image")),
    _ours("singleuser.image.pullPolicy", f"{_K}pull_policy"),
    _ours("singleuser.image.pullSecrets", f"{_K}pull_secrets", "", names_of_secrets),
    _open("singleuser.imagePullSecret", "Make the Secret and name it.", f"{_K}pull_secrets"),
    _ours("singleuser.profileList", "hub_profiles", "Options of a profile become profiles.", profiles),
    _ours("singleuser.startTimeout", "hub_start_timeout", "The chart's default is 300."),
    _ours("singleuser.defaultUrl", "hub_default_page", "", default_url),
    _ours(
        "singleuser.cmd",
        "hub_settings_extra",
        "Spawner.cmd",
        lambda to, row, given: to.set(row.variable, {"Spawner": {"cmd": [given] if isinstance(given, str) else given}}),
    ),
    _ours("singleuser.memory.limit", "hub_memory_limit", "", as_text),
    _ours("singleuser.memory.guarantee", "hub_memory_guarantee", "The chart's default is 1G.", as_text),
    _ours("singleuser.cpu.limit", "hub_cpu_limit", "", cpu),
    _ours("singleuser.cpu.guarantee", "hub_cpu_guarantee", "", cpu),
    _ours("singleuser.extraResource.limits", f"{_K}user_extra_resources", "Guaranteed and as the limit."),
    _ours("singleuser.extraResource.guarantees", f"{_K}user_extra_resources", "Guaranteed and as the limit."),
    _ours("singleuser.extraEnv", "hub_extra_env", "Texts.", user_environment),
    _open("singleuser.extraFiles", "Put them into the image or into a claim.", "hub_extra_volumes"),
    _ours("singleuser.storage.type", "hub_storage", "static is hub_kubernetes_static_claim.", storage),
    _ours("singleuser.storage.capacity", "hub_storage_size", "", as_text),
    _ours("singleuser.storage.homeMountPath", "hub_storage_mount"),
    _ours("singleuser.storage.dynamic.storageClass", "hub_storage_class"),
    _ours(
        "singleuser.storage.dynamic.pvcNameTemplate",
        "hub_storage_volume",
        "People keep their claims when it is the same template. See Names of claims.",
    ),
    _always("singleuser.storage.dynamic.volumeNameTemplate", "The name is inside of the pod only."),
    _ours(
        "singleuser.storage.dynamic.storageAccessModes",
        f"{_K}access_mode",
        "One of them.",
        lambda to, row, given: to.set(row.variable, given[0]),
    ),
    _open("singleuser.storage.dynamic.subPath", "A claim of one's own is mounted whole."),
    _ours("singleuser.storage.static.pvcName", f"{_K}static_claim"),
    _ours("singleuser.storage.static.subPath", f"{_K}static_sub_path"),
    _ours("singleuser.storage.extraVolumes", "hub_extra_volumes", "Claims.", user_volumes),
    _ours("singleuser.storage.extraVolumeMounts", "hub_extra_volumes", "", user_volumes),
    _ours(
        "singleuser.storage.extraLabels",
        "hub_settings_extra",
        "KubeSpawner.storage_extra_labels",
        trait("KubeSpawner.storage_extra_labels"),
    ),
    _ours("singleuser.nodeSelector", f"{_K}user_node_selector"),
    _ours("singleuser.extraTolerations", f"{_K}user_tolerations"),
    _ours("singleuser.initContainers", f"{_K}user_init_containers", "", as_list),
    _ours("singleuser.extraContainers", f"{_K}user_containers", "", as_list),
    _ours("singleuser.extraLabels", f"{_K}user_labels"),
    _ours("singleuser.extraAnnotations", f"{_K}user_annotations"),
    _ours(
        "singleuser.podNameTemplate",
        "hub_settings_extra",
        "KubeSpawner.pod_name_template",
        trait("KubeSpawner.pod_name_template"),
    ),
    _ours(
        "singleuser.serviceAccountName",
        "hub_settings_extra",
        "KubeSpawner.service_account",
        trait("KubeSpawner.service_account"),
    ),
    _ours(
        "singleuser.lifecycleHooks",
        "hub_settings_extra",
        "KubeSpawner.lifecycle_hooks",
        trait("KubeSpawner.lifecycle_hooks"),
    ),
    _ours(
        "singleuser.extraPodConfig",
        "hub_settings_extra",
        "KubeSpawner.extra_pod_config",
        trait("KubeSpawner.extra_pod_config"),
    ),
    _ours(
        "singleuser.extraNodeAffinity.required",
        "hub_settings_extra",
        "KubeSpawner.node_affinity_required",
        trait("KubeSpawner.node_affinity_required"),
    ),
    _ours(
        "singleuser.extraNodeAffinity.preferred",
        "hub_settings_extra",
        "KubeSpawner.node_affinity_preferred",
        trait("KubeSpawner.node_affinity_preferred"),
    ),
    _ours(
        "singleuser.extraPodAffinity.required",
        "hub_settings_extra",
        "KubeSpawner.pod_affinity_required",
        trait("KubeSpawner.pod_affinity_required"),
    ),
    _ours(
        "singleuser.extraPodAffinity.preferred",
        "hub_settings_extra",
        "KubeSpawner.pod_affinity_preferred",
        trait("KubeSpawner.pod_affinity_preferred"),
    ),
    _ours(
        "singleuser.extraPodAntiAffinity.required",
        "hub_settings_extra",
        "KubeSpawner.pod_anti_affinity_required",
        trait("KubeSpawner.pod_anti_affinity_required"),
    ),
    _ours(
        "singleuser.extraPodAntiAffinity.preferred",
        "hub_settings_extra",
        "KubeSpawner.pod_anti_affinity_preferred",
        trait("KubeSpawner.pod_anti_affinity_preferred"),
    ),
    _always(
        "singleuser.events",
        "What happens to a pod is shown to who waits for it.",
        only(True, "Set KubeSpawner.events_enabled by hub_settings_extra."),
    ),
    _ours("singleuser.uid", "hub_settings_extra", "KubeSpawner.uid", trait("KubeSpawner.uid")),
    _ours("singleuser.fsGid", "hub_settings_extra", "KubeSpawner.fs_gid", trait("KubeSpawner.fs_gid")),
    _always(
        "singleuser.allowPrivilegeEscalation",
        "Nobody becomes root.",
        only(
            False,
            "User pods pass the standard restricted; KubeSpawner.container_security_context by hub_settings_extra weakens that.",
        ),
    ),
    _always("singleuser.cloudMetadata", "A NetworkPolicy closes it, without a privileged container."),
    _always("singleuser.networkTools", "There is no privileged container."),
    _ours("singleuser.networkPolicy", f"{_K}user_egress", "Closed are hub_kubernetes_blocked_networks.", user_network),
    # --- scheduling
    _open("scheduling.userScheduler", _SCHEDULER, f"{_K}pack_users"),
    _open("scheduling.podPriority", "PriorityClasses belong to the cluster; name one.", f"{_K}user_priority_class"),
    _open(
        "scheduling.userPlaceholder",
        "Their priority class is named, or made with hub_kubernetes_create_priority_class.",
        f"{_K}placeholders",
    ),
    _ours("scheduling.corePods.tolerations", f"{_K}tolerations"),
    _ours("scheduling.corePods.nodeAffinity.matchNodePurpose", f"{_K}node_selector", "require", node_purpose),
    _ours("scheduling.userPods.tolerations", f"{_K}user_tolerations"),
    _ours("scheduling.userPods.nodeAffinity.matchNodePurpose", f"{_K}user_node_selector", "require", node_purpose),
    # --- images on nodes
    _ours("prePuller.hook.enabled", f"{_K}prepull", "A node that is full or away holds nothing up.", pulled_before),
    _ours("prePuller.continuous.enabled", f"{_K}prepull_new_nodes"),
    _always("prePuller.pullProfileListImages", "Images of profiles are pulled too."),
    _never("prePuller.extraImages", "Only what user servers start is pulled; a DaemonSet of your own can pull more."),
    _always("prePuller.extraTolerations", _PULLS),
    _always("prePuller.hook", _PULLS),
    _always("prePuller.annotations", _PULLS),
    _always("prePuller.labels", _PULLS),
    _ours("prePuller.resources", f"{_K}prepull_resources"),
    _always("prePuller.containerSecurityContext", _PULLS),
    _always("prePuller.revisionHistoryLimit", _PULLS),
    _always("prePuller.pause", _PULLS),
    # --- the way in
    _ours("ingress.enabled", f"{_K}ingress"),
    _ours(
        "ingress.annotations",
        f"{_K}ingress_annotations",
        "The issuer of cert-manager is hub_kubernetes_issuer.",
        ingress_annotations,
    ),
    _ours("ingress.ingressClassName", f"{_K}ingress_class"),
    _ours("ingress.hosts", "hub_public_url", "One host.", hosts),
    _ours("ingress.tls", f"{_K}tls_secret", "", ingress_tls),
    _open("ingress.pathSuffix", "Paths are those of hub_base_url.", "hub_base_url"),
    _always("ingress.pathType", "Prefix.", only("Prefix", "The path is a prefix.")),
    _open("ingress.extraPaths", "Make an Ingress of your own beside it."),
    _always("httpRoute.enabled", "See httpRoute.gateway."),
    _ours("httpRoute.gateway", f"{_K}gateway", "", gateway),
    _ours("httpRoute.hostnames", "hub_public_url", "", hosts),
    _open("httpRoute.annotations", "The route has none of a site's own."),
    # --- culling
    _ours("cull.enabled", "hub_cull"),
    _ours("cull.users", "hub_cull_users"),
    _ours("cull.adminUsers", "hub_cull_admins"),
    _ours("cull.removeNamedServers", "hub_cull_named_servers"),
    _ours("cull.timeout", "hub_cull_timeout"),
    _ours("cull.every", "hub_cull_every"),
    _ours("cull.concurrency", "hub_cull_concurrency"),
    _ours("cull.maxAge", "hub_cull_max_age"),
    _ours("debug.enabled", "hub_log_level", "DEBUG", debug),
    _always("global", "Marks and switches of the chart."),
    _open(
        "auth",
        "Gone from the chart since 1.0: translate it by the chart's own notes for that upgrade, then again.",
        "hub_sign_in",
    ),
)
BY_VALUE = {row.value: row for row in ROWS}
