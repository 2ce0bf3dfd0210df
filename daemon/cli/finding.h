/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said of one field of a VM or of the node: its value, where that comes from, what is wrong
 * or odd about it, and what mends that. Texts are as the status document has them, not yet fit for
 * a terminal; what makes text of findings sees to that. Pure. */
#pragma once

#include <json-glib/json-glib.h>

typedef enum {
    VSF_SEVERITY_OK,
    VSF_SEVERITY_NOTE,     /* as it was set up, but less than could be */
    VSF_SEVERITY_WARNING,  /* something is missing that should be there */
    VSF_SEVERITY_CRITICAL, /* hardly anything is left */
} VsfSeverity;

typedef struct {
    char *how;     /* where, and what for: "in the guest" */
    char *command; /* for a shell, or NULL */
} VsfFix;

/* What a value is sent as. */
typedef struct {
    const char *format, *name; /* "0:2102", "virt_memory" */
    int since;                 /* the year of the specification that has it; 0: none has */
} VsfRecord;

typedef struct {
    VsfSeverity severity;
    const char *field; /* static: "memory" */
    const char *code;  /* static, for programs: "ok", "no-channel" ... (docs/explain-json.md) */
    char *vm, *uuid;   /* NULL: of the node */
    char *value;       /* for people; NULL: unknown */
    char *source;      /* NULL: there is none, or it needs no words */
    double age_s;      /* -1: not known */
    char *why;         /* sentences; NULL: all is well */
    const VsfRecord *record; /* static; NULL: it is not sent as such */
    GPtrArray *fixes;        /* VsfFix, never NULL */
} VsfFinding;

/* Appends one to @findings (which owns it) as ok, of nothing known. */
VsfFinding *vsf_finding_new(GPtrArray *findings, const char *field);

/* An array for vsf_finding_new(). */
GPtrArray *vsf_findings_new(void);

/* @code: static. @why: printf's. What was said before is replaced. */
void vsf_finding_say(VsfFinding *finding, VsfSeverity severity, const char *code, const char *why,
                     ...) G_GNUC_PRINTF(4, 5);

/* @how: static or not, copied; @command: printf's, or NULL. */
void vsf_finding_fix(VsfFinding *finding, const char *how, const char *command, ...)
    G_GNUC_PRINTF(3, 4);

VsfSeverity vsf_findings_worst(const GPtrArray *findings);
const char *vsf_severity_name(VsfSeverity severity); /* "ok", "note", "warning", "critical" */

/* For people, one after another, below the name of their VM. Within 80 columns but for commands
 * and words that are longer. The caller frees. */
char *vsf_findings_text(const GPtrArray *findings);

#define VSF_FINDING_INDENT 23 /* where its sentences begin */

/* Appends what vsf_findings_text() says of one. */
void vsf_finding_text(GString *text, const VsfFinding *finding);

/* Appends @words, broken at blanks before column 80, with @indent blanks in front of each line
 * after the first, which begins at column @column; and the end of the line. */
void vsf_wrapped_text(GString *text, const char *words, guint column, guint indent);

/* An array of objects (docs/explain-json.md). */
JsonNode *vsf_findings_json(const GPtrArray *findings);
