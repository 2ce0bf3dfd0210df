/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a running Host sFlow says of itself: by its command line, and by the file that it keeps
 * for others (/etc/hsflowd.auto). Pure; the bytes may be anything. */
#pragma once

#include <glib.h>

#define VSF_HSFLOWD_CONFIG "/etc/hsflowd.conf"
#define VSF_HSFLOWD_AUTO "/etc/hsflowd.auto"

/* The files that it was started with (-f and -o), of /proc/PID/cmdline. The caller frees. */
void vsf_hsflowd_options(const char *cmdline, gsize length, char **config, char **output);

typedef struct {
    char *agent_address;   /* NULL: it sends nothing, as yet */
    gint polling_s;        /* in force, with what DNS said; -1: not said */
    GPtrArray *collectors; /* char *: "ADDRESS PORT", as it writes them */
} VsfHsflowdSays;

/* Of /etc/hsflowd.auto, which is rewritten in place: NULL if it is not whole. The caller frees. */
VsfHsflowdSays *vsf_hsflowd_says_parse(const char *text, gsize length);
void vsf_hsflowd_says_free(VsfHsflowdSays *says);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfHsflowdSays, vsf_hsflowd_says_free)
