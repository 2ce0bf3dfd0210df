/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vf.h"

#include "interfaces.h"
#include "proc-file.h"
#include "text.h"

#include <string.h>
#include <unistd.h>

#define NUMBERS_MAX 4096 /* a card may have 65535; this bounds the search */

/* The last part of where @path leads, in @name; FALSE if it is no link. */
static gboolean
link_name(const char *path, char *name, gsize size)
{
    char target[512];
    gssize length = readlink(path, target, sizeof(target) - 1);
    const char *slash;

    if (length <= 0)
        return FALSE;
    target[length] = '\0';
    slash = strrchr(target, '/');
    return g_strlcpy(name, slash != NULL ? slash + 1 : target, size) < size;
}

/* The kernel's names of the links are in order: virtfn0, virtfn1 ... */
static gboolean
find_number(const char *card, const char *pci, guint *number)
{
    for (guint i = 0; i < NUMBERS_MAX; i++) {
        g_autofree char *path = g_strdup_printf("%s/virtfn%u", card, i);
        char name[32];

        if (!link_name(path, name, sizeof(name)))
            return FALSE;
        if (strcmp(name, pci) != 0)
            continue;
        *number = i;
        return TRUE;
    }
    return FALSE;
}

/* Leaves the ifindex at 0 if there is none. Of a card that is a switch the functions' other ends
 * lie there too, and know no function. */
static void
find_interface(const char *card, VsfVfPlace *place)
{
    g_autofree char *folder = g_strconcat(card, "/net", NULL), *path = NULL;
    g_autoptr(GDir) names = g_dir_open(folder, 0, NULL);
    g_autofree char *first = NULL;
    const char *name;
    char line[16] = "";
    guint64 ifindex;

    while (names != NULL && (name = g_dir_read_name(names)) != NULL) {
        g_autofree char *interface = g_strconcat(folder, "/", name, NULL);

        if ((first != NULL && strcmp(name, first) > 0) || vsf_interface_is_representor(interface))
            continue;
        g_free(first);
        first = g_strdup(name);
    }
    if (first == NULL ||
        g_strlcpy(place->interface, first, sizeof(place->interface)) >= sizeof(place->interface))
        return;
    path = g_strconcat(folder, "/", first, "/ifindex", NULL);
    vsf_proc_read(path, line, sizeof(line) - 1);
    if (vsf_text_digits((VsfText){line, strlen(line)}, &ifindex) && ifindex <= G_MAXINT)
        place->ifindex = (int)ifindex;
}

gboolean
vsf_vf_find(const char *root, const char *pci, GHashTable *cards, VsfVfPlace *place)
{
    g_autofree char *card = g_strconcat(root, "/sys/bus/pci/devices/", pci, "/physfn", NULL);
    char card_pci[32];
    const VsfVfPlace *known;
    VsfVfPlace found = {0};

    if (!link_name(card, card_pci, sizeof(card_pci)))
        return FALSE;
    known = g_hash_table_lookup(cards, card_pci);
    if (known == NULL) {
        VsfVfPlace *port = g_new0(VsfVfPlace, 1);

        find_interface(card, port);
        g_hash_table_insert(cards, g_strdup(card_pci), port);
        known = port;
    }
    found = *known;
    if (found.ifindex == 0 || !find_number(card, pci, &found.number))
        return FALSE;
    *place = found;
    return TRUE;
}
