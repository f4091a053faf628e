/* SPDX-License-Identifier: MIT */
/*
 * Operation: a leased device file, by which a device is operated.
 */
#include "ext.h"

#include <errno.h>
#include <unistd.h>

#define IDENTITY_MAX 64
#define PAUSE_US 10000 /* between two tries of what the device is too busy for */

static PyTypeObject *operation_type;

static void end(void *object)
{
	mmiod_operation_free(object);
}

static int give_back(void *object)
{
	return mmiod_operation_release(object);
}

static int file_of(const void *object)
{
	return mmiod_operation_fd(object);
}

static uint64_t lease_of(const void *object)
{
	return mmiod_operation_lease(object);
}

static const struct held_kind kind = {
	.end = end,
	.give_back = give_back,
	.file = file_of,
	.lease = lease_of,
};

/* Operation(client, device, rights, flags). A signal breaks a wait for others off. */
static PyObject *operation_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	struct mmiod_operation *made = NULL;
	unsigned int rights, flags;
	PyObject *result = NULL;
	struct client *client;
	const char *device;
	int err;

	if (!PyArg_ParseTuple(args, "O!sII:Operation", client_type, &client, &device, &rights,
			      &flags) ||
	    !client_enter(client))
		return NULL;
	do {
		Py_BEGIN_ALLOW_THREADS err =
			mmiod_client_operate(client->client, device, rights, flags, &made);
		Py_END_ALLOW_THREADS
	} while (err == -EINTR && !PyErr_CheckSignals());
	if (!err)
		result = held_wrap(type, &kind, made, client);
	else if (!PyErr_Occurred())
		error_raise(err, mmiod_client_error(client->client));
	client_leave(client);
	return result;
}

static PyObject *operation_inherited(PyObject *class, PyObject *args)
{
	struct mmiod_operation *made;
	const char *device;
	Py_ssize_t index;
	int err;

	if (!PyArg_ParseTuple(args, "zn:inherited", &device, &index))
		return NULL;
	err = mmiod_operation_inherited(device, (size_t)index, &made);
	return err ? error_raise(err, mmiod_client_error(NULL))
		   : held_wrap((PyTypeObject *)class, &kind, made, NULL);
}

/* ---- configuration space ---- */

#define CONFIG(bits)                                                                   \
	static PyObject *config_read##bits(PyObject *object, PyObject *at)             \
	{                                                                              \
		struct held *self = (struct held *)object;                             \
		struct mmiod_operation *operation;                                     \
		uint##bits##_t value;                                                  \
		unsigned int offset;                                                   \
		int err;                                                               \
                                                                                       \
		if (number_read(at, 32, &offset))                                      \
			return NULL;                                                   \
		operation = held_enter(self);                                          \
		if (!operation)                                                        \
			return NULL;                                                   \
		err = mmiod_operation_config_read##bits(operation, offset, &value);    \
		return held_leave(self, err, PyLong_FromUnsignedLong(value));          \
	}                                                                              \
                                                                                       \
	static PyObject *config_write##bits(PyObject *object, PyObject *args)          \
	{                                                                              \
		struct held *self = (struct held *)object;                             \
		struct mmiod_operation *operation;                                     \
		unsigned int offset, value;                                            \
		PyObject *at, *number;                                                 \
		int err;                                                               \
                                                                                       \
		if (!PyArg_ParseTuple(args, "OO:config_write" #bits, &at, &number) ||  \
		    number_read(at, 32, &offset) || number_read(number, bits, &value)) \
			return NULL;                                                   \
		operation = held_enter(self);                                          \
		if (!operation)                                                        \
			return NULL;                                                   \
		err = mmiod_operation_config_write##bits(operation, offset,            \
							 (uint##bits##_t)value);       \
		return held_leave(self, err, Py_NewRef(Py_None));                      \
	}

CONFIG(8)
CONFIG(16)
CONFIG(32)

/* _find_capability(id, after) -> offset */
static PyObject *find_capability(PyObject *object, PyObject *args)
{
	struct held *self = (struct held *)object;
	struct mmiod_operation *operation;
	unsigned int id, after, offset;
	PyObject *which, *behind;
	int err;

	if (!PyArg_ParseTuple(args, "OO:find_capability", &which, &behind) ||
	    number_read(which, 32, &id) || number_read(behind, 32, &after))
		return NULL;
	operation = held_enter(self);
	if (!operation)
		return NULL;
	err = mmiod_operation_find_capability(operation, id, after, &offset);
	return held_leave(self, err, PyLong_FromUnsignedLong(offset));
}

/* ---- what waits while the device is suspended ---- */

struct order {
	int (*give)(struct mmiod_operation *operation, struct order *order);
	int value;
	uint64_t duration_us; /* answer, of a reset */
};

static int give_master(struct mmiod_operation *operation, struct order *order)
{
	return mmiod_operation_set_master(operation, order->value, 0);
}

static int give_reset(struct mmiod_operation *operation, struct order *order)
{
	return mmiod_operation_reset(operation, 0, &order->duration_us);
}

static int give_power(struct mmiod_operation *operation, struct order *order)
{
	return mmiod_operation_set_power(operation, order->value, 0);
}

/* Once. -ETIMEDOUT without an exception: it may be tried again. */
static int try_order(struct held *self, struct order *order, bool last)
{
	struct mmiod_operation *operation = held_enter(self);
	PyObject *done;
	int err;

	if (!operation)
		return -EINVAL;
	Py_BEGIN_ALLOW_THREADS err = order->give(operation, order);
	Py_END_ALLOW_THREADS done =
		held_leave(self, err == -ETIMEDOUT && !last ? 0 : err, Py_NewRef(Py_None));
	Py_XDECREF(done);
	return err;
}

/* The library would wait as well, but with the client's lock and deaf to signals. */
static int give_order(struct held *self, struct order *order, uint64_t deadline)
{
	for (;;) {
		bool last = deadline_now() >= deadline;
		int err = try_order(self, order, last);

		if (err != -ETIMEDOUT || last)
			return err;
		Py_BEGIN_ALLOW_THREADS usleep(PAUSE_US);
		Py_END_ALLOW_THREADS if (PyErr_CheckSignals()) return -EINTR;
	}
}

static PyObject *set_master(PyObject *object, PyObject *args, PyObject *kwargs)
{
	static char *names[] = { "on", "timeout", NULL };
	struct order order = { .give = give_master };
	PyObject *timeout = NULL;
	uint64_t deadline;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "p|O:set_master", names, &order.value,
					 &timeout) ||
	    deadline_read(timeout, &deadline))
		return NULL;
	return give_order((struct held *)object, &order, deadline) ? NULL : Py_NewRef(Py_None);
}

