#!/bin/bash
# trixie-root.sh [--find]: prints the folder of a Debian trixie root that has JupyterLab and a newer jupyter-server, for
# tests on a Debian without them; makes it when it is not there (needs root, debootstrap and Debian's mirror; 80 s, 1.7 GB).
# With --find it makes nothing and ends with 1. FOLDER/bin is for the front of PATH: see in-trixie.sh.
set -euo pipefail

readonly PACKAGES=(jupyterlab jupyter-server python3-ipykernel)
SOURCES=$(dirname "$(readlink -f "$0")")
readonly SOURCES
readonly PROGRAMS=(jupyter-lab jupyter-server)

main() {
  local cache=${XDG_CACHE_HOME:-$HOME/.cache}/datalab-test hash
  # Whatever makes a root differ is in these two files.
  hash=$(cat "$SOURCES/trixie-root.sh" "$SOURCES/in-trixie.sh" | sha256sum | cut -c1-12)
  local folder=$cache/trixie-$hash
  if [[ ! -d $folder ]]; then
    [[ ${1-} != --find ]] || exit 1
    make "$cache" "$folder" >&2
  fi
  echo "$folder"
}

# It gets its name when it is complete, so that what was interrupted is never taken for one.
make() {
  local cache=$1 folder=$2
  ((EUID == 0)) || fail 'only root can make a trixie root'
  command -v debootstrap >/dev/null || fail 'debootstrap is missing: apt-get install debootstrap'
  mkdir -p "$cache"
  exec 9>"$cache/lock"
  flock 9
  [[ ! -d $folder ]] || return 0
  # Nobody else is at it, so this is what a dead run left, and what earlier recipes made.
  rm -rf --one-file-system "$cache"/trixie-*
  local new=$folder.new mirror
  mirror=$(debian_mirror)
  mkdir -p "$new/root" "$new/bin"
  # In a mount namespace of its own: nothing stays mounted, however this ends.
  unshare --mount bash -euo pipefail -c "$(declare -f fill); fill \"\$@\"" fill \
    "$new/root" "$mirror" "${PACKAGES[@]}"
  local program
  for program in "${PROGRAMS[@]}"; do
    install -m 755 "$SOURCES/in-trixie.sh" "$new/bin/$program"
  done
  mv "$new" "$folder"
}

fill() {
  local root=$1 mirror=$2
  debootstrap --variant=minbase trixie "$root" "$mirror"
  # It is thrown away when anything goes wrong; and nobody reads its manuals.
  printf '%s\n' force-unsafe-io 'path-exclude=/usr/share/doc/*' 'path-exclude=/usr/share/man/*' \
    >"$root/etc/dpkg/dpkg.cfg.d/test"
  # A package's service must not be started here.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  mount --rbind /dev "$root/dev"
  mount -t proc proc "$root/proc"
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin
  chroot "$root" apt-get install --yes --quiet --no-install-recommends "${@:3}"
  chroot "$root" apt-get clean
}

# Where this machine's own packages come from.
debian_mirror() {
  # shellcheck disable=SC2016 # apt fills these in
  apt-get indextargets --format '$(REPO_URI)|$(LABEL)' 'Created-By: Packages' |
    awk -F'|' '$2 == "Debian" { print $1; found = 1; exit } END { exit !found }' ||
    fail "apt knows no Debian mirror; try: apt-get update"
}

fail() {
  echo "trixie-root.sh: $1" >&2
  exit 2
}

main "$@"
