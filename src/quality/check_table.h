/* check_table.h - the types of checks and their parameters, once: names, enums, what may be declared, the docs.
 *
 * What a type's `value` is:
 *   NONE     no value                       TEXT     a text (numbers count as text), or the case's `expected`
 *   ANY      a text, or a list or map that the answer must equal as JSON     PATTERN  a regular expression
 *   TEXTS    one text or a list of them, or the case's `expected`            LIST     a list, or a text split at commas
 *   CODE     a program's text, which is no template
 *   SCHEMA   a JSON Schema: a map, true, false, or a text of JSON; optional  COUNT    a number, or {min, max}
 *
 * Who decides (CHECK_BY_...):
 *   ANSWER   check_run, at once, from the answer and the case          JUDGE    a model that is asked (judge.h)
 *   EMBED    a model's embeddings; `similar` without a model: ANSWER   PROGRAM  a process that is asked (programs.h)
 *   REPEATS  the other answers to the same case (consistent.h) */
#ifndef QUALITY_CHECK_TABLE_H
#define QUALITY_CHECK_TABLE_H

/* PARAMETER(symbol, name, what is expected) */
#define CHECK_PARAMETERS(PARAMETER)                                                                           \
    PARAMETER(TYPE, "type", "the name of a check")                                                            \
    PARAMETER(VALUE, "value", "a value")                                                                      \
    PARAMETER(WEIGHT, "weight", "a number of at least 0")                                                     \
    PARAMETER(THRESHOLD, "threshold", "a number of at least 0")                                               \
    PARAMETER(METRIC, "metric", "a name")                                                                     \
    PARAMETER(MIN, "min", "a whole number of at least 0")                                                     \
    PARAMETER(MAX, "max", "a whole number of at least 0")                                                     \
    PARAMETER(N, "n", "a whole number from 1 to 9")                                                           \
    PARAMETER(MEASURE, "measure", "f1, precision or recall")                                                  \
    PARAMETER(NAME, "name", "the name of a tool")                                                             \
    PARAMETER(ARGUMENTS, "arguments", "the call's arguments, as a map")                                       \
    PARAMETER(MODE, "mode", "exact or partial")                                                               \
    PARAMETER(SCHEMA, "schema", "a JSON Schema")                                                              \
    PARAMETER(FORMATS, "formats", "annotate or assert")                                                       \
    PARAMETER(MODEL, "model", "the name of a model")                                                          \
    PARAMETER(RUBRIC, "rubric", "what the judge is to look for, as text")                                     \
    PARAMETER(JUDGE, "judge", "the name of a judge")                                                          \
    PARAMETER(RUN, "run", "a program and its arguments: a text that is parted at blanks, or a list")                           \
    PARAMETER(TIMEOUT, "timeout", "a duration such as 10s, at most 10m")

enum check_parameter {
#define CHECK_PARAMETER(symbol, name, expected) PARAMETER_##symbol,
    CHECK_PARAMETERS(CHECK_PARAMETER)
#undef CHECK_PARAMETER
        PARAMETER_COUNT
};

enum check_value { VALUE_NONE, VALUE_TEXT, VALUE_ANY, VALUE_PATTERN, VALUE_TEXTS, VALUE_LIST, VALUE_SCHEMA, VALUE_COUNT, VALUE_CODE };

/* How the threshold is held against what was measured. SCORE: the score is at least it (1 when none is declared, so
 * that a yes-or-no check passes on yes). MOST: the measured number is at most it. */
enum check_bound { BOUND_SCORE, BOUND_MOST };

#define CHECK_P(symbol) (1u << PARAMETER_##symbol)

