/* command_http.h - one HTTP/1.1 request of a command, and its whole answer.
 *
 * Plain http:// only.  Asks for Connection: close and no content coding; takes
 * Content-Length, chunked, or until-close answers.  Limits: HTTP_HEAD_MAX bytes
 * of head, HTTP_BODY_MAX of body; a server that sends more is refused.
 */
#ifndef COLLECTOR_COMMAND_HTTP_H
#define COLLECTOR_COMMAND_HTTP_H

#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

enum { HTTP_HEAD_MAX = 64 << 10, HTTP_BODY_MAX = 256 << 20 };

struct http_url { /* http://HOST[:PORT][/PREFIX] */
    char host[256], port[8];
    char prefix[512]; /* without a slash at its end */
};

struct http_ask {
    const struct http_url *url;
    const char *path;  /* below the prefix */
    struct bytes form; /* the body of a POST */
    bool is_get;       /* then it is the query string */
    const char *token; /* bearer token, or NULL */
    int64_t timeout_ns;
};

struct http_answer {
    int status;
    struct writer body; /* owned */
};

TSDB_NODISCARD enum tsdb_status http_url_parse(const char *text, struct http_url *out,
                                               struct tsdb_error *err);
/* answer->body is valid also when it failed; release it. */
TSDB_NODISCARD enum tsdb_status http_request(const struct http_ask *ask, struct http_answer *answer,
                                             struct tsdb_error *err);
/* A whole answer as it lay on the wire, the connection closed after it. */
TSDB_NODISCARD enum tsdb_status http_answer_parse(struct bytes wire, struct http_answer *answer,
                                                  struct tsdb_error *err);
/* name=value, percent-encoded, with & between pairs. */
void http_form_put(struct writer *form, const char *name, const char *value);

#endif
