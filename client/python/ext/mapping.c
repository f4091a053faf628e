/* SPDX-License-Identifier: MIT */
/*
 * Mapping: a mapped window. Each access is one load or store of its width. Guarded, a window that is
 * revoked raises Gone; unguarded, and through the buffer, it is SIGBUS unless the lease asked for a
 * dummy page.
 */
#include "ext.h"

#include <errno.h>
#include <time.h>

#define SPINS 1000 /* of a wait, before it sleeps between looks */
#define LOOK_NS 20000 /* how long it sleeps then */
#define SIGNALS_NS 50000000 /* how long it may be deaf to signals */

struct mapping {
	PyObject ob_base;
	struct mmiod_mapping *mapping; /* NULL: closed */
	volatile char *address;
	size_t length;
	unsigned int width; /* declared, in bytes; 0: any */
	bool writable;
	bool guard;
	Py_ssize_t exports; /* buffers that somebody has */
};

static PyTypeObject *mapping_type;

/* Mapping(lease, offset, length, flags, guard) */
static PyObject *mapping_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
	unsigned long long offset, length;
	struct mmiod_lease *from;
	unsigned int flags;
	struct mapping *self;
	struct lease *lease;
	PyObject *done;
	int guard;

	if (!PyArg_ParseTuple(args, "O!KKIp:Mapping", lease_type, &lease, &offset, &length, &flags,
			      &guard))
		return NULL;
	self = (struct mapping *)allocate(type, 0);
	from = self ? lease_enter(lease) : NULL;
	if (!from) {
		Py_XDECREF((PyObject *)self);
		return NULL;
	}
	self->guard = guard;
	self->width = mmiod_lease_width(from);
	self->writable = mmiod_lease_rights(from) & MMIOD_RIGHT_WRITE;
	if (!length && offset < mmiod_lease_length(from))
		length = mmiod_lease_length(from) - offset;
	done = lease_leave(
		lease, mmiod_lease_map_range(from, offset, (size_t)length, flags, &self->mapping));
	if (!done) {
		Py_DECREF((PyObject *)self);
		return NULL;
	}
	Py_DECREF(done);
	self->address = mmiod_mapping_address(self->mapping);
	self->length = mmiod_mapping_length(self->mapping);
	return (PyObject *)self;
}

static void unmap(struct mapping *self)
{
	mmiod_mapping_free(self->mapping);
	self->mapping = NULL;
	self->address = NULL;
	self->length = 0;
}

static void mapping_dealloc(PyObject *object)
{
	PyTypeObject *type = Py_TYPE(object);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	unmap((struct mapping *)object);
	release(object);
	Py_DECREF(type);
}

static PyObject *mapping_close(PyObject *object, PyObject *none)
{
	struct mapping *self = (struct mapping *)object;

	if (self->exports)
		return PyErr_Format(PyExc_BufferError,
				    "%zd buffers of the mapping are still in use", self->exports);
	unmap(self);
	return Py_NewRef(Py_None);
}

/* ---- checks ---- */

static int raise_gone(int err)
{
	error_raise(err, err == -ENODEV ? "the window was revoked, its device is gone, or it is "
					  "suspended"
					: "");
	return -1;
}

/* A negative or a huge number is outside as any other. */
static int read_offset(PyObject *number, unsigned long long *offset)
{
	*offset = PyLong_AsUnsignedLongLong(number);
	if (!PyErr_Occurred())
		return 0;
	if (PyErr_ExceptionMatches(PyExc_OverflowError))
		PyErr_Format(PyExc_IndexError, "offset %R is outside of the mapping", number);
	return -1;
}

/* Where the register is; NULL, with an exception: it is none. */
static volatile void *place(const struct mapping *self, PyObject *number, unsigned int width)
{
	unsigned long long offset;

	if (read_offset(number, &offset))
		return NULL;
	if (!self->mapping) {
		PyErr_SetString(PyExc_ValueError, "the mapping is closed");
		return NULL;
	}
	if (offset > self->length || width > self->length - offset)
		return PyErr_Format(PyExc_IndexError,
				    "offset %llu: the mapping has %zu bytes, and an access %u",
				    offset, self->length, width);
	if (offset % width)
		return PyErr_Format(PyExc_ValueError, "offset %llu is not a multiple of %u bytes",
				    offset, width);
	if (self->width && self->width != width)
		return PyErr_Format(PyExc_ValueError,
				    "an access of %u bits: the registers here are %u bits wide",
				    width * 8, self->width * 8);
	return self->address + offset;
}

