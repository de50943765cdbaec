/* andon: one program, several commands; each lives in a file of its own. */
#include "collector/command.h"
#include "collector/serve.h"

#include <string.h>

int main(int argc, char **argv)
{
    const char *const *args = (const char *const *)argv;
    bool is_flag = argc > 1 && args[1][0] == '-';
    if (is_flag && (strcmp(args[1], "--help") == 0 || strcmp(args[1], "-h") == 0)) {
        struct writer w = {0};
        command_help(&w);
        bool is_shown = command_print(&w);
        writer_release(&w);
        return is_shown ? COMMAND_OK : COMMAND_FAILED;
    }
    if (argc < 2 || is_flag)
        return serve(argc - 1, args + 1);
    if (strcmp(args[1], "serve") == 0)
        return serve(argc - 2, args + 2);
    const struct command *command = command_find(args[1]);
    if (!command)
        return command_fail(COMMAND_USAGE, "unknown command \"%s\"; see andon --help", args[1]);
    return command->run(argc - 2, args + 2);
}
