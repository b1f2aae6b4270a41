/* For tests of what ends the process: whether `call` does, tried in a child. A sanitizer ends it
 * in its own way, so any end but a return counts. */
#ifndef TESTS_UNIT_DIES_H
#define TESTS_UNIT_DIES_H

#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static bool dies(void (*call)(void))
{
    const pid_t child = fork();
    int status = 0;

    if (child == 0) {
        const struct rlimit no_core = {0, 0};

        setrlimit(RLIMIT_CORE, &no_core);
        close(STDERR_FILENO);
        call();
        _exit(0);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status != 0;
}

#endif
