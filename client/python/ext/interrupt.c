/* SPDX-License-Identifier: MIT */
/*
 * Interrupt: a leased vector. To wait for it is to poll its file, without the interpreter's lock and
 * without the client's, which the library needs only to look.
 */
#include "ext.h"

#include <errno.h>
#include <poll.h>

static PyTypeObject *interrupt_type;

static void end(void *object)
{
	mmiod_interrupt_free(object);
}

static int give_back(void *object)
{
	return mmiod_interrupt_release(object);
}

static int file_of(const void *object)
{
	return mmiod_interrupt_fd(object);
}

static uint64_t lease_of(const void *object)
{
	return mmiod_interrupt_lease(object);
}

static const struct held_kind kind = {
	.end = end,
	.give_back = give_back,
	.file = file_of,
	.lease = lease_of,
};

/* Interrupt(client, device, kind, vector, flags). A signal breaks a wait for others off. */
static PyObject *interrupt_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	struct mmiod_interrupt *made = NULL;
	PyObject *number, *result = NULL;
	unsigned int vector, flags;
	struct client *client;
	const char *device;
	int wanted, err;

	if (!PyArg_ParseTuple(args, "O!siOI:Interrupt", client_type, &client, &device, &wanted,
			      &number, &flags) ||
	    number_read(number, 32, &vector) || !client_enter(client))
		return NULL;
	do {
		Py_BEGIN_ALLOW_THREADS err = mmiod_client_interrupt(client->client, device, wanted,
								    vector, flags, &made);
		Py_END_ALLOW_THREADS
	} while (err == -EINTR && !PyErr_CheckSignals());
	if (!err)
		result = held_wrap(type, &kind, made, client);
	else if (!PyErr_Occurred())
		error_raise(err, mmiod_client_error(client->client));
	client_leave(client);
	return result;
}

/* ---- waiting ---- */

/* 1: it came *@count times; 0: not by now; -1: an exception. */
static int look(struct held *self, uint64_t *count)
{
	struct mmiod_interrupt *interrupt = held_enter(self);
	PyObject *done;
	int err;

	if (!interrupt)
		return -1;
	err = mmiod_interrupt_wait(interrupt, 0, count);
	done = held_leave(self, err == -ETIMEDOUT ? 0 : err, Py_NewRef(Py_None));
	Py_XDECREF(done);
	return !done ? -1 : !err;
}

/* Until there is something to look at, a signal came or the time is over. */
static void sleep_on(struct held *self, uint64_t deadline)
{
	struct pollfd file = { .fd = held_file(self), .events = POLLIN | POLLMSG };

	Py_BEGIN_ALLOW_THREADS poll(&file, 1, deadline_left_ms(deadline));
	Py_END_ALLOW_THREADS
}

static int wait_until(struct held *self, uint64_t deadline, uint64_t *count)
{
	int came;

	self->waiting++;
	while (!(came = look(self, count)) && deadline_now() < deadline) {
		sleep_on(self, deadline);
		if (PyErr_CheckSignals())
			came = -1;
		if (came)
			break;
	}
	self->waiting--;
	return came;
}

static PyObject *interrupt_wait(PyObject *object, PyObject *args, PyObject *kwargs)
{
	static char *names[] = { "timeout", NULL };
	PyObject *timeout = NULL;
	uint64_t deadline, count;
	int came;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:wait", names, &timeout) ||
	    deadline_read(timeout, &deadline))
		return NULL;
	came = wait_until((struct held *)object, deadline, &count);
	if (!came)
		return error_raise(-ETIMEDOUT, "the interrupt did not come in time");
	return came < 0 ? NULL : PyLong_FromUnsignedLongLong(count);
}

static PyObject *interrupt_read(PyObject *object, PyObject *none)
{
	uint64_t count = 0;
	int came = look((struct held *)object, &count);

	return came < 0 ? NULL : PyLong_FromUnsignedLongLong(came ? count : 0);
}

/* ---- what can be done with it ---- */

static PyObject *call(PyObject *object, int (*function)(struct mmiod_interrupt *interrupt))
{
	struct held *self = (struct held *)object;
	struct mmiod_interrupt *interrupt = held_enter(self);

	return interrupt ? held_leave(self, function(interrupt), Py_NewRef(Py_None)) : NULL;
}

static PyObject *interrupt_mask(PyObject *object, PyObject *none)
{
	return call(object, mmiod_interrupt_mask);
}

static PyObject *interrupt_unmask(PyObject *object, PyObject *none)
{
	return call(object, mmiod_interrupt_unmask);
}

static PyObject *interrupt_trigger(PyObject *object, PyObject *none)
{
	return call(object, mmiod_interrupt_trigger);
}

static PyObject *interrupt_set_eventfd(PyObject *object, PyObject *argument)
{
	struct held *self = (struct held *)object;
	int fd = argument == Py_None ? -1 : PyObject_AsFileDescriptor(argument);
	struct mmiod_interrupt *interrupt;

	if (PyErr_Occurred())
		return NULL;
	interrupt = held_enter(self);
	return interrupt ? held_leave(self, mmiod_interrupt_set_eventfd(interrupt, fd),
				      Py_NewRef(Py_None))
			 : NULL;
}

