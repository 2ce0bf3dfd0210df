/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a fuzz target over every file of a folder, as TAP: the corpus is a
 * regression test wherever there is no libFuzzer. */
#include <glib.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = argc == 2 ? g_dir_open(argv[1], 0, &error) : NULL;
    const char *name;
    guint n = 0;

    if (dir == NULL) {
        printf("Bail out! %s\n", error != NULL ? error->message : "usage: corpus-NAME FOLDER");
        return 1;
    }
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(argv[1], name, NULL);
        g_autofree char *bytes = NULL;
        gsize size = 0;

        if (!g_file_get_contents(path, &bytes, &size, NULL))
            continue;
        LLVMFuzzerTestOneInput((const guint8 *)bytes, size);
        printf("ok %u - %s\n", ++n, name);
        fflush(stdout);
    }
    if (n == 0) {
        printf("Bail out! the corpus is empty\n");
        return 1;
    }
    printf("1..%u\n", n);
    return 0;
}
