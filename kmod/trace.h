/* SPDX-License-Identifier: GPL-2.0-only */
/* trace.h - tracepoints: entry, exit, page fault, injection, port and memory-mapped I/O. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vh

#if !defined(VH_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VH_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(vh_entry,
	TP_PROTO(unsigned int vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(__field(unsigned int, vcpu)),
	TP_fast_assign(__entry->vcpu = vcpu;),
	TP_printk("vcpu %u", __entry->vcpu)
);

TRACE_EVENT(vh_exit,
	TP_PROTO(unsigned int vcpu, u32 reason),
	TP_ARGS(vcpu, reason),
	TP_STRUCT__entry(__field(unsigned int, vcpu) __field(u32, reason)),
	TP_fast_assign(__entry->vcpu = vcpu; __entry->reason = reason;),
	TP_printk("vcpu %u reason %u%s", __entry->vcpu, __entry->reason & 0xffff,
		  __entry->reason >> 31 ? " entry failed" : "")
);

TRACE_EVENT(vh_fault,
	TP_PROTO(unsigned int vcpu, u64 gpa, u32 access),
	TP_ARGS(vcpu, gpa, access),
	TP_STRUCT__entry(__field(unsigned int, vcpu) __field(u64, gpa) __field(u32, access)),
	TP_fast_assign(__entry->vcpu = vcpu; __entry->gpa = gpa; __entry->access = access;),
	TP_printk("vcpu %u gpa %#llx %s%s%s", __entry->vcpu, __entry->gpa,
		  __entry->access & 1 ? "r" : "", __entry->access & 2 ? "w" : "",
		  __entry->access & 4 ? "x" : "")
);

TRACE_EVENT(vh_inject,
	TP_PROTO(unsigned int vcpu, u32 info, u32 error),
	TP_ARGS(vcpu, info, error),
	TP_STRUCT__entry(__field(unsigned int, vcpu) __field(u32, info) __field(u32, error)),
	TP_fast_assign(__entry->vcpu = vcpu; __entry->info = info; __entry->error = error;),
	TP_printk("vcpu %u vector %u type %u error %#x", __entry->vcpu, __entry->info & 0xff,
		  (__entry->info >> 8) & 7, __entry->error)
);

TRACE_EVENT(vh_pio,
	TP_PROTO(unsigned int vcpu, bool write, u16 port, unsigned int len, unsigned int count),
	TP_ARGS(vcpu, write, port, len, count),
	TP_STRUCT__entry(__field(unsigned int, vcpu) __field(bool, write) __field(u16, port)
			 __field(unsigned int, len) __field(unsigned int, count)),
	TP_fast_assign(__entry->vcpu = vcpu; __entry->write = write; __entry->port = port;
		       __entry->len = len; __entry->count = count;),
	TP_printk("vcpu %u %s port %#x len %u count %u", __entry->vcpu,
		  __entry->write ? "out" : "in", __entry->port, __entry->len, __entry->count)
);

TRACE_EVENT(vh_mmio,
	TP_PROTO(unsigned int vcpu, bool write, u64 gpa, unsigned int len),
	TP_ARGS(vcpu, write, gpa, len),
	TP_STRUCT__entry(__field(unsigned int, vcpu) __field(bool, write) __field(u64, gpa)
			 __field(unsigned int, len)),
	TP_fast_assign(__entry->vcpu = vcpu; __entry->write = write; __entry->gpa = gpa;
		       __entry->len = len;),
	TP_printk("vcpu %u %s gpa %#llx len %u", __entry->vcpu,
		  __entry->write ? "write" : "read", __entry->gpa, __entry->len)
);

#endif /* VH_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
