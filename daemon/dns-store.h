/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps the last good answer of DNS on disk, for a start without a name server: the file "dns-sd"
 * of the state directory. As the other stores, it never stops the daemon. Main thread only. */
#pragma once

#include "net/dns-settings.h"
#include "state-dir.h"

typedef struct VsfDnsStore VsfDnsStore;

/* Reads the file, once, before the main loop runs. An unusable file is set aside as
 * dns-sd.bad, with a warning. @domain: the configured one, or NULL: what was answered for
 * another is not used. @dir is used until the store is freed. */
VsfDnsStore *vsf_dns_store_new(VsfStateDir *dir, const char *domain);
/* Writes what is not written yet. Takes NULL. */
void vsf_dns_store_free(VsfDnsStore *store);

/* Another one is configured: nothing is known of it. */
void vsf_dns_store_set_domain(VsfDnsStore *store, const char *domain);

/* What was read or set last; NULL: nothing. Without collectors: DNS took back what there was. */
const VsfDnsSettings *vsf_dns_store_get(const VsfDnsStore *store);
void vsf_dns_store_set(VsfDnsStore *store, const VsfDnsSettings *settings); /* copied */

/* The file's text; pure. The caller frees. */
char *vsf_dns_store_to_text(const char *domain, const VsfDnsSettings *settings);
/* NULL with @error unset: it is another domain's, or nothing was known. G_IO_ERROR_NOT_SUPPORTED: a
 * newer release's. */
VsfDnsSettings *vsf_dns_store_parse(const char *domain, const char *text,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfDnsStore, vsf_dns_store_free)
