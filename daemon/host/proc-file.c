/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc-file.h"

#include <fcntl.h>
#include <unistd.h>

#define STEP_BYTES 16384

static int
open_file(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

/* Bytes read, fewer than @size only at the end or at an error. */
static gsize
fill(int fd, char *buffer, gsize size)
{
    gsize used = 0;

    while (used < size) {
        gssize n = TEMP_FAILURE_RETRY(read(fd, buffer + used, size - used));

        if (n <= 0)
            break;
        used += (gsize)n;
    }
    return used;
}

gssize
vsf_proc_read(const char *path, char *buffer, gsize size)
{
    int fd = open_file(path);
    gsize used;

    if (fd < 0)
        return -1;
    used = fill(fd, buffer, size);
    close(fd);
    return (gssize)used;
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

char *
vsf_proc_read_all(const char *root, const char *path, gsize most, gsize *length)
{
    g_autofree char *whole = g_strconcat(root, "/", path, NULL);
    g_autofree char *text = NULL;
    gsize size = 0, used = 0;
    int fd = open_file(whole);

    if (fd < 0)
        return NULL;
    while (used == size && used < most) {
        size = MIN(size + STEP_BYTES + size / 2, most);
        text = g_realloc(text, size + 1);
        used += fill(fd, text + used, size - used);
    }
    close(fd);
    text = g_realloc(text, used + 1);
    text[used] = '\0';
    *length = used;
    return g_steal_pointer(&text);
}
