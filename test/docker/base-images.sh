#!/bin/bash
# base-images.sh: the images that those of docker/ begin with, in the engine that `docker` reaches. What it has is taken, then
# what a registry delivers; elsewhere they are made: debian:trixie-slim by debootstrap (as root), node:24-slim of that and the
# npm package `node`, whose Node.js this project runs on.
set -euo pipefail

ROOT=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
readonly ROOT
readonly DEBIAN=debian:trixie-slim NODE=node:24-slim

main() {
  is_there "$DEBIAN" || make_debian
  is_there "$NODE" || make_node
}

is_there() {
  docker image inspect "$1" >/dev/null 2>&1 || docker pull --quiet "$1" >/dev/null 2>&1
}

make_debian() {
  ((EUID == 0)) || fail "$DEBIAN cannot be pulled, and only root can make it"
  command -v debootstrap >/dev/null || fail "$DEBIAN cannot be pulled; to make it: apt-get install debootstrap"
  local mirror
  mirror=$(debian_mirror)
  work=$(mktemp -d)
  trap 'rm -rf --one-file-system "$work" "$work.log"' EXIT
  # Outside of the root: what it says is of interest only when it fails.
  debootstrap --variant=minbase trixie "$work" "$mirror" >"$work.log" || fail "debootstrap failed: $(tail "$work.log")"
  # What Debian's own slim images leave out, now and of every package that comes later.
  printf 'path-exclude /usr/share/%s/*\n' doc groff info linda lintian man locale \
    >"$work/etc/dpkg/dpkg.cfg.d/docker"
  rm -rf "$work"/usr/share/{doc,groff,info,linda,lintian,man,locale}/* \
    "$work"/var/cache/apt/archives/*.deb "$work"/var/lib/apt/lists/* "$work"/var/log/*
  # A package's service must not be started in a container.
  printf '#!/bin/sh\nexit 101\n' >"$work/usr/sbin/policy-rc.d"
  chmod 755 "$work/usr/sbin/policy-rc.d"
  tar --directory "$work" --create --one-file-system . |
    docker import --change 'CMD ["bash"]' - "$DEBIAN"
}

# Where this machine's own packages come from.
debian_mirror() {
  # shellcheck disable=SC2016 # apt fills these in
  apt-get indextargets --format '$(REPO_URI)|$(LABEL)' 'Created-By: Packages' |
    awk -F'|' '$2 == "Debian" { print $1; found = 1; exit } END { exit !found }' ||
    fail "apt knows no Debian mirror; try: apt-get update"
}

# Its program is linked with libraries that every Debian has.
make_node() {
  local program=$ROOT/node_modules/node/bin/node
  [[ -x $program ]] || fail "$NODE cannot be pulled; to make it, first: npm ci"
  docker build --quiet --tag "$NODE" --file - "$(dirname "$program")" <<END
FROM $DEBIAN
COPY node /usr/local/bin/node
CMD ["node"]
END
}

fail() {
  echo "base-images.sh: $1" >&2
  exit 2
}

main "$@"
