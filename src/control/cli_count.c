/* `quarterdeck cost count FILE --model M`. A public encoding needs nobody; for other models a server, or what it left in
 * data_dir, lends the factor that it has learned from the provider's own counts. */
#include "control/cli_cost_file.h"
#include "control/cli_verbs.h"
#include "control/config_file.h"
#include "cost/token_count.h"

#include <math.h>
#include <stdlib.h>

#define USAGE "quarterdeck cost count FILE --model M [options]"

bool cli_load_file(const char *path, struct buffer *out) {
    struct error error = {.fault = FAULT_NONE};
    if (config_file_load(strcmp(path, "-") == 0 ? "/dev/stdin" : path, out, &error) == FAULT_NONE) return true;
    fprintf(stderr, "quarterdeck: %s\n", error.text);
    return false;
}

/* What is known of the model: as it was named, or as the server has it. */
struct tokenizer {
    const char *provider, *model; /* provider NULL: not known */
    double factor;
    int64_t n; /* the provider's counts behind the factor; -1: nobody was asked */
};

/* -1, or the exit code after having said why not. */
static int ask(const struct client_options *o, struct tokenizer *t, struct client_answer *a) {
    struct buffer path;
    int code = 0;
    struct client *client = client_open(o, &code);
    if (!client) return code;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/cost/tokenizer"));
    client_add_query(&path, "model", t->model);
    code = client_call(client, "GET", buffer_text(&path), SLICE_NULL, a);
    if (code < 0) {
        struct slice provider = cli_value(a, 0, "provider"), model = cli_value(a, 0, "upstream_model");
        if (!slice_is_null(provider)) t->provider = arena_text(&a->arena, provider);
        if (!slice_is_null(model)) t->model = arena_text(&a->arena, model);
        (void)json_get_double(&a->doc, cli_at(a, 0, "factor"), &t->factor);
        if (!json_get_i64(&a->doc, cli_at(a, 0, "observations"), &t->n)) t->n = 0;
    }
    buffer_deinit(&path);
    client_close(client);
    return code;
}

static void print_count(const struct token_count *c, const struct tokenizer *t) {
    printf("%lld tokens of %s ", (long long)c->tokens, t->model);
    if (c->exact) printf("(%s, exact)\n", token_encoding_name(c->encoding));
    else if (t->n > 0) printf("(an estimate: o200k_base times %.3f, learned from %lld counts of the provider)\n", t->factor, (long long)t->n);
    else if (t->n == 0) printf("(an estimate: by o200k_base, with nothing learned yet of the provider's own counts)\n");
    else printf("(an estimate: by o200k_base; with -c or --server, by what was learned of the provider's own counts)\n");
}

static void print_json(const struct token_count *c, const struct tokenizer *t) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 16 << 10);
    json_start(&w, &out);
    json_object(&w);
    json_member_text(&w, "model", t->model);
    json_member_i64(&w, "tokens", c->tokens);
    json_member_text(&w, "encoding", token_encoding_name(c->encoding));
    json_member_bool(&w, "exact", c->exact);
    json_member_double(&w, "factor", t->n > 0 && !c->exact ? t->factor : NAN);
    json_key(&w, "observations");
    if (t->n >= 0 && !c->exact) json_put_i64(&w, t->n);
    else json_put_null(&w);
    json_object_end(&w);
    printf("%s\n", buffer_text(&out));
    buffer_deinit(&out);
}

static void count(struct slice text, struct tokenizer *t, bool json) {
    struct token_counter counter;
    token_counter_init(&counter, BPE_LONGEST_TOOL, TOKEN_WHOLE_TOOL, NULL);
    struct slice provider = t->provider ? slice_of(t->provider) : SLICE_NULL;
    struct token_count c = token_count_text(&counter, provider, slice_of(t->model), text);
    token_counter_deinit(&counter);
    if (!c.exact) c.tokens = llround((double)c.plain * t->factor);
    if (json) print_json(&c, t);
    else print_count(&c, t);
}

int cli_cost_count(int argc, char **argv) {
    struct tokenizer t = {.factor = 1, .n = -1};
    struct client_options o = {0};
    const struct option_spec specs[] = {
        {.name = "model", .letter = 'm', .required = true, .type = OPTION_TEXT, .value = &t.model, .metavar = "NAME",
         .help = "a model of a provider, such as gpt-4o-mini, or with -c or a server one of the configuration"},
        CLIENT_OPTIONS(o),
    };
    struct client_answer answer;
    struct buffer text;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, USAGE, &n);
    if (code < 0) code = cli_expect(USAGE, n, 1, 1);
    if (code >= 0) return code;
    const char *url = getenv("QUARTERDECK_URL");
    bool named = o.server || o.config || o.data_dir || (url && *url);
    buffer_init(&text, COST_FILE_MOST);
    client_answer_init(&answer);
    code = cli_load_file(argv[0], &text) ? -1 : 3;
    if (code < 0 && named && token_encoding_of(SLICE_NULL, slice_of(t.model)) == TOKEN_ESTIMATE) code = ask(&o, &t, &answer);
    if (code < 0) count(buffer_slice(&text), &t, o.json);
    client_answer_deinit(&answer);
    buffer_deinit(&text);
    return code < 0 ? 0 : code;
}
