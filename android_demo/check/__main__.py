"""Check the Android demo without Gradle: ``python android_demo/check``.

Compiles all Kotlin, runs the unit tests, lints, links the resources, builds the native libraries
and puts an APK together, from tools that Debian and npm have. It is a check that everything fits
together; the app that ships is built by Gradle. Exit codes: 0 all stages pass, 1 one fails, 2 a
tool is missing.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from project import Project
from stage import STAGES, Failed
from tools import MissingTool, find_tools

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Run the stages that were asked for, in order, and print a table."""
    parser = argparse.ArgumentParser(prog="android_demo/check", description=__doc__)
    parser.add_argument("--only", action="append", choices=[each.name for each in STAGES])
    parser.add_argument("--list", action="store_true", help="show the stages and end")
    parser.add_argument("--project", type=Path, default=HERE.parent, help="folder of the project")
    build = HERE.parents[1] / "build" / "android"
    parser.add_argument("--build", type=Path, default=build, help="folder of tools and results")
    arguments = parser.parse_args()
    if arguments.list:
        for stage in STAGES:
            print(f"{stage.name:<10} {stage.summary}")
        return 0
    try:
        tools = find_tools(arguments.build / "tools")
    except MissingTool as error:
        print(error, file=sys.stderr)
        return 2
    project = Project(arguments.project.resolve(), arguments.build.resolve(), tools)
    rows = []
    for stage in STAGES:
        if arguments.only and stage.name not in arguments.only:
            continue
        started = time.monotonic()
        try:
            verdict, text = "pass", stage.run(project)
        except MissingTool as error:
            print(error, file=sys.stderr)
            return 2
        except Failed as error:
            verdict, text = "FAIL", str(error)
        rows.append((stage.name, verdict, time.monotonic() - started, text))
        print(f"{stage.name:<10} {verdict}  {text}", flush=True)
    print()
    for name, verdict, seconds, text in rows:
        print(f"{name:<10} {verdict:<5} {seconds:6.1f} s  {text.splitlines()[0]}")
    return 1 if any(verdict == "FAIL" for _, verdict, _, _ in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
