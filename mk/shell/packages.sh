# What each command needs from Debian. Sourced by ./dev.
# An entry is a package, or package:command when any provider of that command will do.

packages_build="gcc make pkg-config:pkg-config libc6-dev libmicrohttpd-dev libcurl4-openssl-dev libfyaml-dev libpcre2-dev
    libsodium-dev libxxhash-dev libzstd-dev libsqlite3-dev nodejs:node npm:npm ca-certificates"
packages_run="curl:curl ca-certificates tzdata"
packages_test="python3:python3 python3-yaml curl:curl ca-certificates tzdata libcmocka-dev clang:clang libclang-rt-14-dev clang-tidy:clang-tidy cppcheck:cppcheck nodejs:node
    npm:npm prometheus:promtool prometheus-alertmanager:prometheus-alertmanager procps:ps git:git chromium:chromium fonts-dejavu-core"
packages_bench="python3:python3 nginx-light:nginx wrk:wrk procps:ps util-linux:taskset"
packages_npm="nodejs:node npm:npm"
packages_fmt="clang-format:clang-format"

# packages_missing SET...: names of what is not there yet.
packages_missing() {
    local set entry name
    for set in "$@"; do
        name=packages_$set
        for entry in ${!name}; do
            case $entry in
            *:*) PATH=$PATH:/usr/sbin:/sbin command -v "${entry#*:}" >/dev/null || echo "${entry%%:*}" ;;
            *) dpkg-query -W -f '${db:Status-Abbrev}' "$entry" 2>/dev/null | grep -q '^.i' || echo "$entry" ;;
            esac
        done
    done | sort -u
}

# packages_need SET...: installs what is missing. Offline and fast when nothing is.
packages_need() {
    local missing sudo=""
    command -v dpkg-query >/dev/null || die "this needs Debian's packages (see mk/shell/packages.sh for their names)"
    missing=$(packages_missing "$@" | tr '\n' ' ')
    [ -n "${missing// /}" ] || return 0
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || die "packages are missing, and there is neither root nor sudo to install them: $missing"
        sudo="sudo"
        sudo -v || die "packages are missing, and sudo was refused: $missing"
    fi
    say "installing: $missing"
    slow build/install-logs/update.log "reading package lists" packages_apt "$sudo" update -q ||
        die "apt-get update failed: is the network there?"
    # shellcheck disable=SC2086
    slow build/install-logs/install.log "installing $(echo "$missing" | wc -w) packages and what they need" \
        packages_quietly "$sudo" $missing || die "installing packages failed: $missing"
}

packages_apt() {
    local sudo=$1
    shift
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "$@"
}

# Installs without starting any service: for the time of the installation, policy-rc.d says no.
packages_quietly() {
    local sudo=$1 policy=/usr/sbin/policy-rc.d rc=0
    shift
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
        $sudo chmod 755 $policy
        # shellcheck disable=SC2064
        trap "$sudo rm -f $policy" EXIT
    fi
    packages_apt "$sudo" install -qy --no-install-recommends "$@" || rc=$?
    return $rc
}
