#!/bin/bash
# leash.sh [--ends-with-command] COMMAND [ARG ...]: runs COMMAND until standard input ends, then ends all
# that came of it. With the flag it also ends, with the command's exit status, when COMMAND does.
# The holder of the other end of the pipe (the emulator) need not do anything for that: dying is enough.
# As the first process of a PID namespace it just exits, and the kernel ends the rest; elsewhere it ends
# every process with its own DATALAB_EMULATOR_LEASH in the environment, since Jupyter's kernels leave
# their parent's process group. TERM, which `shutdown` sends, ends it with 10. What is left then outside of its processes is
# for the program that DATALAB_EMULATOR_AT_END names.
set -u

readonly SHUTDOWN=10
readonly MARK="DATALAB_EMULATOR_LEASH=$DATALAB_EMULATOR_LEASH"

main() {
  local ends_with_command=0
  [[ $1 == --ends-with-command ]] && { ends_with_command=1; shift; }
  # A mark, and no more: bash 5.2 runs traps inside of a `read` that waits, and what is read in there waits with it.
  local is_told=0
  trap 'is_told=1' TERM
  export DATALAB_EMULATOR_LEASH_PID=$$
  "$@" </dev/null &
  local command=$!
  # Not `wait`: the leash outlives its command (a startup script ends, its containers stay). The time
  # limit lets the trap run, and bash reap, at least once a second.
  local status=0
  while [[ $status -eq 0 || $status -gt 128 ]]; do
    read -r -t 1 _
    status=$?
    ((is_told)) && end $SHUTDOWN
    if ((ends_with_command)) && ! kill -0 "$command" 2>/dev/null; then
      wait "$command"
      end $?
    fi
  done
  end 0
}

end() {
  if [[ $$ -eq 1 ]]; then
    [[ -z ${DATALAB_EMULATOR_AT_END-} ]] && exit "$1"
    # All of the namespace but this one: it must not go on while the rest is ended. Bash would say what was killed.
    exec 2>/dev/null
    kill -KILL -1
    "$DATALAB_EMULATOR_AT_END"
    exit "$1"
  fi
  local pids
  for (( ; ; )); do
    # Its status says nothing: that of the last process it looked at.
    pids=$(marked)
    [[ -z $pids ]] && break
    # shellcheck disable=SC2086 # one word per process
    kill -KILL $pids 2>/dev/null
    sleep 0.05
  done
  [[ -z ${DATALAB_EMULATOR_AT_END-} ]] || "$DATALAB_EMULATOR_AT_END"
  exit "$1"
}

# Lists the processes that carry the mark, but for this shell and its subshells.
marked() {
  local folder variables
  for folder in /proc/[0-9]*; do
    [[ ${folder#/proc/} -eq $$ || ${folder#/proc/} -eq $BASHPID ]] && continue
    mapfile -d '' -t variables 2>/dev/null <"$folder/environ" || continue
    is_marked "${variables[@]}" && echo "${folder#/proc/}"
  done 2>/dev/null
}

is_marked() {
  local variable
  for variable; do
    [[ $variable == "$MARK" ]] && return 0
  done
  return 1
}

main "$@"
