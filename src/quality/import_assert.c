#include "quality/import_assert.h"

#include "quality/check.h"
#include "quality/import_private.h"

#include <math.h>
#include <stdio.h>

/* How a `value` comes over. */
enum how {
    SAME,     /* as it stands */
    COMMAS,   /* as it stands; the short form is split at commas by check_read */
    SCHEMA,   /* a schema: a map, or a text of YAML or JSON */
    SIMILAR,  /* embeddings: `provider` is the model */
    CODE,     /* a program's text */
    RUBRIC,   /* the value is the rubric */
    CRITERIA, /* one or several, on a scale */
    FACTS,    /* the value is what is true */
    CONTEXT,  /* a judge reads the case's context */
    ASKED,    /* a judge reads what was asked */
    NOTHING,  /* no counterpart; `remark` says why */
};

#define TAKES_THRESHOLD 1u

static const struct mapping {
    const char *theirs, *ours;
    enum how how;
    unsigned flags;
    const char *remark; /* what differs; of NOTHING why */
} mappings[] = {
    {"equals", "equals", SAME, 0, NULL},
    {"contains", "contains", SAME, 0, NULL},
    {"icontains", "icontains", SAME, 0, NULL},
    {"contains-any", "contains-any", COMMAS, 0, NULL},
    {"contains-all", "contains-all", COMMAS, 0, NULL},
    {"icontains-any", "icontains-any", COMMAS, 0, NULL},
    {"icontains-all", "icontains-all", COMMAS, 0, NULL},
    {"starts-with", "starts-with", SAME, 0, NULL},
    {"regex", "regex", SAME, 0, NULL},
    {"is-json", "is-json", SCHEMA, 0, NULL},
    {"contains-json", "contains-json", SCHEMA, 0, NULL},
    {"levenshtein", "levenshtein", SAME, TAKES_THRESHOLD, NULL},
    {"rouge-n", "rouge-n", SAME, TAKES_THRESHOLD,
     "words are compared in lower case and without punctuation; promptfoo keeps both, so scores differ in the second digit"},
    {"bleu", "bleu", SAME, TAKES_THRESHOLD,
     "computed as sacreBLEU does; promptfoo parts at spaces, folds case and its brevity penalty can exceed 1"},
    {"word-count", "word-count", SAME, 0, NULL},
    {"is-refusal", "is-refusal", SAME, 0,
     "found by phrases of several languages that differ from promptfoo's; no answer at all is an error here, a refusal there"},
    {"latency", "latency", SAME, TAKES_THRESHOLD, NULL},
    {"cost", "cost", SAME, TAKES_THRESHOLD, NULL},
    {"finish-reason", "finish-reason", SAME, 0, NULL},
    {"tool-call-f1", "tool-call-f1", COMMAS, TAKES_THRESHOLD, NULL},
    {"similar", "similar", SIMILAR, TAKES_THRESHOLD, NULL},
    {"similar:cosine", "similar", SIMILAR, TAKES_THRESHOLD, NULL},
    {"javascript", "javascript", CODE, TAKES_THRESHOLD, NULL},
    {"python", "python", CODE, TAKES_THRESHOLD, NULL},
    {"llm-rubric", "judge", RUBRIC, TAKES_THRESHOLD, "graded in our words: promptfoo's grader has a prompt of its own"},
    {"model-graded-closedqa", "judge", RUBRIC, 0, "graded in our words: promptfoo's grader has a prompt of its own"},
    {"g-eval", "judge", CRITERIA, TAKES_THRESHOLD, "graded from 1 to 5 in one question; promptfoo first asks for steps"},
    {"factuality", "judge", FACTS, 0, "graded as consistent with the reference or not; promptfoo asks for one of five letters"},
    {"model-graded-factuality", "judge", FACTS, 0,
     "graded as consistent with the reference or not; promptfoo asks for one of five letters"},
    {"answer-relevance", "relevant", ASKED, TAKES_THRESHOLD,
     "a judge says how relevant the answer is; promptfoo compares embeddings of questions made from it"},
    {"context-faithfulness", "faithful", CONTEXT, TAKES_THRESHOLD, "claims are found and judged in one question; promptfoo asks twice"},
    /* what has no counterpart */
    {"similar:dot", NULL, NOTHING, 0, "there is only the cosine"},
    {"similar:euclidean", NULL, NOTHING, 0, "there is only the cosine"},
    {"gleu", NULL, NOTHING, 0, "there is no such check; bleu is near"},
    {"meteor", NULL, NOTHING, 0, "there is no such check; similar is near"},
    {"perplexity", NULL, NOTHING, 0, "answers' log probabilities are not read"},
    {"perplexity-score", NULL, NOTHING, 0, "answers' log probabilities are not read"},
    {"is-xml", NULL, NOTHING, 0, "there is no such check; exec or python can say it"},
    {"contains-xml", NULL, NOTHING, 0, "there is no such check; exec or python can say it"},
    {"is-html", NULL, NOTHING, 0, "there is no such check; exec or python can say it"},
    {"contains-html", NULL, NOTHING, 0, "there is no such check; exec or python can say it"},
    {"is-sql", NULL, NOTHING, 0, "there is no such check; exec or python can say it"},
    {"contains-sql", NULL, NOTHING, 0, "there is no such check; exec or python can say it"},
    {"ruby", NULL, NOTHING, 0, "Ruby is not run; exec can run a program"},
    {"webhook", NULL, NOTHING, 0, "no addresses are called; exec can run a program that does"},
    {"is-valid-function-call", NULL, NOTHING, 0, "tools of a provider's config are not read; tool-call has a `schema`"},
    {"is-valid-openai-function-call", NULL, NOTHING, 0, "tools of a provider's config are not read; tool-call has a `schema`"},
    {"is-valid-openai-tools-call", NULL, NOTHING, 0, "tools of a provider's config are not read; tool-call has a `schema`"},
    {"skill-used", NULL, NOTHING, 0, "answers hold no skills; tool-call looks at tools"},
    {"context-recall", NULL, NOTHING, 0, "it grades the retrieval, not the answer; a judge's rubric may say it"},
    {"context-relevance", NULL, NOTHING, 0, "it grades the retrieval, not the answer; a judge's rubric may say it"},
    {"conversation-relevance", NULL, NOTHING, 0, "there is no such check; a judge's rubric may say it"},
    {"search-rubric", NULL, NOTHING, 0, "judges do not search the web"},
    {"agent-rubric", NULL, NOTHING, 0, "judges are models, not agents"},
    {"pi", NULL, NOTHING, 0, "it is a service of its own; a judge's rubric may say it"},
    {"classifier", NULL, NOTHING, 0, "no classifiers are called; exec can run one"},
    {"moderation", NULL, NOTHING, 0, "no moderation is called; exec can run one"},
    {"guardrails", NULL, NOTHING, 0, "providers' guardrails are not read"},
    {"select-best", NULL, NOTHING, 0, "it compares outputs of one test; `eval compare` compares runs"},
    {"max-score", NULL, NOTHING, 0, "it compares outputs of one test; `eval compare` compares runs"},
    {"human", NULL, NOTHING, 0, "people review by `quarterdeck review`"},
    {"trace-span-count", NULL, NOTHING, 0, "answers hold no traces"},
    {"trace-span-duration", NULL, NOTHING, 0, "answers hold no traces"},
    {"trace-error-spans", NULL, NOTHING, 0, "answers hold no traces"},
};

