/* The interface of PCI bridges, under the name of the file that a kernel build generates. */
#include <dev/pci/pcib_if.h>
