/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_MM_H
#define SHIM_LINUX_MM_H

/* One word of each page, where its struct page would be. */
extern unsigned long *shim_page_private(const void *page);
#define virt_to_page(p) (p)
#define page_private(page) (*shim_page_private(page))
#define set_page_private(page, v) (*shim_page_private(page) = (v))

#endif
