/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the grammar of Host sFlow's /etc/hsflowd.conf: blocks in braces, of settings
 * that have one value each. What the settings mean is not looked at here. Pure;
 * the text may be anything. */
#pragma once

#include <glib.h>

#define VSF_HSFLOWD_ERROR vsf_hsflowd_error_quark()
GQuark vsf_hsflowd_error_quark(void);

typedef enum {
    VSF_HSFLOWD_ERROR_SYNTAX, /* no such file can be meant */
    VSF_HSFLOWD_ERROR_VALUE,  /* a setting has a value that Host sFlow would not take */
} VsfHsflowdError;

#define VSF_HSFLOWD_FILE_MAX (256 * 1024) /* bytes; such files have a few dozen lines */
#define VSF_HSFLOWD_LINE_MAX 2047         /* bytes; Host sFlow cuts longer ones in two */
#define VSF_HSFLOWD_WORD_MAX 254          /* bytes; and longer words here */
#define VSF_HSFLOWD_DEPTH_MAX 8           /* blocks within blocks; Host sFlow's own has 3 */

/* A setting, or a block: then @value is NULL and @inner has what it holds. */
typedef struct {
    char *name; /* as written; Host sFlow takes any case */
    char *value;
    GPtrArray *inner; /* VsfHsflowdSetting */
    guint line;       /* of the name, from 1 */
} VsfHsflowdSetting;

/* The settings of the file's sflow block, or NULL with an error that begins with
 * "NAME:LINE: ". *@unclosed: the file ends within a block, which Host sFlow lets pass. */
GPtrArray *vsf_hsflowd_file_parse(const char *name, const char *text, gsize length,
                                  gboolean *unclosed, GError **error) G_GNUC_WARN_UNUSED_RESULT;
