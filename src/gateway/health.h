/* health.h - what all loops know of a target: the breaker.
 *
 * One breaker per "provider/model", whatever policy revision or model route names it; its parameters
 * come with each call. States: closed (counting), open (nothing is sent until open_for has passed),
 * half-open (one probe is under way; everyone else goes elsewhere). Thread-safe. */
#ifndef GATEWAY_HEALTH_H
#define GATEWAY_HEALTH_H

#include "gateway/gateway.h"

struct health;

enum admission { ADMIT_NO, ADMIT_YES, ADMIT_PROBE };

struct health_table;
struct health_table *health_table_new(void);
void health_table_free(struct health_table *t);
struct health *health_of(struct health_table *t, const char *key); /* made on first use; lives as long as the table */

/* May a request be sent now? ADMIT_PROBE must be followed by exactly one health_report or health_withdraw. */
enum admission health_admit(struct health *h, const struct model_route *m, int64_t now_us);
/* How an attempt ended. Returns true when this success closed an open breaker. */
bool health_report(struct health *h, const struct model_route *m, bool ok, enum admission admission, int64_t now_us,
                   bool *ret_opened);
void health_withdraw(struct health *h, enum admission admission); /* no verdict: the client left */
int64_t health_opens_in_us(struct health *h, int64_t now_us);     /* 0: not open */
void health_view(struct health *h, const struct model_route *m, int64_t now_us, struct health_view *ret);

#endif
