/* tensor/ops.c -- see tensor/ops.h */
#include "tensor/ops.h"

#define RECORD(name) &hg_op_##name,
static const hg_op *const OPS[] = { HG_OPS(RECORD) };

const hg_op *hg_op_at(size_t i) { return i < sizeof OPS / sizeof *OPS ? OPS[i] : NULL; }
