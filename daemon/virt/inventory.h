/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads what runs on the host, or one domain of it: XML and state. Everything
 * here blocks and runs on workers; parsing the XML does not belong on the main
 * loop either. */
#pragma once

#include "session.h"

/* What was asked, and how far it has come. */
typedef struct {
    VsfSession *session;      /* as a user */
    char uuid[VSF_UUID_TEXT]; /* "" = every running domain */
    gint begun;               /* atomic: a thread has it, so what happens now may be missed */
} VsfQuestion;

typedef struct {
    gint64 asked_us;       /* monotonic, before libvirt was asked */
    GPtrArray *facts;      /* VsfDomainFacts: every running domain, or the one (never empty then) */
    GPtrArray *unreadable; /* UUIDs; NULL-terminated once the answer is given */
    char *unreadable_why;  /* of the first one */
} VsfAnswer;

VsfQuestion *vsf_question_new(VsfSession *session, const char *uuid);
void vsf_question_free(VsfQuestion *question);
void vsf_answer_free(VsfAnswer *answer);

/* VsfWorkerFuncs on a VsfQuestion that return a VsfAnswer. A domain that is
 * gone is no error: it is not in the list, or its facts have no def. For one
 * domain, what cannot be read or parsed is an error; a connection that broke is
 * G_IO_ERROR_CLOSED, and if the session's did, its sink is told. */
gpointer vsf_inventory_list(gpointer question, GError **error);
gpointer vsf_inventory_fetch(gpointer question, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfAnswer, vsf_answer_free)
