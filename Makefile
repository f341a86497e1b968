# Two commands for a fresh machine: `make artifacts` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
SOURCES := $(shell find runtime model export benchmarks -type f -not -name '*.pyc' -not -path '*.egg-info*')
PIP_FLAGS := --disable-pip-version-check --quiet
# What an isolated build installs is pinned too; newer versions of pip read the second name only.
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_BUILD_CONSTRAINT := $(CURDIR)/constraints.txt
# Where tests and reports find the runner's sources and keep the bundles they build.
export CDFI_SOURCES := $(CURDIR)
export CDFI_CACHE ?= $(CURDIR)/build/cache

.PHONY: artifacts test lint format bench compare-check android-check setup wheel wheel-test native ort-headers default-model clean
.DELETE_ON_ERROR:

setup: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, $$($(PYTHON) --version 2>&1) was found: make PYTHON=python3.11 ..."; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install $(PIP_FLAGS) -c constraints.txt -e '.[dev]'
	@touch $@

# Export the embedded default network, verify it, report parity, interpolate a picture.
artifacts: setup
	$(BIN)/python export/export.py --dynamic --out artifacts
	$(BIN)/python benchmarks/bench.py parity artifacts/cdfi_mobile_dynamic.onnx --out artifacts/reports
	$(BIN)/cdfi-run runtime/cdfi_runtime/samples/city_0.png runtime/cdfi_runtime/samples/city_2.png \
	  --model artifacts/cdfi_mobile_dynamic.onnx -o artifacts/middle.png
	@ls -l artifacts

# The base environment has what `pip install cdfi-mobile` brings and no torch.
.venv-base/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-base
	.venv-base/bin/pip install $(PIP_FLAGS) -c constraints.txt numpy onnxruntime pydantic Pillow typer rich
	@touch $@

build/wheel/.built: setup pyproject.toml $(SOURCES)
	rm -rf build/wheel && mkdir -p build/wheel
	$(BIN)/pip wheel $(PIP_FLAGS) --no-deps -w build/wheel .
	@touch $@

wheel: build/wheel/.built

test: setup wheel .venv-base/.installed
	.venv-base/bin/pip install $(PIP_FLAGS) --no-deps --force-reinstall build/wheel/*.whl
	CDFI_BASE_PYTHON=$(CURDIR)/.venv-base/bin/python $(BIN)/python -m pytest -n 2 --dist worksteal --durations=8

# The installed wheel, whose files come first on the path: it has every file of the packages, byte for
# byte, and the tests of what depends on where files lie pass (data, registries, commands, reports).
WHEEL_TESTS := tests/house tests/runtime tests/benchmarks tests/export/test_export_cli.py \
  tests/export/test_staging.py tests/model/test_cdfi_model_command.py tests/model/test_weights_file.py
wheel-test: setup wheel
	rm -rf build/site
	$(BIN)/pip install $(PIP_FLAGS) --no-deps --target build/site build/wheel/*.whl
	PYTHONPATH=$(CURDIR)/build/site CDFI_EXPECT_WHEEL=$(CURDIR)/build/site $(BIN)/python -m pytest -n 2 --dist worksteal $(WHEEL_TESTS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup
	$(BIN)/python benchmarks/bench.py latency artifacts/*.onnx --size 448x256 --out reports
	$(BIN)/python benchmarks/bench.py fused --gate --out reports/fused.json

# Two runs of the shipped artifact compare without a failure, and a worse copy of it (about 1 dB and
# 10 % larger) is caught.
COMPARED := runtime/cdfi_runtime/assets/default.onnx
COMPARE := $(BIN)/cdfi-bench compare --thresholds benchmarks/thresholds.toml build/compare/base
compare-check: setup
	rm -rf build/compare
	for side in base again; do \
	  $(BIN)/cdfi-bench quality $(COMPARED) --baseline average --threads 1 --out build/compare/$$side && \
	  $(BIN)/cdfi-bench latency $(COMPARED) --size 256x256 --threads 1 --runs 30 --end-to-end 0 --no-parity \
	    --out build/compare/$$side || exit; \
	done
	$(COMPARE) build/compare/again --out build/compare/same
	$(BIN)/python tests/plant_worse.py $(COMPARED) build/compare/artifact
	$(BIN)/cdfi-bench quality build/compare/artifact --baseline average --threads 1 --out build/compare/worse
	$(COMPARE) build/compare/worse --out build/compare/caught; [ $$? = 1 ]

# The Android demo without Gradle: compiled, tested, linted, linked and signed by Debian's and npm's tools.
android-check: setup
	$(BIN)/python android_demo/check

# The native kernels alone, after a change to them: build/native/libcdfi_native.so, where an editable
# install puts them as well.
CMAKE ?= cmake
native:
	@command -v $(CMAKE) >/dev/null || { echo "make native needs CMake 3.18 or newer, '$(CMAKE)' was not found: \
	install cmake, or name it: make native CMAKE=..."; exit 2; }
	@command -v $(CXX) >/dev/null || { echo "make native needs a C++17 compiler, '$(CXX)' was not found: \
	install g++ or clang, or name it: make native CXX=..."; exit 2; }
	CXX='$(CXX)' $(CMAKE) -S runtime/native -B build/native
	$(CMAKE) --build build/native

# The official headers of ONNX Runtime, which its wheels lack, for the test of runtime/native/ort_abi.h.
# They come from the smallest pinned package that ships them; only headers are taken out.
ORT_HEADERS_PACKAGE := @qvac/onnx@0.15.1
ORT_HEADERS_SHA256 := ff52c079d281510e58d350d0cb5132012a9fcf455e29a181c452f9ce5f654b35
ort-headers: build/ort-headers/onnxruntime_c_api.h
build/ort-headers/onnxruntime_c_api.h:
	@command -v npm >/dev/null || { echo "make ort-headers needs npm: install it, or set CDFI_ORT_HEADERS to \
	a folder with onnxruntime_c_api.h"; exit 2; }
	rm -rf build/ort-headers && mkdir -p build/ort-headers
	cd build/ort-headers && npm pack --silent $(ORT_HEADERS_PACKAGE)
	cd build/ort-headers && echo "$(ORT_HEADERS_SHA256)  $$(ls *.tgz)" | sha256sum --check --quiet
	cd build/ort-headers && tar -xzf *.tgz --strip-components=4 \
	  $(addprefix package/prebuilds/include/onnxruntime/,onnxruntime_c_api.h onnxruntime_ep_c_api.h)
	rm build/ort-headers/*.tgz
	@touch $@

# Ship trained weights: make default-model WEIGHTS=run/best.safetensors
default-model: setup
	$(BIN)/python -m cdfi_export.embed $(WEIGHTS)

clean:
	rm -rf .venv .venv-base build artifacts reports *.egg-info
