/* SPDX-License-Identifier: MIT */
/*
 * Numbers of Python's, which have no end, as those of C.
 */
#include "ext.h"

int number_read(PyObject *number, unsigned int bits, unsigned int *value)
{
	unsigned long wide = PyLong_AsUnsignedLong(number);

	if (PyErr_Occurred())
		return -1;
	if ((unsigned long long)wide >> bits) {
		PyErr_Format(PyExc_OverflowError, "value %lu does not fit %u bits", wide, bits);
		return -1;
	}
	*value = (unsigned int)wide;
	return 0;
}
