#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/daemon.h"

enum { LOCAL = 1, STATE = 3, INODE = 9, FIELDS };
enum { TCP_LISTENS = 0x0a, UDP_BOUND = 0x07 }; /* as /proc/net has them */

/* The inode of the socket that a line is about, when that has the port and waits for packets; else 0. */
static unsigned long socket_of_line(char *line, uint16_t port)
{
	char *field[FIELDS], *rest = line;
	for (size_t i = 0; i < FIELDS; i++)
		if ((field[i] = strtok_r(NULL, " ", &rest)) == NULL)
			return 0;
	const char *colon = strrchr(field[LOCAL], ':');
	unsigned long state = strtoul(field[STATE], NULL, 16);
	if (colon == NULL || strtoul(colon + 1, NULL, 16) != port ||
	    (state != TCP_LISTENS && state != UDP_BOUND))
		return 0;
	return strtoul(field[INODE], NULL, 10);
}

/* From one of the tables in /proc/net; 0: nobody has the port. */
static unsigned long socket_of(const char *table, uint16_t port)
{
	char path[64], line[512];
	snprintf(path, sizeof(path), "/proc/net/%s", table);
	FILE *f = fopen(path, "re");
	unsigned long inode = 0;
	while (f != NULL && inode == 0 && fgets(line, sizeof(line), f) != NULL)
		inode = socket_of_line(line, port);
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
	for (const struct dirent *e = fds == NULL ? NULL : readdir(fds); e != NULL && !found;
	     e = readdir(fds)) {
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
