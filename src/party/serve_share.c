/* party/serve_share.c -- a data set comes in: spooled, read, staged
 *
 * A share file is sealed for this server, so it may lie on the disk as it came until it is complete, if its header names who brings it
 * as an owner of a project here, if it is no longer than the rows of that policy can be, and if the disk has room for it twice; then it
 * is read once more, into the store, and nothing of it stays unless every digest and the owner's signature are right. What needs all three servers comes
 * afterwards: party/serve_validate.c.
 */
#include "core/memory.h"
#include "party/ledger.h"
#include "party/serve.h"
#include "party/sharefile.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PATH_MOST = 1200, STEP = 1 << 16 };

/* ---- spool --------------------------------------------------------------------------------------------------------------------- */

enum { PREFIX_SIZE = 16 };

static size_t spool_prefix(char prefix[PREFIX_SIZE], const hg_server *s) {
    return (size_t)snprintf(prefix, PREFIX_SIZE, "incoming-%u-", s->party);
}

static hg_status spool_name(char path[PATH_MOST], const hg_server *s, hg_err *err) {
    unsigned char random[16];
    char name[2 * sizeof random + 1], prefix[PREFIX_SIZE];
    spool_prefix(prefix, s);
    HG_TRY(hg_world_random(s->o.world, random, sizeof random, err));
    hg_hex_write(name, random, sizeof random);
    const int n = snprintf(path, PATH_MOST, "%s/%s%s", s->o.spool, prefix, name);
    return n > 0 && n < PATH_MOST ? HG_OK : hg_fail(err, HG_EIO, "the spool folder's name is too long");
}

void hg_serve_sweep_spool(const hg_server *s) {
    char prefix[PREFIX_SIZE];
    const size_t n = spool_prefix(prefix, s);
    DIR *d = opendir(s->o.spool);
    for (const struct dirent *e; d && (e = readdir(d));)
        if (strncmp(e->d_name, prefix, n) == 0) (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d) closedir(d);
}

/* Who brings what, by the header: the policy of the project, if this visitor is the owner whom the file names. */
static hg_status check_bringer(hg_policy **p, const hg_share_header *h, hg_ask *a, hg_err *err) {
    const hg_member *m;
    HG_TRY(hg_serve_policy(p, a->server, h->project, NULL, err));
    HG_TRY(hg_serve_member(&m, *p, a->link, err));
    if (strcmp(m->name, h->owner) == 0) return HG_OK;
    hg_fail(err, HG_EREFUSED, "%s brings a share file of %s", m->name, h->owner);
    hg_serve_refused(a->server, HG_AUDIT_UPLOAD_REFUSED, *p, m->name, err);
    return err->code;
}

static hg_status read_memory(void *self, size_t *got, void *buf, size_t size, hg_err *err) {
    hg_taker *t = self;
    (void)err;
    *got = size < t->left ? size : t->left;
    hg_take_bytes(t, buf, *got);
    return HG_OK;
}

/* A file on its way to the disk. */
typedef struct {
    hg_ask *ask;
    hg_policy *policy;
    char owner[HG_NAME_SIZE];
    uint64_t most, n; /* bytes that it can have, and has so far */
} upload;

/* Before anything goes to the disk: its first bytes, from somebody who may bring it. */
static hg_status look_at_header(upload *u, const char *bytes, size_t n, hg_err *err) {
    hg_taker t = hg_taker_of(bytes, n);
    const hg_source source = { read_memory, &t };
    hg_share_reader *r;
    hg_share_header h;
    hg_share_layout layout;
    HG_TRY(hg_share_reader_new(&r, &h, "share file", &source, err));
    hg_share_reader_free(r);
    HG_TRY(check_bringer(&u->policy, &h, u->ask, err));
    HG_TRY(hg_share_layout_of(&layout, u->policy, h.kind, err));
    memcpy(u->owner, h.owner, sizeof u->owner);
    u->most = hg_share_file_most(&layout, u->ask->server->o.upload_rows);
    return HG_OK;
}

static hg_status too_many_rows(const hg_server *s, hg_err *err) {
    return hg_fail(err, HG_EREFUSED,
                   "party \"%s\" takes at most %llu rows in one data set: share the table in several parts",
                   hg_serve_name(s, s->party), (unsigned long long)s->o.upload_rows);
}

