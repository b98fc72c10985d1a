// SPDX-License-Identifier: GPL-2.0-only
/* serial.c - a 16550A at 0x3f8, IRQ 4 (PC16550D data sheet). */
#include "vmm/vmm.h"

#define SERIAL_IRQ	4
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

/* v->lock */
static struct {
	uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
	uint8_t fifo[FIFO_SIZE];
	unsigned int head, count;
	bool thre;		/* "transmitter empty" is waiting to be read in IIR */
	bool line;
	bool starved;		/* the console has more than there was room for */
} s;

void serial_init(struct vmm *v)
{
	(void)v;
	s.dll = 1;
}

static uint8_t pending(void)
{
	if ((s.ier & IER_RDI) && s.count)
		return IIR_RDI;
	if ((s.ier & IER_THRI) && s.thre)
		return IIR_THRI;
	return IIR_NONE;
}

static void update(struct vmm *v)
{
	bool line = pending() != IIR_NONE && (s.mcr & MCR_OUT2);

	if (line == s.line)
		return;
	s.line = line;
	vmm_irq(v, SERIAL_IRQ, line);
}

static void receive(uint8_t c)
{
	s.fifo[(s.head + s.count) % FIFO_SIZE] = c;
	s.count++;
}

size_t serial_room(void)
{
	size_t room = FIFO_SIZE - s.count;

	s.starved = !room;
	return room;
}

void serial_input(struct vmm *v, const uint8_t *data, size_t n)
{
	while (n-- && s.count < FIFO_SIZE)
		receive(*data++);
	update(v);
}

uint8_t serial_read(struct vmm *v, int reg)
{
	uint8_t value = 0;

	switch (reg) {
	case RBR_THR:
		if (s.lcr & LCR_DLAB)
			return s.dll;
		if (!s.count)
			return 0;
		value = s.fifo[s.head];
		s.head = (s.head + 1) % FIFO_SIZE;
		s.count--;
		update(v);
		if (s.starved && !s.count)
			console_wake();
		return value;
	case IER:
		return s.lcr & LCR_DLAB ? s.dlm : s.ier;
	case IIR_FCR:
		value = pending();
		if (value == IIR_THRI) {
			s.thre = false;
			update(v);
		}
		return value | (s.fcr & 1 ? IIR_FIFO : 0);
	case LCR:
		return s.lcr;
	case MCR:
		return s.mcr;
	case LSR:
		return LSR_THRE | LSR_TEMT | (s.count ? LSR_DR : 0);
	case MSR:
		/* In loop-back the modem outputs come back as inputs; else all is well. */
		if (s.mcr & MCR_LOOP)
			return (s.mcr & 1) << 5 | (s.mcr & 2) << 3 | (s.mcr & 4) << 4 | (s.mcr & 8) << 4;
		return 0xb0;
	case SCR:
		return s.scr;
	}
	return 0xff;
}

void serial_write(struct vmm *v, int reg, uint8_t value)
{
	switch (reg) {
	case RBR_THR:
		if (s.lcr & LCR_DLAB) {
			s.dll = value;
			return;
		}
		if (s.mcr & MCR_LOOP) {
			if (s.count < FIFO_SIZE)
				receive(value);
		} else {
			console_put(value);
		}
		s.thre = true;
		break;
	case IER:
		if (s.lcr & LCR_DLAB) {
			s.dlm = value;
			return;
		}
		/* Enabling it says at once that the transmitter is empty. */
		if ((value & IER_THRI) && !(s.ier & IER_THRI))
			s.thre = true;
		s.ier = value & 0x0f;
		break;
	case IIR_FCR:
		s.fcr = value;
		if (value & 2)
			s.count = 0;
		break;
	case LCR:
		s.lcr = value;
		break;
	case MCR:
		s.mcr = value & 0x1f;
		break;
	case SCR:
		s.scr = value;
		break;
	}
	update(v);
}
