/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "owner.h"

#include "bpf-private.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PREFIX "virt-sflow-"
#define DIGITS 16
#define BACKLOG 4096

/* Of Linux 6.16, asm-generic/socket.h; libc's headers may be older. */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

/* Abstract: the name begins with a byte of 0, and ends with the address. */
static socklen_t
address_of(const char *name, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path + 1, name, strlen(name));
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

gboolean
vsf_bpf_owner_init(VsfBpfOwner *owner, GError **error)
{
    struct sockaddr_un address;
    const int off = 0;
    guint64 number = 0;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    *owner = (VsfBpfOwner){0};
    /* Anybody may connect, and what is passed waits for us to close it, which may take long.
     * Before that kernel there is no way to refuse it. */
    if (fd >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
    if (fd >= 0 && getrandom(&number, sizeof(number), 0) == sizeof(number)) {
        g_snprintf(owner->name, sizeof(owner->name), PREFIX "%016" G_GINT64_MODIFIER "x", number);
        /* Nobody is let in: who connects sees whose it is. */
        if (bind(fd, (struct sockaddr *)&address, address_of(owner->name, &address)) == 0 &&
            listen(fd, BACKLOG) == 0) {
            owner->fd = fd;
            return TRUE;
        }
    }
    vsf_bpf_set_error(error, errno, "the socket that tells whose the filters are");
    if (fd >= 0)
        close(fd);
    return FALSE;
}

void
vsf_bpf_owner_clear(VsfBpfOwner *owner)
{
    if (owner->fd > 0)
        close(owner->fd);
    owner->fd = 0;
}

gboolean
vsf_bpf_owner_is_name(const char *name)
{
    if (name == NULL || !g_str_has_prefix(name, PREFIX) || strlen(name) != strlen(PREFIX) + DIGITS)
        return FALSE;
    for (name += strlen(PREFIX); *name != '\0'; name++)
        if (!g_ascii_isxdigit(*name))
            return FALSE;
    return TRUE;
}

/* Anybody may take the name of one that is dead, which is there for all to read. */
static gboolean
is_believed(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid == 0 ||
           peer.uid == geteuid();
}

gboolean
vsf_bpf_owner_lives(const char *name)
{
    struct sockaddr_un address;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    gboolean lives;

    if (fd < 0)
        return TRUE;
    /* EPROTOTYPE: a socket that is no owner's. EAGAIN: so many asked already. */
    if (connect(fd, (struct sockaddr *)&address, address_of(name, &address)) != 0)
        lives = errno != ECONNREFUSED && errno != EPROTOTYPE;
    else
        lives = is_believed(fd);
    close(fd);
    return lives;
}
