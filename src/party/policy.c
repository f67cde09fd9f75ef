/* party/policy.c -- see party/policy.h: who signed, what may follow, who is who, and the property as a ring element */
#include "party/policy.h"
#include "party/policy_internal.h"
#include <math.h>
#include <string.h>

void hg_policy_free(hg_policy *p) {
    if (p) hg_arena_free(p->arena);
}

/* ---- members ------------------------------------------------------------------------------------------------------------ */

const hg_member *hg_policy_member(const hg_policy *p, const char *name) {
    for (size_t i = 0; i < p->n_members; i++)
        if (!strcmp(p->member[i].name, name)) return &p->member[i];
    return NULL;
}

bool hg_policy_revoked(const hg_policy *p, const unsigned char key[HG_PUBLIC_KEY]) {
    for (size_t i = 0; i < p->n_revoked; i++)
        if (!memcmp(p->revoked[i], key, HG_PUBLIC_KEY)) return true;
    return false;
}

const hg_member *hg_policy_member_of_key(const hg_policy *p, const unsigned char key[HG_PUBLIC_KEY]) {
    for (size_t i = 0; i < p->n_members; i++) { /* none of their keys is revoked: the reader refuses that */
        const hg_member *m = &p->member[i];
        if (!memcmp(m->key, key, HG_PUBLIC_KEY) || (m->has_old_key && !memcmp(m->old_key, key, HG_PUBLIC_KEY)))
            return m;
    }
    return NULL;
}

const hg_member *hg_policy_server(const hg_policy *p, unsigned party) {
    for (size_t i = 0; i < p->n_members; i++)
        if (p->member[i].server && p->member[i].party == party) return &p->member[i];
    return NULL;
}

bool hg_member_signed(const hg_member *m, const unsigned char signature[HG_SIGNATURE], const char *what,
                      const void *bytes, size_t n) {
    return hg_signed_by(m->key, signature, what, bytes, n) ||
           (m->has_old_key && hg_signed_by(m->old_key, signature, what, bytes, n));
}

hg_status hg_policy_stored(hg_policy **out, const char *project, const void *bytes, size_t n, hg_err *err) {
    hg_err why = { .code = HG_OK };
    const hg_status st = hg_policy_read(out, project, bytes, n, &why);
    if (st == HG_OK) return HG_OK;
    if (st == HG_ENOMEM) return hg_fail(err, st, "%s", why.msg);
    return hg_advise(err,
                     hg_fail(err, HG_EDATA, "hagane %s does not take the policy in force of project %s: %s",
                             hg_version(), project, why.msg),
                     "another version took it: run that one, or begin the project under another name with a policy "
                     "that this one takes");
}

/* ---- signatures --------------------------------------------------------------------------------------------------------- */

static const char PREFIX[] = "# signature ";
enum { PREFIX_LEN = sizeof PREFIX - 1 };

size_t hg_policy_unsigned_size(const char *text, size_t n) {
    for (size_t at = 0; at < n;) {
        if (n - at >= PREFIX_LEN && !memcmp(text + at, PREFIX, PREFIX_LEN)) return at;
        const char *end = memchr(text + at, '\n', n - at);
        if (!end) break;
        at = (size_t)(end - text) + 1;
    }
    return n;
}

/* One line "# signature NAME HEX\n" at *at; moves behind it. */
static hg_status read_signature(char name[HG_NAME_SIZE], unsigned char signature[HG_SIGNATURE], const char **at,
                                const char *end, hg_err *err) {
    const char *line = *at, *stop = memchr(line, '\n', (size_t)(end - line));
    const size_t len = stop ? (size_t)(stop - line) : 0, hex = (size_t)2 * HG_SIGNATURE;
    const size_t name_len = len > PREFIX_LEN + hex ? len - PREFIX_LEN - hex - 1 : 0;
    if (name_len == 0 || name_len >= HG_NAME_SIZE || memcmp(line, PREFIX, PREFIX_LEN) != 0 ||
        stop[-1 - (ptrdiff_t)hex] != ' ' || !hg_hex_read(signature, HG_SIGNATURE, stop - hex, hex))
        return hg_advise(
            err, hg_fail(err, HG_EREFUSED, "what stands after the policy's text is not a signature"),
            "lines of \"# signature NAME\" and 128 hexadecimal digits, as hagane party policy sign writes them");
    memcpy(name, line + PREFIX_LEN, name_len);
    name[name_len] = '\0';
    *at = stop + 1;
    return HG_OK;
}

static hg_status check_signature(bool *has_signed, const hg_policy *p, const char *name,
                                 const unsigned char signature[HG_SIGNATURE], const hg_text *text, hg_err *err) {
    const hg_member *m = hg_policy_member(p, name);
    if (!m || !m->owner)
        return hg_fail(err, HG_EREFUSED, "the policy is signed by \"%s\", who is %s", name,
                       m ? "no owner" : "not among its members");
    if (has_signed[m - p->member]) return hg_fail(err, HG_EREFUSED, "%s signed the policy twice", name);
    if (!hg_member_signed(m, signature, "policy", text->s, text->len))
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "the signature of %s is not one of this policy", name),
                         "was the text changed after it was signed?");
    has_signed[m - p->member] = true;
    return HG_OK;
}

