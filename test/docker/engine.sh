#!/bin/bash
# engine.sh start: prints DOCKER_HOST=… of a Docker engine for the tests, which has the base images of docker/: the one that
# answers already, else one of our own (needs root and Debian's docker.io), with a data folder and a socket of its own.
# engine.sh stop: ends our own by its pid; its images stay in its data folder for the next time.
set -euo pipefail

SOURCES=$(dirname "$(readlink -f "$0")")
readonly SOURCES
readonly DATA=${XDG_CACHE_HOME:-$HOME/.cache}/datalab-test/engine
readonly RUN=/run/datalab-test-engine
readonly SOCKET=unix://$RUN/docker.sock
readonly START_SECONDS=60 STOP_SECONDS=60

main() {
  case ${1-} in
    start) start ;;
    stop) stop ;;
    *) fail 'say start or stop' ;;
  esac
}

start() {
  local host=${DOCKER_HOST-}
  if ! docker info >/dev/null 2>&1; then
    host=$SOCKET
    DOCKER_HOST=$host docker info >/dev/null 2>&1 || run_engine
  fi
  # An empty one means what docker takes by itself, a context of the user's for example.
  [[ -z $host ]] || export DOCKER_HOST=$host
  "$SOURCES/base-images.sh" >&2
  echo "DOCKER_HOST=$host"
}

run_engine() {
  ((EUID == 0)) || fail 'no Docker engine answers, and only root can start one'
  command -v dockerd >/dev/null || fail 'no Docker engine answers; for one of our own: apt-get install docker.io'
  mkdir -p "$DATA" "$RUN"
  # A session of its own, out of the reach of Ctrl-C, and nothing of ours held open: whoever waits for our output would wait.
  setsid dockerd --data-root "$DATA" --exec-root "$RUN/exec" --pidfile "$RUN/docker.pid" --host "$SOCKET" \
    --group "$(id -gn)" </dev/null >"$RUN/dockerd.log" 2>&1 &
  local engine=$! tenth
  for ((tenth = 0; tenth < START_SECONDS * 10; tenth++)); do
    DOCKER_HOST=$SOCKET docker info >/dev/null 2>&1 && return
    kill -0 "$engine" 2>/dev/null || break
    sleep 0.1
  done
  tail --lines 20 "$RUN/dockerd.log" >&2
  fail "the engine did not start; its log: $RUN/dockerd.log"
}

stop() {
  local pid tenth
  [[ -s $RUN/docker.pid ]] || return 0
  pid=$(<"$RUN/docker.pid")
  # The number may have gone to somebody else since.
  [[ $(cat "/proc/$pid/comm" 2>/dev/null) == dockerd ]] || return 0
  kill "$pid"
  for ((tenth = 0; tenth < STOP_SECONDS * 10; tenth++)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  ! kill -0 "$pid" 2>/dev/null || fail "dockerd ($pid) does not end"
  # An engine leaves the network namespace that containers of the machine's own network have had.
  ! mountpoint --quiet "$RUN/exec/netns/default" || umount "$RUN/exec/netns/default"
  rm -rf --one-file-system "$RUN"
}

fail() {
  echo "engine.sh: $1" >&2
  exit 2
}

main "$@"