struct assertion {
    struct import *m;
    const struct import_assert *a;
    const struct json_doc *doc; /* that `value` is of: the assertion's, or a file's */
    const struct mapping *mapping;
    uint32_t value;       /* JSON_NONE: none */
    struct slice type;    /* as declared */
    bool negated;
    int line;
    struct buffer out;    /* the check */
    struct json_writer w;
};

static void left_out(struct assertion *x, const char *why) {
    import_note(x->m, IMPORT_LEFT_OUT, x->a->file, x->line, x->a->where, SLICE_FMT ": %s", SLICE_ARG(x->type), why);
}

static const struct json_doc *own(const struct assertion *x) {
    return &x->a->d->doc;
}

static uint32_t get(const struct assertion *x, const char *key) {
    uint32_t n = json_get(own(x), x->a->node, key);
    return json_type(own(x), n) == JSON_NULL ? JSON_NONE : n;
}

static struct slice get_text(const struct assertion *x, const char *key) {
    return json_string(own(x), get(x, key), x->m->arena);
}

static const struct mapping *find(struct slice name) {
    for (size_t i = 0; i < sizeof mappings / sizeof *mappings; i++)
        if (slice_is(name, mappings[i].theirs)) return &mappings[i];
    return NULL;
}

bool import_knows_assert(struct slice name) {
    return find(name) != NULL || slice_starts(name, SLICE("trajectory:"));
}

