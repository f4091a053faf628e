/* SPDX-License-Identifier: MIT */
/*
 * Lease: asked for, allocated or inherited; what it is, and its end.
 */
#include "ext.h"

#include <errno.h>
#include <string.h>

#define WRITES_MAX 8
#define IDENTITY_MAX 64

PyTypeObject *lease_type;

/* ---- how it comes to be ---- */

PyObject *lease_wrap(PyTypeObject *type, struct mmiod_lease *made, struct client *client)
{
	allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
	struct lease *self = (struct lease *)allocate(type, 0);

	if (!self) {
		mmiod_lease_free(made);
		return NULL;
	}
	self->lease = made;
	self->client = (struct client *)Py_XNewRef((PyObject *)client);
	return (PyObject *)self;
}

/* A sequence of (offset, value, width in bits). */
static int parse_on_end(PyObject *sequence, struct mmiod_want *want,
			struct mmiod_register_write writes[WRITES_MAX])
{
	Py_ssize_t count = PySequence_Size(sequence);

	if (count < 0 || count > WRITES_MAX) {
		if (count > 0)
			PyErr_Format(PyExc_ValueError, "on_end has %zd writes: at most %d", count,
				     WRITES_MAX);
		return -1;
	}
	for (Py_ssize_t i = 0; i < count; i++) {
		PyObject *item = PySequence_GetItem(sequence, i);
		unsigned long long offset, value;
		unsigned int bits;
		int ok = item && PyArg_ParseTuple(item, "KKI;on_end: (offset, value, width)",
						  &offset, &value, &bits);

		Py_XDECREF(item);
		if (!ok)
			return -1;
		writes[i] = (struct mmiod_register_write){ .offset = offset,
							   .value = value,
							   .width = bits / 8 };
	}
	want->on_end = writes;
	want->on_end_count = (size_t)count;
	return 0;
}

int lease_want(PyObject *args, PyObject *kwargs, struct client **client, struct mmiod_want *want,
	       struct mmiod_register_write writes[WRITES_MAX])
{
	static char *names[] = { "client", "region", "offset", "length",   "rights", "memtype",
				 "width",  "share",  "flags",  "lease_ms", "on_end", NULL };
	unsigned long long offset = 0, length = 0;
	unsigned long lease_ms = 0;
	PyObject *on_end = NULL;
	int memtype = 0, share = 0;

	memset(want, 0, sizeof(*want));
	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!s|KKIiIiIkO", names, client_type, client,
					 &want->region, &offset, &length, &want->rights, &memtype,
					 &want->width, &share, &want->flags, &lease_ms, &on_end))
		return -1;
	want->offset = offset;
	want->length = length;
	want->cache = memtype;
	want->share = share;
	want->lease_ms = (uint32_t)lease_ms;
	memset(writes, 0, WRITES_MAX * sizeof(*writes));
	return on_end && on_end != Py_None ? parse_on_end(on_end, want, writes) : 0;
}

/* A signal breaks a wait off: its handler may raise, and else the wait begins anew. */
static PyObject *lease_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	struct mmiod_register_write writes[WRITES_MAX];
	struct mmiod_lease *made = NULL;
	PyObject *result = NULL;
	struct mmiod_want want;
	struct client *client;
	int n;

	if (lease_want(args, kwargs, &client, &want, writes) || !client_enter(client))
		return NULL;
	do {
		Py_BEGIN_ALLOW_THREADS n =
			mmiod_client_lease_many(client->client, &want, 1, 0, &made, NULL);
		Py_END_ALLOW_THREADS
	} while (n == -EINTR && !PyErr_CheckSignals());
	if (n > 0)
		result = lease_wrap(type, made, client);
	else if (!PyErr_Occurred())
		error_raise(n, mmiod_client_error(client->client));
	client_leave(client);
	return result;
}

