"""Containers that run as the accounts of the host, with their own home directories."""

c = get_config()  # noqa: F821
c.JupyterHub.spawner_class = "docker-system-user"
c.SystemUserSpawner.host_homedir_format_string = "/home/{username}"
c.SystemUserSpawner.image_homedir_format_string = "/home/{username}"
c.SystemUserSpawner.run_as_root = True
c.SystemUserSpawner.image = "quay.io/jupyter/base-notebook:latest"
c.SystemUserSpawner.pull_policy = "ifnotpresent"
c.SystemUserSpawner.extra_create_kwargs = {"user": "root"}
c.JupyterHub.hub_ip = "172.17.0.1"
c.LocalAuthenticator.allowed_groups = {"students", "teachers"}
c.PAMAuthenticator.admin_groups = {"teachers"}


def remember(spawner):
    """Called for every start."""
    spawner.environment["STARTED_FOR"] = spawner.user.name


c.Spawner.pre_spawn_hook = remember
