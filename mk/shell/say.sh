# Words on the terminal, and long commands with a sign of life. Sourced by ./dev.

if [ -t 1 ]; then bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'; else bold='' red='' plain=''; fi

say() { printf '%s\n' "$*"; }
die() { printf '%sdev: %s%s\n' "$red" "$1" "$plain" >&2; exit "${2:-3}"; }

# slow LOG TEXT COMMAND...: runs a long command into LOG, with a count of seconds on a terminal and a line a
# quarter of a minute elsewhere. On failure shows the log's last lines and returns the command's status.
slow() {
    local log=$1 text=$2 pid rc=0 began=$SECONDS shown=0 line
    shift 2
    mkdir -p "$(dirname "$log")"
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        if [ -t 1 ]; then
            line=$(tail -n 1 "$log" 2>/dev/null | tr -cd '[:print:]' | cut -c1-60)
            printf '\r\e[K%s … %ds  %s' "$text" $((SECONDS - began)) "$line"
        elif [ $((SECONDS - began)) -ge $((shown + 15)) ]; then
            shown=$((SECONDS - began))
            say "  $text: $shown s so far"
        fi
        sleep 0.2
    done
    wait "$pid" || rc=$?
    [ ! -t 1 ] || printf '\r\e[K'
    if [ $rc -eq 0 ]; then
        say "$text: done ($((SECONDS - began)) s)"
    else
        say "$text: failed with $rc after $((SECONDS - began)) s; the last lines of $log:"
        tail -n 25 "$log" | sed 's/^/    /'
    fi
    return $rc
}

# build_make TARGET...: make with all processors; its own one-line-a-file output is the progress.
build_make() {
    make --no-print-directory -j"${JOBS:-$(nproc)}" "$@" || die "the build failed (above)"
}
