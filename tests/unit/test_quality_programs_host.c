/* javascript and python: forms of code, what it may say, and that no check can spoil the next one. Both languages by the same table. */
#include "test_quality_programs_rig.h"

struct row {
    const char *code, *more;
    char verdict;
    double score;
    const char *words;
};

static void run_rows(const char *type, const struct row *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct check_answer a = rig_answer("Gr\xC3\xBC\xC3\x9F Gott, \"Bern\"\n");
        struct check_outcome out = run_one(declare_code(type, rows[i].code, rows[i].more), &a);
        if ("PFE"[out.verdict] != rows[i].verdict || fabs(out.score - rows[i].score) > 1e-9 ||
            (rows[i].words != NULL && !slice_contains(out.reason, slice_of(rows[i].words))))
            fail_msg("%s: %c %g " SLICE_FMT, rows[i].code, "PFE"[out.verdict], out.score, SLICE_ARG(out.reason));
    }
}
#define RUN_ROWS(type, rows) run_rows(type, rows, sizeof(rows) / sizeof *(rows))

static void javascript(void **state) {
    static const struct row rows[] = {
        {"output.includes('Bern')", "", 'P', 1, "javascript said pass, a score of 1: `output.includes('Bern')`"},
        {"output.length < 5 // short", "", 'F', 0, NULL},
        {"output === 'Gr\xC3\xBC\xC3\x9F Gott, \"Bern\"\\n'", "", 'P', 1, NULL},
        {"return output.length > 3", "", 'P', 1, NULL},
        {"const n = output.length\nreturn n > 3 && n < 100\n", "", 'P', 1, NULL},
        {"const n = 1; return n / 4", ", \"threshold\": 0.3", 'F', 0.25, NULL},
        {"0.25", "", 'P', 0.25, NULL},
        {"output.length > 3\n&& output.length < 100\n", "", 'P', 1, NULL},
        {"({pass: false, score: 0.5, reason: `no \xE2\x82\xAC in ${context.vars.city}`})", "", 'F', 0.5, "no \xE2\x82\xAC in Z\xC3\xBCrich"},
        {"context.test.vars.city === context.vars.city && context.test.description === 'case-1' && context.expected === 'Bern'", "", 'P', 1, NULL},
        {"context.context === null && context.tool_calls.length === 0 && context.cost_usd === null", "", 'P', 1, NULL},
        {"Promise.resolve({pass: true, score: 0.75})", "", 'P', 0.75, NULL},
        {"await new Promise(go => setImmediate(() => go(true)))", "", 'P', 1, NULL},
        {"const x = await Promise.resolve(3)\nreturn x === 3", "", 'P', 1, NULL},
        {"(output, context) => output.length > 3 && !!context.vars", "", 'P', 1, NULL},
        {"require('node:path').basename('/a/b') === 'b'", "", 'P', 1, NULL},
        {"module.exports = (output, { vars }) => vars.city.length === 6", "", 'P', 1, NULL},
        {"module.exports = { default: async () => ({ pass: true, reason: 'by default' }) }", "", 'P', 1, "by default"},
        {"import { sep } from 'node:path'\nconst good = sep === '/'\nexport default async function (output, context) {\n  return good\n}\n", "", 'P', 1, NULL},
        {"console.log('{\"id\": 1, \"said\": false}'); console.error('x'); process.stdout.write('y'); return true", "", 'P', 1, NULL},
        {"require('node:child_process').execSync('cat; ls /proc/self/fd', {stdio: ['inherit', 'pipe', 'pipe']}).toString() === '0\\n1\\n2\\n3\\n'", "", 'P', 1, NULL},
        {"setTimeout(() => { throw new Error('later') }, 0); Promise.reject(new Error('nobody waits')); return true", "", 'P', 1, NULL},
        {"true", "", 'P', 1, NULL},
        {"const links = output.match(/https?:\\/\\/\\S+/g) ?? []\n"
         "return {pass: links.length > 0, score: Math.min(1, links.length / 3), reason: `${links.length} links`}", "", 'F', 0, "0 links"},
        {"nothing.here", "", 'E', 0, "ReferenceError: nothing is not defined (line 1)"},
        {"const a = 1\nconst b = 2\nthrow new Error('no ' + a)", "", 'E', 0, "Error: no 1 (line 3)"},
        {"throw 'a text'", "", 'E', 0, "it threw a text"},
        {"if (", "", 'E', 0, "SyntaxError: "},
        {"export default 7", "", 'E', 0, "the file exports no function"},
        {"const n = 1\nn > 0", "", 'E', 0, "found undefined: code of several statements needs a `return`"},
        {"'yes'", "", 'E', 0, "found \"yes\""},
        {"NaN", "", 'E', 0, "found NaN"},
        {"[true]", "", 'E', 0, "found true"},
        {"2", "", 'E', 0, "from 0 to 1 or {pass, score, reason}, found 2"},
        {"({score: 10n})", "", 'E', 0, "BigInt"},
        {"Promise.reject(new TypeError('never'))", "", 'E', 0, "TypeError: never"},
        {"process.exit(5)", "", 'E', 0, "node ended with status 5"},
        {"require('node:fs').writeSync(4, 'noise\\n'); return true", "", 'E', 0, "wrote on the descriptor of its answer"},
        {"true", "", 'P', 1, NULL},
    };
    (void)state;
    if (!is_installed("node")) skip();
    RUN_ROWS("javascript", rows);
}

