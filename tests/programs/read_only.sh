# Run a command where nothing but /tmp can be written: read_only.sh FOLDER COMMAND ...
#
# FOLDER appears as /mnt. It needs a mount namespace of its own (unshare --mount), and ends with 77 where it cannot be
# made.
mount --make-rprivate / && mount --bind "$1" /mnt && mount -o remount,bind,ro /mnt && mount -o remount,bind,ro / &&
mount -t tmpfs tmpfs /tmp && ! touch /mnt/x 2>/dev/null && ! touch /root/x 2>/dev/null || exit 77
shift
exec "$@"
