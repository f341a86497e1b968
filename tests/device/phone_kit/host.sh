# host.sh ROOT UID DATA_SIZE: holds a test device's mounts and switches it on and off.
# Commands on standard input: "on PORT", "off". Its end switches off, however the tests ended.
root=$1 uid=$2 size=$3
starter=
off() {
  [ -n "$starter" ] || return
  # adbd is the first process of its namespace: with it goes everything on the device, and its
  # starter ends by itself.
  kill -s KILL $(cat "/proc/$starter/task/$starter/children") 2>/dev/null
  wait "$starter" 2>/dev/null
  starter=
}
trap 'off; exit' TERM INT HUP
mount -t tmpfs -o "mode=755,size=$size" data "$root/data" &&
  mount -t tmpfs -o mode=755 sys "$root/sys" &&
  mount -t tmpfs -o mode=755 system "$root/system" && cp -a "$root/usr/share/phone/." "$root/system" &&
  mkdir -p "$root/data/local/tmp" "$root/data/misc/adb" "$root/data/simulated" \
    "$root/data/media/0/Android/data" &&
  chown "$uid:$uid" "$root/data/local/tmp" "$root/data/media/0/Android/data" && chmod 777 "$root/data/simulated" &&
  echo ready || exit 1
while read -r command port; do
  off
  if [ "$command" = on ]; then
    unshare --mount --pid --fork --propagation private \
      sh -eu "${0%/*}/boot.sh" "$root" "$uid" "$port" </dev/null &
    starter=$!
  fi
  echo "$command"
done
off
