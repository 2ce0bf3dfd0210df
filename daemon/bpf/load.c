/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The programs and maps: from the bytes that the build made of sampler.bpf.c to the kernel. */
#include "bpf-private.h"
#include "in-code.h"
#include "rate-word.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sampler-object.h" /* sampler_object[], made by the build */

#define RING_BYTES_DEFAULT (1024 * 1024)
#define RING_BYTES_MAX (64 * 1024 * 1024)
#define ATTACH_TCX_INGRESS 46

#define SECTION "vsf" /* of the programs */

G_DEFINE_QUARK(vsf - bpf - error, vsf_bpf_error)

/* What this thread is loading: libbpf asks back without telling. */
static _Thread_local const VsfBpf *loading;

gboolean
vsf_bpf_is_built(void)
{
    return TRUE;
}

static VsfBpfError
error_of(int code)
{
    switch (code) {
    case EPERM:
    case EACCES:
        return VSF_BPF_ERROR_PERMISSION;
    case ENODEV:
        return VSF_BPF_ERROR_GONE;
    case ENOSYS:
    case EINVAL:
    case EOPNOTSUPP:
        return VSF_BPF_ERROR_UNSUPPORTED;
    default:
        return VSF_BPF_ERROR_FAILED;
    }
}

void
vsf_bpf_set_error(GError **error, int code, const char *what)
{
    const char *remedy = "";

    code = ABS(code);
    if (code == EPERM || code == EACCES)
        remedy = " (bpf(2) needs CAP_BPF and CAP_NET_ADMIN, and must not be forbidden by seccomp)";
    else if (code == ENOMEM)
        remedy = " (more memory, or a higher RLIMIT_MEMLOCK, is needed)";
    else if (code == ENOSYS)
        remedy = " (this kernel has no bpf(2))";
    g_set_error(error, VSF_BPF_ERROR, error_of(code), "%s: %s%s", what, g_strerror(code), remedy);
}

static int
say_nothing(enum libbpf_print_level level G_GNUC_UNUSED, const char *format G_GNUC_UNUSED,
            va_list arguments G_GNUC_UNUSED)
{
    return 0;
}

static guint
power_of_two(guint least, guint most, gsize wanted)
{
    guint size = least;

    while (size < wanted && size < most)
        size *= 2;
    return size;
}

/* The kernel says EPERM also where it only wants to be asked by someone else; that one may not ask
 * is told first and by the plainest call. */
static gboolean
may_use_bpf(GError **error)
{
    int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "vsf_probe", 4, 8, 1, NULL);

    if (fd < 0) {
        vsf_bpf_set_error(error, errno, "bpf(2)");
        return FALSE;
    }
    close(fd);
    return TRUE;
}

static struct bpf_map *
find_map(const VsfBpf *bpf, const char *name)
{
    struct bpf_map *map = bpf_object__find_map_by_name(bpf->object, name);

    g_assert(map != NULL);
    return map;
}

/* libbpf names the map after the section. */
static void
set_constants(VsfBpf *bpf, const struct vsf_bpf_constants *constants)
{
    struct bpf_map *map;
    int code = -ENOENT;

    bpf_object__for_each_map(map, bpf->object)
    {
        if (g_str_has_suffix(bpf_map__name(map), ".rodata.vsf"))
            code = bpf_map__set_initial_value(map, constants, sizeof(*constants));
    }
    g_assert(code == 0);
}

static gsize
slots_bytes(const VsfBpf *bpf)
{
    return bpf->n_slots * sizeof(struct vsf_bpf_tap);
}

static gsize
states_bytes(const VsfBpf *bpf)
{
    return (gsize)bpf->n_cpus * bpf->n_slots * sizeof(struct vsf_bpf_state);
}

static void
set_sizes(VsfBpf *bpf, guint32 ring_bytes)
{
    struct vsf_bpf_constants constants = {
        .header_bytes = bpf->config.header_bytes,
        .ring_bytes = ring_bytes,
    };

    vsf_log2_table(constants.log2_table);
    set_constants(bpf, &constants);
    bpf_map__set_max_entries(find_map(bpf, "vsf_taps"), bpf->n_slots);
    bpf_map__set_max_entries(find_map(bpf, "vsf_displaced"), bpf->n_slots);
    bpf_map__set_max_entries(find_map(bpf, "vsf_ring"), ring_bytes);
}

