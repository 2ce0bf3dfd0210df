/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest-get-fsinfo. Guests list a filesystem once per place where it is mounted,
 * a Kubernetes node hundreds of times; each is kept once. */
#include "envelope.h"
#include "field.h"
#include "reply.h"

#include <string.h>

static void
disk_free(gpointer data)
{
    VsfQgaDisk *disk = data;

    g_free(disk->serial);
    g_free(disk->dev);
    g_free(disk->bus_type);
    g_free(disk);
}

static VsfQgaDisk *
parse_disk(JsonObject *entry)
{
    JsonObject *pci = vsf_qga_field_object(entry, "pci-controller");
    VsfQgaDisk *disk = g_new0(VsfQgaDisk, 1);

    disk->serial = vsf_qga_field_text(entry, "serial");
    disk->dev = vsf_qga_field_text(entry, "dev");
    disk->bus_type = vsf_qga_field_text(entry, "bus-type");
    disk->bus = vsf_qga_field_u32(entry, "bus");
    disk->target = vsf_qga_field_u32(entry, "target");
    disk->unit = vsf_qga_field_u32(entry, "unit");
    disk->pci_domain = pci != NULL ? vsf_qga_field_u32(pci, "domain") : G_MAXUINT32;
    disk->pci_bus = pci != NULL ? vsf_qga_field_u32(pci, "bus") : G_MAXUINT32;
    disk->pci_slot = pci != NULL ? vsf_qga_field_u32(pci, "slot") : G_MAXUINT32;
    disk->pci_function = pci != NULL ? vsf_qga_field_u32(pci, "function") : G_MAXUINT32;
    return disk;
}

static GPtrArray *
parse_disks(JsonArray *list)
{
    GPtrArray *disks = g_ptr_array_new_with_free_func(disk_free);

    for (guint i = 0; list != NULL && i < json_array_get_length(list); i++) {
        JsonObject *entry = vsf_qga_element(list, i);

        if (disks->len == VSF_QGA_DISKS_MAX)
            break;
        if (entry != NULL)
            g_ptr_array_add(disks, parse_disk(entry));
    }
    return disks;
}

void
vsf_qga_filesystem_free(VsfQgaFilesystem *filesystem)
{
    if (filesystem == NULL)
        return;
    g_free(filesystem->name);
    g_free(filesystem->mount_point);
    g_free(filesystem->type);
    g_clear_pointer(&filesystem->disks, g_ptr_array_unref);
    g_free(filesystem);
}

static void
free_one(gpointer data)
{
    vsf_qga_filesystem_free(data);
}

void
vsf_qga_filesystems_free(VsfQgaFilesystems *filesystems)
{
    if (filesystems == NULL)
        return;
    g_clear_pointer(&filesystems->filesystems, g_ptr_array_unref);
    g_free(filesystems);
}

static gboolean
is_read_only_type(const char *type)
{
    static const char *const types[] = {"iso9660", "udf",    "cdfs",  "squashfs",
                                        "erofs",   "cramfs", "romfs", NULL};

    for (guint i = 0; type != NULL && types[i] != NULL; i++) {
        if (g_ascii_strcasecmp(type, types[i]) == 0)
            return TRUE;
    }
    return FALSE;
}

static VsfQgaFilesystem *
parse_filesystem(JsonObject *entry)
{
    g_autoptr(VsfQgaFilesystem) filesystem = g_new0(VsfQgaFilesystem, 1);

    filesystem->name = vsf_qga_field_text(entry, "name");
    filesystem->mount_point = vsf_qga_field_text(entry, "mountpoint");
    if (filesystem->name == NULL || filesystem->mount_point == NULL ||
        filesystem->name[0] == '\0' || filesystem->mount_point[0] == '\0')
        return NULL;
    filesystem->type = vsf_qga_field_text(entry, "type");
    filesystem->read_only_type = is_read_only_type(filesystem->type);
    filesystem->used_bytes = vsf_qga_field_u64(entry, "used-bytes");
    filesystem->total_bytes = vsf_qga_field_u64(entry, "total-bytes");
    filesystem->total_privileged_bytes = vsf_qga_field_u64(entry, "total-bytes-privileged");
    if (filesystem->used_bytes != VSF_QGA_UNKNOWN)
        filesystem->used_bytes = MIN(filesystem->used_bytes, filesystem->total_bytes);
    filesystem->disks = parse_disks(vsf_qga_field_array(entry, "disk"));
    return g_steal_pointer(&filesystem);
}

/* Takes @filesystem. @places: name -> its place in the list + 1. */
static void
add(VsfQgaFilesystems *all, GHashTable *places, VsfQgaFilesystem *filesystem)
{
    guint place = GPOINTER_TO_UINT(g_hash_table_lookup(places, filesystem->name));
    g_autoptr(VsfQgaFilesystem) other = filesystem;

    if (place > 0) {
        gpointer *kept = &all->filesystems->pdata[place - 1];
        const VsfQgaFilesystem *before = *kept;

        all->n_repeated++;
        if (strlen(before->mount_point) <= strlen(filesystem->mount_point))
            return;
        other = *kept;
        g_hash_table_remove(places, other->name);
        *kept = filesystem;
        g_hash_table_insert(places, filesystem->name, GUINT_TO_POINTER(place));
    } else if (all->filesystems->len == VSF_QGA_FILESYSTEMS_MAX) {
        all->n_left_out++;
    } else {
        g_ptr_array_add(all->filesystems, g_steal_pointer(&other));
        g_hash_table_insert(places, filesystem->name, GUINT_TO_POINTER(all->filesystems->len));
    }
}

VsfQgaFilesystems *
vsf_qga_parse_filesystems(const char *reply, gsize length, GError **error)
{
    g_autoptr(JsonArray) list = vsf_qga_envelope_array(reply, length, error);
    g_autoptr(GHashTable) places = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(VsfQgaFilesystems) all = NULL;

    if (list == NULL)
        return NULL;
    all = g_new0(VsfQgaFilesystems, 1);
    all->filesystems = g_ptr_array_new_with_free_func(free_one);
    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *entry = vsf_qga_element(list, i);
        VsfQgaFilesystem *filesystem = entry != NULL ? parse_filesystem(entry) : NULL;

        if (filesystem != NULL)
            add(all, places, filesystem);
        else
            all->n_left_out++;
    }
    return g_steal_pointer(&all);
}
