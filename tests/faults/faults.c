/* What a machine does to its processes: its clock is set, and its disk has no room. Loaded with LD_PRELOAD, never by the product.

   FAULTS_FILE names a file with the state, which `faults.py` writes while the process runs. Only the clock of the day is moved:
   what counts from the machine's start goes on. As with a real clock, who waits for an hour of the day waits longer when the
   clock is set back meanwhile. A full disk takes no byte into any file; pipes, sockets and free space as reported are unharmed. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define LOOK (50 * 1000000LL) /* how long a wait may overlook that the clock was set, in nanoseconds */

struct state {
    volatile int64_t clock_ns;
    volatile int64_t is_full;
};

static struct state nothing;
static struct state *state = &nothing;

#define REAL(name)                                                                                                             \
    static __typeof__(&name) real;                                                                                             \
    if (!real)                                                                                                                 \
        real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTS_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *mapped = mmap(NULL, sizeof *state, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED)
        state = mapped;
}

/* The clock */

static int64_t nanoseconds(const struct timespec *at) { return at->tv_sec * SECOND + at->tv_nsec; }

static struct timespec moment(int64_t ns) {
    struct timespec at = {ns / SECOND, ns % SECOND};
    return at;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    REAL(clock_gettime);
    int failed = real(clock, at);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        *at = moment(nanoseconds(at) + state->clock_ns);
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}

int timespec_get(struct timespec *at, int base) {
    clock_gettime(CLOCK_REALTIME, at);
    return base;
}

static int64_t now_in(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return nanoseconds(&now);
}

/* A wait until an hour of the day, in steps after each of which the clock is looked at. `*is_whole` says whether this step is
   the last one. */
static struct timespec step(const struct timespec *until, int *is_whole) {
    int64_t left = nanoseconds(until) - now_in(CLOCK_REALTIME);
    *is_whole = left <= LOOK;
    return moment(now_in(CLOCK_MONOTONIC) + (*is_whole ? (left > 0 ? left : 0) : LOOK));
}

int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until) {
    REAL(pthread_cond_clockwait);
    if (clock != CLOCK_REALTIME)
        return real(condition, mutex, clock, until);
    int is_whole;
    struct timespec next = step(until, &is_whole);
    int answer = real(condition, mutex, CLOCK_MONOTONIC, &next);
    /* Who is woken looks again whether it was for him: nobody can be, between two steps. */
    return answer == ETIMEDOUT && !is_whole ? 0 : answer;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
    /* Whose clock a condition has, its deadlines tell: no machine has been running since 2001. */
    clockid_t clock = until->tv_sec > 1000000000 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    return pthread_cond_clockwait(condition, mutex, clock, until);
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until) {
    /* The C library's two kinds of conditions are one. */
    int answer = pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until);
    return answer == 0 ? thrd_success : answer == ETIMEDOUT ? thrd_timedout : thrd_error;
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
    int is_whole;
    do {
        struct timespec next = step(until, &is_whole);
        if (sem_clockwait(semaphore, CLOCK_MONOTONIC, &next) == 0)
            return 0;
    } while (errno == ETIMEDOUT && !is_whole);
    return -1;
}

/* The disk */

static int has_no_room(int file) {
    if (!state->is_full)
        return 0;
    int before = errno;
    struct stat facts;
    int is_file = fstat(file, &facts) == 0 && S_ISREG(facts.st_mode);
    errno = is_file ? ENOSPC : before;
    return is_file;
}

static int would_grow(int file, off_t size) {
    struct stat facts;
    return state->is_full && fstat(file, &facts) == 0 && S_ISREG(facts.st_mode) && size > facts.st_size;
}

#define WRITING(answer, name, parameters, file, arguments)                                                                     \
    answer name parameters {                                                                                                   \
        REAL(name);                                                                                                            \
        return has_no_room(file) ? -1 : real arguments;                                                                        \
    }

WRITING(ssize_t, write, (int file, const void *bytes, size_t count), file, (file, bytes, count))
WRITING(ssize_t, pwrite, (int file, const void *bytes, size_t count, off_t at), file, (file, bytes, count, at))
WRITING(ssize_t, pwrite64, (int file, const void *bytes, size_t count, off64_t at), file, (file, bytes, count, at))
WRITING(ssize_t, writev, (int file, const struct iovec *parts, int count), file, (file, parts, count))
WRITING(ssize_t, pwritev, (int file, const struct iovec *parts, int count, off_t at), file, (file, parts, count, at))
WRITING(ssize_t, pwritev64, (int file, const struct iovec *parts, int count, off64_t at), file, (file, parts, count, at))

#define GROWING(name, parameters, size, arguments, refused)                                                       \
    int name parameters {                                                                                                      \
        REAL(name);                                                                                                            \
        if (!would_grow(file, size))                                                                                           \
            return real arguments;                                                                                             \
        errno = ENOSPC;                                                                                                        \
        return refused;                                                                                                        \
    }

GROWING(ftruncate, (int file, off_t size), size, (file, size), -1)
GROWING(ftruncate64, (int file, off64_t size), size, (file, size), -1)
GROWING(fallocate, (int file, int mode, off_t at, off_t size), at + size, (file, mode, at, size), -1)
GROWING(fallocate64, (int file, int mode, off64_t at, off64_t size), at + size, (file, mode, at, size), -1)
GROWING(posix_fallocate, (int file, off_t at, off_t size), at + size, (file, at, size), ENOSPC)
GROWING(posix_fallocate64, (int file, off64_t at, off64_t size), at + size, (file, at, size), ENOSPC)
