/* matter/unit.h -- does the last bracket of a column name read as a unit? */
#ifndef HG_MATTER_UNIT_H
#define HG_MATTER_UNIT_H
#include <stdbool.h>
#include <stddef.h>

/* "mu0Ms (T)" -> base "mu0Ms" (5 bytes), unit "T" at 7 (1 byte); "Ms [kA/m]" too. false for "gap (PBE)", "Ms", "x (2)".
 * Units are SI symbols with prefixes and those of the field (eV, muB, at%, ...), joined by / * ^ . - digits, blanks. */
bool hg_unit_of_name(const char *name, size_t *base_len, size_t *unit_at, size_t *unit_len);
#endif
