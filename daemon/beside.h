/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a Host sFlow runs on this host beside us, and what it exports. Looked for within 5 s
 * and then once a minute, on a worker, at some 10 us for each process of the host: nothing depends
 * on it but the status. Main thread only. */
#pragma once

#include "hsflowd/hsflowd-exports.h"
#include "hsflowd/hsflowd-says.h"

typedef struct VsfBeside VsfBeside;

typedef struct {
    int pid;
    char *config;               /* its configuration's file */
    VsfHsflowdExports *exports; /* NULL: not known, see @trouble */
    char *trouble;              /* NULL: none */
    VsfHsflowdSays *says;       /* NULL: not known, or being rewritten just then */
} VsfBesideLook;

VsfBeside *vsf_beside_new(void);
void vsf_beside_free(VsfBeside *beside);

/* As it was seen last; NULL: there was none. Valid until the main loop runs again. */
const VsfBesideLook *vsf_beside_look(const VsfBeside *beside);
