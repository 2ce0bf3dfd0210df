/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm-book.h"

#include <string.h>

struct VsfVmBook {
    GHashTable *by_uuid; /* "AGENT UUID" -> VsfVm, owned */
    GHashTable *by_tap;  /* "AGENT IFINDEX" -> the same VsfVm */
    GHashTable *by_name; /* "AGENT NAME" -> the VsfVm that alone has it; NULL: several had */
};

static void
vm_free(gpointer data)
{
    VsfVm *vm = data;

    g_free(vm->agent);
    g_free(vm->uuid);
    g_free(vm->name);
    g_array_unref(vm->ifindexes);
    g_free(vm);
}

VsfVmBook *
vsf_vm_book_new(void)
{
    VsfVmBook *book = g_new0(VsfVmBook, 1);

    book->by_uuid = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, vm_free);
    book->by_tap = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    book->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return book;
}

void
vsf_vm_book_free(VsfVmBook *book)
{
    if (book == NULL)
        return;
    g_hash_table_unref(book->by_name);
    g_hash_table_unref(book->by_tap);
    g_hash_table_unref(book->by_uuid);
    g_free(book);
}

/* Agents differ by address and sub-agent: each has interfaces and VMs of its own. */
static char *
uuid_key(const VsfSamples *samples, const char *uuid)
{
    return g_strdup_printf("%s %u %s", samples->agent, samples->sub_agent_id, uuid);
}

static char *
tap_key(const VsfSamples *samples, guint32 ifindex)
{
    return g_strdup_printf("%s %u %u", samples->agent, samples->sub_agent_id, ifindex);
}

static VsfVm *
vm_for(VsfVmBook *book, const VsfSamples *samples, const char *uuid)
{
    g_autofree char *key = uuid_key(samples, uuid);
    VsfVm *vm = g_hash_table_lookup(book->by_uuid, key);

    if (vm != NULL)
        return vm;
    if (g_hash_table_size(book->by_uuid) >= VSF_VM_BOOK_MAX) {
        g_hash_table_remove_all(book->by_name);
        g_hash_table_remove_all(book->by_tap);
        g_hash_table_remove_all(book->by_uuid);
    }
    vm = g_new0(VsfVm, 1);
    vm->agent = g_strdup(samples->agent);
    vm->uuid = g_strdup(uuid);
    vm->ifindexes = g_array_new(FALSE, FALSE, sizeof(guint32));
    g_hash_table_insert(book->by_uuid, g_steal_pointer(&key), vm);
    return vm;
}

/* What it has no more is nobody's, unless another VM took it over. */
static void
set_taps(VsfVmBook *book, const VsfSamples *samples, const VsfSample *sample, VsfVm *vm)
{
    for (guint i = 0; i < vm->ifindexes->len; i++) {
        g_autofree char *key = tap_key(samples, g_array_index(vm->ifindexes, guint32, i));

        if (g_hash_table_lookup(book->by_tap, key) == vm)
            g_hash_table_remove(book->by_tap, key);
    }
    g_array_set_size(vm->ifindexes, 0);
    for (guint i = 0; i < MIN(sample->ifindexes->len, VSF_VM_BOOK_TAPS_MAX); i++) {
        guint32 ifindex = g_array_index(sample->ifindexes, guint32, i);

        if (ifindex == 0) /* it has no interface that the sender knows */
            continue;
        g_array_append_val(vm->ifindexes, ifindex);
        g_hash_table_insert(book->by_tap, tap_key(samples, ifindex), vm);
    }
}

static gboolean
is_of_a_vm(const VsfSample *sample)
{
    return sample->kind == VSF_SAMPLE_COUNTERS && sample->source_class == 3;
}

/* At the end of a character. */
static char *
cut_name(const char *name)
{
    const char *end = name + MIN(strlen(name), VSF_VM_BOOK_NAME_MAX);

    while (end > name && (*end & 0xc0) == 0x80)
        end--;
    return g_strndup(name, (gsize)(end - name));
}

static char *
name_key(const VsfSamples *samples, const char *name)
{
    return g_strdup_printf("%s %u %s", samples->agent, samples->sub_agent_id, name);
}

