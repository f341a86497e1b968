# boot.sh ROOT UID PORT: becomes adbd, the first process of a test device.
root=$1 uid=$2 port=$3
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 dev "$root/dev"
mknod -m 666 "$root/dev/null" c 1 3
mknod -m 666 "$root/dev/zero" c 1 5
mknod -m 666 "$root/dev/urandom" c 1 9
mknod -m 666 "$root/dev/tty" c 5 0
mkdir "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
exec chroot --userspec="$uid:$uid" "$root" /bin/toybox env -i \
  PATH=/system/bin HOME=/ TMPDIR=/data/local/tmp \
  LD_PRELOAD=/usr/lib/adbd_shim.so PHONE_PORT="$port" PHONE_ro_product_name=simulated \
  PHONE_ro_product_model=simulated PHONE_ro_product_device=simulated \
  /usr/lib/android-sdk/platform-tools/adbd 2>>"$root/data/adbd.log"
