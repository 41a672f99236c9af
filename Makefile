# What this project does for you, one word each. `make` alone lists it.

VENV     ?= .venv
PORT     ?= 8080
QUALITY  ?= best
DATA     ?= ../shared/data
MINUTES  ?= 60
# On Linux the PyPI wheel of torch brings gigabytes of CUDA libraries, which export does not need.
# TORCH_INDEX=... takes it from PyTorch's own index of CPU builds, which its installation page names.
TORCH    ?= torch==2.13.0
TORCH_INDEX ?=

PYTHON ?= $(shell for p in python3.11 python3.12 python3; do \
	$$p -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
	2>/dev/null && echo $$p && break; done)
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install

# mediapipe's OpenCV needs the system's libGL. Where there is none, the headless one goes on top: same
# release, same folder, and nothing else that we use.
without-libgl = $(BIN)/python -c 'import cv2' 2>/dev/null || $(PIP) --force-reinstall --no-deps \
	"$$($(BIN)/python -m pip freeze | grep -i '^opencv-python-headless==')"

# Threads that wait asleep: several busy processes share few cores here.
export OMP_WAIT_POLICY ?= PASSIVE
export OPENBLAS_NUM_THREADS ?= 1
export AVATAR_DATA ?= $(DATA)

.DEFAULT_GOAL := help
.PHONY: help serve preview avatar bench bench-gpu tools test lint check measure-live load fuzz audit \
	train-speech evaluate-speech train-generator template evaluate-generator train-paper evaluate-paper \
	release basis builtin-avatars clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: $(VENV)/.cpu ## install the light run time and start the page; AVATAR=me.avatar to choose
	@$(BIN)/engine serve --port $(PORT) $(if $(AVATAR),--avatar '$(AVATAR)')

preview: $(VENV)/.preview ## the same in a window of its own; AVATAR=me.avatar to choose
	@$(BIN)/engine preview $(if $(AVATAR),--avatar '$(AVATAR)')

avatar: $(VENV)/.$(if $(filter fast,$(QUALITY)),photo,export) ## make an avatar: PHOTO=me.jpg; QUALITY=fast goes without torch
	@test -n '$(PHOTO)' || { echo "Which photo? make avatar PHOTO=me.jpg"; exit 2; }
	@$(BIN)/engine export --identity '$(PHOTO)' --quality $(QUALITY)

bench: $(VENV)/.cpu ## measure every stage of the pipeline on this machine
	@$(BIN)/engine bench

bench-gpu: ## generators on an NVIDIA GPU with the torch of PYTHON, which is to be a CUDA build
	@PYTHONPATH=. $(PYTHON) -m training.bench_gpu --out '$(or $(OUT),runs/bench_gpu)'

tools: $(VENV)/.dev ## install all that the tests need, system packages too when root
	@sh .ci/system-packages

test: tools ## run all tests; what can not run here is skipped with the reason
	@$(BIN)/python -m pytest -r s -n 2 --dist loadscope --no-loadscope-reorder $(ARGS)$(if $(STATUS),; echo $$? > $(STATUS))

lint: $(VENV)/.dev ## ruff: format and rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

check: lint ## lint, and mypy strict on engine and server
	@$(BIN)/mypy

measure-live: tools ## a call in a real Chromium: SECONDS=60 STALL=200 LOSS=.02 JITTER=60 AVATAR=...
	@$(BIN)/python -m tests.browser.measure_live --avatar '$(or $(AVATAR),amara)' \
		--seconds $(or $(SECONDS),60) --stall $(or $(STALL),0) --loss $(or $(LOSS),0) \
		--jitter $(or $(JITTER),0) --out '$(or $(OUT),runs/live/now)'

load: $(VENV)/.dev ## real WebRTC clients at once, N=8, or one after the other, CYCLES=200
	@$(BIN)/python -m tests.load --avatar '$(or $(AVATAR),amara)' --sessions $(or $(N),8) \
		--seconds $(or $(SECONDS),30) --cycles $(or $(CYCLES),0) --out '$(or $(OUT),runs/live/load.json)'

fuzz: $(VENV)/.dev ## bad bundles, offers and sound: EXAMPLES=2000 of each kind
	@$(BIN)/python -m pytest -q tests/fuzz --fuzz-examples $(or $(EXAMPLES),2000) --timeout 3600