static PyObject *lease_allocate(PyObject *class, PyObject *args, PyObject *kwargs)
{
	static char *names[] = { "client", "memory",   "length",      "region", "align",
				 "low",	   "high",     "node",	      "zone",	"rights",
				 "flags",  "lease_ms", "max_extents", NULL };
	unsigned long long length, align = 0, low = 0, high = 0;
	struct mmiod_allocation want = { 0 };
	struct mmiod_lease *made = NULL;
	int memory, zone = 0, err;
	unsigned long lease_ms = 0, max_extents = 1;
	PyObject *result = NULL;
	struct client *client;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!iK|zKKKIiIIkk", names, client_type,
					 &client, &memory, &length, &want.region, &align, &low,
					 &high, &want.node, &zone, &want.rights, &want.flags,
					 &lease_ms, &max_extents))
		return NULL;
	want.max_extents = (uint32_t)max_extents;
	want.memory = memory;
	want.length = length;
	want.align = align;
	want.low = low;
	want.high = high;
	want.zone = zone;
	want.lease_ms = (uint32_t)lease_ms;
	if (!client_enter(client))
		return NULL;
	Py_BEGIN_ALLOW_THREADS err = mmiod_client_allocate(client->client, &want, &made);
	Py_END_ALLOW_THREADS if (err) error_raise(err, mmiod_client_error(client->client));
	else result = lease_wrap((PyTypeObject *)class, made, client);
	client_leave(client);
	return result;
}

static PyObject *lease_adopt(PyObject *class, PyObject *args)
{
	const char *identity = NULL;
	struct mmiod_lease *made;
	int fd, err;

	if (!PyArg_ParseTuple(args, "i|z:adopt", &fd, &identity))
		return NULL;
	err = mmiod_window_adopt(fd, identity, &made);
	return err ? error_raise(err, mmiod_client_error(NULL))
		   : lease_wrap((PyTypeObject *)class, made, NULL);
}

static PyObject *lease_inherited(PyObject *class, PyObject *args)
{
	struct mmiod_lease *made;
	const char *target;
	Py_ssize_t index;
	int err;

	if (!PyArg_ParseTuple(args, "zn:inherited", &target, &index))
		return NULL;
	err = mmiod_inherited(target, (size_t)index, &made);
	return err ? error_raise(err, mmiod_client_error(NULL))
		   : lease_wrap((PyTypeObject *)class, made, NULL);
}

/* ---- its end ---- */

static void forget(struct lease *self)
{
	self->lease = NULL;
	Py_CLEAR(self->client);
}

/* The client's list of leases is changed: by its lock. */
static void lease_dealloc(PyObject *object)
{
	struct lease *self = (struct lease *)object;
	PyTypeObject *type = Py_TYPE(object);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	if (self->client)
		client_lock(self->client);
	mmiod_lease_free(self->lease);
	if (self->client)
		client_leave(self->client);
	forget(self);
	release(object);
	Py_DECREF(type);
}

struct mmiod_lease *lease_enter(struct lease *self)
{
	if (self->client)
		client_lock(self->client);
	if (self->lease)
		return self->lease;
	if (self->client)
		client_leave(self->client);
	PyErr_SetString(PyExc_ValueError, "the lease was given back");
	return NULL;
}

PyObject *lease_leave(struct lease *self, int err)
{
	const struct mmiod_client *client = self->client ? self->client->client : NULL;

	if (err)
		error_raise(err, mmiod_client_error(client));
	if (self->client)
		client_leave(self->client);
	return err ? NULL : Py_NewRef(Py_None);
}

static PyObject *lease_release(PyObject *object, PyObject *none)
{
	struct lease *self = (struct lease *)object;
	struct mmiod_lease *lease = lease_enter(self);
	PyObject *result;
	int err;

	if (!lease)
		return NULL;
	Py_BEGIN_ALLOW_THREADS err = mmiod_lease_release(lease);
	Py_END_ALLOW_THREADS if (!err) self->lease = NULL;
	result = lease_leave(self, err);
	if (result)
		forget(self);
	return result;
}

/* Twice does no harm. */
static PyObject *lease_free(PyObject *object, PyObject *none)
{
	struct lease *self = (struct lease *)object;

	if (self->client)
		client_lock(self->client);
	mmiod_lease_free(self->lease);
	self->lease = NULL;
	if (self->client)
		client_leave(self->client);
	forget(self);
	return Py_NewRef(Py_None);
}

/* ---- what it is ---- */

static PyObject *lease_fileno(PyObject *object, PyObject *none)
{
	const struct lease *self = (const struct lease *)object;

	if (self->lease)
		return PyLong_FromLong(mmiod_lease_fd(self->lease));
	PyErr_SetString(PyExc_ValueError, "the lease was given back");
	return NULL;
}