/* n bytes more, and what else lies in the spool: is there room for all of it once more, in the store? */
static hg_status make_room(upload *u, size_t n, hg_err *err) {
    hg_server *s = u->ask->server;
    struct statvfs disk;
    if (n > u->most - u->n) {
        too_many_rows(s, err);
        hg_serve_refused(s, HG_AUDIT_UPLOAD_REFUSED, u->policy, u->owner, err);
        return HG_EREFUSED;
    }
    pthread_mutex_lock(&s->lock);
    u->n += n;
    s->spooled += n;
    const uint64_t spooled = s->spooled;
    pthread_mutex_unlock(&s->lock);
    if (statvfs(s->o.spool, &disk) != 0)
        return hg_fail(err, HG_EIO, "%s cannot be looked at: %s", s->o.spool, strerror(errno));
    const uint64_t left = (uint64_t)disk.f_bavail * disk.f_frsize, kept = s->o.keep_free;
    if (left >= spooled && left - spooled >= kept) return HG_OK;
    return hg_fail(err, HG_ELIMIT, "party \"%s\" has %llu MiB of its disk left, and keeps %llu free: nothing was kept",
                   hg_serve_name(s, s->party), (unsigned long long)(left >> 20), (unsigned long long)(kept >> 20));
}

static hg_status write_all(int fd, const char *bytes, size_t n, const char *path, hg_err *err) {
    while (n) {
        const ssize_t k = write(fd, bytes, n);
        if (k == 0 || (k < 0 && errno != EINTR))
            return hg_fail(err, HG_EIO, "%s cannot be written: %s", path, strerror(errno));
        bytes += k > 0 ? k : 0;
        n -= k > 0 ? (size_t)k : 0;
    }
    return HG_OK;
}

static hg_status spool_to(const char *path, upload *u, hg_message_stream *in, char buf[STEP], size_t first,
                          hg_err *err) {
    HG_TRY(make_room(u, first, err));
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return hg_fail(err, HG_EIO, "%s cannot be made: %s", path, strerror(errno));
    hg_status st = write_all(fd, buf, first, path, err);
    for (size_t got = STEP; st == HG_OK && got == STEP;) {
        st = hg_message_read(in, &got, buf, STEP, err);
        if (st == HG_OK) st = make_room(u, got, err);
        if (st == HG_OK) st = write_all(fd, buf, got, path, err);
    }
    close(fd);
    return st;
}

static hg_status spool(const char *path, upload *u, hg_err *err) {
    const hg_request *r = hg_request_of(HG_PUT_SHARES);
    hg_message_stream in;
    size_t got;
    HG_TRY(hg_message_begin(&in, u->ask->link, u->ask->head, r->most, err));
    char *buf = hg_malloc(STEP, 1);
    if (!buf) return hg_fail(err, HG_ENOMEM, "no memory for a share file");
    hg_status st = hg_message_read(&in, &got, buf, HG_SHARE_BEGIN_MOST, err);
    if (st == HG_OK) st = look_at_header(u, buf, got, err);
    if (st == HG_OK) st = spool_to(path, u, &in, buf, got, err);
    hg_free(buf);
    return st;
}

static hg_status read_file(void *self, size_t *got, void *buf, size_t size, hg_err *err) {
    *got = fread(buf, 1, size, self);
    return ferror((FILE *)self) ? hg_fail(err, HG_EIO, "a spooled share file cannot be read") : HG_OK;
}

/* ---- into the store -------------------------------------------------------------------------------------------------------------- */

static hg_status stage_rows(hg_stage *g, hg_share_reader *r, const hg_share_layout *l, const hg_server *s,
                            hg_err *err) {
    hg_share_row row;
    const size_t elements = 3 * l->n_elements, words = l->words;
    uint64_t *slot[2] = { hg_calloc(words, sizeof **slot), hg_calloc(words, sizeof **slot) };
    hg_status st = slot[0] && slot[1] ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for a row of shares");
    for (bool more = true; st == HG_OK;) {
        st = hg_share_reader_next(&more, &row, r, s->o.upload_rows, err);
        if (st == HG_ELIMIT) st = too_many_rows(s, err);
        if (st != HG_OK || !more) break;
        for (unsigned k = 0; k < 2; k++) {
            memcpy(slot[k], row.element[k], elements * sizeof **slot);
            if (words > elements) memcpy(slot[k] + elements, row.bits[k], (words - elements) * sizeof **slot);
        }
        st = hg_stage_add(g, (const uint64_t *const[]) { slot[0], slot[1] }, l->has_index ? &row.index : NULL, 1, err);
    }
    for (unsigned k = 0; k < 2; k++) {
        if (slot[k]) OPENSSL_cleanse(slot[k], words * sizeof **slot);
        hg_free(slot[k]);
    }
    return st;
}

