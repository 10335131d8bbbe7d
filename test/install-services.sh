#!/usr/bin/env bash
# Installs the services that tests start by themselves, where they are missing: on Debian and Ubuntu, as root or with sudo.
# Quiet, and does nothing where everything is there. A test whose service is missing is skipped, which CI does not allow.
set -euo pipefail
cd "$(dirname "$0")"

install_packages() {
  if ! command -v apt-get >/dev/null; then
    echo "install-services: please install $*: there is no apt-get here" >&2
    return 1
  fi
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "install-services: please install $*: this needs root or sudo" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  as_root+=(env DEBIAN_FRONTEND=noninteractive)
  "${as_root[@]}" apt-get -qq update
  "${as_root[@]}" apt-get -qq install --yes --no-install-recommends "$@" >/dev/null
}

# What is large, or native and so built here, is kept out of the project's own install. With the headers that came with Node where
# they did, since node-gyp would fetch them from elsewhere.
install_apart() {
  local home
  home=$(node --print "path.resolve(process.execPath, '../..')")
  if [ -e "$home/include/node/node.h" ]; then export npm_config_nodedir="$home"; fi
  npm --prefix "$1" install --no-package-lock --no-audit --no-fund --loglevel=error >/dev/null
}

missing=()
command -v redis-server >/dev/null || command -v valkey-server >/dev/null || missing+=(redis-server)
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing+=(postgresql)
command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
command -v softhsm2-util >/dev/null || missing+=(softhsm2)
works() { (cd adapters/pkcs11 && node --input-type=commonjs --eval "new (require('pkcs11js').PKCS11)()" 2>/dev/null); }
if ! works; then for tool in g++ make python3; do command -v "$tool" >/dev/null || missing+=("$tool"); done; fi

if [ ${#missing[@]} -gt 0 ]; then install_packages "${missing[@]}"; fi
works || install_apart adapters/pkcs11
[ -e adapters/gcp-kms/node_modules/@google-cloud/kms ] || install_apart adapters/gcp-kms
