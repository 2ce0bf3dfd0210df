/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A crowd in a socket of its own, and clients of it. Its language is one byte: '?' is answered with
 * a pad of bytes, 'b' keeps the visitor busy, '.' is read and no more. */
#pragma once

#include "../../daemon/base/crowd.h"

#include <sys/un.h>

#define MOST 4
#define LONG_MS (3600 * 1000)
#define LARGE (4 * 1024 * 1024) /* more than a socket takes */

typedef struct {
    VsfVisitor base;
    guint number; /* 1 for the first that came */
} Visitor;

typedef struct {
    VsfCrowd *crowd;
    struct sockaddr_un address;
    socklen_t address_size;
    int fd;
    gsize pad;
    gboolean are_unwelcome, stay; /* answered ones are read from again */
    guint n_came, n_answered, n_turned_away;
    Visitor *busy;
    GArray *left; /* guint, numbers */
    struct ucred peer;
} House;

#define PATIENT                           \
    {                                     \
        MOST, LONG_MS, LONG_MS, G_MAXSIZE \
    }

House *house_new(VsfCrowdLimits limits);
/* Looks that each that came has left once. */
void house_free(House *house);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(House, house_free)

/* Until the crowd has nothing left to do now. */
void settle(void);

/* Connects; the crowd has seen it afterwards. The descriptor is the caller's. */
int visit(const House *house);
/* The same without a turn of the loop. */
int house_connect(const House *house);
void say(int fd, char byte);
/* Bytes that are there, at most 64; -1: the end. */
gssize heard(int fd);
void wait_until_came(const House *house, guint n);
void close_all(const int *fds, guint n);
