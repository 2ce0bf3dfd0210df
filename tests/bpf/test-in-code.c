/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/bpf/in-code.h"
#include "../../daemon/bpf/sampler-shared.h"

#include <string.h>

#define LOAD (BPF_LD | BPF_IMM | BPF_DW)
#define N 9

/* r2 = @number, in two. */
static void
put_load(struct bpf_insn *at, guint8 source, guint64 number)
{
    at[0] = (struct bpf_insn){
        .code = LOAD, .dst_reg = BPF_REG_2, .src_reg = source, .imm = (gint32)(guint32)number};
    at[1] = (struct bpf_insn){.imm = (gint32)(number >> 32)};
}

/* A number of ours, one that is a map's, another of ours, an exit, and ours again. */
static void
make_program(struct bpf_insn program[N])
{
    memset(program, 0, N * sizeof(*program));
    put_load(&program[0], 0, VSF_CODE + VSF_CODE_SLOTS);
    put_load(&program[2], BPF_PSEUDO_MAP_FD, VSF_CODE + VSF_CODE_SLOTS);
    put_load(&program[4], 0, VSF_CODE + VSF_CODE_N_STATES);
    program[6].code = BPF_JMP | BPF_EXIT;
    put_load(&program[7], 0, VSF_CODE + VSF_CODE_SLOTS);
}

static void
assert_same(const struct bpf_insn *a, const struct bpf_insn *b)
{
    for (guint i = 0; i < N; i++) {
        g_test_message("%u", i);
        g_assert_cmpmem(&a[i], sizeof(*a), &b[i], sizeof(*b));
    }
}

static void
test_a_number_is_put_wherever_it_is_loaded(void)
{
    struct bpf_insn program[N], expected[N];

    make_program(program);
    make_program(expected);
    g_assert_cmpuint(vsf_bpf_put_in_code(program, N, VSF_CODE_SLOTS, 0x123456789abcdef0, FALSE), ==,
                     2);
    put_load(&expected[0], 0, 0x123456789abcdef0);
    put_load(&expected[7], 0, 0x123456789abcdef0);
    assert_same(program, expected);
}

static void
test_a_map_is_put_as_the_address_of_its_value(void)
{
    struct bpf_insn program[N], expected[N];

    make_program(program);
    make_program(expected);
    g_assert_cmpuint(vsf_bpf_put_in_code(program, N, VSF_CODE_N_STATES, 17, TRUE), ==, 1);
    put_load(&expected[4], BPF_PSEUDO_MAP_VALUE, 17);
    assert_same(program, expected);
}

static void
test_what_is_not_loaded_is_left(void)
{
    struct bpf_insn program[N], expected[N];

    make_program(program);
    make_program(expected);
    g_assert_cmpuint(vsf_bpf_put_in_code(program, N, VSF_CODE_STATES, 1, FALSE), ==, 0);
    assert_same(program, expected);
    /* The second half of an instruction looks like the first of another. */
    put_load(&program[0], 0, 0);
    program[1] = (struct bpf_insn){.code = LOAD, .imm = (gint32)(guint32)VSF_CODE};
    program[2] = (struct bpf_insn){.imm = (gint32)(VSF_CODE >> 32)};
    memcpy(expected, program, sizeof(program));
    g_assert_cmpuint(vsf_bpf_put_in_code(program, 3, VSF_CODE_SLOTS, 1, FALSE), ==, 0);
    assert_same(program, expected);
}

static void
test_a_program_may_end_anywhere(void)
{
    struct bpf_insn program[N];

    make_program(program);
    g_assert_cmpuint(vsf_bpf_put_in_code(program, 0, VSF_CODE_SLOTS, 1, FALSE), ==, 0);
    g_assert_cmpuint(vsf_bpf_put_in_code(program, 1, VSF_CODE_SLOTS, 1, FALSE), ==, 0);
    g_assert_cmpuint(vsf_bpf_put_in_code(program, N - 1, VSF_CODE_SLOTS, 1, FALSE), ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/in-code/a-number-is-put-wherever-it-is-loaded",
                    test_a_number_is_put_wherever_it_is_loaded);
    g_test_add_func("/in-code/a-map-is-put-as-the-address-of-its-value",
                    test_a_map_is_put_as_the_address_of_its_value);
    g_test_add_func("/in-code/what-is-not-loaded-is-left", test_what_is_not_loaded_is_left);
    g_test_add_func("/in-code/a-program-may-end-anywhere", test_a_program_may_end_anywhere);
    return g_test_run();
}
