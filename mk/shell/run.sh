# ./dev run: build, then serve the quickstart. Sourced by ./dev.

run_url=http://127.0.0.1:4000
run_pids=""

# run_start LOG COMMAND...: in the background, and ended by the kernel should this shell be killed. LOG - is the terminal.
run_start() {
    local log=$1
    shift
    if [ "$log" = - ]; then
        setpriv --pdeathsig TERM "$@" </dev/null &
    else
        setpriv --pdeathsig TERM "$@" >"$log" 2>&1 </dev/null &
    fi
    run_last=$!
    run_pids="$run_last $run_pids"
}

run_stop() {
    trap - EXIT
    trap '' INT TERM
    local pid
    for pid in $run_pids; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in $run_pids; do wait "$pid" 2>/dev/null || true; done
}

run_secret() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# A key and an operator token, made once and kept beside the data, so that yesterday's curl line still works.
run_keys() {
    local file=qd-data/quickstart.env
    mkdir -p qd-data
    [ -s $file ] || (umask 077; printf 'quickstart_key=qd-%s\nquickstart_token=qdt-%s\n' "$(run_secret 20)" "$(run_secret 20)" >$file)
    . ./$file
    export HELPDESK_KEY=${HELPDESK_KEY:-$quickstart_key} QUARTERDECK_TOKEN=${QUARTERDECK_TOKEN:-$quickstart_token}
}

# The simulator in the providers' place, on a port of its own.
run_simulator() {
    local log=qd-data/simulator.log address="" tries
    run_start $log build/quarterdeck sim --listen 127.0.0.1:0 --seed 1
    for tries in $(seq 100); do
        address=$(sed -n 's|.*ready on \(http://[^ ]*\).*|\1|p' $log | head -n 1)
        [ -z "$address" ] || break
        kill -0 "$run_last" 2>/dev/null || break
        sleep 0.1
    done
    [ -n "$address" ] || { cat $log >&2; die "the simulator did not start (above)"; }
    export QUARTERDECK_OPENAI_URL=$address/v1 QUARTERDECK_ANTHROPIC_URL=$address/v1
    export OPENAI_API_KEY=simulated ANTHROPIC_API_KEY=simulated
    say "No OPENAI_API_KEY and no ANTHROPIC_API_KEY: the SIMULATOR answers on $address. Its answers are made up."
}

run_main() {
    local model=support-chat tries server
    packages_need build run
    build_make all
    if (exec 3<>/dev/tcp/127.0.0.1/4000) 2>/dev/null; then
        die "port 4000 on 127.0.0.1 is taken: end the program that listens there (ss -ltnp 'sport = :4000' names it)"
    fi
    trap run_stop EXIT
    trap 'say ""; say "stopping"; run_stop; exit 0' INT TERM
    run_keys
    if [ -z "${OPENAI_API_KEY:-}" ] && [ -z "${ANTHROPIC_API_KEY:-}" ]; then
        run_simulator
    elif [ -z "${ANTHROPIC_API_KEY:-}" ]; then
        say "OPENAI_API_KEY is set: OpenAI answers. Without ANTHROPIC_API_KEY, support-chat has no fallback."
    elif [ -z "${OPENAI_API_KEY:-}" ]; then
        model=claude
        say "ANTHROPIC_API_KEY is set: Anthropic answers, as model \"claude\"."
    else
        say "OPENAI_API_KEY and ANTHROPIC_API_KEY are set: OpenAI answers, and Anthropic when it cannot."
    fi
    run_start - build/quarterdeck serve -c examples/quickstart/quarterdeck.yaml
    server=$run_last
    for tries in $(seq 150); do
        curl -sf -o /dev/null --max-time 2 $run_url/readyz && break
        kill -0 "$server" 2>/dev/null || die "the server did not start (above)"
        [ "$tries" -lt 150 ] || die "the server is not ready after 15 s; ask curl -s $run_url/readyz why"
        sleep 0.1
    done
    cat <<TEXT

Ready on ${bold}$run_url${plain}   data in ./qd-data   Ctrl-C ends it
Key            ${bold}$HELPDESK_KEY${plain}   (application helpdesk)
Operator token $QUARTERDECK_TOKEN   (QUARTERDECK_TOKEN for quarterdeck record list, key, ...)

  curl -s $run_url/v1/chat/completions -H 'authorization: Bearer $HELPDESK_KEY' \\
    -H 'content-type: application/json' \\
    -d '{"model": "$model", "messages": [{"role": "user", "content": "Where is my parcel?"}]}'

TEXT
    local rc=0
    wait "$server" || rc=$?
    run_stop
    [ $rc -eq 0 ] || die "the server ended with status $rc"
}
