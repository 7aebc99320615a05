#!/bin/bash
# Runs the program of its own name (jupyter-lab, say) in the trixie root beside it, with this machine's temporary folders,
# processes and devices. trixie-root.sh puts it into FOLDER/bin. The mounts are in a namespace that ends with the program.
set -euo pipefail

FOLDER=$(dirname "$(dirname "$(readlink -f "$0")")")
readonly ROOT=$FOLDER/root

if [[ ${1-} != --inside ]]; then exec unshare --mount "$0" --inside "$@"; fi
shift

mount --rbind /proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
mount -t tmpfs tmpfs "$ROOT/root"
for temporary in /tmp "${TMPDIR:-/tmp}"; do
  mkdir -p "$ROOT$temporary"
  mount --bind "$temporary" "$ROOT$temporary"
done

export PATH=/usr/sbin:/usr/bin:/sbin:/bin
# What lies outside the temporary folders is not in there.
[[ -d $ROOT${HOME:-} ]] || export HOME=/root
WORK=$PWD
[[ -d $ROOT$WORK ]] || WORK=/
exec chroot "$ROOT" /usr/bin/env --chdir="$WORK" "$(basename "$0")" "$@"
