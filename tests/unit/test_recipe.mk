# SPDX-License-Identifier: GPL-2.0-only
srcs_test_recipe := tools/vhctl/image/recipe.c tools/vhctl/image/name.c tools/vhctl/parse.c
headers_test_recipe := -I$(TOP)/tools/vhctl
cflags_test_recipe := -D_GNU_SOURCE
libs_test_recipe := -lm
