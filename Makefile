# Verbs of this repository; make help lists them. Whatever a target needs, it installs: Python packages into .venv,
# Debian packages on this machine, each only when missing.

# Name of the local box; several can run side by side.
export BOX ?= demo
# Folder of videos that the box serves, read-only, instead of sample films.
export MEDIA ?=
# Inventory of the hosts to deploy to, and one host of it.
INVENTORY ?=
HOST ?=
# yes: make smoke also runs the tests that stop, kill and wipe parts of the host. Viewers notice.
export DISRUPTIVE ?=
# More arguments for ansible-playbook, molecule or pytest. Tests named here run instead of the target's whole folder.
ARGS ?=
# Integration tests wait more than they work: a few at once, each file on one worker.
TEST_WORKERS ?= 3
# In the order of tests/conftest.py. By itself xdist begins the files of most tests first, and so the longest ones last.
side_by_side = --numprocesses=$(TEST_WORKERS) --dist=loadfile --no-loadscope-reorder
named_tests = $(or $(filter tests/%,$(ARGS)),$(1)) $(filter-out tests/%,$(ARGS))

export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_HOME := $(CURDIR)/.cache/ansible
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# A module is compiled once, whatever the caller's shell says: Ansible and the tests start Python hundreds of times.
export PYTHONDONTWRITEBYTECODE :=

environment := .venv/.stamp
node_tools := .cache/node/.stamp
node_bin := .cache/node/node_modules/.bin
boxes := /var/lib/kinetoscope/boxes
needs := tools/install-packages
box_packages := systemd-container mmdebstrap nftables iproute2 openssh-client debian-archive-keyring
test_packages := postgresql redis-server nginx logrotate nftables iproute2 ffmpeg bubblewrap curl jq wrk mpv vlc-bin vlc-plugin-base
browser_packages := chromium zbar-tools
lint_packages := lua-check
# Two spaces, and the branches of a case set in by as much.
shfmt := shfmt --indent 2 --case-indent
shell_scripts = $$(tools/list-shell-scripts)

.DEFAULT_GOAL := help
.PHONY: help dev up box down access ssh scan deploy smoke check lint format unit integration corpus molecule browser chaos test contract bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(environment): requirements/app.txt requirements/control.txt requirements/uv.txt tools/make-environment
	@tools/make-environment
	@touch $@

$(node_tools): $(environment) requirements/package.json requirements/package-lock.json tools/make-node-tools
	@tools/make-node-tools
	@touch $@

# The box on this machine

up: $(environment) ## bring up a box that plays videos (BOX=name, MEDIA=/folder)
	@$(needs) $(box_packages)
	@ansible-playbook --inventory inventory/box ansible/bring-up-box.yml $(ARGS)
	@tools/describe-box $(BOX)

box: $(environment) ## make and boot a bare Debian box, without the product (BOX=name)
	@$(needs) $(box_packages)
	@ansible-playbook --inventory inventory/box ansible/create-box.yml $(ARGS)

down: $(environment) ## remove the box and its own library; a cache stays (BOX=name)
	@$(needs) $(box_packages)
	@ansible-playbook --inventory inventory/box ansible/remove-box.yml $(ARGS)

access: ## print how the box is reached, as JSON (BOX=name)
	@tools/describe-box --json $(BOX)

ssh: ## open a shell on the box (BOX=name)
	@test -e $(boxes)/$(BOX)/ssh_config || { echo "There is no box $(BOX): make up BOX=$(BOX)" >&2; exit 1; }
	@ssh -F $(boxes)/$(BOX)/ssh_config $(BOX)

scan: ## scan the library of the box now (BOX=name)
	@ssh -F $(boxes)/$(BOX)/ssh_config $(BOX) systemctl start kinetoscope-indexer.service

# This checkout

dev: $(environment) ## run the services of this checkout with reload, on scratch servers; Ctrl-C ends them
	@$(needs) --without-starting postgresql redis-server nginx ffmpeg bubblewrap
	@tools/make-client-parts
	@python -m testbed.dev $(ARGS)

# Hosts of an inventory

deploy: $(environment) ## provision the hosts of INVENTORY=folder (ARGS='--check --diff')
	@test -n "$(INVENTORY)" || { echo "Say which hosts: make deploy INVENTORY=inventory/<yours>" >&2; exit 1; }
	@$(needs) openssh-client
	@ansible-playbook --inventory $(INVENTORY) ansible/site.yml $(ARGS)

smoke: $(environment) ## harmless host tests, against the box or HOST=name of INVENTORY=folder (DISRUPTIVE=yes: all)
	@$(needs) openssh-client ffmpeg curl jq
	@tools/smoke "$(INVENTORY)" "$(HOST)" $(call named_tests,tests/host)

# Proof

check: lint unit ## linters, static rules and unit tests

lint: $(environment) $(node_tools) ## the linters of every language here
	@$(needs) $(lint_packages)
	@ruff check .
	@ruff format --check .
	@mypy
	@lint-imports
	@$(node_bin)/biome check --error-on-warnings
	@$(node_bin)/tsc --project .
	@luacheck --quiet authsvc bench
	@shellcheck $(shell_scripts)
	@$(shfmt) --diff $(shell_scripts)
	@yamllint --strict .
	@ansible-lint --offline --profile production

format: $(environment) $(node_tools) ## write Python, JS, CSS and shell as the linters want them
	@ruff check --quiet --fix .
	@ruff format .
	@$(node_bin)/biome check --write
	@$(shfmt) --write $(shell_scripts)

unit: $(environment) ## static rules and unit tests
	@pytest $(call named_tests,tests/policy tests/unit)

integration: $(environment) ## tests with real PostgreSQL, Redis and Nginx as child processes
	@$(needs) --without-starting $(test_packages)
	@pytest $(side_by_side) $(call named_tests,tests/integration tests/corpus -m 'not thorough')

corpus: $(environment) ## inputs that went wrong elsewhere and 200 malformed ones, through scan and workers
	@$(needs) --without-starting $(test_packages)
	@pytest $(side_by_side) $(call named_tests,tests/corpus)

molecule: $(environment) ## run Molecule on a box of its own (ARGS='converge', 'verify', 'destroy')
	@$(needs) $(box_packages)
	@molecule $(or $(ARGS),test)

chaos: $(environment) ## break every part of a box under three streams; ends with a table (BOX=name)
	@$(needs) openssh-client ffmpeg curl nftables gcc libc6-dev $(browser_packages)
	@KINETOSCOPE_ACCESS=$(boxes)/$(BOX)/access.json pytest tests/chaos $(ARGS)

browser: $(environment) $(node_tools) ## the browser test against a box that is up (BOX=name)
	@$(needs) --without-starting $(test_packages) $(browser_packages)
	@KINETOSCOPE_ACCESS=$(boxes)/$(BOX)/access.json pytest $(call named_tests,tests/browser)

test: $(environment) ## everything: check, integration, a provisioned box, a real browser
	@$(needs) --without-starting $(box_packages) $(test_packages) $(browser_packages)
	@tools/run-tests

contract: $(environment) ## schemathesis with every check, as every role, against a box of tests/contract-limits.yml (BOX=name)
	@python -m tests.contract $(boxes)/$(BOX)/access.json $(ARGS)

bench: $(environment) ## guarded against unguarded Nginx, Caddy and Node, side by side
	@bench/run $(ARGS)

# Housekeeping

lock: $(environment) $(node_tools) ## write the lock files in requirements/ anew
	@tools/lock-requirements

clean: ## remove what was built in this checkout (boxes stay: make down)
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache build dist
