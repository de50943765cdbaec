/* address.h - IP addresses as ip("...") names them, and finding them in text.
 *
 *   192.168.0.1                one address
 *   192.168.0.1-192.168.0.23   from, to
 *   192.168.4.5/16             a CIDR
 *
 * Both versions; an IPv4 address mapped into IPv6 is an IPv6 address.  How a line is looked
 * through (what may begin an address, how far it reaches, where the search goes on) is
 * Loki's: a number with a point within three characters, or up to four hexadecimal digits
 * and a colon.  Pure.
 */
#ifndef TSDB_LOGQL_ADDRESS_H
#define TSDB_LOGQL_ADDRESS_H

#include "tsdb/tsdb.h"

struct address_set {
    bool is_v6;
    uint8_t low[16], high[16]; /* inclusive; of IPv4 the first four bytes */
};

/* TSDB_EINVAL: "ip: invalid pattern: \"...\"". */
TSDB_NODISCARD enum tsdb_status ip_address_parse(struct tsdb_text pattern, struct address_set *out,
                                                 struct tsdb_error *err);
/* Does the text hold an address of the set? */
bool address_search(const struct address_set *set, struct tsdb_text text);

#endif