static void python(void **state) {
    static const struct row rows[] = {
        {"'Bern' in output", "", 'P', 1, "python said pass, a score of 1: `'Bern' in output`"},
        {"len(output) < 5 # short", "", 'F', 0, NULL},
        {"output == 'Gr\xC3\xBC\xC3\x9F Gott, \"Bern\"\\n'", "", 'P', 1, NULL},
        {"return len(output) > 3", "", 'P', 1, NULL},
        {"n = len(output)\nreturn n > 3 and n < 100\n", "", 'P', 1, NULL},
        {"    n = '''a\n b'''\n    return n == 'a\\n b' or n == 'a\\nb'", "", 'P', 1, NULL},
        {"0.25", ", \"threshold\": 0.3", 'F', 0.25, NULL},
        {"len(output) > 3 and (\n  len(output) < 100)", "", 'P', 1, NULL},
        {"{'pass': False, 'score': 0.5, 'reason': 'no \xE2\x82\xAC in ' + context['vars']['city']}", "", 'F', 0.5, "no \xE2\x82\xAC in Z\xC3\xBCrich"},
        {"{'pass_': True, 'score': 0.5}", "", 'P', 0.5, NULL},
        {"context['test']['vars'] == context['vars'] and context['case'] == 'case-1' and context['expected'] == 'Bern'", "", 'P', 1, NULL},
        {"context['context'] is None and context['tool_calls'] == []", "", 'P', 1, NULL},
        {"import asyncio\nasync def later():\n  await asyncio.sleep(0)\n  return True\nreturn later()", "", 'P', 1, NULL},
        {"import asyncio\nawait asyncio.sleep(0)\nreturn True", "", 'P', 1, NULL},
        {"await __import__('asyncio').sleep(0, True)", "", 'P', 1, NULL},
        {"import json\n\ndef get_assert(output, context):\n    return {'pass': json.loads('true'), 'reason': __name__[:6]}\n", "", 'P', 1, "check_"},
        {"from dataclasses import dataclass\n@dataclass\nclass A:\n  n: int = 1\nasync def get_assert(output, context):\n  return A().n == 1", "", 'P', 1, NULL},
        {"print('{\"id\": 1, \"said\": false}', flush=True) or True", "", 'P', 1, NULL},
        {"import subprocess, os\nos.system('echo noise')\nreturn subprocess.run(['cat']).returncode == 0", "", 'P', 1, NULL},
        {"import subprocess\nreturn subprocess.run('ls /proc/self/fd', shell=True, capture_output=True, text=True, close_fds=False).stdout == '0\\n1\\n2\\n3\\n'", "", 'P', 1, NULL},
        {"import subprocess\nreturn subprocess.run(['true'], start_new_session=True).returncode == 0", "", 'P', 1, NULL},
        {"len(set(output.split())) / max(1, len(output.split()))", ", \"threshold\": 0.5", 'P', 1, NULL},
        {"nothing", "", 'E', 0, "NameError: name 'nothing' is not defined (line 1)"},
        {"a = 1\nb = 2\nraise ValueError('no %d' % a)", "", 'E', 0, "ValueError: no 1 (line 3)"},
        {"a = 1\nif (", "", 'E', 0, "SyntaxError: '(' was never closed (line 2)"},
        {"# nothing", "", 'E', 0, "found ()"},
        {"n = 1\nn > 0", "", 'E', 0, "found None: code of several statements needs a `return`"},
        {"'yes'", "", 'E', 0, "found 'yes'"},
        {"float('nan')", "", 'E', 0, "found nan"},
        {"{'pass': True, 'score': float('inf')}", "", 'E', 0, "ValueError"},
        {"[True]", "", 'E', 0, "found [True]"},
        {"2", "", 'E', 0, "found 2"},
        {"{'reason': 'x'}", "", 'E', 0, NULL},
        {"import sys\nsys.exit(3)", "", 'E', 0, "SystemExit: 3"},
        {"len(bytearray(1 << 40))", "", 'E', 0, "MemoryError"},
        {"import os\nos._exit(5)", "", 'E', 0, "python3 ended with status 5"},
        {"import os\nos.kill(os.getpid(), 9)", "", 'E', 0, "python3 ended by signal 9"},
        {"import os\nreturn os.write(4, b'noise\\n') > 0", "", 'E', 0, "wrote on the descriptor of its answer"},
        {"True", "", 'P', 1, NULL},
    };
    (void)state;
    if (!is_installed("python3")) skip();
    RUN_ROWS("python", rows);
}

