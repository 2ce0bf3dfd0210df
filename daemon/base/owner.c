/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "owner.h"

#include <errno.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

gboolean
vsf_owner_enter(const char *directory)
{
    struct stat info;

    if (geteuid() != 0 || stat(directory, &info) != 0 || info.st_uid == 0)
        return FALSE;
    /* The group first, which the user may not change any more. The calls do not say whether
     * they worked (in a container they may not be allowed); then root goes on as root. */
    (void)setfsgid(info.st_gid);
    (void)setfsuid(info.st_uid);
    return TRUE;
}

gboolean
vsf_owner_is_left_socket(const char *path)
{
    g_autofree char *directory = g_path_get_dirname(path);
    struct stat file, around;

    return lstat(path, &file) == 0 && S_ISSOCK(file.st_mode) && file.st_uid != geteuid() &&
           stat(directory, &around) == 0 && around.st_uid == geteuid();
}

void
vsf_owner_leave(gboolean entered)
{
    int number = errno;

    if (!entered)
        return;
    (void)setfsuid(geteuid());
    (void)setfsgid(getegid());
    errno = number;
}
