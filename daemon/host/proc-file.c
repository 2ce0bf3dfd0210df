/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc-file.h"

#include <fcntl.h>
#include <unistd.h>

gssize
vsf_proc_read(const char *path, char *buffer, gsize size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
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
