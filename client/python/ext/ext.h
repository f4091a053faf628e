/* SPDX-License-Identifier: MIT */
/*
 * mmiod._ext: the library's objects as Python objects, for the modules in Python beside it and
 * nobody else. By Python's limited API of 3.11, so that one file serves every later version.
 *
 * An object of the library is used by one thread at a time: each client has a lock, which the calls
 * on it and on its leases take with the interpreter's lock released. Mappings need none.
 */
#ifndef MMIOD_EXT_H
#define MMIOD_EXT_H

#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <mmiod/mmiod.h>
#include <stdbool.h>

/* ---- client.c ---- */

struct client {
	PyObject ob_base;
	struct mmiod_client *client; /* NULL: closed */
	PyThread_type_lock lock;
};

extern PyTypeObject *client_type;
int client_add(PyObject *module);
void client_lock(struct client *client);
/* NULL, with an exception, when it is closed. Else client_leave() follows. */
struct mmiod_client *client_enter(struct client *client);
void client_leave(struct client *client);

/* ---- lease.c ---- */

struct lease {
	PyObject ob_base;
	struct mmiod_lease *lease; /* NULL: given back */
	struct client *client; /* NULL: it was adopted */
};

extern PyTypeObject *lease_type;
int lease_add(PyObject *module);
/* The keywords that say what is wanted, as Lease(), Wait() and both of its like take them. */
int lease_want(PyObject *args, PyObject *kwargs, struct client **client, struct mmiod_want *want,
	       struct mmiod_register_write writes[8]);
PyObject *lease_wrap(PyTypeObject *type, struct mmiod_lease *made, struct client *client);
/* One of the lease's calls: NULL, with an exception, when it was given back. */
struct mmiod_lease *lease_enter(struct lease *lease);
/* Returns None, or raises what @err and the sentence say. */
PyObject *lease_leave(struct lease *lease, int err);

/* ---- held.c: what is leased of a device beside its memory ---- */

/* Of its kind: the functions of the library that end it and tell of it. */
struct held_kind {
	void (*end)(void *object);
	int (*give_back)(void *object);
	int (*file)(const void *object);
	uint64_t (*lease)(const void *object);
};

struct held {
	PyObject ob_base;
	const struct held_kind *kind;
	void *object; /* the library's; NULL: given back */
	struct client *client; /* NULL: it was handed down */
	unsigned int waiting; /* threads that poll its file, which must stay open */
};

/* An object of @type around @object, which it takes over, even if it is NULL then, with an exception. */
PyObject *held_wrap(PyTypeObject *type, const struct held_kind *kind, void *object,
		    struct client *client);
/* One of its calls: NULL, with an exception, when it was given back. Else held_leave() follows. */
void *held_enter(struct held *held);
/* Raises what @err and the sentence say, or gives @result, which it takes over. */
PyObject *held_leave(struct held *held, int err, PyObject *result);
/* Of one that is there; -1, with an exception: it was given back. */
int held_file(const struct held *held);

/* For the tables of types: methods without arguments, properties, and the end of all. */
PyObject *held_release(PyObject *held, PyObject *none);
PyObject *held_close(PyObject *held, PyObject *none);
PyObject *held_fileno(PyObject *held, PyObject *none);
PyObject *held_id(PyObject *held, void *closure);
PyObject *held_closed(PyObject *held, void *closure);
void held_dealloc(PyObject *held);

/* A method without arguments: what a function of the library answers by its second one. */
#define HELD_GET(name, type, function, convert)                 \
	static PyObject *name(PyObject *object, PyObject *none) \
	{                                                       \
		struct held *self = (struct held *)object;      \
		void *held = held_enter(self);                  \
		type answer = 0;                                \
		int err;                                        \
                                                                \
		if (!held)                                      \
			return NULL;                            \
		err = function(held, &answer);                  \
		return held_leave(self, err, convert(answer));  \
	}

/* ---- interrupt.c, operation.c, device.c ---- */

int interrupt_add(PyObject *module);
int operation_add(PyObject *module);
PyObject *client_devices(PyObject *client, PyObject *none);

/* ---- number.c ---- */

/* An unsigned number of at most so many bits. -1: an exception, OverflowError if it does not fit. */
int number_read(PyObject *number, unsigned int bits, unsigned int *value);

/* ---- deadline.c ---- */

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t deadline_now(void);
/* So many seconds from now, as a float; NULL and None: in more than a lifetime. -1: an exception. */
int deadline_read(PyObject *seconds, uint64_t *deadline);
/* What is left, rounded up, for poll(). */
int deadline_left_ms(uint64_t deadline);

/* ---- access.c: mediated access, methods of leases ---- */

PyObject *access_read(PyObject *lease, PyObject *args);
PyObject *access_write(PyObject *lease, PyObject *args);
PyObject *access_fill(PyObject *lease, PyObject *args);
PyObject *access_copy_from(PyObject *lease, PyObject *args);
PyObject *access_copy_to(PyObject *lease, PyObject *args);

/* ---- wait.c ---- */

int wait_add(PyObject *module);

/* ---- mapping.c ---- */

int mapping_add(PyObject *module);

/* ---- error.c ---- */

int error_add(PyObject *module);
/* Raise what goes with @err, a negative errno. Returns NULL. */
PyObject *error_raise(int err, const char *sentence);
/* Of a failed mmiod_client_connect(): whatever it is, there is no daemon to talk to. */
PyObject *error_raise_connect(int err);

#define METHOD(function) ((PyCFunction)(void (*)(void))(function))

/* Adds a type to the module, and keeps it. */
int ext_add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **type);

#endif
