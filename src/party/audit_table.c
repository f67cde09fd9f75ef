/* party/audit_table.c -- see party/audit_table.h */
#include "party/audit_table.h"
#include "core/number.h"
#include "core/utf8.h"
#include <string.h>

/* What may stand in the log. Nothing that a share, a value or a digest of a share could be: a digest here is of something
 * sealed or public. */
static const hg_audit_field FIELD[] = {
    { "project", HG_FIELD_NAME, false },    { "owner", HG_FIELD_NAME, true },
    { "user", HG_FIELD_NAME, true },        { "member", HG_FIELD_NAME, false },
    { "version", HG_FIELD_NAME, false },    { "mode", HG_FIELD_NAME, true },
    { "tier", HG_FIELD_NAME, true },        { "kind-of-job", HG_FIELD_NAME, true },
    { "address", HG_FIELD_TEXT, false },    { "dataset", HG_FIELD_DIGEST, false },
    { "job", HG_FIELD_DIGEST, false },      { "policy", HG_FIELD_DIGEST, true },
    { "plan", HG_FIELD_DIGEST, true },      { "transcript", HG_FIELD_DIGEST, true },
    { "rows", HG_FIELD_COUNT, true },       { "datasets", HG_FIELD_COUNT, true },
    { "queries", HG_FIELD_COUNT, true },    { "attempt", HG_FIELD_COUNT, false },
    { "times", HG_FIELD_COUNT, false },     { "epoch", HG_FIELD_COUNT, true },
    { "party", HG_FIELD_COUNT, false },     { "lost", HG_FIELD_COUNT, true },
    { "user-left", HG_FIELD_COUNT, false }, { "bits", HG_FIELD_NUMBER, true },
    { "epsilon", HG_FIELD_NUMBER, true },   { "phase", HG_FIELD_TEXT, false },
    { "reason", HG_FIELD_TEXT, false },
};

/* Of refusals that come again and again not each is an entry: hg_audit_refuse. */
#define REPEATED "[; number {times} within an hour, of which not all are told]"

static const hg_audit_kind_row KIND[HG_AUDIT_KINDS] = {
    [HG_AUDIT_CREATED] = { "created", "server {party} began to keep this log[ (version {version})]", NULL,
                           HG_AUDIT_CREATED },
    [HG_AUDIT_OPENED] = { "opened", "the server started[ (version {version})]", NULL, HG_AUDIT_OPENED },
    [HG_AUDIT_REKEYED] = { "rekeyed", "the keys were wrapped with a new master key", NULL, HG_AUDIT_REKEYED },
    [HG_AUDIT_POLICY] = { "policy", "project {project}: policy {policy} is in force", "policy", HG_AUDIT_POLICY },
    [HG_AUDIT_POLICY_REFUSED] = { "policy-refused",
                                  "a policy[ for project {project}] from {member} was refused[: {reason}]" REPEATED,
                                  NULL, HG_AUDIT_POLICY_REFUSED },
    [HG_AUDIT_STAGED] = { "staged", "data set {dataset} of {owner} arrived: {rows|row|rows}", NULL, HG_AUDIT_STAGED },
    [HG_AUDIT_VALIDATED] = { "validated", "data set {dataset} of {owner} passed the checks", NULL, HG_AUDIT_VALIDATED },
    [HG_AUDIT_ACTIVE] = { "active", "data set {dataset} of {owner} takes part from now on: {rows|row|rows}", "dataset",
                          HG_AUDIT_ACTIVE },
    [HG_AUDIT_DROPPED] = { "dropped", "data set {dataset} of {owner} was dropped[: {reason}]", NULL, HG_AUDIT_DROPPED },
    [HG_AUDIT_WITHDRAWN] = { "withdrawn", "data set {dataset}[ of {owner}] was withdrawn[: {reason}]", "dataset",
                             HG_AUDIT_WITHDRAWN },
    [HG_AUDIT_UPLOAD_REFUSED] = { "upload-refused",
                                  "an upload[ of {owner}][ from {member}] was refused[: {reason}]" REPEATED, NULL,
                                  HG_AUDIT_UPLOAD_REFUSED },
    [HG_AUDIT_JOB_CHARGED] = { "job-charged",
                               "job {job} of {user} was charged: {queries|query|queries} on {datasets|data set|data sets}[, epsilon {epsilon}]",
                               "job", HG_AUDIT_JOB_CHARGED },
    [HG_AUDIT_JOB_RETRIED] = { "job-retried", "job {job} of {user} began attempt {attempt}, free of charge", NULL,
                               HG_AUDIT_JOB_RETRIED },
    [HG_AUDIT_JOB_REFUSED] = { "job-refused", "job[ {job}][ of {user}] was refused[: {reason}]" REPEATED, NULL,
                               HG_AUDIT_JOB_REFUSED },
    [HG_AUDIT_JOB_ABORTED] = { "job-aborted", "job {job} was broken off in {phase}[: {reason}]", NULL,
                               HG_AUDIT_JOB_ABORTED },
    [HG_AUDIT_JOB_ANSWERED] = { "job-answered", "job {job} of {user} was answered", "job", HG_AUDIT_JOB_ANSWERED },
    [HG_AUDIT_JOB_ALLOWED] = { "job-allowed", "the operator let job {job} run again", NULL, HG_AUDIT_JOB_ALLOWED },
    [HG_AUDIT_JOB_LEARNT] = { "job-learnt",
                              "job {job} of {user} is known from server {party}: {queries|query|queries} on {datasets|data set|data sets}[, epsilon {epsilon}], charged {times|time|times}",
                              "job", HG_AUDIT_JOB_CHARGED },
    [HG_AUDIT_REFRESH_BEGUN] = { "refresh-begun",
                                 "project {project}: new shares for epoch {epoch} are being made[, for the lost server {lost}]",
                                 NULL, HG_AUDIT_REFRESH_BEGUN },
    [HG_AUDIT_REFRESH_PREPARED] = { "refresh-prepared", "project {project}: the shares of epoch {epoch} are on disk",
                                    NULL, HG_AUDIT_REFRESH_PREPARED },
    [HG_AUDIT_REFRESH_COMMITTED] = { "refresh-committed",
                                     "project {project}: epoch {epoch} is in force[, server {lost} is rebuilt]", "plan",
                                     HG_AUDIT_REFRESH_COMMITTED },
    [HG_AUDIT_REFRESH_ERASED] = { "refresh-erased", "project {project}: the shares before epoch {epoch} are erased",
                                  NULL, HG_AUDIT_REFRESH_ERASED },
    [HG_AUDIT_REFRESH_REFUSED] = { "refresh-refused",
                                   "project {project}: the refresh to epoch {epoch} was given up[: {reason}]", NULL,
                                   HG_AUDIT_REFRESH_REFUSED },
    [HG_AUDIT_LOGIN_REFUSED] = { "login-refused", "a connection[ of {member}][ from {address}] was refused[: {reason}]",
                                 NULL, HG_AUDIT_LOGIN_REFUSED },
};

