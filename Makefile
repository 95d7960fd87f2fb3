# One spelling of every command: people, .ci/run and the README use these targets.
#   make explore PORT=9000 PYTHON=python3.12    make test ARGS="-k krivine"
.DEFAULT_GOAL := help
.PHONY: help explore app test quick check lint format bench docs bounds-table figures reproduce retrain clean

ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
BIN := .venv/bin

export PORT PYTHON

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

explore: ## set up .venv and open the workbench in JupyterLab
	@scripts/setup
	@scripts/explore $(ARGS)

app: ## set up .venv and serve the workbench as a page without code
	@scripts/setup
	@$(BIN)/lipexplore explore $(if $(PORT),--port $(PORT)) $(ARGS)

test: ## set up what is missing and run every test
	@scripts/setup test
	@scripts/test $(ARGS)

quick: ## run the short tests, with a fifth of the random cases
	@scripts/setup test
	@$(ONE_THREAD) $(BIN)/python -m pytest --quick -m "not slow and not browser and not notebook" $(ARGS)

check: lint quick ## lint, formatting, types and the quick tests

lint: ## lint, formatting and types only
	@scripts/setup test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: ## put the code into its format and mend what ruff can mend
	@scripts/setup test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: ## measure the figures of docs/measured.md and print them as a table
	@scripts/setup test
	@$(ONE_THREAD) $(BIN)/python -m benchmarks $(ARGS)

docs: ## build the documentation site: site/index.html
	@scripts/setup test
	@$(ONE_THREAD) $(BIN)/python -m sphinx -q -W --keep-going -b html docs site
	@echo "the site is at site/index.html"

bounds-table: ## bound all shipped networks by all methods again: docs/bounds-table.md
	@scripts/setup test
	@$(ONE_THREAD) $(BIN)/python -m docs.bounds_table

figures: ## draw the notebooks' static figures again
	@scripts/setup test
	@$(ONE_THREAD) $(BIN)/python scripts/notebook_figures.py $(ARGS)

reproduce: ## run the experiments of the LiPopt paper: runs/reproduce/report/report.html
	@scripts/setup
	@$(ONE_THREAD) $(BIN)/lipexplore reproduce $(ARGS)

retrain: ## train the shipped networks again and compare them with data/
	@scripts/setup test
	$(ONE_THREAD) $(BIN)/python data/make_networks.py --check
	$(ONE_THREAD) $(BIN)/python data/make_implicit.py --check
	$(ONE_THREAD) $(BIN)/python data/make_parallel.py --check
	$(ONE_THREAD) $(BIN)/python data/make_splines.py --check
	$(ONE_THREAD) $(BIN)/python data/make_unfolded.py --check

clean: ## delete caches and builds (.venv and runs/ stay)
	@rm -rf build dist site docs/course docs/methods docs/reference artifacts .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -path ./.venv -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \
		-o -name '*.egg-info' \) -type d -exec rm -rf {} +
