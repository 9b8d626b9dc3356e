/* prompt_groups.h - the templates of one application's system prompts of one request type: of which one is a new text, and which one is a
 * change of another. Pure; texts are not known here, but as what was learned of them (fingerprint.h).
 *
 * A text that fits a group is of it. Else it makes a group of its own, which seems to be a change of the one that it is most alike, and
 * teaches that one where values may be; when a group has learned to take others, they are of it, and were no change. */
#ifndef CHANGE_PROMPT_GROUPS_H
#define CHANGE_PROMPT_GROUPS_H

#include "change/fingerprint.h"

#define PROMPT_GROUPS 64 /* kept in mind; who has not answered for longest is forgotten */

/* Answers from which on a template is one of the application, and not one value of a variable part. A part that takes one of k values
 * evenly is known as one after FINGERPRINT_VALUES different ones; within 20 answers that fails with a probability below 1.3 % for k = 4, and
 * below 0.02 % for k = 6. Parts with fewer values than that are told. */
#define PROMPT_ANSWERS 20

struct prompt_group {
    struct arena arena;
    struct fingerprint *template;  /* NULL: it is not known (texts are not kept, and none has come since the start) */
    struct prompt_group *before;   /* it seems to be a change of; NULL */
    int64_t number;                /* the store's; 0: none yet */
    int64_t first_us, last_us, answers, texts;
    struct prompt_group *same_as;  /* what it turned out to be of, with all that was counted; NULL. It is dropped when that was kept */
    char registered[128 + 24];     /* "name@V", or "" */
    bool later;                    /* another one was there for good when it came */
    bool changed;                  /* to be kept */
};
struct prompt_groups { /* zeroed: none */
    struct prompt_group *at[2 * PROMPT_GROUPS];
    unsigned n;
};

/* The group of a text that was not met before; a new one has `before`, and its number is 0. FAULT_TOO_LARGE: the text is too long to be
 * learned of. */
enum fault prompt_groups_meet(struct prompt_groups *g, struct slice text, int64_t now_us, struct arena *scratch, struct prompt_group **ret) MUST_CHECK;
struct prompt_group *prompt_groups_add(struct prompt_groups *g, int64_t number); /* read from the store; zeroed but for its number */
struct prompt_group *prompt_groups_find(const struct prompt_groups *g, int64_t number); /* NULL; follows same_as */
static inline struct prompt_group *prompt_group_now(struct prompt_group *x) {
    while (x->same_as != NULL) x = x->same_as;
    return x;
}
/* It answers, and another one was there for good before it came: a change, or a prompt that is new. */
bool prompt_group_is_news(const struct prompt_group *x);
void prompt_groups_drop_same(struct prompt_groups *g); /* once they were kept */
void prompt_groups_deinit(struct prompt_groups *g);

#endif
