#!/bin/bash
# Startup script of a session's instance: runs the gateway (Jupyter) and the agent from their pinned
# images. It runs at every boot, may run again at any time, and needs bash, curl and docker only.
set -euo pipefail

STATE=${DATALAB_STATE_DIR:-/var/lib/datalab}
METADATA=http://${GCE_METADATA_HOST:-metadata.google.internal}/computeMetadata/v1/instance
AGENT_PORT=8888
GATEWAY_PORT=8889

main() {
  mkdir -p "$STATE/home" "$STATE/gateway" "$STATE/agent" "$STATE/work"
  chmod 0700 "$STATE"
  # The gateway's user is the image's choice, so the folder is writable for any.
  chmod 1777 "$STATE/work"
  # Container-Optimized OS has a read-only root; docker-credential-gcr writes to HOME.
  export HOME=$STATE/home

  name=$(metadata name)
  address=$(metadata network-interfaces/0/ip)
  attributes=$(metadata attributes/)
  gateway_address=127.0.0.1
  [[ $'\n'$attributes$'\n' != *$'\n'datalab-gateway-address$'\n'* ]] ||
    gateway_address=$(metadata attributes/datalab-gateway-address)
  gateway_image=$(metadata attributes/datalab-gateway-image)
  agent_image=$(metadata attributes/datalab-agent-image)
  session=$(metadata attributes/datalab-session)
  api_url=$(metadata attributes/datalab-api-url)

  admit_agent_port
  docker-credential-gcr configure-docker --registries="${gateway_image%%/*},${agent_image%%/*}"
  pull "$agent_image"
  pull "$gateway_image"
  write_gateway_config
  run_gateway
  run_agent
  echo 'datalab: the agent wants the machine off'
  shutdown -h now
}

# Every failure is worth another try, "not found" too: what is asked for is there.
metadata() {
  curl --fail --silent --show-error --retry 8 --retry-all-errors --max-time 20 \
    --header 'Metadata-Flavor: Google' "$METADATA/$1"
}

# Container-Optimized OS drops everything but SSH; Google's firewall still admits IAP's range only.
admit_agent_port() {
  local rule=(INPUT -p tcp --dport "$AGENT_PORT" -j ACCEPT)
  iptables -w -C "${rule[@]}" 2>/dev/null || iptables -w -A "${rule[@]}"
}

# Pulls an image; a copy that is already on the disk will do when the registry does not answer.
pull() {
  local image=$1 attempt
  for attempt in 1 2 3 4 5; do
    docker pull --quiet "$image" && return
    docker image inspect --format '{{.Id}}' "$image" && return
    echo "datalab: pull of $image failed (attempt $attempt of 5)"
    sleep $((attempt * 3))
  done
  return 1
}

# The gateway's token is made once, here, and never leaves the machine. It is in a file, since kernels
# inherit the gateway's environment. Idle kernels are nobody's to cull but the backend's.
write_gateway_config() {
  local token_file=$STATE/gateway/token token
  if [[ ! -s $token_file ]]; then
    (umask 077 && head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$token_file.new")
    mv "$token_file.new" "$token_file"
  fi
  token=$(<"$token_file")
  # Readable for the image's user through the mount, whatever the umask; $STATE itself is root's.
  cat >"$STATE/gateway/jupyter_server_config.json.new" <<END
{
  "ServerApp": {
    "ip": "0.0.0.0", "port": 8888, "port_retries": 0, "root_dir": "/work",
    "token": "$token", "password": "", "open_browser": false, "allow_root": true,
    "allow_remote_access": true, "disable_check_xsrf": true, "limit_rate": false,
    "tornado_settings": { "websocket_max_message_size": 1073741824 }
  },
  "IdentityProvider": { "token": "$token" },
  "ZMQChannelsWebsocketConnection": { "limit_rate": false },
  "MappingKernelManager": { "cull_idle_timeout": 0 }
}
END
  chmod 0644 "$STATE/gateway/jupyter_server_config.json.new"
  mv "$STATE/gateway/jupyter_server_config.json.new" "$STATE/gateway/jupyter_server_config.json"
}

# A gateway that runs from the right image is left alone: it may hold kernels.
run_gateway() {
  local container=$name-gateway
  if [[ $(docker inspect --format '{{.Config.Image}}' "$container" 2>/dev/null) == "$gateway_image" ]]; then
    docker start "$container"
    return
  fi
  docker rm --force "$container" 2>/dev/null || true
  docker run --detach --name "$container" --restart=always --security-opt no-new-privileges \
    --log-opt max-size=10m --log-opt max-file=3 \
    --publish "$gateway_address:$GATEWAY_PORT:8888" \
    --volume "$STATE/gateway/jupyter_server_config.json:/etc/jupyter/jupyter_server_config.json:ro" \
    --volume "$STATE/work:/work" --workdir /work \
    "$gateway_image"
}

# Returns when the agent ends with 0: it wants the machine off. Any other end starts it again, with the kernels' logs
# where they were. It has the host's process ids, to see whether the kernels' processes compute, and nothing else of root's:
# it writes to its folder alone.
run_agent() {
  local container=$name-agent
  docker rm --force "$container" 2>/dev/null || true
  until docker run --rm --name "$container" --network host --pid host \
    --read-only --cap-drop ALL --security-opt no-new-privileges \
    --log-opt max-size=10m --log-opt max-file=3 \
    --volume "$STATE/gateway/token:/run/datalab/gateway-token:ro" \
    --volume "$STATE/agent:/var/lib/datalab-agent" \
    --env "AGENT_ADDRESS=$address" --env "AGENT_PORT=$AGENT_PORT" \
    --env "GATEWAY_URL=http://$gateway_address:$GATEWAY_PORT" \
    --env GATEWAY_TOKEN_FILE=/run/datalab/gateway-token \
    --env AGENT_STATE_DIR=/var/lib/datalab-agent \
    --env "API_URL=$api_url" --env "SESSION_ID=$session" \
    --env "GCE_METADATA_HOST=${GCE_METADATA_HOST:-metadata.google.internal}" \
    "$agent_image"; do
    echo "datalab: the agent ended with $?; starting it again"
    sleep 2
  done
}

main "$@"
