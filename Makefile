# What a developer runs. `demo` and `test` first set up what they need (checks/setup).

# Debian keeps unbound in /usr/sbin, which is not on a user's PATH.
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/.cache/bin:$(PATH):/usr/local/sbin:/usr/sbin:/sbin

demo-packages = python3 python3-venv openssl unbound
test-packages = $(demo-packages) age git openssh-server pass shellcheck strace
nodes-packages = python3 python3-venv debootstrap iproute2 systemd-container
# Only root can run nodes; others skip their tests.
ifeq ($(shell id -u),0)
test-packages += $(nodes-packages)
endif
# CI may skip nothing, so there the optional tools of `make test` are installed too.
ifeq ($(CI),true)
test-packages += cargo golang-go nix-bin
endif

.PHONY: help demo test bench nodes nodes-down pins compare record format clean .venv

help:
	@echo 'make demo     a clan on this machine: its names, and what happens when one changes'
	@echo 'make test     formatting, linting, types and tests'
	@echo 'make bench    benchmarks'
	@echo 'make nodes    boot the machines of the example clan (checks/nodes), to try things; needs root'
	@echo 'make nodes-down  stop them'
	@echo 'make pins     download the inputs of flake.lock and compare them (needs Nix: docs/pins.md)'
	@echo "make compare  clan-core's own dm-dns with the same faults (checks/nodes/README.md)"
	@echo 'make record   evaluate the module anew (needs CLAN_CORE and NIXPKGS_LIB: checks/eval/README.md)'
	@echo 'make format   format and fix what can be fixed automatically'
	@echo 'make clean    remove what these commands made'

demo:
	@checks/setup/packages $(demo-packages)
	@checks/setup/venv
	@checks/setup/unbound
	@python -m checks.demo

test:
	@checks/setup/packages $(test-packages)
	@checks/setup/venv
	@checks/setup/unbound
	@# Meanwhile; whoever needs it waits, or says why it cannot be made.
	@python -m checks.nodes root >/dev/null 2>&1 </dev/null &
	@checks/setup/deadnix
	@checks/setup/sops
	@python -m checks.run

bench:
	@checks/setup/packages $(demo-packages)
	@checks/setup/venv
	@checks/setup/unbound
	@python -m checks.bench

nodes:
	@checks/setup/packages $(nodes-packages)
	@checks/setup/venv
	@python -m checks.nodes up

nodes-down:
	@python -m checks.nodes down

pins: .venv
	@dm-dns prefetch check

compare:
	@checks/setup/packages $(nodes-packages)
	@checks/setup/venv
	@python -m checks.compare evaluate .cache/theirs.json
	@python -m checks.compare run .cache/theirs.json

record: .venv
	@python -m checks.eval

format: .venv
	@ruff format python checks
	@ruff check --fix python checks

.venv:
	@checks/setup/packages python3 python3-venv
	@checks/setup/venv

clean:
	rm -rf .venv .cache
	find . -path ./.git -prune -o \( -name __pycache__ -o -name '*.egg-info' \
		-o -name '.*_cache' -o -name .hypothesis \) -prune -exec rm -rf {} +