static PyObject *reset(PyObject *object, PyObject *args, PyObject *kwargs)
{
	static char *names[] = { "timeout", NULL };
	struct order order = { .give = give_reset };
	PyObject *timeout = NULL;
	uint64_t deadline;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:reset", names, &timeout) ||
	    deadline_read(timeout, &deadline))
		return NULL;
	if (give_order((struct held *)object, &order, deadline))
		return NULL;
	return PyFloat_FromDouble((double)order.duration_us / 1e6);
}

/* _set_power(power, timeout) */
static PyObject *set_power(PyObject *object, PyObject *args)
{
	struct order order = { .give = give_power };
	PyObject *timeout;
	uint64_t deadline;

	if (!PyArg_ParseTuple(args, "iO:set_power", &order.value, &timeout) ||
	    deadline_read(timeout, &deadline))
		return NULL;
	return give_order((struct held *)object, &order, deadline) ? NULL : Py_NewRef(Py_None);
}

/* ---- memory that the device reaches ---- */

/* _allocate(class of the lease, length, iova or 0, flags) */
static PyObject *allocate(PyObject *object, PyObject *args)
{
	struct held *self = (struct held *)object;
	struct mmiod_operation *operation;
	struct mmiod_lease *made = NULL;
	unsigned long long length, iova;
	PyObject *class, *result = NULL;
	unsigned int flags;
	int err;

	if (!PyArg_ParseTuple(args, "OKKI:allocate", &class, &length, &iova, &flags))
		return NULL;
	if (!PyType_Check(class) || !PyType_IsSubtype((PyTypeObject *)class, lease_type))
		return PyErr_Format(PyExc_TypeError, "memory is a Lease");
	operation = held_enter(self);
	if (!operation)
		return NULL;
	Py_BEGIN_ALLOW_THREADS err =
		mmiod_operation_allocate(operation, length, iova, flags, &made);
	Py_END_ALLOW_THREADS if (!err) result =
		lease_wrap((PyTypeObject *)class, made, self->client);
	return held_leave(self, err, result);
}

/* ---- how it is ---- */

HELD_GET(masters, int, mmiod_operation_masters, PyBool_FromLong)
HELD_GET(power, enum mmiod_operation_power, mmiod_operation_power, PyLong_FromLong)
HELD_GET(state, enum mmiod_state, mmiod_operation_state, PyLong_FromLong)

