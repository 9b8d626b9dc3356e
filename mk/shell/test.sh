# ./dev test: every test and gate as timed steps, each with its log in build/test-logs. Sourced by ./dev.
# A step's log says how much it ran by lines "N passed, N failed" or cmocka's; a step without any counts as one.

steps="build gates unit schema exchange cli tokens e2e console metrics alertmanager torture asan tsan fuzz cppcheck tidy"

step_about() {
    case $1 in
    build) echo "release build, warnings are errors" ;;
    gates) echo "layers, banned calls, sizes, links and references of the docs" ;;
    unit) echo "unit tests" ;;
    schema) echo "the official JSON-Schema-Test-Suite, out of Debian's package of it" ;;
    exchange) echo "wire cases of tests/exchange" ;;
    cli) echo "the command line and the control plane, by tests/e2e/cli" ;;
    tokens) echo "token counts against npm's gpt-tokenizer, on real and random texts" ;;
    e2e) echo "the providers' own SDKs against the built server" ;;
    console) echo "the console in Chromium, on the data of a demo that is lived through once; its types against the API's reference" ;;
    metrics) echo "promtool check metrics on a live /metrics, and the rules for Prometheus that are shipped" ;;
    alertmanager) echo "a real Alertmanager is told of alerts and their end, and its webhook has our shape" ;;
    torture) echo "kill -9, full disk, reload under load, slow clients, flat memory" ;;
    asan) echo "unit tests and wire cases under ASan and UBSan" ;;
    tsan) echo "unit tests with threads, wire cases and a load under TSan" ;;
    fuzz) echo "committed seeds and a short run of each fuzz target" ;;
    cppcheck) echo "cppcheck" ;;
    tidy) echo "clang-tidy" ;;
    esac
}

make_quiet() { make --no-print-directory -j"${JOBS:-$(nproc)}" "$@"; }

# unit_run BUILD [PREFIX...]: each test program by itself, so that one crash does not hide the others; as many at once as
# there are cores, their logs one after the other. NEEDS=SYMBOL: only those that call it
unit_run() {
    local folder=$1 failed=0 log
    shift
    make_quiet -k "BUILD=$folder" "SAN=$(unit_sanitizer "$folder")" unit-build || { echo "0 passed, 1 failed"; failed=1; }
    rm -rf "$folder/unit-logs" && mkdir -p "$folder/unit-logs"
    # their databases ask the disk to flush some ten thousand times: in memory where there is room
    [ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || [ "$(df --output=avail /dev/shm | tail -n 1)" -lt 1048576 ] || local -x TMPDIR=/dev/shm
    # shellcheck disable=SC2016
    find "$folder/unit" -name 'test_*' -type f -executable -printf '%f\n' | sort |
        while read -r log; do [ -z "${NEEDS:-}" ] || nm -u "$folder/unit/$log" | grep -qw "$NEEDS" || continue; echo "$log"; done |
        xargs -P "${JOBS:-$(nproc)}" -I{} sh -c '
            program=$1/unit/$2 log=$1/unit-logs/$2 name=$2; shift 2
            "$@" timeout 600 "$program" >"$log" 2>&1 || echo "$name: ended with $?" >>"$log"' - "$folder" {} "$@"
    for log in "$folder"/unit-logs/*; do
        echo "== ${log##*/}"
        cat "$log"
        ! grep -q '^test_[a-z0-9_]*: ended with' "$log" || failed=1
    done
    return $failed
}

unit_sanitizer() {
    case $1 in
    */address) echo address,undefined ;;
    */thread) echo thread ;;
    esac
}

sanitized() {
    ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1 \
        UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
        TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 "$@"
}

# TSan of gcc 12 cannot live with the address randomisation of newer kernels
no_aslr() { if setarch "$(uname -m)" -R true 2>/dev/null; then echo "setarch $(uname -m) -R"; fi; }

sdk_install() {
    [ tests/e2e/node_modules/.package-lock.json -nt tests/e2e/package-lock.json ] ||
        (cd tests/e2e && npm ci --no-audit --no-fund --loglevel=error)
}