/* ---- what it is ---- */

HELD_GET(interrupt_count, uint64_t, mmiod_interrupt_count, PyLong_FromUnsignedLongLong)
HELD_GET(interrupt_flags, unsigned int, mmiod_interrupt_flags, PyLong_FromUnsignedLong)
HELD_GET(interrupt_state, enum mmiod_state, mmiod_interrupt_state, PyLong_FromLong)

enum property {
	KIND,
	VECTOR,
	VECTORS,
};

static PyObject *get_property(PyObject *object, void *closure)
{
	const struct mmiod_interrupt *interrupt = ((const struct held *)object)->object;

	if (!interrupt)
		return PyErr_Format(PyExc_ValueError, "it was given back");
	switch ((enum property)(uintptr_t)closure) {
	case KIND:
		return PyLong_FromLong(mmiod_interrupt_kind(interrupt));
	case VECTOR:
		return PyLong_FromUnsignedLong(mmiod_interrupt_vector(interrupt));
	default:
		return PyLong_FromUnsignedLong(mmiod_interrupt_vectors(interrupt));
	}
}

#define PROPERTY(name, which, doc)                                        \
	{                                                                 \
		name, get_property, NULL, doc, (void *)(uintptr_t)(which) \
	}

static PyGetSetDef properties[] = {
	{ "id", held_id, NULL, "The number of the lease, by which events name it.", NULL },
	PROPERTY("_kind", KIND, NULL),
	PROPERTY("vector", VECTOR, "Which of the device's vectors it is, from 0."),
	PROPERTY("vectors", VECTORS, "How many are set up for the device."),
	{ "closed", held_closed, NULL, "Whether it was given back or closed.", NULL },
	{ 0 },
};

static PyMethodDef methods[] = {
	{ "wait", METHOD(interrupt_wait), METH_VARARGS | METH_KEYWORDS,
	  "wait($self, timeout=None)\n--\n\nHow often it came since the last wait or read(), once "
	  "it has. Timeout: it did not\nwithin so many seconds; Gone: it was revoked, or its "
	  "device "
	  "is gone; an Error with\nEOVERFLOW: a storm silenced it, and unmask() lets it come "
	  "again. "
	  "Without the interpreter's\nlock, and other calls on the client go on." },
	{ "read", interrupt_read, METH_NOARGS,
	  "read($self)\n--\n\nHow often it came since the last wait or read(); 0: not by now. Does "
	  "not wait. Errors: as\nof wait()." },
	{ "mask", interrupt_mask, METH_NOARGS,
	  "mask($self)\n--\n\nKeep it from coming. An Error with EOPNOTSUPP: simulation has no "
	  "mask." },
	{ "unmask", interrupt_unmask, METH_NOARGS,
	  "unmask($self)\n--\n\nLet it come again: INTx and oneshot=True are masked whenever they "
	  "came. An Error with\nEAGAIN: it is silenced after a storm, for up to a second more." },
	{ "trigger", interrupt_trigger, METH_NOARGS,
	  "trigger($self)\n--\n\nMake it come without the device, masked or not: for tests, and to "
	  "wake a thread that waits." },
	{ "set_eventfd", interrupt_set_eventfd, METH_O,
	  "set_eventfd($self, fd, /)\n--\n\nHave it signal an eventfd as well, in place of an "
	  "earlier one; None: none any more." },
	{ "_count", interrupt_count, METH_NOARGS, NULL },
	{ "_flags", interrupt_flags, METH_NOARGS, NULL },
	{ "_state", interrupt_state, METH_NOARGS, NULL },
	{ "fileno", held_fileno, METH_NOARGS,
	  "fileno($self)\n--\n\nIts file: readable when it came, POLLPRI when flags or state have "
	  "changed, POLLMSG when a\nstorm silenced it, POLLHUP when it was revoked." },
	{ "release", held_release, METH_NOARGS,
	  "release($self)\n--\n\nGive it back now, whoever still has the file. Busy: another "
	  "thread "
	  "waits for it." },
	{ "close", held_close, METH_NOARGS,
	  "close($self)\n--\n\nClose its file, and give it back unless somebody else has the file. "
	  "Busy: another\nthread waits for it." },
	{ 0 },
};

static PyType_Slot slots[] = {
	{ Py_tp_new, interrupt_new },
	{ Py_tp_dealloc, held_dealloc },
	{ Py_tp_methods, methods },
	{ Py_tp_getset, properties },
	{ 0 },
};

static PyType_Spec spec = {
	.name = "mmiod._ext.Interrupt",
	.basicsize = sizeof(struct held),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.slots = slots,
};

int interrupt_add(PyObject *module)
{
	return ext_add_type(module, &spec, &interrupt_type);
}
