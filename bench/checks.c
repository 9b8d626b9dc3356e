/* checks - what one check of an answer costs, in microseconds, of answers of some 700 bytes.
 *
 *   checks [N]          each type N times (default 20,000); then three of them on 10,000 answers, in seconds
 */
#include "common.h"

#include "quality/check.h"

static const char *const declarations[] = {
    "{type: equals, value: x}",
    "{type: icontains, value: 'Reset Link'}",
    "{type: contains-all, value: [account, link, hours]}",
    "{type: regex, value: '\\b[A-Z]{2}-\\d{4}\\b'}",
    "{type: contains-json, value: {type: object, required: [status], properties: {status: {enum: [open, "
    "closed]}}}}",
    "{type: levenshtein, value: 'We have sent a link.', threshold: 20}",
    "{type: rouge-n, value: 'We have sent you a reset link, which is valid for 24 hours.'}",
    "{type: bleu, value: 'We have sent you a reset link, which is valid for 24 hours.'}",
    "{type: word-count, max: 150}",
    "{type: is-refusal}",
};
enum { N = sizeof declarations / sizeof *declarations };

static const char answer_text[] = "Thank you for your message. We have sent a reset link to the address of "
                                  "your account; it is valid for 24 hours. Open it, "
                                  "choose a new password of at least twelve characters, and sign in again on "
                                  "each of your devices. If the message does not "
                                  "arrive within five minutes, look into the folder for unwanted mail first. "
                                  "Then write to us again, with the number CH-1234 "
                                  "of your contract, and we will set the password together with you by "
                                  "telephone. We are there from Monday to Friday, from 8 "
                                  "to 18 o'clock. For your records, the state of the request: {\"status\": "
                                  "\"open\", \"ticket\": 51233, \"steps\": [\"sent\", "
                                  "\"waiting\"]}. Kind regards, the team of the help desk.";

static uint64_t run(const struct check *c, size_t n, const struct check_answer *a, struct arena *arena) {
    static const struct check_case none = {.n_vars = 0};
    uint64_t begun = now_ns();
    for (size_t i = 0; i < n; i++) {
        struct check_outcome o;
        arena_reset(arena);
        check_run(c, a, &none, arena, &o);
        if (o.verdict == CHECK_ERROR) {
            fprintf(stderr, SLICE_FMT "\n", SLICE_ARG(o.reason));
            exit(3);
        }
    }
    return now_ns() - begun;
}

int main(int argc, char **argv) {
    size_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000;
    struct arena declared, arena;
    struct check checks[N];
    struct check_answer a;
    struct error e = {.fault = FAULT_NONE};
    arena_init(&declared, 65536, 1 << 26);
    arena_init(&arena, 65536, 1 << 26);
    check_answer_init(&a);
    a.text = slice_of(answer_text);
    for (int i = 0; i < N; i++) {
        struct yaml_node *root;
        struct declared *d = arena_new(&declared, struct declared);
        int line;
        if (yaml_read(slice_of(declarations[i]), &declared, &root, &line, &e) ||
            declared_from_yaml(root, &declared, d, &e) ||
            check_read(d, 0, &declared, &checks[i], &line, &e)) {
            fprintf(stderr, "%s: %s\n", declarations[i], e.text);
            return 3;
        }
        uint64_t ns = run(&checks[i], n, &a, &arena);
        printf("{\"type\":\"%s\",\"bytes\":%zu,\"us\":%.2f}\n", check_kinds[checks[i].type].name, a.text.len,
               (double)ns / 1e3 / (double)n);
    }
    uint64_t three = run(&checks[1], 10000, &a, &arena) + run(&checks[3], 10000, &a, &arena) +
                     run(&checks[4], 10000, &a, &arena);
    printf("{\"answers\":10000,\"checks\":\"icontains, regex, contains-json\",\"seconds\":%.3f}\n",
           (double)three / 1e9);
    for (int i = 0; i < N; i++) check_deinit(&checks[i]);
    arena_deinit(&arena);
    arena_deinit(&declared);
    return 0;
}
