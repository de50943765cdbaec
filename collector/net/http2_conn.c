#include "collector/net/http2_conn.h"

#include "collector/net/conn.h"

void http2_conn_start(struct conn *c)
{
    conn_close(c, CLOSING_MALFORMED);
}
