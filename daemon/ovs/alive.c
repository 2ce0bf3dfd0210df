/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alive.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct VsfOvsAlive {
    char *path;
    gboolean was_locked;
};

VsfOvsAlive *
vsf_ovs_alive_new(const char *socket)
{
    VsfOvsAlive *alive = g_new0(VsfOvsAlive, 1);
    g_autofree char *folder = g_path_get_dirname(socket);

    alive->path = g_build_filename(folder, "ovs-vswitchd.pid", NULL);
    return alive;
}

void
vsf_ovs_alive_free(VsfOvsAlive *alive)
{
    if (alive == NULL)
        return;
    g_free(alive->path);
    g_free(alive);
}

gboolean
vsf_ovs_alive_is_dead(VsfOvsAlive *alive)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    /* Of a FIFO or the like nothing is waited for. */
    int fd = open(alive->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    gboolean is_told;

    if (fd < 0)
        return errno == ENOENT && alive->was_locked;
    is_told = fcntl(fd, F_GETLK, &lock) == 0;
    close(fd);
    if (is_told && lock.l_type != F_UNLCK)
        alive->was_locked = TRUE;
    return is_told && lock.l_type == F_UNLCK;
}
