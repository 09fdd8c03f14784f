# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about a description that contradicts itself."""

from __future__ import annotations

import typing as t

import descriptions
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hubwright.jupyterhub.plugins.module_utils._description import problems

OAUTH = {**descriptions.CLIENT, "callback_url": "https://hub.example.org/hub/oauth_callback"}
GENERIC = {**OAUTH, **descriptions.PROVIDER}
HEX = "0123456789abcdef" * 4
SIZE = "expected a number of bytes, or a number with K, M, G, T, Ki, Mi, Gi or Ti (powers of 1024)"
PROFILE = {"display_name": "Small"}
LDAP = {"server": "ldap.example.org"}


@pytest.mark.parametrize("platform", descriptions.PLATFORMS)
@pytest.mark.parametrize("name", [name for name in descriptions.SIGN_INS if not name.startswith("pam")])
def test_a_good_description_has_no_problems(name: str, platform: str) -> None:
    assert problems(descriptions.sign_in(name, platform), platform) == []


@pytest.mark.parametrize("platform", ["local", "docker"])
@pytest.mark.parametrize("name", ["pam", "pam, admin groups"])
def test_accounts_of_the_host_are_good_where_there_is_a_host(name: str, platform: str) -> None:
    assert problems(descriptions.sign_in(name, platform), platform) == []


@pytest.mark.parametrize("name", ["lab-user", "lab-user-2"])
def test_volumes_of_two_hubs_of_one_engine_can_be_told_apart(name: str) -> None:
    described = descriptions.description(name=name)
    assert [text for text in problems(described, "docker") if "could not be told apart" in text]
    assert not [text for text in problems(described, "local") if "could not be told apart" in text]


@pytest.mark.parametrize("overrides", [{"image": "notebook"}, {"profiles": {"a": {**PROFILE, "image": "notebook"}}}])
def test_an_image_that_is_made_on_a_docker_host_needs_no_tag(overrides: dict[str, t.Any]) -> None:
    assert problems(descriptions.description(**overrides), "docker") == []
    assert [text for text in problems(descriptions.description(**overrides), "kubernetes") if "'notebook'" in text]


