/* pattern.h - a regular expression that cannot run away: PCRE2 spoken as JavaScript does (ECMA-262, `u` flag).
 *
 * As in JavaScript: searches anywhere, `$` is the very end, `[]` and `[^]` are classes, \uHHHH and \u{H} are code
 * points, \d and \w are ASCII, a group that took no part matches empty. Otherwise: \s knows no Unicode spaces, `.`
 * stops at \n only, look-behind needs a fixed length; and more than JavaScript: inline options such as (?i),
 * possessive and atomic groups.
 *
 * A search is bounded by counted work, not by time, so that the same text has the same answer everywhere. PCRE2's own
 * limit counts anew from every start, and a plain repeat counts as one step however far it runs; so short texts are
 * searched at once, and what is long or hits the limit is searched again with a callout between the items that
 * adds up how far the search moved. Over the limit is "gave up", never yes or no. */
#ifndef QUALITY_PATTERN_H
#define QUALITY_PATTERN_H

#include "base/fault.h"

struct pattern; /* immutable; any number of threads may search with one */

enum pattern_answer { PATTERN_NO, PATTERN_YES, PATTERN_GAVE_UP };

/* FAULT_CONFIG says what is wrong and at which character. Release with pattern_free (NULL is fine). */
enum fault pattern_new(struct slice text, struct pattern **ret, struct error *error) MUST_CHECK;
void pattern_free(struct pattern *p);

/* *ret_why (may be NULL) says in words why it gave up. */
enum pattern_answer pattern_find(const struct pattern *p, struct slice text, const char **ret_why);

#endif