/* ---- values ---- */

/* The value, or what the file that it names holds: `doc` and `value` are then that document's. False after a note. */
static bool load(struct assertion *x) {
    struct slice name = json_string(x->doc, x->value, x->m->arena), path, text, ext = import_extension(name);
    struct json_writer w;
    struct buffer json;
    struct declared *d = NULL;
    struct error error = {.fault = FAULT_NONE};
    const struct import_layer at = {x->a->d, x->a->node, x->a->file, x->a->where};
    if (name.at == NULL || !slice_starts(name, SLICE("file://"))) return true;
    if (x->a->p == NULL) {
        left_out(x, "its value is a file, which cannot be named here");
        return false;
    }
    bool code = x->mapping->how == CODE;
    struct slice function = SLICE_NULL;
    if (code && !slice_contains(ext, SLICE(":"))) ext = import_extension(name);
    else if (code) (void)slice_cut(ext, ':', &ext, &function);
    if (function.at != NULL) name.len -= function.len + 1;
    if (!code && (slice_is(ext, ".js") || slice_is(ext, ".mjs") || slice_is(ext, ".cjs") || slice_is(ext, ".ts") || slice_is(ext, ".py"))) {
        left_out(x, "its value would come from code");
        return false;
    }
    if (!code && (slice_is(ext, ".yaml") || slice_is(ext, ".yml") || slice_is(ext, ".json"))) {
        if (!import_load_declared(x->a->p, &at, x->a->node, name, &path, &d)) return false;
        x->doc = &d->doc;
        x->value = 0;
        return true;
    }
    if (!import_load(x->a->p, &at, x->a->node, name, &path, &text)) return false;
    buffer_init(&json, LIMIT_SUITE_FILE);
    json_start(&w, &json);
    if (function.len > 0 && slice_is(ext, ".py") && !slice_is(function, "get_assert"))
        text = arena_printf(x->m->arena, SLICE_FMT "\n\ndef get_assert(output, context):\n    return " SLICE_FMT "(output, context)\n",
                            SLICE_ARG(text), SLICE_ARG(function));
    json_put_string(&w, text);
    struct slice kept = arena_slice(x->m->arena, buffer_slice(&json));
    bool good = kept.at != NULL;
    buffer_deinit(&json);
    d = arena_new(x->m->arena, struct declared);
    if (good && code && slice_is(ext, ".ts")) {
        left_out(x, "TypeScript is not run");
        good = false;
    } else if (good && function.len > 0 && !slice_is(ext, ".py")) {
        left_out(x, "only a file's default export is run");
        good = false;
    } else if (good && code && (slice_contains(text, SLICE("require('.")) || slice_contains(text, SLICE("require(\".")) ||
                                slice_contains(text, SLICE("from '.")) || slice_contains(text, SLICE("from \"."))  || slice_contains(text, SLICE("from .")))) {
        left_out(x, "its code needs other files");
        good = false;
    }
    if (!good || d == NULL || declared_from_json(kept, x->m->arena, d, &error) != FAULT_NONE) return false;
    x->doc = &d->doc;
    x->value = 0;
    return true;
}

static bool copy(struct assertion *x) {
    if (x->value != JSON_NONE) json_member_raw(&x->w, "value", json_raw(x->doc, x->value));
    return true;
}

