// SPDX-License-Identifier: GPL-2.0-only
/* index.c - objects by number, in a balanced tree. */
#include "index.h"

static struct vh_index_node *node(struct rb_node *rb)
{
	return rb_entry(rb, struct vh_index_node, rb);
}

/**
 * vh_index_add - an object comes in
 * @x: the index
 * @n: in the object
 * @key: its number
 *
 * False when there is one of this number.
 */
bool vh_index_add(struct vh_index *x, struct vh_index_node *n, u64 key)
{
	struct rb_node **at = &x->root.rb_node, *parent = NULL;

	while (*at) {
		parent = *at;
		if (key == node(parent)->key)
			return false;
		at = key < node(parent)->key ? &parent->rb_left : &parent->rb_right;
	}
	n->key = key;
	rb_link_node(&n->rb, parent, at);
	rb_insert_color(&n->rb, &x->root);
	return true;
}

/**
 * vh_index_del - an object leaves
 * @x: the index, in which it is
 * @n: in the object
 */
void vh_index_del(struct vh_index *x, struct vh_index_node *n)
{
	rb_erase(&n->rb, &x->root);
}

/**
 * vh_index_next - the object with the lowest number from @key on
 * @x: the index
 * @key: where to begin
 *
 * NULL when there is none.
 */
struct vh_index_node *vh_index_next(const struct vh_index *x, u64 key)
{
	struct rb_node *at = x->root.rb_node;
	struct vh_index_node *best = NULL;

	while (at) {
		if (node(at)->key < key) {
			at = at->rb_right;
		} else {
			best = node(at);
			at = at->rb_left;
		}
	}
	return best;
}

/**
 * vh_index_find - the object of a number
 * @x: the index
 * @key: the number
 *
 * NULL when there is none.
 */
struct vh_index_node *vh_index_find(const struct vh_index *x, u64 key)
{
	struct vh_index_node *n = vh_index_next(x, key);

	return n && n->key == key ? n : NULL;
}
