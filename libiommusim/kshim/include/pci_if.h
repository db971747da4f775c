/* The interface of PCI buses, under the name of the file that a kernel build generates. */
#include <dev/pci/pcivar.h>
