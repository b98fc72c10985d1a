// SPDX-License-Identifier: GPL-2.0-only
/* serial.c - a 16550A (PC16550D data sheet). */
#include <stdlib.h>

#include "vmm/devices.h"

#define FIFO_SIZE	64

enum { RBR_THR, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR };

#define IER_RDI		0x01
#define IER_THRI	0x02
#define IIR_NONE	0x01
#define IIR_THRI	0x02
#define IIR_RDI		0x04
#define IIR_FIFO	0xc0
#define LCR_DLAB	0x80
#define MCR_OUT2	0x08
#define MCR_LOOP	0x10
#define LSR_DR		0x01
#define LSR_THRE	0x20
#define LSR_TEMT	0x40

struct serial {
	uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
	uint8_t fifo[FIFO_SIZE];
	unsigned int head, count;
	bool thre;		/* "transmitter empty" is waiting to be read in IIR */
	bool full;		/* it is not empty, and will be */
	bool line;
	bool starved;		/* there is more input than there was room for */
	struct line *irq;
	struct channel *channel;
};

static uint8_t pending(const struct serial *s)
{
	if ((s->ier & IER_RDI) && s->count)
		return IIR_RDI;
	if ((s->ier & IER_THRI) && s->thre)
		return IIR_THRI;
	return IIR_NONE;
}

static void update(struct serial *s)
{
	bool line = pending(s) != IIR_NONE && (s->mcr & MCR_OUT2);

	if (line == s->line)
		return;
	s->line = line;
	line_set(s->irq, line);
}

static void receive(struct serial *s, uint8_t c)
{
	s->fifo[(s->head + s->count) % FIFO_SIZE] = c;
	s->count++;
}

static size_t room(void *device)
{
	struct serial *s = device;
	size_t n = FIFO_SIZE - s->count;

	s->starved = !n;
	return n;
}

static void input(void *device, const uint8_t *data, size_t n)
{
	struct serial *s = device;

	while (n-- && s->count < FIFO_SIZE)
		receive(s, *data++);
	update(s);
}

/* The transmitter is empty when what is written to it goes out. */
static void empty(struct serial *s)
{
	s->thre = !s->channel->full();
	s->full = !s->thre;
}

static void writable(void *device)
{
	struct serial *s = device;

	if (!s->full)
		return;
	empty(s);
	update(s);
}

static uint64_t serial_read(void *device, uint64_t reg, int len)
{
	struct serial *s = device;
	uint8_t value = 0;

	if (len != 1)
		return ~0ULL;
	switch (reg) {
	case RBR_THR:
		if (s->lcr & LCR_DLAB)
			return s->dll;
		if (!s->count)
			return 0;
		value = s->fifo[s->head];
		s->head = (s->head + 1) % FIFO_SIZE;
		s->count--;
		update(s);
		if (s->starved && !s->count)
			s->channel->drained();
		return value;
	case IER:
		return s->lcr & LCR_DLAB ? s->dlm : s->ier;
	case IIR_FCR:
		value = pending(s);
		if (value == IIR_THRI) {
			s->thre = false;
			update(s);
		}
		return value | (s->fcr & 1 ? IIR_FIFO : 0);
	case LCR:
		return s->lcr;
	case MCR:
		return s->mcr;
	case LSR:
		return (s->channel->full() ? 0 : LSR_THRE | LSR_TEMT) | (s->count ? LSR_DR : 0);
	case MSR:
		/* In loop-back the modem outputs come back as inputs; else all is well. */
		if (s->mcr & MCR_LOOP)
			return (s->mcr & 1) << 5 | (s->mcr & 2) << 3 | (s->mcr & 4) << 4 | (s->mcr & 8) << 4;
		return 0xb0;
	case SCR:
		return s->scr;
	}
	return 0xff;
}

static void serial_write(void *device, uint64_t reg, int len, uint64_t wide)
{
	struct serial *s = device;
	uint8_t value = wide;

	if (len != 1)
		return;
	switch (reg) {
	case RBR_THR:
		if (s->lcr & LCR_DLAB) {
			s->dll = value;
			return;
		}
		if (s->mcr & MCR_LOOP) {
			if (s->count < FIFO_SIZE)
				receive(s, value);
		} else {
			s->channel->output(value);
		}
		empty(s);
		break;
	case IER:
		if (s->lcr & LCR_DLAB) {
			s->dlm = value;
			return;
		}
		/* Enabling it says at once that the transmitter is empty. */
		if ((value & IER_THRI) && !(s->ier & IER_THRI))
			empty(s);
		s->ier = value & 0x0f;
		break;
	case IIR_FCR:
		s->fcr = value;
		if (value & 2)
			s->count = 0;
		break;
	case LCR:
		s->lcr = value;
		break;
	case MCR:
		s->mcr = value & 0x1f;
		break;
	case SCR:
		s->scr = value;
		break;
	}
	update(s);
}

static const struct device_ops ops = { .read = serial_read, .write = serial_write };

/**
 * serial_create - a serial port
 * @b: the bus
 * @port: the first of its eight ports
 * @irq: its interrupt
 * @channel: who is at the other end of the cable
 */
void serial_create(struct bus *b, uint16_t port, struct line *irq, struct channel *channel)
{
	struct serial *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->dll = 1;
	s->irq = irq;
	s->channel = channel;
	channel->device = s;
	channel->room = room;
	channel->input = input;
	channel->writable = writable;
	bus_claim(b, BUS_PORTS, port, 8, &ops, s);
}