static hg_status commit(hg_stage *g, const hg_share_reader *r, hg_err *err) {
    hg_text statement = hg_text_new(HG_STATEMENT_MOST);
    hg_status st = hg_dataset_encode(&statement, hg_share_reader_dataset(r), err);
    if (st == HG_OK) st = hg_stage_commit(g, hg_share_reader_id(r), statement.s, statement.len, err);
    hg_text_free(&statement);
    return st;
}

/* Entries are counted as the answer counted them (tier 3), so there must have been one, of this owner's. */
static hg_status check_answer(const hg_dataset *d, const hg_policy *p, hg_server *s, hg_err *err) {
    hg_job_record job;
    hg_err why;
    if (p->tier != HG_TIER_COMPOSITIONS || d->kind != HG_SHARES_MEASURED) return HG_OK;
    const hg_status st = hg_ledger_job(&job, s->o.store, d->for_job, &why);
    if (st == HG_OK && strcmp(job.user, d->owner) == 0 && strcmp(job.project, d->project) == 0) return HG_OK;
    return hg_fail(err, st == HG_OK || st == HG_ENOTFOUND ? HG_EREFUSED : st,
                   "what %s measured belongs to no question of %s in %s", d->owner, d->owner, d->project);
}

static hg_status take_rows(hg_share_reader *r, const hg_share_header *h, const hg_policy *p, hg_ask *a, hg_err *err) {
    hg_server *s = a->server;
    hg_share_layout layout;
    hg_stage *g = NULL;
    HG_TRY(hg_share_reader_begin(r, &layout, p, s->party, hg_identity_sealing_secret(s->o.identity), err));
    hg_stored d = { .sequence = h->sequence,
                    .kind = (unsigned)h->kind,
                    .limbs = HG_RING_LIMBS,
                    .elements = layout.n_elements,
                    .bits = layout.n_bits,
                    .public_size = layout.has_index ? sizeof(uint32_t) : 0 };
    memcpy(d.project, h->project, sizeof d.project);
    memcpy(d.owner, h->owner, sizeof d.owner);
    memcpy(d.policy, h->policy, HG_DIGEST);
    hg_status st = hg_stage_new(&g, s->o.store, &d, err);
    if (st == HG_OK) st = stage_rows(g, r, &layout, s, err);
    if (st == HG_OK) st = hg_dataset_check(hg_share_reader_dataset(r), p, err);
    if (st == HG_OK) st = check_answer(hg_share_reader_dataset(r), p, s, err);
    if (st == HG_OK) st = commit(g, r, err);
    hg_stage_free(g);
    return st;
}

/* Reads the file, whose header names project and policy, into the store. What is refused is noted: it may be another's doing. */
static hg_status take_file(hg_share_reader *r, const hg_share_header *h, hg_policy **p, hg_ask *a, hg_err *err) {
    HG_TRY(check_bringer(p, h, a, err));
    const hg_status st = take_rows(r, h, *p, a, err);
    if (st != HG_OK) hg_serve_refused(a->server, HG_AUDIT_UPLOAD_REFUSED, *p, h->owner, err);
    return st;
}

static hg_status read_spooled(const char *path, hg_ask *a, hg_err *err) {
    hg_share_reader *r = NULL;
    hg_share_header h;
    hg_policy *p = NULL;
    FILE *f = fopen(path, "rb");
    if (!f) return hg_fail(err, HG_EIO, "%s cannot be read: %s", path, strerror(errno));
    const hg_source source = { read_file, f };
    hg_status st = hg_share_reader_new(&r, &h, "share file", &source, err);
    if (st == HG_OK) st = take_file(r, &h, &p, a, err);
    if (st == HG_OK) {
        char id[HG_SHORT_SIZE];
        const hg_dataset *d = hg_share_reader_dataset(r);
        hg_put_bytes(a->reply, hg_share_reader_id(r), HG_DIGEST);
        hg_serve_log(a->server, "data set %s of %s in %s staged: %llu rows of shares",
                     hg_short(id, hg_share_reader_id(r)), d->owner, d->project, (unsigned long long)d->rows);
    }
    hg_share_reader_free(r);
    hg_policy_free(p);
    fclose(f);
    return st;
}

hg_status hg_serve_shares(hg_ask *a, hg_err *err) {
    char path[PATH_MOST];
    hg_server *s = a->server;
    upload u = { .ask = a };
    HG_TRY(spool_name(path, s, err));
    hg_status st = spool(path, &u, err);
    if (st == HG_OK) st = read_spooled(path, a, err);
    unlink(path);
    pthread_mutex_lock(&s->lock);
    s->spooled -= u.n;
    pthread_mutex_unlock(&s->lock);
    hg_policy_free(u.policy);
    return st;
}