/* CHECK(symbol, name, by, value, further parameters, bound, default threshold (NAN: none), what passes) */
#define CHECK_TABLE(CHECK)                                                                                    \
    CHECK(EQUALS, "equals", ANSWER, ANY, 0, SCORE, 1, "the answer is the value, byte for byte; a list or map: equal as JSON") \
    CHECK(IEQUALS, "iequals", ANSWER, TEXT, 0, SCORE, 1, "the answer is the value, in whatever case")                 \
    CHECK(CONTAINS, "contains", ANSWER, TEXT, 0, SCORE, 1, "the value is in the answer")                              \
    CHECK(ICONTAINS, "icontains", ANSWER, TEXT, 0, SCORE, 1, "the value is in the answer, in whatever case")          \
    CHECK(CONTAINS_ANY, "contains-any", ANSWER, LIST, 0, SCORE, 1, "one of the values is in the answer")              \
    CHECK(CONTAINS_ALL, "contains-all", ANSWER, LIST, 0, SCORE, 1, "all of the values are in the answer")             \
    CHECK(ICONTAINS_ANY, "icontains-any", ANSWER, LIST, 0, SCORE, 1, "one of the values is in the answer, in whatever case") \
    CHECK(ICONTAINS_ALL, "icontains-all", ANSWER, LIST, 0, SCORE, 1, "all of the values are in the answer, in whatever case") \
    CHECK(STARTS_WITH, "starts-with", ANSWER, TEXT, 0, SCORE, 1, "the answer begins with the value")                  \
    CHECK(REGEX, "regex", ANSWER, PATTERN, 0, SCORE, 1, "the pattern is found in the answer (PCRE2, bounded)")         \
    CHECK(IS_JSON, "is-json", ANSWER, SCHEMA, CHECK_P(SCHEMA) | CHECK_P(FORMATS), SCORE, 1, "the whole answer is JSON, and valid by the schema") \
    CHECK(CONTAINS_JSON, "contains-json", ANSWER, SCHEMA, CHECK_P(SCHEMA) | CHECK_P(FORMATS), SCORE, 1, "JSON is in the answer, and valid by the schema") \
    CHECK(LEVENSHTEIN, "levenshtein", ANSWER, TEXT, 0, MOST, 5, "at most `threshold` code points inserted, removed or changed") \
    CHECK(ROUGE_N, "rouge-n", ANSWER, TEXT, CHECK_P(N) | CHECK_P(MEASURE), SCORE, 0.75, "ROUGE-N of the answer against the value") \
    CHECK(BLEU, "bleu", ANSWER, TEXTS, 0, SCORE, 0.5, "sentence BLEU of the answer against the values") \
    CHECK(WORD_COUNT, "word-count", ANSWER, COUNT, CHECK_P(MIN) | CHECK_P(MAX), SCORE, 1, "the number of words, parted by white space") \
    CHECK(IS_REFUSAL, "is-refusal", ANSWER, NONE, 0, SCORE, 1, "the answer declines the request, by its wording")     \
    CHECK(LATENCY, "latency", ANSWER, NONE, 0, MOST, NAN, "at most `threshold` milliseconds")                         \
    CHECK(COST, "cost", ANSWER, NONE, 0, MOST, NAN, "at most `threshold` USD; without a threshold it always passes")  \
    CHECK(FINISH_REASON, "finish-reason", ANSWER, LIST, 0, SCORE, 1, "the answer ended for this reason, or one of these") \
    CHECK(TOOL_CALL, "tool-call", ANSWER, NONE, CHECK_P(NAME) | CHECK_P(ARGUMENTS) | CHECK_P(MODE) | CHECK_P(SCHEMA) | CHECK_P(FORMATS) | CHECK_P(MIN) | CHECK_P(MAX), SCORE, 1, \
          "`name` was called, with such arguments, `min` (1) to `max` times")                                 \
    CHECK(TOOL_CALL_F1, "tool-call-f1", ANSWER, LIST, 0, SCORE, 1, "F1 of the set of tools called against the named ones") \
    CHECK(SIMILAR, "similar", EMBED, TEXTS, CHECK_P(MODEL), SCORE, 0.75, "cosine of the embeddings of answer and value, the best of several; without `model` by the built-in embedding, which compares wording") \
    CHECK(JUDGE, "judge", JUDGE, NONE, CHECK_P(RUBRIC) | CHECK_P(JUDGE), SCORE, NAN, "the judge finds that the answer meets the rubric") \
    CHECK(FAITHFUL, "faithful", JUDGE, NONE, CHECK_P(JUDGE), SCORE, 1, "each claim of the answer is supported by the case's `context`; the score is the share that is") \
    CHECK(RELEVANT, "relevant", JUDGE, NONE, CHECK_P(JUDGE), SCORE, NAN, "the answer addresses what was asked") \
    CHECK(CONSISTENT, "consistent", REPEATS, NONE, 0, SCORE, 0.8, "mean agreement with the other answers to the same case") \
    CHECK(EXEC, "exec", PROGRAM, NONE, CHECK_P(RUN) | CHECK_P(TIMEOUT), SCORE, NAN, "the program says so: JSON in, {pass, score, reason} out") \
    CHECK(JAVASCRIPT, "javascript", PROGRAM, CODE, CHECK_P(TIMEOUT), SCORE, NAN, "the expression or function body in `value`, run by node, says so") \
    CHECK(PYTHON, "python", PROGRAM, CODE, CHECK_P(TIMEOUT), SCORE, NAN, "the expression or function body in `value`, run by python3, says so")

enum check_type {
#define CHECK_TYPE(symbol, name, by, value, parameters, bound, threshold, what) CHECK_TYPE_##symbol,
    CHECK_TABLE(CHECK_TYPE)
#undef CHECK_TYPE
        CHECK_TYPE_COUNT
};

enum check_measure { MEASURE_F1, MEASURE_PRECISION, MEASURE_RECALL };

enum check_by { CHECK_BY_ANSWER, CHECK_BY_EMBED, CHECK_BY_JUDGE, CHECK_BY_PROGRAM, CHECK_BY_REPEATS };

struct check_kind {
    const char *name;
    enum check_by by;
    enum check_value value;
    unsigned parameters; /* 1 << PARAMETER_...: those beside type, value, weight, threshold and metric */
    enum check_bound bound;
    double threshold;
    const char *what;
};

extern const struct check_kind check_kinds[CHECK_TYPE_COUNT];

#endif
