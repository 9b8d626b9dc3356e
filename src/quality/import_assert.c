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
    const struct json_doc *doc;
    const struct mapping *mapping;
    uint32_t node, value; /* the assertion, and its value or JSON_NONE */
    struct slice type;    /* as declared */
    bool negated;
    int line;
    struct buffer out;    /* the check */
    struct json_writer w;
};

static void left_out(struct assertion *x, const char *why) {
    import_note(x->m, IMPORT_LEFT_OUT, x->a->file, x->line, x->a->where, SLICE_FMT ": %s", SLICE_ARG(x->type), why);
}

static uint32_t get(const struct assertion *x, const char *key) {
    uint32_t n = json_get(x->doc, x->node, key);
    return json_type(x->doc, n) == JSON_NULL ? JSON_NONE : n;
}

static struct slice get_text(const struct assertion *x, const char *key) {
    return json_string(x->doc, get(x, key), x->m->arena);
}

static const struct mapping *find(struct slice name) {
    for (size_t i = 0; i < sizeof mappings / sizeof *mappings; i++)
        if (slice_is(name, mappings[i].theirs)) return &mappings[i];
    return NULL;
}

/* ---- values ---- */

static bool copy(struct assertion *x) {
    if (x->value != JSON_NONE) json_member_raw(&x->w, "value", json_raw(x->doc, x->value));
    return true;
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
    struct slice provider = import_provider(x->doc, get(x, "provider"), x->m->arena);
    if (slice_is_null(provider)) provider = SLICE("openai:embedding:text-embedding-3-large");
    struct slice model = import_model(x->m, provider);
    copy(x);
    json_member_string(&x->w, "model", model);
    return true;
}

static void put_judge(struct assertion *x, const char *scale) {
    struct slice provider = import_provider(x->doc, get(x, "provider"), x->m->arena);
    if (slice_is_null(provider)) provider = x->a->grader;
    if (slice_is_null(provider)) provider = SLICE("grader");
    if (!x->m->names_judges) return;
    json_member_string(&x->w, "judge", import_judge(x->m, provider, scale));
}

static bool rubric(struct assertion *x) {
    struct slice text = json_string(x->doc, x->value, x->m->arena);
    if (slice_is_null(text) || text.len == 0) {
        left_out(x, x->value == JSON_NONE ? "it has no rubric" : "its rubric is no text");
        return false;
    }
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
    if (good) json_member_string(&x->w, "rubric", buffer_slice(&text));
    else left_out(x, "its criteria are no texts");
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
    case CODE: return copy(x);
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
    static const char *const known[] = {"type", "value", "threshold", "weight", "metric", "transform", "contextTransform", "config", "$ref"};
    bool judge = x->mapping->how == RUBRIC || x->mapping->how == CRITERIA || x->mapping->how == FACTS ||
                 x->mapping->how == CONTEXT || x->mapping->how == ASKED;
    uint32_t cursor = JSON_NONE, key, value;
    while (json_each_member(x->doc, x->node, &cursor, &key, &value)) {
        struct slice name = json_string(x->doc, key, x->m->arena);
        bool found = slice_is(name, "provider") && (judge || x->mapping->how == SIMILAR);
        for (size_t i = 0; i < sizeof known / sizeof *known && !found; i++) found = slice_is(name, known[i]);
        if (!found && json_type(x->doc, value) != JSON_NULL)
            import_note(x->m, IMPORT_LEFT_OUT, x->a->file, declared_line(x->a->d, key), x->a->where,
                        "`" SLICE_FMT "` of " SLICE_FMT ": it has no counterpart", SLICE_ARG(name), SLICE_ARG(x->type));
    }
    if (x->mapping->remark != NULL)
        import_note(x->m, IMPORT_DIFFERS, x->a->file, x->line, x->a->where, SLICE_FMT ": %s", SLICE_ARG(x->type), x->mapping->remark);
}

