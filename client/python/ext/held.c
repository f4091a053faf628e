/* SPDX-License-Identifier: MIT */
/*
 * What interrupts and device files have in common: an object of the library's, which is used under
 * the lock of the client that it came by, and ends once.
 */
#include "ext.h"

#include <errno.h>

PyObject *held_wrap(PyTypeObject *type, const struct held_kind *kind, void *object,
		    struct client *client)
{
	allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
	struct held *self = (struct held *)allocate(type, 0);

	if (!self) {
		kind->end(object);
		return NULL;
	}
	self->kind = kind;
	self->object = object;
	self->client = (struct client *)Py_XNewRef((PyObject *)client);
	return (PyObject *)self;
}

static void lock(struct held *self)
{
	if (self->client)
		client_lock(self->client);
}

static void leave(struct held *self)
{
	if (self->client)
		client_leave(self->client);
}

static void *given_back(void)
{
	PyErr_SetString(PyExc_ValueError, "it was given back");
	return NULL;
}

void *held_enter(struct held *self)
{
	lock(self);
	if (self->object)
		return self->object;
	leave(self);
	return given_back();
}

PyObject *held_leave(struct held *self, int err, PyObject *result)
{
	const struct mmiod_client *client = self->client ? self->client->client : NULL;

	if (err < 0) {
		Py_CLEAR(result);
		error_raise(err, mmiod_client_error(client));
	}
	leave(self);
	return result;
}

/* Its file must not be closed, and its number become another's, under a thread that polls it. */
static int check_idle(const struct held *self)
{
	if (!self->waiting)
		return 0;
	error_raise(-EBUSY, "another thread waits for it");
	return -1;
}

PyObject *held_release(PyObject *object, PyObject *none)
{
	struct held *self = (struct held *)object;
	void *held = held_enter(self);
	int err;

	if (!held)
		return NULL;
	if (check_idle(self))
		return held_leave(self, 0, NULL);
	/* Nobody else gets in meanwhile, and who waits has looked before. */
	Py_BEGIN_ALLOW_THREADS err = self->kind->give_back(held);
	Py_END_ALLOW_THREADS if (!err) self->object = NULL;
	return held_leave(self, err, Py_NewRef(Py_None));
}

/* Twice does no harm. */
PyObject *held_close(PyObject *object, PyObject *none)
{
	struct held *self = (struct held *)object;
	PyObject *result = NULL;

	lock(self);
	if (!self->object || !check_idle(self)) {
		self->kind->end(self->object);
		self->object = NULL;
		result = Py_NewRef(Py_None);
	}
	leave(self);
	return result;
}

void held_dealloc(PyObject *object)
{
	struct held *self = (struct held *)object;
	PyTypeObject *type = Py_TYPE(object);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	lock(self);
	self->kind->end(self->object);
	self->object = NULL;
	leave(self);
	Py_CLEAR(self->client);
	release(self);
	Py_DECREF(type);
}

PyObject *held_closed(PyObject *object, void *closure)
{
	return PyBool_FromLong(!((const struct held *)object)->object);
}

PyObject *held_id(PyObject *object, void *closure)
{
	const struct held *self = (const struct held *)object;

	return self->object ? PyLong_FromUnsignedLongLong(self->kind->lease(self->object))
			    : given_back();
}

int held_file(const struct held *self)
{
	if (self->object)
		return self->kind->file(self->object);
	given_back();
	return -1;
}

PyObject *held_fileno(PyObject *object, PyObject *none)
{
	int fd = held_file((const struct held *)object);

	return fd < 0 ? NULL : PyLong_FromLong(fd);
}
