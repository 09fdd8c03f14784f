"""A spawner and an authenticator of the file's own, services, roles and groups."""

import secrets
import sys

from jupyterhub.auth import Authenticator
from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets import Unicode

c = get_config()  # noqa: F821


class OneRoomSpawner(SimpleLocalProcessSpawner):
    """Everybody works in one directory."""

    room = Unicode("/srv/room", config=True, help="The directory.")


class DoorAuthenticator(Authenticator):
    """Whoever knows the word may come in."""

    word = Unicode(config=True, help="The word.")

    async def authenticate(self, handler, data):
        """Compare the word."""
        return data["username"] if data["password"] == self.word else None


c.JupyterHub.spawner_class = OneRoomSpawner
c.OneRoomSpawner.room = "/srv/other"
c.JupyterHub.authenticator_class = DoorAuthenticator
c.DoorAuthenticator.word = secrets.token_hex(16)
c.DoorAuthenticator.allow_all = True

c.JupyterHub.services = []
c.JupyterHub.services.append(
    {
        "name": "culler",
        "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"],
    }
)
c.JupyterHub.services.append(
    {
        "name": "announcements",
        "url": "http://127.0.0.1:10101",
        "command": [sys.executable, "-m", "http.server", "10101"],
        "oauth_no_confirm": True,
    }
)
c.JupyterHub.custom_scopes = {"custom:board:write": {"description": "write on the board"}}
c.JupyterHub.load_groups = {"teachers": {"users": ["ada"], "properties": {"floor": 2}}, "students": ["grace"]}
c.JupyterHub.load_roles = [
    {
        "name": "culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["culler"],
    },
    {
        "name": "teacher",
        "scopes": ["self", "access:servers!group=students", "custom:board:write"],
        "groups": ["teachers"],
    },
    {"name": "user", "scopes": ["self", "access:services!service=announcements"]},
]
for name, seconds in {"start_timeout": 90, "http_timeout": 45}.items():
    setattr(c.Spawner, name, seconds)
if sys.platform.startswith("linux"):
    c["Spawner"]["args"] = ["--ServerApp.terminals_enabled=False"]
c.Spawner.args.append("--debug")
