/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc-file.h"

#include <fcntl.h>
#include <unistd.h>

static int
open_file(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

gssize
vsf_proc_read_kept(int *fd, const char *path, char *buffer, gsize size)
{
    gssize used;

    if (*fd < 0)
        *fd = open_file(path);
    if (*fd < 0)
        return -1;
    used = TEMP_FAILURE_RETRY(pread(*fd, buffer, size, 0));
    if (used < 0) {
        close(*fd);
        *fd = -1;
    }
    return used;
}

gssize
vsf_proc_read(const char *path, char *buffer, gsize size)
{
    int fd = open_file(path);
    gsize used = 0;

    if (fd < 0)
        return -1;
    while (used < size) {
        gssize n = TEMP_FAILURE_RETRY(read(fd, buffer + used, size - used));

        if (n <= 0)
            break;
        used += (gsize)n;
    }
    close(fd);
    return (gssize)used;
}
