/* num/isa.h -- one loop, compiled for several instruction sets, chosen at run time; and an exp() such loops can inline
 *
 * HG_ISA_FUNCTION(linkage, name, params, args) defines `linkage void name params` from an always-inlined `name_body`: for AVX-512, for
 * AVX2 and for the baseline. Explicit dispatch instead of ifunc resolvers, which run before the sanitizers are up.
 * The files that use it are compiled with -O3 -fno-math-errno (CMakeLists.txt), so that plain loops become vectors.
 */
#ifndef HG_NUM_ISA_H
#define HG_NUM_ISA_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HG_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define HG_ISA_FUNCTION(linkage, name, params, args)                                                                   \
    __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma"))) static void name##_avx512 params {          \
        name##_body args;                                                                                              \
    }                                                                                                                  \
    __attribute__((target("avx2,fma"))) static void name##_avx2 params { name##_body args; }                           \
    static void name##_baseline params { name##_body args; }                                                           \
    linkage void name params {                                                                                         \
        if (__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))                                  \
            name##_avx512 args;                                                                                        \
        else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))                                      \
            name##_avx2 args;                                                                                          \
        else                                                                                                           \
            name##_baseline args;                                                                                      \
    }
#else
#define HG_ISA_FUNCTION(linkage, name, params, args)                                                                   \
    linkage void name params { name##_body args; }
#endif

/* exp(x) for x <= 709 to 2 ulp, without a branch: x = k ln 2 + r, a Taylor polynomial of degree 13 for |r| <= ln 2 / 2
 * (remainder 4e-18), times 2^k by arithmetic on the exponent bits. Below -708 it stays at exp(-708) = 3e-308. */
HG_INLINE double hg_exp_inline(double x) {
    const double a = x < -708 ? -708 : x;
    const double shifted = a * 1.4426950408889634 + 0x1.8p52; /* the integer nearest to x / ln 2 in the low bits */
    const double k = shifted - 0x1.8p52;
    const double r = (a - k * 0x1.62e42fefa3800p-1) - k * 0x1.ef35793c76730p-45; /* ln 2 in two parts */
    const double r2 = r * r, r4 = r2 * r2, r8 = r4 * r4;
    const double p0 = (1 + r) + r2 * (1.0 / 2 + r * (1.0 / 6));
    const double p1 = (1.0 / 24 + r * (1.0 / 120)) + r2 * (1.0 / 720 + r * (1.0 / 5040));
    const double p2 = (1.0 / 40320 + r * (1.0 / 362880)) + r2 * (1.0 / 3628800 + r * (1.0 / 39916800));
    const double p3 = 1.0 / 479001600 + r * (1.0 / 6227020800);
    const double p = (p0 + r4 * p1) + r8 * (p2 + r4 * p3);
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 52) + 0x3ff0000000000000u;
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}
#endif