hg_status hg_policy_signatures(bool *has_signed, const hg_policy *p, const void *bytes, size_t n, hg_err *err) {
    const char *at = (const char *)bytes + hg_policy_unsigned_size(bytes, n), *end = (const char *)bytes + n;
    char name[HG_NAME_SIZE];
    unsigned char signature[HG_SIGNATURE];
    hg_text text = hg_text_new(HG_POLICY_BYTES);
    for (size_t i = 0; i < p->n_members; i++) has_signed[i] = false;
    hg_status st = hg_policy_write(&text, p, err);
    while (st == HG_OK && at < end) {
        st = read_signature(name, signature, &at, end, err);
        if (st == HG_OK) st = check_signature(has_signed, p, name, signature, &text, err);
    }
    hg_text_free(&text);
    return st;
}

/* Byte for byte: what was not written by us might show a signer something else than what we read. */
static hg_status check_canonical(const hg_policy *p, const char *bytes, size_t n, hg_err *err) {
    hg_text text = hg_text_new(HG_POLICY_BYTES);
    hg_status st = hg_policy_write(&text, p, err);
    if (st == HG_OK && (text.len != n || memcmp(text.s, bytes, n) != 0)) {
        st = hg_fail(err, HG_EREFUSED, "the policy's text is not in the form that is signed");
        st = hg_advise(err, st, "write it out with `hagane party policy DRAFT --out FILE`, and have that signed");
    }
    hg_text_free(&text);
    return st;
}

hg_status hg_policy_in_force(const hg_policy *p, int64_t now, hg_err *err) {
    char when[HG_TIME_SIZE];
    if (now < p->not_before - HG_CLOCK_TOLERANCE) {
        hg_time_write(when, p->not_before);
        return hg_fail(err, HG_EREFUSED, "the policy of %s is not valid before %s", p->project, when);
    }
    if (now < p->expires + HG_CLOCK_TOLERANCE) return HG_OK;
    hg_time_write(when, p->expires);
    return hg_advise(err, hg_fail(err, HG_EREFUSED, "the policy of %s expired at %s", p->project, when),
                     "the owners may sign one that replaces it");
}

hg_status hg_policy_verify(const hg_policy *p, const void *bytes, size_t n, int64_t now, hg_err *err) {
    bool has_signed[HG_MEMBERS_MOST];
    HG_TRY(check_canonical(p, bytes, hg_policy_unsigned_size(bytes, n), err));
    HG_TRY(hg_policy_signatures(has_signed, p, bytes, n, err));
    hg_text missing = hg_text_new(300);
    size_t count = 0;
    for (size_t i = 0; i < p->n_members; i++)
        if (p->member[i].owner && !has_signed[i]) hg_text_add(&missing, "%s%s", count++ ? ", " : "", p->member[i].name);
    hg_status st = HG_OK;
    if (count)
        st = hg_advise(err,
                       hg_fail(err, HG_EREFUSED, "the policy of %s lacks the signature of %s", p->project, missing.s),
                       "each owner adds one to what the one before has signed: `hagane party policy FILE --sign`");
    hg_text_free(&missing);
    return st == HG_OK ? hg_policy_in_force(p, now, err) : st;
}

hg_status hg_policy_sign(hg_text *to, const hg_policy *p, const void *bytes, size_t n,
                         const unsigned char secret[HG_SECRET_KEY], hg_err *err) {
    bool has_signed[HG_MEMBERS_MOST];
    const hg_member *m = hg_policy_member_of_key(p, secret + HG_SECRET_KEY - HG_PUBLIC_KEY);
    if (!m || !m->owner) return hg_fail(err, HG_EREFUSED, "this key is no owner's in the policy of %s", p->project);
    HG_TRY(hg_policy_signatures(has_signed, p, bytes, n, err));
    const size_t from = to->len, signed_from = hg_policy_unsigned_size(bytes, n);
    HG_TRY(hg_policy_write(to, p, err));
    unsigned char signature[HG_SIGNATURE];
    char hex[2 * HG_SIGNATURE + 1];
    if (!to->failed) hg_sign(signature, "policy", to->s + from, to->len - from, secret);
    hg_text_put(to, (const char *)bytes + signed_from, n - signed_from);
    if (!has_signed[m - p->member]) {
        hg_hex_write(hex, signature, HG_SIGNATURE);
        hg_text_add(to, "%s%s %s\n", PREFIX, m->name, hex);
    }
    return to->failed ? hg_fail(err, HG_ENOMEM, "no memory for the policy") : HG_OK;
}

/* ---- what may follow ---------------------------------------------------------------------------------------------------- */

