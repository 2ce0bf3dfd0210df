/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "in-code.h"

#include "sampler-shared.h"

/* Of an instruction of 64 bits' worth, which takes the room of two. */
static guint64
loaded_number(const struct bpf_insn *two)
{
    return (guint64)(guint32)two[1].imm << 32 | (guint32)two[0].imm;
}

guint
vsf_bpf_put_in_code(struct bpf_insn *instructions, gsize n, guint number, guint64 value,
                    gboolean is_map)
{
    guint n_put = 0;

    for (gsize i = 0; i + 1 < n; i++) {
        struct bpf_insn *two = &instructions[i];

        if (two->code != (BPF_LD | BPF_IMM | BPF_DW))
            continue;
        i++; /* its second half is no instruction */
        if (two->src_reg != 0 || loaded_number(two) != VSF_CODE + number)
            continue;
        two[0].src_reg = is_map ? BPF_PSEUDO_MAP_VALUE : 0;
        two[0].imm = (gint32)(guint32)value;
        two[1].imm = is_map ? 0 : (gint32)(value >> 32);
        n_put++;
    }
    return n_put;
}
