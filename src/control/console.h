/* console.h - the console's files, which are in the binary: one page for all of its paths, one script, one style sheet.
 *
 * The names of script and style sheet carry a hash of their content, so they are kept for ever; the page is asked for again and again, by its
 * ETag. All of it is read-only memory: any thread may answer, a loop thread too. A program that was built without the console says so. */
#ifndef CONTROL_CONSOLE_H
#define CONTROL_CONSOLE_H

#include "control/control.h"
#include "io/http_server.h"

/* "/", "/exchanges", "/prompts/x", "/assets/app-0123456789abcdef.js"; nothing of the API or the data plane. */
bool console_owns(struct slice path);
/* To one of these, or with status 404 the page that says so of any other. Of *ret all is set; its body is the caller's to free. */
void console_answer(const struct api_request *q, struct arena *arena, struct api_response *ret);

/* What every answer of the control plane says to a browser: load nothing from elsewhere, run nothing that is not ours, stand in nobody's frame, keep
 * no answer (but where the answer has a cache-control of its own). */
#define CONSOLE_HEADERS 7
unsigned console_headers(bool has_cache_control, struct http_header out[CONSOLE_HEADERS]);

#endif
