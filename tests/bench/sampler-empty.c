/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sampler.h"

#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 6.6; older headers do not have them. */
#define TCX_INGRESS 46
#define TCX_EGRESS 47
#define TCX_NEXT -1
#define THREADS 32

typedef struct {
    int *links; /* two for each tap */
    guint n_taps;
} Empty;

static int
call(int command, union bpf_attr *attr)
{
    return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int
load_program(void)
{
    static const struct bpf_insn program[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TCX_NEXT},
        {.code = BPF_JMP | BPF_EXIT},
    };
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
    attr.insns = (guint64)(guintptr)program;
    attr.insn_cnt = G_N_ELEMENTS(program);
    attr.license = (guint64)(guintptr) "GPL";
    return call(BPF_PROG_LOAD, &attr);
}

static int
attach(int program, int ifindex, guint32 type)
{
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.link_create.prog_fd = (guint32)program;
    attr.link_create.target_ifindex = (guint32)ifindex;
    attr.link_create.attach_type = type;
    return call(BPF_LINK_CREATE, &attr);
}

/* Each waits for the kernel, so that many of them wait together. */
typedef struct {
    Empty *empty;
    const char *const *taps;
    int program, failed; /* errno */
} Job;

static void
attach_tap(gpointer number, gpointer user_data)
{
    Job *job = user_data;
    guint i = GPOINTER_TO_UINT(number) - 1;
    int ifindex = (int)if_nametoindex(job->taps[i]);
    int *links = job->empty->links + 2 * i;

    links[0] = attach(job->program, ifindex, TCX_INGRESS);
    links[1] = attach(job->program, ifindex, TCX_EGRESS);
    if (links[0] < 0 || links[1] < 0)
        g_atomic_int_set(&job->failed, errno);
}

static void
detach_tap(gpointer number, gpointer user_data)
{
    int *links = ((Job *)user_data)->empty->links + 2 * (GPOINTER_TO_UINT(number) - 1);

    for (guint i = 0; i < 2; i++)
        if (links[i] >= 0)
            close(links[i]);
}

static void
for_each_tap(Job *job, GFunc func)
{
    GThreadPool *pool = g_thread_pool_new(func, job, THREADS, FALSE, NULL);

    for (guint i = 0; i < job->empty->n_taps; i++)
        g_thread_pool_push(pool, GUINT_TO_POINTER(i + 1), NULL);
    g_thread_pool_free(pool, FALSE, TRUE);
}

static void
empty_close(gpointer self)
{
    Job job = {.empty = self};

    for_each_tap(&job, detach_tap);
    g_free(job.empty->links);
    g_free(job.empty);
}

static gpointer
empty_open(const char *const *taps, guint n_taps, guint32 rate G_GNUC_UNUSED,
           const SamplerOptions *options G_GNUC_UNUSED, GError **error)
{
    Empty *empty = g_new0(Empty, 1);
    Job job = {empty, taps, load_program(), 0};

    empty->n_taps = n_taps;
    empty->links = g_new(int, 2 * n_taps);
    memset(empty->links, 0xff, 2 * n_taps * sizeof(int));
    if (job.program < 0)
        job.failed = errno;
    else
        for_each_tap(&job, attach_tap);
    if (job.program >= 0)
        close(job.program); /* the links hold it */
    if (job.failed == 0)
        return empty;
    empty_close(empty);
    g_set_error(error, VSF_CAPTURE_ERROR, VSF_CAPTURE_ERROR_FAILED, "no tcx program here: %s",
                g_strerror(job.failed));
    return NULL;
}

static void
empty_take(gpointer self G_GNUC_UNUSED)
{
}

static void
empty_totals(gpointer self, SamplerTotals *totals)
{
    *totals = (SamplerTotals){.opened = ((Empty *)self)->n_taps};
}

const Sampler sampler_empty = {"empty tcx program", empty_open,  empty_take,
                               empty_totals,        empty_close, FALSE};
