#define _GNU_SOURCE  // strcasestr
// The program inside the test images: a small HTTP server with one thread per connection.
//
//   /              WEB_STATUS (200) and WEB_BODY ("ok")
//   /env           the environment as a JSON object        /headers   the request's head, as it came
//   /echo          the request's body                      /slow?MS   answers after MS milliseconds, without a thread
//   /events?N      N server-sent events, one every 20 ms   /ws        101, then echoes every byte
//   /exit?CODE     ends the program                        /log?TEXT  writes TEXT to standard output
//   /redirect?URL  302 to URL                              /healthz   200, whatever WEB_STATUS says
//
// WEB_EXIT=CODE ends it at once; WEB_DELAY=MS listens only after that time.
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static const char *setting(const char *name, const char *fallback) {
    const char *value = getenv(name);
    return value && *value ? value : fallback;
}

static void pause_ms(long ms) {
    struct timespec t = {ms / 1000, (ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

static int send_all(int fd, const char *bytes, size_t n) {
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0) return -1;
        bytes += sent;
        n -= (size_t)sent;
    }
    return 0;
}

static int answer(int fd, int status, const char *extra, const char *type, const char *body, size_t n) {
    char head[1024];
    int length = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n", status, type, n, extra);
    return send_all(fd, head, (size_t)length) == 0 ? send_all(fd, body, n) : -1;
}

static size_t environment_json(char *out, size_t limit) {
    size_t n = 0;
    out[n++] = '{';
    for (char **entry = environ; *entry; entry++) {
        const char *equals = strchr(*entry, '=');
        if (!equals || n + 6 * strlen(*entry) + 16 > limit) continue;
        if (n > 1) out[n++] = ',';
        n += (size_t)sprintf(out + n, "\"%.*s\":\"", (int)(equals - *entry), *entry);
        for (const char *c = equals + 1; *c; c++) {
            if (*c == '"' || *c == '\\') n += (size_t)sprintf(out + n, "\\%c", *c);
            else if ((unsigned char)*c < 32) n += (size_t)sprintf(out + n, "\\u%04x", *c);
            else out[n++] = *c;
        }
        out[n++] = '"';
    }
    out[n++] = '}';
    return n;
}

// Reads the body after `have` bytes of it, to a buffer of the caller's to free. Content-Length and chunked.
static char *read_body(int fd, const char *head, const char *start, size_t have, size_t *size) {
    const char *length = strcasestr(head, "\r\ncontent-length:");
    const char *chunked = strcasestr(head, "\r\ntransfer-encoding: chunked");
    size_t want = length ? strtoul(length + 17, NULL, 10) : 0, room = have + want + 65536, raw = have;
    char *buffer = malloc(room + 1);
    memcpy(buffer, start, have);
    while (chunked ? !(raw >= 5 && memcmp(buffer + raw - 5, "0\r\n\r\n", 5) == 0) : raw < want) {
        if (raw == room) buffer = realloc(buffer, (room *= 2) + 1);
        ssize_t got = recv(fd, buffer + raw, room - raw, 0);
        if (got <= 0) break;
        raw += (size_t)got;
    }
    *size = raw;
    if (chunked) {
        size_t out = 0, at = 0;
        buffer[raw] = 0;
        for (;;) {
            char *end;
            size_t piece = strtoul(buffer + at, &end, 16);
            at = (size_t)(end - buffer) + 2;
            if (piece == 0 || at + piece > raw) break;
            memmove(buffer + out, buffer + at, piece);
            out += piece;
            at += piece + 2;
        }
        *size = out;
    }
    return buffer;
}

// Requests that wait: one thread answers them all, so that a limit on processes does not limit them.
static struct { int fd; struct timespec due; } waiting[4096];
static int waiting_count;
static pthread_mutex_t waiting_lock = PTHREAD_MUTEX_INITIALIZER;

static int answer_later(int fd, long ms) {
    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    due.tv_sec += ms / 1000;
    due.tv_nsec += (ms % 1000) * 1000000;
    if (due.tv_nsec >= 1000000000) due.tv_sec++, due.tv_nsec -= 1000000000;
    pthread_mutex_lock(&waiting_lock);
    int taken = waiting_count < 4096;
    if (taken) {
        waiting[waiting_count].fd = fd;
        waiting[waiting_count++].due = due;
    }
    pthread_mutex_unlock(&waiting_lock);
    return taken;
}

static void *answer_waiting(void *unused) {
    (void)unused;
    for (;;) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        pthread_mutex_lock(&waiting_lock);
        for (int i = 0; i < waiting_count;) {
            if (waiting[i].due.tv_sec > now.tv_sec || (waiting[i].due.tv_sec == now.tv_sec && waiting[i].due.tv_nsec > now.tv_nsec)) {
                i++;
                continue;
            }
            answer(waiting[i].fd, 200, "Connection: close\r\n", "text/plain", "slow", 4);
            close(waiting[i].fd);
            waiting[i] = waiting[--waiting_count];
        }
        pthread_mutex_unlock(&waiting_lock);
        pause_ms(10);
    }
    return NULL;
}

