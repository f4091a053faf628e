/* SPDX-License-Identifier: MIT */
/*
 * Mediated access: the kernel does it, one bus access per element, and a window that was revoked is
 * an exception.
 */
#include "ext.h"

/* @bits: 8, 16, 32 or 64; the library says what is wrong with any other. */
static unsigned long long element(const void *buffer, size_t index, unsigned int bits)
{
	switch (bits) {
	case 8:
		return ((const uint8_t *)buffer)[index];
	case 16:
		return ((const uint16_t *)buffer)[index];
	case 32:
		return ((const uint32_t *)buffer)[index];
	default:
		return ((const uint64_t *)buffer)[index];
	}
}

static PyObject *as_list(const void *buffer, size_t count, unsigned int bits)
{
	PyObject *list = PyList_New((Py_ssize_t)count);

	for (size_t i = 0; list && i < count; i++) {
		PyObject *value = PyLong_FromUnsignedLongLong(element(buffer, i, bits));

		if (!value || PyList_SetItem(list, (Py_ssize_t)i, value))
			Py_CLEAR(list);
	}
	return list;
}

static bool is_width(unsigned int bits)
{
	if (bits == 8 || bits == 16 || bits == 32 || bits == 64)
		return true;
	PyErr_Format(PyExc_ValueError, "width %u: it is 8, 16, 32 or 64 bits", bits);
	return false;
}

/* read(offset, width, count) -> list */
PyObject *access_read(PyObject *object, PyObject *args)
{
	struct lease *self = (struct lease *)object;
	PyObject *done, *result = NULL;
	struct mmiod_lease *lease;
	unsigned long long offset;
	unsigned int bits;
	Py_ssize_t count;
	void *buffer;

	if (!PyArg_ParseTuple(args, "KIn:read", &offset, &bits, &count) || !is_width(bits))
		return NULL;
	if (count < 0 || count > PY_SSIZE_T_MAX / 8)
		return PyErr_Format(PyExc_ValueError, "count %zd", count);
	buffer = PyMem_Calloc(count ? (size_t)count : 1, bits / 8);
	if (!buffer)
		return PyErr_NoMemory();
	lease = lease_enter(self);
	if (lease) {
		done = lease_leave(
			self, mmiod_lease_read(lease, offset, bits / 8, (size_t)count, buffer));
		result = done ? as_list(buffer, (size_t)count, bits) : NULL;
		Py_XDECREF(done);
	}
	PyMem_Free(buffer);
	return result;
}

static int put_element(void *buffer, Py_ssize_t index, unsigned int bits, PyObject *number)
{
	unsigned long long value = number ? PyLong_AsUnsignedLongLong(number) : 0;

	if (PyErr_Occurred())
		return -1;
	if (bits < 64 && value >> bits) {
		PyErr_Format(PyExc_OverflowError, "value %llu does not fit %u bits", value, bits);
		return -1;
	}
	switch (bits) {
	case 8:
		((uint8_t *)buffer)[index] = (uint8_t)value;
		break;
	case 16:
		((uint16_t *)buffer)[index] = (uint16_t)value;
		break;
	case 32:
		((uint32_t *)buffer)[index] = (uint32_t)value;
		break;
	default:
		((uint64_t *)buffer)[index] = value;
	}
	return 0;
}

static void *elements_of(PyObject *values, Py_ssize_t count, unsigned int bits)
{
	void *buffer = PyMem_Calloc(count ? (size_t)count : 1, bits / 8);

	if (!buffer)
		return PyErr_NoMemory();
	for (Py_ssize_t i = 0; i < count; i++) {
		PyObject *number = PySequence_GetItem(values, i);
		int err = put_element(buffer, i, bits, number);

		Py_XDECREF(number);
		if (err) {
			PyMem_Free(buffer);
			return NULL;
		}
	}
	return buffer;
}

/* write(offset, width, sequence) */
PyObject *access_write(PyObject *object, PyObject *args)
{
	struct lease *self = (struct lease *)object;
	struct mmiod_lease *lease;
	unsigned long long offset;
	PyObject *values, *result;
	unsigned int bits;
	Py_ssize_t count;
	void *buffer;

	if (!PyArg_ParseTuple(args, "KIO:write", &offset, &bits, &values) || !is_width(bits))
		return NULL;
	count = PySequence_Size(values);
	buffer = count < 0 ? NULL : elements_of(values, count, bits);
	if (!buffer)
		return NULL;
	lease = lease_enter(self);
	result = lease ? lease_leave(self, mmiod_lease_write(lease, offset, bits / 8, (size_t)count,
							     buffer))
		       : NULL;
	PyMem_Free(buffer);
	return result;
}

PyObject *access_fill(PyObject *object, PyObject *args)
{
	struct lease *self = (struct lease *)object;
	unsigned long long offset;
	struct mmiod_lease *lease;
	unsigned char value;
	Py_ssize_t length;

	if (!PyArg_ParseTuple(args, "Knb:fill", &offset, &length, &value))
		return NULL;
	if (length < 0)
		return PyErr_Format(PyExc_ValueError, "length %zd", length);
	lease = lease_enter(self);
	return lease ? lease_leave(self, mmiod_lease_fill(lease, offset, (size_t)length, value))
		     : NULL;
}

PyObject *access_copy_from(PyObject *object, PyObject *args)
{
	struct lease *self = (struct lease *)object;
	unsigned long long offset;
	struct mmiod_lease *lease;
	PyObject *bytes, *done;
	Py_ssize_t length;

	if (!PyArg_ParseTuple(args, "Kn:copy_from", &offset, &length))
		return NULL;
	if (length < 0)
		return PyErr_Format(PyExc_ValueError, "length %zd", length);
	bytes = PyBytes_FromStringAndSize(NULL, length);
	lease = bytes ? lease_enter(self) : NULL;
	done = lease ? lease_leave(self,
				   mmiod_lease_copy_from(lease, offset, PyBytes_AsString(bytes),
							 (size_t)length))
		     : NULL;
	if (!done)
		Py_CLEAR(bytes);
	Py_XDECREF(done);
	return bytes;
}

PyObject *access_copy_to(PyObject *object, PyObject *args)
{
	struct lease *self = (struct lease *)object;
	unsigned long long offset;
	struct mmiod_lease *lease;
	PyObject *result = NULL;
	Py_buffer data;

	if (!PyArg_ParseTuple(args, "Ky*:copy_to", &offset, &data))
		return NULL;
	lease = lease_enter(self);
	if (lease)
		result = lease_leave(
			self, mmiod_lease_copy_to(lease, offset, data.buf, (size_t)data.len));
	PyBuffer_Release(&data);
	return result;
}
