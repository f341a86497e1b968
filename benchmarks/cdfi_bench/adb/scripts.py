"""The shell scripts that run on a device: POSIX sh and toybox, nothing else.

Each is a constant or a function of a few plain words; names of folders are hexadecimal or fixed, so
they need no quotes. What comes from a user is quoted where it is put in.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from cdfi_bench.adb.link import BOOT_SCRIPT

# Signals what has its working folder in $1, whoever its parent is now; fails if nothing has. One
# `ls` for all processes: a phone has a thousand.
KILL_IN_FOLDER = """\
signal_in_folder() {
  found=1
  for pid in $(ls -l /proc/[0-9]*/cwd 2>/dev/null |
      sed -n "s|.*/proc/\\([0-9]*\\)/cwd -> $1\\(/.*\\)\\{0,1\\}\\$|\\1|p"); do
    [ "$pid" = $$ ] && continue
    case $(sed -n 's/^State:[^A-Za-z]*\\([A-Za-z]\\).*/\\1/p' /proc/$pid/status 2>/dev/null) in
      Z|X|'') ;;
      *) found=0; kill -s $2 $pid 2>/dev/null ;;
    esac
  done
  return $found
}
kill_in_folder() {
  signal_in_folder $1 TERM && { sleep 0.3 2>/dev/null || sleep 1; signal_in_folder $1 KILL; }
}
"""

# The lock's name goes first, so that a second bench never finds a lock without its folder.
REMOVE_ALL = """\
remove_all() {
  [ -f $base/$id/tidy ] && sh $base/$id/tidy >/dev/null 2>&1
  if [ "$(cat $base/lock/owner 2>/dev/null)" = $id ]; then
    mv $base/lock $base/$id/lock 2>/dev/null
  fi
  rm -rf $base/$id
  rmdir $base 2>/dev/null
}
"""


def started(command: str) -> str:
    """Shell text that starts ``command`` detached: it outlives the link, and leads a session."""
    return (
        "if command -v setsid >/dev/null; then "
        f"setsid {command} </dev/null >/dev/null 2>&1 & "
        f"else (trap '' HUP; exec {command}) </dev/null >/dev/null 2>&1 & fi"
    )


def guard(base: str, identity: str, limit: float) -> str:
    """The workspace's guard: ends and removes everything once nobody touches ``alive`` any more.

    It counts its own ticks, so a clock that is set meanwhile does no harm.
    """
    tick = max(0.2, min(5.0, limit / 8))
    return f"""\
base={base} id={identity}
{KILL_IN_FOLDER}{REMOVE_ALL}cd / && echo $$ > $base/$id/guard.pid || exit
seen= silent=0
while [ -d $base/$id ]; do
  sleep {tick:g}
  now=$(stat -c %y $base/$id/alive 2>/dev/null)
  if [ "$now" = "$seen" ]; then silent=$((silent + 1)); else silent=0 seen=$now; fi
  if [ $silent -ge {round(limit / tick)} ]; then
    kill_in_folder $base/$id
    [ -f $base/$id/restore ] && sh $base/$id/restore
    remove_all
    exit
  fi
done
"""


def claim(base: str, identity: str, limit: int, owner: str) -> str:
    """Makes the folder and takes the lock; prints ``claimed``, or who holds it.

    The lock is a folder, as ``mkdir`` alone is atomic everywhere. A lock is stale if its owner's
    sign of life is older than the owner's own limit, or from before the last boot.
    """
    return f"""\
base={base} id={identity}
{KILL_IN_FOLDER}{BOOT_SCRIPT}
mkdir -p $base/$id && cd $base || exit
echo {shlex.quote(owner)} > $id/owner && echo "$boot" > $id/boot && echo {limit} > $id/limit &&
  : > $id/alive || exit
