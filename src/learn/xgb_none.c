/* learn/xgb_none.c -- learn/xgb.h in a build without XGBoost: models that were trained elsewhere still predict */
#include "learn/xgb.h"

const char *hg_xgb_missing(void) { return "needs a build with XGBoost to be trained (tools/install-deps xgboost)"; }

hg_status hg_xgb_fit(hg_trees *out, const hg_xgb_rows *train, const hg_xgb_rows *held, size_t d, size_t classes,
                     const hg_xgb_opts *opts, const hg_xgb_watch *watch, hg_err *err) {
    (void)train, (void)held, (void)d, (void)classes, (void)opts, (void)watch;
    *out = (hg_trees) { 0 };
    hg_fail(err, HG_ENOTFOUND, "boosted trees cannot be trained: this program was built without XGBoost");
    return hg_advise(err, HG_ENOTFOUND, "tools/install-deps xgboost, then build again; or train \"extratrees\"");
}
