/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* @text made fit to show (see qga.h); it need not be UTF-8. The caller owns it. */
char *vsf_qga_text(const char *text);
