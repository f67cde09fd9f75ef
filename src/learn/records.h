/* learn/records.h -- the learners that learn/learners.c lists: one declaration a learner */
#ifndef HG_LEARN_RECORDS_H
#define HG_LEARN_RECORDS_H
#include "learn/learner.h"

extern const hg_learner hg_affine_learner;                        /* learn/affine.c */
extern const hg_learner hg_frozen_learner;                        /* learn/frozen.c */
extern const hg_learner hg_finetune_learner;                      /* learn/finetune.c */
extern const hg_learner hg_gp_learner;                            /* learn/gaussian.c */
extern const hg_learner hg_kernel_ridge_learner;                  /* learn/kernel_ridge.c */
extern const hg_learner hg_relevance_learner;                     /* learn/relevance.c */
extern const hg_learner hg_ridge_learner;                         /* learn/ridge.c */
extern const hg_learner hg_extratrees_learner, hg_forest_learner; /* learn/forests.c */
extern const hg_learner hg_boost_learner;                         /* learn/boost.c */
extern const hg_learner hg_extraboost_learner;                    /* learn/extraboost.c */
extern const hg_learner hg_mlp_learner;                           /* learn/mlp_learner.c */
extern const hg_learner hg_attention_learner;                     /* learn/attention.c */
extern const hg_learner hg_networks_learner;                      /* learn/networks.c */
#endif
