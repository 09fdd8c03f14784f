"""Reads the values of the chart, which are mounted into the hub's pod."""

import functools
import os

import yaml

CHART = os.environ.get("CHART_DIRECTORY", "/usr/local/etc/jupyterhub")


@functools.lru_cache
def _values():
    path = f"{CHART}/secret/values.yaml"
    if not os.path.exists(path):
        raise Exception(f"{path} not found!")
    with open(path) as stream:
        return yaml.safe_load(stream)


def value(key, default=None):
    """Return the value under a dotted key."""
    found = _values()
    for part in key.split("."):
        if not isinstance(found, dict) or part not in found:
            return default
        found = found[part]
    return found


def secret(key):
    """Return the text of a file of the secret."""
    with open(f"{CHART}/secret/{key}") as stream:
        return stream.read()


def get_name(name):
    """Return the name that a Kubernetes object got."""
    with open(f"{CHART}/config/{name}") as stream:
        return stream.read()


def get_name_env(name, suffix):
    """Return a variable that Kubernetes sets for a service."""
    return os.environ[(get_name(name) + suffix).upper().replace("-", "_")]


def set_config_if_not_none(section, trait, key):
    """Set a trait when the values have something for it."""
    found = value(key)
    if found is not None:
        setattr(section, trait, found)
