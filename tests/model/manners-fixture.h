/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An agent's turns as the tests of its manners take them. */
#pragma once

#include "../../daemon/model/agent-manners.h"

#define S ((gint64)G_USEC_PER_SEC)
#define MS (S / 1000)
#define NOW (1000000 * S)
#define HOUR (3600 * S)

extern const VsfAgentTerms terms; /* 60 s, 600 s, 2 s */

/* Its first question is due 2 s later. */
VsfAgentManners just_connected(gint64 now_us);

/* One turn when it is due. Returns what ended() says; *@now_us becomes its end. */
gboolean turn(VsfAgentManners *manners, VsfAgentTurn how, gint64 slowest_us, gint64 *now_us);

void assert_due_in(const VsfAgentManners *manners, gint64 now_us, gint64 in_us);

/* In quarantine since *@now_us. */
VsfAgentManners quarantined(gint64 *now_us);
