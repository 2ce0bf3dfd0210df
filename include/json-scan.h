/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A look at JSON text from outside before a parser sees it.
 *
 * json-glib recurses into what is nested, takes a hundred times the text's size
 * for small objects, hashes keys so that a sender can make them all collide,
 * skips comments, reads 010 as 8, makes a lone surrogate into text that is no
 * UTF-8, and reads -99999999999999999999 as 1. After this scan none of that can
 * happen: what passes is JSON as RFC 8259 has it, and bounded. */
#pragma once

#include <glib.h>

/* No limit below may be deeper. */
#define VSF_JSON_DEPTH_MAX 64

typedef struct {
    gsize bytes_max;
    guint depth_max;   /* of nested objects and arrays, at most VSF_JSON_DEPTH_MAX */
    gsize values_max;  /* objects, arrays, strings that are no keys, numbers, words */
    gsize members_max; /* of one object: keys that collide cost the square of it */
} VsfJsonLimits;

/* NULL if @text is one JSON object within @limits; else why not, a phrase to put
 * behind a noun ("is too long"). Beyond JSON's own rules it refuses a NUL in a
 * string and an integer below -2^63. Integers above 2^63 - 1 pass, and json-glib
 * reads them as negative numbers. Does not recurse, allocates nothing, takes time
 * linear in @length. Any thread. */
const char *vsf_json_scan(const char *text, gsize length, const VsfJsonLimits *limits);