/* The array in our memory; NULL with @error set. */
static void *
map_array(int fd, gsize size, GError **error)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (memory != MAP_FAILED)
        return memory;
    vsf_bpf_set_error(error, errno, "mapping the taps");
    return NULL;
}

/* One value that holds all of them, so that the programs need no look-up to reach one; nor is it of
 * the kernel's per-CPU kind, to whose values there is one way more to go. Not among the object's
 * maps, whose descriptors libbpf 1.4 and 1.5 tell only when the programs are loaded. Returns the
 * descriptor, or minus an errno. */
static int
make_states(VsfBpf *bpf, gsize states_max)
{
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);

    bpf->n_slots = vsf_bpf_slots(bpf->config.taps_max, bpf->n_cpus, states_max);
    return bpf_map_create(BPF_MAP_TYPE_ARRAY, "vsf_states", sizeof(guint32),
                          (guint32)states_bytes(bpf), 1, &options);
}

/* Called when libbpf has made the program whole. */
static int
put_in_code(struct bpf_program *program, struct bpf_prog_load_opts *options G_GNUC_UNUSED,
            long cookie G_GNUC_UNUSED)
{
    const guint64 values[VSF_CODE_N] = {
        [VSF_CODE_SLOTS] = loading->n_slots,
        [VSF_CODE_N_STATES] = (guint64)loading->n_cpus * loading->n_slots,
        [VSF_CODE_STATES] = (guint64)loading->states_fd,
    };
    size_t n = bpf_program__insn_cnt(program);
    g_autofree struct bpf_insn *instructions = g_memdup2(bpf_program__insns(program),
                                                         n * sizeof(*instructions));

    for (guint i = 0; i < VSF_CODE_N; i++)
        vsf_bpf_put_in_code(instructions, n, i, values[i], i == VSF_CODE_STATES);
    return bpf_program__set_insns(program, instructions, n);
}

static void
know_section(void)
{
    static gsize known = 0;
    LIBBPF_OPTS(libbpf_prog_handler_opts, options, .prog_prepare_load_fn = put_in_code);

    if (g_once_init_enter(&known)) {
        int code = libbpf_register_prog_handler(SECTION, BPF_PROG_TYPE_SCHED_CLS, 0, &options);

        g_assert(code >= 0);
        g_once_init_leave(&known, 1);
    }
}

/* Nothing has that index: a kernel that knows tcx says so, one before it does not know what is
 * asked. */
static gboolean
has_tcx(const VsfBpf *bpf)
{
    int fd = bpf_link_create(bpf->programs[VSF_BPF_INGRESS], G_MAXINT,
                             (enum bpf_attach_type)ATTACH_TCX_INGRESS, NULL);

    return fd < 0 && errno == ENODEV;
}

/* 0, or minus an errno. */
static int
load_object(VsfBpf *bpf)
{
    gsize wanted = bpf->config.ring_bytes != 0 ? bpf->config.ring_bytes : RING_BYTES_DEFAULT;
    int code;

    know_section();
    bpf->object = bpf_object__open_mem(sampler_object, sizeof(sampler_object), NULL);
    if (bpf->object == NULL)
        return -errno;
    set_sizes(bpf, power_of_two((guint32)sysconf(_SC_PAGESIZE), RING_BYTES_MAX, wanted));
    loading = bpf;
    code = bpf_object__load(bpf->object);
    loading = NULL;
    return code;
}

static gboolean
load_programs(VsfBpf *bpf, GError **error)
{
    static const char *const names[VSF_BPF_N_HOOKS] = {"vsf_ingress", "vsf_egress"};
    int code = load_object(bpf);

    if (code == -EACCES) {
        g_set_error_literal(error, VSF_BPF_ERROR, VSF_BPF_ERROR_UNSUPPORTED,
                            "this kernel's verifier refuses the eBPF programs");
        return FALSE;
    }
    if (code != 0) {
        vsf_bpf_set_error(error, code, "loading the eBPF programs");
        return FALSE;
    }
    for (guint hook = 0; hook < VSF_BPF_N_HOOKS; hook++)
        bpf->programs[hook] = bpf_program__fd(
            bpf_object__find_program_by_name(bpf->object, names[hook]));
    bpf->displaced_fd = bpf_map__fd(find_map(bpf, "vsf_displaced"));
    bpf->ring_fd = bpf_map__fd(find_map(bpf, "vsf_ring"));
    bpf->has_tcx = has_tcx(bpf);
    return TRUE;
}