def test_a_description_that_uses_everything_has_no_problems() -> None:
    full = descriptions.description(
        name="a-1",
        version="5.5.4",
        scale="large",
        address="fd00::7",
        port=443,
        base_url="/jupyter/hub-1/",
        public_url="https://hub.example.org",
        tls="files",
        tls_certificate="/etc/ssl/hub.pem",
        tls_key="/etc/ssl/hub.key",
        users=["ada", "Eve.L@example.org", "a b"],
        admins=["grace"],
        groups=[{"name": "lab", "users": ["ada"]}, {"name": "empty"}],
        userlist="people.txt",
        userlist_text="bob\n",
        blocked_users=["mallory"],
        shared_password="open sesame",
        shared_admin_password="s" * 32,
        image="registry.example.org:5000/notebook@sha256:abc",
        profiles={
            "small": {**PROFILE, "default": True, "description": None},
            "large": {
                "display_name": "Large",
                "groups": ["lab"],
                "image": "notebook:1.0",
                "memory_limit": 1073741824,
                "memory_guarantee": "512Mi",
                "cpu_limit": 2,
                "cpu_guarantee": 0.5,
                "default_page": "classic",
                "environment": {"SIZE": "large"},
                "settings": {"notebook_dir": "~"},
            },
        },
        memory_limit="2G",
        memory_guarantee="1G",
        cpu_limit=2.0,
        cpu_guarantee=0.5,
        extra_env={"EMAIL": "{username}@example.org"},
        user_env=["COURSE"],
        default_page="/lab/tree/index.ipynb",
        named_servers=3,
        extra_volumes={"data": {"mount": "/data", "source": "shared", "read_only": True}},
        cull_max_age=86400,
        cull_users=True,
        cull_named_servers=True,
        cull_kernels_timeout=3600,
        services={"grader": {"url": "http://127.0.0.1:9999", "scopes": ["list:users"], "api_token": HEX}},
        roles={"teacher": {"description": "x", "scopes": ["list:users"], "groups": ["lab"], "services": ["grader"]}},
        concurrent_spawn_limit=0,
        announcement="<b>Down on Friday</b>",
        logo="files/logo.SVG",
        templates={"page.html": "{% extends 'templates/page.html' %}"},
        template_vars={"course": "Numbers"},
        database="postgresql",
        database_host="db.example.org",
        database_password="secret",
        cookie_secret=HEX,
        proxy_token=HEX,
        crypt_key=HEX,
        packages=["my-package==1.0"],
        settings_extra={"JupyterHub": {"shutdown_on_logout": True}},
        extra_config={"hook": "x = 1\n"},
        extra_files={"grades/roster.csv": {"content": "ada\n", "mode": "0600"}, "/etc/x": {"content": ""}},
    )
    assert problems(full, "local") == []


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        # the hub and its address
        (
            {"name": "My_Hub"},
            (
                "hub_name is 'My_Hub'; expected 1 to 30 lower-case letters, digits and hyphens, beginning with a letter and "
                "not ending with a hyphen."
            ),
        ),
        ({"version": "4.1.6"}, "hub_version is '4.1.6'; expected a release from 5.5 to 6.1, for example '6.1.1'."),
        ({"version": "6.2.0"}, "hub_version is '6.2.0'; expected a release from 5.5 to 6.1, for example '6.1.1'."),
        ({"port": 0}, "hub_port is 0; expected 1 to 65535."),
        ({"port": 65536}, "hub_port is 65536; expected 1 to 65535."),
        (
            {"base_url": "jupyter/"},
            "hub_base_url is 'jupyter/'; expected a path with a slash at both ends, for example '/jupyter/'.",
        ),
        (
            {"base_url": "/a//b/"},
            "hub_base_url is '/a//b/'; expected a path with a slash at both ends, for example '/jupyter/'.",
        ),
        (
            {"public_url": "https://hub.example.org/jupyter"},
            (
                "hub_public_url is 'https://hub.example.org/jupyter'; expected a scheme and a host, for example "
                "'https://hub.example.org'."
            ),
        ),
        (
            {"tls": "files", "tls_certificate": "cert.pem", "tls_key": "/etc/ssl/key.pem"},
            "hub_tls_certificate is 'cert.pem'; hub_tls: files needs an absolute path on the hub's host.",
        ),
        (
            {"tls": "files", "tls_certificate": "/etc/ssl/cert.pem"},
            "hub_tls_key is ''; hub_tls: files needs an absolute path on the hub's host.",
        ),
        ({"spawner": "kube"}, "hub_spawner is 'kube'; local knows simple or system-user."),
        (
            {"database": "postgresql", "database_password": "x"},
            "hub_database_host is empty; hub_database: postgresql needs it on local, where the server is yours.",
        ),
        (
            {"database": "postgresql", "database_host": "db"},
            "hub_database_password is empty; hub_database: postgresql needs it on local, where the server is yours.",
        ),
        # people
        (
            {"users": ["a/b"]},
            "hub_users holds 'a/b'; a user name is not empty and has no slash and no blanks around it.",
        ),
        ({"users": [""]}, "hub_users holds ''; a user name is not empty and has no slash and no blanks around it."),
        (
            {"admins": [" ada"]},
            "hub_admins holds ' ada'; a user name is not empty and has no slash and no blanks around it.",
        ),
        (
            {"groups": [{"name": "lab", "users": [".."]}]},
            "hub_groups 'lab' holds '..'; a user name is not empty and has no slash and no blanks around it.",
        ),
        (
            {"userlist": "people.txt", "userlist_text": "a/b\n"},
            "people.txt holds 'a/b'; a user name is not empty and has no slash and no blanks around it.",
        ),
        (
            {"userlist": "people.txt", "userlist_text": "ada boss\n"},
            "people.txt line 1 is 'ada boss'; expected 'name' or 'name admin'.",
        ),
        (
            {"sign_in": "native", "users": ["a b"]},
            "hub_users holds 'a b'; hub_sign_in: native accepts no blank and no comma in a name.",
        ),
        (
            {"groups": [{"name": "lab"}, {"name": "lab"}]},
            "hub_groups holds 'lab' twice; put all its people into one entry.",
        ),
        # sign-in
        (
            {"sign_in": None},
            (
                "hub_sign_in is None; decide how people sign in: shared-password, native, pam, temporary, dummy, github, "
                "gitlab, google, openshift, oauth, ldap, lti, class."
            ),
        ),
        (
            {"sign_in": "class"},
            (
                "hub_authenticator_class is empty; hub_sign_in: class needs the class to use, for example "
                "'my_package.MyAuthenticator'."
            ),
        ),
        (
            {"sign_in": "github", "oauth": {"client_id": "hub"}},
            "hub_oauth.client_secret is missing; hub_sign_in: github needs it.",
        ),
        (
            {"sign_in": "gitlab", "oauth": {"client_id": "", "client_secret": "x"}},
            "hub_oauth.client_id is missing; hub_sign_in: gitlab needs it.",
        ),
        ({"sign_in": "openshift", "oauth": OAUTH}, "hub_oauth.url is missing; hub_sign_in: openshift needs it."),
        *(
            (
                {"sign_in": "oauth", "oauth": {key: value for key, value in GENERIC.items() if key != option}},
                f"hub_oauth.{option} is missing; hub_sign_in: oauth needs it.",
            )
            for option in ("authorize_url", "token_url", "userdata_url", "username_claim")
        ),
        (
            {"sign_in": "oauth", "oauth": {**GENERIC, "allowed_groups": ["lab"]}},
            "hub_oauth.groups_claim is missing; hub_sign_in: oauth needs it.",
        ),
        (
            {"sign_in": "oauth", "oauth": {**GENERIC, "userdata_from_id_token": True}},
            "hub_oauth.userdata_url is given and hub_oauth.userdata_from_id_token is true; the class takes one of them.",
        ),
        (
            {"sign_in": "gitlab", "oauth": {**OAUTH, "allowed_organizations": ["numbers"]}},
            "hub_oauth.allowed_organizations means nothing to hub_sign_in: gitlab; take it out.",
        ),
        (
            {"sign_in": "ldap", "ldap": {"bind_dn_template": ["uid={username}"]}},
            "hub_ldap.server is missing; hub_sign_in: ldap needs it.",
        ),
        (
            {"sign_in": "ldap", "ldap": LDAP},
            "hub_ldap.bind_dn_template is missing; hub_sign_in: ldap needs it.",
        ),
        (
            {"sign_in": "ldap", "ldap": {**LDAP, "lookup_dn": True, "user_attribute": "uid"}},
            "hub_ldap.user_search_base is missing; hub_sign_in: ldap needs it.",
        ),
        (
            {"sign_in": "ldap", "ldap": {**LDAP, "lookup_dn": True, "user_search_base": "dc=org"}},
            "hub_ldap.user_attribute is missing; hub_sign_in: ldap needs it.",
        ),
        ({"sign_in": "lti", "lti": {"version": "1.1"}}, "hub_lti.consumers is missing; hub_sign_in: lti needs it."),
        *(
            (
                {
                    "sign_in": "lti",
                    "lti": {k: v for k, v in descriptions.SIGN_INS["lti 1.3"]["lti"].items() if k != option},
                },
                f"hub_lti.{option} is missing; hub_sign_in: lti needs it.",
            )
            for option in ("issuer", "authorize_url", "jwks_url", "client_ids")
        ),
        (
            {"sign_in": "lti", "lti": {"version": "1.1", "consumers": {"a": "b"}, "issuer": "https://example.org"}},
            "hub_lti.issuer means nothing to hub_sign_in: lti; take it out.",
        ),
        (
            {"sign_in": "dummy", "address": "0.0.0.0"},
            (
                "hub_sign_in is 'dummy' and hub_address is '0.0.0.0': everybody who reaches the port becomes anybody. Choose "
                "another way to sign in, listen on 127.0.0.1, or set hub_dummy_accepted: true."
            ),
        ),
        ({"shared_password": "sesame"}, "hub_shared_password has 6 characters; JupyterHub wants at least 8."),
        (
            {"shared_admin_password": "open sesame"},
            "hub_shared_admin_password has 11 characters; JupyterHub wants at least 32.",
        ),
        (
            {"shared_password": "s" * 32, "shared_admin_password": "s" * 32},
            "hub_shared_password and hub_shared_admin_password are the same; choose different ones.",
        ),
        (
            {"sign_in": "pam"},
            "hub_sign_in: pam on local needs hub_spawner: system-user, so that people get their own account.",
        ),
        (
            {"sign_in": "github", "oauth": descriptions.CLIENT, "address": "0.0.0.0"},
            (
                "hub_public_url is empty; the provider would send people back to "
                "'http://127.0.0.1:8000/hub/oauth_callback', which is nowhere for their browsers. Set it, or "
                "hub_oauth.callback_url."
            ),
        ),
        (
            {
                "sign_in": "oauth",
                "oauth": {**GENERIC, "allowed_groups": ["lab"], "groups_claim": "groups"},
                "groups": [{"name": "lab"}],
            },
            (
                "hub_groups is given, and the sign-in takes groups from the provider; JupyterHub accepts one of the two. "
                "Empty hub_groups, or take the groups out of hub_oauth."
            ),
        ),
        (
            {"authenticator_settings": {"manage_groups": True}, "groups": [{"name": "lab"}]},
            (
                "hub_groups is given, and the sign-in takes groups from the provider; JupyterHub accepts one of the two. "
                "Empty hub_groups, or take the groups out of hub_authenticator_settings."
            ),
        ),
        (
            {"sign_in": "temporary", "users": ["ada"], "admins": ["grace"]},
            (
                "hub_sign_in: temporary makes a new name for each visit, so that ada, grace can never sign in. Empty "
                "hub_users, hub_admins and hub_userlist, or choose another way to sign in."
            ),
        ),
        (
            {"users": []},
            "nobody may sign in: name people in hub_users or hub_admins, or set hub_allow_all: true.",
        ),
        (
            {"users": [], "sign_in": "gitlab", "oauth": OAUTH},
            (
                "nobody may sign in: name people in hub_users or hub_admins, or set hub_allow_all: true, or give "
                "hub_oauth.allowed_groups or allowed_projects."
            ),
        ),
        (
            {"users": [], "sign_in": "google", "oauth": {**OAUTH, "hosted_domains": ["example.org"]}},
            "nobody may sign in: name people in hub_users or hub_admins, or set hub_allow_all: true.",
        ),
        # sizes and numbers
        ({"memory_limit": "2Q"}, f"hub_memory_limit is '2Q'; {SIZE}."),
        ({"memory_guarantee": "lots"}, f"hub_memory_guarantee is 'lots'; {SIZE}."),
        ({"storage_size": "10 gigs"}, f"hub_storage_size is '10 gigs'; {SIZE}."),
        (
            {"profiles": {"a": {**PROFILE, "memory_limit": "2Q"}}},
            f"hub_profiles.a.memory_limit is '2Q'; {SIZE}.",
        ),
        (
            {"memory_limit": "1G", "memory_guarantee": "1025M"},
            "hub_memory_guarantee is more than hub_memory_limit; a server can not be promised more than it may use.",
        ),
        (
            {"cpu_limit": 1, "cpu_guarantee": 1.5},
            "hub_cpu_guarantee is more than hub_cpu_limit; a server can not be promised more than it may use.",
        ),
        *(
            ({name: 0}, f"hub_{name} is 0; expected at least 1.")
            for name in (
                *("start_timeout", "http_timeout", "cull_timeout", "cull_every", "cull_concurrency"),
                *("cull_kernels_every", "last_activity_interval", "server_activity_interval"),
            )
        ),
        *(
            ({name: -1}, f"hub_{name} is -1; expected 0 or more.")
            for name in (
                *("cpu_limit", "named_servers", "cull_max_age", "cull_kernels_timeout", "database_wait"),
                *("concurrent_spawn_limit", "active_server_limit", "consecutive_failure_limit"),
                *("activity_resolution", "init_spawners_timeout", "cpu_guarantee"),
            )
        ),
        # user servers
        (
            {"default_page": "notebook"},
            "hub_default_page is 'notebook'; expected 'lab', 'classic' or a path that begins with a slash.",
        ),
        (
            {"image": "jupyter/base-notebook"},
            "hub_image is 'jupyter/base-notebook'; name a tag other than latest, or a digest, so that you know what runs.",
        ),
        (
            {"image": "registry.example.org:5000/notebook"},
            (
                "hub_image is 'registry.example.org:5000/notebook'; name a tag other than latest, or a digest, so that you "
                "know what runs."
            ),
        ),
        (
            {"profiles": {"a": {**PROFILE, "image": "notebook:latest"}}},
            (
                "hub_profiles.a.image is 'notebook:latest'; name a tag other than latest, or a digest, so that you know what "
                "runs."
            ),
        ),
        (
            {"extra_env": {"MY-NAME": "x"}},
            "hub_extra_env holds 'MY-NAME'; expected a name of letters, digits and underscores.",
        ),
        ({"user_env": ["1ST"]}, "hub_user_env holds '1ST'; expected a name of letters, digits and underscores."),
        (
            {"profiles": {"a": {**PROFILE, "environment": {"A B": 1}}}},
            "hub_profiles.a.environment holds 'A B'; expected a name of letters, digits and underscores.",
        ),
        # mappings with free keys
        *(
            ({name: {"abc": "text"}}, f"hub_{name}.abc is 'text'; expected a mapping.")
            for name in ("profiles", "extra_volumes", "extra_files", "roles", "services", "settings_extra")
        ),
        ({"profiles": {"a": {}}}, "hub_profiles.a.display_name is missing."),
        ({"extra_volumes": {"data": {}}}, "hub_extra_volumes.data.mount is missing."),
        ({"extra_files": {"a.txt": {}}}, "hub_extra_files.a.txt.content is missing."),
        (
            {"profiles": {"a": {**PROFILE, "mem_limit": "1G"}}},
            (
                "hub_profiles.a.mem_limit is not known; accepted: cpu_guarantee, cpu_limit, default, default_page, "
                "description, display_name, environment, groups, image, memory_guarantee, memory_limit, settings."
            ),
        ),
        (
            {"extra_volumes": {"data": {"mount": "/data", "mode": "ro"}}},
            "hub_extra_volumes.data.mode is not known; accepted: mount, read_only, source.",
        ),
        (
            {"extra_files": {"a.txt": {"content": "", "owner": "root"}}},
            "hub_extra_files.a.txt.owner is not known; accepted: content, mode.",
        ),
        (
            {"roles": {"teacher": {"members": []}}},
            "hub_roles.teacher.members is not known; accepted: description, groups, scopes, services, users.",
        ),
        ({"profiles": {"a": {"display_name": 1}}}, "hub_profiles.a.display_name is 1; expected text."),
        ({"profiles": {"a": {**PROFILE, "groups": "lab"}}}, "hub_profiles.a.groups is 'lab'; expected a list."),
        ({"profiles": {"a": {**PROFILE, "default": 1}}}, "hub_profiles.a.default is 1; expected true or false."),
        ({"profiles": {"a": {**PROFILE, "cpu_limit": "2"}}}, "hub_profiles.a.cpu_limit is '2'; expected a number."),
        ({"profiles": {"a": {**PROFILE, "cpu_limit": True}}}, "hub_profiles.a.cpu_limit is True; expected a number."),
        ({"profiles": {"a": {**PROFILE, "image": 7}}}, "hub_profiles.a.image is 7; expected text."),
        (
            {"profiles": {"a": {**PROFILE, "environment": ["A"]}}},
            "hub_profiles.a.environment is ['A']; expected a mapping.",
        ),
        (
            {"services": {"grader": {"scopes": "list:users"}}},
            "hub_services.grader.scopes is 'list:users'; expected a list.",
        ),
        (
            {"services": {"grader": {"api_token": 12345}}},
            "hub_services.grader.api_token is of another kind; expected text.",
        ),
        ({"templates": {"page.html": 1}}, "hub_templates.page.html is int; expected text."),
        ({"extra_config": {"hook": ["x"]}}, "hub_extra_config.hook is list; expected text."),
        (
            {"profiles": {"a b": PROFILE}},
            "hub_profiles has the key 'a b'; expected letters, digits, '-', '_' and '.'.",
        ),
        (
            {"templates": {"../page.html": ""}},
            "hub_templates has the key '../page.html'; expected letters, digits, '-', '_' and '.'.",
        ),
        (
            {"extra_files": {"../passwd": {"content": ""}}},
            "hub_extra_files has the path '../passwd'; expected a file, without '..'.",
        ),
        (
            {"extra_files": {"a.txt": {"content": "", "mode": "rw"}}},
            "hub_extra_files.a.txt.mode is 'rw'; expected three octal digits in quotes, such as '0640'.",
        ),
        (
            {"extra_files": {"a.txt": {"content": "", "mode": 416}}},
            "hub_extra_files.a.txt.mode is 416; expected three octal digits in quotes, such as '0640'.",
        ),
        (
            {"profiles": {"b": {**PROFILE, "default": True}, "a": {**PROFILE, "default": True}}},
            "hub_profiles marks a, b as default; mark one.",
        ),
        ({"logo": "logo.pdf"}, "hub_logo is 'logo.pdf'; expected a PNG, SVG, JPEG or GIF file."),
        # volumes
        (
            {"extra_volumes": {"data": {"mount": "data"}}},
            "hub_extra_volumes.data.mount is 'data'; expected an absolute path in the server.",
        ),
        (
            {"extra_volumes": {"data": {"mount": "/home/jovyan/"}}},
            "hub_extra_volumes.data.mount is '/home/jovyan/', which hub_storage_mount is too; mount one of them elsewhere.",
        ),
        (
            {"extra_volumes": {"a": {"mount": "/data"}, "b": {"mount": "/data"}}},
            "hub_extra_volumes.b.mount is '/data', which hub_extra_volumes.a.mount is too; mount one of them elsewhere.",
        ),
        # services and roles
        (
            {"services": {"hubwright": {}}},
            "hub_services has the key 'hubwright'; the collection has a service of that name, choose another.",
        ),
        (
            {"services": {"Grader": {"scopes": ["list:users"]}}},
            "hub_services has the key 'Grader'; a service with scopes needs a name in lower case.",
        ),
        (
            {"services": {"grader": {"admin": True}}},
            "hub_services.grader.admin is a right that JupyterHub gives by roles today; list hub_services.grader.scopes.",
        ),
        (
            {"roles": {"admin": {"users": ["ada"]}}},
            "hub_roles has the key 'admin'; the collection makes a role of that name; list admins in hub_admins.",
        ),
        (
            {"roles": {"idle-culler": {}}},
            "hub_roles has the key 'idle-culler'; the collection makes a role of that name, choose another.",
        ),
        (
            {"roles": {"service-grader": {}}, "services": {"grader": {"scopes": ["list:users"]}}},
            "hub_roles has the key 'service-grader'; the collection makes a role of that name, choose another.",
        ),
        (
            {"roles": {"TA": {}}},
            (
                "hub_roles has the key 'TA'; JupyterHub wants 3 to 255 lower-case letters, digits and '-', '_', '.' or '~', "
                "beginning with a letter and ending with a letter or a digit."
            ),
        ),
        (
            {"roles": {"teacher": {"services": ["grader"]}}},
            "hub_roles.teacher.services holds 'grader', which is not in hub_services.",
        ),
        # secrets
        *(
            (
                {name: "short"},
                f"hub_{name} is not what is expected: 64 hexadecimal digits, as 'openssl rand -hex 32' makes them.",
            )
            for name in ("cookie_secret", "proxy_token", "crypt_key")
        ),
    ],
)
def test_what_is_wrong_is_said(overrides: dict[str, t.Any], message: str) -> None:
    assert problems(descriptions.description(**overrides), "local") == [message]


