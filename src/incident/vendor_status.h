/* vendor_status.h - what a vendor's status page says: Statuspage v2 JSON (/api/v2/summary.json, /api/v2/status.json) and RSS or Atom. Pure.
 * Pages are strangers' bytes: bounded, and never trusted beyond words that are shown. */
#ifndef INCIDENT_VENDOR_STATUS_H
#define INCIDENT_VENDOR_STATUS_H

#include "base/arena.h"
#include "base/fault.h"

#define LIMIT_STATUS_PAGE (2u << 20)
enum vendor_indicator { VENDOR_UNKNOWN, VENDOR_NONE, VENDOR_MINOR, VENDOR_MAJOR, VENDOR_CRITICAL, VENDOR_MAINTENANCE };
const char *vendor_indicator_name(enum vendor_indicator i);
struct vendor_incident { struct slice id, name, status, url; enum vendor_indicator impact; int64_t started_us, updated_us; };
struct vendor_status {
    enum vendor_indicator indicator;
    struct slice words;          /* "Partial System Outage" */
    struct vendor_incident *incidents; /* not over, newest first, at most 50 */
    unsigned n_incidents;
};
/* By what the text is, not by its content type. RSS and Atom have no indicator of their own: MINOR while an item of the last day does not say
 * resolved, completed or operational. FAULT_BAD_JSON, FAULT_UP_MALFORMED with what was expected. */
enum fault vendor_status_read(struct slice text, int64_t now_us, struct arena *arena, struct vendor_status *ret, struct error *error) MUST_CHECK;

#endif