static int serve_request(int fd, char *head, const char *rest, size_t have) {
    char method[16] = "", target[4096] = "";
    sscanf(head, "%15s %4095s", method, target);
    char *query = strchr(target, '?');
    if (query) *query++ = 0;
    const char *argument = query ? query : "";
    const char *last = strrchr(target, '/');
    const char *path = last ? last : target;
    size_t size = 0;
    char *body = read_body(fd, head, rest, have, &size);
    int result = 0;
    if (strcmp(path, "/env") == 0) {
        char *json = malloc(262144);
        result = answer(fd, 200, "", "application/json", json, environment_json(json, 262144));
        free(json);
    } else if (strcmp(path, "/headers") == 0) {
        result = answer(fd, 200, "", "text/plain", head, strlen(head));
    } else if (strcmp(path, "/echo") == 0) {
        result = answer(fd, 200, "", "application/octet-stream", body, size);
    } else if (strcmp(path, "/slow") == 0) {
        result = answer_later(fd, atol(argument)) ? 1 : -1;
    } else if (strcmp(path, "/events") == 0) {
        const char *start = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
        result = send_all(fd, start, strlen(start));
        for (int i = 0; i < atoi(argument) && result == 0; i++) {
            char event[64];
            int n = snprintf(event, sizeof event, "data: %d\n\n", i);
            result = send_all(fd, event, (size_t)n);
            pause_ms(20);
        }
        result = -1;
    } else if (strcmp(path, "/ws") == 0) {
        const char *start = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        result = send_all(fd, start, strlen(start));
        char piece[4096];
        ssize_t got;
        while (result == 0 && (got = recv(fd, piece, sizeof piece, 0)) > 0) result = send_all(fd, piece, (size_t)got);
        result = -1;
    } else if (strcmp(path, "/exit") == 0) {
        answer(fd, 200, "", "text/plain", "bye", 3);
        exit(atoi(argument));
    } else if (strcmp(path, "/log") == 0) {
        printf("%s\n", argument);
        result = answer(fd, 200, "", "text/plain", "logged", 6);
    } else if (strcmp(path, "/redirect") == 0) {
        char location[4200];
        snprintf(location, sizeof location, "Location: %s\r\n", argument);
        result = answer(fd, 302, location, "text/plain", "", 0);
    } else if (strcmp(path, "/healthz") == 0) {
        result = answer(fd, 200, "", "text/plain", "healthy", 7);
    } else {
        const char *text = setting("WEB_BODY", "ok");
        result = answer(fd, atoi(setting("WEB_STATUS", "200")), "", "text/plain", text, strlen(text));
    }
    free(body);
    return result;
}

static void *serve(void *argument) {
    int fd = (int)(long)argument;
    char head[32768];
    size_t have = 0;
    for (;;) {
        char *end;
        head[have] = 0;
        while (!(end = strstr(head, "\r\n\r\n")) && have < sizeof head - 1) {
            ssize_t got = recv(fd, head + have, sizeof head - 1 - have, 0);
            if (got <= 0) goto done;
            have += (size_t)got;
            head[have] = 0;
        }
        if (!end) break;
        size_t length = (size_t)(end - head) + 4;
        char *copy = strndup(head, length);
        int result = serve_request(fd, copy, head + length, have - length);
        free(copy);
        if (result > 0) return NULL;  // the connection has gone to the thread that waits
        if (result != 0) break;
        have = 0;
    }
done:
    close(fd);
    return NULL;
}

static void on_term(int signal) {
    (void)signal;
    _exit(0);
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGTERM, on_term);
    signal(SIGPIPE, SIG_IGN);
    if (getenv("WEB_EXIT")) {
        fprintf(stderr, "leaving early\n");
        return atoi(getenv("WEB_EXIT"));
    }
    pause_ms(atol(setting("WEB_DELAY", "0")));
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(setting("WEB_PORT", "8080")))};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 1024) != 0) {
        perror("listen");
        return 1;
    }
    pthread_t waiter;
    pthread_create(&waiter, NULL, answer_waiting, NULL);
    printf("listening\n");
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) continue;
        pthread_t thread;
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 1 << 18);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        while (pthread_create(&thread, &attributes, serve, (void *)(long)fd) != 0) pause_ms(1);
    }
}
