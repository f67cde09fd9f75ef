/* party/audit_table.h -- the one table of kinds and fields of the audit log */
#ifndef HG_PARTY_AUDIT_TABLE_H
#define HG_PARTY_AUDIT_TABLE_H
#include "party/audit.h"

typedef enum {
    HG_FIELD_NAME,   /* letters, digits, '-', '_', '.' */
    HG_FIELD_DIGEST, /* 64 hexadecimal digits, of something that is no share */
    HG_FIELD_COUNT,  /* decimal digits */
    HG_FIELD_NUMBER, /* a decimal number */
    HG_FIELD_TEXT    /* a sentence */
} hg_field_type;

typedef struct {
    const char *key;
    hg_field_type type;
    bool same; /* the same in the three servers' logs, for the same subject */
} hg_audit_field;

typedef struct {
    /* {key} stands for the value, {key|one|many} for value and noun, [ ... ] is left out when its values are not there */
    const char *name, *words;
    const char *subject; /* key of what the three logs have in common; NULL: this server's own affair */
    hg_audit_kind event; /* kinds of one event are one for the comparison */
} hg_audit_kind_row;

const hg_audit_kind_row *hg_audit_row(hg_audit_kind k);
const hg_audit_field *hg_audit_field_of(const char *key, size_t len); /* NULL: no such field */
bool hg_audit_value_good(const hg_audit_field *f, const char *value, size_t n);
/* false: no kind of that name. */
bool hg_audit_kind_of(hg_audit_kind *k, const char *name, size_t len);
/* Of "party P\nkey K\n" and the head lines of an entry. */
HG_MUST_CHECK hg_status hg_audit_hash(unsigned char hash[HG_DIGEST], unsigned party,
                                      const unsigned char key[HG_PUBLIC_KEY], const char *head, size_t n, hg_err *err);
void hg_audit_scope(unsigned char scope[HG_DIGEST], const char *project);
#endif
