/* live.h - system prompts of live traffic that came with no version: groups of one template by application, how often each answers, and which
 * of them nobody registered. What is in memory is one thread's; it is kept by live_step with the place in the ledger, all or nothing.
 *
 * What is kept: of applications that capture payloads in full, texts (at most LIVE_TEXTS of a group) and templates without what stood in their
 * gaps. Of `payloads.capture: metadata`, hashes of texts and counts, nothing else: also a hash of single words would give away a text, for
 * words are few. Their templates are in memory only; a change that is made while the server rests is not found. With `capture: none` records
 * have no hash and nothing is known. */
#ifndef CHANGE_LIVE_H
#define CHANGE_LIVE_H

#include "model/finding.h"
#include "model/record.h"
#include "store/registry.h"

#define LIVE_TEXT_MOST (256u << 10)  /* of a text that is learned of; longer ones are left out */
#define LIVE_KNOWN 65536u            /* texts known by their hash, 64 bytes each; then it begins anew */
#define LIVE_GONE_US 86400000000LL   /* a template that has not answered for so long is no finding any more */
#define LIVE_TOLD 5                  /* changes of one application that are told one by one; more are one finding */

struct live;
struct live *live_new(void);
void live_free(struct live *l);
/* Once, before all else: what was kept. */
enum fault live_load(struct live *l, struct registry *r, struct error *error) MUST_CHECK;

struct live_met {
    struct slice application, request_type;
    uint8_t hash[16];            /* record.system_prompt_hash */
    struct slice text;
    bool keep;                   /* its application captures payloads in full */
    int64_t at_us;
};
void live_meet(struct live *l, const struct live_met *m);
/* A record of the ledger. Counted when it answered, came with no version, is no request of this program itself, and its text was met (or is,
 * by the next step). */
void live_count(struct live *l, const struct record *r);
/* Keeps what has changed. On a fault nothing was kept, and what was counted is counted again when the records are followed again: the
 * caller then begins anew with live_new and live_load. */
enum fault live_step(struct live *l, struct registry *r, struct slice position, struct error *error) MUST_CHECK;

/* A group became a registered version's, and that is not kept yet. */
bool live_has_news(const struct live *l);

/* Which groups are a registered version's system message, with any values. Reads what changed since the last time. */
enum fault live_registered(struct live *l, struct registry *r, struct error *error) MUST_CHECK;
/* Findings: opened, and cleared when the prompt is registered, turned out to vary, or is gone. */
enum fault live_tell(struct live *l, struct registry *r, int64_t now_us, void (*opened)(void *ctx, const struct finding *f), void *ctx,
                     struct error *error) MUST_CHECK;
/* ---- what was kept of a group (live_group.template_json) ---- */
struct fingerprint;
struct live_kept {
    int64_t same_as;             /* it turned out to be this one; 0: not */
    int64_t others_before;       /* answers of the application's other groups when it came */
    bool later;                  /* another one was there for good when it came */
    struct fingerprint *template; /* NULL: not kept */
};
enum fault live_kept_read(struct slice json, struct arena *arena, struct live_kept *ret, struct error *error) MUST_CHECK;

#endif
