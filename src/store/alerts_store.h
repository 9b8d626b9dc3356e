/* alerts_store.h - what the files of store/alerts.h share. Private to store/. */
#ifndef STORE_ALERTS_STORE_H
#define STORE_ALERTS_STORE_H

#include "store/alerts.h"
#include "store/changes_store.h"

/* ",firing,nodata," of bits 1u << enum alert_state; SLICE_NULL for 0. */
#define ALERT_STATES_TEXT 96
struct slice alert_states_text(unsigned bits, char room[ALERT_STATES_TEXT]);

/* Inside a transaction. *waiting: how many wait now, -1: not counted yet. */
enum fault notices_add(struct registry *r, const struct notice *notices, size_t n, int64_t *waiting, struct error *error) MUST_CHECK;
enum fault transition_add(struct registry *r, int64_t alert, struct slice rule, const struct alert_transition *t, struct error *error) MUST_CHECK;
/* What became of the alert's last firing. */
enum fault firing_useful(struct registry *r, int64_t alert, struct slice useful, struct error *error) MUST_CHECK;

#endif
