/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Once per process, on the main thread, before anything of libvirt. */
void vsf_virt_init(void);
