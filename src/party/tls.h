/* party/tls.h -- TLS 1.3 with mutual certificates: the settings that all links of a program share
 *
 * TLS 1.3 only, X25519, Ed25519 certificates of one authority that is given explicitly, a certificate asked from both sides, no
 * tickets, no resumption, no early data, no system trust store. There is no way to switch a check off: an authority, a name or a
 * pin that is missing is HG_EINVAL.
 */
#ifndef HG_PARTY_TLS_H
#define HG_PARTY_TLS_H
#include "hagane/core.h"
#include "party/cluster.h"
#include "party/identity.h"

typedef struct hg_tls hg_tls; /* const: may be used by many threads */

/* `authority`: path of its certificate, as in cluster.yaml; NULL: the one in the identity's folder. The identity must have been
 * issued by it (HG_EREFUSED). Identity and world are borrowed and must outlive it. */
HG_MUST_CHECK hg_status hg_tls_new(hg_tls **out, const hg_identity *id, const char *authority, const hg_world *w,
                                   hg_err *err);
void hg_tls_free(hg_tls *t);
const hg_identity *hg_tls_identity(const hg_tls *t);
const hg_world *hg_tls_world(const hg_tls *t);
#endif
