# Every target sets up what it needs first: any Python 3.13 (or uv, able to fetch one), and the network for packages.
.DEFAULT_GOAL := help
BIN := .venv/bin
READY := .venv/.ready
SUITES := unit template e2e
export PATH := $(CURDIR)/$(BIN):$(PATH)
export SAM_CLI_TELEMETRY := 0

.PHONY: help
help: ## Say what can be made
	@echo "Callscribe: calls to a Twilio number, as knowledge in your own AWS account"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: setup
setup: $(READY) ## Make the environments .venv, .ministack and .scanners

$(READY): tools/setup.sh pyproject.toml layers/callscribe/pyproject.toml $(wildcard requirements/*.txt)
	@sh tools/setup.sh

.PHONY: demo
demo: $(READY) ## Eight calls from ringing to DynamoDB, all on this machine (KEEP=1 leaves it running, JSON=1 prints JSON)
	@$(BIN)/python -m callscribe_tools demo $(if $(filter-out 0,$(KEEP)),--keep) $(if $(filter-out 0,$(JSON)),--json)

.PHONY: soak
soak: $(READY) ## A thousand calls while everything goes wrong, and a verdict (CALLS=100, SEED=1, PLANT=loss, JSON=1)
	@$(BIN)/python -m callscribe_tools soak $(if $(CALLS),--calls $(CALLS)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(PLANT),--plant $(PLANT)) $(if $(filter-out 0,$(JSON)),--json)

.PHONY: bench
bench: $(READY) ## What the built functions take, beside a bare handler: time, CPU, memory, sizes, units, cost (JSON=1)
	@$(BIN)/python -m callscribe_tools bench $(if $(filter-out 0,$(JSON)),--json)

.PHONY: test
test: $(READY) ## All tests: units, the template, and end to end on a local AWS (SUITES=unit for some)
	@# A file's tests share what they set up; those of the deployed stack share one machine.
	$(if $(filter-out e2e,$(SUITES)),$(BIN)/python -m pytest -n auto --dist loadfile $(addprefix tests/,$(filter-out e2e,$(SUITES))))
	$(if $(filter e2e,$(SUITES)),$(BIN)/python -m pytest tests/e2e)

.PHONY: check
check: $(READY) ## Lint, types, import direction, the template and its weaknesses, the locks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy layers/callscribe/src tools functions tests
	$(BIN)/lint-imports
	AWS_DEFAULT_REGION=us-east-1 $(BIN)/sam validate --lint
	$(BIN)/cfn-lint template.yaml .github/deploy-role.yaml
	mkdir -p .local && $(BIN)/python -m callscribe_tools.transform template.yaml > .local/transformed.json
	$(BIN)/cfn-lint .local/transformed.json
	.scanners/bin/checkov --config-file .checkov.yaml
	.scanners/bin/zizmor --offline --no-progress --quiet --min-severity medium .github
	sh tools/lock.sh --check

.PHONY: audit
audit: $(READY) ## Ask whether what is locked has known vulnerabilities (a question to the network, so no part of check)
	@sh tools/audit.sh

.PHONY: docs
docs: $(READY) ## Write docs/cli.md from what --help says
	@$(BIN)/python -m callscribe_tools.operator.cli_docs

.PHONY: lock
lock: $(READY) ## Compile the locked requirements anew (UPGRADE=1 takes the newest versions)
	@sh tools/lock.sh $(if $(UPGRADE),--upgrade)

.PHONY: clean
clean: ## Remove all that was built or set up
	rm -rf .venv .venv-uv .ministack .scanners .aws-sam .local .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