static gboolean
load(VsfBpf *bpf, GError **error)
{
    bpf->states_fd = make_states(bpf, VSF_BPF_STATES_MAX);
    if (bpf->states_fd == -E2BIG)
        bpf->states_fd = make_states(bpf, VSF_BPF_STATES_MAX_OLD);
    if (bpf->states_fd < 0) {
        vsf_bpf_set_error(error, bpf->states_fd, "the map of the taps' states");
        return FALSE;
    }
    bpf->config.taps_max = MIN(bpf->config.taps_max, bpf->n_slots);
    bpf->states = map_array(bpf->states_fd, states_bytes(bpf), error);
    if (bpf->states == NULL || !load_programs(bpf, error))
        return FALSE;
    bpf->slots = map_array(bpf_map__fd(find_map(bpf, "vsf_taps")), slots_bytes(bpf), error);
    return bpf->slots != NULL && vsf_bpf_ring_open(bpf, error);
}

/* Of states for each slot. 0 with @error set. */
static guint
count_cpus(GError **error)
{
    g_autofree char *possible = NULL;
    g_autoptr(GError) unread = NULL;
    guint n = 0;

    if (g_file_get_contents("/sys/devices/system/cpu/possible", &possible, NULL, &unread))
        n = vsf_cpu_numbers(possible);
    if (n == 0)
        g_set_error(error, VSF_BPF_ERROR, VSF_BPF_ERROR_FAILED, "the number of processors: %s",
                    unread != NULL ? unread->message : "the kernel's list is empty");
    return n;
}

VsfBpf *
vsf_bpf_load(const VsfBpfConfig *config, GError **error)
{
    VsfBpf *bpf;
    guint n_cpus;

    g_assert(config->header_bytes >= 64 && config->header_bytes <= VSF_BPF_HEADER_MAX);
    g_assert(config->taps_max >= 1);
    libbpf_set_print(say_nothing);
    if (!may_use_bpf(error))
        return NULL;
    n_cpus = count_cpus(error);
    if (n_cpus == 0)
        return NULL;
    bpf = g_new0(VsfBpf, 1);
    bpf->config = *config;
    bpf->n_cpus = n_cpus;
    bpf->tcx_most = VSF_BPF_TCX_MOST;
    bpf->states_fd = -1;
    g_mutex_init(&bpf->mutex);
    g_cond_init(&bpf->freed);
    if (vsf_bpf_owner_init(&bpf->owner, error) && load(bpf, error))
        return bpf;
    vsf_bpf_free(bpf);
    return NULL;
}

void
vsf_bpf_free(VsfBpf *bpf)
{
    if (bpf == NULL)
        return;
    g_assert(bpf->n_taps == 0);
    if (bpf->slots != NULL)
        munmap(bpf->slots, slots_bytes(bpf));
    if (bpf->states != NULL)
        munmap(bpf->states, states_bytes(bpf));
    ring_buffer__free(bpf->ring);
    bpf_object__close(bpf->object);
    if (bpf->states_fd >= 0)
        close(bpf->states_fd);
    vsf_bpf_owner_clear(&bpf->owner);
    g_mutex_clear(&bpf->mutex);
    g_cond_clear(&bpf->freed);
    g_free(bpf);
}

guint
vsf_bpf_taps_max(const VsfBpf *bpf)
{
    return bpf->config.taps_max;
}

const char *
vsf_bpf_attachment(const VsfBpf *bpf)
{
    return bpf->has_tcx && bpf->tcx_most > 0 ? "tcx" : "clsact";
}

void
vsf_bpf_set_tcx_most(VsfBpf *bpf, guint tcx_most)
{
    bpf->tcx_most = tcx_most;
}
