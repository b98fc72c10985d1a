/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * aml.h - AML into memory, as it comes (ACPI Specification 6.5, chapter 20): each function writes at
 * *at, and moves that on. A package that is opened has to be closed.
 */
#ifndef AML_H
#define AML_H

#include <stdint.h>
#include <string.h>

static inline void put(uint8_t **at, const void *bytes, size_t n)
{
	memcpy(*at, bytes, n);
	*at += n;
}

static inline void put_number(uint8_t **at, uint64_t value, size_t n)
{
	put(at, &value, n);
}

/* A package length of two bytes, told when the end is known. */
static inline uint8_t *open_package(uint8_t **at)
{
	*at += 2;
	return *at - 2;
}

static inline void close_package(uint8_t **at, uint8_t *package)
{
	size_t n = *at - package;

	package[0] = 0x40 | (n & 0xf);
	package[1] = n >> 4;
}

static inline void put_name(uint8_t **at, const char *name)
{
	put(at, "\x08", 1);
	put(at, name, 4);
}

static inline void put_id(uint8_t **at, const char *name, uint16_t product)
{
	put_name(at, name);
	put(at, (uint8_t[]){ 0x0c, 0x41, 0xd0, product >> 8, product }, 5);	/* PNPxxxx */
}

static inline uint8_t *open_device(uint8_t **at, const char *name)
{
	uint8_t *package;

	put(at, "\x5b\x82", 2);
	package = open_package(at);
	put(at, name, 4);
	return package;
}

/* Name (_CRS, Buffer (size) { resources }), with the end tag */
static inline uint8_t *open_resources(uint8_t **at)
{
	uint8_t *package;

	put_name(at, "_CRS");
	put(at, "\x11", 1);
	package = open_package(at);
	put(at, "\x0b", 1);
	*at += 2;		/* the size */
	return package;
}

static inline void close_resources(uint8_t **at, uint8_t *package)
{
	uint16_t size;

	put(at, "\x79", 2);
	size = *at - package - 5;
	memcpy(package + 3, &size, 2);
	close_package(at, package);
}

static inline void put_string(uint8_t **at, const char *text)
{
	put(at, "\x0d", 1);
	put(at, text, strlen(text) + 1);
}

/* Scope (@path), whose bytes are those of a NameString. */
static inline uint8_t *open_scope(uint8_t **at, const char *path)
{
	uint8_t *package;

	put(at, "\x10", 1);
	package = open_package(at);
	put(at, path, strlen(path));
	return package;
}

/* Method (@name, @args) */
static inline uint8_t *open_method(uint8_t **at, const char *name, int args)
{
	uint8_t *package;

	put(at, "\x14", 1);
	package = open_package(at);
	put(at, name, 4);
	put_number(at, args, 1);
	return package;
}

/* IO (Decode16, @port, @port, 1, @n) */
static inline void put_ports(uint8_t **at, uint16_t port, uint8_t n)
{
	put(at, (uint8_t[]){ 0x47, 1, port, port >> 8, port, port >> 8, 1, n }, 8);
}

#endif /* AML_H */