/* One that does not end is killed, and those behind it are asked in a new process. */
static void endless(const char *type, const char *code, const char *good) {
    static struct program_check all[20];
    struct check_answer a = rig_answer("Bern");
    const struct check *hung = declare_code(type, code, ", \"timeout\": \"100ms\""), *fine = declare_code(type, good, "");
    for (int i = 0; i < 20; i++) hand_over(&all[i], i == 3 || i == 4 ? hung : fine, &a);
    loop_run(loop);
    for (int i = 0; i < 20; i++) {
        bool is_hung = i == 3 || i == 4;
        if (all[i].outcome.verdict != (is_hung ? CHECK_ERROR : CHECK_PASS)) fail_msg("%d: " SLICE_FMT, i, SLICE_ARG(all[i].outcome.reason));
        if (is_hung) assert_true(slice_contains(all[i].outcome.reason, SLICE("took too long and was killed (timeout: 0.1s)")));
    }
}

static void endless_javascript(void **state) {
    (void)state;
    if (!is_installed("node")) skip();
    endless("javascript", "for (;;);", "output === 'Bern'");
    endless("javascript", "new Promise(() => {})", "output === 'Bern'");
}

/* Whatever a check does to what all code shares, the next one says what it would have said alone. */
static void after_a_spoiler(const char *type, const char *spoiler, const char *is_true, const char *is_false) {
    struct check_answer a = rig_answer("Bern");
    const struct check *yes = declare_code(type, is_true, ""), *no = declare_code(type, is_false, ""), *bad = declare_code(type, spoiler, "");
    struct program_check all[5];
    const struct check *const order[] = {yes, no, bad, no, yes};
    static const enum check_verdict expected[] = {CHECK_PASS, CHECK_FAIL, CHECK_PASS, CHECK_FAIL, CHECK_PASS};
    for (int i = 0; i < 5; i++) hand_over(&all[i], order[i], &a);
    loop_run(loop);
    for (int i = 0; i < 5; i++)
        if (i != 2 && all[i].outcome.verdict != expected[i]) fail_msg("%s: %d: " SLICE_FMT, spoiler, i, SLICE_ARG(all[i].outcome.reason));
}

static void spoilt_javascript(void **state) {
    static const char *const spoilers[] = {
        "Object.prototype.source = 'true'; return true", "Object.prototype.pass = true; return true", "Object.prototype.problem = 'x'; return true",
        "Array.prototype.includes = () => true; return true", "String.prototype.includes = () => true; return true",
        "JSON.stringify = () => '{}'; return true", "Map.prototype.get = () => 1; return true", "Promise.prototype.then = function () {}; return true",
        "process.chdir('/'); return true", "console.error = () => { throw 1 }; return true", "Buffer.prototype.toString = () => 'x'; return true",
        "const f = () => f(); return f()", "require('fs').closeSync(4); return true", "setTimeout(() => { throw new Error('late') }); return true",
    };
    (void)state;
    if (!is_installed("node")) skip();
    for (size_t i = 0; i < sizeof spoilers / sizeof *spoilers; i++)
        after_a_spoiler("javascript", spoilers[i], "output.includes('Bern') && process.cwd() !== '/'", "output.includes('Rome')");
}

static void spoilt_python(void **state) {
    static const char *const spoilers[] = {
        "import json\njson.dumps = lambda *a, **k: '{}'\nreturn True", "import json\njson.loads = lambda *a: 1\nreturn True",
        "import builtins\nbuiltins.len = lambda x: 4\nreturn True", "import builtins\nbuiltins.dict = None\nreturn True",
        "import math\nmath.isfinite = lambda x: False\nreturn True", "import os\nos.chdir('/')\nreturn True",
        "import sys\nsys.stdout.close()\nsys.stderr.close()\nreturn True", "import sys\nsys.stdout = sys.stderr = None\nreturn True",
        "import atexit, os\natexit.register(os.abort)\nreturn True", "def f():\n  return f()\nreturn f()",
        "import sys\nsys.setrecursionlimit(10**9)\ndef f():\n  return f()\nreturn f()", "import os\nos.close(4)\nreturn True",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\nreturn True", "raise KeyboardInterrupt", "raise GeneratorExit",
    };
    (void)state;
    if (!is_installed("python3")) skip();
    for (size_t i = 0; i < sizeof spoilers / sizeof *spoilers; i++)
        after_a_spoiler("python", spoilers[i], "len(output) == 4 and __import__('os').getcwd() != '/'", "len(output + '!') == 4");
}

