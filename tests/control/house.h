/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A control socket in a folder of its own, and clients of it; the daemon's side runs on
 * the default main context whenever a client waits. */
#pragma once

#include "../../daemon/control/control.h"

typedef struct {
    char *folder, *path;
    VsfControl *control;
    guint asked;
    guint uid; /* of who asked last */
    gsize pad; /* bytes of filler in the answer */
} House;

/* So much time and room that only what a test is about ends anything. */
#define PATIENT                                              \
    {                                                        \
        32, 3600 * 1000, 3600 * 1000, 3600 * 1000, G_MAXSIZE \
    }

static const char status_request[] = "{\"request\": \"status\"}\n";
#define ASK_STATUS status_request, sizeof(status_request) - 1

void house_open(House *house);
void house_close(House *house);

/* A new control socket's answer to vsf_control_new(): {"pad": "xxx"} to "status". */
JsonNode *house_answer(const VsfRequest *request, GError **error, gpointer user_data);

/* Connects without waiting; the descriptor is the caller's. */
int visit(const House *house);
void say(int fd, const char *text, gsize length);

/* Everything until the daemon hangs up; closes @fd. */
char *hear(int fd);

/* All of these. */
char *ask(const House *house, const char *text, gsize length);

/* The same in a house of its own, with so much time to ask that only the bounds end it. */
char *ask_once(House *house, const char *text, gsize length);

/* Until the daemon has nothing left to do now. */
void settle(void);
