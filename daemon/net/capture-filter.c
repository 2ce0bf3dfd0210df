/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture-filter.h"

#include <linux/if_packet.h>

#define TAG_LENGTH 4

/* A program under construction. Jumps go to places that are not known yet, so
 * each notes its instruction and is patched when its target is reached. */
typedef struct {
    struct sock_filter *at;
    guint n;
} Program;

static guint
put(Program *program, guint16 code, guint32 k)
{
    g_assert(program->n < VSF_CAPTURE_FILTER_MAX);
    program->at[program->n] = (struct sock_filter){.code = code, .k = k};
    return program->n++;
}

static guint
put_load(Program *program, guint32 ancillary)
{
    return put(program, BPF_LD | BPF_W | BPF_ABS, (guint32)SKF_AD_OFF + ancillary);
}

/* From here on is what @jump goes to when its comparison holds (or not). */
static void
when_true(Program *program, guint jump)
{
    program->at[jump].jt = (guint8)(program->n - jump - 1);
}

static void
when_false(Program *program, guint jump)
{
    program->at[jump].jf = (guint8)(program->n - jump - 1);
}

static void
put_reject(Program *program)
{
    put(program, BPF_RET | BPF_K, 0);
}

/* Accepts with the probability 1/N exactly to 2^-64: 2^32/N has a whole part T
 * and a fraction F/2^32. A random word below T accepts, one above rejects, and
 * the one that equals T asks a second word whether it lies below F. A modulo
 * would prefer small remainders, a comparison with T alone rounds N = 10^7 by
 * 0.1 %. */
static void
put_random_choice(Program *program, guint32 rate)
{
    guint32 whole = (guint32)((G_GUINT64_CONSTANT(1) << 32) / rate);
    guint64 rest = (G_GUINT64_CONSTANT(1) << 32) % rate;
    guint32 fraction = (guint32)((rest << 32) / rate);
    guint above, equal, beyond;

    put_load(program, SKF_AD_RANDOM);
    above = put(program, BPF_JMP | BPF_JGT | BPF_K, whole);
    equal = put(program, BPF_JMP | BPF_JEQ | BPF_K, whole);
    when_true(program, equal);
    put_load(program, SKF_AD_RANDOM);
    beyond = put(program, BPF_JMP | BPF_JGE | BPF_K, fraction);
    program->at[beyond].jf = 1; /* over the reject */
    when_true(program, above);
    when_true(program, beyond);
    put_reject(program);
    when_false(program, equal);
}

/* min(H + 1, L); the kernel itself takes no more than the frame has. */
static void
put_accept_from_vm(Program *program, guint32 header_bytes)
{
    guint tagged;

    put_load(program, SKF_AD_VLAN_TAG_PRESENT);
    tagged = put(program, BPF_JMP | BPF_JEQ | BPF_K, 0);
    when_true(program, tagged);
    put(program, BPF_RET | BPF_K, header_bytes + 1);
    when_false(program, tagged);
    put(program, BPF_RET | BPF_K, header_bytes + 1 - TAG_LENGTH);
}

/* min(H, L - 1); with a tag beside the frame, what the kernel has is 4 less. */
static void
put_accept_to_vm(Program *program, guint32 header_bytes)
{
    guint tagged, longer;

    put_load(program, SKF_AD_VLAN_TAG_PRESENT);
    tagged = put(program, BPF_JMP | BPF_JEQ | BPF_K, 0);
    for (guint32 tag = 0; tag <= TAG_LENGTH; tag += TAG_LENGTH) {
        if (tag == 0)
            when_true(program, tagged);
        else
            when_false(program, tagged);
        put(program, BPF_LD | BPF_W | BPF_LEN, 0);
        put(program, BPF_ALU | BPF_SUB | BPF_K, 1);
        longer = put(program, BPF_JMP | BPF_JGE | BPF_K, header_bytes - tag);
        when_true(program, longer);
        program->at[longer].jf = 1;
        put(program, BPF_RET | BPF_K, header_bytes - tag);
        put(program, BPF_RET | BPF_A, 0);
    }
}

guint
vsf_capture_filter_build(const VsfCaptureFilter *filter,
                         struct sock_filter at[VSF_CAPTURE_FILTER_MAX])
{
    Program program = {.at = at};
    gboolean want_from_vm = filter->direction != VSF_DIRECTION_OUT;
    gboolean want_to_vm = filter->direction != VSF_DIRECTION_IN;
    guint outgoing;

    if (filter->rate > 1)
        put_random_choice(&program, filter->rate);
    put_load(&program, SKF_AD_PKTTYPE);
    outgoing = put(&program, BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING);

    if (filter->mirrored)
        when_false(&program, outgoing);
    else
        when_true(&program, outgoing);
    if (want_to_vm)
        put_accept_to_vm(&program, filter->header_bytes);
    else
        put_reject(&program);

    if (filter->mirrored)
        when_true(&program, outgoing);
    else
        when_false(&program, outgoing);
    if (want_from_vm)
        put_accept_from_vm(&program, filter->header_bytes);
    else
        put_reject(&program);
    return program.n;
}

gboolean
vsf_capture_filter_from_vm(guint32 header_bytes, guint32 captured, guint32 wire_length)
{
    return captured == MIN(header_bytes + 1, wire_length);
}

guint32
vsf_capture_filter_header_length(guint32 header_bytes, guint32 captured)
{
    return MIN(header_bytes, captured);
}
