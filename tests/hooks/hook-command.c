/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `virt-sflow hook` alone, for its test. */
#include "../../daemon/cli/hook.h"

int
main(int argc, char **argv)
{
    return vsf_cli_hook(argc, argv);
}
