# SPDX-License-Identifier: MIT
# Tests in which system calls and allocations fail: one program for the daemon, one for the library, with wrap.c in place of
# what it wraps. Names beyond that list are the original's.
FAULTS_WRAPPED := malloc calloc realloc reallocarray aligned_alloc strdup strndup asprintf open_memstream free sendmsg send recvmsg recv ioctl close open open64 openat fallocate \
	fopen fopen64 fdopen opendir memfd_create eventfd epoll_create1 socket ftruncate mmap mmap64 accept4 \
	connect poll getsockopt setsockopt epoll_ctl
FAULTS_LINK := $(FAULTS_WRAPPED:%=-Wl,--wrap=%)

FAULTS_DAEMON := $(B)/tests/faults/test-daemon-faults
FAULTS_OBJECTS := $(B)/tests/faults/test-daemon-faults.o $(B)/tests/faults/stand-in.o $(B)/tests/faults/wrap.o
$(FAULTS_OBJECTS): OBJ_FLAGS += $(MMIOD_CFLAGS) -I. -Idaemon -Itests/unit/daemon -Wno-missing-prototypes
$(FAULTS_DAEMON): $(FAULTS_OBJECTS) $(MMIOD_TEST_HELPERS) $(MMIOD_ARCHIVE)
	$(CC) $(CFLAGS) $(LDFLAGS) $(FAULTS_LINK) -o $@ $^ $(MMIOD_LIBS) -lcriterion

# It starts the daemon, in simulation, as a process of its own.
FAULTS_CLIENT := $(B)/tests/faults/test-client-faults
$(B)/tests/faults/test-client-faults.o: OBJ_FLAGS := $(LIB_FLAGS) -I. -Wno-missing-prototypes -DBUILD_DIR='"$(B)"'
$(FAULTS_CLIENT): $(B)/tests/faults/test-client-faults.o $(B)/tests/faults/wrap.o $(B)/libmmiod.a | $(B)/mmiod
	$(CC) $(CFLAGS) $(LDFLAGS) $(FAULTS_LINK) -o $@ $^ -lcriterion

UNIT_TESTS += $(FAULTS_DAEMON) $(FAULTS_CLIENT)
