/* party/channel_tls.h -- the rounds of a protocol over two links: see secret/channel.h
 *
 * A round writes one frame to each neighbour and reads one from each, all at the same time (poll), straight from and into the
 * caller's memory. A frame of another length, round or phase is HG_ECHEAT; a neighbour that is gone or late is HG_EPARTY. Both name
 * the neighbour and the phase. There is one pair of links an attempt of a job; nothing is multiplexed.
 */
#ifndef HG_PARTY_CHANNEL_TLS_H
#define HG_PARTY_CHANNEL_TLS_H
#include "hagane/core.h"
#include "party/link.h"
#include "secret/channel.h"

typedef struct {
    int round_ms;      /* a round must end within; default 30000 */
    hg_cancel *cancel; /* borrowed; NULL: none */
} hg_channel_tls_opts;
hg_channel_tls_opts hg_channel_tls_opts_default(void);

typedef struct hg_channel_tls hg_channel_tls;
/* Links are borrowed: both of purpose HG_PURPOSE_JOB, next and previous of server `party`, of the same digest and attempt (else
 * HG_EINVAL). */
HG_MUST_CHECK hg_status hg_channel_tls_new(hg_channel_tls **out, unsigned party, hg_link *next, hg_link *previous,
                                           const hg_channel_tls_opts *o, hg_err *err);
hg_channel *hg_channel_tls_channel(hg_channel_tls *c);
/* Tells both neighbours why this server stops: their exchange returns it. Good for nothing afterwards. */
void hg_channel_tls_abort(hg_channel_tls *c, const hg_err *why);
void hg_channel_tls_free(hg_channel_tls *c);
#endif
