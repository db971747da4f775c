#!/usr/sbin/dtrace -Zs
/*
 * What bhyve's vmm asks of its IOMMU driver, as the trace language of iommusim. Run it as root on the host,
 * best before the first VM with a passthrough device starts:
 *
 *     ./vmm-iommu.d > capture.txt 2>&1
 *     iommusim import dtrace capture.txt -o capture.iommu
 *
 * A call prints two lines. "# >" when it is entered: time stamp, processor, thread, call; a call that never
 * comes back has only this one, and so has one that leaves through a jump to another function. And when it
 * returns a statement, behind which stand "# <", the time stamps of entry and return, processor and thread, and
 * what was returned. "#" begins a comment, so that what is printed is made of statements of the trace language;
 * iommusim import brings them into the order of time and completes them.
 *
 * It needs the fbt provider alone (kldload dtraceall) and no type information of vmm. Functions that a release
 * does not have, or that the compiler made part of others, are left out (-Z). In FreeBSD before April 2025 the
 * requester id is the second argument of iommu_add_device() and nothing is returned; since then it is the third,
 * behind a device_t, which is a pointer of the kernel and so negative.
 */
#pragma D option quiet
#pragma D option bufsize=16m
#pragma D option switchrate=20hz
#pragma D option dynvarsize=16m

int64_t host_domain;

dtrace:::BEGIN
{
	printf("#!iommusim 1\n");
	printf("# vmm-iommu.d begins at %d, %Y\n", timestamp, walltimestamp);
}

/* ---- which IOMMU, and which domain is the host's --------------------------------------------------------- */

fbt::vtd_create_domain:entry
{
	printf("# = %d %d %d iommu vtd\n", timestamp, cpu, tid);
}

fbt::amdvi_create_domain:entry
{
	printf("# = %d %d %d iommu amdvi\n", timestamp, cpu, tid);
}

/* Said once more, for iommu_create_domain() may leave through a jump here, which has no return probe. */
fbt::vtd_create_domain:return,
fbt::amdvi_create_domain:return
{
	printf("# = %d %d %d made dom_%x\n", timestamp, cpu, tid, arg1);
}

fbt::iommu_host_domain:return
/arg1 != 0 && arg1 != host_domain/
{
	host_domain = arg1;
	printf("# = %d %d %d host dom_%x\n", timestamp, cpu, tid, arg1);
}

/* ---- domains --------------------------------------------------------------------------------------------- */

fbt::iommu_create_domain:entry
{
	self->create = timestamp;
	self->create_end = arg0;
	printf("# > %d %d %d iommu_create_domain(0x%x)\n", timestamp, cpu, tid, arg0);
}

fbt::iommu_create_domain:return
/self->create/
{
	printf("iommu_create_domain(0x%x) = dom_%x # < %d %d %d %d\n", self->create_end, arg1, self->create,
	    timestamp, cpu, tid);
	self->create = 0;
	self->create_end = 0;
}

fbt::iommu_destroy_domain:entry
{
	self->destroy = timestamp;
	self->destroy_domain = arg0;
	printf("# > %d %d %d iommu_destroy_domain(dom_%x)\n", timestamp, cpu, tid, arg0);
}

fbt::iommu_destroy_domain:return
/self->destroy/
{
	printf("iommu_destroy_domain(dom_%x) # < %d %d %d %d\n", self->destroy_domain, self->destroy, timestamp,
	    cpu, tid);
	self->destroy = 0;
	self->destroy_domain = 0;
}

/* ---- mappings -------------------------------------------------------------------------------------------- */

fbt::iommu_create_mapping:entry
{
	self->map = timestamp;
	self->map_domain = arg0;
	self->map_gpa = arg1;
	self->map_hpa = arg2;
	self->map_len = arg3;
	printf("# > %d %d %d iommu_create_mapping(dom_%x, 0x%x, 0x%x, 0x%x)\n", timestamp, cpu, tid, arg0, arg1,
	    arg2, arg3);
}

fbt::iommu_create_mapping:return
/self->map/
{
	printf("iommu_create_mapping(dom_%x, 0x%x, 0x%x, 0x%x) # < %d %d %d %d ret %d\n", self->map_domain,
	    self->map_gpa, self->map_hpa, self->map_len, self->map, timestamp, cpu, tid, (int)arg1);
	self->map = 0;
	self->map_domain = 0;
	self->map_gpa = 0;
	self->map_hpa = 0;
	self->map_len = 0;
}

fbt::iommu_remove_mapping:entry
{
	self->unmap = timestamp;
	self->unmap_domain = arg0;
	self->unmap_gpa = arg1;
	self->unmap_len = arg2;
	printf("# > %d %d %d iommu_remove_mapping(dom_%x, 0x%x, 0x%x)\n", timestamp, cpu, tid, arg0, arg1, arg2);
}

fbt::iommu_remove_mapping:return
/self->unmap/
{
	printf("iommu_remove_mapping(dom_%x, 0x%x, 0x%x) # < %d %d %d %d ret %d\n", self->unmap_domain,
	    self->unmap_gpa, self->unmap_len, self->unmap, timestamp, cpu, tid, (int)arg1);
	self->unmap = 0;
	self->unmap_domain = 0;
	self->unmap_gpa = 0;
	self->unmap_len = 0;
}

fbt::iommu_invalidate_tlb:entry
{
	self->flush = timestamp;
	self->flush_domain = arg0;
	printf("# > %d %d %d iommu_invalidate_tlb(dom_%x)\n", timestamp, cpu, tid, arg0);
}

