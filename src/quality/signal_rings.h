/* signal_rings.h - one series over time: four rings of cells, each of a coarser ring the sum of some of the finer one's. Private to signals.
 *
 * The cell that fills is of 10 s; once a later one begins it is packed, and so is each coarser cell that ended with it. So what a coarse cell
 * would hold can always be had from finer ones, and a window is a handful of cells, whatever its length. Empty cells take a pointer each. */
#ifndef QUALITY_SIGNAL_RINGS_H
#define QUALITY_SIGNAL_RINGS_H

#include "quality/signal_sums.h"

enum { RING_10S, RING_MINUTE, RING_10MIN, RING_HOUR, SIGNAL_RINGS };
#define RING_CELLS (90 + 180 + 156 + 192)
extern const struct signal_ring {
    int64_t cell_us;
    unsigned cells, first; /* cells kept beside the one that fills; where they lie in `cells` */
    unsigned parts;        /* cells of the finer ring in one */
} signal_rings[SIGNAL_RINGS];

struct rings {
    struct signal_packed *cells[RING_CELLS];
    int64_t slot;          /* the 10 s cell that fills; 0: none yet */
    int64_t last_us;       /* newest that was booked */
    size_t bytes;          /* of `cells` */
    struct signal_sums open;
};
void rings_init(struct rings *r);
void rings_deinit(struct rings *r);

/* Where what happened then is to be added: the cell that fills. NULL: it is over; the caller fills sums of its own and has them booked by rings_late. */
struct signal_sums *rings_at(struct rings *r, enum signal_family f, int64_t at_us, struct signal_total *work);
bool rings_late(struct rings *r, enum signal_family f, int64_t at_us, const struct signal_sums *s, struct signal_total *work); /* false: too late */
/* No cell before `now_us` fills any more; what is too old is given back. False: nothing is left of it. */
bool rings_pass(struct rings *r, enum signal_family f, int64_t now_us, struct signal_total *work);
/* The clock went back: what is of the future goes. */
void rings_forget_future(struct rings *r, int64_t now_us);
/* All of `from` is `into`'s too; then `from` is empty. */
void rings_merge(struct rings *into, struct rings *from, enum signal_family f, struct signal_total *work);
size_t rings_bytes(const struct rings *r);

/* Adds from <= time < to; both at cells' edges of 10 s. */
void rings_sum(const struct rings *r, enum signal_family f, int64_t from_us, int64_t to_us, struct signal_total *total);
/* The finest ring that spans it. */
unsigned rings_for(int64_t window_us);

#endif
