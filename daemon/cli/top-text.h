/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `virt-sflow top` shows, line by line, of any size; nothing in it that a terminal obeys.
 * Pure. */
#pragma once

#include "top-rows.h"

typedef struct {
    guint width, height; /* of the terminal; height 0: all rows, and nothing but them and heads */
    VsfTopColumn sort;
    gboolean reverse;
    const char *filter;   /* or NULL */
    gboolean is_typing;   /* the filter is being typed */
    const char *selected; /* UUID, or NULL */
    gboolean has_unicode; /* the terminal shows block characters */
    gboolean has_help;    /* the keys in place of the rows */
    gboolean has_talkers; /* who sends to whom, in place of the rows */
    const char *message;  /* in the last line; NULL: the keys */
} VsfTopView;

typedef enum { VSF_TOP_PLAIN, VSF_TOP_HEAD, VSF_TOP_SELECTED } VsfTopStyle;

typedef struct {
    char *text; /* not longer than the width */
    VsfTopStyle style;
} VsfTopLine;

/* An array of VsfTopLine, as many as the height. The caller frees. */
GPtrArray *vsf_top_lines(const VsfTop *top, const VsfTopView *view);

/* The column that a key sorts by; FALSE: it is no such key. */
gboolean vsf_top_sort_key(int key, VsfTopColumn *column);

/* Takes the last character away, if there is one. */
void vsf_top_filter_erase(GString *filter);

/* At most 5 characters: "999", "1.2k", "12M"; @base 1000 or 1024. "-" for NAN. The caller frees. */
char *vsf_top_number(double value, double base);

/* @n of the newest @values (of VSF_TOP_HISTORY, @n_known of them known) as one character each,
 * scaled to the largest; blanks where there are none. */
void vsf_top_sparkline(GString *text, const float *values, guint n_known, guint n,
                       gboolean has_unicode);
