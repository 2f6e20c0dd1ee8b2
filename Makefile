# Verbs of this repository; make help lists them. Whatever a target needs, it installs: Python packages into .venv,
# Debian packages on this machine, each only when missing.

# Name of the local box; several can run side by side.
export BOX ?= demo
# Folder of videos that the box serves, read-only, instead of its sample library.
export MEDIA ?=

export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_HOME := $(CURDIR)/.cache/ansible
export PATH := $(CURDIR)/.venv/bin:$(PATH)

state := /var/lib/kinetoscope/boxes/$(BOX)
environment := .venv/.stamp
box_packages := systemd-container mmdebstrap nftables iproute2 openssh-client debian-archive-keyring

.DEFAULT_GOAL := help
.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(environment): requirements/app.txt requirements/control.txt requirements/uv.txt
	@tools/make-environment
	@touch $@

.PHONY: box
box: $(environment) ## make and boot a bare Debian box, without the product (BOX=name)
	@tools/install-packages $(box_packages)
	@ansible-playbook --inventory inventory/box ansible/create-box.yml

.PHONY: down
down: $(environment) ## remove the box and its own library (BOX=name)
	@tools/install-packages $(box_packages)
	@ansible-playbook --inventory inventory/box ansible/remove-box.yml

.PHONY: ssh
ssh: ## open a shell on the box (BOX=name)
	@test -e $(state)/ssh_config || { echo "There is no box $(BOX): make up BOX=$(BOX)" >&2; exit 1; }
	@ssh -F $(state)/ssh_config $(BOX)
