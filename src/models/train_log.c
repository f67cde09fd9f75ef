/* models/train_log.c -- a line of JSON an epoch; see models/train.h
 *
 * The log grows line by line, so it is no file that is there whole or not at all. The checkpoint knows how long it was: what a killed run wrote
 * after its checkpoint is cut off when it goes on, and no epoch stands there twice.
 */
#include "core/text.h"
#include "files/json.h"
#include "models/train.h"
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static hg_status system_error(const hg_trainer *t, const char *what, hg_err *err) {
    char text[128];
    return hg_fail(err, HG_EIO, "%s: could not be %s: %s", t->o.log, what, strerror_r(errno, text, sizeof text));
}

hg_status hg_train_log_open(hg_trainer *t, hg_err *err) {
    if (!t->o.log || t->ranks.rank != 0) return HG_OK;
    t->log = fopen(t->o.log, t->s.log_bytes ? "r+e" : "we");
    if (!t->log && errno == ENOENT && t->s.log_bytes) {
        t->s.log_bytes = 0; /* it was put away: the rest goes into a new one */
        t->log = fopen(t->o.log, "we");
    }
    if (!t->log) return system_error(t, "opened", err);
    if (fseeko(t->log, 0, SEEK_END) != 0) return HG_OK; /* a pipe: nothing to cut */
    const off_t end = ftello(t->log);
    if (end >= 0 && (uint64_t)end < t->s.log_bytes) t->s.log_bytes = (uint64_t)end; /* another log: add to it */
    if (end > (off_t)t->s.log_bytes && ftruncate(fileno(t->log), (off_t)t->s.log_bytes) != 0)
        return system_error(t, "shortened", err);
    if (fseeko(t->log, (off_t)t->s.log_bytes, SEEK_SET) != 0) return system_error(t, "opened", err);
    return HG_OK;
}

double hg_train_seconds(const hg_trainer *t) { return t->o.seconds ? t->o.seconds(t->o.clock) - t->began : NAN; }

hg_status hg_train_log_epoch(hg_trainer *t, double rate, double metric, hg_err *err) {
    if (!t->log) return HG_OK;
    hg_json j;
    hg_text line = hg_text_new(0);
    double loss[HG_PHASES_MOST], total = 0;
    for (unsigned k = 0; k < t->phases; k++) total += loss[k] = t->s.loss[k] / (double)t->m->items;
    hg_json_begin_text(&j, &line, 0);
    hg_json_begin_object(&j, NULL);
    hg_json_count(&j, "epoch", t->s.epoch + 1);
    hg_json_count(&j, "step", t->s.steps);
    hg_json_number(&j, "rate", rate);
    hg_json_number(&j, "train_loss", total);
    if (t->phases > 1) hg_json_numbers(&j, "train_losses", loss, t->phases);
    hg_json_number(&j, "metric", metric);
    hg_json_number(&j, "seconds", hg_train_seconds(t));
    hg_json_end_object(&j);
    hg_status st = hg_json_end(&j, err);
    if (st == HG_OK && (fwrite(line.s, 1, line.len, t->log) != line.len || fflush(t->log) != 0))
        st = system_error(t, "written", err);
    if (st == HG_OK) t->s.log_bytes += line.len;
    hg_text_free(&line);
    return st;
}

void hg_train_log_close(hg_trainer *t) {
    if (t->log) (void)fclose(t->log);
}
