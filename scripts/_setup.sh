# Sourced by the scripts beside it: finds a Python, makes .venv, installs what is missing. Says little when all is there.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VENV_PYTHON="$ROOT/.venv/bin/python"
cd "$ROOT" || exit 1
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONUNBUFFERED=1

# Else each of the hundreds of processes that tests start would compile all of it anew.
unset PYTHONDONTWRITEBYTECODE

say() { printf '%s\n' "$*" >&2; }

# The first Python >= 3.11; $PYTHON is tried before the usual names.
find_python() {
  local name
  for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  say "Needs Python 3.11 or newer; none found (set PYTHON to name one)."
  return 1
}

# apt_install PACKAGE…: as root only. No service is started, whatever the packages would like.
apt_install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  local policy=/usr/sbin/policy-rc.d ours="" status=0
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && ours=1
  fi
  say "Installing $* from Debian …"
  export DEBIAN_FRONTEND=noninteractive
  set -- apt-get -o DPkg::Lock::Timeout=300 -qq install -y --no-install-recommends "$@"
  "$@" >/dev/null 2>&1 </dev/null ||
    { apt-get -o DPkg::Lock::Timeout=300 -qq update >&2 </dev/null && "$@" >/dev/null </dev/null; } ||
    status=1
  [ -z "$ours" ] || rm -f "$policy"
  return "$status"
}

make_venv() {
  "$VENV_PYTHON" -c 'import pip' 2>/dev/null && return
  local python
  python="$(find_python)" || return 1
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null && ! apt_install python3-venv; then
    say "Missing: apt-get install python3-venv"
    return 1
  fi
  say "Making .venv with $("$python" --version) …"
  "$python" -m venv --clear .venv
}

# set_up EXTRAS: `.venv` with this package (editable) and its extras, in the versions of constraints.txt.
# Only after pyproject.toml or constraints.txt changed; the two halves of a pair of scripts wait for each other.
set_up() {
  local extras="$1" stamp="$ROOT/.venv/.installed-$1" wanted
  wanted="$(cat pyproject.toml constraints.txt | sha256sum)"
  exec 9>"$ROOT/.venv.lock"
  flock 9 || return 1
  make_venv || return 1
  if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    say "Installing into .venv …"
    # What is imported is compiled then; much of what is installed never is.
    "$VENV_PYTHON" -m pip install -q --no-compile -c constraints.txt -e ".[$extras]" </dev/null >&2 || return 1
    printf '%s\n' "$wanted" >"$stamp"
  fi
  exec 9>&-
}
