/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loading with later versions of libbpf than the 1.1 of Debian 12, and on older kernels than
 * its 6.1. What they do otherwise is a fake's, which stands before the functions of the library. */
#include "../../daemon/bpf/bpf-private.h"
#include "../../daemon/bpf/rate-word.h"
#include "bpf-lab.h"

#include <bpf/bpf.h>
#include <dlfcn.h>
#include <errno.h>

static gboolean is_1_4, is_loading, is_old_kernel;

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

int
bpf_map_create(enum bpf_map_type type, const char *name, __u32 key_size, __u32 value_size,
               __u32 max_entries, const struct bpf_map_create_opts *options)
{
    int (*create)(enum bpf_map_type, const char *, __u32, __u32, __u32,
                  const struct bpf_map_create_opts *) = of_libbpf("bpf_map_create");

    if (is_old_kernel && value_size > VSF_BPF_STATES_MAX_OLD) {
        errno = E2BIG;
        return -errno;
    }
    return create(type, name, key_size, value_size, max_entries, options);
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
    is_1_4 = FALSE;
}

static void
test_an_old_kernel_has_room_for_fewer_taps(void)
{
    VsfBpfConfig config = {128, VSF_DIRECTION_BOTH, 65536, 0};
    g_autoptr(GError) error = NULL;
    VsfBpf *bpf;

    is_old_kernel = TRUE;
    bpf = vsf_bpf_load(&config, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(vsf_bpf_taps_max(bpf), <, 65536);
    g_assert_cmpuint(vsf_bpf_taps_max(bpf), ==,
                     vsf_bpf_slots(65536, bpf->n_cpus, VSF_BPF_STATES_MAX_OLD));
    vsf_bpf_free(bpf);
    is_old_kernel = FALSE;
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (bpf_lab_skip_all())
        return 0;
    g_test_add_func("/bpf/load/descriptors-that-come-late-are-not-needed-earlier",
                    test_descriptors_that_come_late_are_not_needed_earlier);
    g_test_add_func("/bpf/load/an-old-kernel-has-room-for-fewer-taps",
                    test_an_old_kernel_has_room_for_fewer_taps);
    return g_test_run();
}
