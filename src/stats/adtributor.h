/* adtributor.h - in which values of a dimension a change of a sum took place: Adtributor (Bhagwan et al.,
 * "Adtributor: Revenue Debugging in Advertising Systems", NSDI 2014).
 *
 * For an element with forecast f and actual a, of totals F and A, and p = f/F, q = a/A:
 *   explanatory power  EP = (a - f) / (A - F)                              sums to 1 over a dimension
 *   surprise           S  = (p ln(2p/(p+q)) + q ln(2q/(p+q))) / 2         0 where the share did not move
 * A dimension's candidates are its elements in order of falling surprise that each explain more than
 * `min_each`, taken until together they explain more than `min_all` (succinctness: Occam's razor); a
 * dimension that never gets there is no explanation. Dimensions are then ranked by the summed surprise of
 * their candidates.
 *
 * The measure is a sum (cost, tokens). Where A and F differ by no more than noise EP means nothing: the
 * caller asks only for a difference that matters. */
#ifndef STATS_ADTRIBUTOR_H
#define STATS_ADTRIBUTOR_H

#include <stdbool.h>
#include <stddef.h>

#define ADTRIBUTOR_MIN_EACH 0.1 /* T_EEP and T_EP of the paper */
#define ADTRIBUTOR_MIN_ALL 0.67

struct adtributor_element {
    double forecast, actual;      /* given; >= 0 */
    double explanatory, surprise; /* filled for all */
    size_t index;                 /* of the element in the array that was given; filled */
};

struct adtributor_result {
    size_t n;           /* candidates: the first n elements; 0: the dimension explains nothing */
    double surprise;    /* summed over them */
    double explanatory; /* summed over them */
};

/* Reorders `elements`: candidates first. The totals are the sums of the elements. A == F: n is 0. */
struct adtributor_result adtributor_dimension(struct adtributor_element *elements, size_t n, double min_each,
                                              double min_all);
double adtributor_surprise(double p, double q);

#endif