@pytest.mark.parametrize(
    ("platform", "overrides", "message"),
    [
        ("docker", {"spawner": "simple"}, "hub_spawner is 'simple'; docker knows docker or system-user."),
        ("kubernetes", {"spawner": "docker"}, "hub_spawner is 'docker'; kubernetes knows kube."),
        ("kubernetes", {"spawner": "simple"}, "hub_spawner is 'simple'; kubernetes knows kube."),
        ("openshift", {"spawner": "docker"}, "hub_spawner is 'docker'; openshift knows kube or simple."),
        (
            "kubernetes",
            {"sign_in": "pam"},
            "hub_sign_in is 'pam'; there are no accounts of a host on kubernetes, choose another way to sign in.",
        ),
        (
            "openshift",
            {"sign_in": "dummy"},
            (
                "hub_sign_in is 'dummy' on openshift: everybody who reaches the service becomes anybody. Choose another way "
                "to sign in, or set hub_dummy_accepted: true."
            ),
        ),
        (
            "kubernetes",
            {"extra_volumes": {"data": {"mount": "/data", "source": "/srv/data"}}},
            "hub_extra_volumes.data.source is '/srv/data'; kubernetes mounts claims, not paths of a host.",
        ),
        (
            "openshift",
            {"extra_volumes": {"home": {"mount": "/data"}}},
            "hub_extra_volumes has the key 'home'; openshift wants lower-case letters, digits and '-', not 'home'.",
        ),
        (
            "docker",
            {"extra_volumes": {"a": {"mount": "/a", "source": "x"}, "b": {"mount": "/b", "source": "x"}}},
            "hub_extra_volumes.b.source is 'x', which hub_extra_volumes.a.source is too; Docker mounts one volume once.",
        ),
    ],
)
def test_what_a_platform_can_not_do_is_said(platform: str, overrides: dict[str, t.Any], message: str) -> None:
    assert problems(descriptions.description(**overrides), platform) == [message]


