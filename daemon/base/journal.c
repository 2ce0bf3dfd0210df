/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "journal.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

void
vsf_journal_field(GString *datagram, const char *name, const char *value)
{
    guint64 length;

    if (value == NULL)
        return;
    g_string_append(datagram, name);
    if (strchr(value, '\n') == NULL) {
        g_string_append_printf(datagram, "=%s\n", value);
        return;
    }
    length = GUINT64_TO_LE((guint64)strlen(value));
    g_string_append_c(datagram, '\n');
    g_string_append_len(datagram, (const char *)&length, sizeof(length));
    g_string_append_printf(datagram, "%s\n", value);
}

int
vsf_journal_open(void)
{
    return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

gboolean
vsf_journal_send(int fd, const char *path, const GString *datagram)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    if (fd < 0 || g_strlcpy(to.sun_path, path, sizeof(to.sun_path)) >= sizeof(to.sun_path))
        return FALSE;
    return sendto(fd, datagram->str, datagram->len, MSG_DONTWAIT | MSG_NOSIGNAL,
                  (struct sockaddr *)&to, sizeof(to)) >= 0;
}
