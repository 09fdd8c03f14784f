"""The least for containers: images of a fixed set, the hub found by its name on the host."""

import socket

c = get_config()  # noqa: F821
c.JupyterHub.spawner_class = "docker"
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.hub_ip = socket.gethostname()
c.DockerSpawner.allowed_images = {"small": "quay.io/jupyter/base-notebook", "large": "quay.io/jupyter/scipy-notebook"}
c.DockerSpawner.mem_limit = "2G"
c.DockerSpawner.cpu_limit = 1.5
c.DockerSpawner.extra_host_config = {"cap_drop": ["ALL"]}
c.DockerSpawner.environment.update({"EDITOR": "nano"})
c.JupyterHub.log_level = 10
