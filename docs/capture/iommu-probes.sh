#!/bin/sh
# Captures Linux's iommu:* events together with probes on the driver's functions, which alone know the domain.
#
#     iommu-probes.sh start          as root, as early as possible; or iommu-probes.sh boot, see there
#     iommu-probes.sh save FILE.gz   what was recorded until now
#     iommu-probes.sh stop           and take the probes away
#
# Registers are those of the x86-64 calling convention, functions those of Linux 5.16 and later; one that a kernel
# does not have is left out, and said so. The names of the probes are free: the importer goes by the function.
set -u
tracing=/sys/kernel/tracing
[ -d $tracing/events ] || tracing=/sys/kernel/debug/tracing

probes() {
	sed 's/^[ \t]*//' <<-END
		p:k_attach intel_iommu_attach_device dom=%di:x64
		p:k_map intel_iommu_map_pages dom=%di:x64 iova=%si:x64 pa=%dx:x64 pgsz=%cx:x64 cnt=%r8:x64 prot=%r9:x32
		p:k_unmap intel_iommu_unmap_pages dom=%di:x64 iova=%si:x64 pgsz=%dx:x64 cnt=%cx:x64
		p:k_free intel_iommu_domain_free dom=%di:x64
		p:a_attach amd_iommu_attach_device dom=%di:x64
		p:a_map amd_iommu_map_pages dom=%di:x64 iova=%si:x64 pa=%dx:x64 pgsz=%cx:x64 cnt=%r8:x64 prot=%r9:x32
		p:a_unmap amd_iommu_unmap_pages dom=%di:x64 iova=%si:x64 pgsz=%dx:x64 cnt=%cx:x64
		p:a_free amd_iommu_domain_free dom=%di:x64
	END
}

case ${1:-} in
start)
	probes | while read -r probe; do
		echo "$probe" >>$tracing/kprobe_events 2>/dev/null || echo "not in this kernel: $probe" >&2
	done
	[ -d $tracing/events/kprobes ] || echo "no probes: mappings will name no domain" >&2
	echo 65536 >$tracing/buffer_size_kb
	echo >$tracing/trace
	for events in iommu kprobes intel_iommu; do
		[ -d $tracing/events/$events ] && echo 1 >$tracing/events/$events/enable
	done
	echo 1 >$tracing/tracing_on
	;;
save)
	gzip -c $tracing/trace >"${2:?FILE.gz is missing}"
	;;
stop)
	echo 0 >$tracing/tracing_on
	for events in iommu kprobes intel_iommu; do
		[ -d $tracing/events/$events ] && echo 0 >$tracing/events/$events/enable
	done
	probes | while read -r probe; do
		probe=${probe%% *}
		echo "-:${probe#p:}" >>$tracing/kprobe_events 2>/dev/null
	done
	;;
boot)
	# Devices are attached while the kernel starts; what must stand on its command line to see that too.
	echo "trace_event=iommu:*,intel_iommu:* trace_buf_size=64M kprobe_event=$(probes | grep -E "${2:-}" |
		sed 's/ /,/g' | tr '\n' ';')"
	;;
*)
	sed -n '2,9s/^# \{0,1\}//p' "$0"
	exit 2
	;;
esac
