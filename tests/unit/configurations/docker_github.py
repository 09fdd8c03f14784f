"""Sign-in with GitHub; the people are in a file beside the configuration."""

import os

c = get_config()  # noqa: F821
here = os.path.dirname(__file__)
people, admins = set(), set()
with open(os.path.join(here, "people.txt")) as stream:
    for line in stream:
        parts = line.split()
        if parts:
            people.add(parts[0])
            if parts[1:] == ["admin"]:
                admins.add(parts[0])

c.JupyterHub.spawner_class = "dockerspawner.DockerSpawner"
c.JupyterHub.authenticator_class = "oauthenticator.github.GitHubOAuthenticator"
c.GitHubOAuthenticator.oauth_callback_url = os.environ["CALLBACK_URL"]
c.GitHubOAuthenticator.client_id = os.environ["GITHUB_ID"]
c.GitHubOAuthenticator.client_secret = os.environ["GITHUB_SECRET"]
c.GitHubOAuthenticator.allowed_organizations = {"an-organization", "other:team"}
c.Authenticator.allowed_users = people
c.Authenticator.admin_users = admins
c.Authenticator.enable_auth_state = True
c.CryptKeeper.keys = [os.urandom(32)]