/* Ours is no template: promptfoo would put variables into the code. */
static bool code(struct assertion *x) {
    struct slice text = json_string(x->doc, x->value, x->m->arena);
    if (text.at == NULL || slice_trim(text).len == 0) {
        left_out(x, "it has no code");
        return false;
    }
    const char *open = memmem(text.at, text.len, "{{", 2);
    if (x->doc == &x->a->d->doc && open != NULL && memmem(open, text.len - (size_t)(open - text.at), "}}", 2) != NULL) {
        left_out(x, "its code holds a template; context.vars has the variables");
        return false;
    }
    return copy(x);
}

/* ajv asserts formats, and reads a text as YAML. */
static bool schema(struct assertion *x) {
    struct slice text = json_string(x->doc, x->value, x->m->arena), raw = json_raw(x->doc, x->value);
    struct yaml_node *root = NULL;
    struct declared d;
    int line = 0;
    if (x->value == JSON_NONE || (text.at != NULL && text.len == 0)) return true;
    if (text.at != NULL) {
        struct error error = {.fault = FAULT_NONE};
        if (slice_contains(text, SLICE("{{"))) {
            left_out(x, "a schema with a template");
            return false;
        }
        if (yaml_read(text, x->m->arena, &root, &line, &error) != FAULT_NONE ||
            declared_from_yaml(root, x->m->arena, &d, &error) != FAULT_NONE) {
            import_note(x->m, IMPORT_LEFT_OUT, x->a->file, x->line, x->a->where, SLICE_FMT ": its schema is neither JSON nor YAML: %s",
                        SLICE_ARG(x->type), error.text);
            return false;
        }
        raw = json_raw(&d.doc, 0);
    }
    json_member_raw(&x->w, "value", raw);
    if (slice_contains(raw, SLICE("\"format\""))) json_member_text(&x->w, "formats", "assert");
    return true;
}

/* promptfoo takes OpenAI's large embedding unless told otherwise. */
static bool similar(struct assertion *x) {
    struct slice provider = import_provider(own(x), get(x, "provider"), x->m->arena);
    if (slice_is_null(provider)) provider = SLICE("openai:embedding:text-embedding-3-large");
    struct slice model = import_model(x->m, provider);
    copy(x);
    json_member_string(&x->w, "model", model);
    return true;
}

static void put_judge(struct assertion *x, const char *scale) {
    struct slice provider = import_provider(own(x), get(x, "provider"), x->m->arena);
    if (slice_is_null(provider)) provider = x->a->grader;
    if (slice_is_null(provider)) provider = SLICE("grader");
    if (!x->m->names_judges) return;
    json_member_string(&x->w, "judge", import_judge(x->m, provider, scale));
}

/* A rubric may be a template, which nobody else looks at before a run. */
static bool is_sound(struct assertion *x, struct slice text) {
    struct error error = {.fault = FAULT_NONE};
    bool any;
    if (template_check(text, &any, &error)) return true;
    left_out(x, error.text);
    return false;
}

static bool rubric(struct assertion *x) {
    struct slice text = json_string(x->doc, x->value, x->m->arena);
    if (slice_is_null(text) || text.len == 0) {
        left_out(x, x->value == JSON_NONE ? "it has no rubric" : "its rubric is no text");
        return false;
    }
    if (!is_sound(x, text)) return false;
    json_member_string(&x->w, "rubric", text);
    put_judge(x, (x->mapping->flags & TAKES_THRESHOLD) && get(x, "threshold") != JSON_NONE ? "1-5" : "binary");
    return true;
}