@pytest.mark.parametrize(
    "overrides",
    [
        {"sign_in": "dummy", "address": "0.0.0.0", "dummy_accepted": True},
        {"sign_in": "dummy", "address": "::1"},
        {"users": [], "allow_all": True},
        {"users": [], "allow_existing_users": True},
        {"users": [], "userlist": "x", "userlist_text": "ada"},
        {
            "users": [],
            "sign_in": "class",
            "authenticator_class": "x.Y",
            "authenticator_settings": {"allowed_teams": ["a"]},
        },
        {"profiles": {"a": PROFILE}},
        {"storage": "none", "extra_volumes": {"home-2": {"mount": "/home/jovyan"}}},
    ],
)
def test_what_is_allowed_on_purpose_is_not_complained_about(overrides: dict[str, t.Any]) -> None:
    assert problems(descriptions.description(**overrides), "local") == []


def test_everything_is_said_at_once() -> None:
    bad = descriptions.description(
        name="X",
        port=0,
        users=["a/b"],
        sign_in="github",
        memory_limit="2Q",
        default_page="nowhere",
        profiles={"a": {}},
        roles={"admin": {}},
        cookie_secret="x",
    )
    said = " ".join(problems(bad, "local"))
    for variable in (
        *("hub_name", "hub_port", "hub_users", "hub_oauth.client_id", "hub_oauth.client_secret", "hub_memory_limit"),
        *("hub_default_page", "hub_profiles.a.display_name", "hub_roles", "hub_cookie_secret"),
    ):
        assert variable in said


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)
FREE = ("profiles", "extra_volumes", "extra_files", "roles", "services", "settings_extra", "templates", "extra_config")
KEYS = (
    "display_name",
    "image",
    "groups",
    "memory_limit",
    "environment",
    "mount",
    "source",
    "content",
    "mode",
    "scopes",
)
mappings = st.dictionaries(
    st.text(max_size=5), values | st.dictionaries(st.sampled_from(KEYS), values, max_size=4), max_size=3
)


@given(st.dictionaries(st.sampled_from(FREE), mappings), st.sampled_from(descriptions.PLATFORMS))
def test_no_nonsense_in_a_mapping_with_free_keys_is_a_crash(nonsense: dict[str, t.Any], platform: str) -> None:
    """Whatever is in there, the answer is a list of sentences."""
    assert all(isinstance(problem, str) for problem in problems(descriptions.description(**nonsense), platform))
