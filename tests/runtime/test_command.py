from __future__ import annotations

import pytest
import typer
from cdfi_runtime.command import EXIT_INTERRUPTED, distribution_version, run_app
from cdfi_runtime.errors import GateError, InputError, MissingDependencyError


def _app(error: BaseException | None) -> typer.Typer:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

    @app.command()
    def act(size: int = 1) -> None:
        typer.echo(f"size {size}")
        if error is not None:
            raise error

    return app


def _exit_code(error: BaseException | None, *args: str) -> object:
    with pytest.raises(SystemExit) as end:
        run_app(_app(error), args)
    return end.value.code


def test_success_is_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code(None, "--size", "3") == 0
    assert capsys.readouterr().out == "size 3\n"


def test_usage_errors_are_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code(None, "--size", "three") == 2
    assert _exit_code(None, "--no-such-option") == 2
    assert "--no-such-option" in capsys.readouterr().err


def test_errors_are_printed_without_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    long_path = "folder/" * 40 + "[bold]file[/bold].png"
    error = InputError("it went wrong", expected="this", got=long_path, fix="do that")
    assert _exit_code(error) == 2
    printed = capsys.readouterr().err
    expected = f"error: it went wrong\n  expected: this\n  got: {long_path}\n  fix: do that\n"
    assert printed == expected  # neither wrapped nor read as markup


def test_a_missed_gate_is_1() -> None:
    assert _exit_code(GateError("59.1 dB, but 60 dB are needed")) == 1


def test_missing_packages_name_the_extra(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code(MissingDependencyError("torch", extra="model", needed_for="training")) == 2
    assert "pip install 'cdfi-mobile[model]'" in capsys.readouterr().err
    assert _exit_code(MissingDependencyError("onnxruntime", extra=None, needed_for="it")) == 2
    assert "pip install cdfi-mobile\n" in capsys.readouterr().err


def test_an_interruption_is_130_and_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code(KeyboardInterrupt()) == EXIT_INTERRUPTED == 130
    assert capsys.readouterr().err.count("interrupted") == 1


def test_defects_of_ours_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        run_app(_app(ZeroDivisionError()), [])


def test_the_version_is_a_word() -> None:
    assert distribution_version().strip()


def test_a_missing_optional_package_names_the_extra(capsys: pytest.CaptureFixture[str]) -> None:
    app = typer.Typer()

    @app.command()
    def need() -> None:
        raise ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")

    with pytest.raises(SystemExit) as end:
        run_app(app, [])
    assert end.value.code == 2
    assert "cdfi-mobile[model]" in capsys.readouterr().err


def test_a_missing_module_of_our_own_is_a_defect_and_shown() -> None:
    app = typer.Typer()

    @app.command()
    def need() -> None:
        raise ModuleNotFoundError("No module named 'cdfi_runtime.nothing'", name="cdfi_runtime.no")

    with pytest.raises(ModuleNotFoundError):
        run_app(app, [])