static bool criteria(struct assertion *x) {
    struct buffer text;
    uint32_t cursor = JSON_NONE, item;
    struct slice one = json_string(x->doc, x->value, x->m->arena);
    unsigned n = 0;
    buffer_init(&text, LIMIT_CASE_TEXT);
    if (one.at != NULL) buffer_append(&text, one);
    while (json_each_item(x->doc, x->value, &cursor, &item)) {
        buffer_printf(&text, "%s%u. ", n > 0 ? "\n" : "", n + 1);
        buffer_append(&text, json_string(x->doc, item, x->m->arena));
        n++;
    }
    bool good = text.len > 0 && !text.overflow;
    if (!good) left_out(x, "its criteria are no texts");
    good = good && is_sound(x, buffer_slice(&text));
    if (good) json_member_string(&x->w, "rubric", buffer_slice(&text));
    buffer_deinit(&text);
    if (good && get(x, "threshold") == JSON_NONE) json_member_double(&x->w, "threshold", 0.7);
    if (good) put_judge(x, "1-5");
    return good;
}

static bool facts(struct assertion *x) {
    struct slice text = json_string(x->doc, x->value, x->m->arena);
    if (slice_is_null(text) || text.len == 0) {
        left_out(x, "its reference is no text");
        return false;
    }
    if (!is_sound(x, text)) return false;
    struct slice rubric = arena_printf(x->m->arena,
                                       "The answer is factually consistent with this reference. It may say less or more than the "
                                       "reference, or differ in what does not matter to the facts, but must not contradict it. "
                                       "Reference: " SLICE_FMT,
                                       SLICE_ARG(text));
    json_member_string(&x->w, "rubric", rubric);
    put_judge(x, "binary");
    return true;
}

/* promptfoo lets any score pass when no threshold is declared. */
static bool judged(struct assertion *x) {
    if (get(x, "threshold") == JSON_NONE) json_member_i64(&x->w, "threshold", 0);
    put_judge(x, "binary");
    return true;
}

static bool write_value(struct assertion *x) {
    switch (x->mapping->how) {
    case SAME:
    case COMMAS: return copy(x);
    case SCHEMA: return schema(x);
    case SIMILAR: return similar(x);
    case CODE: return code(x);
    case RUBRIC: return rubric(x);
    case CRITERIA: return criteria(x);
    case FACTS: return facts(x);
    case CONTEXT:
    case ASKED: return judged(x);
    case NOTHING: break;
    }
    left_out(x, x->mapping->remark);
    return false;
}

/* ---- one assertion ---- */