fbt::iommu_invalidate_tlb:return
/self->flush/
{
	printf("iommu_invalidate_tlb(dom_%x) # < %d %d %d %d ret %d\n", self->flush_domain, self->flush,
	    timestamp, cpu, tid, (int)arg1);
	self->flush = 0;
	self->flush_domain = 0;
}

/* ---- devices --------------------------------------------------------------------------------------------- */

fbt::iommu_add_device:entry
{
	self->add = timestamp;
	self->add_domain = arg0;
	self->add_args = arg1 < 0 ? 3 : 2;
	self->add_rid = arg1 < 0 ? arg2 & 0xffff : arg1 & 0xffff;
	printf("# > %d %d %d iommu_add_device(dom_%x, 0x%x)\n", timestamp, cpu, tid, arg0, self->add_rid);
}

fbt::iommu_add_device:return
/self->add/
{
	printf("iommu_add_device(dom_%x, 0x%x) # < %d %d %d %d ret %d args %d\n", self->add_domain,
	    self->add_rid, self->add, timestamp, cpu, tid, (int)arg1, self->add_args);
	self->add = 0;
	self->add_domain = 0;
	self->add_rid = 0;
	self->add_args = 0;
}

fbt::iommu_remove_device:entry
{
	self->drop = timestamp;
	self->drop_domain = arg0;
	self->drop_args = arg1 < 0 ? 3 : 2;
	self->drop_rid = arg1 < 0 ? arg2 & 0xffff : arg1 & 0xffff;
	printf("# > %d %d %d iommu_remove_device(dom_%x, 0x%x)\n", timestamp, cpu, tid, arg0, self->drop_rid);
}

fbt::iommu_remove_device:return
/self->drop/
{
	printf("iommu_remove_device(dom_%x, 0x%x) # < %d %d %d %d ret %d args %d\n", self->drop_domain,
	    self->drop_rid, self->drop, timestamp, cpu, tid, (int)arg1, self->drop_args);
	self->drop = 0;
	self->drop_domain = 0;
	self->drop_rid = 0;
	self->drop_args = 0;
}

/* ---- who asked: comments, for the calls above are what it did -------------------------------------------- */

fbt::vm_assign_pptdev:entry,
fbt::vm_unassign_pptdev:entry
{
	self->assign = timestamp;
	self->assign_vm = arg0;
	self->assign_bus = arg1;
	self->assign_slot = arg2;
	self->assign_func = arg3;
	printf("# > %d %d %d %s(vm_%x, %d/%d/%d)\n", timestamp, cpu, tid, probefunc, arg0, (int)arg1, (int)arg2,
	    (int)arg3);
}

fbt::vm_assign_pptdev:return,
fbt::vm_unassign_pptdev:return
/self->assign/
{
	printf("# < %d %d %d %d %s(vm_%x, %d/%d/%d) ret %d\n", self->assign, timestamp, cpu, tid, probefunc,
	    self->assign_vm, (int)self->assign_bus, (int)self->assign_slot, (int)self->assign_func, (int)arg1);
	self->assign = 0;
	self->assign_vm = 0;
	self->assign_bus = 0;
	self->assign_slot = 0;
	self->assign_func = 0;
}

fbt::ppt_assign_device:entry,
fbt::ppt_unassign_device:entry
{
	self->ppt = timestamp;
	self->ppt_vm = arg0;
	self->ppt_bus = arg1;
	self->ppt_slot = arg2;
	self->ppt_func = arg3;
	printf("# > %d %d %d %s(vm_%x, %d/%d/%d)\n", timestamp, cpu, tid, probefunc, arg0, (int)arg1, (int)arg2,
	    (int)arg3);
}

fbt::ppt_assign_device:return,
fbt::ppt_unassign_device:return
/self->ppt/
{
	printf("# < %d %d %d %d %s(vm_%x, %d/%d/%d) ret %d\n", self->ppt, timestamp, cpu, tid, probefunc,
	    self->ppt_vm, (int)self->ppt_bus, (int)self->ppt_slot, (int)self->ppt_func, (int)arg1);
	self->ppt = 0;
	self->ppt_vm = 0;
	self->ppt_bus = 0;
	self->ppt_slot = 0;
	self->ppt_func = 0;
}

fbt::ppt_unassign_all:entry
{
	self->all = timestamp;
	self->all_vm = arg0;
	printf("# > %d %d %d ppt_unassign_all(vm_%x)\n", timestamp, cpu, tid, arg0);
}

fbt::ppt_unassign_all:return
/self->all/
{
	printf("# < %d %d %d %d ppt_unassign_all(vm_%x) ret %d\n", self->all, timestamp, cpu, tid, self->all_vm,
	    (int)arg1);
	self->all = 0;
	self->all_vm = 0;
}

/* Guest physical address and length of a BAR; its host address is a seventh argument, which is on the stack. */
fbt::ppt_map_mmio:entry
{
	printf("# > %d %d %d ppt_map_mmio(vm_%x, %d/%d/%d, 0x%x, 0x%x)\n", timestamp, cpu, tid, arg0, (int)arg1,
	    (int)arg2, (int)arg3, arg4, arg5);
}

fbt::iommu_cleanup:entry
{
	printf("# > %d %d %d iommu_cleanup()\n", timestamp, cpu, tid);
}
