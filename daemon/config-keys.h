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
    VSF_KEY_PORTS,      /* GStrv of interface patterns; "off" is none, "uplinks" is "*" */
    VSF_KEY_COLLECTORS, /* GPtrArray of VsfCollectorAddress */
    VSF_KEY_SPEEDS,     /* GArray of VsfSpeedRate: "sampling.1G = 5", set by "1G=5", adds to it */
} VsfKeyType;

typedef struct {
    const char *group, *name;
    VsfKeyType type;
    gsize offset; /* of its field in VsfConfig, or VsfConfigRule */
    guint min, max;
    const char *zero;                                    /* of a NUMBER: a word for 0, or NULL */
    const char *const *words;                            /* NULL-terminated */
    gboolean (*check)(const char *text, GError **error); /* of a TEXT; the message says why not */
    gboolean optional;                                   /* a TEXT may be empty */
    gboolean fixed;                                      /* read at the start alone */
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

/* The keys of sections about some VMs or interfaces, of VsfConfigRule; each group's in the order
 * of VsfRuleKey. The groups are called as they are explained: "vm PATTERN". */
const VsfConfigSchema *vsf_config_rule_schema(void);
const char *vsf_config_rule_group(VsfRuleKind kind);

/* What is allowed for @key, in words: "0 to 300". The caller frees. */
char *vsf_config_key_allowed(const VsfConfigKey *key);

/* Sets the key's field in @owner (a VsfConfig or VsfConfigRule) from @text. The error says what
 * is wrong and what is allowed, without position. Nothing is set then. */
gboolean vsf_config_key_set(const VsfConfigKey *key, gpointer owner, const char *text,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The value as text: of what was understood, however it was written; only addresses are as
 * written. The caller frees. */
char *vsf_config_key_text(const VsfConfigKey *key, gconstpointer owner);

/* What @key is called in a file that calls it @written: its name, and of a SPEEDS key the speed in
 * the form that has no other. The caller frees. */
char *vsf_config_key_name(const VsfConfigKey *key, const char *written);

/* Takes @key's value from @from. */
void vsf_config_key_copy(const VsfConfigKey *key, VsfConfig *to, const VsfConfig *from);

gboolean vsf_config_schema_has_group(const VsfConfigSchema *schema, const char *group);
/* -1: unknown. "sampling.1G" is the SPEEDS key "sampling.SPEED", whatever its speed. */
int vsf_config_schema_find(const VsfConfigSchema *schema, const char *group, const char *name);

/* Advice for an unknown key or group: "did you mean ...? allowed: ...". */
char *vsf_config_advise_key(const VsfConfigSchema *schema, const char *group, const char *name);
char *vsf_config_advise_group(const VsfConfigSchema *schema, const char *group);
/* The candidate (NULL-terminated list) that @text may be a slip of, or NULL. */
const char *vsf_config_near_miss(const char *text, const char *const *candidates);

GPtrArray *vsf_config_collectors_copy(const GPtrArray *collectors);

/* --- rules ----------------------------------------------------------------- */

typedef enum { VSF_GROUP_PLAIN, VSF_GROUP_RULE, VSF_GROUP_BAD } VsfGroupKind;

/* Whether @group (the text in the brackets) is a rule's; then *@rule is that of this kind and
 * pattern, made if it is new. BAD: it looks like one, and @error says what is wrong. */
VsfGroupKind vsf_config_rule_open(VsfConfig *config, const char *group, VsfConfigRule **rule,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vsf_config_rule_free(VsfConfigRule *rule);
GPtrArray *vsf_config_rules_copy(const GPtrArray *rules);
char *vsf_config_rule_name(const VsfConfigRule *rule); /* "[vm web*]"; the caller frees */
/* All of it but the name, as text; the caller frees. */
char *vsf_config_rule_text(const VsfConfigRule *rule);

/* Why the unknown @name in a rule of that kind, or in [@group], is none. */
char *vsf_config_advise_rule_key(VsfRuleKind kind, const char *name);

/* vsf_config_parse() with another table, for the tests of the mechanism. */
gboolean vsf_config_apply(VsfConfig *config, const VsfConfigSchema *schema, const char *name,
                          const char *text, gsize length, GError **error) G_GNUC_WARN_UNUSED_RESULT;
