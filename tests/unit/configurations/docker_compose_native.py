"""A hub in a container that starts its users' servers beside itself; sign-up with a password of one's own."""

import os

c = get_config()  # noqa: F821

work = os.environ.get("NOTEBOOK_DIRECTORY") or "/home/jovyan/work"
network = os.environ["HUB_NETWORK"]

c.JupyterHub.spawner_class = "dockerspawner.DockerSpawner"
c.DockerSpawner.image = os.environ["NOTEBOOK_IMAGE"]
c.DockerSpawner.cmd = os.environ.get("NOTEBOOK_COMMAND", "start-singleuser.py")
c.DockerSpawner.network_name = network
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.notebook_dir = work
c.DockerSpawner.volumes = {"home-{username}": work}
c.DockerSpawner.remove = True
c.DockerSpawner.debug = True

c.JupyterHub.hub_ip = "hub"
c.JupyterHub.hub_port = 8080
c.JupyterHub.db_url = "sqlite:////srv/state/hub.sqlite"
c.JupyterHub.cookie_secret_file = "/srv/state/cookie_secret"

c.JupyterHub.authenticator_class = "nativeauthenticator.NativeAuthenticator"
c.NativeAuthenticator.open_signup = True
c.Authenticator.allow_all = True
first_admin = os.environ.get("FIRST_ADMIN")
if first_admin:
    c.Authenticator.admin_users = [first_admin]
