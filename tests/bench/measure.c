/* Runs a command and writes what the system counted of it to FILE: wall seconds, CPU seconds, peak
 * RSS in KiB, exit status. A small program of its own, because the peak of a child counts from
 * before its exec: forked from a large interpreter, nothing is ever smaller than that.
 *
 *     measure FILE COMMAND [ARGUMENT...] */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    struct timespec start, end;
    struct rusage usage;
    int status;
    pid_t child;
    FILE *file;

    if (argc < 3)
        return 2;
    clock_gettime(CLOCK_MONOTONIC, &start);
    child = fork();
    if (child == 0) {
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child)
        return 1;
    clock_gettime(CLOCK_MONOTONIC, &end);
    file = fopen(argv[1], "w");
    if (!file)
        return 1;
    fprintf(file, "%.6f %.6f %ld %d\n",
        (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9,
        seconds(&usage.ru_utime) + seconds(&usage.ru_stime), usage.ru_maxrss,
        WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return fclose(file) ? 1 : 0;
}
