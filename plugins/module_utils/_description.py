# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a description, beyond the types that argument_specs check. Private to the collection.

Each rule yields sentences: the variable, what was found, what is accepted, what to do.
"""

from __future__ import annotations

import contextlib
import re
import typing as t

from ansible_collections.hubwright.jupyterhub.plugins.module_utils import _platforms, _settings, _sign_in, _sizes
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._errors import HubError
from ansible_collections.hubwright.jupyterhub.plugins.module_utils._people import parse_userlist, people

Description = t.Mapping[str, t.Any]
Rule = t.Callable[[Description, str], t.Iterator[str]]

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?")
_VERSION = re.compile(r"(5\.[5-9]|6\.[01])\.\d+\w*")
_HEX64 = re.compile(r"[0-9a-f]{64}")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_ROLE = re.compile(r"[a-z][a-z0-9_.~-]{1,253}[a-z0-9]")
_MODE = re.compile(r"0?[0-7]{3}")
_LOOPBACK = ("127.", "::1", "localhost")

# Keys of the mappings that argument_specs can not describe, and what each holds.
_KINDS: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "a list": (list, tuple),
    "a mapping": (t.Mapping,),
    "true or false": (bool,),
    "a number": (int, float),
    "a size": (str, int),
    "three octal digits in quotes, such as '0640'": (str,),
}
PROFILE_KEYS = {
    **dict.fromkeys(("display_name", "description", "image", "default_page"), "text"),
    **dict.fromkeys(("memory_limit", "memory_guarantee"), "a size"),
    **dict.fromkeys(("cpu_limit", "cpu_guarantee"), "a number"),
    **dict.fromkeys(("environment", "settings"), "a mapping"),
    "default": "true or false",
    "groups": "a list",
}
VOLUME_KEYS = {"mount": "text", "source": "text", "read_only": "true or false"}
FILE_KEYS = {"content": "text", "mode": "three octal digits in quotes, such as '0640'"}
ROLE_KEYS = {"description": "text", **dict.fromkeys(("scopes", "users", "groups", "services"), "a list")}
SERVICE_KEYS = {"scopes": "a list", "api_token": "text"}  # and whatever JupyterHub's own services take


def problems(description: Description, platform: str) -> list[str]:
    """Everything that is wrong, in one go; empty for a good description."""
    if description["sign_in"] not in _sign_in.SIGN_IN:
        accepted = ", ".join(_sign_in.SIGN_IN)
        return [f"hub_sign_in is {description['sign_in']!r}; decide how people sign in: {accepted}."]
    found: list[str] = []
    for rule in _RULES:
        found.extend(rule(description, platform))
    return found


def _hub(description: Description, platform: str) -> t.Iterator[str]:
    if not _NAME.fullmatch(description["name"]):
        yield (
            f"hub_name is {description['name']!r}; expected 1 to 30 lower-case letters, digits and hyphens, beginning "
            "with a letter and not ending with a hyphen."
        )
    if platform == "docker" and re.search(r"-user(-|$)", description["name"]):
        yield (
            f"hub_name is {description['name']!r}; expected one without -user at its end or -user- in it: containers and "
            "volumes of users are called so, and those of two hubs could not be told apart."
        )
    if not _VERSION.fullmatch(str(description["version"])):
        yield f"hub_version is {description['version']!r}; expected a release from 5.5 to 6.1, for example '6.1.1'."
    if not 1 <= description["port"] <= 65535:
        yield f"hub_port is {description['port']}; expected 1 to 65535."
    base_url = description["base_url"]
    if not (base_url.startswith("/") and base_url.endswith("/")) or re.search(r"[\s?#]|//", base_url):
        yield f"hub_base_url is {base_url!r}; expected a path with a slash at both ends, for example '/jupyter/'."
    url = description["public_url"]
    if url and not re.fullmatch(r"https?://[^/\s]+/?", url):
        yield f"hub_public_url is {url!r}; expected a scheme and a host, for example 'https://hub.example.org'."
    if description["tls"] == "files":
        for name in ("tls_certificate", "tls_key"):
            if not description[name].startswith("/"):
                yield f"hub_{name} is {description[name]!r}; hub_tls: files needs an absolute path on the hub's host."
    spawner = _platforms.spawner_of(description, platform)
    if spawner not in _platforms.SPAWNERS[platform]:
        accepted = " or ".join(_platforms.SPAWNERS[platform])
        yield f"hub_spawner is {spawner!r}; {platform} knows {accepted}."
    if description["database"] == "postgresql" and platform == "local":
        for name in ("database_host", "database_password"):
            if not description[name]:
                yield f"hub_{name} is empty; hub_database: postgresql needs it on local, where the server is yours."


def _names(description: Description, platform: str) -> t.Iterator[str]:
    lists = {"hub_users": description["users"], "hub_admins": description["admins"]}
    lists.update({f"hub_groups {group['name']!r}": group.get("users") or [] for group in description["groups"]})
    userlist = description.get("userlist") or "hub_userlist"
    try:
        lists[userlist] = parse_userlist(description.get("userlist_text") or "", userlist)[0]
    except HubError as error:
        yield from error.message.splitlines()
    for variable, names in lists.items():
        for name in names:
            if not name.strip() or "/" in name or name != name.strip() or set(name) == {"."}:
                yield f"{variable} holds {name!r}; a user name is not empty and has no slash and no blanks around it."
            elif description["sign_in"] == "native" and set(name) & {" ", ","}:
                yield f"{variable} holds {name!r}; hub_sign_in: native accepts no blank and no comma in a name."
    groups = [group["name"] for group in description["groups"]]
    for name in sorted({name for name in groups if groups.count(name) > 1}):
        yield f"hub_groups holds {name!r} twice; put all its people into one entry."


def _sign_in_complete(description: Description, platform: str) -> t.Iterator[str]:
    name = description["sign_in"]
    if name == "class" and not description["authenticator_class"]:
        yield "hub_authenticator_class is empty; hub_sign_in: class needs the class to use, for example 'my_package.MyAuthenticator'."
    kind = _sign_in.kind(description)
    given = _sign_in.options(description)
    for option in kind.required(given):
        if option not in given:
            yield f"hub_{kind.options}.{option} is missing; hub_sign_in: {name} needs it."
    for option in sorted(given) if kind.accepts else ():
        if option not in kind.accepts and given[option] is not False:
            yield f"hub_{kind.options}.{option} means nothing to hub_sign_in: {name}; take it out."
    if given.get("userdata_from_id_token") and "userdata_url" in given:
        yield "hub_oauth.userdata_url is given and hub_oauth.userdata_from_id_token is true; the class takes one of them."
    cluster = platform in ("kubernetes", "openshift")
    if name == "dummy" and not description["dummy_accepted"]:
        if cluster:
            yield (
                f"hub_sign_in is 'dummy' on {platform}: everybody who reaches the service becomes anybody. Choose another "
                "way to sign in, or set hub_dummy_accepted: true."
            )
        elif not description["address"].startswith(_LOOPBACK):
            yield (
                f"hub_sign_in is 'dummy' and hub_address is {description['address']!r}: everybody who reaches the port "
                "becomes anybody. Choose another way to sign in, listen on 127.0.0.1, or set hub_dummy_accepted: true."
            )
    for variable, least in (("shared_password", 8), ("shared_admin_password", 32)):
        if description[variable] and len(description[variable]) < least:
            yield f"hub_{variable} has {len(description[variable])} characters; JupyterHub wants at least {least}."
    if description["shared_password"] and description["shared_password"] == description["shared_admin_password"]:
        yield "hub_shared_password and hub_shared_admin_password are the same; choose different ones."
    if name == "pam" and platform == "local" and _platforms.spawner_of(description, platform) == "simple":
        yield "hub_sign_in: pam on local needs hub_spawner: system-user, so that people get their own account."
    if name == "pam" and cluster:
        yield f"hub_sign_in is 'pam'; there are no accounts of a host on {platform}, choose another way to sign in."
    behind = cluster or description["address"] in ("0.0.0.0", "::")
    if kind.options == "oauth" and behind and not description["public_url"] and "callback_url" not in given:
        yield (
            f"hub_public_url is empty; the provider would send people back to {_sign_in.callback_url(description)!r}, "
            "which is nowhere for their browsers. Set it, or hub_oauth.callback_url."
        )


def _groups(description: Description, platform: str) -> t.Iterator[str]:
    kind = _sign_in.kind(description)
    traits = kind.traits(description, lambda name: {"file": name}) if kind.options == "oauth" else {}
    managed = {**traits, **description["authenticator_settings"]}.get("manage_groups")
    if managed and description["groups"]:
        yield (
            "hub_groups is given, and the sign-in takes groups from the provider; JupyterHub accepts one of the two. "
            f"Empty hub_groups, or take the groups out of hub_{kind.options or 'authenticator_settings'}."
        )
    if description["sign_in"] == "temporary":
        with contextlib.suppress(HubError):
            named = people(description).users
            if named:
                yield (
                    f"hub_sign_in: temporary makes a new name for each visit, so that {', '.join(named)} can never sign "
                    "in. Empty hub_users, hub_admins and hub_userlist, or choose another way to sign in."
                )


def _somebody_may_sign_in(description: Description, platform: str) -> t.Iterator[str]:
    kind = _sign_in.kind(description)
    given = _sign_in.options(description)
    try:
        somebody = people(description).users
    except HubError:
        return  # said by _names
    if somebody or description["allow_all"] or description["allow_existing_users"] or kind.admits_everybody:
        return
    own = [name for name in kind.allows if given.get(name)]
    # A class that we do not know may have rules of its own; hub_config asks the class itself.
    if own or any(str(key).startswith(("allow", "admin")) for key in description["authenticator_settings"]):
        return
    ways = ["name people in hub_users or hub_admins", "set hub_allow_all: true"]
    ways += [f"give hub_{kind.options}.{' or '.join(kind.allows)}"] if kind.allows else []
    yield f"nobody may sign in: {', or '.join(ways)}."


def _sizes_and_numbers(description: Description, platform: str) -> t.Iterator[str]:
    sizes = {"hub_memory_limit": description["memory_limit"], "hub_memory_guarantee": description["memory_guarantee"]}
    sizes["hub_storage_size"] = description["storage_size"]
    for key, profile in description["profiles"].items():
        if isinstance(profile, t.Mapping):
            sizes[f"hub_profiles.{key}.memory_limit"] = profile.get("memory_limit")
            sizes[f"hub_profiles.{key}.memory_guarantee"] = profile.get("memory_guarantee")
    known = {}
    for variable, size in sizes.items():
        if size:
            try:
                known[variable] = _sizes.to_bytes(size, variable)
            except HubError as error:
                yield error.message
    if known.get("hub_memory_guarantee", 0) > known.get("hub_memory_limit", float("inf")):
        yield "hub_memory_guarantee is more than hub_memory_limit; a server can not be promised more than it may use."
    if 0 < description["cpu_limit"] < description["cpu_guarantee"]:
        yield "hub_cpu_guarantee is more than hub_cpu_limit; a server can not be promised more than it may use."
    for name in ("start_timeout", "http_timeout", "cull_timeout", "cull_every", "cull_concurrency"):
        if description[name] < 1:
            yield f"hub_{name} is {description[name]}; expected at least 1."
    for name in ("cull_kernels_every", "last_activity_interval", "server_activity_interval"):
        if description[name] is not None and description[name] < 1:
            yield f"hub_{name} is {description[name]}; expected at least 1."
    for name in (
        *("cpu_limit", "cpu_guarantee", "named_servers", "cull_max_age", "cull_kernels_timeout", "database_wait"),
        *("concurrent_spawn_limit", "active_server_limit", "consecutive_failure_limit", "activity_resolution"),
        "init_spawners_timeout",
    ):
        if description[name] is not None and description[name] < 0:
            yield f"hub_{name} is {description[name]}; expected 0 or more."


def _servers(description: Description, platform: str) -> t.Iterator[str]:
    page = description["default_page"]
    if page not in ("lab", "classic") and not page.startswith("/"):
        yield f"hub_default_page is {page!r}; expected 'lab', 'classic' or a path that begins with a slash."
    images = {"hub_image": description["image"]}
    images.update(
        {f"hub_profiles.{key}.image": profile.get("image") for key, profile in _mappings(description["profiles"])}
    )
    for variable, image in images.items():
        if not isinstance(image, str) or not image or "@" in image:
            continue
        # A bare word on Docker is made on the host, by promotion, which keeps account of what it is.
        if platform == "docker" and re.fullmatch(r"[a-z0-9_-]+", image):
            continue
        # A stream knows what each of its tags is and was.
        if platform == "openshift" and "/" not in image:
            continue
        if ":" not in image.rpartition("/")[2] or image.endswith(":latest"):
            yield f"{variable} is {image!r}; name a tag other than latest, or a digest, so that you know what runs."
    environments = {"hub_extra_env": description["extra_env"], "hub_user_env": description["user_env"]}
    for key, profile in _mappings(description["profiles"]):
        if isinstance(profile.get("environment"), t.Mapping):
            environments[f"hub_profiles.{key}.environment"] = profile["environment"]
    for variable, names in environments.items():
        for name in names:
            if not _ENV_NAME.fullmatch(str(name)):
                yield f"{variable} holds {name!r}; expected a name of letters, digits and underscores."


def _mappings(values: t.Mapping[str, t.Any]) -> t.Iterator[tuple[str, t.Mapping[str, t.Any]]]:
    return ((key, value) for key, value in values.items() if isinstance(value, t.Mapping))


def _is(value: t.Any, kind: str) -> bool:
    """Is ``value`` of this kind? None stands for a key that is left out; true is not a number."""
    return value is None or (isinstance(value, _KINDS[kind]) and isinstance(value, bool) == (bool in _KINDS[kind]))


def _shapes(description: Description, platform: str) -> t.Iterator[str]:
    """Mappings whose values argument_specs can not describe, since their keys are free."""
    rows: tuple[tuple[str, set[str], dict[str, str], bool], ...] = (
        ("profiles", {"display_name"}, PROFILE_KEYS, True),
        ("extra_volumes", {"mount"}, VOLUME_KEYS, True),
        ("extra_files", {"content"}, FILE_KEYS, True),
        ("roles", set(), ROLE_KEYS, True),
        ("services", set(), SERVICE_KEYS, False),
        ("settings_extra", set(), {}, False),
    )
    for name, required, accepted, closed in rows:
        for key, value in description[name].items():
            variable = f"hub_{name}.{key}"
            if not isinstance(value, t.Mapping):
                yield f"{variable} is {value!r}; expected a mapping."
                continue
            for missing in sorted(required - set(value)):
                yield f"{variable}.{missing} is missing."
            for unknown in sorted(set(value) - set(accepted)) if closed else ():
                yield f"{variable}.{unknown} is not known; accepted: {', '.join(sorted(accepted))}."
            for given in sorted(set(value) & set(accepted)):
                if not _is(value[given], accepted[given]):
                    shown = "of another kind" if given == "api_token" else repr(value[given])
                    yield f"{variable}.{given} is {shown}; expected {accepted[given]}."
    for name in ("templates", "extra_config"):
        for key, value in description[name].items():
            if not isinstance(value, str):
                yield f"hub_{name}.{key} is {type(value).__name__}; expected text."
    for name in ("profiles", "extra_volumes", "services", "templates"):
        for key in description[name]:
            if not _KEY.fullmatch(str(key)):
                yield f"hub_{name} has the key {key!r}; expected letters, digits, '-', '_' and '.'."
    for path, file in _mappings(description["extra_files"]):
        if ".." in path.split("/") or path.endswith("/"):
            yield f"hub_extra_files has the path {path!r}; expected a file, without '..'."
        if isinstance(file.get("mode"), str) and not _MODE.fullmatch(file["mode"]):
            yield f"hub_extra_files.{path}.mode is {file['mode']!r}; expected {FILE_KEYS['mode']}."
    defaults = [key for key, profile in _mappings(description["profiles"]) if profile.get("default")]
    if len(defaults) > 1:
        yield f"hub_profiles marks {', '.join(sorted(defaults))} as default; mark one."
    if description["logo"] and not description["logo"].lower().endswith((".png", ".svg", ".jpg", ".jpeg", ".gif")):
        yield f"hub_logo is {description['logo']!r}; expected a PNG, SVG, JPEG or GIF file."


def _volumes(description: Description, platform: str) -> t.Iterator[str]:
    cluster = platform in ("kubernetes", "openshift")
    mounts = {"hub_storage_mount": description["storage_mount"]} if description["storage"] == "persistent" else {}
    sources: dict[str, str] = {}
    for key, volume in _mappings(description["extra_volumes"]):
        variable = f"hub_extra_volumes.{key}"
        mount, source = str(volume.get("mount", "/")), str(volume.get("source") or key)
        if not mount.startswith("/"):
            yield f"{variable}.mount is {mount!r}; expected an absolute path in the server."
        for other in [other for other, path in mounts.items() if path.rstrip("/") == mount.rstrip("/")]:
            yield f"{variable}.mount is {mount!r}, which {other} is too; mount one of them elsewhere."
        mounts[f"{variable}.mount"] = mount
        if cluster and source.startswith("/"):
            yield f"{variable}.source is {source!r}; {platform} mounts claims, not paths of a host."
        if cluster and (key == "home" or not _LABEL.fullmatch(str(key))):
            yield f"hub_extra_volumes has the key {key!r}; {platform} wants lower-case letters, digits and '-', not 'home'."
        if platform == "docker" and source in sources:
            yield f"{variable}.source is {source!r}, which {sources[source]} is too; Docker mounts one volume once."
        sources[source] = f"{variable}.source"


def _services_and_roles(description: Description, platform: str) -> t.Iterator[str]:
    services, roles = description["services"], description["roles"]
    for key in [key for key in services if key in _settings.SERVICES]:
        yield f"hub_services has the key {key!r}; the collection has a service of that name, choose another."
    taken = {*_settings.ROLES, *(f"service-{key}" for key, service in _mappings(services) if service.get("scopes"))}
    for key in roles:
        if key in taken:
            own = "; list admins in hub_admins." if key == "admin" else ", choose another."
            yield f"hub_roles has the key {key!r}; the collection makes a role of that name{own}"
        elif not _ROLE.fullmatch(str(key)):
            yield (
                f"hub_roles has the key {key!r}; JupyterHub wants 3 to 255 lower-case letters, digits and '-', '_', '.' "
                "or '~', beginning with a letter and ending with a letter or a digit."
            )
    for key, service in _mappings(services):
        if "admin" in service:
            yield f"hub_services.{key}.admin is a right that JupyterHub gives by roles today; list hub_services.{key}.scopes."
        if service.get("scopes") and not _ROLE.fullmatch(f"service-{key}"):
            yield f"hub_services has the key {key!r}; a service with scopes needs a name in lower case."
    for key, role in _mappings(roles):
        for service in role.get("services") or []:
            if service not in services and service not in _settings.SERVICES:
                yield f"hub_roles.{key}.services holds {service!r}, which is not in hub_services."


def _secret_values(description: Description, platform: str) -> t.Iterator[str]:
    for name in ("cookie_secret", "proxy_token", "crypt_key"):
        if description[name] and not _HEX64.fullmatch(description[name]):
            yield f"hub_{name} is not what is expected: 64 hexadecimal digits, as 'openssl rand -hex 32' makes them."


_RULES: tuple[Rule, ...] = (
    _hub,
    _names,
    _sign_in_complete,
    _groups,
    _somebody_may_sign_in,
    _sizes_and_numbers,
    _servers,
    _shapes,
    _volumes,
    _services_and_roles,
    _secret_values,
)