/* The first line in which two texts differ, as `next` has it. */
static hg_status refuse_difference(const char *next, const char *old, hg_err *err) {
    const char *line = next;
    for (; *next && *next == *old; next++, old++)
        if (*next == '\n') line = next + 1;
    return hg_advise(err,
                     hg_fail(err, HG_EREFUSED, "the new policy changes what the shared data mean: \"%.*s\"",
                             (int)(strcspn(line, "\n") < 100 ? strcspn(line, "\n") : 100), line),
                     "begin another project, or leave all but members, keys, budgets and dates as they were");
}

hg_status hg_policy_succeeds(const hg_policy *next, const hg_policy *old, hg_err *err) {
    if (!next->has_replaced || memcmp(next->replaces, old->digest, HG_DIGEST) != 0)
        return hg_fail(err, HG_EREFUSED, "the new policy of %s does not say that it replaces the one in force",
                       next->project);
    for (size_t i = 0; i < old->n_members; i++) {
        if (!old->member[i].owner) continue;
        const hg_member *m = hg_policy_member(next, old->member[i].name);
        if (!m || !m->owner) /* or its data would live under a policy that it never signed */
            return hg_fail(err, HG_EREFUSED, "%s is an owner in the policy in force and not in the new one",
                           old->member[i].name);
    }
    hg_text a = hg_text_new(HG_POLICY_BYTES), b = hg_text_new(HG_POLICY_BYTES);
    hg_policy_write_fixed(&a, next);
    hg_policy_write_fixed(&b, old);
    hg_status st = a.failed || b.failed ? hg_fail(err, HG_ENOMEM, "no memory to compare policies") : HG_OK;
    if (st == HG_OK && strcmp(a.s, b.s) != 0) st = refuse_difference(a.s, b.s, err);
    hg_text_free(&a);
    hg_text_free(&b);
    return st;
}

/* Whose signature `next` has under the keys of `old`: agreed[n_members of old]. */
static hg_status find_agreed(bool *agreed, const hg_policy *old, const char *at, const char *end, const hg_text *text,
                             hg_err *err) {
    char name[HG_NAME_SIZE];
    unsigned char signature[HG_SIGNATURE];
    while (at < end) {
        HG_TRY(read_signature(name, signature, &at, end, err));
        const hg_member *m = hg_policy_member(old, name);
        if (m && m->owner && hg_member_signed(m, signature, "policy", text->s, text->len))
            agreed[m - old->member] = true;
    }
    return HG_OK;
}

hg_status hg_policy_agreed(const hg_policy *next, const void *bytes, size_t n, const hg_policy *old, hg_err *err) {
    bool agreed[HG_MEMBERS_MOST] = { false };
    const char *const from = bytes;
    hg_text text = hg_text_new(HG_POLICY_BYTES);
    hg_status st = hg_policy_write(&text, next, err);
    if (st == HG_OK) st = find_agreed(agreed, old, from + hg_policy_unsigned_size(from, n), from + n, &text, err);
    hg_text_free(&text);
    for (size_t i = 0; st == HG_OK && i < old->n_members; i++)
        if (old->member[i].owner && !agreed[i])
            st = hg_advise(
                err,
                hg_fail(err, HG_EREFUSED,
                        "%s has not signed the new policy of %s with a key that the one in force has for it",
                        old->member[i].name, old->project),
                "a key is changed in two steps: first named beside the old one and signed with that, then alone");
    return st;
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------ */

hg_status hg_policy_scale(uint64_t *element, const hg_policy *p, double value, hg_err *err) {
    if (!isfinite(value)) return hg_fail(err, HG_ENAN, "the property is not a finite number");
    if (!(value >= p->low && value <= p->high)) {
        hg_fail(err, HG_EDATA, "%s is %g%s%s, outside the policy's range %g to %g", p->target, value,
                p->unit[0] ? " " : "", p->unit, p->low, p->high);
        return hg_advise(err, HG_EDATA, "the range is fixed: correct the value, or leave the row out");
    }
    const double y = (value - (p->low + p->high) / 2) * (2 * HG_Y_LIMIT / (p->high - p->low));
    const double inside = fmin(fmax(y, -HG_Y_LIMIT), HG_Y_LIMIT); /* rounding may have carried it past the end */
    hg_ring_from_double(element, p->maximize ? inside : -inside, HG_Y_FRACTION, HG_RING_LIMBS);
    return HG_OK;
}

double hg_policy_unscale(const hg_policy *p, double scaled) {
    const double y = p->maximize ? scaled : -scaled;
    return (p->low + p->high) / 2 + y * ((p->high - p->low) / (2 * HG_Y_LIMIT));
}

void hg_policy_scaled_pool(double *scaled, const hg_policy *p) {
    for (size_t i = 0; i < p->n_pool; i++)
        for (size_t k = 0; k < p->n_features; k++)
            scaled[i * p->n_features + k] =
                (p->pool[i * p->n_features + k] - p->scale_low[k]) / (p->scale_high[k] - p->scale_low[k]);
}

unsigned hg_policy_index_bits(const hg_policy *p) {
    unsigned bits = 1;
    while (((size_t)1 << bits) < p->most_entries) bits++;
    return bits;
}
