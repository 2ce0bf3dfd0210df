/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loading with later versions of libbpf than the 1.1 of Debian 12. What they do otherwise is a
 * fake's, which stands before the functions of the library. */
#include "bpf-lab.h"

#include <bpf/libbpf.h>
#include <dlfcn.h>

static gboolean is_1_4, is_loading;

static gpointer
of_libbpf(const char *name)
{
    gpointer function = dlsym(RTLD_NEXT, name);

    g_assert_nonnull(function);
    return function;
}

int
bpf_object__load(struct bpf_object *object)
{
    int (*load)(struct bpf_object *) = of_libbpf("bpf_object__load");
    int code;

    is_loading = TRUE;
    code = load(object);
    is_loading = FALSE;
    return code;
}

/* Those of an object that is not loaded have none, though the maps are there when the programs are
 * being loaded (1.4 and 1.5; 1.6 tells it again). */
int
bpf_map__fd(const struct bpf_map *map)
{
    int (*fd)(const struct bpf_map *) = of_libbpf("bpf_map__fd");

    return is_1_4 && is_loading ? -1 : fd(map);
}

static void
test_descriptors_that_come_late_are_not_needed_earlier(void)
{
    VsfBpfConfig config = {128, VSF_DIRECTION_BOTH, 4, 0};
    g_autoptr(GError) error = NULL;
    VsfBpf *bpf;

    is_1_4 = TRUE;
    bpf = vsf_bpf_load(&config, &error);
    g_assert_no_error(error);
    vsf_bpf_free(bpf);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (bpf_lab_skip_all())
        return 0;
    g_test_add_func("/bpf/load/descriptors-that-come-late-are-not-needed-earlier",
                    test_descriptors_that_come_late_are_not_needed_earlier);
    return g_test_run();
}
