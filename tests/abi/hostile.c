// SPDX-License-Identifier: GPL-2.0-only
#include "abi.h"
const struct test_case hostile_cases[] = { { NULL, NULL, NULL } };
