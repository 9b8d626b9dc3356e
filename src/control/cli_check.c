/* `quarterdeck check`: every problem of a configuration at once, each with its place. */
#include "control/cli_verbs.h"

#include "control/config_file.h"

#define USAGE "quarterdeck check [-c FILE] [--json]"

static void write_json(bool good, const struct problems *problems) {
    struct buffer text;
    struct json_writer w;
    buffer_init(&text, LIMIT_CONFIG_FILE);
    json_start(&w, &text);
    json_object(&w);
    json_member_bool(&w, "good", good);
    json_member_bool(&w, "more", problems->more);
    json_key(&w, "problems");
    json_array(&w);
    for (unsigned i = 0; i < problems->count; i++) {
        json_object(&w);
        json_member_text(&w, "file", problems->items[i].file);
        json_member_i64(&w, "line", problems->items[i].line);
        json_member_i64(&w, "column", problems->items[i].column);
        json_member_text(&w, "text", problems->items[i].text);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
    printf(SLICE_FMT "\n", SLICE_ARG(buffer_slice(&text)));
    buffer_deinit(&text);
}

/* What a change has to pass, in one line a class. */
static void write_change(const struct change_policy *c) {
    static const char *const ways[] = {"direct", "canary", "shadow, then canary"};
    for (unsigned i = 0; i < CHANGE_CLASSES; i++)
        printf("change of class %s: %u approval%s by others, gate %s, %s, %s\n", change_class_name((enum change_class)i), c->of[i].reviewers,
               c->of[i].reviewers == 1 ? "" : "s", c->of[i].gate ? "required" : "not required", ways[c->of[i].rollout],
               c->of[i].person_promotes ? "a person promotes" : "promoted by its evidence");
}

static void write_text(const char *file, const struct policy *p, const struct problems *problems) {
    struct buffer text;
    buffer_init(&text, LIMIT_CONFIG_FILE);
    problems_write(problems, &text);
    printf(SLICE_FMT, SLICE_ARG(buffer_slice(&text)));
    buffer_deinit(&text);
    if (!p) return;
    printf("%s is good: %u application%s, %u model%s, %u target%s, %u provider%s\n", file, p->n_applications,
           p->n_applications == 1 ? "" : "s", p->n_models, p->n_models == 1 ? "" : "s", p->n_targets, p->n_targets == 1 ? "" : "s",
           p->n_providers, p->n_providers == 1 ? "" : "s");
    write_change(&p->change);
    for (unsigned m = 0; m < p->n_models; m++)
        for (unsigned t = 0; t < p->models[m].n_targets; t++) {
            const struct target *target = &p->models[m].targets[t];
            if (!target->price)
                printf("note: models.%s: no price is known for %s/%s, so its cost will be null; a file in `prices.files` may add one\n",
                       p->models[m].name, target->provider->name, target->model);
        }
    for (unsigned i = 0; i < p->n_applications; i++) {
        const struct application *a = &p->applications[i];
        bool semantic = a->requests.cache.semantic.ttl > 0;
        for (unsigned t = 0; t < a->n_request_types; t++) semantic |= a->request_types[t].cache.semantic.ttl > 0;
        if (semantic)
            printf("note: applications.%s: cache.semantic stays off until `quarterdeck cost cache-calibrate --application %s` has "
                   "verified a threshold\n", a->name, a->name);
    }
}

int cli_check(int argc, char **argv) {
    const char *file = "quarterdeck.yaml";
    bool json = false;
    const struct option_spec specs[] = {
        {.name = "config", .letter = 'c', .type = OPTION_TEXT, .value = &file, .metavar = "FILE", .help = "the configuration"},
        {.name = "json", .type = OPTION_FLAG, .value = &json, .help = "as JSON"},
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, USAGE, &n);
    if (code < 0) code = cli_expect(USAGE, n, 0, 0);
    if (code >= 0) return code;
    struct arena arena;
    struct policy *policy = NULL;
    struct problems problems = {0};
    struct error error = {.fault = FAULT_NONE};
    arena_init(&arena, 16 << 10, LIMIT_CONFIG_FILE);
    enum fault fault = config_file_read(file, NULL, &arena, &policy, &problems, &error);
    if (fault != FAULT_NONE && fault != FAULT_CONFIG) fprintf(stderr, "quarterdeck: %s\n", error.text);
    else if (json) write_json(fault == FAULT_NONE, &problems);
    else write_text(file, policy, &problems);
    policy_drop(policy);
    arena_deinit(&arena);
    return fault == FAULT_NONE ? 0 : fault == FAULT_CONFIG ? 1 : 3;
}
