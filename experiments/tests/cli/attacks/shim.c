/* Loaded before the program's own libraries: counts what it does to files below
 * SHIM_ROOT, and at operation number SHIM_AT kills it (SHIM_HOW=kill), or lets that
 * operation (once) or it and all later ones (full) fail as on a full disk. At the
 * end it writes how many there were to SHIM_COUNT. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FDS = 4096 };
static char below[FDS];
static long operations;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int in_root(const char *path)
{
    const char *root = getenv("SHIM_ROOT");
    return root && path && strncmp(path, root, strlen(root)) == 0;
}

static int at_root(int folder, const char *path)
{
    if (path && path[0] == '/')
        return in_root(path);
    return folder >= 0 && folder < FDS && below[folder];
}

/* Counts an operation; true where it has to fail. */
static int strikes(void)
{
    const char *at = getenv("SHIM_AT"), *how = getenv("SHIM_HOW");
    long mine = __sync_add_and_fetch(&operations, 1), struck = at ? atol(at) : 0;
    if (struck == 0 || mine < struck || !how)
        return 0;
    if (strcmp(how, "kill") == 0)
        kill(getpid(), SIGKILL);
    if (strcmp(how, "once") == 0 && mine > struck)
        return 0;
    errno = ENOSPC;
    return 1;
}

static int opened(int fd, int tracked)
{
    if (fd >= 0 && fd < FDS)
        below[fd] = (char)tracked;
    return fd;
}

#define OPEN(name)                                                                  \
    int name(const char *path, int flags, ...)                                      \
    {                                                                               \
        va_list rest;                                                               \
        va_start(rest, flags);                                                      \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;   \
        va_end(rest);                                                               \
        int tracked = in_root(path);                                                \
        if (tracked && (flags & (O_CREAT | O_TRUNC)) && strikes())                  \
            return -1;                                                              \
        return opened(REAL(name)(path, flags, mode), tracked);                      \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                \
    int name(int folder, const char *path, int flags, ...)                          \
    {                                                                               \
        va_list rest;                                                               \
        va_start(rest, flags);                                                      \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;   \
        va_end(rest);                                                               \
        int tracked = at_root(folder, path);                                        \
        if (tracked && (flags & (O_CREAT | O_TRUNC)) && strikes())                  \
            return -1;                                                              \
        return opened(REAL(name)(folder, path, flags, mode), tracked);              \
    }
OPENAT(openat)
OPENAT(openat64)

#define ON_FD(type, name, parameters, arguments)                                    \
    type name parameters                                                            \
    {                                                                               \
        if (fd >= 0 && fd < FDS && below[fd] && strikes())                          \
            return -1;                                                              \
        return REAL(name) arguments;                                                \
    }
ON_FD(ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size))
ON_FD(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count))
ON_FD(ssize_t, pwrite, (int fd, const void *bytes, size_t size, off_t at), (fd, bytes, size, at))
ON_FD(ssize_t, pwrite64, (int fd, const void *bytes, size_t size, off64_t at), (fd, bytes, size, at))
ON_FD(int, fsync, (int fd), (fd))
ON_FD(int, fdatasync, (int fd), (fd))
ON_FD(int, ftruncate, (int fd, off_t size), (fd, size))
ON_FD(int, ftruncate64, (int fd, off64_t size), (fd, size))

int close(int fd)
{
    if (fd >= 0 && fd < FDS)
        below[fd] = 0;
    return REAL(close)(fd);
}

#define ON_PATH(name, parameters, arguments, tracked)                               \
    int name parameters                                                             \
    {                                                                               \
        if ((tracked) && strikes())                                                 \
            return -1;                                                              \
        return REAL(name) arguments;                                                \
    }
ON_PATH(rename, (const char *from, const char *to), (from, to), in_root(from) || in_root(to))
ON_PATH(unlink, (const char *path), (path), in_root(path))
ON_PATH(rmdir, (const char *path), (path), in_root(path))
ON_PATH(mkdir, (const char *path, mode_t mode), (path, mode), in_root(path))
ON_PATH(unlinkat, (int folder, const char *path, int flags), (folder, path, flags), at_root(folder, path))

__attribute__((destructor)) static void count(void)
{
    const char *path = getenv("SHIM_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file) {
        fprintf(file, "%ld\n", operations);
        fclose(file);
    }
}