static void endless_python(void **state) {
    (void)state;
    if (!is_installed("python3")) skip();
    endless("python", "while True: pass", "output == 'Bern'");
    endless("python", "import subprocess\nsubprocess.run(['sleep', '1000'])", "output == 'Bern'");
}

/* A host that dies of what an earlier check left behind is not the next one's fault. */
static void a_host_dies(void **state) {
    struct check_answer a = rig_answer("Bern");
    (void)state;
    if (!is_installed("python3")) skip();
    const char *trap = "import builtins\nbuiltins.left_behind = True\nreturn True",
               *next = "import builtins, os\nif hasattr(builtins, 'left_behind'):\n  os._exit(9)\nreturn output == 'Bern'";
    assert_int_equal(run_one(declare_code("python", trap, ""), &a).verdict, CHECK_PASS);
    struct check_outcome out = run_one(declare_code("python", next, ""), &a);
    if (out.verdict != CHECK_PASS) fail_msg(SLICE_FMT, SLICE_ARG(out.reason));
}

static void two_hundred_of_each(void **state) {
    static struct program_check all[600];
    struct check_answer a = rig_answer("Bern");
    bool js = is_installed("node"), py = is_installed("python3");
    const struct check *checks[] = {declare_code("javascript", "output === 'Bern'", ""), declare_code("python", "output == 'Bern'", ""),
                                    declare("{\"type\": \"exec\", \"run\": \"echo true\"}")};
    (void)state;
    for (int i = 0; i < 600; i++) hand_over(&all[i], checks[i % 3], &a);
    loop_run(loop);
    for (int i = 0; i < 600; i++)
        assert_int_equal(all[i].outcome.verdict, (i % 3 == 0 && !js) || (i % 3 == 1 && !py) ? CHECK_ERROR : CHECK_PASS);
}

static void a_megabyte(void **state) {
    static char text[(1 << 20) + 1];
    struct check_answer a;
    (void)state;
    memset(text, '\x01', sizeof text - 1); /* six bytes each, escaped */
    memcpy(text + sizeof text - 4, "\xE2\x82\xAC", 3);
    a = rig_answer(text);
    if (is_installed("node")) {
        struct check_outcome out = run_one(declare_code("javascript", "({pass: output.length === 1048574 && output.endsWith('\xE2\x82\xAC'), reason: output + 'x'.repeat(9e6)})", ""), &a);
        assert_int_equal(out.verdict, CHECK_PASS);
    }
    if (is_installed("python3")) {
        struct check_outcome out = run_one(declare_code("python", "{'pass': len(output) == 1048574 and output.endswith('\xE2\x82\xAC'), 'reason': output}", ""), &a);
        assert_int_equal(out.verdict, CHECK_PASS);
    }
}

/* A line end between two values would end the line that the host reads. */
static void arguments_over_several_lines(void **state) {
    struct check_tool_call call = {SLICE("refund"), SLICE("{\"order\":\n\n 7, \"why\": \"a\\nb\"}\n")};
    struct check_answer a = rig_answer(NULL);
    (void)state;
    a.calls = &call;
    a.n_calls = 1;
    if (!is_installed("python3")) skip();
    struct check_outcome out = run_one(
        declare_code("python", "output == '' and context['output'] is None and context['tool_calls'][0]['arguments'] == {'order': 7, 'why': 'a\\nb'}", ""), &a);
    if (out.verdict != CHECK_PASS) fail_msg(SLICE_FMT, SLICE_ARG(out.reason));
}

static void given_up(void **state) {
    static struct program_check all[8];
    struct check_answer a = rig_answer("Bern");
    (void)state;
    for (int i = 0; i < 4; i++) hand_over(&all[i], declare_code("javascript", "for (;;);", ""), &a);
    for (int i = 4; i < 8; i++) hand_over(&all[i], declare_code("python", "while True: pass", ""), &a);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_set_up, rig_tear_down)
int main(void) {
    const struct CMUnitTest tests[] = {
        RIGGED(javascript), RIGGED(python), RIGGED(endless_javascript), RIGGED(endless_python), RIGGED(spoilt_javascript), RIGGED(spoilt_python), RIGGED(a_host_dies),
        RIGGED(two_hundred_of_each), RIGGED(a_megabyte), RIGGED(arguments_over_several_lines),
        RIGGED(given_up),
    };
    return cmocka_run_group_tests_name("quality_programs_host", tests, rig_folder, rig_no_folder);
}
