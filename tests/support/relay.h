/* tests/support/relay.h -- a TCP relay on loopback that delays, cuts, swallows, truncates and damages; for tests and benchmarks
 *
 *   relay *r = relay_new("127.0.0.1", server_port, NULL);       connect to 127.0.0.1:relay_port(r)
 *   relay_set(r, &(relay_opts) { .delay_us = 20000, .cut_after = { RELAY_NEVER, 5000 } });
 *   relay_free(r);
 *
 * One thread serves all its connections. A byte that came in at t leaves at t + delay, however many are under way.
 */
#ifndef HG_RELAY_H
#define HG_RELAY_H
#include <stdbool.h>
#include <stdint.h>

typedef enum { RELAY_UP, RELAY_DOWN } relay_way; /* from who connected to the server; and back */
#define RELAY_NEVER UINT64_MAX

typedef struct { /* counts of bytes are per connection and way */
    int64_t delay_us;
    uint64_t cut_after[2];     /* so many bytes pass, then both sockets are closed */
    uint64_t swallow_after[2]; /* so many bytes pass, then nothing does, and nobody is told */
    uint64_t flip_at[2];       /* a bit of this byte is turned */
} relay_opts;
relay_opts relay_opts_default(void); /* passes everything on at once */

typedef struct relay relay;
relay *relay_new(const char *host, uint16_t port, const relay_opts *o); /* NULL: no socket, no memory */
uint16_t relay_port(const relay *r);
void relay_set(relay *r, const relay_opts *o); /* holds for connections that are made from now on */
void relay_delay(relay *r, int64_t delay_us);  /* at once, for all */
void relay_aim(relay *r, uint16_t port);       /* where connections from now on lead to */
void relay_break(relay *r);                    /* closes all connections */
uint64_t relay_bytes(relay *r, relay_way way); /* passed on so far, all connections together */
unsigned relay_connections(relay *r);          /* made so far */
void relay_free(relay *r);
#endif
