/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs the sampler's program in a small interpreter of classic BPF, on every
 * frame length and with chosen random words. */
#include "../../daemon/net/capture-filter.h"

#include <linux/if_packet.h>

typedef struct {
    guint32 length; /* what the kernel has: a tag beside the frame is not in it */
    guint8 packet_type;
    gboolean tag_beside;
    const guint32 *random; /* words that come one after the other */
} Frame;

static guint32
load(const Frame *frame, guint32 k, guint *n_random)
{
    switch (k - (guint32)SKF_AD_OFF) {
    case SKF_AD_PKTTYPE:
        return frame->packet_type;
    case SKF_AD_VLAN_TAG_PRESENT:
        return frame->tag_beside;
    case SKF_AD_RANDOM:
        return frame->random[(*n_random)++];
    default:
        g_assert_not_reached();
    }
}

static gboolean
holds(guint16 code, guint32 a, guint32 k)
{
    switch (BPF_OP(code)) {
    case BPF_JEQ:
        return a == k;
    case BPF_JGT:
        return a > k;
    case BPF_JGE:
        return a >= k;
    default:
        g_assert_not_reached();
    }
}

/* The program's return value. */
static guint32
run(const struct sock_filter *program, guint n, const Frame *frame)
{
    guint32 a = 0;
    guint n_random = 0;

    for (guint at = 0;; at++) {
        const struct sock_filter *i = &program[at];

        g_assert_cmpuint(at, <, n);
        switch (i->code) {
        case BPF_RET | BPF_K:
            return i->k;
        case BPF_RET | BPF_A:
            return a;
        case BPF_LD | BPF_W | BPF_LEN:
            a = frame->length;
            break;
        case BPF_LD | BPF_W | BPF_ABS:
            a = load(frame, i->k, &n_random);
            break;
        case BPF_ALU | BPF_SUB | BPF_K:
            a -= i->k;
            break;
        default:
            g_assert_cmpuint(BPF_CLASS(i->code), ==, BPF_JMP);
            at += holds(i->code, a, i->k) ? i->jt : i->jf;
        }
    }
}

static guint32
captured(const VsfCaptureFilter *filter, const Frame *frame)
{
    struct sock_filter program[VSF_CAPTURE_FILTER_MAX];
    guint n = vsf_capture_filter_build(filter, program);

    return MIN(run(program, n, frame), frame->length);
}

static void
test_direction_and_lengths_are_right_at_every_length(void)
{
    static const guint32 header_bytes[] = {64, 75, 128, 256};
    guint n_cases = 0;

    for (guint h = 0; h < G_N_ELEMENTS(header_bytes); h++)
        for (guint32 wire = 18; wire <= 400; wire++)
            for (guint bits = 0; bits < 8; bits++) {
                gboolean outgoing = bits & 1, mirrored = (bits & 2) != 0, tag = (bits & 4) != 0;
                VsfCaptureFilter filter = {header_bytes[h], 1, VSF_DIRECTION_BOTH, mirrored};
                Frame frame = {.length = wire - (tag ? 4 : 0),
                               .packet_type = outgoing ? PACKET_OUTGOING : PACKET_OTHERHOST,
                               .tag_beside = tag};
                guint32 caplen = captured(&filter, &frame) + (tag ? 4 : 0);
                gboolean from_vm = outgoing == mirrored;
                guint32 header = vsf_capture_filter_header_length(filter.header_bytes, caplen);

                g_assert_cmpint(vsf_capture_filter_from_vm(filter.header_bytes, caplen, wire), ==,
                                from_vm);
                /* One byte is the price of a short frame to the VM. */
                g_assert_cmpuint(header, ==, MIN(filter.header_bytes, from_vm ? wire : wire - 1));
                n_cases++;
            }
    g_assert_cmpuint(n_cases, ==, 4 * 383 * 8);
}

static void
test_the_other_direction_is_rejected(void)
{
    for (guint bits = 0; bits < 8; bits++) {
        gboolean outgoing = bits & 1, mirrored = (bits & 2) != 0, in = (bits & 4) != 0;
        VsfCaptureFilter filter = {128, 1, in ? VSF_DIRECTION_IN : VSF_DIRECTION_OUT, mirrored};
        Frame frame = {.length = 60, .packet_type = outgoing ? PACKET_OUTGOING : PACKET_HOST};
        gboolean from_vm = outgoing == mirrored;

        g_assert_cmpint(captured(&filter, &frame) > 0, ==, from_vm == in);
    }
}

static gboolean
accepts(guint32 rate, guint32 first, guint32 second)
{
    const guint32 random[] = {first, second};
    VsfCaptureFilter filter = {128, rate, VSF_DIRECTION_BOTH, FALSE};
    Frame frame = {.length = 60, .packet_type = PACKET_HOST, .random = random};

    return captured(&filter, &frame) > 0;
}

static void
test_the_chance_is_exactly_one_in_n(void)
{
    static const guint32 rates[] = {2, 3, 7, 100, 512, 1000, 65537, 9999999, 10000000};

    g_assert_true(accepts(1, G_MAXUINT32, G_MAXUINT32));
    for (guint i = 0; i < G_N_ELEMENTS(rates); i++) {
        guint32 n = rates[i];
        guint32 whole = (guint32)((G_GUINT64_CONSTANT(1) << 32) / n);
        guint64 rest = (G_GUINT64_CONSTANT(1) << 32) % n;
        guint32 fraction = (guint32)((rest << 32) / n);

        g_assert_true(accepts(n, 0, G_MAXUINT32));
        g_assert_true(accepts(n, whole - 1, G_MAXUINT32));
        g_assert_false(accepts(n, whole + 1, 0));
        g_assert_false(accepts(n, G_MAXUINT32, 0));
        g_assert_cmpint(accepts(n, whole, 0), ==, fraction > 0);
        g_assert_false(accepts(n, whole, fraction));
        if (fraction > 0)
            g_assert_true(accepts(n, whole, fraction - 1));
        /* whole + fraction / 2^32, times N, is 2^32 but for N parts in 2^32. */
        g_assert_cmpuint(0 - (((guint64)whole << 32) + fraction) * n, <, n);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/capture-filter/direction-and-lengths-are-right-at-every-length",
                    test_direction_and_lengths_are_right_at_every_length);
    g_test_add_func("/net/capture-filter/the-other-direction-is-rejected",
                    test_the_other_direction_is_rejected);
    g_test_add_func("/net/capture-filter/the-chance-is-exactly-one-in-n",
                    test_the_chance_is_exactly_one_in_n);
    return g_test_run();
}