static int read_value(PyObject *number, unsigned int width, uint64_t *value)
{
	*value = PyLong_AsUnsignedLongLong(number);
	if (PyErr_Occurred())
		return -1;
	if (width == 8 || *value >> (width * 8) == 0)
		return 0;
	PyErr_Format(PyExc_OverflowError, "value %R does not fit %u bits", number, width * 8);
	return -1;
}

static int check_writable(const struct mapping *self)
{
	if (self->writable)
		return 0;
	PyErr_SetString(PyExc_TypeError, "the mapping is read-only");
	return -1;
}

/* ---- one access ---- */

struct access {
	volatile void *at;
	unsigned int width;
	uint64_t value;
	uint64_t mask;
	uint64_t deadline_ns; /* of a wait */
};

static uint64_t load(const volatile void *at, unsigned int width)
{
	switch (width) {
	case 1:
		return mmiod_read8(at);
	case 2:
		return mmiod_read16(at);
	case 4:
		return mmiod_read32(at);
	default:
		return mmiod_read64(at);
	}
}

static void store(volatile void *at, unsigned int width, uint64_t value)
{
	switch (width) {
	case 1:
		mmiod_write8(at, (uint8_t)value);
		break;
	case 2:
		mmiod_write16(at, (uint16_t)value);
		break;
	case 4:
		mmiod_write32(at, (uint32_t)value);
		break;
	default:
		mmiod_write64(at, value);
	}
}

static int do_load(void *argument)
{
	struct access *access = argument;

	access->value = load(access->at, access->width);
	return 0;
}

static int do_store(void *argument)
{
	const struct access *access = argument;

	store(access->at, access->width, access->value);
	return 0;
}

static int do_update(void *argument)
{
	const struct access *access = argument;
	uint64_t old = load(access->at, access->width);

	store(access->at, access->width, (old & ~access->mask) | (access->value & access->mask));
	return 0;
}

static int perform(const struct mapping *self, int (*body)(void *argument), struct access *access)
{
	int err = self->guard ? mmiod_guard(body, access) : body(access);

	return err ? raise_gone(err) : 0;
}

static PyObject *read_width(PyObject *object, PyObject *offset, unsigned int width)
{
	struct mapping *self = (struct mapping *)object;
	struct access access = { .at = place(self, offset, width), .width = width };

	if (!access.at || perform(self, do_load, &access))
		return NULL;
	return PyLong_FromUnsignedLongLong(access.value);
}

static PyObject *write_width(PyObject *object, PyObject *const *args, Py_ssize_t count,
			     unsigned int width)
{
	struct mapping *self = (struct mapping *)object;
	struct access access = { .width = width };

	if (count != 2)
		return PyErr_Format(PyExc_TypeError,
				    "offset and value are wanted, not %zd arguments", count);
	access.at = place(self, args[0], width);
	if (!access.at || read_value(args[1], width, &access.value) || check_writable(self) ||
	    perform(self, do_store, &access))
		return NULL;
	return Py_NewRef(Py_None);
}

static PyObject *update_width(PyObject *object, PyObject *args, PyObject *kwargs,
			      unsigned int width)
{
	static char *names[] = { "offset", "mask", "value", NULL };
	struct mapping *self = (struct mapping *)object;
	struct access access = { .width = width };
	PyObject *offset, *mask, *value;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO:update", names, &offset, &mask, &value))
		return NULL;
	access.at = place(self, offset, width);
	if (!access.at || read_value(mask, width, &access.mask) ||
	    read_value(value, width, &access.value) || check_writable(self))
		return NULL;
	if (access.value & ~access.mask)
		return PyErr_Format(PyExc_ValueError, "value %R has bits outside of mask %R", value,
				    mask);
	if (perform(self, do_update, &access))
		return NULL;
	return Py_NewRef(Py_None);
}

/* ---- waiting ---- */

/* Returns 1 once the bits are as wanted; 0 when it is time to look elsewhere. */
static int do_wait(void *argument)
{
	static const struct timespec look = { .tv_nsec = LOOK_NS };
	struct access *access = argument;
	uint64_t wanted = access->value, until = deadline_now() + SIGNALS_NS;

	if (access->deadline_ns < until)
		until = access->deadline_ns;
	for (unsigned int i = 0;; i++) {
		uint64_t found = load(access->at, access->width);

		if ((found & access->mask) == wanted) {
			access->value = found;
			return 1;
		}
		if (deadline_now() >= until)
			return 0;
		if (i >= SPINS)
			nanosleep(&look, NULL);
	}
}

