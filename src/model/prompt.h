/* prompt.h - a prompt as a file declares it: messages, model, parameters, tools; and the request that one call of it is.
 *
 *     prompt: helpdesk-answer
 *     version: v1.2.3            # for people; identity is the digest
 *     model: support-chat
 *     parameters: {temperature: 0.5, max_tokens: 1024}
 *     messages:
 *       - {role: system, content: "file:./system.md"}
 *       - {role: user, content: "{{question}}"}
 *     variables: {question: {required: true, max_chars: 8000}}
 *     tools: []
 *
 * or the same as YAML front matter between two lines `---` of a Markdown file, whose text is then the last message, with
 * `role` (user unless declared). A variable's value goes into the text of its message and nowhere else: it is escaped as JSON and
 * never read as a template, so it can make neither a role nor a message. `files: false` says that "file:x" is a text here. Of maps, only
 * the order of the declaration's own keys is of no account: a model reads tools and schemas in the order in which they stand. Pure but
 * for the files that a source lends. */
#ifndef MODEL_PROMPT_H
#define MODEL_PROMPT_H

#include "base/digest.h"
#include "model/reader.h"
#include "model/template.h"

struct prompt_message {
    struct slice role;    /* system, developer, user, assistant, tool */
    struct slice content; /* text, files read */
    struct slice raw;     /* content that is no text (a list of parts): its JSON, whose strings may be templates; SLICE_NULL */
    bool is_template;
};

struct prompt_variable {
    struct slice name;
    struct slice fallback; /* when none is given; SLICE_NULL: none */
    bool required;
    int64_t max_chars;     /* code points; -1: not bounded */
};

struct prompt { /* all texts borrowed from the arena it was read into */
    struct slice name;       /* SLICE_NULL: it has none (inline) */
    struct slice version;    /* what people call it; SLICE_NULL */
    struct slice model;      /* SLICE_NULL: whoever calls it says */
    struct slice parameters; /* a JSON object, its members are the request's; SLICE_NULL */
    struct slice tools;      /* a JSON array; SLICE_NULL */
    struct prompt_message *messages;
    unsigned n_messages;
    struct prompt_variable *variables; /* declared ones */
    unsigned n_variables;
    struct slice owner;
    struct slice *suites;
    unsigned n_suites;
    struct digest digest;    /* SHA-256 of prompt_write: the same content, however it was written, is the same version */
};

/* The map at `node`. Every problem is told; FAULT_CONFIG when there is one. `file` is the name to print. */
enum fault prompt_read(const struct declared *d, uint32_t node, const char *file, const struct file_source *files,
                       struct arena *arena, struct prompt *ret, struct problems *problems) MUST_CHECK;
enum fault prompt_read_in(struct reader *r, uint32_t node, struct prompt *ret) MUST_CHECK; /* a part of what a reader reads */
/* The same of parts that stand in another map (a suite's); JSON_NONE: not declared. There may be no messages. */
struct prompt_parts {
    uint32_t messages, parameters, variables, tools;
};
enum fault prompt_read_parts(struct reader *r, const struct prompt_parts *at, struct prompt *ret) MUST_CHECK;
/* A file's text, YAML or Markdown with front matter. */
enum fault prompt_read_file(struct slice text, const char *file, const struct file_source *files, struct arena *arena,
                            struct prompt *ret, struct problems *problems) MUST_CHECK;

/* The canonical form, one JSON object: what prompt_read reads back to the same digest. Without `version`, `owner` and `suites`, which
 * do not shape an answer. */
void prompt_write(const struct prompt *p, struct json_writer *w);

/* The body of a chat completion: model (`model` when given, else the prompt's), messages with variables filled in, then
 * `more` messages (JSON objects, commas between; SLICE_NULL: none), parameters, tools. FAULT_CONFIG: a variable is missing or too long,
 * or there is no model; *error names it. */
enum fault prompt_write_request(const struct prompt *p, struct slice model, const struct template_var *vars, unsigned n_vars,
                                struct slice more, struct arena *arena, struct buffer *out, struct error *error) MUST_CHECK;
/* Does a message of it hold {{name}}? */
bool prompt_uses(const struct prompt *p, struct slice name);

#endif
