#!/bin/bash
# Starts Jupyter in the gateway image, as its CMD; arguments are Jupyter's.
set -euo pipefail

# Python looks for the folder when it starts: made now, what is installed in a kernel can be imported in it at once. Not by
# `-m site`: that would run a user's site.py.
packages=$(/usr/bin/python3 -c 'import site; print(site.getusersitepackages())')
if ! mkdir -p "$packages" "${JUPYTER_DATA_DIR:=$HOME/.local/share/jupyter}"; then
  echo "start-gateway: $packages cannot be made; what users install will be lost with the container" >&2
  unset JUPYTER_DATA_DIR PYTHONUSERBASE
fi

# -s: what users install is for their kernels. The server starts without it, whatever it is.
exec /usr/bin/python3 -s /usr/bin/jupyter-server "$@"