const hg_audit_kind_row *hg_audit_row(hg_audit_kind k) { return KIND + k; }

bool hg_audit_kind_of(hg_audit_kind *k, const char *name, size_t len) {
    for (int i = 0; i < HG_AUDIT_KINDS; i++)
        if (strlen(KIND[i].name) == len && memcmp(KIND[i].name, name, len) == 0) {
            *k = (hg_audit_kind)i;
            return true;
        }
    return false;
}

const hg_audit_field *hg_audit_field_of(const char *key, size_t len) {
    for (size_t i = 0; i < sizeof FIELD / sizeof *FIELD; i++)
        if (strlen(FIELD[i].key) == len && memcmp(FIELD[i].key, key, len) == 0) return FIELD + i;
    return NULL;
}

static bool only(const char *s, size_t n, const char *extra) {
    for (size_t i = 0; i < n; i++) {
        const char c = s[i];
        const bool digit = c >= '0' && c <= '9', letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!digit && (!extra || !c || (!letter && !strchr(extra, c)))) return false;
    }
    return true;
}

static bool text_good(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < ' ' || s[i] == 127) return false;
    return hg_utf8_valid(s, n) == n;
}

bool hg_audit_value_good(const hg_audit_field *f, const char *value, size_t n) {
    unsigned char digest[HG_DIGEST];
    double x;
    if (!n || n >= HG_AUDIT_VALUE) return false;
    switch (f->type) {
    case HG_FIELD_NAME: return n < HG_NAME_SIZE && only(value, n, "-_.");
    case HG_FIELD_DIGEST: return hg_hex_read(digest, HG_DIGEST, value, n);
    case HG_FIELD_COUNT: return n <= 20 && only(value, n, NULL);
    case HG_FIELD_NUMBER: return n < HG_NUMBER_SIZE && hg_number_read(&x, value, n, '.') == HG_NUMBER_FINITE;
    default: return text_good(value, n);
    }
}

void hg_audit_scope(unsigned char scope[HG_DIGEST], const char *project) {
    hg_digest(scope, "audit scope", project, strlen(project));
}
