/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads DNS answers about _sflow._udp: bytes of a message to settings. Pure. Messages come from
 * whoever answers in the resolver's name: nothing in them is trusted, and what does not fit is
 * left out with a note. The wire format is taken apart by the C library (ns_initparse). */
#pragma once

#include "dns-settings.h"

#define VSF_DNS_NOTES_MAX 8 /* further ones are only counted */

typedef enum {
    VSF_DNS_FOUND,  /* there are settings */
    VSF_DNS_NONE,   /* the domain says that there are none: no such name, or no such record */
    VSF_DNS_FAILED, /* nothing is known */
} VsfDnsOutcome;

typedef struct {
    guint32 priority;
    guint32 port;
    char *host; /* "." is none: the service is not there */
} VsfDnsTarget;

/* What one or more messages said. */
typedef struct {
    gboolean has_ttl;
    guint32 ttl_s;      /* the least of all records used, or of their absence */
    GPtrArray *targets; /* VsfDnsTarget, as they came */
    GPtrArray *strings; /* GBytes of TXT records, each with its strings as on the wire */
    GPtrArray *notes;   /* char *, what was left out and why */
    guint n_notes;      /* with those that are only counted */
} VsfDnsRecords;

VsfDnsRecords *vsf_dns_records_new(void);
void vsf_dns_records_free(VsfDnsRecords *records);

/* One message: the records of @type (ns_t_srv or ns_t_txt) that answer for @name, along its
 * chain of CNAMEs. With NONE and FAILED @error says why (G_IO_ERROR): "no such name". */
VsfDnsOutcome vsf_dns_records_read(VsfDnsRecords *records, const guint8 *message, gsize size,
                                   const char *name, int type, GError **error);

/* What they mean in all: the same however servers rotate their records. NONE: there is no
 * collector, nor any target that could have been one. FAILED: there were, and none can be used.
 * *@settings is set with FOUND alone. */
VsfDnsOutcome vsf_dns_records_settings(VsfDnsRecords *records, VsfDnsSettings **settings,
                                       GError **error);

/* The notes on one line of bounded length; NULL: there are none. The caller frees. */
char *vsf_dns_records_notes(const VsfDnsRecords *records);

/* Whether @message is the answer to @query, which is ours. Its code stands in *@code. */
gboolean vsf_dns_is_answer(const guint8 *message, gsize size, const guint8 *query, gsize query_size,
                           int *code, gboolean *truncated);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfDnsRecords, vsf_dns_records_free)