/* The mapping counts as exported meanwhile: another thread must not close it. */
static int wait_for(struct mapping *self, struct access *access)
{
	int done;

	self->exports++;
	do {
		Py_BEGIN_ALLOW_THREADS done =
			self->guard ? mmiod_guard(do_wait, access) : do_wait(access);
		Py_END_ALLOW_THREADS
	} while (!done && !PyErr_CheckSignals() && deadline_now() < access->deadline_ns);
	self->exports--;
	if (PyErr_Occurred())
		return -1;
	if (done < 0)
		return raise_gone(done);
	if (!done)
		error_raise(-ETIMEDOUT, "the register did not become as it was waited for");
	return done ? 0 : -1;
}

static PyObject *wait_width(PyObject *object, PyObject *args, PyObject *kwargs, unsigned int width)
{
	static char *names[] = { "offset", "mask", "value", "timeout", NULL };
	PyObject *offset, *mask, *value, *timeout = NULL;
	struct mapping *self = (struct mapping *)object;
	struct access access = { .width = width };

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO|O:wait", names, &offset, &mask, &value,
					 &timeout))
		return NULL;
	access.at = place(self, offset, width);
	if (!access.at || read_value(mask, width, &access.mask) ||
	    read_value(value, width, &access.value) || deadline_read(timeout, &access.deadline_ns))
		return NULL;
	if (access.value & ~access.mask)
		return PyErr_Format(PyExc_ValueError, "value %R has bits outside of mask %R", value,
				    mask);
	return wait_for(self, &access) ? NULL : PyLong_FromUnsignedLongLong(access.value);
}

#define WIDTH(bits)                                                                             \
	static PyObject *mapping_read##bits(PyObject *self, PyObject *offset)                   \
	{                                                                                       \
		return read_width(self, offset, (bits) / 8);                                    \
	}                                                                                       \
	static PyObject *mapping_write##bits(PyObject *self, PyObject *const *args,             \
					     Py_ssize_t count)                                  \
	{                                                                                       \
		return write_width(self, args, count, (bits) / 8);                              \
	}                                                                                       \
	static PyObject *mapping_update##bits(PyObject *self, PyObject *args, PyObject *kwargs) \
	{                                                                                       \
		return update_width(self, args, kwargs, (bits) / 8);                            \
	}                                                                                       \
	static PyObject *mapping_wait##bits(PyObject *self, PyObject *args, PyObject *kwargs)   \
	{                                                                                       \
		return wait_width(self, args, kwargs, (bits) / 8);                              \
	}

WIDTH(8)
WIDTH(16)
WIDTH(32)
WIDTH(64)

/* ---- many bytes ---- */

static PyObject *raise_block(int err, unsigned long long offset, Py_ssize_t length)
{
	if (err == -EINVAL)
		return PyErr_Format(PyExc_IndexError,
				    "%zd bytes at offset %llu leave the mapping, or are no "
				    "multiple of the registers' width",
				    length, offset);
	if (err == -EBADF)
		return PyErr_Format(PyExc_TypeError, "the mapping is read-only");
	raise_gone(err);
	return NULL;
}

static PyObject *mapping_read_block(PyObject *object, PyObject *args)
{
	struct mapping *self = (struct mapping *)object;
	unsigned long long offset;
	Py_ssize_t length;
	PyObject *bytes;
	int err;

	if (!PyArg_ParseTuple(args, "Kn:read_block", &offset, &length))
		return NULL;
	if (!self->mapping)
		return PyErr_Format(PyExc_ValueError, "the mapping is closed");
	if (length < 0)
		return PyErr_Format(PyExc_ValueError, "length %zd is negative", length);
	bytes = PyBytes_FromStringAndSize(NULL, length);
	if (!bytes)
		return NULL;
	err = mmiod_mapping_read(self->mapping, offset, PyBytes_AsString(bytes), (size_t)length);
	if (!err)
		return bytes;
	Py_DECREF(bytes);
	return raise_block(err, offset, length);
}

static PyObject *mapping_write_block(PyObject *object, PyObject *args)
{
	struct mapping *self = (struct mapping *)object;
	unsigned long long offset;
	Py_buffer data;
	Py_ssize_t length;
	int err;

	if (!PyArg_ParseTuple(args, "Ky*:write_block", &offset, &data))
		return NULL;
	length = data.len;
	err = self->mapping ? mmiod_mapping_write(self->mapping, offset, data.buf, (size_t)length)
			    : 0;
	PyBuffer_Release(&data);
	if (!self->mapping)
		return PyErr_Format(PyExc_ValueError, "the mapping is closed");
	if (err)
		return raise_block(err, offset, length);
	return Py_NewRef(Py_None);
}

static PyObject *mapping_populate(PyObject *object, PyObject *none)
{
	struct mapping *self = (struct mapping *)object;
	int err = self->mapping ? mmiod_mapping_populate(self->mapping) : -EBADF;

	if (err)
		return error_raise(err, "the mapping or its lease is closed");
	return Py_NewRef(Py_None);
}

