#!/bin/bash
# leash.sh FOLDER COMMAND [ARG ...]: runs COMMAND until it ends or standard input does, then ends all that came of it and
# removes FOLDER. The holder of the other end of the pipe (the client) need not do anything for that: dying is enough.
# What came of it carries DATALAB_UI_SERVER=FOLDER in its environment: terminals are sessions of their own, so neither a
# process group nor the tree of parents holds them.
set -u

readonly FOLDER=$1
readonly MARK="DATALAB_UI_SERVER=$FOLDER"
readonly PATIENCE_TENTHS=20

main() {
  exec 3<&0 </dev/null
  env "$MARK" "$@" 3<&- &
  readonly COMMAND=$!
  end_with_input &
  readonly WATCHER=$!
  exec 3<&-
  trap 'kill -TERM $COMMAND 2>/dev/null' TERM INT HUP
  local status
  # A trap ends `wait` before the command has ended.
  while
    wait "$COMMAND"
    status=$?
    kill -0 "$COMMAND" 2>/dev/null
  do :; done
  kill -TERM "$WATCHER" 2>/dev/null
  sweep
  exit "$status"
}

end_with_input() {
  trap - TERM INT HUP
  read -r _ <&3
  sweep
}

# Asks first: Jupyter ends its terminals, and a shell its jobs.
sweep() {
  local tenth pids
  for ((tenth = 0; ; tenth++)); do
    pids=$(marked)
    [[ -z $pids ]] && break
    # shellcheck disable=SC2086 # one word per process
    if ((tenth == 0)); then
      kill -TERM $pids 2>/dev/null
    elif ((tenth >= PATIENCE_TENTHS)); then
      kill -KILL $pids 2>/dev/null
    fi
    sleep 0.1
  done
  rm -rf -- "$FOLDER"
}

# The command itself is listed by its number too: for a moment after its start it does not carry the mark.
marked() {
  grep -sq '^State:[[:space:]][^ZX]' "/proc/$COMMAND/status" && echo "$COMMAND"
  # What is dead and not yet reaped has no environment any more.
  grep -lszxF -- "$MARK" /proc/[0-9]*/environ | cut -d/ -f3
}

main "${@:2}"
