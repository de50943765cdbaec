/* serve.h - `andon serve`: the server's life, from settings to exit. */
#ifndef COLLECTOR_SERVE_H
#define COLLECTOR_SERVE_H

/* argv without the program and the subcommand.  The process' exit status. */
int serve(int argc, const char *const *argv);

#endif