audit: $(VENV)/.dev ## known vulnerabilities of what is installed, where there is a network
	@$(BIN)/python .ci/audit.py

train-speech: $(VENV)/.train ## data -> engine/resources/speech.onnx (hours on 2 cores)
	@$(BIN)/python -m training.speech --data $(DATA)

evaluate-speech: $(VENV)/.train ## lips against tracked ones, silence, and the baselines
	@$(BIN)/python -m training.speech.evaluate --data $(DATA)

train-generator: $(VENV)/.train ## portraits -> export/resources/lite_prior.safetensors
	@$(BIN)/python -m training.portraits --data $(DATA)
	@$(BIN)/python -m training.frames
	@$(BIN)/python -m training.prior --minutes $(MINUTES)
	@$(BIN)/python -m training.template

template: $(VENV)/.train ## lite_prior.safetensors -> the ONNX models that `--quality fast` fills in
	@$(BIN)/python -m training.template

evaluate-generator: $(VENV)/.train ## held-out people and real clips, against the still face
	@$(BIN)/python -m training.evaluate_tuning --data $(DATA)
	@$(BIN)/python -m training.evaluate_face --data $(DATA)

train-paper: $(VENV)/.train ## the seed method as published, on generators of our own: MINUTES=60 JOBS=1 LITE=1
	@$(BIN)/python -m training.paper --data $(DATA) --minutes $(MINUTES) --jobs $(or $(JOBS),1) $(if $(LITE),--lite)

evaluate-paper: $(VENV)/.train ## PSNR, SSIM, FID and LMD of it; REAL=folder DRAWN=folder for any clips
	@$(BIN)/python -m training.paper.evaluate $(if $(REAL),clips '$(REAL)' '$(DRAWN)',paper --data $(DATA) $(if $(LITE),--lite))

release: $(VENV)/.cpu ## write down what engine/resources and export/resources hold
	@$(BIN)/python -m training.release

basis: $(VENV)/.train ## 3D face model -> landmark basis and mouth atlas of the puppet
	@$(BIN)/python -m training.landmark_basis
	@$(BIN)/python -m training.mouth_atlas

builtin-avatars: $(VENV)/.train ## portraits -> engine/resources/avatars
	@$(BIN)/python -m training.builtin portraits
	@$(BIN)/python -m training.builtin export

clean: ## remove what make has installed and cached; runs/ stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 with venv is needed, none was found:" \
		"apt install python3 python3-venv, or say make PYTHON=..."; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.cpu: pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV), a minute or two ..."
	@$(PIP) -e '.[cpu]'
	@touch $@

$(VENV)/.preview: pyproject.toml | $(BIN)/python
	@echo "Installing what the window needs into $(VENV), a minute or two ..."
	@$(PIP) -e '.[cpu,preview]'
	@touch $@ $(VENV)/.cpu

$(VENV)/.torch: | $(BIN)/python
	@echo "Installing torch into $(VENV), a minute or two ..."
	@$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) '$(TORCH)'
	@touch $@

$(VENV)/.photo: pyproject.toml | $(BIN)/python
	@echo "Installing what makes quick avatars into $(VENV), a minute or two ..."
	@$(PIP) -e '.[cpu,photo]'
	@$(without-libgl)
	@touch $@ $(VENV)/.cpu

$(VENV)/.export: pyproject.toml $(VENV)/.torch
	@echo "Installing what makes avatars into $(VENV), a minute or two ..."
	@$(PIP) -e '.[cpu,export]' '$(TORCH)'
	@$(without-libgl)
	@touch $@ $(VENV)/.cpu $(VENV)/.photo

$(VENV)/.dev: pyproject.toml $(VENV)/.torch
	@echo "Installing the test tools into $(VENV), a minute or two ..."
	@$(PIP) -e '.[cpu,export,train,dev]' '$(TORCH)'
	@$(without-libgl)
	@touch $@ $(VENV)/.cpu $(VENV)/.photo $(VENV)/.export $(VENV)/.train

$(VENV)/.train: pyproject.toml $(VENV)/.torch
	@echo "Installing the training tools into $(VENV), a minute or two ..."
	@$(PIP) -e '.[cpu,export,train]' '$(TORCH)'
	@$(without-libgl)
	@touch $@ $(VENV)/.cpu
