/* prompt_groups.h - the templates of one application's system prompts: of which one is a new text, and which one is a
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
    struct prompt_group *same_as;  /* what it turned out to be of, with all that was counted; NULL. Until prompt_groups_drop */
    struct prompt_group *next_gone;
    bool gone;                     /* forgotten; until prompt_groups_drop */
    char request_type[128];        /* of the first answer */
    int64_t others_before;         /* answers of the others when it came */
    struct { int64_t minute; uint32_t answers; } minutes[60]; /* of the last hour, by minute of the clock */
    char registered[128 + 24];     /* "name@V", or "" */
    bool later;                    /* another one was there for good when it came: its former, or one of the request type */
    bool changed;                  /* to be kept */
};
struct prompt_groups { /* zeroed: none */
    struct prompt_group *at[2 * PROMPT_GROUPS];
    unsigned n;
    struct prompt_group *gone;
};

/* The group of a text that was not met before; a new one has `before`, and its number is 0. FAULT_TOO_LARGE: the text is too long to be
 * learned of. */
enum fault prompt_groups_meet(struct prompt_groups *g, struct slice text, struct slice request_type, int64_t now_us, struct arena *scratch,
                              struct prompt_group **ret) MUST_CHECK;
struct prompt_group *prompt_groups_add(struct prompt_groups *g, int64_t number); /* read from the store; zeroed but for its number */
struct prompt_group *prompt_groups_find(const struct prompt_groups *g, int64_t number); /* NULL; follows same_as */
static inline struct prompt_group *prompt_group_now(struct prompt_group *x) {
    while (x->same_as != NULL) x = x->same_as;
    return x;
}
/* It answers, and another one was there for good before it came: a change, or a prompt that is new. */
bool prompt_group_is_news(const struct prompt_group *x);
void prompt_groups_drop(struct prompt_groups *g); /* those that are forgotten or another's: nobody refers to them any more */
void prompt_group_answered(struct prompt_group *x, int64_t at_us);
uint32_t prompt_group_last_hour(const struct prompt_group *x, int64_t now_us);
int64_t prompt_groups_answers(const struct prompt_groups *g);
void prompt_groups_deinit(struct prompt_groups *g);

#endif
