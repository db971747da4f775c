/* Sysctls and loader variables of a driver, in every way to have them. */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/sysctl.h>

#include "tests/kshim/kern_sysctl.h"

SYSCTL_DECL(_hw_vmm);
SYSCTL_NODE(_hw_vmm, OID_AUTO, my_unit, CTLFLAG_RW | CTLFLAG_MPSAFE, NULL, NULL);

int kern_count = 3;
SYSCTL_INT(_hw_vmm_my_unit, OID_AUTO, count, CTLFLAG_RD, &kern_count, 0, "how many");
int kern_enable;
SYSCTL_INT(_hw_vmm_my_unit, OID_AUTO, enable, CTLFLAG_RDTUN, &kern_enable, 0, NULL);
int kern_limit = 1;
SYSCTL_INT(_hw_vmm_my_unit, OID_AUTO, limit, CTLFLAG_RW, &kern_limit, 0, "a limit");
TUNABLE_INT("hw.vmm.old_limit", &kern_limit);
static uint16_t small = 0xffff;
SYSCTL_U16(_hw_vmm_my_unit, OID_AUTO, small, CTLFLAG_RW, &small, 0, "16 bits");
static char name[16] = "one";
SYSCTL_STRING(_hw_vmm_my_unit, OID_AUTO, name, CTLFLAG_RW, name, sizeof(name), "a name");

static int twice(SYSCTL_HANDLER_ARGS)
{
	int value = *(int *)arg1 * 2;
	int error = sysctl_handle_int(oidp, &value, 0, req);

	(void)arg2;
	if (error != 0 || req->newptr == NULL)
		return error;
	if (value % 2 != 0)
		return EINVAL;
	*(int *)arg1 = value / 2;
	return 0;
}
SYSCTL_PROC(
    _hw_vmm_my_unit, OID_AUTO, twice, CTLTYPE_INT | CTLFLAG_RW, &kern_limit, 0, twice, "I", "doubled");

static uint64_t dynamic = 1234567890123;

void kern_add_sysctl(void *unused)
{
	static struct sysctl_ctx_list context;

	(void)unused;
	sysctl_ctx_init(&context);
	SYSCTL_ADD_ULONG(&context, SYSCTL_STATIC_CHILDREN(_hw_vmm_my_unit), OID_AUTO, "dynamic",
	    CTLFLAG_RD, &dynamic, "made while running");
}

void kern_read_variables(void *context)
{
	unsigned long *out = context;
	char path[32];

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "vtd.regmap.%d.addr", i);
		if (getenv_ulong(path, &out[i]) == 0)
			out[i] = 99;
	}
}