/* A name that it has no more is free again, unless several had it. */
static void
leave_name(VsfVmBook *book, const VsfSamples *samples, const VsfVm *vm)
{
    g_autofree char *key = vm->name != NULL ? name_key(samples, vm->name) : NULL;

    if (key != NULL && g_hash_table_lookup(book->by_name, key) == vm)
        g_hash_table_remove(book->by_name, key);
}

static void
take_name(VsfVmBook *book, const VsfSamples *samples, VsfVm *vm)
{
    g_autofree char *key = name_key(samples, vm->name);
    gpointer owner;

    if (g_hash_table_lookup_extended(book->by_name, key, NULL, &owner)) {
        if (owner != NULL && owner != vm)
            g_hash_table_insert(book->by_name, g_steal_pointer(&key), NULL);
        return;
    }
    if (g_hash_table_size(book->by_name) >= VSF_VM_BOOK_MAX) /* they are renamed without end */
        g_hash_table_remove_all(book->by_name);
    g_hash_table_insert(book->by_name, g_steal_pointer(&key), vm);
}

static void
set_name(VsfVmBook *book, const VsfSamples *samples, VsfVm *vm, const char *told)
{
    char *name = told != NULL ? cut_name(told) : NULL;

    if (g_strcmp0(vm->name, name) != 0)
        leave_name(book, samples, vm);
    g_free(vm->name);
    vm->name = name;
    if (name != NULL)
        take_name(book, samples, vm);
}

gboolean
vsf_vm_book_shares_name(const VsfVmBook *book, const VsfSamples *samples, const char *name)
{
    g_autofree char *key = samples->agent != NULL ? name_key(samples, name) : NULL;
    gpointer owner;

    return key != NULL && g_hash_table_lookup_extended(book->by_name, key, NULL, &owner) &&
           owner == NULL;
}

void
vsf_vm_book_learn(VsfVmBook *book, const VsfSamples *samples, const VsfSample *sample)
{
    VsfVm *vm;

    if (!is_of_a_vm(sample) || sample->uuid == NULL || samples->agent == NULL)
        return;
    vm = vm_for(book, samples, sample->uuid);
    set_name(book, samples, vm, sample->hostname);
    set_taps(book, samples, sample, vm);
}

const VsfVm *
vsf_vm_book_find(const VsfVmBook *book, const VsfSamples *samples, const VsfSample *sample)
{
    g_autofree char *key = NULL;

    if (samples->agent == NULL)
        return NULL;
    if (sample->kind == VSF_SAMPLE_METRICS && sample->source != NULL) {
        g_autofree char *uuid = g_ascii_strdown(sample->source, -1);

        key = uuid_key(samples, uuid);
        return g_hash_table_lookup(book->by_uuid, key);
    }
    if (is_of_a_vm(sample)) {
        key = sample->uuid != NULL ? uuid_key(samples, sample->uuid) : NULL;
        return key != NULL ? g_hash_table_lookup(book->by_uuid, key) : NULL;
    }
    if ((sample->kind != VSF_SAMPLE_COUNTERS && sample->kind != VSF_SAMPLE_FLOW) ||
        sample->source_class != 0)
        return NULL;
    key = tap_key(samples, sample->source_index);
    return g_hash_table_lookup(book->by_tap, key);
}

static gboolean
matches(const char *text, const char *const *patterns)
{
    for (; text != NULL && *patterns != NULL; patterns++)
        if (g_pattern_match_simple(*patterns, text))
            return TRUE;
    return FALSE;
}

/* UUIDs are told in lower case, and may be asked for in upper case. */
static gboolean
matches_uuid(const char *uuid, const char *const *patterns)
{
    for (; uuid != NULL && *patterns != NULL; patterns++) {
        g_autofree char *pattern = g_ascii_strdown(*patterns, -1);

        if (g_pattern_match_simple(pattern, uuid))
            return TRUE;
    }
    return FALSE;
}

gboolean
vsf_vm_book_matches(const VsfVmBook *book, const VsfSamples *samples, const VsfSample *sample,
                    const char *const *patterns)
{
    const VsfVm *vm = vsf_vm_book_find(book, samples, sample);

    if (is_of_a_vm(sample))
        return matches(sample->hostname, patterns) || matches_uuid(sample->uuid, patterns);
    if (sample->kind == VSF_SAMPLE_METRICS && matches(sample->source, patterns))
        return TRUE;
    return vm != NULL && (matches(vm->name, patterns) || matches_uuid(vm->uuid, patterns));
}
