/* Types of the virtual memory system. */
#ifndef IOMMUSIM_KSHIM_VM_VM_H
#define IOMMUSIM_KSHIM_VM_VM_H

#include <sys/param.h>

#define VM_PROT_NONE    ((vm_prot_t)0x00)
#define VM_PROT_READ    ((vm_prot_t)0x01)
#define VM_PROT_WRITE   ((vm_prot_t)0x02)
#define VM_PROT_EXECUTE ((vm_prot_t)0x04)
#define VM_PROT_RW      (VM_PROT_READ | VM_PROT_WRITE)
#define VM_PROT_ALL     (VM_PROT_READ | VM_PROT_WRITE | VM_PROT_EXECUTE)

struct vm_page;
typedef struct vm_page *vm_page_t;
struct vm_object;
typedef struct vm_object *vm_object_t;
struct vm_map;
typedef struct vm_map *vm_map_t;
struct vmspace;

#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif

#endif
