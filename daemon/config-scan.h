/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads GKeyFile's syntax line by line and knows where it is: GKeyFile itself
 * tells neither positions nor duplicates. What this accepts GKeyFile accepts,
 * with the same groups, keys and values (a test and the fuzzer compare the
 * two); beyond it, NUL bytes and text that is not UTF-8 are refused, and a
 * byte-order mark at the start is skipped. Pure. */
#pragma once

#include <glib.h>

typedef struct {
    const char *name; /* stands for the file in messages */
    const char *next, *end;
    guint line; /* of the last item, from 1 */
    char *group;
} VsfConfigScan;

typedef struct {
    guint line;
    const char *group; /* owned by the scan, valid until the next call */
    char *key;         /* NULL: the line opens @group */
    char *value;       /* unescaped, leading blanks removed, trailing ones kept */
} VsfConfigItem;

typedef enum { VSF_SCAN_ITEM, VSF_SCAN_END, VSF_SCAN_ERROR } VsfScanResult;

/* Checks the whole text for NUL and UTF-8. @text must live as long as the scan. */
gboolean vsf_config_scan_init(VsfConfigScan *scan, const char *name, const char *text, gsize length,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
VsfScanResult vsf_config_scan_next(VsfConfigScan *scan, VsfConfigItem *item, GError **error);
void vsf_config_item_clear(VsfConfigItem *item);
void vsf_config_scan_clear(VsfConfigScan *scan);

/* @text in quotes, cut to a bearable length, without anything that a terminal
 * would obey. The caller frees. */
char *vsf_config_quote(const char *text);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VsfConfigScan, vsf_config_scan_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VsfConfigItem, vsf_config_item_clear)
