/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of configuration keys: the one place that knows each key's name,
 * bounds, default and meaning. The parser, the example, the manual's test and
 * the suggestions all walk it. */
#pragma once

#include "config.h"

typedef enum {
    VSF_KEY_NUMBER,     /* guint, min to max */
    VSF_KEY_WORD,       /* an enum: the position in words */
    VSF_KEY_TEXT,       /* char *, NULL when empty and optional */
    VSF_KEY_PATTERNS,   /* GStrv of interface patterns */
    VSF_KEY_NAMES,      /* GStrv of patterns of VM names; may be empty */
    VSF_KEY_COLLECTORS, /* GPtrArray of VsfCollectorAddress */
} VsfKeyType;

typedef struct {
    const char *group, *name;
    VsfKeyType type;
    gsize offset; /* of its field in VsfConfig */
    guint min, max;
    const char *zero;                                    /* of a NUMBER: a word for 0, or NULL */
    const char *const *words;                            /* NULL-terminated */
    gboolean (*check)(const char *text, GError **error); /* of a TEXT; the message says why not */
    gboolean optional;                                   /* a TEXT may be empty */
    const char *fallback;                                /* the default, as it is written */
    const char *form; /* what is allowed, in words (not for NUMBER and WORD) */
    const char *help; /* lines for the example */
} VsfConfigKey;

/* A key that has another name now. The old name works for two releases. */
typedef struct {
    const char *group, *old_name, *new_name; /* same group */
    const char *removed_in;                  /* the release that no longer knows it */
} VsfConfigRename;

typedef struct {
    const VsfConfigKey *keys;
    guint n_keys;
    const VsfConfigRename *renames;
    guint n_renames;
} VsfConfigSchema;

const VsfConfigSchema *vsf_config_schema(void);

/* What is allowed for @key, in words: "0 to 300". The caller frees. */
char *vsf_config_key_allowed(const VsfConfigKey *key);

/* Sets the key's field from @text (which it may change). The error says what
 * is wrong and what is allowed, without position. Nothing is set then. */
gboolean vsf_config_key_set(const VsfConfigKey *key, VsfConfig *config, const char *text,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

gboolean vsf_config_schema_has_group(const VsfConfigSchema *schema, const char *group);
/* -1: unknown. */
int vsf_config_schema_find(const VsfConfigSchema *schema, const char *group, const char *name);

/* Advice for an unknown key or group: "did you mean ...? allowed: ...". */
char *vsf_config_advise_key(const VsfConfigSchema *schema, const char *group, const char *name);
char *vsf_config_advise_group(const VsfConfigSchema *schema, const char *group);
/* The candidate (NULL-terminated list) that @text may be a slip of, or NULL. */
const char *vsf_config_near_miss(const char *text, const char *const *candidates);

/* vsf_config_parse() with another table, for the tests of the mechanism. */
gboolean vsf_config_apply(VsfConfig *config, const VsfConfigSchema *schema, const char *name,
                          const char *text, gsize length, GError **error) G_GNUC_WARN_UNUSED_RESULT;
