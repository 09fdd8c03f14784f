"""Services of a swarm; the proxy is a service of its own."""

import os

c = get_config()  # noqa: F821
c.JupyterHub.spawner_class = "dockerspawner.SwarmSpawner"
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_connect_ip = "hub"
c.JupyterHub.bind_url = "http://:8000"
c.JupyterHub.cleanup_servers = False
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.auth_token = os.environ["PROXY_TOKEN"]
c.ConfigurableHTTPProxy.api_url = "http://proxy:8001"
c.SwarmSpawner.network_name = "hub-network"
c.SwarmSpawner.extra_host_config = {"network_mode": "hub-network"}
c.SwarmSpawner.extra_placement_spec = {"constraints": ["node.role == worker"]}
c.SwarmSpawner.start_timeout = 120
c.Authenticator.allowed_users = {"ada", "grace"}
c.Authenticator.admin_users = {"ada"}
