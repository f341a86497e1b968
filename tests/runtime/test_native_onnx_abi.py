"""``ort_abi.h`` and the runner's ``ort_session_abi.h`` against ONNX Runtime's official header.

Positions, types, values and layouts: both are read as one text, since the second adds to the first.

The header is not in this tree. ``make ort-headers`` fetches it, hash-checked, and
``CDFI_ORT_HEADERS`` may name another folder that has it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OURS = ROOT / "runtime" / "native" / "ort_abi.h"
SESSION = ROOT / "runtime" / "runner" / "ort_session_abi.h"
HEADER = "onnxruntime_c_api.h"
# Members of our CustomOp, by the official names.
CUSTOM_OP = {
    "version": "version",
    "create_kernel": "CreateKernel",
    "get_name": "GetName",
    "get_execution_provider": "GetExecutionProviderType",
    "get_input_type": "GetInputType",
    "get_input_count": "GetInputTypeCount",
    "get_output_type": "GetOutputType",
    "get_output_count": "GetOutputTypeCount",
    "compute": "KernelCompute",
    "destroy_kernel": "KernelDestroy",
    "get_input_characteristic": "GetInputCharacteristic",
    "get_output_characteristic": "GetOutputCharacteristic",
    "get_input_memory": "GetInputMemoryType",
    "variadic_input_least": "GetVariadicInputMinArity",
    "variadic_input_same_type": "GetVariadicInputHomogeneity",
    "variadic_output_least": "GetVariadicOutputMinArity",
    "variadic_output_same_type": "GetVariadicOutputHomogeneity",
    "create_kernel_v2": "CreateKernelV2",
    "compute_v2": "KernelComputeV2",
}
# Constants of ort_abi.h, and values that ort_op.cpp writes as 0.
VALUES = {
    "ort::kInvalidArgument": "ORT_INVALID_ARGUMENT",
    "ort::kAnyType": "ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED",
    "ort::kFloat": "ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT",
    "ort::kFloat16": "ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16",
    "ort::kRequired": "INPUT_OUTPUT_REQUIRED",
    "ort::kVariadic": "INPUT_OUTPUT_VARIADIC",
    "0": "OrtMemTypeDefault",
    "ort::kLogErrors": "ORT_LOGGING_LEVEL_ERROR",
    "ort::kDeviceAllocator": "OrtDeviceAllocator",
    "ort::kDefaultMemory": "OrtMemTypeDefault",
}
# Entries that are used only where the library has the later version of the interface.
LATER = {
    "Session_GetEpGraphAssignmentInfo",
    "EpAssignedSubgraph_GetEpName",
    "EpAssignedSubgraph_GetNodes",
}


@pytest.fixture(scope="module")
def headers(lacking: Callable[[str], NoReturn]) -> Path:
    folder = Path(os.environ.get("CDFI_ORT_HEADERS") or ROOT / "build" / "ort-headers")
    if not (folder / HEADER).is_file():
        lacking(f"no {HEADER} of ONNX Runtime: make ort-headers, or set CDFI_ORT_HEADERS")
    return folder


def declared() -> str:
    """All that we declare of the interface, as one header."""
    return OURS.read_text() + SESSION.read_text().replace('#include "ort_abi.h"\n', "")


def entry_names(ours: str) -> list[str]:
    return re.findall(r"^using (\w+) =\s+Entry<", ours, re.MULTILINE)


def check(ours: str) -> str:
    """A translation unit that compiles only if all that ``ours`` declares agrees."""
    struct = re.search(r"^struct CustomOp \{(.*?)^\};", ours, re.MULTILINE | re.DOTALL)
    assert struct is not None
    members = re.findall(r"\(\*(\w+)\)\(const CustomOp|\(\*(\w+)\)\(void|(\bversion\b)", struct[1])
    assert {name for names in members for name in names if name} == CUSTOM_OP.keys()
    constants = re.findall(r"^constexpr int (k\w+) =", ours, re.MULTILINE)
    assert {f"ort::{name}" for name in constants} <= VALUES.keys()
    lines = [f"CDFI_CHECK_ENTRY({name});" for name in entry_names(ours)]
    lines += [f"CDFI_CHECK_MEMBER(CustomOp, OrtCustomOp, {a}, {b});" for a, b in CUSTOM_OP.items()]
    for value, names in VALUES.items():
        for name in (names,) if isinstance(names, str) else names:
            lines.append(f'static_assert({value} == int({name}), "{name}");')
    lines += [
        "CDFI_CHECK_MEMBER(ApiBase, OrtApiBase, get_api, GetApi);",
        "CDFI_CHECK_MEMBER(ApiBase, OrtApiBase, get_version_string, GetVersionString);",
        "static_assert(ort::kApiVersion <= ort::kAssignmentApiVersion);",
        "static_assert(ort::kAssignmentApiVersion <= ORT_API_VERSION);",
    ]
    return "\n".join(['#include "ort_abi_check.h"', *lines])


def compiles(ours: str, headers: Path, folder: Path, lacking: Callable[[str], NoReturn]) -> str:
    """The compiler's errors about ``ours``; empty if the official header agrees."""
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        lacking(f"no C++ compiler '{compiler}'")
    (folder / "ort_abi.h").write_text(ours)
    command = [
        *(compiler, "-std=c++20", "-fsyntax-only", "-Wno-invalid-offsetof", "-xc++", "-"),
        *(f"-I{folder}", f"-I{HERE}", f"-I{headers}"),
    ]
    done = subprocess.run(command, input=check(ours), capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def test_the_official_header_agrees(
    headers: Path, tmp_path: Path, lacking: Callable[[str], NoReturn]
) -> None:
    ours = declared()
    assert len(entry_names(ours)) >= 50
    assert len(entry_names(ours)) == ours.count("= Entry<") + ours.count("=\n    Entry<")
    assert compiles(ours, headers, tmp_path, lacking) == ""


def test_no_entry_is_younger_than_the_version_asked_for(headers: Path) -> None:
    """Most entries have a ``since`` in the comment before them; the first ones need none."""
    ours, official = declared(), (headers / HEADER).read_text()
    asked = int(re.findall(r"kApiVersion = (\d+)", ours)[0])
    later = int(re.findall(r"kAssignmentApiVersion = (\d+)", ours)[0])
    api = official[official.index("struct OrtApi {") :]
    since = {}
    for name in entry_names(ours):
        place = re.search(rf"(?:\b{name}\b|ORT_CLASS_RELEASE\({name[7:]}\))[,);]", api)
        assert place is not None, name
        comment = api[api.rfind("/**", 0, place.start()) : place.start()]
        found = re.search(r"\\since Version 1\.(\d+)", comment)
        since[name] = int(found[1]) if found else 0
    assert {name for name, version in since.items() if version > asked} == LATER, since
    assert max(since.values()) == later
    assert since["KernelContext_ParallelFor"] == 17


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("Entry<27,", "Entry<28,", "position of CustomOpDomain_Add"),
        ("Entry<274,", "Entry<273,", "position of KernelContext_ParallelFor"),
        ("Entry<9,", "Entry<8,", "position of Run"),
        ("Entry<407,", "Entry<406,", "position of Session_GetEpGraphAssignmentInfo"),
        (
            "size_t index, Allocator *, char **out",
            "size_t index, Allocator *, int *out",
            "type of Session",
        ),
        ("kLogErrors = 3", "kLogErrors = 4", "ORT_LOGGING_LEVEL_ERROR"),
        ("const TensorShape *, size_t *out", "const TensorShape *, int *out", "type of GetDimensi"),
        ("kFloat = 1", "kFloat = 2", "ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT"),
        ("uint32_t version = 16", "uint64_t version = 16", "type of version"),
        (
            "void (*destroy_kernel)(void *) = nullptr;",
            "void (*more)() = nullptr; void (*destroy_kernel)(void *) = nullptr;",
            "position of KernelDestroy",
        ),
    ],
)
def test_a_wrong_declaration_is_found(
    headers: Path,
    tmp_path: Path,
    lacking: Callable[[str], NoReturn],
    right: str,
    wrong: str,
    message: str,
) -> None:
    ours = declared()
    assert right in ours
    errors = compiles(ours.replace(right, wrong, 1), headers, tmp_path, lacking)
    assert message in errors
