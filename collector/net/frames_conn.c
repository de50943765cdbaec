#include "collector/net/frames_conn.h"

#include "collector/net/conn.h"

void frames_conn_start(struct conn *c)
{
    conn_close(c, CLOSING_MALFORMED);
}