static PyObject *lease_state(PyObject *object, PyObject *none)
{
	struct lease *self = (struct lease *)object;
	struct mmiod_lease *lease = lease_enter(self);
	enum mmiod_state state = MMIOD_STATE_OK;
	PyObject *done;

	if (!lease)
		return NULL;
	done = lease_leave(self, mmiod_lease_state(lease, &state));
	Py_XDECREF(done);
	return done ? PyLong_FromLong(state) : NULL;
}

static PyObject *lease_identity(PyObject *object, PyObject *none)
{
	struct lease *self = (struct lease *)object;
	struct mmiod_lease *lease = lease_enter(self);
	char text[IDENTITY_MAX];
	PyObject *done;

	if (!lease)
		return NULL;
	done = lease_leave(self, mmiod_lease_identity(lease, text, sizeof(text)));
	Py_XDECREF(done);
	return done ? PyUnicode_FromString(text) : NULL;
}

static PyObject *list_of(const struct mmiod_lease_extent *extents, int count)
{
	PyObject *list = PyList_New(count);

	for (int i = 0; list && i < count; i++) {
		PyObject *pair = Py_BuildValue("KK", (unsigned long long)extents[i].offset,
					       (unsigned long long)extents[i].length);

		if (!pair || PyList_SetItem(list, i, pair) < 0)
			Py_CLEAR(list);
	}
	return list;
}

static PyObject *lease_extents(PyObject *object, PyObject *none)
{
	struct lease *self = (struct lease *)object;
	struct mmiod_lease *lease = lease_enter(self);
	struct mmiod_lease_extent *extents;
	PyObject *done, *list;
	int count;

	if (!lease)
		return NULL;
	count = mmiod_lease_extents(lease, NULL, 0);
	extents = PyMem_Calloc(count > 0 ? (size_t)count : 1, sizeof(*extents));
	if (extents) {
		Py_BEGIN_ALLOW_THREADS count = mmiod_lease_extents(lease, extents, (size_t)count);
		Py_END_ALLOW_THREADS
	}
	done = lease_leave(self, !extents ? -ENOMEM : count < 0 ? count : 0);
	list = done ? list_of(extents, count) : NULL;
	Py_XDECREF(done);
	PyMem_Free(extents);
	return list;
}

/* One function for all that only looks; @closure says at what. */
enum property {
	ID,
	OFFSET,
	LENGTH,
	RIGHTS,
	MEMTYPE,
	SHARE,
	WIDTH,
	MEMORY,
	MAP_OFFSET,
	TIME_MS,
	MAPPABLE,
	RENEWS,
};

static PyObject *look(const struct mmiod_lease *lease, enum property property)
{
	switch (property) {
	case ID:
		return PyLong_FromUnsignedLongLong(mmiod_lease_id(lease));
	case OFFSET:
		return PyLong_FromUnsignedLongLong(mmiod_lease_offset(lease));
	case LENGTH:
		return PyLong_FromUnsignedLongLong(mmiod_lease_length(lease));
	case RIGHTS:
		return PyLong_FromUnsignedLong(mmiod_lease_rights(lease));
	case MEMTYPE:
		return PyLong_FromLong(mmiod_lease_memtype(lease));
	case SHARE:
		return PyLong_FromLong(mmiod_lease_share(lease));
	case WIDTH:
		return PyLong_FromUnsignedLong(mmiod_lease_width(lease) * 8);
	case MEMORY:
		return PyLong_FromLong(mmiod_lease_memory(lease));
	case MAP_OFFSET:
		return PyLong_FromUnsignedLongLong(mmiod_lease_map_offset(lease));
	case TIME_MS:
		return PyLong_FromUnsignedLong(mmiod_lease_time_ms(lease));
	case MAPPABLE:
		return PyBool_FromLong(mmiod_lease_mappable(lease));
	default:
		return PyBool_FromLong(mmiod_lease_renews(lease));
	}
}

static PyObject *get_property(PyObject *object, void *closure)
{
	const struct lease *self = (const struct lease *)object;

	if (self->lease)
		return look(self->lease, (enum property)(uintptr_t)closure);
	PyErr_SetString(PyExc_ValueError, "the lease was given back");
	return NULL;
}