/* ---- the buffer ---- */

static int get_buffer(PyObject *object, Py_buffer *view, int flags)
{
	struct mapping *self = (struct mapping *)object;

	if (!self->mapping) {
		PyErr_SetString(PyExc_ValueError, "the mapping is closed");
		view->obj = NULL;
		return -1;
	}
	if (PyBuffer_FillInfo(view, object, (void *)self->address, (Py_ssize_t)self->length,
			      !self->writable, flags))
		return -1;
	self->exports++;
	return 0;
}

static void release_buffer(PyObject *object, Py_buffer *view)
{
	((struct mapping *)object)->exports--;
}

static Py_ssize_t mapping_length(PyObject *object)
{
	return (Py_ssize_t)((const struct mapping *)object)->length;
}

/* ---- what it is ---- */

static PyObject *get_guard(PyObject *object, void *closure)
{
	return PyBool_FromLong(((const struct mapping *)object)->guard);
}

static int set_guard(PyObject *object, PyObject *value, void *closure)
{
	int truth = value ? PyObject_IsTrue(value) : 1;

	if (truth < 0)
		return -1;
	((struct mapping *)object)->guard = truth;
	return 0;
}

static PyObject *get_closed(PyObject *object, void *closure)
{
	return PyBool_FromLong(!((const struct mapping *)object)->mapping);
}

static PyObject *get_readonly(PyObject *object, void *closure)
{
	return PyBool_FromLong(!((const struct mapping *)object)->writable);
}

static PyObject *get_width(PyObject *object, void *closure)
{
	return PyLong_FromUnsignedLong(((const struct mapping *)object)->width * 8);
}

static PyGetSetDef properties[] = {
	{ "guard", get_guard, set_guard,
	  "Whether a revoked window raises Gone, instead of killing.", NULL },
	{ "closed", get_closed, NULL, "Whether it was unmapped.", NULL },
	{ "readonly", get_readonly, NULL, "Whether it may not be written.", NULL },
	{ "width", get_width, NULL, "Bits of a register that the region declares; 0: any.", NULL },
	{ 0 },
};

#define METHODS(bits)                                                                         \
	{ "read" #bits, mapping_read##bits, METH_O,                                           \
	  "read" #bits "($self, offset, /)\n--\n\n"                                           \
	  "The register of " #bits " bits at that offset, by one load." },                    \
		{ "write" #bits, METHOD(mapping_write##bits), METH_FASTCALL,                  \
		  "write" #bits "($self, offset, value, /)\n--\n\n"                           \
		  "Write a register of " #bits " bits, by one store." },                      \
		{ "update" #bits, METHOD(mapping_update##bits), METH_VARARGS | METH_KEYWORDS, \
		  "update" #bits "($self, offset, mask, value)\n--\n\n"                       \
		  "Change the bits of the mask, by one load and one store." },                \
	{                                                                                     \
		"wait" #bits, METHOD(mapping_wait##bits), METH_VARARGS | METH_KEYWORDS,       \
			"wait" #bits "($self, offset, mask, value, timeout=None)\n--\n\n"     \
			"Look until the bits of the mask are as wanted, at most for timeout " \
			"seconds;\n"                                                          \
			"returns what was read last, or raises Timeout."                      \
	}

static PyMethodDef methods[] = {
	METHODS(8),
	METHODS(16),
	METHODS(32),
	METHODS(64),
	{ "read_block", mapping_read_block, METH_VARARGS,
	  "read_block($self, offset, length, /)\n--\n\n"
	  "Many bytes, as the window demands; always guarded." },
	{ "write_block", mapping_write_block, METH_VARARGS,
	  "write_block($self, offset, data, /)\n--\n\n"
	  "Write many bytes, as the window demands; always guarded." },
	{ "populate", mapping_populate, METH_NOARGS,
	  "populate($self)\n--\n\nBuild all page tables now, so that no access faults." },
	{ "close", mapping_close, METH_NOARGS,
	  "close($self)\n--\n\nUnmap. BufferError: somebody still has a view of it." },
	{ 0 },
};

static PyType_Slot slots[] = {
	{ Py_tp_new, mapping_new },	  { Py_tp_dealloc, mapping_dealloc },
	{ Py_tp_methods, methods },	  { Py_tp_getset, properties },
	{ Py_bf_getbuffer, get_buffer },  { Py_bf_releasebuffer, release_buffer },
	{ Py_sq_length, mapping_length }, { 0 },
};

static PyType_Spec spec = {
	.name = "mmiod._ext.Mapping",
	.basicsize = sizeof(struct mapping),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.slots = slots,
};

int mapping_add(PyObject *module)
{
	return ext_add_type(module, &spec, &mapping_type);
}