static PyObject *identity(PyObject *object, PyObject *none)
{
	struct held *self = (struct held *)object;
	struct mmiod_operation *operation = held_enter(self);
	char text[IDENTITY_MAX] = "";
	int err;

	if (!operation)
		return NULL;
	err = mmiod_operation_identity(operation, text, sizeof(text));
	return held_leave(self, err, PyUnicode_FromString(text));
}

static PyObject *get_rights(PyObject *object, void *closure)
{
	const struct mmiod_operation *operation = ((const struct held *)object)->object;

	if (!operation)
		return PyErr_Format(PyExc_ValueError, "it was given back");
	return PyLong_FromUnsignedLong(mmiod_operation_rights(operation));
}

static PyGetSetDef properties[] = {
	{ "id", held_id, NULL, "The number of the lease; 0: it was handed down, in simulation.",
	  NULL },
	{ "_rights", get_rights, NULL, NULL, NULL },
	{ "closed", held_closed, NULL, "Whether it was given back or closed.", NULL },
	{ 0 },
};

#define CONFIG_METHODS(bits)                                                                      \
	{ "config_read" #bits, config_read##bits, METH_O,                                         \
	  "config_read" #bits                                                                     \
	  "($self, offset, /)\n--\n\nRead the configuration space: one access "                   \
	  "of " #bits                                                                             \
	  " bits, aligned. An Error with EINVAL: misaligned,\nor beyond the end; with "           \
	  "EAGAIN: suspended; Gone: revoked." },                                                  \
	{                                                                                         \
		"config_write" #bits, config_write##bits, METH_VARARGS,                           \
			"config_write" #bits "($self, offset, value, /)\n--\n\nWrite the "        \
			"configuration space: one access of " #bits " bits, aligned. Denied: it " \
			"changes bits\nthat may not be written, or a right is missing, and "      \
			"nothing was written; mmiod_operation(3)\nlists those that may."          \
	}

static PyMethodDef methods[] = {
	{ "_inherited", operation_inherited, METH_VARARGS | METH_CLASS, NULL },
	CONFIG_METHODS(8),
	CONFIG_METHODS(16),
	CONFIG_METHODS(32),
	{ "_find_capability", find_capability, METH_VARARGS, NULL },
	{ "set_master", METHOD(set_master), METH_VARARGS | METH_KEYWORDS,
	  "set_master($self, on, timeout=None)\n--\n\nLet the device master the bus, or no more. "
	  "It "
	  "goes off by itself by a reset and by sleep.\nBusy: somebody else could write registers "
	  "that start DMA; Timeout: it was suspended for longer." },
	{ "reset", METHOD(reset), METH_VARARGS | METH_KEYWORDS,
	  "reset($self, timeout=None)\n--\n\nReset the device, and return how many seconds that "
	  "took: all of it is suspended meanwhile.\nBusy: others use it; Timeout: it was not let "
	  "in "
	  "time; an Error with ENOTTY: it cannot be reset,\nor has not come back." },
	{ "_set_power", set_power, METH_VARARGS, NULL },
	{ "_allocate", allocate, METH_VARARGS, NULL },
	{ "_masters", masters, METH_NOARGS, NULL },
	{ "_power", power, METH_NOARGS, NULL },
	{ "_state", state, METH_NOARGS, NULL },
	{ "identity", identity, METH_NOARGS,
	  "identity($self)\n--\n\nWhat MMIOD_DEVICES names the device file by." },
	{ "fileno", held_fileno, METH_NOARGS,
	  "fileno($self)\n--\n\nThe device file, whose content is the configuration space: "
	  "os.pread() reads it in any pieces.\nPOLLHUP: it was revoked." },
	{ "release", held_release, METH_NOARGS,
	  "release($self)\n--\n\nGive it back now, whoever still has the file." },
	{ "close", held_close, METH_NOARGS,
	  "close($self)\n--\n\nClose the device file, and give it back unless somebody else has "
	  "it." },
	{ 0 },
};

static PyType_Slot slots[] = {
	{ Py_tp_new, operation_new },
	{ Py_tp_dealloc, held_dealloc },
	{ Py_tp_methods, methods },
	{ Py_tp_getset, properties },
	{ 0 },
};

static PyType_Spec spec = {
	.name = "mmiod._ext.Operation",
	.basicsize = sizeof(struct held),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.slots = slots,
};

int operation_add(PyObject *module)
{
	return ext_add_type(module, &spec, &operation_type);
}
