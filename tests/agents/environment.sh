# shellcheck shell=bash
# To be sourced by tests that run real agent programs against the stub of the model APIs.
#
#   offline COMMAND…            runs it where there is no network but the loopback interface, if that can be had here.
#                               A stub is only reached from inside the same `offline`.
#   agent_environment DIR PORT  the programs find their model at the stub on this port, and nothing of their user: from
#                               here on their home is DIR/home, what they leave behind is in DIR/tmp, and they have no
#                               credentials but made-up ones.

offline() {
  # shellcheck disable=SC2016  # the inner bash expands it
  local up='ip link set lo up 2>/dev/null || python3 -c "$0"; exec "$@"'
  # What `ip` does, where there is none: ioctl SIOCSIFFLAGS with IFF_UP.
  local up_by_ioctl='import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sH14x", b"lo", 1))'
  local private
  for private in 'unshare -n' 'unshare -rn'; do
    if $private true 2>/dev/null; then
      $private bash -c "$up" "$up_by_ioctl" "$@"
      return
    fi
  done
  "$@"
}

agent_environment() {
  local home=$1/home url=http://127.0.0.1:$2 name
  for name in $(compgen -e | grep -E '^(ANTHROPIC|CLAUDE|OPENAI|CODEX|GEMINI|GOOGLE)'); do unset "$name"; done
  mkdir -p "$home/.codex" "$home/.gemini" "$1/tmp"
  export HOME=$home TMPDIR=$1/tmp TERM=dumb NO_COLOR=1 no_proxy=127.0.0.1
  unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_CACHE_HOME XDG_STATE_HOME http_proxy https_proxy HTTP_PROXY HTTPS_PROXY

  export ANTHROPIC_BASE_URL=$url ANTHROPIC_API_KEY=sk-ant-stub
  export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 DISABLE_AUTOUPDATER=1 DISABLE_TELEMETRY=1 DISABLE_ERROR_REPORTING=1

  export CODEX_HOME=$home/.codex OPENAI_API_KEY=sk-stub
  cat >"$CODEX_HOME/config.toml" <<CONFIG
model = "gpt-5.5"
model_provider = "stub"
check_for_update_on_startup = false
[model_providers.stub]
name = "stub"
base_url = "$url/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
[analytics]
enabled = false
CONFIG

  export GEMINI_API_KEY=stub GOOGLE_GEMINI_BASE_URL=$url GEMINI_TELEMETRY_ENABLED=false GEMINI_CLI_TRUST_WORKSPACE=true
  cat >"$home/.gemini/settings.json" <<'SETTINGS'
{
  "security": {"auth": {"selectedType": "gemini-api-key"}},
  "privacy": {"usageStatisticsEnabled": false},
  "general": {"enableAutoUpdate": false, "enableAutoUpdateNotification": false}
}
SETTINGS
}
