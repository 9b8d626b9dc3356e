/* version_text.h - a version as a text for people, and what differs between two, as lines and as data. Pure. */
#ifndef CHANGE_VERSION_TEXT_H
#define CHANGE_VERSION_TEXT_H

#include "change/manifest.h"
#include "model/prompt.h"

#define VERSION_TEXT_DOCUMENTS 1000 /* documents that a difference names; the rest is counted */

/* Unified lines (text_diff.h) over everything that shapes an answer: model, parameters, variables, tools, messages. */
void version_diff_prompts(const struct prompt *before, const struct prompt *after, struct arena *arena, struct buffer *out);
/* "+ id hash" and so on. */
void version_diff_manifests(const struct manifest *before, const struct manifest_difference *d, struct buffer *out);
/* [{message, role, pieces}] of the messages whose text differs, by their place. */
void version_write_messages(const struct prompt *before, const struct prompt *after, struct arena *arena, struct json_writer *w);
/* {added, removed, changed, documents: [{change, id, hash, before, source, date}]}: `before` is the hash that a changed one had. */
void version_write_documents(const struct manifest *before, const struct manifest_difference *d, struct json_writer *w);

#endif
