# Run a command where the system says nothing of its CPUs, as in some functions: no_cpu_files.sh KIND COMMAND ...
#
# /sys/devices/system/cpu is empty, and there are no control groups. KIND is what is at /proc: tmpfs, so nothing at all,
# or proc, so nothing but the processes. It needs a mount namespace of its own (unshare --mount), and ends with 77 where
# it cannot be made.
mount --make-rprivate / && mount -t tmpfs tmpfs /sys/devices/system/cpu && mount -t tmpfs tmpfs /sys/fs/cgroup || exit 77
case $1 in
  proc) mount -t proc -o subset=pid proc /proc ;;
  tmpfs) mount -t tmpfs tmpfs /proc ;;
esac && ! test -e /proc/cpuinfo && ! test -e /sys/devices/system/cpu/possible || exit 77
shift
exec "$@"
