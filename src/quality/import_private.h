/* What the readers of other tools' evaluations share. Private to import*.c and case_row.c. */
#ifndef QUALITY_IMPORT_PRIVATE_H
#define QUALITY_IMPORT_PRIVATE_H

#include "base/table.h"
#include "quality/import_assert.h"
#include "quality/import_promptfoo.h"

/* The id of a provider: a text, {id: ...}, or {text: 's is its config'}; SLICE_NULL for anything else. */
struct slice import_provider(const struct json_doc *d, uint32_t node, struct arena *arena);
bool import_knows_assert(struct slice name); /* a type that promptfoo has, without not- */
/* The assertion that the short form says, as JSON. */
void import_short_json(struct slice text, struct slice metric, double threshold, struct json_writer *w);

/* ---- a promptfoo configuration under way ---- */

/* A map in some file: a test, what tests have by default, a row of a scenario. */
struct import_layer {
    const struct declared *d;
    uint32_t node;
    const char *file;
    struct slice where; /* "tests[3]" */
};

struct import_prompt {
    struct slice id, label;
    struct slice name;     /* for its suite: a label or a file's; SLICE_NULL */
    struct slice text;     /* one message of the user; SLICE_NULL: `messages` */
    struct slice messages; /* JSON array */
    struct slice parameters, tools; /* of its `config`; SLICE_NULL */
    const char *file;
    int line;
    struct slice where;
};

struct import_target { /* a provider */
    struct slice id, label, model;
    struct slice parameters, tools; /* JSON; SLICE_NULL */
    struct import_layer at;
    uint32_t prompts; /* those it takes, JSON_NONE: all */
};

#define IMPORT_LAYERS 3
struct import_test {
    struct import_layer layers[IMPORT_LAYERS]; /* later ones win: what is default, a scenario's row, the test */
    unsigned n_layers;
};

struct promptfoo {
    struct import *m;
    struct declared root;
    const char *file;
    struct import_prompt *prompts;
    unsigned n_prompts;
    struct import_target *targets;
    unsigned n_targets;
    struct import_test *tests;
    unsigned n_tests;
    struct import_layer defaults;   /* node JSON_NONE: there are none */
    bool defaults_in_cases;         /* a test wants none of the default assertions: they cannot be the suite's */
    struct table missing;           /* variables without a value, told */
    struct slice default_checks;    /* of the suite, as a JSON array; SLICE_NULL: none */
    bool per_target;                /* a test or a provider is for some only: a suite each */
    struct problems *problems;
};

/* One more item: `n` is how many there are. NULL when the arena is full. */
void *import_grow(struct import *m, void *items, unsigned n, size_t size);

void import_left(struct promptfoo *p, const struct import_layer *at, uint32_t node, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A file that a value names ("file://x", or "x" where only files are meant), relative to the configuration or to the file that names
 * it. False after having noted why not. */
bool import_load(struct promptfoo *p, const struct import_layer *at, uint32_t node, struct slice name, struct slice *ret_path, struct slice *ret);
/* The same, as YAML or JSON. */
bool import_load_declared(struct promptfoo *p, const struct import_layer *at, uint32_t node, struct slice name, struct slice *ret_path,
                          struct declared **ret);
/* All of the document stands on that line. */
void import_set_lines(struct import *m, struct declared *d, int line);
struct slice import_behind_scheme(struct slice name); /* "file://x" is x */
bool import_is_pattern(struct slice name);            /* holds *, ? or [ */
struct slice import_extension(struct slice path);     /* ".json", or empty */
/* Does a reference to a prompt or provider (a name, or one that ends in *) mean this one? */
bool import_matches(const struct json_doc *d, uint32_t list, struct slice id, struct slice label, struct arena *arena);

void import_read_prompts(struct promptfoo *p);
void import_read_targets(struct promptfoo *p);
void import_read_tests(struct promptfoo *p);
/* Parameters of a request in a `config`, as a JSON object, and its tools; untouched when there are none. */
void import_read_parameters(struct promptfoo *p, const struct import_layer *at, uint32_t config, struct slice *ret, struct slice *ret_tools);
/* Checks of an `assert` list; false when there are none. Opens no array. */
bool import_asserts(struct promptfoo *p, const struct import_layer *at, struct slice grader, struct json_writer *w);
/* What a test, or what is so by default, has and a case has not. */
void import_note_layer(struct promptfoo *p, const struct import_layer *l);
/* Who grades, by `options.provider` of the layers; SLICE_NULL: not said. */
struct slice import_grader(struct promptfoo *p, const struct import_layer *layers, unsigned n);

/* The cases of one suite, as the inside of a JSON array; and what the prompt has to be for them. */
struct import_cases {
    struct buffer json;
    unsigned n;
    bool varying_affixes;        /* the prompt needs {{__prefix}} and {{__suffix}} */
    struct slice prefix, suffix; /* of all cases alike */
    bool names_files;            /* a text begins with "file:" */
};
/* NULL and NULL: all tests, to note what does not come over. */
void import_write_cases(struct promptfoo *p, const struct import_prompt *prompt, const struct import_target *target,
                        struct import_cases *ret);

#endif