step_build() { make_quiet all && make_quiet bench-tools; }
step_gates() {
    local failed=0 rule
    for rule in layers sizes docs; do
        scripts/check_$rule --self-test || failed=1
        scripts/check_$rule || { echo "0 passed, 1 failed"; failed=1; }
    done
    scripts/gen_reference --check || { echo "0 passed, 1 failed"; failed=1; }
    return $failed
}
step_unit() { unit_run build; }
# No npm package carries the suite's 2020-12 tests. Debian's does, but needs 40 of Perl's: it is unpacked, not installed.
step_schema() {
    local package=libtest-json-schema-acceptance-perl inside=usr/share/perl5/auto/share/dist/Test-JSON-Schema-Acceptance/tests/draft2020-12
    local folder=build/schema-tests sudo=""
    [ "$(id -u)" = 0 ] || sudo=sudo
    if [ -z "${JSON_SCHEMA_TESTS:-}" ]; then
        if [ ! -d "/$inside" ] && [ ! -d "$folder/$inside" ]; then
            rm -rf $folder && mkdir -p $folder
            (cd $folder && { apt-get -q download $package || { packages_apt "$sudo" update -q && apt-get -q download $package; }; } &&
                dpkg-deb -x $package*.deb .) || { echo "FAIL: Debian's $package could not be fetched; JSON_SCHEMA_TESTS names a folder of your own"; return 1; }
        fi
        local -x JSON_SCHEMA_TESTS=/$inside
        [ -d "/$inside" ] || JSON_SCHEMA_TESTS=$PWD/$folder/$inside
    fi
    [ -d "$JSON_SCHEMA_TESTS" ] || { echo "FAIL: there is no folder $JSON_SCHEMA_TESTS"; return 1; }
    make_quiet unit T=quality_schema_suite
}
step_exchange() { python3 tests/exchange/run.py; }
step_cli() { python3 tests/e2e/cli.py; }
step_tokens() { make_quiet build/bench/tokens && node tests/e2e/tokens.mjs; }
step_e2e() { sdk_install && python3 tests/e2e/run.py; }
step_console() {
    make_quiet console-check || { echo "0 passed, 1 failed"; return 1; }
    [ tests/browser/node_modules/.package-lock.json -nt tests/browser/package-lock.json ] ||
        (cd tests/browser && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || return 1
    python3 tests/browser/run.py
}
step_metrics() { python3 tests/e2e/metrics.py; }
step_alertmanager() { python3 tests/e2e/alertmanager.py; }
step_torture() { python3 tests/torture/run.py; }
step_asan() {
    make_quiet SAN=address,undefined all || return 1
    local failed=0
    sanitized unit_run build/address || failed=1
    sanitized python3 tests/exchange/run.py --binary build/address/quarterdeck --slow 3 || failed=1
    return $failed
}
step_tsan() {
    make_quiet SAN=thread all || return 1
    local failed=0 calm
    calm=$(no_aslr)
    # where there is one thread there is no race
    # shellcheck disable=SC2086
    NEEDS=pthread_create sanitized unit_run build/thread $calm || failed=1
    # shellcheck disable=SC2086
    sanitized $calm python3 tests/exchange/run.py --binary build/thread/quarterdeck --slow 4 || failed=1
    # shellcheck disable=SC2086
    sanitized $calm python3 tests/torture/run.py --binary build/thread/quarterdeck burst || failed=1
    return $failed
}
step_fuzz() { make_quiet fuzz-smoke; }
step_cppcheck() { make_quiet cppcheck; }
step_tidy() { make_quiet -k tidy; }

# step_counts LOG RC -> "PASSED FAILED"
step_counts() {
    awk -v rc="$2" '
        /^[0-9]+ passed, [0-9]+ failed/ || /: [0-9]+ passed, [0-9]+ failed$/ {
            line = $0; sub(/^.*: /, "", line); split(line, w, /[ ,]+/); p += w[1]; f += w[3]; seen = 1 }
        /^\[  PASSED  \] [0-9]+ test/ { p += $4; seen = 1 }
        /^\[  FAILED  \] [0-9]+ test/ { f += $4; seen = 1 }
        END { if (!seen) { if (rc == 0) p = 1; else f = 1 } else if (rc != 0 && f == 0) f = 1; print p + 0, f + 0 }' "$1"
}

# The lines that say what failed and, when there are few, the log's last ones.
step_failures() {
    local found
    found=$(grep -nE '\[  FAILED  \]|^FAIL|^ *not ok |ERROR: |runtime error|WARNING: Thread|error:|warning: .*\[|: ended with|violations$|out of date' "$1" |
        grep -v ' 0 violations' | head -n 30) || true
    [ -z "$found" ] || printf '%s\n...\n' "$found"
    tail -n "$([ -z "$found" ] && echo 30 || echo 6)" "$1"
}

# step_run NAME: runs it, says how it went, adds to `passed` and `failed`
step_run() {
    local name=$1 log=build/test-logs/$1.log began=$SECONDS rc=0 counts pid shown=0
    [ -z "${TEST_VERBOSE:-}" ] || { say "== $name"; }
    ("step_$name") >"$log" 2>&1 </dev/null &
    pid=$!
    while kill -0 $pid 2>/dev/null; do
        if [ -t 1 ]; then
            printf '\r\e[K%-12s %4ds  %s' "$name" $((SECONDS - began)) "$(tail -n 1 "$log" | tr -cd '[:print:]' | cut -c1-80)"
        elif [ $((SECONDS - began)) -ge $((shown + 60)) ]; then
            shown=$((SECONDS - began))
            say "  $name: $shown s so far"
        fi
        sleep 0.2
    done
    wait $pid || rc=$?
    [ ! -t 1 ] || printf '\r\e[K'
    counts=$(step_counts "$log" $rc)
    passed=$((passed + ${counts% *})) failed=$((failed + ${counts#* }))
    say "$(printf '%-12s %-4s %5ds  %5d passed %4d failed   %s' "$name" "$([ $rc -eq 0 ] && echo ok || echo FAIL)" \
        $((SECONDS - began)) "${counts% *}" "${counts#* }" "$(step_about "$name")")"
    if [ $rc -ne 0 ]; then
        say "  the end of $log:"
        step_failures "$log" | cut -c1-300 | sed 's/^/    /'
    fi
}

test_main() {
    local wanted="$*" name passed=0 failed=0 began=$SECONDS
    if [ "$wanted" = --list ]; then
        for name in $steps; do printf '%-12s %s\n' "$name" "$(step_about "$name")"; done
        return 0
    fi
    for name in $wanted; do
        case " $steps " in *" $name "*) ;; *) die "no step named $name; ./dev test --list names them" 2 ;; esac
    done
    packages_need build run test
    mkdir -p build/test-logs
    for name in ${wanted:-$steps}; do
        step_run "$name"
        if [ "$name" = build ] && [ "$failed" -gt 0 ]; then
            say "nothing else can be tested without a build"
            break
        fi
    done
    say "took $((SECONDS - began)) s; logs are in build/test-logs"
    say "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
