/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers that are put into the instructions of a program. Pure. */
#pragma once

#include <glib.h>
#include <linux/bpf.h>

/* Puts into each instruction of @n that loads a number VSF_CODE + @number (sampler-shared.h)
 * @value instead; or, with @is_map, what is in the first element of the map whose descriptor
 * @value is. Returns into how many. */
guint vsf_bpf_put_in_code(struct bpf_insn *instructions, gsize n, guint number, guint64 value,
                          gboolean is_map);
