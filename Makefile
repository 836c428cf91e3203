# `make` does everything: set up, train, evaluate, score the articles in seeds/. `make help` lists more.
PYTHON ?= python3
CONFIG ?= configs/default.yaml
ARGS   ?=
# Of `make evaluate` alone, and never from the environment: the names are too common.
MODEL   :=
DATA    :=
OPTIONS :=

BIN    := .venv/bin
READY  := .venv/.ready
STANCE := $(BIN)/stance
# What a training depends on; a change elsewhere does not train again.
INPUTS := $(wildcard data/*.jsonl data/*.csv data/*/*.csv stance/corpus/*.py) \
          $(wildcard stance/encoder/*.py stance/config/*.py stance/metrics/*.py) $(addprefix stance/,artifact.py distillation.py examples.py promotion.py training.py)
TAGGER := data/articles.jsonl $(wildcard data/attributions/*.txt stance/attribution/*.py) stance/encoder/tagger.py

export HF_HUB_OFFLINE ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := all
.PHONY: all help setup train fast evaluate predict check test mlflow clean FORCE

all: scores/.done ## Set up, train, evaluate and score seeds/; a second time redo what changed
	@echo
	@echo "report     reports/$$(cat models/CHAMPION)/"
	@echo "scores     scores/seeds.json  scores/seeds.csv  scores/seeds.txt"
	@echo "MLflow UI  make mlflow"

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with pinned versions of everything

$(READY): pyproject.toml constraints.txt
	@echo "· setting up .venv (a few minutes the first time)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "stance needs Python 3.11 or newer; name one: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -m venv .venv || \
	  { echo "no venv module: apt install python3-venv"; exit 2; }
	$(BIN)/python -m pip install --quiet --upgrade -c constraints.txt pip
	$(BIN)/python -m pip install --progress-bar on -c constraints.txt torch
	$(BIN)/python -m pip install --progress-bar on -c constraints.txt -e '.[train,bulk,read,tune,lora,explain,data,dev]'
	@touch $@

train: models/.done ## Fine-tune and track a model: CONFIG=configs/quick.yaml ARGS="train.epochs=2"

fast: models/fast/.done ## Teach the champion to a model of three layers, models/fast

models/fast/.done: models/.done configs/fast.yaml
	$(STANCE) train --config configs/fast.yaml
	@touch $@

ifeq ($(MODEL)$(DATA)$(OPTIONS),)
evaluate: reports/.done ## Measure the champion beside baselines; others: MODEL=models/A DATA=gold.csv OPTIONS='--label-column gold'
else
evaluate: $(if $(MODEL),$(READY),models/.done)
	$(STANCE) evaluate $(if $(MODEL),--model '$(MODEL)') $(if $(DATA),--data '$(DATA)') $(OPTIONS)
endif

predict: scores/.done ## Score every article in seeds/

# Changes only when CONFIG or ARGS do, so that another experiment is trained and the same is not.
models/.experiment: FORCE
	@mkdir -p models
	@echo '$(CONFIG) $(ARGS)' | cmp -s - $@ || echo '$(CONFIG) $(ARGS)' > $@

models/.done: $(READY) models/.experiment $(CONFIG) $(INPUTS)
	$(STANCE) train --config $(CONFIG) $(ARGS)
	@touch $@

# The tagger that finds who says what; an article is scored without it too, but not by speaker.
models/attribution/.done: models/.done configs/attribution.yaml $(TAGGER)
	$(STANCE) attribution train --config configs/attribution.yaml
	@touch $@

reports/.done: models/.done models/attribution/.done
	$(STANCE) evaluate
	$(STANCE) attribution evaluate
	@touch $@

scores/.done: reports/.done $(wildcard seeds/*)
	@mkdir -p scores
	$(STANCE) predict seeds --format json --output scores/seeds.json
	$(STANCE) predict seeds --format csv --output scores/seeds.csv
	$(STANCE) predict seeds --format table --output scores/seeds.txt
	@cat scores/seeds.txt
	@touch $@

check: $(READY) ## Lint, format check, strict types, corpus check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(STANCE) data check

test: $(READY) ## Run the tests (offline, a few minutes)
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

mlflow: $(READY) ## Open the MLflow UI on this machine: http://127.0.0.1:5000
	$(BIN)/mlflow ui --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db}" --host 127.0.0.1

clean: ## Remove models, reports, scores and runs; keep .venv
	rm -rf models reports scores mlruns mlflow.db build *.egg-info .pytest_cache .mypy_cache .ruff_cache

FORCE:
