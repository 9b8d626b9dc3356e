/* `quarterdeck suite check`: what is wrong with files of suites, and what a run of one is. No server is asked. */
#include "control/cli_definition.h"

#include "control/suite_files.h"
#include "quality/suite.h"

#include "base/mem.h"

#define ARENA (1024u << 20)
#define MOST_TAGS 64

struct tag {
    struct slice name;
    unsigned n;
};

struct seen {
    const char *file, *prompt_file;
    struct suite suite;
    struct prompt prompt;            /* when it was found by its name */
    struct arena arena;
    struct problems problems;
    unsigned types[2][CHECK_TYPE_COUNT]; /* checks by type, and those with `not-`; the suite's once for each case */
    uint64_t judge_calls;            /* of one repeat */
    struct tag tags[MOST_TAGS];
    unsigned n_tags;
    uint64_t bytes, most_bytes;      /* of requests; 0: they could not be made */
    struct slice missing[8];         /* judges */
    unsigned n_missing;
};

static void count_checks(struct seen *k, const struct suite_case *c) {
    for (unsigned i = 0; i < suite_check_count(&k->suite, c); i++) {
        const struct check *check = suite_check_at(&k->suite, c, i);
        const struct judge *j = suite_judge(&k->suite, check);
        k->types[check->negated][check->type]++;
        if (check_by(check) == CHECK_BY_JUDGE && j != NULL) k->judge_calls += judge_calls(j, check);
    }
}

static void count_tags(struct seen *k, const struct suite_case *c) {
    for (unsigned i = 0; i < c->n_tags; i++) {
        unsigned t = 0;
        while (t < k->n_tags && !slice_eq(k->tags[t].name, c->tags[i])) t++;
        if (t == k->n_tags && t < MOST_TAGS) k->tags[k->n_tags++] = (struct tag){.name = c->tags[i]};
        if (t < MOST_TAGS) k->tags[t].n++;
    }
}

static void count_missing(struct seen *k) {
    size_t cursor = 0;
    struct slice name;
    while (k->n_missing < 8 && suite_next_missing_judge(&k->suite, &cursor, &name)) {
        unsigned i = 0;
        while (i < k->n_missing && !slice_eq(k->missing[i], name)) i++;
        if (i == k->n_missing) k->missing[k->n_missing++] = name;
    }
}

/* The suite's prompt by name: the file beside it. It is no mistake when there is none: it may be elsewhere. */
static const struct prompt *find_prompt(struct seen *k) {
    struct error error;
    struct slice text;
    if (k->suite.has_prompt) return &k->suite.prompt;
    if (suite_files_prompt(k->file, k->suite.prompt_name, &k->arena, &k->prompt_file, &error) != FAULT_NONE) return NULL;
    struct file_source files = suite_files_beside(k->prompt_file);
    if (suite_files_load(k->prompt_file, &k->arena, &text, &error) != FAULT_NONE) return NULL;
    return prompt_read_file(text, k->prompt_file, &files, &k->arena, &k->prompt, &k->problems) == FAULT_NONE ? &k->prompt : NULL;
}

static void count_requests(struct seen *k, const struct prompt *prompt) {
    struct buffer body;
    struct arena arena;
    struct slice model = k->suite.model.len > 0 || prompt->model.len > 0 ? SLICE_NULL : SLICE("model");
    buffer_init(&body, LIMIT_SUITE_FILE);
    arena_init(&arena, 64 << 10, LIMIT_SUITE_FILE);
    for (unsigned i = 0; i < k->suite.n_cases && !k->problems.more; i++) {
        struct error error;
        const struct suite_case *c = &k->suite.cases[i];
        buffer_clear(&body);
        arena_reset(&arena);
        if (suite_write_request(&k->suite, c, prompt, model, &arena, &body, &error) != FAULT_NONE)
            problems_add(&k->problems, &k->arena, k->file, c->line, 0, "case " SLICE_FMT ": %s", SLICE_ARG(c->id), error.text);
        k->bytes += body.len;
        if (body.len > k->most_bytes) k->most_bytes = body.len;
    }
    arena_deinit(&arena);
    buffer_deinit(&body);
}

/* False: the file could not be read at all. */
static bool look(struct seen *k) {
    struct error error = {.fault = FAULT_NONE};
    struct slice text;
    struct file_source files = suite_files_beside(k->file);
    if (suite_files_load(k->file, &k->arena, &text, &error) != FAULT_NONE) {
        fprintf(stderr, "quarterdeck: %s\n", error.text);
        return false;
    }
    if (suite_read(text, k->file, &files, &k->arena, &k->suite, &k->problems) != FAULT_NONE) return true;
    for (unsigned i = 0; i < k->suite.n_cases; i++) {
        count_checks(k, &k->suite.cases[i]);
        count_tags(k, &k->suite.cases[i]);
    }
    count_missing(k);
    const struct prompt *prompt = find_prompt(k);
    if (prompt != NULL) count_requests(k, prompt);
    return true;
}

/* ---- telling ---- */

static void write_text(const struct seen *k) {
    const struct suite *s = &k->suite;
    char hex[2 * DIGEST_BYTES + 1];
    if (problems_any(&k->problems)) {
        cli_tell_problems(&k->problems);
        return;
    }
    digest_hex(s->digest.bytes, 6, hex);
    printf("%s is good: suite " SLICE_FMT " (%s)\n", k->file, SLICE_ARG(s->name), hex);
    printf("  a run is %u case%s x %u = %llu exchanges and %llu judge calls%s\n", s->n_cases, s->n_cases == 1 ? "" : "s", s->repeat,
           (unsigned long long)s->n_cases * s->repeat, (unsigned long long)k->judge_calls * s->repeat,
           k->n_missing > 0 ? ", and those of judges that are not declared here" : "");
    printf("  checks:");
    for (int i = 0, n = 0; i < 2 * CHECK_TYPE_COUNT; i++) {
        int t = i / 2, not = i % 2;
        if (k->types[not][t] > 0) printf("%s %u %s%s", n++ > 0 ? "," : "", k->types[not][t], not ? "not-" : "", check_kinds[t].name);
    }
    if (k->n_tags > 0) printf("\n  tags:");
    for (unsigned t = 0; t < k->n_tags; t++) printf("%s " SLICE_FMT " (%u)", t > 0 ? "," : "", SLICE_ARG(k->tags[t].name), k->tags[t].n);
    if (k->bytes > 0)
        printf("\n  a request has %llu bytes on average, the largest %llu", (unsigned long long)(k->bytes / s->n_cases), (unsigned long long)k->most_bytes);
    printf("\n");
    if (s->n_requirements == 0) printf("note: nothing is required, so every case must pass; say `require: [{pass_rate: {at_least: 0.9}, confidence: 0.95}]`\n");
    if (k->prompt_file != NULL) printf("note: the prompt `" SLICE_FMT "` is %s\n", SLICE_ARG(s->prompt_name), k->prompt_file);
    else if (!s->has_prompt)
        printf("note: no file of the prompt `" SLICE_FMT "` is beside the suite: a run needs --prompt FILE\n", SLICE_ARG(s->prompt_name));
    for (unsigned i = 0; i < k->n_missing; i++)
        printf("note: the judge `" SLICE_FMT "` is not declared here: a run takes the registered one of that name\n", SLICE_ARG(k->missing[i]));
}

static void write_problems(const struct problems *problems, struct json_writer *w) {
    json_key(w, "problems");
    json_array(w);
    for (unsigned i = 0; i < problems->count; i++) {
        json_object(w);
        json_member_text(w, "file", problems->items[i].file);
        json_member_i64(w, "line", problems->items[i].line);
        json_member_text(w, "text", problems->items[i].text);
        json_object_end(w);
    }
    json_array_end(w);
    json_member_bool(w, "more", problems->more);
}

