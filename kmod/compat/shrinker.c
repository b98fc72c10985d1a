// SPDX-License-Identifier: GPL-2.0-only
/* shrinker.c - shrinkers and the lists they walk, before and after 6.7. */
#include <linux/list_lru.h>
#include <linux/shrinker.h>
#include <linux/slab.h>

#include "compat.h"

#ifndef VH_HAVE_SHRINKER_ALLOC

/**
 * vh_shrinker_register - a shrinker that knows NUMA nodes and memory cgroups
 * @name: for debugfs
 * @count: as in <linux/shrinker.h>
 * @scan: as in <linux/shrinker.h>
 *
 * Process context. NULL when there is no memory.
 */
struct shrinker *vh_shrinker_register(const char *name,
				      unsigned long (*count)(struct shrinker *,
							     struct shrink_control *),
				      unsigned long (*scan)(struct shrinker *,
							    struct shrink_control *))
{
	struct shrinker *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;
	s->count_objects = count;
	s->scan_objects = scan;
	s->seeks = DEFAULT_SEEKS;
	s->flags = SHRINKER_NUMA_AWARE | SHRINKER_MEMCG_AWARE;
	if (register_shrinker(s, "%s", name)) {
		kfree(s);
		return NULL;
	}
	return s;
}

/**
 * vh_shrinker_unregister - and free
 * @s: the shrinker
 */
void vh_shrinker_unregister(struct shrinker *s)
{
	unregister_shrinker(s);
	kfree(s);
}

#else

struct shrinker *vh_shrinker_register(const char *name,
				      unsigned long (*count)(struct shrinker *,
							     struct shrink_control *),
				      unsigned long (*scan)(struct shrinker *,
							    struct shrink_control *))
{
	struct shrinker *s = shrinker_alloc(SHRINKER_NUMA_AWARE | SHRINKER_MEMCG_AWARE, "%s", name);

	if (!s)
		return NULL;
	s->count_objects = count;
	s->scan_objects = scan;
	shrinker_register(s);
	return s;
}

void vh_shrinker_unregister(struct shrinker *s)
{
	shrinker_free(s);
}

#endif

/**
 * vh_list_lru_add - put an item on the list of its node and memory cgroup
 * @lru: the lists
 * @item: inside an object of kmem_cache_alloc_lru()
 *
 * False when it was on a list.
 */
bool vh_list_lru_add(struct list_lru *lru, struct list_head *item)
{
#ifndef VH_HAVE_LIST_LRU_OBJ
	return list_lru_add(lru, item);
#else
	return list_lru_add_obj(lru, item);
#endif
}

/**
 * vh_list_lru_del - take an item off its list
 * @lru: the lists
 * @item: as for vh_list_lru_add()
 *
 * False when it was on none.
 */
bool vh_list_lru_del(struct list_lru *lru, struct list_head *item)
{
#ifndef VH_HAVE_LIST_LRU_OBJ
	return list_lru_del(lru, item);
#else
	return list_lru_del_obj(lru, item);
#endif
}
