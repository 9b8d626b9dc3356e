/* special.h - distribution functions and their inverses, in double precision.
 *
 * Arguments outside a function's domain give NAN. Good to about 1e-13 relative. The incomplete
 * beta function is Lentz's continued fraction (NIST DLMF 8.17.22), the incomplete gamma function a series (8.11.4) or its continued
 * fraction (8.9.2). Thread-safe. */
#ifndef STATS_SPECIAL_H
#define STATS_SPECIAL_H

double special_log_beta(double a, double b);
double special_beta_cdf(double x, double a, double b); /* regularised incomplete beta I_x(a, b); a, b > 0 */
double special_beta_quantile(double p, double a, double b);

double special_gamma_cdf(double x, double a); /* regularised lower incomplete gamma P(a, x); a > 0 */
double special_gamma_quantile(double p, double a); /* INFINITY at 1 */

double special_normal_cdf(double z);
double special_normal_quantile(double p); /* -INFINITY at 0, INFINITY at 1 */

double special_t_cdf(double t, double df); /* Student's t; df > 0, need not be whole */
double special_t_quantile(double p, double df);

#endif