static void write_counts(const struct seen *k, struct json_writer *w) {
    const struct suite *s = &k->suite;
    char hex[2 * DIGEST_BYTES + 1];
    digest_hex(s->digest.bytes, DIGEST_BYTES, hex);
    json_member_string(w, "suite", s->name);
    json_member_text(w, "digest", hex);
    json_member_i64(w, "cases", s->n_cases);
    json_member_i64(w, "repeat", s->repeat);
    json_member_i64(w, "exchanges", (int64_t)s->n_cases * s->repeat);
    json_member_i64(w, "judge_calls", (int64_t)k->judge_calls * s->repeat);
    json_key(w, "checks");
    json_object(w);
    for (int i = 0; i < 2 * CHECK_TYPE_COUNT; i++) {
        char name[64];
        if (k->types[i % 2][i / 2] == 0) continue;
        (void)snprintf(name, sizeof name, "%s%s", i % 2 ? "not-" : "", check_kinds[i / 2].name);
        json_member_i64(w, name, k->types[i % 2][i / 2]);
    }
    json_object_end(w);
    json_key(w, "tags");
    json_object(w);
    for (unsigned t = 0; t < k->n_tags; t++) {
        json_key_slice(w, k->tags[t].name);
        json_put_i64(w, k->tags[t].n);
    }
    json_object_end(w);
    json_member_string(w, "prompt", s->prompt_name.at != NULL ? s->prompt_name : s->prompt.name);
    json_member_text(w, "prompt_file", k->prompt_file);
    json_key(w, "judges_not_declared");
    json_array(w);
    for (unsigned i = 0; i < k->n_missing; i++) json_put_string(w, k->missing[i]);
    json_array_end(w);
    json_key(w, "request_bytes");
    if (k->bytes > 0) json_put_i64(w, (int64_t)(k->bytes / s->n_cases));
    else json_put_null(w);
    json_key(w, "request_bytes_most");
    if (k->bytes > 0) json_put_i64(w, (int64_t)k->most_bytes);
    else json_put_null(w);
}

static void write_json(const struct seen *k, struct json_writer *w) {
    json_object(w);
    json_member_text(w, "file", k->file);
    json_member_bool(w, "good", !problems_any(&k->problems));
    write_problems(&k->problems, w);
    if (k->suite.name.at != NULL) write_counts(k, w);
    json_object_end(w);
}

int cli_suite_check(int argc, char **argv) {
    static const char usage[] = "quarterdeck suite check FILE... [--json]";
    bool json = false, good = true, read = true;
    const struct option_spec specs[] = {{.name = "json", .type = OPTION_FLAG, .value = &json, .help = "as JSON"}};
    struct buffer out;
    struct json_writer w;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, usage, &n);
    if (code < 0) code = cli_expect(usage, n, 1, 1000);
    if (code >= 0) return code;
    if (!digest_start()) return 3;
    buffer_init(&out, LIMIT_SUITE_FILE);
    json_start(&w, &out);
    json_object(&w);
    json_key(&w, "files");
    json_array(&w);
    for (int i = 0; i < n; i++) {
        struct seen *k = mem_new(struct seen);
        k->file = argv[i];
        arena_init(&k->arena, 64 << 10, ARENA);
        bool here = look(k);
        read = read && here;
        good = good && !problems_any(&k->problems);
        if (here && json) write_json(k, &w);
        else if (here) write_text(k);
        suite_deinit(&k->suite);
        arena_deinit(&k->arena);
        mem_free(k);
    }
    json_array_end(&w);
    json_member_bool(&w, "good", good && read);
    json_object_end(&w);
    if (json) printf(SLICE_FMT "\n", SLICE_ARG(buffer_slice(&out)));
    buffer_deinit(&out);
    return !read ? 3 : good ? 0 : 1;
}