take() {{ mkdir lock 2>/dev/null && echo $id > lock/owner; }}
if ! take; then
  other=$(cat lock/owner 2>/dev/null)
  case $other in *[!0-9a-f]*) other= ;; esac  # not a name of ours, and about to be removed
  now=$(date +%s)
  age=$((now - $(stat -c %Y $other/alive 2>/dev/null || stat -c %Y lock 2>/dev/null || echo 0)))
  limit=$(cat $other/limit 2>/dev/null || echo 30)
  stale=
  [ $age -gt $limit ] && stale=1
  [ -n "$other" ] && [ "$(cat $other/boot 2>/dev/null)" != "$boot" ] && stale=1
  if [ -n "$stale" ] && mv lock $id/stale 2>/dev/null; then
    if [ "$(cat $id/stale/owner 2>/dev/null)" = "$other" ]; then
      rm -rf $id/stale
      if [ -n "$other" ]; then
        kill_in_folder $base/$other
        for each in restore tidy; do
          [ -f $other/$each ] && sh $other/$each >/dev/null 2>&1
        done
        rm -rf $base/$other
      fi
    else
      mv $id/stale lock
    fi
  fi
  if [ -z "$stale" ] || ! take; then
    owner=$(cat $other/owner 2>/dev/null)
    limit=$(cat $other/limit 2>/dev/null)
    rm -rf $base/$id
    echo "held by=$other age=$age limit=$limit owner=$owner"
    exit
  fi
fi
for each in *; do
  [ $each = $id ] || [ $each = lock ] && continue
  # A folder without the lock: its bench is about to see that the lock is taken, or is no more.
  # It may go at any moment of this look; what has gone needs none.
  touched=$(stat -c %Y $each/alive 2>/dev/null || stat -c %Y $each 2>/dev/null) || continue
  limit=$(cat $each/limit 2>/dev/null || echo 30)
  [ $(($(date +%s) - touched)) -le $limit ] || {{ kill_in_folder $base/$each; rm -rf $base/$each; }}
done
echo claimed "$boot"
"""


def release(base: str, identity: str) -> str:
    """Ends everything of the workspace and removes it; the guard sees that and ends as well."""
    return f"""\
base={base} id={identity}
{KILL_IN_FOLDER}{REMOVE_ALL}guard=$(cat $base/$id/guard.pid 2>/dev/null)
cd /
kill_in_folder $base/$id
if [ -n "$guard" ] && grep -q $id /proc/$guard/cmdline 2>/dev/null; then
  kill -s KILL -- -$guard 2>/dev/null || kill -s KILL $guard 2>/dev/null
fi
remove_all
[ ! -e $base/$id ]
"""


def job(folder: str, command: Sequence[str], environment: dict[str, str]) -> str:
    """Runs ``command`` in ``folder``; its outputs go to files, its exit code arrives by rename."""
    exports = "".join(
        f"export {name}={shlex.quote(value)}\n" for name, value in sorted(environment.items())
    )
    return f"""\
cd {folder} || exit
stat=$(cat /proc/$$/stat); set -- ${{stat##*) }}
echo $$ ${{20}} > pid.part && mv pid.part pid
trap : TERM
{exports}{shlex.join(command)} </dev/null >stdout 2>stderr
echo $? > exit.part && mv exit.part exit
"""


def poll(folder: str, alive: str, samples: str, offset: int, most: int) -> str:
    """One look at a job: a line on its state, then new bytes of its samples.

    Running means the process of that number started when the job did, and is no zombie.
    """
    return f"""\
touch -c {alive}
{BOOT_SCRIPT}
cd {folder} 2>/dev/null || {{ echo lost "$boot"; exit; }}
state=gone
read -r pid start < pid 2>/dev/null && stat=$(cat /proc/$pid/stat 2>/dev/null) && {{
  stat=${{stat##*) }}; set -- $stat
  [ "${{20}}" = "$start" ] && case $1 in Z|X) ;; *) state=running ;; esac
}}
[ -f exit ] && state="done:$(cat exit)"
echo "$state" "$boot"
tail -c +{offset + 1} {samples} 2>/dev/null | head -c {most}
true
"""


def stop(folder: str, signal: str) -> str:
    """Signals the job's whole session; where there is no ``setsid``, all that is in its folder."""
    return f"""\
{KILL_IN_FOLDER}read -r pid start < {folder}/pid 2>/dev/null || exit 0
stat=$(cat /proc/$pid/stat 2>/dev/null) || exit 0
set -- ${{stat##*) }}
[ "${{20}}" = "$start" ] || exit 0
kill -s {signal} -- -$pid 2>/dev/null || signal_in_folder {folder} {signal}
exit 0
"""