static PyObject *get_iova(PyObject *object, void *closure)
{
	const struct mmiod_lease *lease = ((const struct lease *)object)->lease;

	if (!lease)
		return PyErr_Format(PyExc_ValueError, "the lease was given back");
	if (mmiod_lease_iova(lease) == MMIOD_NO_IOVA)
		return Py_NewRef(Py_None);
	return PyLong_FromUnsignedLongLong(mmiod_lease_iova(lease));
}

static PyObject *get_closed(PyObject *object, void *closure)
{
	return PyBool_FromLong(!((const struct lease *)object)->lease);
}

#define PROPERTY(name, which, doc)                                        \
	{                                                                 \
		name, get_property, NULL, doc, (void *)(uintptr_t)(which) \
	}

static PyGetSetDef properties[] = {
	PROPERTY("id", ID, "The number of the lease."),
	PROPERTY("offset", OFFSET,
		 "Bytes from the start of the region; 2**64 - 1: it has several extents."),
	PROPERTY("length", LENGTH, "Bytes."),
	PROPERTY("_rights", RIGHTS, NULL),
	PROPERTY("_memtype", MEMTYPE, NULL),
	PROPERTY("_share", SHARE, NULL),
	PROPERTY("width", WIDTH, "Bits of a register that the region declares; 0: any."),
	PROPERTY("_memory", MEMORY, NULL),
	PROPERTY("map_offset", MAP_OFFSET,
		 "Where in its file the window starts: 0, except in simulation."),
	PROPERTY("time_ms", TIME_MS, "The time limit in milliseconds; 0: none."),
	PROPERTY("mappable", MAPPABLE, "Whether it owns whole pages."),
	PROPERTY("renews", RENEWS, "Whether it is renewed when half of its time is over."),
	{ "iova", get_iova, NULL,
	  "Where its device finds the first byte; None: it is no memory of Operation.allocate().",
	  NULL },
	{ "closed", get_closed, NULL, "Whether it was given back or closed.", NULL },
	{ 0 },
};

static PyMethodDef methods[] = {
	{ "_adopt", lease_adopt, METH_VARARGS | METH_CLASS, NULL },
	{ "_inherited", lease_inherited, METH_VARARGS | METH_CLASS, NULL },
	{ "_allocate", METHOD(lease_allocate), METH_VARARGS | METH_KEYWORDS | METH_CLASS, NULL },
	{ "release", lease_release, METH_NOARGS,
	  "release($self)\n--\n\nGive it back now, whoever still has the file or a mapping: they "
	  "lose it." },
	{ "close", lease_free, METH_NOARGS,
	  "close($self)\n--\n\nClose its file. The lease lives on as long as a copy of the file or "
	  "a mapping does." },
	{ "fileno", lease_fileno, METH_NOARGS,
	  "fileno($self)\n--\n\nThe window's file; POLLHUP says that it was revoked." },
	{ "_state", lease_state, METH_NOARGS, NULL },
	{ "extents", lease_extents, METH_NOARGS,
	  "extents($self)\n--\n\nWhere it lies: (offset, length) of each extent, from the start of "
	  "the region, in the order of its bytes." },
	{ "identity", lease_identity, METH_NOARGS,
	  "identity($self)\n--\n\nWhat MMIOD_WINDOWS names the window by." },
	{ "_read", access_read, METH_VARARGS, NULL },
	{ "_write", access_write, METH_VARARGS, NULL },
	{ "fill", access_fill, METH_VARARGS,
	  "fill($self, offset, length, value, /)\n--\n\nFill bytes, by the kernel; not where a "
	  "width is declared." },
	{ "copy_from", access_copy_from, METH_VARARGS,
	  "copy_from($self, offset, length, /)\n--\n\nBytes in bulk, by the kernel; not where a "
	  "width is declared." },
	{ "copy_to", access_copy_to, METH_VARARGS,
	  "copy_to($self, offset, data, /)\n--\n\nWrite bytes in bulk, by the kernel; not where a "
	  "width is declared." },
	{ 0 },
};

static PyType_Slot slots[] = {
	{ Py_tp_new, lease_new },
	{ Py_tp_dealloc, lease_dealloc },
	{ Py_tp_methods, methods },
	{ Py_tp_getset, properties },
	{ 0 },
};

static PyType_Spec spec = {
	.name = "mmiod._ext.Lease",
	.basicsize = sizeof(struct lease),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.slots = slots,
};

int lease_add(PyObject *module)
{
	return ext_add_type(module, &spec, &lease_type);
}
