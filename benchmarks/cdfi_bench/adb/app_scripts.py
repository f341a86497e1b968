"""The shell scripts that deal with an installed app; see ``scripts`` for their rules."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from cdfi_bench.adb.link import BOOT_SCRIPT


def start_activity(component: str, extras: Mapping[str, str | int | bool]) -> str:
    """``am start -W`` with typed extras."""
    words = ["am", "start", "-W", "-n", component]
    for name, value in extras.items():
        # A bool is an int too: it comes first.
        kind = "--ez" if isinstance(value, bool) else "--ei" if isinstance(value, int) else "--es"
        words += [kind, name, str(value).lower() if isinstance(value, bool) else str(value)]
    return shlex.join(words)


def poll_app(
    package: str, alive: str, folder: str, result: str, samples: str, offset: int, most: int
) -> str:
    """One look at a run inside an app, told as by ``scripts.poll``.

    The process is looked for before its result: one that wrote it and ended is done, not gone.
    """
    return f"""\
touch -c {alive}
{BOOT_SCRIPT}
cd {folder} 2>/dev/null || {{ echo lost "$boot"; exit; }}
state=gone
[ -n "$(pidof {package})" ] && state=running
[ -f {result} ] && state=done:0
echo "$state" "$boot"
tail -c +{offset + 1} {samples} 2>/dev/null | head -c {most}
true
"""


def remove_run(package: str, files: Iterable[str]) -> str:
    """Ends the app and removes files, on one line; what is killed may write until it is gone."""
    return (
        f"am force-stop {package}; tries=50; "
        f'while [ -n "$(pidof {package})" ] && [ $tries -gt 0 ]; '
        f"do sleep 0.1; tries=$((tries - 1)); done; rm -f {' '.join(files)}"
    )