static void write_rest(struct assertion *x) {
    double weight = 1, threshold;
    struct slice metric = get_text(x, "metric");
    (void)json_get_double(x->doc, get(x, "weight"), &weight);
    weight *= x->a->scale_weight;
    if ((x->mapping->flags & TAKES_THRESHOLD) && json_get_double(x->doc, get(x, "threshold"), &threshold))
        json_member_double(&x->w, "threshold", threshold);
    if (weight != 1) json_member_double(&x->w, "weight", weight);
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
    if (!is_plain(x)) return;
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

void import_assert(struct import *m, const struct import_assert *a, struct json_writer *w) {
    struct assertion x = {.m = m, .a = a, .doc = &a->d->doc, .node = a->node, .line = declared_line(a->d, a->node)};
    x.type = get_text(&x, "type");
    if (slice_is_null(x.type)) {
        x.type = SLICE("assertion");
        left_out(&x, "it has no type");
        return;
    }
    one(&x, w);
}

/* ---- the short form ---- */

static bool is_known(struct slice name) {
    return find(name) != NULL || slice_starts(name, SLICE("trajectory:"));
}

/* "type(0.8):value" of a known type. */
static bool split_short(struct slice text, struct slice *ret_type, double *ret_threshold, struct slice *ret_value) {
    struct slice head, value, name;
    bool colon = slice_cut(text, ':', &head, &value);
    /* names with a colon of their own */
    if (colon && slice_is(head, "similar")) {
        struct slice more, rest;
        (void)slice_cut(value, ':', &more, &rest);
        struct slice whole = slice_make(text.at, head.len + 1 + more.len);
        if (find(whole) != NULL) {
            head = whole;
            value = rest;
        }
    }
    name = head;
    *ret_threshold = NAN;
    if (head.len > 0 && head.at[head.len - 1] == ')') {
        struct slice number;
        if (!slice_cut(head, '(', &name, &number)) return false;
        number.len--;
        if (!slice_to_double(number, ret_threshold)) return false;
    }
    struct slice base = slice_starts(name, SLICE("not-")) ? slice_make(name.at + 4, name.len - 4) : name;
    if (!is_known(base)) return false;
    *ret_type = name;
    *ret_value = colon ? slice_trim(value) : SLICE_NULL;
    return true;
}

static struct slice behind(struct slice text, const char *prefix) {
    return slice_trim(slice_make(text.at + strlen(prefix), text.len - strlen(prefix)));
}

static void read_short(struct slice text, struct slice *ret_type, double *ret_threshold, struct slice *ret_value) {
    static const char *const code[][2] = {
        {"javascript:", "javascript"}, {"fn:", "javascript"}, {"eval:", "javascript"},
        {"grade:", "llm-rubric"},      {"llm-rubric:", "llm-rubric"}, {"python:", "python"},
    };
    *ret_threshold = NAN;
    for (size_t i = 0; i < sizeof code / sizeof *code; i++)
        if (slice_starts(text, slice_of(code[i][0]))) {
            *ret_type = slice_of(code[i][1]);
            *ret_value = behind(text, code[i][0]);
            return;
        }
    bool file = slice_starts(text, SLICE("file://"));
    if (file && (slice_ends(text, SLICE(".py")) || slice_contains(text, SLICE(".py:")))) {
        *ret_type = SLICE("python");
        *ret_value = text;
        return;
    }
    if (file) {
        *ret_type = SLICE("javascript");
        *ret_value = text;
        return;
    }
    if (split_short(text, ret_type, ret_threshold, ret_value)) return;
    *ret_type = SLICE("equals");
    *ret_value = text;
}

/* Those to which promptfoo gives a threshold of 0.75 (similar: 0.8) in the short form. */
static double short_threshold(struct slice type) {
    static const char *const types[] = {"answer-relevance", "context-faithfulness", "cost", "latency", "levenshtein", "rouge-n"};
    if (slice_starts(type, SLICE("not-"))) type = slice_make(type.at + 4, type.len - 4);
    if (slice_is(type, "similar")) return 0.8;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (slice_is(type, types[i])) return 0.75;
    return NAN;
}

void import_assert_short(struct import *m, struct slice text, struct slice metric, double threshold, const char *file, int line,
                         struct slice where, struct json_writer *w) {
    struct slice type, value = SLICE_NULL;
    double own;
    read_short(slice_trim(text), &type, &own, &value);
    if (isnan(threshold)) threshold = isnan(own) ? short_threshold(type) : own;
    struct buffer json;
    struct json_writer one;
    struct declared d;
    struct error error = {.fault = FAULT_NONE};
    buffer_init(&json, LIMIT_SUITE_FILE);
    json_start(&one, &json);
    json_object(&one);
    json_member_string(&one, "type", type);
    if (!slice_is_null(value)) json_member_string(&one, "value", value);
    if (!isnan(threshold)) json_member_double(&one, "threshold", threshold);
    if (metric.len > 0) json_member_string(&one, "metric", metric);
    json_object_end(&one);
    struct slice kept = arena_slice(m->arena, buffer_slice(&json));
    buffer_deinit(&json);
    int *lines = arena_new_array(m->arena, int, 12);
    if (kept.at == NULL || lines == NULL || declared_from_json(kept, m->arena, &d, &error) != FAULT_NONE) {
        import_note(m, IMPORT_LEFT_OUT, file, line, where, "%s", kept.at == NULL ? "the file needs more memory than it may have" : error.text);
        return;
    }
    for (uint32_t i = 0; i < 12; i++) lines[i] = line;
    d.lines = lines;
    const struct import_assert a = {.d = &d, .file = file, .where = where, .templates = JSON_NONE, .scale_weight = 1};
    import_assert(m, &a, w);
}
