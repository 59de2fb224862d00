#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/daemon.h"

/* The inode of the socket that is bound to the port, from one of the tables in /proc/net; 0: none. */
static unsigned long socket_of(const char *table, uint16_t port)
{
	char path[64], line[512];
	snprintf(path, sizeof(path), "/proc/net/%s", table);
	FILE *f = fopen(path, "re");
	unsigned long inode = 0;
	while (f != NULL && inode == 0 && fgets(line, sizeof(line), f) != NULL) {
		unsigned at_port, state;
		unsigned long at_inode;
		/* sl local:port remote:port state queues timers retransmits uid timeout inode; 0A listens, 07 is UDP's */
		if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*d %lu", &at_port,
			   &state, &at_inode) == 3 &&
		    at_port == port && (state == 0x0a || state == 0x07))
			inode = at_inode;
	}
	if (f != NULL)
		fclose(f);
	return inode;
}

static bool has_socket(const char *pid, const char *link)
{
	char path[300], target[64];
	bool found = false;
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	DIR *fds = opendir(path);
	for (const struct dirent *e = fds == NULL ? NULL : readdir(fds); e != NULL && !found; e = readdir(fds)) {
		ssize_t len = readlinkat(dirfd(fds), e->d_name, target, sizeof(target) - 1);
		found = len > 0 && (size_t)len == strlen(link) && memcmp(target, link, (size_t)len) == 0;
	}
	if (fds != NULL)
		closedir(fds);
	return found;
}

static void name_of(const char *pid, char *out, size_t cap)
{
	char path[300], name[32] = "a process";
	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	FILE *f = fopen(path, "re");
	if (f != NULL && fgets(name, sizeof(name), f) != NULL)
		name[strcspn(name, "\n")] = 0;
	if (f != NULL)
		fclose(f);
	snprintf(out, cap, "%s (process %s)", name, pid);
}

const char *daemon_port_user(uint8_t transport, uint16_t port, char *out, size_t cap)
{
	char link[40];
	out[0] = 0;
	unsigned long inode = socket_of(transport == IKE_TCP ? "tcp" : "udp", port);
	if (inode == 0)
		inode = socket_of(transport == IKE_TCP ? "tcp6" : "udp6", port);
	if (inode == 0)
		return out;
	snprintf(link, sizeof(link), "socket:[%lu]", inode);
	DIR *proc = opendir("/proc");
	for (const struct dirent *e = proc == NULL ? NULL : readdir(proc); e != NULL; e = readdir(proc)) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9' || !has_socket(e->d_name, link))
			continue;
		name_of(e->d_name, out, cap);
		break;
	}
	if (proc != NULL)
		closedir(proc);
	return out;
}
