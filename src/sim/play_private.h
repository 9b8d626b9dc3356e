/* play_private.h - a play's insides, for play.c (its life and its clock), play_steps.c (what it does) and
 * play_send.c (its bytes on their way).
 *
 * A play is a chain of steps. A step does its work and says when the next one is due; 0 means at once.
 * Frames of a step gather in the stage's scratch buffer and leave when the play has to wait, so that a
 * token costs one write, and answers "at once" cost one write for many. */
#ifndef SIM_PLAY_PRIVATE_H
#define SIM_PLAY_PRIVATE_H

#include "sim/play.h"

/* When the next step is due, beside a time in microseconds. */
#define PLAY_WAIT (-1) /* when the client has read more, or never */
#define PLAY_OVER (-2) /* the request is concluded, the play perhaps gone */

enum play_step {
    STEP_DELAY,  /* the script's delay */
    STEP_DECIDE, /* an answer, a refusal, or neither */
    STEP_WHOLE,  /* an answer that is not streamed is due */
    STEP_PART,   /* half of it is out */
    STEP_HEAD,   /* a stream's first token is due */
    STEP_TOKENS, /* so is the next */
    STEP_FLOOD,
    STEP_RESET, /* close when all is out */
    STEP_END,
};

struct play {
    struct play_stage *stage;
    struct http_request *request;
    struct list spare;
    struct arena arena;
    struct ask ask;
    struct book_verdict verdict;
    struct answer answer;
    struct frames frames;
    struct dice times; /* unlike the answer, times differ from request to request */
    struct loop_timer timer;
    struct slice request_id;
    enum play_step step;
    enum book_outcome outcome;
    bool began, stalled, malformed, concluded;
    bool blocked; /* on_drained goes on */
    int64_t flooded;
    uint64_t drained;    /* looks at an empty queue before a reset */
    struct buffer split; /* bytes that wait to go out one by one */
    size_t split_at;
    int64_t due;     /* what comes behind them */
    int64_t plan_us; /* when the running step was to be */
};

/* ---- play_steps.c ---- */
int64_t play_step(struct play *p);    /* runs the step that is due: when is the next one? */
int64_t play_abandon(struct play *p); /* closes the connection; PLAY_OVER */
int64_t play_refuse(struct play *p, int status, struct act_error words);
void play_settle(struct play *p); /* the books; before the request is concluded */

/* ---- play_send.c ---- */
void play_make_head(struct play *p, bool stream, struct play_head *ret);
void play_begin(struct play *p); /* the head, once */
void play_flush(struct play *p); /* what the scratch buffer holds, in the script's framing */
bool play_is_full(const struct play *p);
void play_send_split(struct play *p); /* one of the bytes that go alone */

#endif
