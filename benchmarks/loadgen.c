/* A closed-loop HTTP/1.1 POST load generator for loopback: one thread, epoll, keep-alive connections.
 *
 * It costs little processor time per request, so that on two cores the server has one and a half. Usage:
 *
 *   loadgen PORT PATH KEY POOL CONNECTIONS n:COUNT|s:SECONDS ENCODING|- RATE FIRST
 *
 * POOL is a file of bodies, each behind its length as a 32-bit little-endian number; they are sent in turn, from number
 * FIRST on. RATE is requests per second over all connections, 0 for as fast as answers come. Prints one JSON object;
 * latencies are milliseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct request { char *bytes; size_t size; };
struct connection {
    int fd;
    int busy;
    size_t sent, received, wanted;
    const struct request *request;
    double started;
    char reply[16384];
};

static int port, epoll;
static struct request *pool;
static size_t pool_size, next_request;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void fail(const char *what) {
    perror(what);
    exit(2);
}

static void open_connection(struct connection *c) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    for (int attempt = 0; connect(c->fd, (void *)&address, sizeof address); attempt++) {
        if (attempt == 400) fail("connect");
        usleep(5000);
    }
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &interest);
}

/* Send what is left of the request; ask to be woken when the socket takes no more. */
static void pump(struct connection *c) {
    while (c->sent < c->request->size) {
        ssize_t n = send(c->fd, c->request->bytes + c->sent, c->request->size - c->sent, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN) return;
            struct epoll_event both = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
            epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &both);
            return;
        }
        c->sent += n;
    }
}

static void begin(struct connection *c) {
    c->request = &pool[next_request++ % pool_size];
    c->sent = c->received = c->wanted = 0;
    c->busy = 1;
    c->started = now();
    pump(c);
}

static void load_pool(const char *file, const char *path, const char *key, const char *encoding) {
    FILE *f = fopen(file, "rb");
    if (!f) fail(file);
    uint32_t size;
    while (fread(&size, 4, 1, f) == 1) {
        pool = realloc(pool, (pool_size + 1) * sizeof *pool);
        struct request *r = &pool[pool_size++];
        r->bytes = malloc(size + 800);
        int head = snprintf(r->bytes, 800,
            "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: sentry.python/2.75.0\r\n"
            "Content-Type: %s\r\n%s%s%s"
            "X-Sentry-Auth: Sentry sentry_key=%s, sentry_version=7, sentry_client=sentry.python/2.75.0\r\n"
            "Content-Length: %u\r\n\r\n",
            path, port, strstr(path, "/store/") ? "application/json" : "application/x-sentry-envelope", *encoding == '-' ? "" : "Content-Encoding: ", *encoding == '-' ? "" : encoding,
            *encoding == '-' ? "" : "\r\n", key, size);
        if (fread(r->bytes + head, 1, size, f) != size) fail("pool");
        r->size = head + size;
    }
    fclose(f);
}

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
    if (argc != 10) return fprintf(stderr, "usage: see the head of loadgen.c\n"), 1;
    port = atoi(argv[1]);
    load_pool(argv[4], argv[2], argv[3], argv[7]);
    int connections = atoi(argv[5]);
    double rate = atof(argv[8]);
    next_request = strtoull(argv[9], 0, 10);
    long limit = argv[6][0] == 'n' ? atol(argv[6] + 2) : -1;
    double start = now(), end = argv[6][0] == 's' ? start + atof(argv[6] + 2) : 1e300;

    epoll = epoll_create1(0);
    struct connection *all = calloc(connections, sizeof *all);
    for (int i = 0; i < connections; i++) open_connection(&all[i]);

    size_t room = 1 << 20, done = 0;
    float *latency = malloc(room * sizeof *latency);
    long issued = 0, bad = 0, broken = 0, active = 0;
    int last_bad = 0;
    struct epoll_event events[256];
    start = now();
    if (end < 1e300) end = start + atof(argv[6] + 2);
    for (;;) {
        double t = now();
        int open = (limit < 0 || issued < limit) && t < end;
        if (open) {
            for (int i = 0; i < connections && (limit < 0 || issued < limit); i++) {
                if (all[i].busy) continue;
                if (rate > 0 && issued >= (t - start) * rate) break;
                begin(&all[i]);
                issued++;
                active++;
            }
        } else if (!active) {
            break;
        }
        int n = epoll_wait(epoll, events, 256, rate > 0 ? 1 : 20000);
        if (n == 0 && rate <= 0) {
            fprintf(stderr, "no answer for 20 s\n");
            bad += active;
            break;
        }
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if ((events[i].events & EPOLLOUT) && c->busy) {
                pump(c);
                if (c->sent == c->request->size) {
                    struct epoll_event only = {.events = EPOLLIN, .data.ptr = c};
                    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &only);
                }
            }
            if (!(events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
            ssize_t r = recv(c->fd, c->reply + c->received, sizeof c->reply - 1 - c->received, 0);
            if (r < 0 && errno == EAGAIN) continue;
            if (r <= 0) {
                epoll_ctl(epoll, EPOLL_CTL_DEL, c->fd, 0);
                close(c->fd);
                if (c->busy) { active--; broken++; c->busy = 0; }
                open_connection(c);
                continue;
            }
            c->received += r;
            c->reply[c->received] = 0;
            if (!c->wanted) {
                char *body = strstr(c->reply, "\r\n\r\n");
                char *length = body ? strcasestr(c->reply, "\ncontent-length:") : 0;
                if (length) c->wanted = (body + 4 - c->reply) + atol(length + 16);
            }
            if (!c->wanted || c->received < c->wanted) continue;
            if (done == room) latency = realloc(latency, (room *= 2) * sizeof *latency);
            latency[done++] = (now() - c->started) * 1e3;
            int code = atoi(c->reply + 9);
            if (code < 200 || code > 299) { bad++; last_bad = code; }
            c->busy = 0;
            active--;
            if (rate <= 0 && (limit < 0 || issued < limit) && now() < end) {
                begin(c);
                issued++;
                active++;
            }
        }
    }
    double seconds = now() - start;
    qsort(latency, done, sizeof *latency, by_value);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
#define AT(q) (done ? latency[(size_t)((done - 1) * (q))] : 0)
    printf("{\"done\":%zu,\"bad\":%ld,\"last_bad\":%d,\"broken\":%ld,\"seconds\":%.4f,\"per_second\":%.1f,"
           "\"p50\":%.3f,\"p99\":%.3f,\"most\":%.3f,\"cpu_seconds\":%.3f}\n",
           done, bad, last_bad, broken, seconds, done / seconds, AT(.5), AT(.99), AT(1.0),
           used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6);
    return 0;
}
