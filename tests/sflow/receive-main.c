/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `virt-sflow receive` alone, for test-receive. */
#include "../../daemon/cli/receive.h"

int
main(int argc, char **argv)
{
    return vsf_cli_receive(argc, argv);
}
