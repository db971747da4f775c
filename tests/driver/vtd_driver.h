/* A VT-d driver in kernel style: what it offers, and what it needs of its kernel. */
#ifndef TESTS_DRIVER_VTD_DRIVER_H
#define TESTS_DRIVER_VTD_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VTD_PAGE_SIZE 4096u

/* What the kernel gives. Pages are zeroed; NULL when there are none left. */
uint64_t kern_vtophys(const volatile void *address);
void *kern_phystov(uint64_t physical);
void *kern_page_alloc(void);
void kern_page_free(void *page);
void kern_cache_flush(const volatile void *first, size_t length);

struct vtd_fault {
	uint64_t address;
	uint16_t source;
	uint8_t reason;
	bool is_read;
};

/* Functions return 0 or an errno value. */
struct vtd_driver {
	/* Take the unit with these registers; invalidate by its queue, or by its registers. */
	int (*attach)(volatile void *registers, bool queued);
	void (*detach)(void);
	void (*enable)(void);
	void (*reload_root)(void); /* latch the root table once more, as after a resume */
	void (*fault_event)(uint32_t address, uint32_t data);
	int (*domain_create)(unsigned *domain);
	void (*domain_destroy)(unsigned domain);
	int (*map)(unsigned domain, uint64_t guest, uint64_t host, uint64_t length);
	void (*unmap)(unsigned domain, uint64_t guest, uint64_t length);
	void (*invalidate)(unsigned domain);
	void (*add_device)(unsigned domain, uint16_t source);
	void (*remove_device)(uint16_t source);
	bool (*fault_read)(struct vtd_fault *fault);
};

extern const struct vtd_driver vtd_driver;
/* The same driver, which writes SRTP without the bits that are to stay on. */
extern const struct vtd_driver vtd_driver_bare_srtp;
/* The same driver, compiled without hooks. */
extern const struct vtd_driver vtd_driver_trapped;

#endif
