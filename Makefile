# What a developer runs. `demo` and `test` first set up what they need (checks/setup).

# Debian keeps unbound in /usr/sbin, which is not on a user's PATH.
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/.cache/bin:$(PATH):/usr/local/sbin:/usr/sbin:/sbin

demo-packages = python3 python3-venv openssl unbound
picture-packages = $(demo-packages) chromium fonts-dejavu-core
faults-packages = $(demo-packages) strace
test-packages = $(picture-packages) age fish git groff mandoc openssh-server pass shellcheck strace zsh
nodes-packages = python3 python3-venv debian-archive-keyring debootstrap iproute2 systemd-container
# Only root can boot containers; others skip their tests.
ifeq ($(shell id -u),0)
test-packages += $(nodes-packages)
endif
# CI may skip nothing, so there the optional tools of `make test` are installed too.
ifeq ($(CI),true)
test-packages += cargo golang-go nix-bin
endif

# Installs Debian packages and makes .venv.
define setup
@checks/setup/packages $(1)
@checks/setup/venv
@checks/setup/unbound
endef

.PHONY: help demo picture test fuzz faults bench nodes nodes-down shell pins compare lock upgrade record format clean .venv

help:
	@echo 'make demo     a clan on this machine: its names, and what happens when one changes'
	@echo 'make picture  the same, and the pictures in README.md: of it, and of the page'
	@echo 'make test     formatting, linting, types and tests'
	@echo 'make fuzz     fuzz what reads files, for an hour or SECONDS=…'
	@echo 'make faults   kills and errors at every system call of dm-dns apply, for an hour'
	@echo 'make bench    benchmarks'
	@echo 'make nodes    boot the machines of the example clan (checks/containers), to try things; needs root'
	@echo "make shell MACHINE=NAME [RUN='COMMAND']  a shell on one of them, or a command"
	@echo 'make nodes-down  stop them'
	@echo 'make pins     download the inputs of flake.lock and compare them (needs Nix: docs/pins.md)'
	@echo "make compare  clan-core's own dm-dns with the same faults (checks/README.md)"
	@echo 'make record   make the snapshots of the module again (needs Nix: checks/README.md)'
	@echo 'make lock     lock the packages of Python again; make upgrade: the newest ones (checks/lock)'
	@echo 'make format   format and fix what can be fixed automatically'
	@echo 'make clean    remove what these commands made'

demo:
	$(call setup,$(demo-packages))
	@python -m checks.demo

picture:
	$(call setup,$(picture-packages))
	@python -m checks.demo --picture docs/demo.svg
	@python -m checks.page docs/page-light.png docs/page-dark.png

test:
	$(call setup,$(test-packages))
	@# Meanwhile; whoever needs it waits, or says why it cannot be made.
	@python -m checks.containers root >/dev/null 2>&1 </dev/null &
	@checks/setup/deadnix
	@checks/setup/sops
	@python -m checks.run

SECONDS = 3600

fuzz: .venv
	@# Not in .venv: it can be had for few interpreters.
	@python -c 'import atheris' 2>/dev/null || pip install --quiet --require-hashes \
		--only-binary :all: --requirement checks/lock/fuzz.txt 2>/dev/null || true
	@python -m checks.fuzz --seconds $(SECONDS)

faults:
	$(call setup,$(faults-packages))
	@python -m checks.faults

bench:
	$(call setup,$(demo-packages))
	@python -m checks.bench

nodes:
	$(call setup,$(nodes-packages))
	@python -m checks.containers up

nodes-down:
	@python -m checks.containers down

# As they were typed: `make` would expand every $ in them.
shell: override export MACHINE := $(value MACHINE)
shell: override export RUN := $(value RUN)
shell:
	@python -m checks.containers shell "$$MACHINE" "$$RUN"

pins: .venv
	@dm-dns prefetch check

compare:
	$(call setup,$(nodes-packages))
	@python -m checks.compare evaluate .cache/compare.json
	@python -m checks.compare run .cache/compare.json

lock: .venv
	@python -m checks.lock

upgrade: .venv
	@python -m checks.lock --upgrade

record: .venv
	@python -m checks.module

format: .venv
	@ruff format python checks
	@ruff check --fix python checks

.venv:
	$(call setup,python3 python3-venv)

clean:
	rm -rf .venv .cache python/build
	find . -path ./.git -prune -o \( -name __pycache__ -o -name '*.egg-info' \
		-o -name '.*_cache' -o -name .hypothesis \) -prune -exec rm -rf {} +
