/* num/special.h -- the normal distribution and its tails, accurate where acquisition functions need them */
#ifndef HG_NUM_SPECIAL_H
#define HG_NUM_SPECIAL_H

double hg_normal_pdf(double z);
double hg_normal_cdf(double z);      /* relative accuracy kept for z << 0 (erfc) */
double hg_normal_log_cdf(double z);  /* finite down to z = -1e150 */
double hg_normal_quantile(double p); /* 0 < p < 1; Wichura (1988) AS 241, about 1e-15 relative */
double hg_erfcx(double x);           /* exp(x^2) erfc(x) for x >= -26 */
/* log of h(z) = pdf(z) + z cdf(z), the EI integrand; finite down to z = -1e150.
 * Ament et al., "Unexpected improvements to expected improvement", NeurIPS 2023, eq. (9). */
double hg_log_ei(double z);
#endif
