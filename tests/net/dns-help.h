/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DNS messages, written byte by byte: nothing of the parsers under test is in here. */
#pragma once

#include <glib.h>

#define DNS_NAME "_sflow._udp.example.test"

enum { DNS_SRV = 33, DNS_TXT = 16, DNS_CNAME = 5, DNS_SOA = 6, DNS_A = 1 };

/* The head and the question; records follow. @flags: 0x8180 is an answer, plus its code. */
GByteArray *dns_message(guint16 id, guint16 flags, const char *name, guint16 type);

/* All bytes of one record; @section 0 is the answers, 1 the authorities. */
void dns_record(GByteArray *message, guint section, const char *name, guint16 type, guint32 ttl_s,
                gconstpointer data, gsize size);
void dns_srv(GByteArray *message, guint32 ttl_s, guint16 priority, guint16 port, const char *host);
/* Strings with a blank between; a blank in one is not possible. */
void dns_txt(GByteArray *message, guint32 ttl_s, const char *strings);
void dns_cname(GByteArray *message, guint32 ttl_s, const char *from, const char *to);
void dns_soa(GByteArray *message, guint32 ttl_s, guint32 minimum_s);

/* Labels as on the wire. The caller unrefs. */
GByteArray *dns_labels(const char *name);