/* Members that change what is looked at: without them the assertion would say something else. */
static bool is_plain(struct assertion *x) {
    static const char *const changes[][2] = {
        {"transform", "the answer would have to be transformed first"},
        {"contextTransform", "the context would have to be taken from the answer"},
        {"config", "it has a `config`"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        if (get(x, changes[i][0]) != JSON_NONE) {
            left_out(x, changes[i][1]);
            return false;
        }
    return true;
}

static void note_rest(struct assertion *x) {
    static const char *const known[] = {"type", "value", "threshold", "weight", "metric", "transform", "contextTransform", "config", "$ref", "description"};
    bool judge = x->mapping->how == RUBRIC || x->mapping->how == CRITERIA || x->mapping->how == FACTS ||
                 x->mapping->how == CONTEXT || x->mapping->how == ASKED;
    uint32_t cursor = JSON_NONE, key, value;
    while (json_each_member(own(x), x->a->node, &cursor, &key, &value)) {
        struct slice name = json_string(own(x), key, x->m->arena);
        bool found = slice_is(name, "provider") && (judge || x->mapping->how == SIMILAR);
        for (size_t i = 0; i < sizeof known / sizeof *known && !found; i++) found = slice_is(name, known[i]);
        if (!found && json_type(own(x), value) != JSON_NULL)
            import_note(x->m, IMPORT_LEFT_OUT, x->a->file, declared_line(x->a->d, key), x->a->where,
                        "`" SLICE_FMT "` of " SLICE_FMT ": it has no counterpart", SLICE_ARG(name), SLICE_ARG(x->type));
    }
    if (get(x, "description") != JSON_NONE && !x->m->told_descriptions) {
        x->m->told_descriptions = !x->m->quiet;
        import_note(x->m, IMPORT_DIFFERS, x->a->file, x->line, x->a->where, "`description` of an assertion, here and elsewhere: checks have none");
    }
    if (!(x->mapping->flags & TAKES_THRESHOLD) && json_type(own(x), get(x, "threshold")) == JSON_NUMBER)
        import_note(x->m, IMPORT_LEFT_OUT, x->a->file, x->line, x->a->where, "`threshold` of " SLICE_FMT ": it passes or fails, and has none",
                    SLICE_ARG(x->type));
    if (x->mapping->remark != NULL)
        import_note(x->m, IMPORT_DIFFERS, x->a->file, x->line, x->a->where, SLICE_FMT ": %s", SLICE_ARG(x->type), x->mapping->remark);
}

static void write_rest(struct assertion *x) {
    double weight = 1, threshold;
    struct slice metric = get_text(x, "metric");
    (void)json_get_double(own(x), get(x, "weight"), &weight);
    weight *= x->a->scale_weight;
    if ((x->mapping->flags & TAKES_THRESHOLD) && json_get_double(own(x), get(x, "threshold"), &threshold))
        json_member_double(&x->w, "threshold", threshold);
    if (weight != 1) json_member_double(&x->w, "weight", weight);
    if (metric.at == NULL) metric = x->a->metric;
    if (metric.len > 0) json_member_string(&x->w, "metric", metric);
}

/* What was written is a check, or its complaint is noted. */
static bool reads(struct assertion *x) {
    struct declared d;
    struct check c = {0};
    struct arena arena;
    struct error error = {.fault = FAULT_NONE};
    arena_init(&arena, 16 << 10, LIMIT_SUITE_FILE);
    bool good = declared_from_json(buffer_slice(&x->out), &arena, &d, &error) == FAULT_NONE &&
                check_read(&d, 0, &arena, &c, NULL, &error) == FAULT_NONE;
    if (good) check_deinit(&c);
    else left_out(x, error.text);
    arena_deinit(&arena);
    return good;
}

static void one(struct assertion *x, struct json_writer *w) {
    struct slice name = x->type;
    x->negated = slice_starts(name, SLICE("not-"));
    if (x->negated) name = slice_make(name.at + 4, name.len - 4);
    x->mapping = find(name);
    x->value = get(x, "value");
    if (x->mapping == NULL) {
        left_out(x, slice_starts(name, SLICE("trajectory:")) ? "answers hold no traces; tool-call looks at tools"
                                                              : "no check has that name");
        return;
    }
    if (x->mapping->how == NOTHING) {
        left_out(x, x->mapping->remark);
        return;
    }
    struct slice metric = get_text(x, "metric"), type;
    if (metric.at != NULL && slice_contains(metric, SLICE("{{"))) {
        left_out(x, "the name of its metric is a template");
        return;
    }
    if (!is_plain(x) || !load(x)) return;
    buffer_init(&x->out, LIMIT_CASE_TEXT);
    json_start(&x->w, &x->out);
    json_object(&x->w);
    type = arena_printf(x->m->arena, "%s%s", x->negated ? "not-" : "", x->mapping->ours);
    json_member_string(&x->w, "type", type);
    if (write_value(x)) {
        write_rest(x);
        json_object_end(&x->w);
        if (reads(x)) {
            json_put_raw(w, buffer_slice(&x->out));
            note_rest(x);
        }
    }
    buffer_deinit(&x->out);
}

/* ---- sets and references ---- */

static void put_list(struct import *m, const struct import_assert *in, uint32_t list, double scale, struct slice metric, struct json_writer *w);

/* The score of a set without a threshold is the mean of its checks, and all of them must pass: so they may stand in its place, with
 * weights that share its own. */
static void put_set(struct import *m, const struct import_assert *a, struct json_writer *w) {
    const struct json_doc *d = &a->d->doc;
    uint32_t list = json_get(d, a->node, "assert"), cursor = JSON_NONE, item;
    double sum = 0, weight = 1, one;
    struct slice metric = json_string(d, json_get(d, a->node, "metric"), m->arena);
    struct assertion x = {.m = m, .a = a, .type = SLICE("assert-set"), .line = declared_line(a->d, a->node)};
    (void)json_get_double(d, json_get(d, a->node, "weight"), &weight);
    for (cursor = JSON_NONE; json_each_item(d, list, &cursor, &item);) {
        one = 1;
        (void)json_get_double(d, json_get(d, item, "weight"), &one);
        sum += one;
        if (metric.at != NULL && json_get(d, item, "metric") != JSON_NONE) {
            left_out(&x, "it has a metric, and so has one of its assertions");
            return;
        }
    }
    if (json_get(d, a->node, "threshold") != JSON_NONE) {
        left_out(&x, "it passes at a threshold, whichever of its assertions fail; a case has a `threshold` of all its checks");
        return;
    }
    if (a->in_set) {
        left_out(&x, "it stands in another one");
        return;
    }
    if (json_get(d, a->node, "config") != JSON_NONE) left_out(&x, "its `config`");
    struct import_assert in = *a;
    in.in_set = true;
    put_list(m, &in, list, sum > 0 ? a->scale_weight * weight / sum : 0, metric, w);
}

/* {$ref: "#/assertionTemplates/x"}: members beside it win, as a merge. */
static bool follow(struct import *m, const struct import_assert *a, struct import_assert *ret) {
    const struct json_doc *d = &a->d->doc;
    struct slice ref = json_string(d, json_get(d, a->node, "$ref"), m->arena), part, rest = ref;
    struct assertion x = {.m = m, .a = a, .type = SLICE("$ref"), .line = declared_line(a->d, a->node)};
    *ret = *a;
    if (ref.at == NULL) return true;
    uint32_t node = 0;
    if (a->p == NULL || !slice_starts(ref, SLICE("#/")) || json_size(d, a->node) != 1) {
        left_out(&x, "expected a reference as `#/assertionTemplates/NAME`, alone");
        return false;
    }
    ret->d = &a->p->root;
    rest = slice_make(ref.at + 2, ref.len - 2);
    for (bool more = true; more;) {
        more = slice_cut(rest, '/', &part, &rest);
        node = json_get_slice(&ret->d->doc, node, part);
    }
    ret->node = node;
    if (node != JSON_NONE && json_get(&ret->d->doc, node, "$ref") == JSON_NONE) return true;
    left_out(&x, "nothing is there");
    return false;
}

static void put_list(struct import *m, const struct import_assert *in, uint32_t list, double scale, struct slice metric, struct json_writer *w) {
    const struct json_doc *d = &in->d->doc;
    uint32_t cursor = JSON_NONE, item;
    for (unsigned i = 0; json_each_item(d, list, &cursor, &item); i++) {
        struct import_assert one = *in, a;
        one.node = item;
        one.where = arena_printf(m->arena, SLICE_FMT ".assert[%u]", SLICE_ARG(in->where), i);
        one.scale_weight = scale;
        one.metric = metric;
        if (!follow(m, &one, &a)) continue;
        if (json_is(&a.d->doc, json_get(&a.d->doc, a.node, "type"), "assert-set")) put_set(m, &a, w);
        else import_assert(m, &a, w);
    }
}

bool import_asserts(struct promptfoo *p, const struct import_layer *at, struct slice grader, struct json_writer *w) {
    uint32_t list = json_get(&at->d->doc, at->node, "assert");
    const struct import_assert in = {.d = at->d, .file = at->file, .where = at->where, .p = p, .grader = grader};
    if (list == JSON_NONE || json_type(&at->d->doc, list) == JSON_NULL) return false;
    if (json_type(&at->d->doc, list) != JSON_ARRAY) import_left(p, at, list, "`assert`: expected a list");
    put_list(p->m, &in, list, 1, SLICE_NULL, w);
    return true;
}

void import_assert(struct import *m, const struct import_assert *a, struct json_writer *w) {
    struct assertion x = {.m = m, .a = a, .doc = &a->d->doc, .line = declared_line(a->d, a->node)};
    x.type = get_text(&x, "type");
    if (slice_is_null(x.type)) {
        x.type = SLICE("assertion");
        left_out(&x, "it has no type");
        return;
    }
    one(&x, w);
}
